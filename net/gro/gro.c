/*
 * See gro.h. A frame that follows nothing, as most requests do, pays for one comparison of ports.
 */
#include "net/gro/gro.h"

#include "kernel/bytes.h"
#include "net/link/eth.h"
#include "net/link/iface.h"
#include "net/stack.h"
#include "net/wire/csum.h"
#include "net/wire/ipv4.h"
#include "net/wire/tcp.h"

enum {
    /* Offsets in an IPv4 header without options, and in the TCP header behind it. */
    AT_TOTAL = 2,
    AT_FRAGMENT = 6, /* then TTL and protocol */
    AT_PROTOCOL = 9,
    AT_SRC = 12,
    AT_DST = 16,
    AT_PORTS = 20,
    AT_SEQ = 24,
    AT_ACK = 28,
    AT_OFFSET = 32, /* then flags and window */
    AT_FLAGS = 33,
    AT_URGENT = 38,
    AT_OPTIONS = 40,
    HEADERS_BYTES = IPV4_HEADER_BYTES + TCP_HEADER_BYTES,
};
static_assert(AT_OPTIONS == HEADERS_BYTES, "options are what follows");

/* What is known of a frame that another one seems to follow: nothing is for most. */
struct gro_run {
    struct pkt *first; /* NULL: no frame was judged yet */
    struct pkt *last;
    bool open; /* another segment may follow */
    uint32_t segments;
    size_t l3;
    size_t headers;       /* bytes of IP and TCP header */
    uint32_t payload_max; /* bytes of the first one's payload */
    uint32_t next_seq;
};

static inline const uint8_t *ip_of(const struct gro_run *r, const struct pkt *p)
{
    return p->data + r->l3;
}

static inline uint64_t differ64(const uint8_t *a, const uint8_t *b)
{
    return csum_load64(a) ^ csum_load64(b);
}

static inline uint32_t differ32(const uint8_t *a, const uint8_t *b)
{
    return csum_load32(a) ^ csum_load32(b);
}

/* The frame is as long as its IP header says, without padding, has payload, and both checksums are
 * right. */
static bool sound(struct gro_run *r, struct pkt *p)
{
    const uint8_t *ip = ip_of(r, p);
    size_t total = load_be16(ip + AT_TOTAL);
    if (total + r->l3 != pkt_len(p) || total <= r->headers || !ipv4_checksum_good(ip)) {
        return false;
    }
    if ((p->rx_flags & PKT_RX_CSUM_GOOD) == 0) {
        size_t len = total - IPV4_HEADER_BYTES;
        uint32_t sum = csum_pseudo(load_be32(ip + AT_SRC), load_be32(ip + AT_DST), IP_PROTO_TCP,
                                   (uint16_t)len);
        if (csum_finish(csum_add(sum, ip + IPV4_HEADER_BYTES, len)) != 0) {
            return false;
        }
        p->rx_flags |= PKT_RX_CSUM_GOOD;
    }
    return true;
}

/* From another station to this one alone, of a type without tags: what eth_input drops or looks at
 * otherwise begins no run, so that each frame is counted for itself there. */
static bool ethernet_good(const struct net *n, const uint8_t *frame)
{
    return eth_is_ordinary(frame, n->cfg.mac) &&
           load_be16(frame + 2 * (size_t)ETH_ADDR_BYTES) == ETH_TYPE_IPV4;
}

/* The same for ipv4_input. */
static bool ip_good(const struct net *n, const uint8_t *ip)
{
    return ip[0] == IPV4_VERSION_IHL && ip[AT_PROTOCOL] == IP_PROTO_TCP &&
           (load_be16(ip + AT_FRAGMENT) & (IPV4_FLAG_MF | IPV4_OFFSET_MASK)) == 0 &&
           iface_is_to_us(n, load_be32(ip + AT_SRC), load_be32(ip + AT_DST));
}

/* Of IP and TCP header together, with the timestamps alone or without options; 0: with others. */
static size_t headers_bytes(const uint8_t *ip, size_t have)
{
    size_t tcp = (size_t)(ip[AT_OFFSET] >> 4) * 4;
    size_t padded = TCP_HEADER_BYTES + TCP_TIMESTAMPS_PADDED_BYTES;
    if (tcp == padded && have >= IPV4_HEADER_BYTES + padded &&
        load_be32(ip + AT_OPTIONS) == TCP_TIMESTAMPS_HEAD) {
        return IPV4_HEADER_BYTES + padded;
    }
    return tcp == TCP_HEADER_BYTES ? HEADERS_BYTES : 0;
}

/* May the first one be followed at all? Looked at when something seems to. */
static bool may_begin(const struct net *n, struct gro_run *r)
{
    struct pkt *p = r->first;
    const uint8_t *ip = ip_of(r, p);
    if ((r->l3 > 0 && !ethernet_good(n, p->data)) || !ip_good(n, ip) || ip[AT_FLAGS] != TCP_ACK) {
        return false;
    }
    r->headers = headers_bytes(ip, pkt_len(p) - r->l3);
    if (r->headers == 0 || !sound(r, p)) {
        return false;
    }
    r->payload_max = (uint32_t)(pkt_len(p) - r->l3 - r->headers);
    r->next_seq = load_be32(ip + AT_SEQ) + r->payload_max;
    return true;
}

