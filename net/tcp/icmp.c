/*
 * What comes from beside: ICMP errors about our segments (RFC 9293 3.9.2.2, RFC 5461, RFC 5927) and
 * the loss of our address.
 */
#include "net/tcp/tcp.h"

#include "net/tcp/life/life.h"
#include "net/tcp/open/open.h"
#include "net/tcp/root.h"
#include "net/tcp/send/send.h"

#include "kernel/bytes.h"

#include <errno.h>

/* The error that the message stands for; 0: none (source quench, RFC 6633, and others). */
static int error_of(const struct icmp_error *e)
{
    if (e->type == ICMP_TIME_EXCEEDED || e->type == ICMP_PARAMETER) {
        return EHOSTUNREACH;
    }
    if (e->type != ICMP_UNREACHABLE) {
        return 0;
    }
    switch (e->code) {
    case ICMP_UNREACHABLE_PROTOCOL:
    case ICMP_UNREACHABLE_PORT:
        return ECONNREFUSED;
    case ICMP_UNREACHABLE_NET:
        return ENETUNREACH;
    default:
        return EHOSTUNREACH;
    }
}

/* RFC 9293 3.9.2.2: protocol and port unreachable are hard (SHLD-26). Net, host and source route
 * failed are soft, and end a connection attempt all the same, against MUST-56, as connect()'s
 * callers expect (RFC 5461; docs/tcp.md has more). Time exceeded and parameter problem do not. */
static bool ends_attempt(const struct icmp_error *e)
{
    return e->type == ICMP_UNREACHABLE;
}

/* The connection whose segment, still unacknowledged, is quoted (RFC 5927 4.1); else NULL. */
static struct tcp_cb *find_quoted(struct net *n, const struct icmp_error *e)
{
    struct tcp_tuple id = {.laddr = e->quoted_src,
                           .raddr = e->quoted_dst,
                           .lport = load_be16(e->quoted),
                           .rport = load_be16(e->quoted + 2)};
    uint32_t seq = load_be32(e->quoted + 4);
    struct tcp_node *node = tcp_lookup(n, &id);
    if (node == NULL || node->kind != TCP_NODE_CB) {
        return NULL;
    }
    struct tcp_cb *t = container_of(node, struct tcp_cb, node);
    return seq_ge(seq, t->snd.una) && seq_lt(seq, t->snd.nxt) ? t : NULL;
}

void tcp_icmp_error(struct net *n, const struct icmp_error *e)
{
    struct tcp_cb *t = find_quoted(n, e);
    int error = error_of(e);
    if (t == NULL || error == 0) {
        NET_COUNT(n, tcp_icmp_ignored);
        return;
    }
    if (e->type == ICMP_UNREACHABLE && e->code == ICMP_UNREACHABLE_FRAG_NEEDED) {
        if (tcp_synchronized(t)) {
            (void)tcp_do_due(t, tcp_pmtu_message(t, e->mtu, e->quoted_bytes));
        }
        return;
    }
    if (t->state == TCP_SYN_SENT && ends_attempt(e)) {
        NET_COUNT(n, tcp_icmp_hard);
        tcp_end(t, error);
        return;
    }
    NET_COUNT(n, tcp_icmp_soft); /* MUST-47: told only if the connection gives up */
    tcp_set_soft_error(t, error);
}

/* What our own ARP found out cannot be forged, and is no passing trouble of a path: as on Linux and
 * BSD connect() fails with it. */
void tcp_neighbour_absent(struct net *n, const struct icmp_error *e)
{
    struct tcp_cb *t = find_quoted(n, e);
    if (t == NULL) {
        return; /* an answer to a SYN, or a connection that ended meanwhile */
    }
    if (t->state == TCP_SYN_SENT) {
        tcp_end(t, EHOSTUNREACH);
    } else {
        tcp_set_soft_error(t, EHOSTUNREACH);
    }
}

static void end_stale(struct net *n, struct tcp_cb *t)
{
    uint32_t ours = n->iface.address;
    bool listening = t->state == TCP_LISTEN;
    bool wired = list_linked(&t->node.bucket);
    if (!listening && wired && t->node.id.laddr != ours) {
        NET_COUNT(n, tcp_aborts);
        tcp_end(t, ENETDOWN); /* no RST: it would leave with an address that is not ours */
    }
}

/* Connections from an address that is not ours any more can hear nothing. Listeners stay: bound to
 * any address they serve the new one. */
void tcp_address_changed(struct net *n)
{
    struct tcp *tcp = &n->tcp;
    uint32_t ours = n->iface.address;
    struct list *it;
    struct list *tmp;
    list_for_each_safe (it, tmp, &tcp->half_age) {
        struct tcp_half *half = list_entry(it, struct tcp_half, age);
        if (half->node.id.laddr != ours) {
            tcp_half_free(n, half);
        }
    }
    list_for_each_safe (it, tmp, &tcp->time_wait_age) {
        struct tcp_time_wait *w = list_entry(it, struct tcp_time_wait, age);
        if (w->node.id.laddr != ours) {
            tcp_time_wait_free(n, w);
        }
    }
    list_for_each_safe (it, tmp, &tcp->all) {
        end_stale(n, list_entry(it, struct tcp_cb, all)); /* ends no other one */
    }
}
