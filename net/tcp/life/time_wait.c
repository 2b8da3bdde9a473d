/*
 * TIME-WAIT in 80 bytes (RFC 9293 3.3.2, 3.4.2, 3.10.7.4): the four names, where both streams
 * ended, what the answers carry, and a deadline. All records last equally long, so that one list in
 * order of age and one timer serve them all; when the pool is used up the oldest one is recycled.
 * What is answered to what stands as a table in docs/tcp.md.
 */
#include "net/tcp/life/life.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/send/send.h"

static uint32_t clock_ms(uint64_t now_ns)
{
    return (uint32_t)(now_ns / NS_PER_MS);
}

/* Puts w at the young end of the list, with the whole time in front of it. */
static void restart(struct net *n, struct tcp_time_wait *w)
{
    struct tcp *tcp = &n->tcp;
    if (list_linked(&w->age)) {
        list_remove(&w->age);
    }
    uint64_t deadline_ns = n->now_ns + tcp_time_wait_ns(n);
    w->deadline_ms = clock_ms(deadline_ns) + 1;
    list_push_back(&tcp->time_wait_age, &w->age);
    if (!timer_armed(&tcp->time_wait_timer)) {
        timer_arm(&n->wheel, &tcp->time_wait_timer, deadline_ns);
    }
}

/* The interval of the limits' tcp_challenge_ms that we are in. Its lowest eight bits come again,
 * usually after 128 s, when most records have gone; one that has not may leave a stray segment
 * without its answer then. */
static uint8_t interval_now(const struct net *n)
{
    return (uint8_t)(n->now_ns / tcp_ms(n->cfg.limits.tcp_challenge_ms));
}

void tcp_time_wait_free(struct net *n, struct tcp_time_wait *w)
{
    tcp_table_remove(n, &w->node);
    list_remove(&w->age);
    pool_put(&n->tcp.time_waits, w);
}

/* The timer stands for the record that was the oldest when it was armed; that one may have gone.
 * Thousands that end together go in turns: for the rest the timer is due again at once. */
void tcp_time_wait_expired(struct timer *timer, uint64_t now_ns)
{
    struct tcp *tcp = container_of(timer, struct tcp, time_wait_timer);
    struct net *n = container_of(tcp, struct net, tcp);
    struct list *node;
    for (uint32_t freed = 0; (node = list_first(&tcp->time_wait_age)) != NULL; freed++) {
        struct tcp_time_wait *w = list_entry(node, struct tcp_time_wait, age);
        uint64_t left = tcp_time_wait_left_ns(w, now_ns);
        if (left > 0 || freed == TCP_TIME_WAITS_PER_TURN) {
            timer_arm(&n->wheel, timer, left > 0 ? now_ns + left : 0); /* 0: with the next run */
            return;
        }
        tcp_time_wait_free(n, w);
    }
}

static struct tcp_time_wait *record_new(struct net *n)
{
    struct tcp_time_wait *victim = tcp_pressure_time_wait(n);
    if (victim != NULL) {
        NET_COUNT(n, tcp_time_wait_recycled);
        tcp_time_wait_free(n, victim);
    }
    return pool_get_uncleared(&n->tcp.time_waits);
}

/* The connection is over for both sides; a record stays on the wire for 2 MSL. An owner keeps the
 * block to read what is left. */
void tcp_enter_time_wait(struct tcp_cb *t)
{
    struct net *n = t->net;
    assert(t->rcv.fin_received && t->snd.fin_sent && t->snd.una == t->snd.nxt);
    struct tcp_time_wait *w = record_new(n);
    if (w != NULL) { /* without one the tuple is simply free at once */
        *w = (struct tcp_time_wait){.node.kind = TCP_NODE_TIME_WAIT,
                                    .node.window = tcp_window_field(t),
                                    .node.timestamps = t->ts.on,
                                    .node.answered = (uint8_t)(interval_now(n) - 1),
                                    .ts_recent = t->ts.recent,
                                    .snd_nxt = t->snd.nxt,
                                    .rcv_nxt = t->rcv.nxt,
                                    .max_snd_wnd = t->snd.max_wnd,
                                    .rcv_wscale = t->rcv.wscale,
                                    .tos = t->opt.tos,
                                    .ttl = t->opt.ttl};
        list_init(&w->node.bucket);
        list_init(&w->age);
        tcp_table_hand_over(t, &w->node);
        restart(n, w);
    }
    if (t->orphan || t->parent != NULL) {
        tcp_cb_free(t);
        return;
    }
    tcp_detach(t);
    tcp_set_state(t, TCP_TIME_WAIT);
    tcp_notify(t, NET_READY_IN | NET_READY_RDHUP | NET_READY_HUP);
}

