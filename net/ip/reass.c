/*
 * Reassembly: see reass.h. Work per fragment is bounded by REASS_FRAGMENTS_MAX comparisons and one
 * copy; finding its datagram by the number of datagrams.
 */
#include <string.h>

#include "net/ip/int.h"
#include "net/stack.h"

static void reass_timer(struct timer *t, uint64_t now_ns);

enum status reass_init(struct net *n, struct arena *a)
{
    list_init(&n->reass.active);
    return pool_init(&n->reass.pool, a, "reass", sizeof(struct reass_datagram),
                     n->cfg.limits.reass_datagrams);
}

/* Ends a datagram; its buffer is freed unless it was taken out before. */
static void reass_free(struct reass_datagram *d)
{
    struct net *n = d->net;
    assert(n->reass.fragments >= d->range_count);
    n->reass.fragments -= d->range_count;
    timer_cancel(&n->wheel, &d->timer);
    list_remove(&d->node);
    pkt_put(d->p);
    pool_put(&n->reass.pool, d);
}

void reass_destroy(struct net *n)
{
    for (struct list *it = list_first(&n->reass.active); it != NULL;
         it = list_first(&n->reass.active)) {
        reass_free(list_entry(it, struct reass_datagram, node));
    }
    assert(n->reass.fragments == 0);
}

/* RFC 792: Time Exceeded only when the first fragment is there to be quoted. */
static void reass_timer(struct timer *t, uint64_t now_ns)
{
    struct reass_datagram *d = container_of(t, struct reass_datagram, timer);
    struct net *n = d->net;
    NET_COUNT(n, frag_timeout);
    if (d->have_first) {
        pkt_trim(d->p, d->ranges[0].end); /* ranges are sorted: the piece from offset 0 on */
        icmp_send_error(n, d->p, &d->head, ICMP_TIME_EXCEEDED, ICMP_EXCEEDED_REASSEMBLY);
    }
    reass_free(d);
}

/* What is held of a fragment's datagram, and of its source's others. */
struct reass_view {
    struct reass_datagram *d;      /* the fragment's own, or NULL */
    struct reass_datagram *oldest; /* of the source's others, or NULL */
    uint32_t datagrams;            /* of the source, all together */
    uint32_t fragments;
};

/* RFC 791 3.2: source, destination, protocol and identification name a datagram. The list is in the
 * order in which they began. */
static struct reass_view reass_find(struct net *n, const struct ipv4_header *h)
{
    struct reass_view v = {0};
    struct list *it;
    list_for_each (it, &n->reass.active) {
        struct reass_datagram *d = list_entry(it, struct reass_datagram, node);
        if (d->head.src != h->src) {
            continue;
        }
        v.datagrams++;
        v.fragments += d->range_count;
        if (d->head.id == h->id && d->head.dst == h->dst && d->head.protocol == h->protocol) {
            v.d = d;
        } else if (v.oldest == NULL) {
            v.oldest = d;
        }
    }
    return v;
}

/* A source at its share of datagrams or of fragments makes room out of its own: what somebody else
 * sends in its name does not keep it from being heard, nor its flood another from it. */
static void reass_keep_share(struct net *n, const struct reass_view *v)
{
    uint32_t datagrams = max_u32(n->reass.pool.count / REASS_SOURCE_SHARE, 1);
    uint32_t fragments =
        max_u32(n->cfg.limits.reass_packets / REASS_SOURCE_SHARE, REASS_FRAGMENTS_MAX);
    bool full = (v->d == NULL && v->datagrams >= datagrams) || v->fragments >= fragments;
    if (full && v->oldest != NULL) {
        NET_COUNT(n, frag_evicted_source);
        reass_free(v->oldest);
    }
}

/* A record for the datagram of h; the table being full, in place of the oldest one. */
static struct reass_datagram *reass_new(struct net *n, const struct ipv4_header *h)
{
    if (n->reass.pool.used == n->reass.pool.count) {
        NET_COUNT(n, frag_evicted);
        struct list *oldest = list_first(&n->reass.active);
        assert(oldest != NULL);
        reass_free(list_entry(oldest, struct reass_datagram, node));
    }
    struct reass_datagram *d = pool_get(&n->reass.pool);
    if (d == NULL) {
        NET_COUNT(n, frag_drop_cap);
        return NULL;
    }
    list_init(&d->node);
    list_push_back(&n->reass.active, &d->node);
    timer_init(&d->timer, reass_timer);
    timer_arm(&n->wheel, &d->timer, n->now_ns + REASS_TIMEOUT_NS);
    d->net = n;
    d->head = *h;
    return d;
}

