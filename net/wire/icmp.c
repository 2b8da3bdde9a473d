/*
 * What ICMP errors quote, as bytes and as a struct. A pure function.
 */
#include "net/wire/icmp.h"

#include <string.h>

#include "kernel/bytes.h"
#include "net/wire/ipv4.h"

/* RFC 1122 3.2.2: the quoted header and eight bytes behind it are the least there must be. */
bool icmp_decode_error(struct icmp_error *e, const uint8_t *bytes, size_t len)
{
    if (len < ICMP_HEADER_BYTES + IPV4_HEADER_BYTES) {
        return false;
    }
    const uint8_t *q = bytes + ICMP_HEADER_BYTES;
    size_t quoted_bytes = len - ICMP_HEADER_BYTES;
    size_t header_bytes = (size_t)(q[0] & 15) * 4;
    bool fragment = (load_be16(q + 6) & 0x1fff) != 0;
    if (q[0] >> 4 != 4 || header_bytes < IPV4_HEADER_BYTES || fragment ||
        header_bytes + sizeof(e->quoted) > quoted_bytes) {
        return false;
    }
    e->type = bytes[0];
    e->code = bytes[1];
    bool has_mtu = e->type == ICMP_UNREACHABLE && e->code == ICMP_UNREACHABLE_FRAG_NEEDED;
    e->mtu = has_mtu ? load_be16(bytes + 6) : 0;
    e->quoted_src = load_be32(q + 12);
    e->quoted_dst = load_be32(q + 16);
    e->quoted_protocol = q[9];
    e->quoted_bytes = load_be16(q + 2);
    memcpy(e->quoted, q + header_bytes, sizeof(e->quoted));
    return true;
}
