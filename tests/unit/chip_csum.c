/*
 * What the chip models say of a received frame's checksums (8254x manual 3.2.9 and 13.4.40 RXCSUM,
 * 82576 data sheet 7.1.10): of IPv4 when RXCSUM.IPOFL, of TCP and UDP when TUOFL and the packet is
 * whole; nothing, and IXSM, of all else.
 */
#include "kernel/bytes.h"
#include "tests/unit/chip_internal.h"
#include "tests/unit/chip_segment.h"

enum {
    IXSM = 0x04,
    UDPCS = 0x10, /* 82571 and later */
    L4CS = 0x20,
    IPCS = 0x40,
    L4E = 0x20, /* of the errors */
    IPE = 0x40,
    ETHERNET = 14,
    IPV4 = 20,
    TCP = 6,
    UDP = 17,
};

/* Whether the packet's TCP or UDP is looked at; *sum is then that over it and the pseudo header. */
static bool sum_of_l4(const uint8_t *ip, size_t header, size_t total, uint32_t *sum)
{
    uint8_t protocol = ip[9];
    size_t len = total - header;
    bool fragment = (load_be16(ip + 6) & 0x3fff) != 0;
    if (fragment || (protocol != TCP && protocol != UDP) || len < (protocol == TCP ? 20u : 8u)) {
        return false;
    }
    if (protocol == UDP && load_be16(ip + header + 6) == 0) {
        return false; /* RFC 768: none was made */
    }
    const uint8_t pseudo[4] = {0, protocol, (uint8_t)(len >> 8), (uint8_t)len};
    *sum = segment_sum(0, ip + 12, 8);
    *sum = segment_sum(*sum, pseudo, sizeof(pseudo));
    *sum = segment_sum(*sum, ip + header, len);
    return true;
}

void chip_rx_csum(const uint8_t *frame, size_t len, uint8_t *status, uint8_t *errors)
{
    uint32_t rxcsum = *reg(0x5000), sum;
    bool of_ip = (rxcsum & 0x100) != 0, of_l4 = (rxcsum & 0x200) != 0;
    const uint8_t *ip = frame + ETHERNET;
    bool ipv4 = len >= ETHERNET + IPV4 && load_be16(frame + 12) == 0x0800 && ip[0] >> 4 == 4;
    size_t header = ipv4 ? (size_t)(ip[0] & 15) * 4 : 0, total = ipv4 ? load_be16(ip + 2) : 0;
    *status |= IXSM;
    if (!ipv4 || chip->rx_no_csum || header < IPV4 || total < header || ETHERNET + total > len) {
        return;
    }
    if (of_ip) {
        *status = (uint8_t)((*status & ~IXSM) | IPCS);
        *errors |= segment_sum(0, ip, header) != 0xffff ? IPE : 0;
    }
    if (of_l4 && sum_of_l4(ip, header, total, &sum)) {
        bool later = chip->part >= CHIP_82571 && ip[9] == UDP;
        *status = (uint8_t)((*status & ~IXSM) | L4CS | (later ? UDPCS : 0));
        *errors |= sum != 0xffff ? L4E : 0;
    }
}
