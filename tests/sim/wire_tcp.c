/*
 * The observer's judgement of TCP: what one can tell of a stack by looking at its segments alone.
 * See wire.h. The section numbers are of RFC 9293 where no other is named.
 */
#include <string.h>

#include "tests/sim/draw.h"
#include "tests/sim/wire.h"

enum {
    MSS_DEFAULT = 536,
};

static bool before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

struct wire_flow *wire_find_flow(const struct wire *w, int from, const struct wire_segment *s)
{
    int me = from < s->to ? 0 : 1;
    for (size_t i = w->flow_count; i-- > 0;) {
        const struct wire_flow *f = &w->flows[i];
        if (f->host[me] == from && f->host[1 - me] == s->to && f->port[me] == s->sport &&
            f->port[1 - me] == s->dport) {
            return (struct wire_flow *)f;
        }
    }
    return NULL;
}

static struct wire_flow *make_flow(struct wire *w, int from, const struct wire_segment *s)
{
    int me = from < s->to ? 0 : 1;
    if (w->flow_count == WIRE_FLOWS_MAX) {
        return NULL;
    }
    struct wire_flow *f = &w->flows[w->flow_count++];
    memset(f, 0, sizeof(*f));
    f->host[me] = from;
    f->host[1 - me] = s->to;
    f->port[me] = s->sport;
    f->port[1 - me] = s->dport;
    return f;
}

static void learn_options(struct wire_side *me, const struct wire_segment *s)
{
    me->mss = s->has_mss ? s->mss : MSS_DEFAULT;
    me->scales = s->has_scale;
    me->shift = s->shift;
    me->sacks = s->sack_permitted;
    me->stamps = s->has_ts;
}

static void learn_syn(struct wire_flow *f, int side, const struct wire_segment *s)
{
    struct wire_side *me = &f->side[side];
    bool over = f->reset || (me->finished && me->has_edge);
    if ((s->flags & WIRE_ACK) != 0 && me->opened && over) {
        f->excused = true; /* that connection was over here, and an old SYN came in late */
        return;
    }
    if (me->opened && me->isn == s->seq) {
        return;
    }
    if (me->opened && (s->flags & WIRE_ACK) == 0) {
        memset(f->side, 0, sizeof(f->side)); /* a new connection on the old ports */
    } else if (me->opened) {
        memset(me, 0, sizeof(*me));
    }
    me->opened = true;
    me->isn = s->seq;
    me->end = s->seq + 1;
    learn_options(me, s);
}

/* Payload: within the peer's MSS and window, and the same bytes for a sequence number for ever. */
static const char *check_payload(struct wire *w, struct wire_flow *f, int side,
                                 const struct wire_segment *s)
{
    struct wire_side *me = &f->side[side];
    const struct wire_side *peer = &f->side[1 - side];
    uint32_t fin = (s->flags & WIRE_FIN) != 0;
    uint32_t end = s->seq + (uint32_t)s->len + fin;
    uint64_t key = wire_stream_key(w->seed, (struct wire_port){f->host[side], f->port[side]},
                                   (struct wire_port){f->host[1 - side], f->port[1 - side]});
    uint32_t offset = s->seq - (me->isn + 1);
    if (s->len > peer->mss) {
        return wire_breach(w, "payload beyond the peer's MSS", s->len, peer->mss);
    }
    if (stream_compare(key, offset, s->payload, s->len) != s->len) {
        return wire_breach(w, "payload is not the stream's at that sequence number", offset,
                           s->len);
    }
    /* One byte or a FIN may probe a closed window (3.8.6.1). */
    if (peer->has_edge && before(peer->edge + 1, end)) {
        return wire_breach(w, "sent beyond the peer's window", end - me->isn, peer->edge - me->isn);
    }
    if (me->finished && before(me->fin, s->seq + (uint32_t)s->len)) {
        return wire_breach(w, "payload behind the FIN", s->seq - me->isn, me->fin - me->isn);
    }
    if (fin != 0 && me->finished && end - 1 != me->fin) {
        return wire_breach(w, "the FIN moved", end - 1 - me->isn, me->fin - me->isn);
    }
    if (fin != 0) {
        me->finished = true;
        me->fin = end - 1;
    }
    me->end = before(me->end, end) ? end : me->end;
    return NULL;
}

