/*
 * Where the packets that were sent are believed to be: in the network, in the order of their
 * sending, or lost, lowest first. Owns these two lists of struct tcp_sendq and lost_bytes; those
 * the peer told of by SACK are in neither (scoreboard.c). Who is lost is found elsewhere.
 */
#include "net/tcp/int.h"

static struct pkt *order_pkt(struct list *node)
{
    struct tcp_tx_note *note = list_entry(node, struct tcp_tx_note, order);
    return container_of((uint64_t *)(void *)note, struct pkt, cb[0]);
}

/* Into the list of the lost at its place by sequence number. Losses are nearly always found from
 * the lowest up; what was lost again while much is lost above it is looked for from the front, and
 * not for long: the list may then be out of order there, which costs nothing but the order. */
static void insert_lost(struct tcp_sendq *q, struct tcp_tx_note *note)
{
    struct list *at = q->lost.prev;
    uint32_t steps = TCP_LOST_STEPS;
    if (at != &q->lost && seq_gt(list_entry(at, struct tcp_tx_note, order)->seq, note->seq)) {
        at = &q->lost;
        while (steps-- > 0 &&
               seq_lt(list_entry(at->next, struct tcp_tx_note, order)->seq, note->seq)) {
            at = at->next;
        }
    }
    list_insert_after(at, &note->order);
}

void tcp_sendq_mark_lost(struct tcp_cb *t, struct pkt *p)
{
    struct tcp_sendq *q = &t->snd.queue;
    struct tcp_tx_note *note = tx_note(p);
    assert(note->sent_count > 0 && !note->sacked);
    if (note->lost) {
        return;
    }
    note->lost = true;
    q->lost_bytes += note->len;
    list_remove(&note->order);
    insert_lost(q, note);
}

/* All that was sent and is not with the peer. The list of the lost is in order afterwards. One look
 * at each packet, so at most TCP_SPLIT_FACTOR * packets_max (some thousands with the largest
 * buffer, tens of us); asked for by a timeout, which doubles, or by a window that opened after a
 * probe. */
void tcp_sendq_mark_all_lost(struct tcp_cb *t)
{
    struct tcp_sendq *q = &t->snd.queue;
    for (struct pkt *p = q->first; p != NULL && p != q->unsent; p = tx_note(p)->next) {
        struct tcp_tx_note *note = tx_note(p);
        if (!note->sacked) {
            q->lost_bytes += note->lost ? 0 : note->len;
            note->lost = true;
            list_remove(&note->order);
            list_push_back(&q->lost, &note->order);
        }
    }
    assert(list_empty(&q->in_flight));
}

/* What is believed lost was not: it is in the network. Their order among those that were sent
 * again meanwhile is only roughly that of sending, which makes RACK later, never wrong. */
void tcp_sendq_unmark_lost(struct tcp_cb *t)
{
    struct tcp_sendq *q = &t->snd.queue;
    struct list *at = &q->in_flight;
    struct list *node;
    while ((node = list_pop_front(&q->lost)) != NULL) {
        struct tcp_tx_note *note = list_entry(node, struct tcp_tx_note, order);
        note->lost = false;
        q->lost_bytes -= note->len;
        list_insert_after(at, node);
        at = node;
    }
    assert(q->lost_bytes == 0);
}

/* The lowest packet believed lost and not sent again, or NULL. */
struct pkt *tcp_sendq_next_lost(struct tcp_cb *t)
{
    struct list *node = list_first(&t->snd.queue.lost);
    assert((node == NULL) == (t->snd.queue.lost_bytes == 0));
    return node != NULL ? order_pkt(node) : NULL;
}

/* The packet sent longest ago that is still believed to be in the network, or NULL. */
struct pkt *tcp_sendq_oldest(struct tcp_cb *t)
{
    struct list *node = list_first(&t->snd.queue.in_flight);
    return node != NULL ? order_pkt(node) : NULL;
}

/* The one sent last of those, or NULL. */
struct pkt *tcp_sendq_newest(struct tcp_cb *t)
{
    struct list *head = &t->snd.queue.in_flight;
    return list_empty(head) ? NULL : order_pkt(head->prev);
}

/* p went, for the first time or again. */
void tcp_sendq_sent(struct tcp_cb *t, struct pkt *p)
{
    struct tcp_sendq *q = &t->snd.queue;
    struct tcp_tx_note *note = tx_note(p);
    assert(!note->sacked);
    if (p == q->unsent) {
        assert(note->seq == t->snd.nxt && !note->lost);
        q->unsent = note->next;
        t->snd.nxt += note->len;
        t->snd.sent_ns = t->net->now_ns;
    }
    if (note->lost) {
        note->lost = false;
        assert(q->lost_bytes >= note->len);
        q->lost_bytes -= note->len;
    }
    list_remove(&note->order);
    list_push_back(&q->in_flight, &note->order);
    note->sent_ns = t->net->now_ns;
    note->sent_count =
        note->sent_count < UINT16_MAX ? (uint16_t)(note->sent_count + 1) : note->sent_count;
}

/* The first news that p arrived, by SND.UNA or by a block. */
void tcp_delivered(struct tcp_cb *t, struct pkt *p, struct tcp_delivery *d)
{
    struct tcp_sendq *q = &t->snd.queue;
    struct tcp_tx_note *note = tx_note(p);
    assert(note->sent_count > 0 && !note->sacked);
    if (note->lost) {
        note->lost = false;
        q->lost_bytes -= note->len;
    }
    list_remove(&note->order);
    d->delivered += note->len;
    /* RFC 5682: sent once, and before the timeout. */
    if (t->cc.recovery == TCP_RECOVERY_LOSS && note->sent_count == 1 &&
        seq_le(note->seq + note->len, t->loss.recover)) {
        d->original = true;
    }
    if (t->sack_on) {
        tcp_rack_delivered(t, note, d);
    }
}