enum reass_fit { REASS_FITS, REASS_DUPLICATE, REASS_OVERLAP, REASS_TOO_MANY };

/* Where a range goes among those there are, which are sorted and do not overlap. The same piece
 * twice is harmless; a partial overlap is how filters are misled (RFC 1858 4). */
static enum reass_fit reass_place(const struct reass_datagram *d, struct reass_range r,
                                  uint32_t *at)
{
    assert(r.begin < r.end);
    uint32_t i = 0;
    while (i < d->range_count && d->ranges[i].end <= r.begin) {
        i++;
    }
    *at = i;
    if (i < d->range_count && d->ranges[i].begin < r.end) {
        bool same = d->ranges[i].begin == r.begin && d->ranges[i].end == r.end;
        return same ? REASS_DUPLICATE : REASS_OVERLAP;
    }
    return d->range_count < REASS_FRAGMENTS_MAX ? REASS_FITS : REASS_TOO_MANY;
}

static void reass_insert(struct reass_datagram *d, struct reass_range r, uint32_t at)
{
    assert(d->range_count < REASS_FRAGMENTS_MAX && at <= d->range_count);
    memmove(&d->ranges[at + 1], &d->ranges[at], (d->range_count - at) * sizeof(d->ranges[0]));
    d->ranges[at] = r;
    d->range_count++;
    d->have_bytes = (uint16_t)(d->have_bytes + (r.end - r.begin));
    d->net->reass.fragments++;
    assert(d->have_bytes <= REASS_PAYLOAD_MAX_BYTES);
}

/* The last fragment says how long the datagram is; nothing may lie beyond, and it says so once. */
static bool reass_end_agrees(struct reass_datagram *d, const struct ipv4_header *h,
                             struct reass_range r)
{
    bool last = !h->more_fragments;
    uint16_t reached = d->range_count > 0 ? d->ranges[d->range_count - 1].end : 0;
    if (d->total_bytes != 0) {
        return last ? r.end == d->total_bytes : r.end <= d->total_bytes;
    }
    return !last || reached <= r.end;
}

/*
 * Copies p's payload to its place. The first packet to come becomes the gathering buffer; with the
 * fragment at offset 0 its header, without options, is put in front: an ICMP error quotes it.
 * Takes p.
 */
static void reass_gather(struct reass_datagram *d, struct pkt *p, const struct ipv4_header *h,
                         struct reass_range r)
{
    struct pkt *into = d->p != NULL ? d->p : p;
    uint8_t header[IPV4_HEADER_BYTES];
    memcpy(header, p->data - h->header_bytes, sizeof(header));
    uint8_t *base = into->head + REASS_DATA_OFFSET_BYTES;
    memmove(base + r.begin, p->data, (size_t)(r.end - r.begin));
    if (r.begin == 0) {
        memcpy(base - sizeof(header), header, sizeof(header));
        d->head = *h;
        d->head.header_bytes = IPV4_HEADER_BYTES;
        d->have_first = true;
    }
    if (into == p) {
        d->p = p;
        p->data = base;
        p->tail = base + REASS_PAYLOAD_MAX_BYTES;
        assert(p->tail == pkt_end(p));
    } else {
        pkt_put(p);
    }
}

/* The datagram is whole: out of the table it goes, to the caller. */
static struct pkt *reass_finish(struct net *n, struct reass_datagram *d, struct ipv4_header *h)
{
    assert(d->have_first && d->have_bytes == d->total_bytes);
    struct pkt *p = d->p;
    *h = d->head;
    pkt_trim(p, d->total_bytes);
    h->total_bytes = (uint16_t)(h->header_bytes + d->total_bytes);
    h->more_fragments = false;
    if (d->has_ce) {
        h->tos |= IP_ECN_CE;
    }
    d->p = NULL;
    reass_free(d);
    NET_COUNT(n, frag_reassembled);
    return p;
}

/* RFC 3168 5.3: a mark on any piece is one on the whole; together with a piece that could not have
 * been marked it is a contradiction, and the datagram is dropped. */