/* 3.8.6: neither the acknowledgement nor the window's right edge ever goes back. */
static const char *check_ack(struct wire *w, struct wire_flow *f, int side,
                             const struct wire_segment *s)
{
    struct wire_side *me = &f->side[side];
    const struct wire_side *peer = &f->side[1 - side];
    bool scaled = me->scales && peer->scales && (s->flags & WIRE_SYN) == 0;
    uint32_t edge = s->ack + ((uint32_t)s->window << (scaled ? me->shift : 0));
    if (!peer->opened || before(peer->end, s->ack)) {
        return wire_breach(w, "acknowledges what was never sent", s->ack - peer->isn,
                           peer->end - peer->isn);
    }
    if (me->has_edge && before(s->ack, me->ack)) {
        return wire_breach(w, "the acknowledgement went back", s->ack - peer->isn,
                           me->ack - peer->isn);
    }
    if (me->has_edge && before(edge, me->edge)) {
        return wire_breach(w, "the window's right edge went back", edge - peer->isn,
                           me->edge - peer->isn);
    }
    if (!me->has_edge || before(me->edge, edge)) {
        me->edge = edge;
    }
    me->has_edge = true;
    me->ack = s->ack;
    return NULL;
}

static bool covers(const struct wire_sack *b, uint32_t left, uint32_t right)
{
    return !before(left, b->left) && !before(b->right, right);
}

/* RFC 2883 4: the first block reports a duplicate when it lies below the acknowledgement or inside
 * the second block. */
static bool is_dsack(const struct wire_segment *s)
{
    const struct wire_sack *b = s->sack;
    return before(b->left, s->ack) || (s->sack_count > 1 && covers(&b[1], b->left, b->right));
}

/* RFC 2018 4: the first block holds the segment that this ACK answers, if any block does. What else
 * goes out at that moment answers nothing. */
static const char *check_sack_order(struct wire *w, const struct wire_flow *f, int side,
                                    const struct wire_segment *s, uint32_t first)
{
    struct wire_input *in = &w->input;
    /* One with an old timestamp (RFC 7323 5.3 R1) or an ACK that is too old (RFC 5961 5.2) is not
     * accepted: the ACK that it draws tells nothing of it. */
    bool answers = in->host == f->host[side] && in->is_tcp && !in->corrupted && in->seg.len > 0 &&
                   in->seg.sport == s->dport && in->seg.dport == s->sport &&
                   before(s->ack, in->seg.seq) && !before(in->seg.ack, f->side[1 - side].ack) &&
                   !(s->has_ts && in->seg.has_ts && before(in->seg.tsval, s->tsecr));
    answers = answers && !in->told;
    in->told = in->told || answers;
    for (uint32_t i = first; i < s->sack_count && answers; i++) {
        if (covers(&s->sack[i], in->seg.seq, in->seg.seq + 1) && i != first) {
            return wire_breach(w, "the SACK block of the newest segment is not the first", i,
                               first);
        }
    }
    return NULL;
}

/* RFC 2018 3, 4: blocks are of what came, beyond the acknowledgement, within the window, apart. */
static const char *check_sack(struct wire *w, struct wire_flow *f, int side,
                              const struct wire_segment *s)
{
    const struct wire_side *me = &f->side[side];
    const struct wire_side *peer = &f->side[1 - side];
    if (s->sack_count == 0) {
        return NULL;
    }
    if (!me->sacks || !peer->sacks || (s->flags & WIRE_ACK) == 0) {
        return wire_breach(w, "SACK blocks that were not agreed on", s->sack_count, 0);
    }
    uint32_t first = is_dsack(s) ? 1 : 0;
    for (uint32_t i = 0; i < s->sack_count; i++) {
        const struct wire_sack *b = &s->sack[i];
        if (!before(b->left, b->right) || before(peer->end, b->right)) {
            return wire_breach(w, "a SACK block of what was never sent", b->right - peer->isn,
                               peer->end - peer->isn);
        }
        if (i >= first && (!before(s->ack, b->left) || before(me->edge, b->right))) {
            return wire_breach(w, "a SACK block outside acknowledgement and window",
                               b->left - peer->isn, s->ack - peer->isn);
        }
        for (uint32_t k = first; k < i; k++) {
            if (before(s->sack[k].left, b->right) && before(b->left, s->sack[k].right)) {
                return wire_breach(w, "overlapping SACK blocks", i, k);
            }
        }
    }
    w->sack_blocks += s->sack_count;
    return check_sack_order(w, f, side, s, first);
}

