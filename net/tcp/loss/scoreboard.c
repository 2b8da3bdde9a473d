/*
 * The scoreboard: what the peer told of by SACK (RFC 2018 5, RFC 6675 3, 4). Owns the part of
 * struct tcp_scoreboard that says so. Blocks are wire input: each is checked, and an ACK may cost
 * only so many steps, whatever it holds (CVE-2018-5390, CVE-2019-5599). Packets are never cut by a
 * block (CVE-2019-11478): one that is covered in part counts as not covered. What follows from a
 * loss is decided in recovery.c. See docs/tcp.md, "Loss and recovery".
 */
#include "net/tcp/loss/int.h"

#include <string.h>

enum {
    WINDOW_MAX_BYTES = 1 << 30, /* RFC 7323 2.2: nothing older is told of */
};

static uint32_t note_end(const struct tcp_tx_note *note)
{
    return note->seq + note->len;
}

static bool at_or_behind_edge(const struct tcp_scoreboard *b, const struct tcp_tx_note *note)
{
    return b->edge == NULL || seq_ge(note->seq, tx_note(b->edge)->seq);
}

static void forget_hints(struct tcp_scoreboard *b, const struct pkt *p)
{
    b->hinted = false;
    for (size_t i = 0; i < TCP_SACK_HINTS; i++) {
        if (b->hint[i].at == p) {
            b->hint[i].at = NULL;
        }
        b->hinted = b->hinted || b->hint[i].at != NULL;
    }
}

/* p, the first of the queue, is about to be dropped from it. */
void tcp_scoreboard_leave(struct tcp_cb *t, struct pkt *p)
{
    struct tcp_scoreboard *b = &t->board;
    struct tcp_tx_note *note = tx_note(p);
    if (note->sacked) {
        if (at_or_behind_edge(b, note)) {
            b->above_bytes -= note->len;
            b->above_packets--;
        }
        b->sacked_bytes -= note->len;
        b->sacked_packets--;
        note->sacked = false;
    }
    if (b->edge == p) {
        b->edge = note->next;
    }
    if (b->hinted) {
        forget_hints(b, p);
    }
    tcp_inflight_arrived(t, p);
    assert(b->above_bytes <= b->sacked_bytes && b->above_packets <= b->sacked_packets);
}

/* p has taken in all of gone, which lay behind it, and neither is sacked. */
void tcp_scoreboard_absorb(struct tcp_cb *t, struct pkt *p, struct pkt *gone)
{
    struct tcp_scoreboard *b = &t->board;
    assert(!tx_note(p)->sacked && !tx_note(gone)->sacked && tx_note(gone)->len == 0);
    if (b->edge == gone) {
        b->edge = p; /* what was not judged is in p now */
    }
    if (b->hinted) {
        forget_hints(b, gone);
    }
    list_remove(&tx_note(gone)->order);
}

/* RFC 2018 8: the peer may have dropped what it told of. What was sacked is in the network again,
 * in front, so that RACK looks at it first; a timeout finds it in any case. Looks at the packets up
 * to the last one sacked, as many as the queue is bounded to; a peer that asks for it again must
 * have a packet acknowledged and tell of others before. */
void tcp_scoreboard_clear(struct tcp_cb *t)
{
    struct tcp_scoreboard *b = &t->board;
    struct list *at = &b->in_flight;
    for (struct pkt *p = t->snd.queue.first; b->sacked_packets > 0; p = tx_note(p)->next) {
        struct tcp_tx_note *note = tx_note(p);
        if (note->sacked) {
            note->sacked = false;
            b->sacked_bytes -= note->len;
            b->sacked_packets--;
            list_insert_after(at, &note->order);
            at = &note->order;
        }
    }
    assert(b->sacked_bytes == 0);
    b->edge = NULL;
    b->above_bytes = 0;
    b->above_packets = 0;
    memset(b->hint, 0, sizeof(b->hint));
    b->hinted = false;
}

static void mark_sacked(struct tcp_cb *t, struct pkt *p, struct tcp_delivery *d)
{
    struct tcp_scoreboard *b = &t->board;
    struct tcp_tx_note *note = tx_note(p);
    tcp_delivered(t, p, d);
    bool highest = b->sacked_packets == 0 || seq_gt(note_end(note), b->high_sacked);
    note->sacked = true;
    b->sacked_bytes += note->len;
    b->sacked_packets++;
    if (at_or_behind_edge(b, note)) {
        b->above_bytes += note->len;
        b->above_packets++;
    }
    if (highest) {
        b->high_sacked = note_end(note);
    }
}

