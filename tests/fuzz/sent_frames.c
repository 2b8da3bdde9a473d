/*
 * See sent_frames.h.
 */
#include "tests/fuzz/sent_frames.h"

#include <string.h>

#include "drivers/nic.h"
#include "kernel/bytes.h"
#include "tests/unit/chip_segment.h"

enum {
    IPV4 = 14,
    TCP = 34,
};

void draw_plan(struct tso_plan *plan, uint32_t number, uint32_t offers, uint8_t how, uint16_t len)
{
    bool tso = (offers & NIC_FEATURE_TSO) != 0 && (how & 0x40) != 0;
    *plan = (struct tso_plan){
        .number = number,
        .bytes = 1 + len % 1440,
        .plain = (offers & NIC_FEATURE_TX_CSUM) == 0 || (!tso && len % 5 == 0),
        .first_bytes = len % 3 * (how & 0x3f),
        .frag_headroom = how,
    };
    if (tso) {
        plan->mss = (uint16_t)(NIC_TSO_MSS_MIN + len % 937);
        plan->bytes = plan->mss + 1u + len % 30000;
    }
    plan->frag_bytes = max_u64(1 + how % 8 * 200, plan->bytes / 40 + 1);
}

/* Which packet a frame is of: told by its number, or by the timestamp that has it. */
static uint32_t number_on_wire(const uint8_t *frame)
{
    bool ipv4 = load_be16(frame + 12) == 0x0800;
    return load_be32(frame + (ipv4 ? TCP + 24 : IPV4));
}

const char *sent_frame(struct sent_frames *s, const uint8_t *frame, size_t len)
{
    uint8_t wanted[TSO_FRAME_MAX];
    if (len < NIC_FRAME_MIN_BYTES || len > NIC_FRAME_MAX_BYTES) {
        return "a frame of no frame's length";
    }
    uint32_t number = number_on_wire(frame);
    const struct tso_plan *plan = sent_plan(s, number);
    bool more = number == s->wired && plan->bytes > 0 && s->wired_frames < tso_frames(plan);
    if ((number <= s->wired && !more) || number > s->flushed) {
        return "sent twice, or never given";
    }
    s->wired_frames = number == s->wired ? s->wired_frames + 1 : 1;
    s->wired = number;
    if (plan->bytes == 0) {
        return NULL;
    }
    size_t wanted_len = tso_frame(plan, s->wired_frames - 1, wanted);
    return len == wanted_len && memcmp(frame, wanted, len) == 0 ? NULL : "not what was asked for";
}

size_t wire_segment(uint8_t frame[TSO_FRAME_MAX], const uint8_t dest[6], uint32_t number,
                    size_t bytes, uint32_t bad)
{
    struct tso_plan plan = {.number = number, .bytes = bytes, .udp = bytes % 4 == 3};
    memcpy(plan.dest, dest, sizeof(plan.dest));
    size_t len = tso_frame(&plan, 0, frame);
    if (bad > 0) {
        frame[12 + bad / 8 % (len - 12)] ^= (uint8_t)(1u << bad % 8);
    }
    return len;
}

void check_marked_good(const uint8_t *frame, size_t len)
{
    assert(len >= TCP + 8 && load_be16(frame + 12) == 0x0800);
    const uint8_t *ip = frame + IPV4;
    size_t header = (size_t)(ip[0] & 15) * 4, l4_bytes = load_be16(ip + 2) - header;
    const uint8_t pseudo[4] = {0, ip[9], (uint8_t)(l4_bytes >> 8), (uint8_t)l4_bytes};
    assert(IPV4 + header + l4_bytes <= len && segment_sum(0, ip, header) == 0xffff);
    uint32_t sum = segment_sum(segment_sum(0, ip + 12, 8), pseudo, sizeof(pseudo));
    assert(segment_sum(sum, ip + header, l4_bytes) == 0xffff);
}
