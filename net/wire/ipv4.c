/*
 * IPv4 headers: what is believed of a received one. Pure functions over bytes.
 */
#include "net/wire/ipv4.h"

#include <string.h>

#include "kernel/bytes.h"

enum { /* option types, RFC 791 3.1 */
       IPV4_OPT_END = 0,
       IPV4_OPT_NOP = 1,
       IPV4_OPT_LSRR = 131,
       IPV4_OPT_SSRR = 137,
};

/* Options are stepped over within their bounds and otherwise ignored; source routes are refused, as
 * RFC 7126 4.3 and 4.4 advise. */
cold_fn static enum ipv4_bad ipv4_check_options(const uint8_t *opt, size_t len)
{
    size_t at = 0;
    while (at < len && opt[at] != IPV4_OPT_END) {
        if (opt[at] == IPV4_OPT_NOP) {
            at++;
            continue;
        }
        if (len - at < 2 || opt[at + 1] < 2 || opt[at + 1] > len - at) {
            return IPV4_BAD_OPTION;
        }
        if (opt[at] == IPV4_OPT_LSRR || opt[at] == IPV4_OPT_SSRR) {
            return IPV4_BAD_SOURCE_ROUTE;
        }
        at += opt[at + 1];
    }
    return IPV4_GOOD;
}

static inline bool checksum_good(const uint8_t *bytes, size_t header_bytes)
{
    return header_bytes == IPV4_HEADER_BYTES ? ipv4_checksum_good(bytes)
                                             : csum_finish(csum_add(0, bytes, header_bytes)) == 0;
}

/* RFC 1122 3.2.1.2, and the fields, of a header whose length is known to lie within len. */
static inline enum ipv4_bad decode_fields(struct ipv4_header *h, const uint8_t *bytes, size_t len,
                                          size_t header_bytes)
{
    uint16_t total_bytes = load_be16(bytes + 2);
    if (unlikely(total_bytes < header_bytes || total_bytes > len)) {
        return IPV4_BAD_TOTAL_LEN;
    }
    if (unlikely(!checksum_good(bytes, header_bytes))) {
        return IPV4_BAD_CHECKSUM;
    }
    uint16_t frag = load_be16(bytes + 6);
    ipv4_decode_fields(h, bytes);
    h->header_bytes = (uint8_t)header_bytes;
    if (unlikely((frag & (IPV4_FLAG_MF | IPV4_OFFSET_MASK)) != 0)) {
        h->frag_offset = (uint16_t)((frag & IPV4_OFFSET_MASK) * 8);
        h->more_fragments = (frag & IPV4_FLAG_MF) != 0;
    }
    return IPV4_GOOD;
}

/* A header with options, or none at all: RFC 1122 3.2.1.1 and 3.2.1.8, in the order that keeps
 * every read within what was checked. */
cold_fn static enum ipv4_bad decode_else(struct ipv4_header *h, const uint8_t *bytes, size_t len)
{
    if (len < IPV4_HEADER_BYTES) {
        return IPV4_BAD_SHORT;
    }
    if (bytes[0] >> 4 != 4) {
        return IPV4_BAD_VERSION;
    }
    size_t header_bytes = (size_t)(bytes[0] & 15) * 4;
    if (header_bytes < IPV4_HEADER_BYTES || header_bytes > len) {
        return IPV4_BAD_HEADER_LEN;
    }
    enum ipv4_bad why = decode_fields(h, bytes, len, header_bytes);
    if (why != IPV4_GOOD) {
        return why;
    }
    return ipv4_check_options(bytes + IPV4_HEADER_BYTES, header_bytes - IPV4_HEADER_BYTES);
}

enum ipv4_bad ipv4_decode(struct ipv4_header *h, const uint8_t *bytes, size_t len)
{
    if (likely(len >= IPV4_HEADER_BYTES && bytes[0] == IPV4_VERSION_IHL)) {
        return decode_fields(h, bytes, len, IPV4_HEADER_BYTES);
    }
    return decode_else(h, bytes, len);
}
