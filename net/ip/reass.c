/*
 * Reassembly: see reass.h. Work per fragment is bounded by its source's share of fragments, and one
 * comparison when they come in order; finding its datagram by the number of datagrams.
 */
#include "net/ip/int.h"
#include "net/stack.h"

static void reass_timer(struct timer *t, uint64_t now_ns);

enum status reass_init(struct net *n, struct arena *a)
{
    list_init(&n->reass.active);
    return pool_init(&n->reass.pool, a, "reass", sizeof(struct reass_datagram),
                     n->cfg.limits.reass_datagrams);
}

/* Where a fragment that is held lies in its datagram's payload. */
static uint32_t begin_of(const struct pkt *p)
{
    return (uint32_t)p->cb[0];
}

static uint32_t end_of(const struct pkt *p)
{
    return begin_of(p) + (uint32_t)pkt_len(p);
}

/* Ends a datagram; its buffers are freed unless they were taken out before. */
static void reass_free(struct reass_datagram *d)
{
    struct net *n = d->net;
    assert(n->reass.fragments >= d->fragments);
    n->reass.fragments -= d->fragments;
    timer_cancel(&n->wheel, &d->timer);
    list_remove(&d->node);
    pkt_put(d->first);
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

/* RFC 792: Time Exceeded only when the first fragment is there to be quoted, and that alone is. */
static void report_timeout(struct reass_datagram *d)
{
    struct pkt *rest = d->first->frag;
    d->first->frag = NULL;
    icmp_send_error(d->net, d->first, &d->head, ICMP_TIME_EXCEEDED, ICMP_EXCEEDED_REASSEMBLY);
    d->first->frag = rest;
}

static void reass_timer(struct timer *t, uint64_t now_ns)
{
    struct reass_datagram *d = container_of(t, struct reass_datagram, timer);
    struct net *n = d->net;
    NET_COUNT(n, frag_timeout);
    if (d->have_first) {
        report_timeout(d);
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
        v.fragments += d->fragments;
        if (d->head.id == h->id && d->head.dst == h->dst && d->head.protocol == h->protocol) {
            v.d = d;
        } else if (v.oldest == NULL) {
            v.oldest = d;
        }
    }
    return v;
}

/* So many fragments are held, whoever sent them. */
static uint32_t fragments_max(const struct net *n, const struct pkt *p)
{
    return min_u32(n->cfg.limits.reass_packets, p->pool->count / REASS_POOL_SHARE);
}

/* And so many of one source's. */
static uint32_t source_fragments_max(const struct net *n, const struct pkt *p)
{
    return max_u32(fragments_max(n, p) / REASS_SOURCE_SHARE, REASS_SHARE_MIN);
}

/* A source at its share of datagrams or of fragments makes room out of its own: what somebody else
 * sends in its name does not keep it from being heard, nor its flood another from it. */
static void reass_keep_share(struct net *n, const struct reass_view *v, const struct pkt *p)
{
    uint32_t datagrams = max_u32(n->reass.pool.count / REASS_SOURCE_SHARE, 1);
    bool full =
        (v->d == NULL && v->datagrams >= datagrams) || v->fragments >= source_fragments_max(n, p);
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

/* The piece behind which one from begin on goes; NULL: in front of all. Most come in order. */
static struct pkt *piece_before(const struct reass_datagram *d, uint32_t begin)
{
    if (d->last != NULL && begin_of(d->last) <= begin) {
        return d->last;
    }
    struct pkt *before = NULL;
    for (struct pkt *p = d->first; p != NULL && begin_of(p) <= begin; p = p->frag) {
        before = p;
    }
    return before;
}

/* Whether p has a place behind before. The same piece twice is harmless; a partial overlap is how
 * filters are misled (RFC 1858 4). */
static enum reass_fit reass_place(const struct reass_datagram *d, const struct pkt *p,
                                  const struct pkt *before)
{
    if (before != NULL && end_of(before) > begin_of(p)) {
        bool same = begin_of(before) == begin_of(p) && end_of(before) == end_of(p);
        return same ? REASS_DUPLICATE : REASS_OVERLAP;
    }
    const struct pkt *after = before != NULL ? before->frag : d->first;
    if (after != NULL && begin_of(after) < end_of(p)) {
        return REASS_OVERLAP;
    }
    return d->fragments < source_fragments_max(d->net, p) ? REASS_FITS : REASS_TOO_MANY;
}

/* Takes p. */
static void reass_insert(struct reass_datagram *d, struct pkt *p, struct pkt *before)
{
    struct pkt **at = before != NULL ? &before->frag : &d->first;
    assert(p->frag == NULL && *at != p);
    p->frag = *at;
    *at = p;
    if (p->frag == NULL) {
        d->last = p;
    }
    d->fragments++;
    d->have_bytes = (uint16_t)(d->have_bytes + pkt_len(p));
    d->net->reass.fragments++;
    assert(d->have_bytes <= IPV4_PAYLOAD_MAX_BYTES);
}

/* The last fragment says how long the datagram is; nothing may lie beyond, and it says so once. */
static bool reass_end_agrees(const struct reass_datagram *d, const struct ipv4_header *h,
                             const struct pkt *p)
{
    bool last = !h->more_fragments;
    uint32_t end = end_of(p);
    if (d->total_bytes != 0) {
        return last ? end == d->total_bytes : end <= d->total_bytes;
    }
    return !last || d->last == NULL || end_of(d->last) <= end;
}

/* What h says of the datagram as a whole. */
static void reass_note(struct reass_datagram *d, const struct pkt *p, const struct ipv4_header *h)
{
    bool to_broadcast = d->head.to_broadcast || h->to_broadcast;
    if (begin_of(p) == 0) {
        d->head = *h;
        d->have_first = true;
    }
    d->head.to_broadcast = to_broadcast; /* of any piece counts for the whole */
    if (!h->more_fragments) {
        d->total_bytes = (uint16_t)end_of(p);
    }
}

/* In one buffer if it fits, for what takes one alone; else in front what its protocol looks at. */
static void reass_pull_up(struct pkt *p, size_t total)
{
    bool fits = total <= pkt_len(p) + pkt_tailroom(p);
    pkt_pull_up(p, fits ? total : REASS_PULL_UP_BYTES);
}

/* May it be delivered as it is? Counts why not. */
static bool reass_deliverable(struct net *n, const struct pkt *p, const struct ipv4_header *h,
                              size_t total)
{
    /* The first fragment's header may be longer than the last one's, which was checked. */
    if (h->header_bytes + total > UINT16_MAX) {
        NET_COUNT(n, frag_drop_bad);
        return false;
    }
    const struct ip_protocol *to = ipv4_find_protocol(n, h->protocol);
    if (p->frag != NULL && to != NULL && !to->takes_chains) {
        NET_COUNT(n, frag_drop_too_big);
        return false;
    }
    return true;
}

/* The datagram is whole: out of the table it goes, to the caller. */
static struct pkt *reass_finish(struct net *n, struct reass_datagram *d, struct ipv4_header *h)
{
    assert(d->have_first && d->have_bytes == d->total_bytes);
    struct pkt *p = d->first;
    size_t total = d->total_bytes;
    *h = d->head;
    h->more_fragments = false;
    if (d->has_ce) {
        h->tos |= IP_ECN_CE;
    }
    d->first = NULL;
    reass_free(d);
    assert(pkt_total(p) == total);
    reass_pull_up(p, total);
    if (!reass_deliverable(n, p, h, total)) {
        pkt_put(p);
        return NULL;
    }
    h->total_bytes = (uint16_t)(h->header_bytes + total);
    p->rx_flags &= ~(uint32_t)PKT_RX_CSUM_GOOD; /* whatever a device says of a fragment */
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
    p->cb[0] = h->frag_offset;
    struct pkt *before = piece_before(d, h->frag_offset);
    enum reass_fit fit = reass_place(d, p, before);
    if (fit == REASS_DUPLICATE) {
        NET_COUNT(n, frag_duplicate);
        pkt_put(p);
        return false;
    }
    if (fit == REASS_OVERLAP || !reass_end_agrees(d, h, p)) {
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
    reass_insert(d, p, before);
    reass_note(d, p, h);
    return d->have_bytes == d->total_bytes;
}

/* RFC 791 3.1: all but the last carry a multiple of 8 bytes; no datagram exceeds 65535. */
static bool fragment_good(const struct pkt *p, const struct ipv4_header *h)
{
    size_t len = pkt_len(p);
    return len > 0 && (!h->more_fragments || len % 8 == 0) &&
           h->header_bytes + h->frag_offset + len <= UINT16_MAX;
}

/* Is the next fragment one too many, or one of the last buffers there are to receive? */
static bool reass_is_full(const struct net *n, const struct pkt *p)
{
    return n->reass.fragments >= fragments_max(n, p) ||
           pkt_pool_left(p->pool) < p->pool->count / REASS_POOL_KEPT;
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
    /* A flood pays with its own datagrams before any other's; never with d, which is still needed.
     */
    reass_keep_share(n, &v, p);
    if (reass_is_full(n, p) && !reass_make_room(n, d)) {
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
