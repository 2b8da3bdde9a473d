/*
 * The table of transports: see ipv4.h.
 */
#include "net/ip/int.h"
#include "net/stack.h"

const struct ip_protocol *ipv4_find_protocol(const struct net *n, uint8_t number)
{
    const struct ipv4 *ip = &n->ip;
    for (uint32_t i = 0; i < ip->protocol_count; i++) {
        if (ip->protocols[i].number == number) {
            return &ip->protocols[i];
        }
    }
    return NULL;
}

bool ipv4_add_protocol(struct net *n, const struct ip_protocol *p)
{
    struct ipv4 *ip = &n->ip;
    assert(p->input != NULL);
    if (ip->protocol_count == IP_PROTOCOLS_MAX || ipv4_find_protocol(n, p->number) != NULL) {
        return false;
    }
    ip->protocols[ip->protocol_count++] = *p;
    return true;
}
