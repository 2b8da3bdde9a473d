/*
 * The invariants of TCP: see tcp_check.h. Reads the stack's inside and changes nothing. Being about
 * every member, it knows the layout of struct tcp_cb itself, where other tests ask tcp_see.h.
 */
#include "tests/unit/tcp_check.h"

#include "tests/unit/tcp_see.h"

enum {
    CWND_MAX_BYTES = 1 << 30,
};

/* What is added up over all connections. */
struct totals {
    uint32_t tx_packets;
    uint32_t orphans;
    uint32_t halves;
};

/* The loops below end even on a list that has been tied into a knot. */
static void bound(uint32_t count)
{
    assert(count < 10 * 1000 * 1000);
}

static uint32_t list_length(const struct list *head)
{
    uint32_t count = 0;
    const struct list *it;
    list_for_each (it, head) {
        assert(it->next->prev == it && it->prev->next == it);
        bound(++count);
    }
    return count;
}

static bool syn_out(const struct tcp_cb *t)
{
    return t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECEIVED;
}

/* Is it on the wire, so that segments and timers come to it? */
static bool live(const struct tcp_cb *t)
{
    return syn_out(t) || tcp_synchronized(t);
}

/* The notes of one packet; at is where it must begin. */
static void check_tx_packet(const struct tcp_cb *t, struct pkt *p, uint32_t at, bool unsent)
{
    const struct tcp_tx_note *note = tx_note(p);
    assert(p->refs > 0 && note->len > 0 && note->seq == at);
    assert(note->offset + note->len <= PKT_BUF_BYTES);
    assert(unsent == (note->sent_count == 0));
    assert(!unsent || (!note->lost && !note->sacked));
    assert(!note->lost || !note->sacked);
    assert(list_linked(&note->order) == (!unsent && !note->sacked));
    assert(unsent || note->sent_ns <= t->net->now_ns);
    assert((note->next == NULL) == (p == t->snd.queue.last));
}

/* What the walk over a send queue adds up. */
struct sendq_sums {
    uint32_t bytes, packets;
    uint32_t lost_bytes, lost;
    uint32_t sacked_bytes, sacked, high_sacked;
    uint32_t above_bytes, above; /* sacked, and not in front of the edge */
    uint32_t in_flight;
    uint32_t marks; /* the edge and the hints that were met: each lies in the queue */
    bool at_edge, unsent;
};

static void add_packet(const struct tcp_scoreboard *b, struct pkt *p, struct sendq_sums *sum)
{
    const struct tcp_tx_note *note = tx_note(p);
    sum->bytes += note->len;
    sum->at_edge = sum->at_edge || p == b->edge;
    sum->marks += p == b->edge;
    for (size_t i = 0; i < TCP_SACK_HINTS; i++) {
        assert(p != b->hint[i].at || !sum->unsent);
        sum->marks += p == b->hint[i].at;
    }
    if (note->sacked) {
        sum->sacked_bytes += note->len;
        sum->sacked++;
        sum->high_sacked = note->seq + note->len;
        sum->above_bytes += sum->at_edge ? note->len : 0;
        sum->above += sum->at_edge;
    } else if (note->lost) {
        sum->lost_bytes += note->len;
        sum->lost++;
    } else {
        sum->in_flight += !sum->unsent;
    }
    bound(++sum->packets);
}

static uint32_t marks_of(const struct tcp_scoreboard *b)
{
    uint32_t count = b->edge != NULL;
    for (size_t i = 0; i < TCP_SACK_HINTS; i++) {
        count += b->hint[i].at != NULL;
    }
    return count;
}

