/*
 * Timestamps (RFC 7323 3 to 5): our clock, what is echoed, and protection against wrapped sequence
 * numbers. The options' bytes are wire/tcp.c's; what a sample does to the timeout is loss/rtt.c's.
 */
#include "net/tcp/recv/int.h"

/*
 * RFC 7323 5.4 and 7.1: the clock starts elsewhere for each pair of hosts, so that it tells neither
 * how long we run nor anything about others; it is the same for all connections of a pair, so that
 * a new one is later than an old one (RFC 6191).
 */
uint32_t tcp_ts_offset(const struct net *n, uint32_t laddr, uint32_t raddr)
{
    if (n->cfg.tcp_ts_fixed) {
        return n->cfg.tcp_ts_start;
    }
    return (uint32_t)net_hash_tuple(&n->random, NET_HASH_TIMESTAMP, laddr, 0, raddr, 0);
}

uint32_t tcp_ts_now(const struct net *n, uint32_t offset)
{
    return tcp_ts_at(n->now_ns, offset);
}

/* Adds what a segment of t carries: TSval and TSecr (3.2), nothing when they were not agreed on. */
void tcp_ts_fill(const struct tcp_cb *t, struct tcp_options *o)
{
    o->has_timestamps = t->ts.on;
    if (t->ts.on) {
        o->ts_val = tcp_ts_now(t->net, t->ts.offset);
        o->ts_ecr = t->ts.recent;
    }
}

void tcp_ts_begin(struct tcp_cb *t, const struct tcp_options *o, uint32_t offset)
{
    t->ts.on = o->has_timestamps && !(t->net->cfg.tcp_off & NET_TCP_OFF_TIMESTAMPS);
    t->ts.offset = offset;
    tcp_ts_renew(t, o->ts_val);
}

/* 5.5: after 24 days without a segment TS.Recent proves nothing any more. */
static bool recent_valid(const struct tcp_cb *t)
{
    return t->net->now_ns - t->ts.recent_ns < TCP_PAWS_IDLE_S * NS_PER_S;
}

/*
 * 5.3 R1: is the segment an old duplicate? Never true of a RST (5.2), nor of a segment without a
 * timestamp. RFC 7323 3.2 would have one of those dropped (SHOULD): but hosts that agree on them
 * and then leave them out, of keepalives or of everything, exist, and would never hear from us
 * again. So they are taken as they are on a connection without timestamps, where RFC 5961's checks
 * do; and nothing is learnt from what is not there.
 */
bool tcp_paws_rejects(const struct tcp_cb *t, const struct tcp_segment *seg)
{
    if (!t->ts.on || !seg->options.has_timestamps || (seg->flags & TCP_RST)) {
        return false;
    }
    return seq_lt(seg->options.ts_val, t->ts.recent) && recent_valid(t);
}

/* 5.3 R3 (4.3 has the reason): only from a segment that reaches back to the last ACK we sent, so
 * that what is echoed belongs to what is acknowledged. */
void tcp_ts_take(struct tcp_cb *t, const struct tcp_segment *seg)
{
    if (!t->ts.on || !seq_le(seg->seq, t->rcv.acked)) {
        return;
    }
    if (unlikely(!seg->options.has_timestamps)) {
        NET_COUNT(t->net, tcp_rx_no_timestamp);
        return;
    }
    if (seq_ge(seg->options.ts_val, t->ts.recent) || !recent_valid(t)) {
        tcp_ts_renew(t, seg->options.ts_val);
    }
}

/*
 * The round trip that the echo in seg tells of, in ns; 0: none. It holds for segments sent twice as
 * well (4.1), but only to the millisecond: a plain measurement is better where there is one.
 */
uint64_t tcp_ts_rtt_ns(const struct tcp_cb *t, const struct tcp_segment *seg)
{
    if (!t->ts.on || !seg->options.has_timestamps || seg->options.ts_ecr == 0) {
        return 0;
    }
    uint32_t ms = tcp_ts_now(t->net, t->ts.offset) - seg->options.ts_ecr;
    /* A peer may write what it likes: an echo from the future, or older than any timeout, is none.
     */
    if (ms > TCP_RTO_MAX_MS) {
        return 0;
    }
    return max_u64(tcp_ms(ms), NS_PER_US);
}
