/*
 * The simulated link: see link.h. Frames in flight are in a binary heap by time of arrival.
 */
#include "tests/sim/link.h"

#include <stdlib.h>
#include <string.h>

enum {
    ETHERTYPE_IPV4_HIGH = 0x08, /* 0x0800, the bytes at 12 and 13 */
    BITS_PER_BYTE = 8,
};

static uint64_t next_outage(struct link *l, const struct link_params *p, uint64_t from_ns)
{
    if (p->outage_every_ns == 0) {
        return DEADLINE_NONE;
    }
    return from_ns + draw_between(&l->draw, p->outage_every_ns / 4, p->outage_every_ns * 2);
}

void link_init(struct link *l, uint64_t seed, const struct link_params params[2], size_t ip_offset)
{
    memset(l, 0, sizeof(*l));
    l->draw.state = mix_u64(seed);
    l->ip_offset = ip_offset;
    for (int i = 0; i < 2; i++) {
        l->way[i].params = params[i];
        l->way[i].outage_at_ns = next_outage(l, &params[i], 0);
    }
}

void link_free(struct link *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->heap[i]);
    }
    free(l->heap);
    l->heap = NULL;
    l->count = l->room = 0;
}

static bool earlier(const struct link_frame *a, const struct link_frame *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void heap_push(struct link *l, struct link_frame *f)
{
    if (l->count == l->room) {
        l->room = l->room == 0 ? 64 : l->room * 2;
        l->heap = realloc(l->heap, l->room * sizeof(struct link_frame *));
        assert(l->heap != NULL);
    }
    size_t at = l->count++;
    while (at > 0 && earlier(f, l->heap[(at - 1) / 2])) {
        l->heap[at] = l->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    l->heap[at] = f;
}

static struct link_frame *heap_pop(struct link *l)
{
    assert(l->count > 0);
    struct link_frame *top = l->heap[0];
    struct link_frame *last = l->heap[--l->count];
    size_t at = 0;
    for (size_t child = 1; child < l->count; child = 2 * at + 1) {
        if (child + 1 < l->count && earlier(l->heap[child + 1], l->heap[child])) {
            child++;
        }
        if (!earlier(l->heap[child], last)) {
            break;
        }
        l->heap[at] = l->heap[child];
        at = child;
    }
    if (l->count > 0) {
        l->heap[at] = last;
    }
    return top;
}

static bool in_outage(struct link *l, struct link_way *w, uint64_t now_ns)
{
    while (now_ns >= w->outage_at_ns) {
        w->outage_end_ns = w->outage_at_ns + draw_between(&l->draw, 1, w->params.outage_ns);
        w->outage_at_ns = next_outage(l, &w->params, w->outage_end_ns);
    }
    return now_ns < w->outage_end_ns;
}

/* The time on the line, or false when the queue in front of it is too long. */
static bool serialise(struct link_way *w, size_t len, uint64_t now_ns, uint64_t *left_ns,
                      bool precious)
{
    uint64_t start_ns = max_u64(now_ns, w->line_free_ns);
    *left_ns = start_ns;
    if (w->params.rate_bps == 0) {
        return true;
    }
    if (start_ns - now_ns > w->params.queue_ns && !precious) {
        return false;
    }
    *left_ns = start_ns + len * BITS_PER_BYTE * NS_PER_S / w->params.rate_bps;
    w->line_free_ns = *left_ns;
    return true;
}

/* See link.h: flips that every Internet checksum sees, in the part that one covers. */
static bool corrupt(struct link *l, struct link_frame *f)
{
    size_t at = l->ip_offset;
    if (at > 0 && (f->bytes[12] != ETHERTYPE_IPV4_HIGH || f->bytes[13] != 0)) {
        return false;
    }
    size_t ip_len = (size_t)f->bytes[at + 2] << 8 | f->bytes[at + 3];
    size_t word = at + 2 * draw_below(&l->draw, (ip_len + 1) / 2);
    uint16_t flips = 0;
    for (uint64_t n = draw_between(&l->draw, 1, 3); n > 0; n--) {
        flips |= (uint16_t)(1u << draw_below(&l->draw, 16));
    }
    if (word + 1 >= at + ip_len) {
        flips = (uint16_t)(flips >> 8 != 0 ? flips & 0xff00 : 0x0100); /* an odd last byte */
    } else {
        f->bytes[word + 1] ^= (uint8_t)flips;
    }
    f->bytes[word] ^= (uint8_t)(flips >> 8);
    f->corrupted = true;
    return true;
}

static struct link_frame *frame_new(struct link *l, int from, const uint8_t *bytes, size_t len)
{
    struct link_frame *f = malloc(sizeof(*f) + len);
    assert(f != NULL);
    f->order = l->order++;
    f->from = from;
    f->corrupted = false;
    f->len = len;
    memcpy(f->bytes, bytes, len);
    return f;
}

static enum link_fate lose(struct link *l, struct link_way *w, bool precious, enum link_fate how)
{
    l->frames_lost++;
    w->spared = w->spared || precious;
    return how;
}

enum link_fate link_send(struct link *l, int from, const uint8_t *bytes, size_t len,
                         uint64_t now_ns, bool precious)
{
    struct link_way *w = &l->way[from];
    const struct link_params *p = &w->params;
    uint64_t left_ns;
    bool spare = precious && w->spared;
    l->frames_in++;
    if (in_outage(l, w, now_ns) && !spare) {
        return lose(l, w, precious, LINK_LOST_OUTAGE);
    }
    if (!serialise(w, len, now_ns, &left_ns, precious)) {
        return lose(l, w, precious, LINK_LOST_QUEUE);
    }
    if (draw_chance(&l->draw, p->loss_ppm) && !spare) {
        return lose(l, w, precious, LINK_LOST);
    }
    enum link_fate fate = LINK_SENT;
    struct link_frame *f = frame_new(l, from, bytes, len);
    f->at_ns = max_u64(left_ns + p->delay_ns + draw_between(&l->draw, 0, p->jitter_ns), w->last_ns);
    if (draw_chance(&l->draw, p->reorder_ppm)) {
        f->at_ns += draw_between(&l->draw, 1, p->reorder_ns);
        fate = LINK_SENT_LATE;
    } else {
        w->last_ns = f->at_ns;
    }
    if (draw_chance(&l->draw, p->duplicate_ppm)) {
        struct link_frame *twin = frame_new(l, from, bytes, len);
        twin->at_ns = f->at_ns + draw_between(&l->draw, 0, p->reorder_ns);
        heap_push(l, twin);
        fate = LINK_SENT_TWICE;
    }
    if (draw_chance(&l->draw, p->corrupt_ppm) && !spare && corrupt(l, f)) {
        l->frames_corrupted++;
        w->spared = w->spared || precious;
        fate = LINK_SENT_CORRUPT;
    } else if (precious) {
        w->spared = false;
    }
    heap_push(l, f);
    return fate;
}

struct link_frame *link_take(struct link *l, uint64_t now_ns)
{
    return l->count > 0 && l->heap[0]->at_ns <= now_ns ? heap_pop(l) : NULL;
}

uint64_t link_next_ns(const struct link *l)
{
    return l->count > 0 ? l->heap[0]->at_ns : DEADLINE_NONE;
}
