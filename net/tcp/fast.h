/*
 * Which segments go the short way (fast.c): the predicate, a row of early returns that say "not
 * mine", each with its reason. For fast.c, and for the test that tries each reason.
 */
#ifndef NET_TCP_FAST_H
#define NET_TCP_FAST_H

#include "net/tcp/loss/loss.h"
#include "net/tcp/recv/recv.h"

/* Whether the short way takes a segment, and if not, why. */
enum tcp_fast {
    TCP_FAST_TAKES,
    TCP_FAST_OFF,       /* the configuration says so */
    TCP_FAST_STATE,     /* not ESTABLISHED, or one of the two directions is about to end */
    TCP_FAST_FLAGS,     /* others than ACK and PSH, or none */
    TCP_FAST_ECN,       /* marks count */
    TCP_FAST_OPTIONS,   /* SACK blocks, or timestamps that are there against what was agreed on */
    TCP_FAST_SEQUENCE,  /* not the next number */
    TCP_FAST_TIMESTAMP, /* older than the last one */
    TCP_FAST_ACK,       /* old, or of what was not sent, or a duplicate while data is out */
    TCP_FAST_WINDOW,    /* shut, or was; or there is more than ours takes */
    TCP_FAST_LOSS,      /* something is, or was not long ago, lost or probed for */
    TCP_FAST_ORDER,     /* data waits out of order, or a duplicate is to be told of */
    TCP_FAST_ROOM,      /* the receiver has to be asked whether it keeps the data */
};

/* The connection's side, whatever the segment says. */
static inline enum tcp_fast tcp_fast_judge_connection(const struct tcp_cb *t)
{
    if (unlikely(t->net->cfg.tcp_off & NET_TCP_OFF_FAST)) {
        return TCP_FAST_OFF;
    }
    if (t->state != TCP_ESTABLISHED || t->snd.fin_queued || t->rcv.fin_known || t->rcv.shut) {
        return TCP_FAST_STATE;
    }
    if (t->ecn.on) {
        return TCP_FAST_ECN;
    }
    if (t->rcv.queue.ranges != NULL || t->rcv.dsack_due) {
        return TCP_FAST_ORDER;
    }
    return tcp_loss_undisturbed(t, t->snd.una) ? TCP_FAST_TAKES : TCP_FAST_LOSS;
}

/* RFC 9293 3.10.7.4 first to fourth, RFC 7323 5.3 R1: nothing to be answered, cut off or dropped.
 */
static inline enum tcp_fast tcp_fast_judge_numbers(const struct tcp_cb *t,
                                                   const struct tcp_segment *seg)
{
    if ((seg->flags & ~(uint32_t)TCP_PSH) != TCP_ACK) {
        return TCP_FAST_FLAGS;
    }
    if (seg->options.sack_count > 0 || seg->options.has_timestamps != t->ts.on) {
        return TCP_FAST_OPTIONS;
    }
    if (seg->seq != t->rcv.nxt) {
        return TCP_FAST_SEQUENCE;
    }
    if (t->ts.on && seq_lt(seg->options.ts_val, t->ts.recent)) {
        return TCP_FAST_TIMESTAMP;
    }
    return TCP_FAST_TAKES;
}

/* Fifth and seventh. An ACK that says nothing new is a duplicate while data is out (RFC 5681 2),
 * unless it brings data or news of the window. */
static inline enum tcp_fast tcp_fast_judge_content(const struct tcp_cb *t,
                                                   const struct tcp_segment *seg)
{
    uint32_t flight = tcp_flight(t);
    uint32_t acked = seg->ack - t->snd.una;
    if (acked > flight || (acked == 0 && flight > 0 && seg->len == 0 && seg->wnd == t->snd.wnd)) {
        return TCP_FAST_ACK;
    }
    if (seg->wnd == 0 || t->snd.wnd == 0 || t->snd.probes > 0 ||
        seg->len > seq_ahead(t->rcv.nxt, t->rcv.adv)) {
        return TCP_FAST_WINDOW;
    }
    if (seg->len > 0 && !tcp_recv_has_room(t, seg->pkt->pool)) {
        return TCP_FAST_ROOM;
    }
    return TCP_FAST_TAKES;
}

/* Pure. seg is for t, and decoded, its window scaled. */
static inline enum tcp_fast tcp_fast_judge(const struct tcp_cb *t, const struct tcp_segment *seg)
{
    enum tcp_fast why = tcp_fast_judge_connection(t);
    if (why == TCP_FAST_TAKES) {
        why = tcp_fast_judge_numbers(t, seg);
    }
    return why == TCP_FAST_TAKES ? tcp_fast_judge_content(t, seg) : why;
}

/* Have the first two of those nothing against it? Whatever they would find leaves a bit here, so
 * that it costs one branch where there is nothing. */
static hot_fn bool tcp_fast_ordinary(const struct tcp_cb *t, const struct tcp_segment *seg)
{
    uint32_t any = t->net->cfg.tcp_off & NET_TCP_OFF_FAST;
    any |= (uint32_t)t->state ^ TCP_ESTABLISHED;
    any |= t->snd.fin_queued | t->rcv.fin_known | t->rcv.shut | t->ecn.on | t->rcv.dsack_due;
    any |= ((uint32_t)seg->flags & ~(uint32_t)TCP_PSH) ^ TCP_ACK;
    any |= seg->options.sack_count | (seg->options.has_timestamps ^ t->ts.on);
    any |= seg->seq ^ t->rcv.nxt;
    return any == 0 && t->rcv.queue.ranges == NULL && tcp_loss_undisturbed(t, t->snd.una) &&
           (!t->ts.on || seq_ge(seg->options.ts_val, t->ts.recent));
}

/* Is TCP_FAST_TAKES what tcp_fast_judge says? */
static hot_fn bool tcp_fast_takes(const struct tcp_cb *t, const struct tcp_segment *seg)
{
    return likely(tcp_fast_ordinary(t, seg)) && tcp_fast_judge_content(t, seg) == TCP_FAST_TAKES;
}

#endif
