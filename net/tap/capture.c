/*
 * Captures: see capture.h. The ring holds records one behind the other, none of them over its end;
 * where the next one would be, it begins at the front again.
 */
#include "net/tap/capture.h"

#include "kernel/bytes.h"
#include "net/core/text.h"
#include "net/wire/eth.h"
#include "net/wire/ipv4.h"

struct record {
    uint64_t unix_ns;
    uint64_t lost;       /* in front of it */
    const char *counter; /* of why it was dropped; NULL: it was not */
    const char *help;
    uint32_t captured;
    uint32_t original;
    bool inbound;
    uint8_t bytes[];
};

static size_t record_bytes(uint32_t captured)
{
    return (size_t)align_up(sizeof(struct record) + captured, sizeof(uint64_t));
}

/* Room for a record of so many bytes, or NULL. */
static struct record *take_room(struct capture *c, size_t bytes)
{
    if (c->used == 0) {
        c->read_at = c->write_at = 0;
        c->wrap_at = c->ring_bytes;
    }
    bool wrapped = c->used > 0 && c->write_at <= c->read_at;
    size_t room = (wrapped ? c->read_at : c->ring_bytes) - c->write_at;
    if (room < bytes && !wrapped && c->read_at >= bytes) {
        c->wrap_at = c->write_at;
        c->write_at = 0;
        room = c->read_at;
    }
    if (room < bytes) {
        return NULL;
    }
    struct record *r = (struct record *)(void *)(c->ring + c->write_at);
    c->write_at += bytes;
    c->used += bytes;
    return r;
}

static bool is_reader_end(const struct capture_config *g, const uint8_t *ip, const uint8_t *tcp,
                          bool inbound)
{
    uint32_t address = load_be32(ip + (inbound ? 12 : 16));
    uint16_t theirs = load_be16(tcp + (inbound ? 0 : 2));
    uint16_t ours = load_be16(tcp + (inbound ? 2 : 0));
    return address == g->reader_address && theirs == g->reader_port && ours == g->own_port;
}

/* Of the connection that the capture is read by? It would be captured by being told of. */
static bool is_readers(const struct capture *c, const struct pkt *p, bool inbound)
{
    const uint8_t *ip = p->data + ETH_HEADER_BYTES;
    size_t have = pkt_len(p);
    if (c->config.own_port == 0 || have < ETH_HEADER_BYTES + IPV4_HEADER_BYTES + 4 ||
        load_be16(p->data + 2 * (size_t)ETH_ADDR_BYTES) != ETH_TYPE_IPV4 || ip[9] != IP_PROTO_TCP) {
        return false;
    }
    size_t header = (size_t)(ip[0] & 15) * 4;
    return have >= ETH_HEADER_BYTES + header + 4 &&
           is_reader_end(&c->config, ip, ip + header, inbound);
}

static void *keep(struct capture *c, const struct pkt *p, size_t total, bool inbound,
                  uint64_t now_ns)
{
    uint32_t captured = (uint32_t)min_size(total, c->config.snaplen);
    struct record *r = take_room(c, record_bytes(captured));
    if (r == NULL) {
        c->lost++;
        c->lost_untold++;
        return NULL;
    }
    *r = (struct record){.unix_ns = now_ns + c->config.unix_offset_ns,
                         .lost = c->lost_untold,
                         .captured = captured,
                         .original = (uint32_t)total,
                         .inbound = inbound};
    c->lost_untold = 0;
    (void)pkt_copy(p, 0, r->bytes, captured);
    return r;
}

static void *see(void *arg, const struct pkt *p, enum net_tap_dir dir, uint64_t now_ns)
{
    struct capture *c = arg;
    bool inbound = dir == NET_TAP_IN;
    if (capture_over(c) || is_readers(c, p, inbound)) {
        return NULL;
    }
    size_t total = pkt_total(p);
    c->received++;
    if (bpf_run(c->config.program, p->data, pkt_len(p), total) == 0) {
        return NULL;
    }
    c->accepted++;
    return keep(c, p, total, inbound, now_ns);
}

static void note_drop(void *arg, void *seen, const char *counter, const char *help)
{
    struct record *r = seen;
    (void)arg;
    r->counter = counter;
    r->help = help;
}

void capture_init(struct capture *c, const struct capture_config *config, void *ring,
                  size_t ring_bytes, uint64_t now_ns)
{
    assert(config->snaplen >= 1 && config->snaplen <= CAPTURE_SNAPLEN_MAX);
    assert(ring_bytes >= CAPTURE_RING_MIN_BYTES && (uintptr_t)ring % sizeof(uint64_t) == 0);
    *c = (struct capture){.config = *config,
                          .ring = ring,
                          .ring_bytes = ring_bytes / sizeof(uint64_t) * sizeof(uint64_t),
                          .start_unix_ns = now_ns + config->unix_offset_ns};
    c->wrap_at = c->ring_bytes;
    c->tap = (struct net_tap){.arg = c, .see = see, .dropped = note_drop};
}

bool capture_over(const struct capture *c)
{
    return c->config.packets_max != 0 && c->accepted - c->lost >= c->config.packets_max;
}

/* The oldest record; there is one. */
static const struct record *oldest(struct capture *c)
{
    if (c->read_at == c->wrap_at) {
        c->read_at = 0;
        c->wrap_at = c->ring_bytes;
    }
    return (const struct record *)(const void *)(c->ring + c->read_at);
}

static size_t write_record(const struct record *r, uint8_t *out, size_t max)
{
    char comment[PCAPNG_COMMENT_MAX];
    if (r->counter != NULL) {
        struct text t = text_begin(comment, sizeof(comment));
        text_say(&t, r->help);
        text_say(&t, " (");
        text_say(&t, r->counter);
        text_say(&t, ")");
    }
    struct pcapng_packet p = {.unix_ns = r->unix_ns,
                              .bytes = r->bytes,
                              .captured = r->captured,
                              .original = r->original,
                              .inbound = r->inbound,
                              .lost = r->lost,
                              .comment = r->counter != NULL ? comment : NULL};
    return pcapng_packet(out, max, &p);
}

size_t capture_read(struct capture *c, uint8_t *out, size_t max)
{
    if (c->used == 0) {
        return 0;
    }
    const struct record *r = oldest(c);
    size_t written = write_record(r, out, max);
    if (written > 0) {
        size_t bytes = record_bytes(r->captured);
        c->read_at += bytes;
        c->used -= bytes;
    }
    return written;
}

size_t capture_end(const struct capture *c, uint8_t *out, size_t max, uint64_t now_ns)
{
    uint64_t unix_ns = now_ns + c->config.unix_offset_ns;
    struct pcapng_statistics s = {.unix_ns = unix_ns,
                                  .start_unix_ns = c->start_unix_ns,
                                  .end_unix_ns = unix_ns,
                                  .received = c->received,
                                  .accepted = c->accepted,
                                  .lost = c->lost};
    return pcapng_statistics(out, max, &s);
}
