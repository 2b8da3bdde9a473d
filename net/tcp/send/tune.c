/*
 * A send buffer that tunes itself between named bounds (net.h's limits): it follows the congestion
 * window, one window under way and one to follow it. It only grows, and only while the packet pool
 * is far from short; one whose size the owner chose is left alone.
 */
#include "net/tcp/block/pressure.h"
#include "net/tcp/send/send.h"

/* Only for a writer that was made to wait: for the others the buffer is large enough. */
void tcp_tune_send(struct tcp_cb *t)
{
    const struct net *n = t->net;
    const struct pkt_pool *pool = n->cfg.tx_pool;
    if ((n->cfg.tcp_off & NET_TCP_OFF_TUNING) || t->opt.sndbuf_fixed || !t->snd.blocked ||
        t->cc.cwnd <= t->snd.buf_bytes / 2) {
        return;
    }
    uint32_t most = min_u32(n->cfg.limits.tcp_sndbuf_max_bytes, tcp_pool_share_bytes(pool));
    uint32_t want = (uint32_t)min_u64(2 * (uint64_t)t->cc.cwnd, most);
    if (want > t->snd.buf_bytes && !tcp_pool_below(pool, n->cfg.tx_reserve, TCP_GROW_FRACTION)) {
        t->snd.buf_bytes = want;
    }
}