/* Is all that p's headers say what the first one's say, but for what is each one's own? Of the
 * flags, PSH is not compared. */
static bool says_the_same(const struct gro_run *r, const struct pkt *p)
{
    const uint8_t *a = ip_of(r, r->first), *b = ip_of(r, p);
    uint8_t mask[4] = {0xff, (uint8_t)~TCP_PSH, 0xff, 0xff}; /* offset, flags, window */
    uint64_t diff = (uint64_t)(a[0] ^ b[0]) | (uint64_t)(a[1] ^ b[1]);
    diff |= differ32(a + AT_FRAGMENT, b + AT_FRAGMENT) | differ64(a + AT_SRC, b + AT_SRC);
    diff |= differ32(a + AT_PORTS, b + AT_PORTS) | differ32(a + AT_ACK, b + AT_ACK);
    diff |= differ32(a + AT_OFFSET, b + AT_OFFSET) & csum_load32(mask);
    diff |= (uint64_t)(load_be16(a + AT_URGENT) ^ load_be16(b + AT_URGENT));
    if (r->headers > HEADERS_BYTES) {
        diff |= differ64(a + AT_OPTIONS, b + AT_OPTIONS) |
                differ32(a + AT_OPTIONS + 8, b + AT_OPTIONS + 8);
    }
    if (r->l3 > 0) {
        const uint8_t *x = r->first->data, *y = p->data;
        diff |= differ64(x, y) | differ64(x + ETH_HEADER_BYTES - 8, y + ETH_HEADER_BYTES - 8);
    }
    return diff == 0;
}

/* p has the ports of first, the frame in front of it or the run that is open. */
static bool follows(const struct net *n, struct gro_run *r, struct pkt *first, struct pkt *p)
{
    if (r->first != first) {
        r->first = r->last = first;
        r->segments = 1;
        r->open = may_begin(n, r);
    }
    if (!r->open || pkt_len(p) <= r->l3 + r->headers) {
        return false;
    }
    return pkt_len(p) - r->l3 - r->headers <= r->payload_max &&
           load_be32(ip_of(r, p) + AT_SEQ) == r->next_seq && says_the_same(r, p) && sound(r, p);
}

/* Takes p, which follows. */
static void chain(struct gro_run *r, struct pkt *p)
{
    bool pushed = (ip_of(r, p)[AT_FLAGS] & TCP_PSH) != 0;
    pkt_pull(p, r->l3 + r->headers);
    assert(p->frag == NULL && pkt_len(p) > 0);
    r->last->frag = p;
    r->last = p;
    r->segments++;
    r->next_seq += (uint32_t)pkt_len(p);
    r->open = !pushed && pkt_len(p) == r->payload_max && r->segments < GRO_SEGMENTS_MAX;
}

static inline void deliver(struct net *n, struct pkt *p, size_t l3)
{
    if (l3 > 0) {
        ipv4_frame_input(n, p);
        return;
    }
    p->rx_flags &= ~(uint32_t)PKT_RX_L2_BROADCAST;
    ipv4_input(n, p);
}

/*
 * What is counted for the frame and for the datagram is counted for the first one on its way. Those
 * that were not taken with it come behind it with their headers again, as a run or one by one.
 */
static void deliver_run(struct net *n, struct gro_run *r)
{
    struct pkt *p = r->first;
    uint32_t segments = r->segments;
    r->first = NULL; /* the buffer may come again */
    n->counters.gro_runs += segments > 1;
    n->counters.gro_segments += segments - 1;
    while (p != NULL) {
        deliver(n, p, r->l3);
        p = n->run_rest;
        n->run_rest = NULL;
        uint32_t left = p != NULL ? pkt_buffers(p) : 0;
        uint32_t with_it = segments - left - 1;
        n->counters.eth_rx += r->l3 > 0 ? with_it : 0;
        n->counters.ip_rx += with_it;
        n->counters.ip_delivered += with_it;
        segments = left;
        if (p != NULL) {
            pkt_push(p, r->l3 + r->headers);
        }
    }
}

/* The ports of a frame as one word; 0 when it is too short for any. */
static inline uint32_t ports_of(const struct pkt *p, size_t l3)
{
    return pkt_len(p) >= l3 + HEADERS_BYTES ? csum_load32(p->data + l3 + AT_PORTS) : 0;
}

void gro_input(struct net *n, struct pkt *const *batch, size_t count, size_t l3)
{
    struct gro_run r;
    r.l3 = l3;
    r.first = NULL;
    struct pkt *p = count > 0 ? batch[0] : NULL;
    uint32_t ports = p != NULL ? ports_of(p, l3) : 0;
    for (size_t i = 1; p != NULL; i++) {
        struct pkt *next = i < count ? batch[i] : NULL;
        uint32_t its = next != NULL ? ports_of(next, l3) : 0;
        if (unlikely(its == ports && its != 0) && follows(n, &r, p, next)) {
            chain(&r, next);
            continue;
        }
        if (unlikely(r.first == p)) {
            deliver_run(n, &r);
        } else {
            deliver(n, p, l3);
        }
        p = next;
        ports = its;
    }
}
