/*
 * Initial sequence numbers (RFC 6528): a clock, and on top of it a secret of each 4-tuple, so that
 * nobody off the path can guess one from another.
 */
#include "net/tcp/block/block.h"

/* F of RFC 6528 3: where the numbers of one tuple start, known to nobody else. */
uint32_t tcp_iss_secret(const struct net *n, const struct tcp_tuple *id)
{
    if (n->cfg.tcp_isn_fixed) {
        return n->cfg.tcp_isn;
    }
    return (uint32_t)net_hash_tuple(&n->random, NET_HASH_ISN, id->laddr, id->lport, id->raddr,
                                    id->rport);
}

/* RFC 6528 3: ISN = M + F(tuple, secret), M a 4 us clock. */
uint32_t tcp_new_iss(const struct net *n, const struct tcp_tuple *id)
{
    uint32_t clock = n->cfg.tcp_isn_fixed ? 0 : (uint32_t)(n->now_ns / TCP_ISS_TICK_NS);
    return clock + tcp_iss_secret(n, id);
}