/* Over what an earlier block has marked already: the last packet looked at then; else p itself. */
static struct pkt *skip_marked(const struct tcp_scoreboard *b, struct pkt *p, uint32_t seq)
{
    for (size_t i = 0; i < TCP_SACK_HINTS; i++) {
        const struct tcp_sack_hint *h = &b->hint[i];
        if (h->at != NULL && seq_le(h->first, seq) && seq_lt(seq, h->end) &&
            seq_gt(tx_note(h->at)->seq, tx_note(p)->seq)) {
            p = h->at;
        }
    }
    return p;
}

/* The nearest known packet that does not lie behind seq. */
static struct pkt *start_for(const struct tcp_cb *t, uint32_t seq)
{
    struct pkt *best = t->snd.queue.first;
    for (size_t i = 0; i < TCP_SACK_HINTS; i++) {
        struct pkt *at = t->board.hint[i].at;
        if (at != NULL && seq_le(tx_note(at)->seq, seq) &&
            seq_gt(tx_note(at)->seq, tx_note(best)->seq)) {
            best = at;
        }
    }
    return best;
}

/* Remembers where a block's marking stopped, in the place of one that it grew from, else of the
 * oldest. */
static void remember(struct tcp_scoreboard *b, struct pkt *at, uint32_t first, uint32_t end)
{
    size_t slot = TCP_SACK_HINTS;
    for (size_t i = 0; i < TCP_SACK_HINTS; i++) {
        const struct tcp_sack_hint *h = &b->hint[i];
        if (h->at == NULL || (seq_le(first, h->first) && seq_ge(end, h->end))) {
            slot = i;
        }
    }
    if (slot == TCP_SACK_HINTS) {
        slot = b->next_hint;
        b->next_hint = (uint8_t)((b->next_hint + 1) % TCP_SACK_HINTS);
    }
    b->hinted = true;
    b->hint[slot] = (struct tcp_sack_hint){.at = at, .first = first, .end = end};
}

/* Marks what r covers as a whole, as far as *steps go: what they do not reach, a later ACK's
 * repetition of the block will. */
static void mark_block(struct tcp_cb *t, const struct tcp_range *r, struct tcp_delivery *d,
                       uint32_t *steps)
{
    const struct tcp_sendq *q = &t->snd.queue;
    struct tcp_scoreboard *b = &t->board;
    struct pkt *p = q->first != q->unsent ? skip_marked(b, start_for(t, r->first), r->first) : NULL;
    struct pkt *last = NULL;
    while (p != NULL && p != q->unsent && seq_lt(tx_note(p)->seq, r->end)) {
        if (*steps == 0) {
            break;
        }
        (*steps)--;
        struct tcp_tx_note *note = tx_note(p);
        if (note->sacked) {
            p = skip_marked(b, p, note->seq);
            note = tx_note(p);
        }
        if (!note->sacked && seq_ge(note->seq, r->first) && seq_le(note_end(note), r->end)) {
            mark_sacked(t, p, d);
        }
        last = p;
        p = note->next;
    }
    if (last != NULL) {
        bool done = p == NULL || p == q->unsent || seq_ge(tx_note(p)->seq, r->end);
        uint32_t end = done ? r->end : tx_note(last)->seq;
        remember(b, last, r->first, seq_max(end, r->first));
    }
}

/* RFC 2883 4: the first block tells of a duplicate when it lies below the acknowledgement, or
 * inside the second block. */
static bool first_is_duplicate(const struct tcp_segment *seg)
{
    const struct tcp_range *b = seg->options.sack;
    if (!seq_lt(b[0].first, b[0].end)) {
        return false;
    }
    return (seg->ack - b[0].first <= WINDOW_MAX_BYTES && seq_le(b[0].end, seg->ack)) ||
           (seg->options.sack_count > 1 && seq_ge(b[0].first, b[1].first) &&
            seq_le(b[0].end, b[1].end));
}

/* Inside (SND.UNA, SND.NXT], and not empty, by distances from SND.UNA: no pair of numbers, 2^31
 * apart or not, comes out right by accident (CVE-2021-31889). SND.UNA itself cannot be sacked. */
