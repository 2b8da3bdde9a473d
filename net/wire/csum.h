/*
 * The Internet checksum (RFC 1071).
 */
#ifndef NET_WIRE_CSUM_H
#define NET_WIRE_CSUM_H

#include "kernel/base.h"

/* Internet checksum (RFC 1071) of up to 2^15 pieces, each of an even length but the last. sum is in
 * host order and not folded: csum_finish does that. Start with 0. */
uint32_t csum_add(uint32_t sum, const void *data, size_t len);
static inline uint16_t csum_finish(uint32_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}
/* The pseudo-header of TCP and UDP (RFC 9293 3.1, RFC 768). */
uint32_t csum_pseudo(uint32_t src, uint32_t dst, uint8_t protocol, uint16_t len);

#endif
