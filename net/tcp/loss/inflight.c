/*
 * Where the packets that were sent are believed to be: in the network, in the order of their
 * sending, or lost, lowest first. Owns these two lists of struct tcp_scoreboard, lost_bytes and
 * fin_lost; those the peer told of by SACK are in neither (scoreboard.c). Which are lost is found
 * elsewhere.
 */
#include "net/tcp/loss/int.h"

void tcp_inflight_init(struct tcp_cb *t)
{
    list_init(&t->board.in_flight);
    list_init(&t->board.lost);
}

static struct pkt *order_pkt(struct list *node)
{
    struct tcp_tx_note *note = list_entry(node, struct tcp_tx_note, order);
    return container_of((uint64_t *)(void *)note, struct pkt, cb[0]);
}

/* Into the list of the lost at its place by sequence number. Losses are nearly always found from
 * the lowest up; what was lost again while much is lost above it is looked for from the front, and
 * not for long: the list may then be out of order there, which costs nothing but the order. */
static void insert_lost(struct tcp_scoreboard *b, struct tcp_tx_note *note)
{
    struct list *at = b->lost.prev;
    uint32_t steps = TCP_LOST_STEPS;
    if (at != &b->lost && seq_gt(list_entry(at, struct tcp_tx_note, order)->seq, note->seq)) {
        at = &b->lost;
        while (steps-- > 0 &&
               seq_lt(list_entry(at->next, struct tcp_tx_note, order)->seq, note->seq)) {
            at = at->next;
        }
    }
    list_insert_after(at, &note->order);
}

void tcp_mark_lost(struct tcp_cb *t, struct pkt *p)
{
    struct tcp_scoreboard *b = &t->board;
    struct tcp_tx_note *note = tx_note(p);
    assert(note->sent_count > 0 && !note->sacked);
    if (note->lost) {
        return;
    }
    note->lost = true;
    b->lost_bytes += note->len;
    list_remove(&note->order);
    insert_lost(b, note);
}

void tcp_resend_now(struct tcp_cb *t, struct pkt *p)
{
    tcp_mark_lost(t, p);
    t->loss.force_rtx = true;
}

void tcp_mark_fin_lost(struct tcp_cb *t)
{
    t->board.fin_lost = t->snd.fin_sent && tcp_flight(t) > 0;
}

/* All that was sent and is not with the peer. The list of the lost is in order afterwards. One look
 * at each packet, so at most TCP_SPLIT_FACTOR * packets_max (some thousands with the largest
 * buffer, tens of us); asked for by a timeout, which doubles, or by a window that opened after a
 * probe. */
void tcp_mark_all_lost(struct tcp_cb *t)
{
    const struct tcp_sendq *q = &t->snd.queue;
    struct tcp_scoreboard *b = &t->board;
    for (struct pkt *p = q->first; p != NULL && p != q->unsent; p = tx_note(p)->next) {
        struct tcp_tx_note *note = tx_note(p);
        if (!note->sacked) {
            b->lost_bytes += note->lost ? 0 : note->len;
            note->lost = true;
            list_remove(&note->order);
            list_push_back(&b->lost, &note->order);
        }
    }
    assert(list_empty(&b->in_flight));
    tcp_mark_fin_lost(t);
}

/* What is believed lost was not: it is in the network. Their order among those that were sent
 * again meanwhile is only roughly that of sending, which makes RACK later, never wrong. */
void tcp_unmark_lost(struct tcp_cb *t)
{
    struct tcp_scoreboard *b = &t->board;
    struct list *at = &b->in_flight;
    struct list *node;
    while ((node = list_pop_front(&b->lost)) != NULL) {
        struct tcp_tx_note *note = list_entry(node, struct tcp_tx_note, order);
        note->lost = false;
        b->lost_bytes -= note->len;
        list_insert_after(at, node);
        at = node;
    }
    assert(b->lost_bytes == 0);
    b->fin_lost = false;
}

/* The lowest packet believed lost and not sent again, or NULL. */
struct pkt *tcp_next_lost(struct tcp_cb *t)
{
    struct list *node = list_first(&t->board.lost);
    assert((node == NULL) == (t->board.lost_bytes == 0));
    return node != NULL ? order_pkt(node) : NULL;
}

/* The packet sent longest ago that is still believed to be in the network, or NULL. */
struct pkt *tcp_oldest_in_flight(struct tcp_cb *t)
{
    struct list *node = list_first(&t->board.in_flight);
    return node != NULL ? order_pkt(node) : NULL;
}

/* The one sent last of those, or NULL. */
struct pkt *tcp_newest_in_flight(struct tcp_cb *t)
{
    struct list *head = &t->board.in_flight;
    return list_empty(head) ? NULL : order_pkt(head->prev);
}

void tcp_inflight_sent(struct tcp_cb *t, struct pkt *p)
{
    struct tcp_scoreboard *b = &t->board;
    struct tcp_tx_note *note = tx_note(p);
    assert(!note->sacked && note->sent_count > 0);
    if (note->lost) {
        note->lost = false;
        assert(b->lost_bytes >= note->len);
        b->lost_bytes -= note->len;
    }
    list_remove(&note->order);
    list_push_back(&b->in_flight, &note->order);
    note->sent_ns = t->net->now_ns;
    note->sent_count =
        note->sent_count < UINT16_MAX ? (uint16_t)(note->sent_count + 1) : note->sent_count;
}

/* rest, a copy of p's note, is what was cut off p: with the same history, behind it. */
void tcp_inflight_split(struct tcp_cb *t, struct pkt *p, struct pkt *rest)
{
    assert(!tx_note(p)->sacked && tx_note(rest)->sent_count == tx_note(p)->sent_count);
    list_init(&tx_note(rest)->order);
    if (tx_note(p)->sent_count > 0) {
        list_insert_after(&tx_note(p)->order, &tx_note(rest)->order);
    }
}

/* p is with the peer: neither on its way nor lost. */
void tcp_inflight_arrived(struct tcp_cb *t, struct pkt *p)
{
    struct tcp_tx_note *note = tx_note(p);
    if (note->lost) {
        note->lost = false;
        assert(t->board.lost_bytes >= note->len);
        t->board.lost_bytes -= note->len;
    }
    list_remove(&note->order);
}

/* The first bytes of a packet were acknowledged, and are about to leave its note. */
void tcp_inflight_trimmed(struct tcp_cb *t, const struct tcp_tx_note *note, uint32_t bytes)
{
    if (note->lost) {
        assert(t->board.lost_bytes >= bytes);
        t->board.lost_bytes -= bytes;
    }
}