static bool block_good(const struct tcp_cb *t, const struct tcp_range *r)
{
    uint32_t first = r->first - t->snd.una;
    uint32_t end = r->end - t->snd.una;
    return first > 0 && first < end && end <= tcp_flight(t);
}

/* The blocks of an ACK that was found acceptable; SND.UNA has moved already. */
void tcp_scoreboard_take(struct tcp_cb *t, const struct tcp_segment *seg, struct tcp_delivery *d)
{
    const struct tcp_options *o = &seg->options;
    uint32_t steps = TCP_SACK_STEPS;
    uint32_t i = 0;
    assert(t->sack_on && o->sack_count > 0);
    if (first_is_duplicate(seg)) {
        NET_COUNT(t->net, tcp_rx_dsacks);
        t->loss_cold.dsacks++;
        d->dsack = true;
        d->duplicate_range = o->sack[0];
        i = 1;
    }
    for (; i < o->sack_count; i++) {
        if (block_good(t, &o->sack[i])) {
            mark_block(t, &o->sack[i], d, &steps);
        } else if (t->snd.una - o->sack[i].end > t->snd.max_wnd) { /* else it was overtaken */
            NET_COUNT(t->net, tcp_rx_bad_sack);
        }
    }
}

/* The peer acknowledged up to the middle of what it said it had: it has dropped some (RFC 2018 8).
 */
void tcp_scoreboard_check_reneging(struct tcp_cb *t)
{
    struct pkt *first = t->snd.queue.first;
    if (first != NULL && tx_note(first)->sacked) {
        NET_COUNT(t->net, tcp_rx_sack_reneged);
        tcp_scoreboard_clear(t);
    }
}

/*
 * RFC 6675 4 IsLost: lost is what was sent once and has DupThresh segments or more than (DupThresh
 * - 1) * SMSS bytes sacked above it; segments of ours are counted, so that small ones count as
 * duplicate ACKs do. True when any is newly found. Each packet is passed once.
 */
bool tcp_scoreboard_find_lost(struct tcp_cb *t)
{
    const struct tcp_sendq *q = &t->snd.queue;
    struct tcp_scoreboard *b = &t->board;
    struct pkt *p = b->edge != NULL ? b->edge : q->first;
    bool found = false;
    while (p != NULL && p != q->unsent) {
        struct tcp_tx_note *note = tx_note(p);
        uint32_t own = note->sacked ? note->len : 0;
        if (b->above_packets - note->sacked < TCP_DUPACK_THRESHOLD &&
            b->above_bytes - own <= (TCP_DUPACK_THRESHOLD - 1) * (uint32_t)t->snd.mss) {
            break;
        }
        if (note->sacked) {
            b->above_bytes -= own;
            b->above_packets--;
        } else if (!note->lost && note->sent_count == 1) {
            tcp_mark_lost(t, p);
            found = true;
        }
        p = note->next;
        b->edge = p;
    }
    return found;
}

/*
 * RFC 6675 4 NextSeg, when nothing is lost for sure and nothing new may go: (3) a hole below what
 * was sacked, (4) once in a recovery the last segment, which brings the ACK clock back when the
 * whole tail is gone. Marks it; false: there is none. What was guessed already is walked past
 * again, so that an ACK brings TCP_SACK_STEPS of them at most.
 */
bool tcp_scoreboard_guess_lost(struct tcp_cb *t)
{
    const struct tcp_sendq *q = &t->snd.queue;
    struct tcp_scoreboard *b = &t->board;
    struct pkt *p = b->edge != NULL ? b->edge : q->first;
    uint32_t steps = TCP_SACK_STEPS;
    for (; p != NULL && p != q->unsent && steps > 0; p = tx_note(p)->next, steps--) {
        const struct tcp_tx_note *note = tx_note(p);
        if (b->sacked_packets == 0 || seq_ge(note->seq, b->high_sacked)) {
            break;
        }
        if (!note->sacked && !note->lost && note->sent_count == 1) {
            tcp_mark_lost(t, p);
            return true;
        }
    }
    if (t->loss.rescued || q->last == NULL || q->unsent != NULL) {
        return false;
    }
    const struct tcp_tx_note *last = tx_note(q->last);
    if (last->sacked || last->lost || last->sent_count > 1) {
        return false;
    }
    t->loss.rescued = true;
    tcp_mark_lost(t, q->last);
    return true;
}