static bool reass_ecn_agrees(struct reass_datagram *d, const struct ipv4_header *h)
{
    uint8_t ecn = h->tos & IP_ECN_MASK;
    d->has_ce = d->has_ce || ecn == IP_ECN_CE;
    d->has_not_ect = d->has_not_ect || ecn == IP_ECN_NOT_ECT;
    return !(d->has_ce && d->has_not_ect);
}

/* Takes p, whose range fits neither a bound nor the rest of the datagram: d goes with it. */
static void reass_refuse(struct net *n, struct reass_datagram *d, struct pkt *p)
{
    pkt_put(p);
    if (d != NULL) {
        reass_free(d);
    }
}

/* Enters a fragment that is sound in itself; true when the datagram is whole by it. Takes p. */
static bool reass_add(struct net *n, struct reass_datagram *d, struct pkt *p,
                      const struct ipv4_header *h)
{
    struct reass_range r = {h->frag_offset, (uint16_t)(h->frag_offset + pkt_len(p))};
    uint32_t at;
    enum reass_fit fit = reass_place(d, r, &at);
    if (fit == REASS_DUPLICATE) {
        NET_COUNT(n, frag_duplicate);
        pkt_put(p);
        return false;
    }
    if (fit == REASS_OVERLAP || !reass_end_agrees(d, h, r)) {
        NET_COUNT(n, frag_drop_overlap);
        reass_refuse(n, d, p);
        return false;
    }
    if (fit == REASS_TOO_MANY) {
        NET_COUNT(n, frag_drop_too_many);
        reass_refuse(n, d, p);
        return false;
    }
    if (!reass_ecn_agrees(d, h)) {
        NET_COUNT(n, frag_drop_ecn);
        reass_refuse(n, d, p);
        return false;
    }
    reass_insert(d, r, at);
    bool to_broadcast = d->head.to_broadcast || h->to_broadcast;
    reass_gather(d, p, h, r);
    d->head.to_broadcast = to_broadcast; /* of any piece counts for the whole */
    if (!h->more_fragments) {
        d->total_bytes = r.end;
    }
    return d->have_bytes == d->total_bytes;
}

/* RFC 791 3.1: all but the last carry a multiple of 8 bytes; no datagram exceeds 65535. */
static bool fragment_good(const struct pkt *p, const struct ipv4_header *h)
{
    size_t len = pkt_len(p);
    return len > 0 && (!h->more_fragments || len % 8 == 0) &&
           h->header_bytes + h->frag_offset + len <= UINT16_MAX;
}

/* The cap on fragments: the oldest datagram but d goes, so that no source holds it for long. */
static bool reass_make_room(struct net *n, const struct reass_datagram *d)
{
    struct list *first = list_first(&n->reass.active);
    if (first != NULL && d != NULL && first == &d->node) {
        first = first->next;
    }
    if (first == NULL || first == &n->reass.active) {
        return false; /* all of them are d's own */
    }
    NET_COUNT(n, frag_evicted);
    reass_free(list_entry(first, struct reass_datagram, node));
    return true;
}

struct pkt *reass_input(struct net *n, struct pkt *p, struct ipv4_header *h)
{
    NET_COUNT(n, frag_rx);
    struct reass_view v = reass_find(n, h);
    struct reass_datagram *d = v.d;
    if (!fragment_good(p, h)) {
        NET_COUNT(n, frag_drop_bad);
        reass_refuse(n, d, p);
        return NULL;
    }
    if (h->frag_offset + pkt_len(p) > REASS_PAYLOAD_MAX_BYTES) {
        NET_COUNT(n, frag_drop_too_big);
        reass_refuse(n, d, p);
        return NULL;
    }
    /* A flood pays with its own datagrams before any other's; never with d, which is still needed.
     */
    reass_keep_share(n, &v);
    if (n->reass.fragments >= n->cfg.limits.reass_packets && !reass_make_room(n, d)) {
        NET_COUNT(n, frag_drop_cap);
        pkt_put(p);
        return NULL;
    }
    if (d == NULL) {
        d = reass_new(n, h);
    }
    if (d == NULL) {
        pkt_put(p);
        return NULL;
    }
    return reass_add(n, d, p, h) ? reass_finish(n, d, h) : NULL;
}
