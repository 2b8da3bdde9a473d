/*
 * Reassembly: data that came ahead of its turn, as at most TCP_RANGES_MAX ranges without overlap,
 * lowest first. A range is a run of packets whose payloads follow each other; its first packet's
 * note holds its end. The work for a segment is bounded by the number of ranges, never by the
 * number of packets (CVE-2018-5390).
 */
#include "net/tcp/recv/int.h"

static void account(struct tcp_recvq *q, const struct pkt *p, bool add)
{
    uint32_t len = (uint32_t)pkt_len(p);
    if (add) {
        q->ooo_packets++;
        q->ooo_bytes += len;
    } else {
        assert(q->ooo_packets > 0 && q->ooo_bytes >= len);
        q->ooo_packets--;
        q->ooo_bytes -= len;
    }
}

/* Puts the packets of the range that *at points to and takes it off the list. */
static void drop_range(struct tcp_recvq *q, struct pkt **at)
{
    struct pkt *p = *at;
    *at = rx_note(p)->next_range;
    while (p != NULL) {
        struct pkt *next = p->next;
        account(q, p, false);
        pkt_put(p);
        p = next;
    }
    assert(q->range_count > 0);
    q->range_count--;
}

bool tcp_ooo_drop_farthest(struct tcp_cb *t)
{
    struct tcp_recvq *q = &t->rcv.queue;
    if (q->ranges == NULL) {
        return false;
    }
    struct pkt **at = &q->ranges;
    while (rx_note(*at)->next_range != NULL) {
        at = &rx_note(*at)->next_range;
    }
    drop_range(q, at);
    return true;
}

void tcp_ooo_drop(struct tcp_cb *t)
{
    while (t->rcv.queue.ranges != NULL) {
        drop_range(&t->rcv.queue, &t->rcv.queue.ranges); /* bounded as what waits is */
    }
    assert(t->rcv.queue.ooo_packets == 0 && t->rcv.queue.ooo_bytes == 0);
}

/* The sequence number behind the last byte that waits; RCV.NXT when none does. */
uint32_t tcp_ooo_end(const struct tcp_cb *t)
{
    uint32_t end = t->rcv.nxt;
    for (struct pkt *p = t->rcv.queue.ranges; p != NULL; p = rx_note(p)->next_range) {
        end = rx_note(p)->end;
    }
    return end;
}

/* Appends the run that begins with p (its own range note filled in) behind range r. */
static void join(struct tcp_cb *t, struct pkt *r, struct pkt *p)
{
    struct tcp_rx_note *left = rx_note(r);
    struct tcp_rx_note *right = rx_note(p);
    assert(left->end == right->seq && left->last->next == NULL);
    uint32_t end = right->end;
    struct pkt *last = right->last;
    left->touched = seq_max(left->touched, right->touched);
    account(&t->rcv.queue, p, false);
    if (p == last && tcp_recvq_coalesce(left->last, p)) {
        t->rcv.queue.ooo_bytes += (uint32_t)pkt_len(p);
        NET_COUNT(t->net, tcp_rx_coalesced);
        pkt_put(p);
    } else {
        account(&t->rcv.queue, p, true);
        left->last->next = p;
        left->last = last;
    }
    left->end = end;
}

/* Trims p against the ranges that begin before it. Returns where p belongs in the list, or NULL
 * when all of p was there already. *before gets the range in front of it. */
static struct pkt **find_place(struct tcp_cb *t, struct pkt *p, uint32_t *seq, struct pkt **before)
{
    struct tcp_recvq *q = &t->rcv.queue;
    struct pkt **at = &q->ranges;
    *before = NULL;
    while (*at != NULL && seq_le(rx_note(*at)->seq, *seq)) {
        *before = *at;
        at = &rx_note(*at)->next_range;
    }
    uint32_t known = *before != NULL ? seq_ahead(*seq, rx_note(*before)->end) : 0;
    tcp_sack_duplicate(t, *seq, *seq + min_u32(known, (uint32_t)pkt_len(p)));
    if (known >= pkt_len(p)) {
        return NULL;
    }
    pkt_pull(p, known);
    *seq += known;
    return at;
}

/* Drops the ranges that p covers wholly, and trims p at the one it reaches into. */
static void trim_right(struct tcp_cb *t, struct pkt **at, struct pkt *p, uint32_t seq)
{
    struct tcp_recvq *q = &t->rcv.queue;
    uint32_t end = seq + (uint32_t)pkt_len(p);
    while (*at != NULL && seq_le(rx_note(*at)->end, end)) {
        tcp_sack_duplicate(t, rx_note(*at)->seq, rx_note(*at)->end);
        drop_range(q, at);
    }
    if (*at != NULL && seq_lt(rx_note(*at)->seq, end)) {
        tcp_sack_duplicate(t, rx_note(*at)->seq, end);
        pkt_trim(p, rx_note(*at)->seq - seq);
    }
    assert(pkt_len(p) > 0);
}