/* The scoreboard is what the notes say. */
static void check_scoreboard(const struct tcp_cb *t, const struct sendq_sums *sum)
{
    const struct tcp_sendq *q = &t->snd.queue;
    const struct tcp_scoreboard *b = &t->board;
    assert(sum->lost_bytes == b->lost_bytes && sum->lost == list_length(&b->lost));
    assert(sum->in_flight == list_length(&b->in_flight));
    assert(sum->sacked_bytes == b->sacked_bytes && sum->sacked == b->sacked_packets);
    assert(sum->sacked == 0 || sum->high_sacked == b->high_sacked);
    assert(sum->above_bytes == b->above_bytes && sum->above == b->above_packets);
    assert(sum->marks == marks_of(b));
    /* RFC 2018 8: what SND.UNA stops in front of is not with the peer. */
    assert(q->first == NULL || !tx_note(q->first)->sacked);
    assert(t->sack_on || sum->sacked == 0);
    assert(!t->board.fin_lost || (t->snd.fin_sent && tcp_flight(t) > 0));
    /* The pipe is not less than nothing, and holds no more than what was not heard of. */
    assert(sum->lost_bytes + sum->sacked_bytes + t->board.fin_lost <= tcp_flight(t));
}

/* Every packet once, in sequence: first those sent, then those not. */
static void check_sendq(const struct tcp_cb *t, struct totals *sum)
{
    const struct tcp_sendq *q = &t->snd.queue;
    struct sendq_sums s = {.at_edge = t->board.edge == NULL};
    uint32_t seq = syn_out(t) ? t->snd.nxt : t->snd.una;
    for (struct pkt *p = q->first; p != NULL; p = tx_note(p)->next) {
        assert(p != q->unsent || seq == t->snd.nxt);
        s.unsent = s.unsent || p == q->unsent;
        check_tx_packet(t, p, seq, s.unsent);
        seq += tx_note(p)->len;
        add_packet(&t->board, p, &s);
    }
    assert(s.unsent == (q->unsent != NULL));
    assert(s.bytes == q->bytes && s.packets == q->packets);
    assert((q->first == NULL) == (q->last == NULL));
    assert(!t->snd.fin_sent || !s.unsent);
    if (tcp_synchronized(t) && !s.unsent) {
        uint32_t end = seq + (t->snd.fin_sent && t->snd.una != t->snd.nxt ? 1 : 0);
        assert(end == t->snd.nxt); /* all that is out is in the queue, the FIN behind it */
    }
    check_scoreboard(t, &s);
    sum->tx_packets += s.packets;
}

static void check_in_order(const struct tcp_recvq *q)
{
    uint32_t bytes = 0, count = 0;
    for (const struct pkt *p = q->in_order.first; p != NULL; p = p->next) {
        assert(pkt_len(p) > 0 && p->refs > 0);
        assert((p->next == NULL) == (p == q->in_order.last));
        bytes += (uint32_t)pkt_len(p);
        bound(++count);
    }
    assert(bytes == q->bytes && count == q->in_order.count);
}

static void check_ranges(const struct tcp_cb *t)
{
    const struct tcp_recvq *q = &t->rcv.queue;
    uint32_t packets = 0, bytes = 0, ranges = 0;
    uint32_t end = t->rcv.nxt;
    for (struct pkt *r = q->ranges; r != NULL; r = rx_note(r)->next_range) {
        assert(seq_gt(rx_note(r)->seq, end)); /* a gap in front of each */
        uint32_t at = rx_note(r)->seq;
        for (struct pkt *p = r; p != NULL; p = p->next) {
            assert(rx_note(p)->seq == at && pkt_len(p) > 0);
            assert((p->next == NULL) == (p == rx_note(r)->last));
            at += (uint32_t)pkt_len(p);
            bytes += (uint32_t)pkt_len(p);
            bound(++packets);
        }
        assert(at == rx_note(r)->end);
        end = at;
        ranges++;
    }
    assert(ranges == q->range_count && ranges <= TCP_RANGES_MAX);
    assert(packets == q->ooo_packets && bytes == q->ooo_bytes);
    assert(!tcp_synchronized(t) || seq_le(end, t->rcv.adv));
    assert(!t->rcv.fin_known || t->rcv.fin_received || seq_le(end, t->rcv_cold.fin_seq));
}

