/*
 * The send queue: bytes the owner handed over, copied once into packets that stay here until they
 * are acknowledged. A packet is sent whole or not at all; one that must go in parts is split first.
 *
 * Bookkeeping: each packet's note says where its payload lies, so that data and tail may wander
 * while the packet is on its way down. `bytes` and `packets` always equal the sums over the queue;
 * what became of the packets that were sent is loss/'s to know.
 */
#include "net/tcp/loss/loss.h"
#include "net/tcp/send/send.h"
#include "net/wire/csum.h"

#include <string.h>

/* The sequence number behind everything queued, before a FIN. */
static uint32_t queue_end(const struct tcp_cb *t)
{
    return t->snd.queue.last != NULL
               ? tx_note(t->snd.queue.last)->seq + tx_note(t->snd.queue.last)->len
               : t->snd.nxt;
}

/* Is the payload's sum kept in its note? Else the device takes it. */
static bool sums(const struct tcp_cb *t)
{
    return !(t->net->cfg.offload & NET_OFFLOAD_TX_CSUM);
}

/* What p has now has another sum, for it is other bytes. */
static void sum_anew(const struct tcp_cb *t, struct pkt *p)
{
    struct tcp_tx_note *note = tx_note(p);
    if (sums(t)) {
        note->sum = (uint16_t)csum_add(0, p->head + note->offset, note->len);
    }
}

/* Copies bytes and returns their sum, or anything when nobody wants it. */
static inline uint32_t copy(const struct tcp_cb *t, uint8_t *to, const uint8_t *bytes, size_t len)
{
    if (likely(sums(t))) {
        return csum_copy(to, bytes, len);
    }
    memcpy(to, bytes, len);
    return 0;
}

/* Copies take bytes behind p's, and adds them to its sum. */
static void copy_behind(const struct tcp_cb *t, struct pkt *p, const uint8_t *bytes, size_t take)
{
    struct tcp_tx_note *note = tx_note(p);
    uint32_t sum = copy(t, p->head + note->offset + note->len, bytes, take);
    note->sum = (uint16_t)csum_reduce(note->sum + (note->len & 1 ? csum_odd(sum) : sum));
    note->len = (uint16_t)(note->len + take);
}

/* Copies what still fits into p, the last packet, which has not been sent. */
apart_fn static size_t fill_last(struct tcp_cb *t, struct pkt *p, const uint8_t *bytes, size_t len)
{
    const struct tcp_tx_note *note = tx_note(p);
    assert(!pkt_shared(p) && note->sent_count == 0);
    size_t room = note->len < t->snd.mss ? (size_t)t->snd.mss - note->len : 0;
    size_t behind = (size_t)PKT_BUF_BYTES - note->offset - note->len;
    size_t take = min_size(min_size(len, room), behind);
    copy_behind(t, p, bytes, take);
    t->snd.queue.bytes += (uint32_t)take;
    return take;
}

/* p, new, with as much of bytes as a segment has, goes to the end. Returns how much that is. */
static size_t push_back(struct tcp_cb *t, struct pkt *p, const uint8_t *bytes, size_t len)
{
    struct tcp_sendq *q = &t->snd.queue;
    struct tcp_tx_note *note = tx_note(p);
    size_t take = min_size(len, t->snd.mss);
    assert(take > 0 && take <= pkt_tailroom(p));
    note->seq = queue_end(t); /* what is not set is zero: the packet is new */
    note->offset = (uint16_t)pkt_headroom(p);
    note->len = (uint16_t)take;
    note->sum = (uint16_t)copy(t, p->data, bytes, take);
    list_init(&note->order);
    if (q->last != NULL) {
        tx_note(q->last)->next = p;
    } else {
        q->first = p;
    }
    q->last = p;
    if (q->unsent == NULL) {
        q->unsent = p;
    }
    q->packets++;
    q->bytes += (uint32_t)take;
    return take;
}

/* Is less than a part of what is for data left of the pool? */
static bool pool_below(const struct net *n, uint32_t fraction)
{
    uint32_t left = pkt_pool_left(n->cfg.tx_pool);
    uint32_t total = n->cfg.tx_pool->count - n->cfg.tx_reserve;
    return left < n->cfg.tx_reserve + total / fraction;
}

/*
 * The less is left of the pool, the fewer packets a connection may hold, so that many peers that
 * take nothing cannot have all there are: a fourth of what is for data is for connections that hold
 * next to nothing yet.
 */
static bool pool_denies(const struct tcp_cb *t)
{
    const struct net *n = t->net;
    if (!pool_below(n, 2)) {
        return false;
    }
    return t->snd.queue.packets >= (pool_below(n, 4) ? TCP_SHORTAGE_PACKETS : TCP_PRESSURE_PACKETS);
}

/* A packet to queue, or NULL. A connection that is denied more has some queued, the ACK of which
 * wakes its writer; else *no_packet says that there was none. */