static void acknowledge(struct net *n, const struct tcp_time_wait *w)
{
    struct tcp_out out = {.id = w->node.id,
                          .seq = w->snd_nxt,
                          .ack = w->rcv_nxt,
                          .window = w->node.window,
                          .flags = TCP_ACK,
                          .tos = w->tos, /* RFC 9293 3.9.2, MUST-48, MUST-49 */
                          .ttl = w->ttl};
    out.options.has_timestamps = w->node.timestamps;
    out.options.ts_val = tcp_ts_now(n, tcp_ts_offset(n, w->node.id.laddr, w->node.id.raddr));
    out.options.ts_ecr = w->ts_recent;
    (void)tcp_emit_bare(n, &out);
}

/* RFC 5961 7: a sender that guesses, or lies about its name, gets one ACK of each record in each
 * interval. A record of its own for each, so that one tells nothing of another. */
static void answer_stray(struct net *n, struct tcp_time_wait *w)
{
    uint8_t now = interval_now(n);
    if (w->node.answered == now) {
        NET_COUNT(n, tcp_tx_challenge_limited);
        return;
    }
    w->node.answered = now;
    NET_COUNT(n, tcp_tx_challenge_ack);
    acknowledge(n, w);
}

static bool uses_timestamps(const struct net *n, const struct tcp_segment *seg)
{
    return seg->options.has_timestamps && !(n->cfg.tcp_off & NET_TCP_OFF_TIMESTAMPS);
}

/*
 * Is the SYN later than all of the old connection? By its timestamp (RFC 6191 2), or, without, by
 * its sequence number (RFC 1122 4.2.2.13). Where the old connection had no timestamps and the new
 * one has, whatever is left of the old one has none and cannot be taken for the new one's.
 */
static bool later(const struct net *n, const struct tcp_time_wait *w, const struct tcp_segment *seg)
{
    bool above = seq_gt(seg->seq, w->rcv_nxt);
    if (!uses_timestamps(n, seg)) {
        return above;
    }
    if (!w->node.timestamps) {
        return true;
    }
    return seq_gt(seg->options.ts_val, w->ts_recent) ||
           (seg->options.ts_val == w->ts_recent && above);
}

/* May a listener open a new connection by it? One that it cannot take now leaves the record as it
 * was: the SYN comes again. */
