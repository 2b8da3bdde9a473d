/*
 * UDP headers: see udp.h.
 */
#include "net/wire/udp.h"

#include "kernel/bytes.h"
#include "net/wire/csum.h"
#include "net/wire/ipv4.h"

void udp_encode(struct pkt *p, const struct udp_ends *ends)
{
    uint8_t *h = pkt_push(p, UDP_HEADER_BYTES);
    size_t total = pkt_total(p);
    assert(total <= UINT16_MAX && ends->dport != 0);
    uint16_t len = (uint16_t)total;
    store_be16(h, ends->sport);
    store_be16(h + 2, ends->dport);
    store_be16(h + 4, len);
    store_be16(h + 6, 0);
    uint32_t sum = csum_pseudo(ends->src, ends->dst, IP_PROTO_UDP, len);
    uint16_t checksum = csum_finish(csum_add_pkt(sum, p));
    store_be16(h + 6, checksum == 0 ? 0xffff : checksum); /* RFC 768: 0 means none */
}

/* Whether the bytes are those that were sent. */
static bool checksum_good(const struct udp_ends *ends, const struct pkt *p, uint16_t len)
{
    if ((p->rx_flags & PKT_RX_CSUM_GOOD) != 0 || load_be16(p->data + 6) == 0) {
        return true; /* the device has looked, or the sender made none */
    }
    uint32_t sum = csum_pseudo(ends->src, ends->dst, IP_PROTO_UDP, len);
    return csum_finish(csum_add_pkt(sum, p)) == 0;
}

/* RFC 1122 4.1.3: length and checksum. */
enum udp_bad udp_decode(struct udp_ends *ends, struct pkt *p)
{
    if (pkt_len(p) < UDP_HEADER_BYTES) {
        return UDP_BAD_LENGTH;
    }
    uint16_t len = load_be16(p->data + 4);
    if (len < UDP_HEADER_BYTES || len > pkt_total(p)) {
        return UDP_BAD_LENGTH;
    }
    pkt_trim_total(p, len);
    if (!checksum_good(ends, p, len)) {
        return UDP_BAD_CHECKSUM;
    }
    ends->sport = load_be16(p->data);
    ends->dport = load_be16(p->data + 2);
    return ends->dport != 0 ? UDP_GOOD : UDP_BAD_PORT;
}
