/*
 * IPv4 headers: what is believed of a received one. Pure functions over bytes.
 */
#include "net/wire/ipv4.h"

#include "kernel/bytes.h"

enum { /* option types, RFC 791 3.1 */
       IPV4_OPT_END = 0,
       IPV4_OPT_NOP = 1,
       IPV4_OPT_LSRR = 131,
       IPV4_OPT_SSRR = 137,
};

enum {
    IPV4_OFFSET_MASK = 0x1fff, /* of the fragment field */
};

/* Options are stepped over within their bounds and otherwise ignored; source routes are refused, as
 * RFC 7126 4.3 and 4.4 advise. */
static enum ipv4_bad ipv4_check_options(const uint8_t *opt, size_t len)
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

/* RFC 1122 3.2.1.1 to 3.2.1.2, in the order that keeps every read within what was checked. */
enum ipv4_bad ipv4_decode(struct ipv4_header *h, const uint8_t *bytes, size_t len)
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
    uint16_t total_bytes = load_be16(bytes + 2);
    if (total_bytes < header_bytes || total_bytes > len) {
        return IPV4_BAD_TOTAL_LEN;
    }
    if (csum_finish(csum_add(0, bytes, header_bytes)) != 0) {
        return IPV4_BAD_CHECKSUM;
    }
    uint16_t frag = load_be16(bytes + 6);
    *h = (struct ipv4_header){
        .src = load_be32(bytes + 12),
        .dst = load_be32(bytes + 16),
        .total_bytes = total_bytes,
        .id = load_be16(bytes + 4),
        .frag_offset = (uint16_t)((frag & IPV4_OFFSET_MASK) * 8),
        .more_fragments = (frag & IPV4_FLAG_MF) != 0,
        .dont_fragment = (frag & IPV4_FLAG_DF) != 0,
        .header_bytes = (uint8_t)header_bytes,
        .protocol = bytes[9],
        .ttl = bytes[8],
        .tos = bytes[1],
    };
    return ipv4_check_options(bytes + IPV4_HEADER_BYTES, header_bytes - IPV4_HEADER_BYTES);
}