/* Is there room for one more range, if need be by dropping the farthest? */
static bool room_for_range(struct tcp_cb *t, struct pkt *const *at)
{
    struct tcp_recvq *q = &t->rcv.queue;
    if (q->range_count < TCP_RANGES_MAX) {
        return true;
    }
    NET_COUNT(t->net, tcp_rx_drop_ranges);
    if (*at == NULL) {
        return false; /* the new one is the farthest itself */
    }
    /* at stays valid: either its range is not the last, or it is the very one that goes. */
    return tcp_ooo_drop_farthest(t);
}

void tcp_ooo_insert(struct tcp_cb *t, struct pkt *p, uint32_t seq)
{
    struct tcp_recvq *q = &t->rcv.queue;
    struct pkt *before = NULL;
    assert(pkt_len(p) > 0 && seq_gt(seq, t->rcv.nxt));
    struct pkt **at = find_place(t, p, &seq, &before);
    if (at == NULL) {
        NET_COUNT(t->net, tcp_rx_drop_duplicate);
        rx_note(before)->touched = ++q->touches; /* RFC 2018 4: the most recent segment is in it */
        pkt_put(p);
        return;
    }
    trim_right(t, at, p, seq);
    uint32_t end = seq + (uint32_t)pkt_len(p);
    bool joins_left = before != NULL && rx_note(before)->end == seq;
    if (!joins_left && !room_for_range(t, at)) {
        pkt_put(p);
        return;
    }
    NET_COUNT(t->net, tcp_rx_out_of_order);
    p->next = NULL;
    *rx_note(p) = (struct tcp_rx_note){
        .next_range = *at, .last = p, .end = end, .seq = seq, .touched = ++q->touches};
    account(q, p, true);
    struct pkt *run = p;
    if (joins_left) {
        join(t, before, p);
        run = before;
    } else {
        *at = p;
        q->range_count++;
    }
    struct pkt *after = rx_note(run)->next_range;
    if (after != NULL && rx_note(after)->seq == end) {
        rx_note(run)->next_range = rx_note(after)->next_range;
        q->range_count--;
        join(t, run, after);
    }
}

/* RFC 2018 4, RFC 2883 4: a segment that there was no room for may bring again what waits here
 * already. The range is told first then, for the segment came just now, though it was not kept; and
 * what was known of it is told of as any other duplicate. */
void tcp_ooo_refused(struct tcp_cb *t, uint32_t seq, uint32_t len)
{
    uint32_t end = seq + len;
    for (struct pkt *p = t->rcv.queue.ranges; p != NULL; p = rx_note(p)->next_range) {
        struct tcp_rx_note *range = rx_note(p);
        if (seq_lt(range->seq, end) && seq_lt(seq, range->end)) {
            range->touched = ++t->rcv.queue.touches;
            tcp_sack_duplicate(t, seq_max(seq, range->seq),
                               seq_lt(end, range->end) ? end : range->end);
            return;
        }
    }
}

/* Moves one range, of which RCV.NXT has reached the start, to the receive queue; what lies in front
 * of RCV.NXT was received twice. */
static void take_range(struct tcp_cb *t, struct pkt *p)
{
    while (p != NULL) {
        struct pkt *next = p->next;
        account(&t->rcv.queue, p, false);
        uint32_t known = seq_ahead(rx_note(p)->seq, t->rcv.nxt);
        if (known >= pkt_len(p)) {
            pkt_put(p);
        } else {
            pkt_pull(p, known);
            t->rcv.nxt += (uint32_t)pkt_len(p);
            t->net->counters.tcp_rx_bytes += pkt_len(p);
            tcp_recvq_append(t, p, (uint32_t)pkt_len(p));
        }
        p = next;
    }
}

/*
 * A segment has filled the gap in front, and may reach into what waits: of that came twice what
 * lies below RCV.NXT, the end of the segment. As many packets may move at once as may wait
 * (packets_max in admit.c); each came in a segment of its own, and is hardly ever copied again.
 */
void tcp_ooo_merge(struct tcp_cb *t)
{
    struct tcp_recvq *q = &t->rcv.queue;
    if (q->ranges != NULL) {
        struct tcp_rx_note *range = rx_note(q->ranges);
        tcp_sack_duplicate(t, range->seq, seq_lt(range->end, t->rcv.nxt) ? range->end : t->rcv.nxt);
    }
    while (q->ranges != NULL && seq_le(rx_note(q->ranges)->seq, t->rcv.nxt)) {
        struct pkt *first = q->ranges;
        q->ranges = rx_note(first)->next_range;
        q->range_count--;
        take_range(t, first);
    }
    assert(q->ranges != NULL || q->range_count == 0);
}
