/*
 * One way over the simulated wire: see link.h. Frames in flight are in a binary heap by time of
 * arrival.
 */
#include "tests/sim/link.h"

#include <stdlib.h>
#include <string.h>

enum {
    ETHERTYPE_IPV4_HIGH = 0x08, /* 0x0800, the bytes at 12 and 13 */
    BITS_PER_BYTE = 8,
};
#define BURST_SILENCE_NS (500 * (uint64_t)NS_PER_MS)

static uint64_t next_outage(const struct link_params *p, struct draw *d, uint64_t from_ns)
{
    if (p->outage_every_ns == 0) {
        return DEADLINE_NONE;
    }
    return from_ns + draw_between(d, p->outage_every_ns / 4, p->outage_every_ns * 2);
}

void link_way_init(struct link_way *w, const struct link_params *params, uint64_t key)
{
    memset(w, 0, sizeof(*w));
    w->params = *params;
    w->key = mix_u64(key);
    w->outages.state = mix_u64(w->key);
    w->outage_at_ns = next_outage(params, &w->outages, 0);
}

static bool earlier(const struct link_frame *a, const struct link_frame *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void link_heap_push(struct link_heap *h, struct link_frame *f)
{
    if (h->count == h->room) {
        h->room = h->room == 0 ? 64 : h->room * 2;
        h->frames = realloc(h->frames, h->room * sizeof(struct link_frame *));
        assert(h->frames != NULL);
    }
    f->order = h->order++;
    size_t at = h->count++;
    while (at > 0 && earlier(f, h->frames[(at - 1) / 2])) {
        h->frames[at] = h->frames[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    h->frames[at] = f;
}

struct link_frame *link_heap_pop(struct link_heap *h)
{
    assert(h->count > 0);
    struct link_frame *top = h->frames[0];
    struct link_frame *last = h->frames[--h->count];
    size_t at = 0;
    for (size_t child = 1; child < h->count; child = 2 * at + 1) {
        if (child + 1 < h->count && earlier(h->frames[child + 1], h->frames[child])) {
            child++;
        }
        if (!earlier(h->frames[child], last)) {
            break;
        }
        h->frames[at] = h->frames[child];
        at = child;
    }
    if (h->count > 0) {
        h->frames[at] = last;
    }
    return top;
}

void link_heap_free(struct link_heap *h)
{
    for (size_t i = 0; i < h->count; i++) {
        free(h->frames[i]);
    }
    free(h->frames);
    memset(h, 0, sizeof(*h));
}

struct link_frame *link_frame_new(const uint8_t *bytes, size_t len)
{
    struct link_frame *f = malloc(sizeof(*f) + len);
    assert(f != NULL);
    memset(f, 0, sizeof(*f));
    f->len = len;
    memcpy(f->bytes, bytes, len);
    return f;
}

struct link_frame *link_frame_copy(const struct link_frame *f)
{
    struct link_frame *twin = malloc(sizeof(*f) + f->len);
    assert(twin != NULL);
    memcpy(twin, f, sizeof(*f) + f->len);
    return twin;
}

static bool in_outage(struct link_way *w, uint64_t now_ns)
{
    while (now_ns >= w->outage_at_ns) {
        w->outage_end_ns = w->outage_at_ns + draw_between(&w->outages, 1, w->params.outage_ns);
        w->outage_at_ns = next_outage(&w->params, &w->outages, w->outage_end_ns);
    }
    return now_ns < w->outage_end_ns;
}

/* The Gilbert-Elliott chain takes one step with each frame. A burst is over after a silence, too:
 * it would outlast any connection that sends a frame a minute. */
static bool in_burst(struct link_way *w, struct draw *d, uint64_t now_ns)
{
    if (w->params.burst_enter_ppm == 0) {
        return false;
    }
    if (now_ns - w->sent_ns > BURST_SILENCE_NS) {
        w->bursting = false;
    }
    w->sent_ns = now_ns;
    uint32_t turn = w->bursting ? w->params.burst_leave_ppm : w->params.burst_enter_ppm;
    if (draw_chance(d, turn)) {
        w->bursting = !w->bursting;
    }
    return w->bursting && draw_chance(d, w->params.burst_loss_ppm);
}

/* The time on the line, or false when the queue in front of it is too long. */
static bool serialise(struct link_way *w, const struct link_frame *f, uint64_t now_ns,
                      uint64_t *left_ns)
{
    uint64_t start_ns = max_u64(now_ns, w->line_free_ns);
    *left_ns = start_ns;
    if (w->params.rate_bps == 0) {
        return true;
    }
    if (start_ns - now_ns > w->params.queue_ns && !f->precious) {
        return false;
    }
    *left_ns = start_ns + f->len * BITS_PER_BYTE * NS_PER_S / w->params.rate_bps;
    w->line_free_ns = *left_ns;
    return true;
}

/* What a router with a long queue does to a packet that can be marked: both bits of ECN set, and
 * the checksum changed by as much (RFC 1624). */
static void mark(struct link_frame *f, size_t at)
{
    bool ipv4 = at == 0 || (f->bytes[12] == ETHERTYPE_IPV4_HIGH && f->bytes[13] == 0);
    uint8_t *ip = f->bytes + at;
    uint8_t ecn = ipv4 ? ip[1] & 3 : 0;
    if (ecn != 1 && ecn != 2) {
        return;
    }
    ip[1] |= 3;
    uint32_t sum = (uint32_t)ip[10] << 8 | ip[11];
    sum = sum - (3u - ecn) + (sum < 3u - ecn ? 0xffff : 0); /* ones' complement */
    ip[10] = (uint8_t)(sum >> 8);
    ip[11] = (uint8_t)sum;
}

/*
 * See link.h: flips that every Internet checksum sees, in the part that one covers. Of a fragment
 * but the first only the header is: the datagram's checksum covers them all, and flips in two of
 * them may cancel each other out, which nobody would see.
 */
static bool corrupt(struct draw *d, struct link_frame *f, size_t at)
{
    if (at > 0 && (f->bytes[12] != ETHERTYPE_IPV4_HIGH || f->bytes[13] != 0)) {
        return false;
    }
    size_t ip_len = (size_t)f->bytes[at + 2] << 8 | f->bytes[at + 3];
    bool later = ((f->bytes[at + 6] & 0x1f) | f->bytes[at + 7]) != 0;
    size_t covered = later ? (size_t)(f->bytes[at] & 0x0f) * 4 : ip_len;
    size_t word = at + 2 * draw_below(d, (covered + 1) / 2);
    uint16_t flips = 0;
    for (uint64_t n = draw_between(d, 1, 3); n > 0; n--) {
        flips |= (uint16_t)(1u << draw_below(d, 16));
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

/* Does f get onto the line, and when does it leave it? */
static enum link_fate enter(struct link_way *w, struct draw *d, const struct link_frame *f,
                            uint64_t now_ns, uint64_t *left_ns)
{
    bool burst = in_burst(w, d, now_ns);
    bool lost = draw_chance(d, w->params.loss_ppm);
    if (in_outage(w, now_ns) && !f->spare) {
        return LINK_LOST_OUTAGE;
    }
    if (!serialise(w, f, now_ns, left_ns)) {
        return LINK_LOST_QUEUE;
    }
    if (burst && !f->spare) {
        return LINK_LOST_BURST;
    }
    return lost && !f->spare ? LINK_LOST : LINK_SENT;
}

enum link_fate link_way_send(struct link_way *w, struct link_heap *h, struct link_frame *f,
                             size_t ip_offset, uint64_t now_ns)
{
    const struct link_params *p = &w->params;
    struct draw of_frame = {.state = w->key + mix_u64(w->frames++)};
    struct draw *d = &of_frame;
    uint64_t left_ns;
    enum link_fate fate = enter(w, d, f, now_ns, &left_ns);
    if (link_lost(fate)) {
        return fate;
    }
    if (p->mark_ns != 0 && left_ns - now_ns > p->mark_ns) {
        mark(f, ip_offset);
    }
    f->at_ns = max_u64(left_ns + p->delay_ns + draw_between(d, 0, p->jitter_ns), w->last_ns);
    if (draw_chance(d, p->reorder_ppm)) {
        f->at_ns += draw_between(d, 1, p->reorder_ns);
        fate = LINK_SENT_LATE;
    } else {
        w->last_ns = f->at_ns;
    }
    if (draw_chance(d, p->duplicate_ppm)) {
        struct link_frame *twin = link_frame_copy(f);
        twin->at_ns = f->at_ns + draw_between(d, 0, p->reorder_ns);
        link_heap_push(h, twin);
        fate = LINK_SENT_TWICE;
    }
    if (!f->corrupted && draw_chance(d, p->corrupt_ppm) && !f->spare && corrupt(d, f, ip_offset)) {
        fate = LINK_SENT_CORRUPT;
    }
    link_heap_push(h, f);
    return fate;
}