static struct pkt *queue_alloc(struct tcp_cb *t, bool *no_packet)
{
    if (pool_denies(t)) {
        return NULL;
    }
    struct pkt *p = net_alloc_tx(t->net, false);
    *no_packet = p == NULL;
    return p;
}

/* Takes as much as the buffer and the pool have room for; returns how much. *no_packet: it is less
 * for want of packets alone. */
size_t tcp_sendq_append(struct tcp_cb *t, const uint8_t *bytes, size_t len, bool *no_packet)
{
    *no_packet = false;
    size_t room = t->snd.queue.bytes < t->snd.buf_bytes ? t->snd.buf_bytes - t->snd.queue.bytes : 0;
    size_t want = min_size(len, room);
    size_t done = t->snd.queue.unsent != NULL ? fill_last(t, t->snd.queue.last, bytes, want) : 0;
    while (done < want && t->snd.queue.packets < tcp_sendq_packets_max(t)) {
        struct pkt *p = queue_alloc(t, no_packet);
        if (p == NULL) {
            break;
        }
        done += push_back(t, p, bytes + done, want - done);
    }
    return done;
}

/*
 * May p be cut in two? What a peer can bring about is bounded as queueing is (CVE-2019-11478): by
 * twice the packets that may be queued, which is what the same bytes take in segments of the least
 * path MTU, and by the pool's last fourth. The first packet always may: all waits for it, so the
 * connection moves on whatever it holds. It may take from the reserve, too, for the queues may hold
 * every other buffer there is, and only what this one lets go will free any; but not from the
 * reserve's lower half, which stays for ACKs: a peer may keep what is split by acknowledging
 * nothing.
 */
static bool may_split(const struct tcp_cb *t, const struct pkt *p)
{
    const struct net *n = t->net;
    if (p != t->snd.queue.first &&
        (t->snd.queue.packets >= TCP_SPLIT_FACTOR * tcp_sendq_packets_max(t) || pool_below(n, 4))) {
        return false;
    }
    return pkt_pool_left(n->cfg.tx_pool) > n->cfg.tx_reserve / 2;
}

/*
 * Cuts p after len bytes; the rest goes to a new packet behind it, with the same history. False
 * when there is no buffer, or none for this: then nothing changed, and the next ACK or timeout asks
 * again. p may be on its way down: only its note changes.
 */
bool tcp_sendq_split(struct tcp_cb *t, struct pkt *p, uint16_t len)
{
    struct tcp_sendq *q = &t->snd.queue;
    struct tcp_tx_note *note = tx_note(p);
    assert(len > 0 && len < note->len && !note->sacked);
    struct pkt *rest = may_split(t, p) ? net_alloc_tx(t->net, true) : NULL;
    if (rest == NULL) {
        NET_COUNT(t->net, tcp_tx_no_split);
        return false;
    }
    uint16_t rest_len = (uint16_t)(note->len - len);
    size_t offset = pkt_headroom(rest);
    assert(rest_len <= pkt_tailroom(rest));
    memcpy(pkt_append(rest, rest_len), p->head + note->offset + len, rest_len);
    *tx_note(rest) = *note;
    tx_note(rest)->offset = (uint16_t)offset;
    tx_note(rest)->seq = note->seq + len;
    tx_note(rest)->len = rest_len;
    tcp_inflight_split(t, p, rest);
    note->next = rest;
    note->len = len;
    sum_anew(t, p);
    sum_anew(t, rest);
    if (q->last == p) {
        q->last = rest;
    }
    q->packets++;
    return true;
}

static void pop_first(struct tcp_cb *t)
{
    struct tcp_sendq *q = &t->snd.queue;
    struct pkt *p = q->first;
    const struct tcp_tx_note *note = tx_note(p);
    assert(q->packets > 0 && q->bytes >= note->len && p != q->unsent);
    tcp_scoreboard_leave(t, p);
    q->bytes -= note->len;
    q->first = note->next;
    if (q->last == p) {
        q->last = NULL;
        assert(q->first == NULL);
    }
    q->packets--;
    pkt_put(p);
}

/* Both never sent, or both believed lost: then it makes no difference in which of them a byte is.
 */
static bool same_fate(const struct tcp_tx_note *a, const struct tcp_tx_note *b)
{
    return a->lost == b->lost && (a->lost || (a->sent_count == 0 && b->sent_count == 0));
}

/* Makes room for len bytes in p: where it was cut or trimmed, what is free is in front. */
static void make_room(struct pkt *p, uint32_t len)
{
    struct tcp_tx_note *note = tx_note(p);
    if (note->offset + len > PKT_BUF_BYTES) {
        memmove(p->head + PKT_HEADROOM, p->head + note->offset, note->len);
        note->offset = PKT_HEADROOM;
    }
}

