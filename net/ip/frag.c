/*
 * Cutting what is larger than the MTU into fragments (RFC 791 3.2). Most is cut already when it
 * comes here: by UDP, or by who sent the echo request that is answered.
 */
#include "net/core/core.h"
#include "net/ip/int.h"
#include "net/stack.h"
#include "net/wire/eth.h"

size_t ipv4_fragment_bytes(const struct net *n, size_t left)
{
    size_t room = n->cfg.mtu - IPV4_HEADER_BYTES;
    return left <= room ? left : room - room % IPV4_FRAGMENT_UNIT_BYTES;
}

/* Can each buffer of p become a fragment as it is? */
static bool is_cut_well(const struct net *n, const struct pkt *p)
{
    size_t room = n->cfg.mtu - IPV4_HEADER_BYTES;
    bool ethernet = n->cfg.link == NET_LINK_ETHERNET;
    size_t headroom = IPV4_HEADER_BYTES + (ethernet ? ETH_HEADER_BYTES : 0);
    for (; p != NULL; p = p->frag) {
        size_t len = pkt_len(p);
        bool is_whole = p->frag == NULL || len % IPV4_FRAGMENT_UNIT_BYTES == 0;
        if (len == 0 || len > room || !is_whole || pkt_headroom(p) < headroom || pkt_shared(p)) {
            return false;
        }
    }
    return true;
}

/* A copy of p in buffers that can become fragments; NULL when there are too few. */
static struct pkt *copy_cut(struct net *n, const struct pkt *p)
{
    struct pkt *copy = NULL;
    struct pkt **at = &copy;
    size_t total = pkt_total(p);
    for (size_t done = 0; done < total; at = &(*at)->frag) {
        size_t len = ipv4_fragment_bytes(n, total - done);
        *at = net_alloc_tx(n, false);
        if (*at == NULL) {
            pkt_put(copy);
            return NULL;
        }
        done += pkt_copy(p, done, pkt_append(*at, len), len);
    }
    return copy;
}

struct pkt *ipv4_cut(struct net *n, struct pkt *p)
{
    assert(pkt_total(p) <= IPV4_PAYLOAD_MAX_BYTES);
    if (is_cut_well(n, p)) {
        return p;
    }
    struct pkt *copy = copy_cut(n, p);
    pkt_put(p);
    return copy;
}