/* RFC 8985 6.2 step 5: what went before something that has arrived is lost by now, or a timer will
 * ask again. */
static void check_rack(const struct tcp_cb *t)
{
    const struct list *node = t->board.in_flight.next;
    if (!tcp_rack_on(t) || node == &t->board.in_flight || t->board.sacked_packets == 0) {
        return;
    }
    const struct tcp_tx_note *oldest = list_entry(node, struct tcp_tx_note, order);
    if (oldest->sent_ns < t->rack.xmit_ns) {
        assert(tcp_timer_armed(t, TCP_TIMER_RACK));
    }
}

/* The wheel comes for the soonest deadline, or before. */
static void check_wheel(const struct tcp_cb *t)
{
    const struct timer *wheel = &t->timer.wheel;
    assert(timer_armed(wheel) == (wheel->deadline_ns != DEADLINE_NONE));
    for (size_t i = 0; i < TCP_TIMERS; i++) {
        assert(wheel->deadline_ns <= t->timer.due_ns[i]);
    }
}

/* Whatever waits has somebody who will ask again. */
static void check_timers(const struct tcp_cb *t)
{
    check_wheel(t);
    bool waits = t->snd.queue.unsent != NULL || (t->snd.fin_queued && !t->snd.fin_sent);
    if (tcp_flight(t) > 0 || (waits && tcp_synchronized(t))) {
        assert(tcp_timer_armed(t, TCP_TIMER_RTX));
        /* RFC 6298 2.5; a shut window's probes are no further apart. */
        assert(tcp_timer_at(t, TCP_TIMER_RTX) <= t->net->now_ns + tcp_ms(TCP_RTO_MAX_MS));
    }
    check_rack(t);
    if (tcp_synchronized(t) && t->rcv.nxt != t->rcv.acked) {
        assert(tcp_timer_armed(t, TCP_TIMER_DELACK));
    }
    if (t->state == TCP_FIN_WAIT_2 && t->orphan) {
        assert(tcp_timer_armed(t, TCP_TIMER_IDLE));
    }
    if (tcp_synchronized(t) && t->keepalive.on) {
        assert(tcp_timer_armed(t, TCP_TIMER_IDLE));
    }
}

static void check_state(const struct tcp_cb *t)
{
    bool closed_out = t->state == TCP_FIN_WAIT_1 || t->state == TCP_FIN_WAIT_2 ||
                      t->state == TCP_CLOSING || t->state == TCP_LAST_ACK;
    bool closed_in =
        t->state == TCP_CLOSE_WAIT || t->state == TCP_CLOSING || t->state == TCP_LAST_ACK;
    if (!tcp_synchronized(t)) {
        return;
    }
    assert(t->snd.fin_queued == closed_out && t->rcv.fin_received == closed_in);
    assert(!t->snd.fin_sent || t->snd.fin_queued);
    /* FIN-WAIT-2 is where all of ours, the FIN too, is acknowledged. */
    assert(t->state != TCP_FIN_WAIT_2 || (t->snd.fin_sent && tcp_flight(t) == 0));
    assert(t->snd.mss > 0 && t->snd.mss <= TCP_SEGMENT_MAX);
    /* With less than a segment of window and nothing in flight nothing would ever go. */
    assert(t->cc.cwnd >= t->snd.mss && t->cc.ssthresh >= 1);
    /* RFC 7323 2.2: no window is larger; recovery may stand above it by what is out. */
    assert(t->cc.cwnd <= CWND_MAX_BYTES + tcp_flight(t) && t->cc.ssthresh <= CWND_MAX_BYTES);
}

