/*
 * pcapng: see pcapng.h. A block is its type, its length, what it says, options, and its length
 * again; all of it in whole words of four bytes.
 */
#include "net/tap/pcapng.h"

#include <string.h>

#include "kernel/bytes.h"
#include "net/core/text.h"

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_STATISTICS = 5,
    BLOCK_PACKET = 6,
    BYTE_ORDER = 0x1a2b3c4d,
    LINKTYPE_ETHERNET = 1,
    NANOSECONDS = 9, /* if_tsresol: 10^-9 */

    OPT_END = 0,
    OPT_COMMENT = 1,
    SHB_USERAPPL = 4,
    IF_NAME = 2,
    IF_DESCRIPTION = 3,
    IF_IPV4ADDR = 4,
    IF_MACADDR = 6,
    IF_SPEED = 8,
    IF_TSRESOL = 9,
    IF_FILTER = 11,
    IF_OS = 12,
    EPB_FLAGS = 2,
    EPB_DROPCOUNT = 4,
    ISB_STARTTIME = 2,
    ISB_ENDTIME = 3,
    ISB_IFRECV = 4,
    ISB_FILTERACCEPT = 6,
    ISB_OSDROP = 7,

    FLAG_INBOUND = 1,
    FLAG_OUTBOUND = 2,
    FLAG_UNICAST = 1 << 2,
    FLAG_MULTICAST = 2 << 2,
    FLAG_BROADCAST = 3 << 2,
    TEXT_MAX = 255, /* of an option; a longer one is cut */
};

/* A block under construction; full: it does not fit, and nothing is written any more. */
struct block {
    uint8_t *out;
    size_t max;
    size_t len;
    bool full;
};

static void put(struct block *b, const void *bytes, size_t len)
{
    size_t padded = (size_t)align_up(len, 4);
    if (b->full || b->max - b->len < padded) {
        b->full = true;
        return;
    }
    memcpy(b->out + b->len, bytes, len);
    memset(b->out + b->len + len, 0, padded - len);
    b->len += padded;
}

static void put32(struct block *b, uint32_t v)
{
    put(b, &v, sizeof(v));
}

/* A time or a count in two halves, the upper one first, as pcapng has times. */
static void put_halves(struct block *b, uint64_t v)
{
    put32(b, (uint32_t)(v >> 32));
    put32(b, (uint32_t)v);
}

static void put_option(struct block *b, uint16_t code, const void *bytes, size_t len)
{
    uint16_t head[2] = {code, (uint16_t)len};
    put(b, head, sizeof(head));
    put(b, bytes, len);
}

static void put_text(struct block *b, uint16_t code, const char *text, size_t most)
{
    if (text != NULL && text[0] != '\0') {
        put_option(b, code, text, text_len(text, most));
    }
}

static void put_count(struct block *b, uint16_t code, uint64_t v)
{
    put_option(b, code, &v, sizeof(v));
}

static void put_time(struct block *b, uint16_t code, uint64_t unix_ns)
{
    uint32_t halves[2] = {(uint32_t)(unix_ns >> 32), (uint32_t)unix_ns};
    put_option(b, code, halves, sizeof(halves));
}

static struct block begin(uint8_t *out, size_t max, uint32_t type)
{
    struct block b = {.out = out, .max = max};
    put32(&b, type);
    put32(&b, 0); /* its length is not known yet */
    return b;
}

static size_t end(struct block *b)
{
    put32(b, OPT_END);
    uint32_t total = (uint32_t)b->len + 4;
    put32(b, total);
    if (b->full) {
        return 0;
    }
    memcpy(b->out + 4, &total, sizeof(total));
    return b->len;
}

static size_t section(uint8_t *out, size_t max, const char *application)
{
    struct block b = begin(out, max, BLOCK_SECTION);
    uint16_t version[2] = {1, 0};
    put32(&b, BYTE_ORDER);
    put(&b, version, sizeof(version));
    put_halves(&b, UINT64_MAX); /* the section's length is not known */
    put_text(&b, SHB_USERAPPL, application, TEXT_MAX);
    return end(&b);
}