/* The packet behind p gave all it had: out of the queue. It may be on its way down still. */
static void drop_behind(struct tcp_cb *t, struct pkt *p)
{
    struct tcp_sendq *q = &t->snd.queue;
    struct pkt *empty = tx_note(p)->next;
    assert(tx_note(empty)->len == 0 && empty != q->unsent);
    tcp_scoreboard_absorb(t, p, empty);
    tx_note(p)->next = tx_note(empty)->next;
    q->last = q->last == empty ? p : q->last;
    q->packets--;
    pkt_put(empty);
}

/*
 * p, about to go, grows to len bytes at the expense of those behind it that share its fate, so that
 * what was once cut small does not stay so: segments are made anew from the stream, and a smaller
 * path MTU costs one packet more and not one for each. p must not be on its way down; those behind
 * may be, only their notes change. The work is bounded by len: an emptied packet had a byte at
 * least.
 */
void tcp_sendq_refill(struct tcp_cb *t, struct pkt *p, uint32_t len)
{
    struct tcp_tx_note *note = tx_note(p);
    assert(!pkt_shared(p) && !note->sacked && len <= TCP_SEGMENT_MAX);
    make_room(p, len);
    while (note->len < len && note->next != NULL && same_fate(note, tx_note(note->next))) {
        struct pkt *next = note->next;
        struct tcp_tx_note *from = tx_note(next);
        uint32_t take = min_u32(from->len, len - note->len);
        copy_behind(t, p, next->head + from->offset, take);
        note->sent_count = (uint16_t)max_u32(note->sent_count, from->sent_count);
        from->seq += take;
        from->offset = (uint16_t)(from->offset + take);
        from->len = (uint16_t)(from->len - take);
        if (from->len == 0) {
            drop_behind(t, p);
        } else {
            sum_anew(t, next);
        }
    }
}

void tcp_sendq_sent(struct tcp_cb *t, struct pkt *p)
{
    assert(p != t->snd.queue.unsent);
    tcp_inflight_sent(t, p);
}

void tcp_sendq_sent_new(struct tcp_cb *t, struct pkt *p)
{
    const struct tcp_tx_note *note = tx_note(p);
    assert(p == t->snd.queue.unsent && note->seq == t->snd.nxt);
    t->snd.queue.unsent = note->next;
    t->snd.nxt += note->len;
    t->snd.sent_ns = t->net->now_ns;
    tcp_inflight_new(t, p);
}

/* The first bytes of the first packet: a box on the way may have cut it. */
static void trim_first(struct tcp_cb *t, uint32_t bytes, struct tcp_delivery *d)
{
    struct tcp_tx_note *note = tx_note(t->snd.queue.first);
    assert(bytes < note->len);
    if (note->sacked) {
        tcp_scoreboard_clear(t); /* it does not have all of it any more */
    }
    tcp_inflight_trimmed(t, note, bytes);
    t->snd.queue.bytes -= bytes;
    note->seq += bytes;
    note->offset = (uint16_t)(note->offset + bytes);
    note->len = (uint16_t)(note->len - bytes);
    sum_anew(t, t->snd.queue.first);
    d->acked += bytes;
    d->delivered += bytes;
}

/*
 * Drops what SND.UNA has passed and adds to d what that tells. The round trip is measured on the
 * first whole packet acknowledged, and only when nothing acknowledged had been sent twice (RFC 6298
 * 3, Karn) or was known to have arrived before.
 */
void tcp_sendq_ack(struct tcp_cb *t, struct tcp_delivery *d)
{
    struct tcp_sendq *q = &t->snd.queue;
    bool ambiguous = false;
    while (q->first != NULL && q->first != q->unsent) {
        struct tcp_tx_note *note = tx_note(q->first);
        uint32_t covered = seq_ahead(note->seq, t->snd.una);
        if (covered == 0) {
            break;
        }
        ambiguous = ambiguous || note->sent_count > 1 || note->sacked;
        if (covered < note->len) {
            trim_first(t, covered, d);
            break;
        }
        if (d->rtt_ns == 0) {
            d->rtt_ns = max_u64(t->net->now_ns - note->sent_ns, 1);
        }
        if (!note->sacked) {
            tcp_delivered(t, q->first, d);
        }
        d->acked += note->len;
        d->largest = max_u32(d->largest, note->len);
        pop_first(t);
    }
    if (ambiguous) {
        d->rtt_ns = 0;
    }
}

/* All of it, at the end of the connection: bounded as the queue is, and once. */
void tcp_sendq_drop(struct tcp_cb *t)
{
    struct tcp_sendq *q = &t->snd.queue;
    q->unsent = NULL;
    while (q->first != NULL) {
        pop_first(t);
    }
    t->snd.una = t->snd.nxt;
    assert(q->bytes == 0 && q->packets == 0);
    assert(t->board.lost_bytes == 0 && t->board.sacked_bytes == 0);
    assert(list_empty(&t->board.in_flight) && list_empty(&t->board.lost));
}
