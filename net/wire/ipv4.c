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

/*
 * Is the checksum of a header good? Almost every one has five words; of so few the sum is taken as
 * a number, for a ones' complement sum is one modulo 2^16 - 1, and so is 2^64, in whatever byte
 * order (RFC 1071 2 (B)). It is not 0: the version is not.
 */
static inline bool checksum_good(const uint8_t *bytes, size_t header_bytes)
{
    uint64_t sum;
    uint64_t more;
    uint32_t last;
    if (header_bytes != IPV4_HEADER_BYTES) {
        return csum_finish(csum_add(0, bytes, header_bytes)) == 0;
    }
    memcpy(&sum, bytes, sizeof(sum));
    memcpy(&more, bytes + sizeof(sum), sizeof(more));
    memcpy(&last, bytes + 2 * sizeof(sum), sizeof(last));
    bool carry = __builtin_add_overflow(sum, more, &sum);
    sum += carry;
    carry = __builtin_add_overflow(sum, last, &sum);
    sum += carry;
    return sum % UINT16_MAX == 0;
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
    *h = (struct ipv4_header){
        .src = load_be32(bytes + 12),
        .dst = load_be32(bytes + 16),
        .total_bytes = total_bytes,
        .id = load_be16(bytes + 4),
        .dont_fragment = (frag & IPV4_FLAG_DF) != 0,
        .header_bytes = (uint8_t)header_bytes,
        .protocol = bytes[9],
        .ttl = bytes[8],
        .tos = bytes[1],
    };
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
