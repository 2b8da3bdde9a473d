/*
 * Selective acknowledgement, the receiver's side (RFC 2018, RFC 2883): what our ACKs tell of data
 * that came out of order or twice. The sender's side is loss/scoreboard.c's.
 */
#include "net/tcp/recv/int.h"

/*
 * RFC 2883 4: [first, end) came again. Told once, by the next ACK; of a segment that brings several
 * such pieces the first (4.2). What lies in front of the peer's first byte never was: a keepalive
 * of a peer that has sent nothing has the number of its SYN.
 */
void tcp_sack_duplicate(struct tcp_cb *t, uint32_t first, uint32_t end)
{
    uint32_t stream = t->rcv.irs + 1;
    if (seq_lt(first, t->rcv.nxt) && t->rcv.nxt - first > t->rcv.nxt - stream) {
        first = stream;
    }
    if (t->sack_on && !t->rcv.dsack_due && seq_lt(first, end)) {
        t->rcv.dsack_due = true;
        t->rcv_cold.dsack_first = first;
        t->rcv_cold.dsack_end = end;
        NET_COUNT(t->net, tcp_tx_dsacks);
    }
}

/* The range whose turn was last among those before `older`; NULL: none left. */
static struct pkt *newest_before(const struct tcp_cb *t, uint32_t older)
{
    struct pkt *best = NULL;
    for (struct pkt *p = t->rcv.queue.ranges; p != NULL; p = rx_note(p)->next_range) {
        uint32_t touched = rx_note(p)->touched;
        if (seq_lt(touched, older) && (best == NULL || seq_gt(touched, rx_note(best)->touched))) {
            best = p;
        }
    }
    return best;
}

/* The range that holds all of the duplicate, which RFC 2883 4.1 case 3 wants told right behind it.
 */
static struct pkt *range_around(const struct tcp_cb *t, uint32_t first, uint32_t end)
{
    for (struct pkt *p = t->rcv.queue.ranges; p != NULL; p = rx_note(p)->next_range) {
        if (seq_le(rx_note(p)->seq, first) && seq_ge(rx_note(p)->end, end)) {
            return p;
        }
    }
    return NULL;
}

static void add(struct tcp_options *o, uint32_t first, uint32_t end)
{
    assert(o->sack_count < TCP_SACK_BLOCKS_MAX);
    o->sack[o->sack_count++] = (struct tcp_range){.first = first, .end = end};
}

/*
 * Adds as many blocks as `room` bytes of options hold: the duplicate first (RFC 2883 4), then the
 * range with the most recent segment (RFC 2018 4), then the others, newest first, so that each is
 * told several times. Work is bounded by the blocks times the ranges.
 */
void tcp_sack_fill(struct tcp_cb *t, struct tcp_options *o, uint32_t room)
{
    o->sack_count = 0;
    if (!tcp_sack_due(t)) {
        return;
    }
    uint32_t fits = room < TCP_SACK_HEAD_BYTES ? 0 : (room - TCP_SACK_HEAD_BYTES) / 8;
    uint32_t max = min_u32(fits, o->has_timestamps ? TCP_SACK_BLOCKS_MAX - 1 : TCP_SACK_BLOCKS_MAX);
    struct pkt *told = NULL;
    if (max == 0) {
        return;
    }
    if (t->rcv.dsack_due) {
        add(o, t->rcv_cold.dsack_first, t->rcv_cold.dsack_end);
        told = range_around(t, t->rcv_cold.dsack_first, t->rcv_cold.dsack_end);
        t->rcv.dsack_due = false;
    }
    if (told != NULL && o->sack_count < max) {
        add(o, rx_note(told)->seq, rx_note(told)->end);
    }
    uint32_t older = t->rcv.queue.touches + 1;
    struct pkt *p;
    while (o->sack_count < max && (p = newest_before(t, older)) != NULL) {
        older = rx_note(p)->touched;
        if (p != told) {
            add(o, rx_note(p)->seq, rx_note(p)->end);
        }
    }
}