static void put_filter(struct block *b, const char *filter)
{
    uint8_t bytes[1 + TEXT_MAX] = {0}; /* 0: in the language of libpcap */
    if (filter != NULL && filter[0] != '\0') {
        size_t len = text_len(filter, TEXT_MAX);
        memcpy(bytes + 1, filter, len);
        put_option(b, IF_FILTER, bytes, len + 1);
    }
}

static void put_address(struct block *b, uint32_t address, uint8_t prefix_bits)
{
    uint8_t bytes[8];
    if (address != 0) {
        store_be32(bytes, address);
        store_be32(bytes + 4, prefix_bits == 0 ? 0 : UINT32_MAX << (32 - prefix_bits));
        put_option(b, IF_IPV4ADDR, bytes, sizeof(bytes));
    }
}

static size_t interface(uint8_t *out, size_t max, const struct pcapng_interface *i)
{
    struct block b = begin(out, max, BLOCK_INTERFACE);
    uint16_t link[2] = {LINKTYPE_ETHERNET, 0};
    uint8_t resolution = NANOSECONDS;
    put(&b, link, sizeof(link));
    put32(&b, i->snaplen);
    put_text(&b, IF_NAME, i->name, TEXT_MAX);
    put_text(&b, IF_DESCRIPTION, i->description, TEXT_MAX);
    put_address(&b, i->address, i->prefix_bits);
    put_option(&b, IF_MACADDR, i->mac, sizeof(i->mac));
    if (i->speed_bps != 0) {
        put_count(&b, IF_SPEED, i->speed_bps);
    }
    put_option(&b, IF_TSRESOL, &resolution, sizeof(resolution));
    put_filter(&b, i->filter);
    put_text(&b, IF_OS, i->os, TEXT_MAX);
    return end(&b);
}

size_t pcapng_begin(uint8_t *out, size_t max, const char *application,
                    const struct pcapng_interface *i)
{
    size_t first = section(out, max, application);
    size_t second = first > 0 ? interface(out + first, max - first, i) : 0;
    return second > 0 ? first + second : 0;
}

/* epb_flags: direction and how it was addressed. */
static uint32_t flags_of(const struct pcapng_packet *p)
{
    uint32_t cast = FLAG_UNICAST;
    if (p->captured >= 6 && (p->bytes[0] & 1) != 0) {
        static const uint8_t all_ones[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
        cast = memcmp(p->bytes, all_ones, 6) == 0 ? FLAG_BROADCAST : FLAG_MULTICAST;
    }
    return cast | (p->inbound ? FLAG_INBOUND : FLAG_OUTBOUND);
}

size_t pcapng_packet(uint8_t *out, size_t max, const struct pcapng_packet *p)
{
    struct block b = begin(out, max, BLOCK_PACKET);
    uint32_t flags = flags_of(p);
    put32(&b, 0); /* the interface */
    put_halves(&b, p->unix_ns);
    put32(&b, p->captured);
    put32(&b, p->original);
    put(&b, p->bytes, p->captured);
    put_option(&b, EPB_FLAGS, &flags, sizeof(flags));
    if (p->lost > 0) {
        put_count(&b, EPB_DROPCOUNT, p->lost);
    }
    put_text(&b, OPT_COMMENT, p->comment, PCAPNG_COMMENT_MAX);
    return end(&b);
}

size_t pcapng_statistics(uint8_t *out, size_t max, const struct pcapng_statistics *s)
{
    struct block b = begin(out, max, BLOCK_STATISTICS);
    put32(&b, 0);
    put_halves(&b, s->unix_ns);
    put_time(&b, ISB_STARTTIME, s->start_unix_ns);
    put_time(&b, ISB_ENDTIME, s->end_unix_ns);
    put_count(&b, ISB_IFRECV, s->received);
    put_count(&b, ISB_FILTERACCEPT, s->accepted);
    put_count(&b, ISB_OSDROP, s->lost);
    return end(&b);
}