bool tcp_time_wait_reopens(const struct net *n, const struct tcp_time_wait *w,
                           const struct tcp_segment *seg)
{
    bool syn = (seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
    return syn && later(n, w, seg);
}

/* The record makes way for a new connection of its tuple: frees w, returns an ISS above all it
 * sent (RFC 1122 4.2.2.13 (1)). */
uint32_t tcp_time_wait_succeed(struct net *n, struct tcp_time_wait *w)
{
    uint32_t iss = tcp_new_iss(n, &w->node.id);
    if (!seq_gt(iss, w->snd_nxt)) {
        iss = w->snd_nxt + TCP_ISS_REOPEN_STEP;
    }
    tcp_time_wait_free(n, w);
    return iss;
}

/* RFC 7323 5.3 R1: is the segment, no RST (5.2), an old one? */
static bool outdated(const struct tcp_time_wait *w, const struct tcp_segment *seg)
{
    return w->node.timestamps && seg->options.has_timestamps &&
           seq_lt(seg->options.ts_val, w->ts_recent);
}

/* RFC 9293 3.10.7.4 first. Nothing in the window is still to come, but it says who is who. */
static bool in_window(const struct tcp_time_wait *w, uint32_t seq, uint32_t len)
{
    uint32_t window = max_u32((uint32_t)w->node.window << w->rcv_wscale, 1);
    return seq_lt(seq, w->rcv_nxt + window) && seq_gt(seq + max_u32(len, 1), w->rcv_nxt);
}

/* RFC 9293 3.10.7.4 fifth, RFC 5961 5.2; all of ours is acknowledged: SND.UNA is SND.NXT. */
static bool ack_acceptable(const struct tcp_time_wait *w, const struct tcp_segment *seg)
{
    return seq_between(w->snd_nxt - w->max_snd_wnd, seg->ack, w->snd_nxt);
}

/* The peer's FIN again: it missed our ACK. */
static bool fin_again(const struct tcp_time_wait *w, const struct tcp_segment *seg)
{
    enum { BOTH = TCP_FIN | TCP_ACK };
    return (seg->flags & (BOTH | TCP_SYN)) == BOTH &&
           seg->seq + tcp_segment_len(seg) == w->rcv_nxt && ack_acceptable(w, seg) &&
           !outdated(w, seg);
}

/* Second. RFC 5961 3.2, as for a live connection: exactly the next number, nothing else, ends it.
 * RFC 1337 would ignore it; docs/tcp.md says why we do not. */
static void reset(struct net *n, struct tcp_time_wait *w, const struct tcp_segment *seg)
{
    if (seg->seq == w->rcv_nxt) {
        NET_COUNT(n, tcp_time_wait_reset);
        tcp_time_wait_free(n, w);
        return;
    }
    NET_COUNT(n, tcp_rx_drop_rst_range);
    if (in_window(w, seg->seq, 0)) {
        answer_stray(n, w);
    }
}

/* RFC 9293 3.10.7.4 for what is neither a RST nor the FIN again, counted. True: it gets an ACK. */
static bool wants_answer(struct net *n, const struct tcp_time_wait *w,
                         const struct tcp_segment *seg)
{
    if (seg->flags & TCP_SYN) { /* fourth; RFC 5961 4.2: wherever it is */
        NET_COUNT(n, tcp_rx_drop_syn_synchronized);
        return true;
    }
    if (outdated(w, seg)) {
        NET_COUNT(n, tcp_rx_drop_paws);
        return true;
    }
    if (!in_window(w, seg->seq, tcp_segment_len(seg))) { /* first */
        NET_COUNT(n, tcp_rx_drop_out_of_window);
        return true;
    }
    if (!(seg->flags & TCP_ACK)) { /* fifth */
        NET_COUNT(n, tcp_rx_drop_flags);
        return false;
    }
    if (!ack_acceptable(w, seg)) {
        NET_COUNT(n, tcp_rx_drop_ack_range);
        return true;
    }
    if (tcp_segment_len(seg) > 0) { /* seventh, eighth: behind the peer's FIN nothing can be */
        NET_COUNT(n, tcp_rx_drop_past_fin);
        return true;
    }
    return false;
}

/*
 * In the RFC's order but for two: a SYN that may open anew was looked at first (RFC 6191), and the
 * FIN again, which is outside of the window by the first step, for it alone begins the time anew
 * (fifth and eighth). That FIN gets its ACK whenever it comes, since nobody else knows its number.
 */
void tcp_arrives_time_wait(struct net *n, struct tcp_time_wait *w, const struct tcp_segment *seg)
{
    assert(w->node.kind == TCP_NODE_TIME_WAIT);
    if (seg->flags & TCP_RST) {
        reset(n, w, seg);
    } else if (fin_again(w, seg)) {
        restart(n, w);
        if (seg->options.has_timestamps) {
            w->ts_recent = seg->options.ts_val; /* RFC 7323 4.3: what the answer echoes */
        }
        acknowledge(n, w);
    } else if (wants_answer(n, w, seg)) {
        answer_stray(n, w);
    }
}