static void note_tsval(struct wire_side *me, uint32_t tsval)
{
    if (me->tsval_count == 0 || me->tsvals[(me->tsval_count - 1) % WIRE_TSVALS_KEPT] != tsval) {
        me->tsvals[me->tsval_count++ % WIRE_TSVALS_KEPT] = tsval;
    }
}

/* Did this side send that value? Of those that are not kept any more it may have. */
static bool sent_tsval(const struct wire_side *me, uint32_t value)
{
    uint32_t kept = min_u32(me->tsval_count, WIRE_TSVALS_KEPT);
    for (uint32_t i = 0; i < kept; i++) {
        if (me->tsvals[i] == value) {
            return true;
        }
    }
    uint32_t oldest = me->tsvals[me->tsval_count % WIRE_TSVALS_KEPT];
    return me->tsval_count > WIRE_TSVALS_KEPT && before(value, oldest);
}

/* RFC 7323 3.2: on every segment once agreed on; values never go back; what is echoed was sent. */
static const char *check_stamps(struct wire *w, struct wire_flow *f, int side,
                                const struct wire_segment *s)
{
    struct wire_side *me = &f->side[side];
    const struct wire_side *peer = &f->side[1 - side];
    bool syn = (s->flags & WIRE_SYN) != 0;
    bool agreed = me->stamps && peer->opened && peer->stamps;
    if (!syn && agreed != s->has_ts && peer->opened) {
        return wire_breach(w, "timestamps against what was agreed", s->has_ts, agreed);
    }
    if (!s->has_ts) {
        return NULL;
    }
    if (me->tsval_count > 0) {
        uint32_t last = me->tsvals[(me->tsval_count - 1) % WIRE_TSVALS_KEPT];
        if (before(s->tsval, last)) {
            return wire_breach(w, "a timestamp went back", s->tsval, last);
        }
    }
    note_tsval(me, s->tsval);
    bool echoes = (s->flags & WIRE_ACK) != 0;
    if (echoes && peer->stamps && !sent_tsval(peer, s->tsecr)) {
        return wire_breach(w, "echoes a timestamp that was never sent", s->tsecr,
                           peer->tsvals[(peer->tsval_count - 1) % WIRE_TSVALS_KEPT]);
    }
    return NULL;
}

static const char *check_opened(struct wire *w, struct wire_flow *f, int side,
                                const struct wire_segment *s)
{
    const char *wrong = (s->flags & WIRE_ACK) != 0 ? check_ack(w, f, side, s) : NULL;
    wrong = wrong != NULL ? wrong : check_stamps(w, f, side, s);
    wrong = wrong != NULL ? wrong : check_sack(w, f, side, s);
    if (wrong == NULL && (s->len > 0 || (s->flags & WIRE_FIN) != 0)) {
        wrong = check_payload(w, f, side, s);
    }
    return wrong;
}

static const char *check_rst(struct wire *w, struct wire_flow *f, int from,
                             const struct wire_segment *s)
{
    const struct wire_input *in = &w->input;
    f->reset = true;
    w->resets++;
    if (in->host == from && in->is_tcp && !in->corrupted && (in->seg.flags & WIRE_RST) != 0) {
        return wire_breach(w, "answers a RST with a RST", s->seq, in->seg.seq);
    }
    return s->len == 0 ? NULL : wire_breach(w, "a RST with payload", s->len, 0);
}

const char *wire_check_segment(struct wire *w, int from, const struct wire_segment *s)
{
    w->segments++;
    w->payload_bytes += s->len;
    if (s->bad_options) {
        return wire_breach(w, "malformed options", s->flags, 0);
    }
    struct wire_flow *f = wire_find_flow(w, from, s);
    f = f != NULL ? f : make_flow(w, from, s);
    if (f == NULL) {
        return wire_breach(w, "more connections than the simulator can watch", w->flow_count,
                           WIRE_FLOWS_MAX);
    }
    if ((s->flags & WIRE_RST) != 0) {
        return check_rst(w, f, from, s);
    }
    int side = f->host[0] == from ? 0 : 1;
    if ((s->flags & WIRE_SYN) != 0 && !f->excused) {
        learn_syn(f, side, s);
    }
    if (f->excused) {
        return NULL;
    }
    if (!f->side[side].opened) {
        return wire_breach(w, "a segment before its SYN", s->seq, 0);
    }
    return check_opened(w, f, side, s);
}
