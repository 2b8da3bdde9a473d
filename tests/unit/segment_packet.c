/*
 * See segment_packet.h.
 */
#include "tests/unit/segment_packet.h"

#include <string.h>

static size_t gather(uint8_t *to, const struct pkt *p)
{
    size_t len = 0;
    for (; p != NULL; p = p->frag) {
        memcpy(to + len, p->data, pkt_len(p));
        len += pkt_len(p);
    }
    return len;
}

uint32_t segment_packet(const struct pkt *p, segment_fn *out, void *arg)
{
    uint8_t whole[SEGMENT_WHOLE_MAX];
    size_t start = pkt_headroom(p), bytes = pkt_total(p);
    bool asks = p->tx.l4 != 0;
    if (p->frag == NULL && !asks) {
        out(arg, p->data, bytes);
        return 1;
    }
    if (bytes > (p->tx.mss > 0 ? (size_t)SEGMENT_WHOLE_MAX : SEGMENT_FRAME_MAX)) {
        return 0;
    }
    (void)gather(whole, p);
    if (!asks) {
        out(arg, whole, bytes);
        return 1;
    }
    const struct segment_job job = {
        .l3 = p->tx.l3 - start,
        .l4 = p->tx.l4 - start,
        .csum = p->tx.l4 + (size_t)p->tx.l4_csum - start,
        .payload = p->tx.l4 + (size_t)p->tx.l4_bytes - start,
        .mss = p->tx.mss,
    };
    return segment_send(whole, bytes, &job, out, arg);
}