static void check_live(const struct tcp_cb *t, struct totals *sum)
{
    assert(seq_le(t->snd.una, t->snd.nxt));
    assert(t->state == TCP_SYN_SENT || seq_le(t->rcv.nxt, t->rcv.adv));
    assert(t->state == TCP_SYN_SENT || seq_le(t->rcv.acked, t->rcv.nxt));
    assert(t->rcv_cold.early == NULL || t->state == TCP_SYN_RECEIVED);
    check_sendq(t, sum);
    check_ranges(t);
    check_timers(t);
    check_state(t);
    /* One that found no buffer is tried again by the timer. */
    assert(!t->rcv.ack_now || tcp_timer_armed(t, TCP_TIMER_DELACK));
}

/* Off the wire: nothing may be left that the wire or a timer would have to end. */
static void check_dead(const struct tcp_cb *t)
{
    assert(t->snd.queue.first == NULL && t->rcv.queue.ranges == NULL && t->rcv_cold.early == NULL);
    assert(!timer_armed(&t->timer.wheel) && !t->orphan);
    check_wheel(t);
}

static void check_listener(const struct tcp_cb *l, struct totals *sum)
{
    const struct list *it;
    assert(list_length(&l->listener.half_open) == l->listener.half_count);
    assert(list_length(&l->listener.accept) == l->listener.accept_count);
    list_for_each (it, &l->listener.accept) {
        const struct tcp_cb *t = list_entry(it, struct tcp_cb, place);
        assert(t->parent == l && !t->orphan);
    }
    list_for_each (it, &l->listener.half_open) {
        assert(list_entry(it, struct tcp_half, of_listener)->listener == l);
    }
    sum->halves += l->listener.half_count;
}

static bool found(const struct net *n, const struct tcp_node *node)
{
    /* The look-up changes nothing; it takes a stack that may be changed all the same. */
    return tcp_lookup((struct net *)(uintptr_t)n, &node->id) == node;
}

static void check_cb(const struct tcp_cb *t, struct totals *sum)
{
    assert(t->node.kind == TCP_NODE_CB && t->state <= TCP_TIME_WAIT);
    assert(live(t) == list_linked(&t->node.bucket));
    check_in_order(&t->rcv.queue);
    if (live(t)) {
        assert(found(t->net, &t->node));
        check_live(t, sum);
    } else {
        check_dead(t);
    }
    if (t->state == TCP_LISTEN) {
        check_listener(t, sum);
    }
    sum->orphans += t->orphan;
}

static void check_records(const struct net *n)
{
    const struct tcp *tcp = &n->tcp;
    const struct list *it;
    const struct tcp_time_wait *older = NULL;
    list_for_each (it, &tcp->half_age) {
        const struct tcp_half *half = list_entry(it, struct tcp_half, age);
        assert(half->node.kind == TCP_NODE_HALF && timer_armed(&half->timer));
        assert(found(n, &half->node));
    }
    list_for_each (it, &tcp->time_wait_age) {
        const struct tcp_time_wait *w = list_entry(it, struct tcp_time_wait, age);
        assert(w->node.kind == TCP_NODE_TIME_WAIT && found(n, &w->node));
        assert(older == NULL || seq_ge(w->deadline_ms, older->deadline_ms));
        older = w;
    }
    assert(list_length(&tcp->half_age) == tcp->halves.used);
    assert(list_length(&tcp->time_wait_age) == tcp->time_waits.used);
    assert(tcp->time_waits.used == 0 || timer_armed(&tcp->time_wait_timer));
    assert(list_empty(&tcp->waiting) || timer_armed(&tcp->memory_timer));
}

void tcp_check_invariants(const struct net *n)
{
    const struct tcp *tcp = &n->tcp;
    struct totals sum = {0};
    const struct list *it;
    list_for_each (it, &tcp->all) {
        check_cb(list_entry(it, struct tcp_cb, all), &sum);
    }
    assert(list_length(&tcp->all) == tcp->cbs.used);
    assert(list_length(&tcp->orphans) == tcp->orphan_count && sum.orphans == tcp->orphan_count);
    assert(sum.halves == tcp->halves.used);
    assert(sum.tx_packets <= n->cfg.tx_pool->used);
    check_records(n);
}
