/*
 * See chip_segment.h.
 */
#include "tests/unit/chip_segment.h"

#include <string.h>

#include "kernel/bytes.h"

enum { IPV4_BYTES = 20, TCP_BYTES = 20, FIN = 0x01, PSH = 0x08 };

uint32_t segment_sum(uint32_t sum, const uint8_t *bytes, size_t len)
{
    uint64_t wide = sum;
    for (size_t i = 0; i < len; i++) {
        wide += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    }
    while (wide >> 16 != 0) {
        wide = (wide & 0xffff) + (wide >> 16);
    }
    return (uint32_t)wide;
}

/* Over the rest of the frame, with what stands there already: the pseudo header's sum. A sum of
 * zero is sent as all ones, which for UDP alone makes a difference (RFC 768). */
static void fill_in(uint8_t *frame, size_t len, size_t from, size_t at)
{
    uint16_t sum = (uint16_t)~segment_sum(0, frame + from, len - from);
    store_be16(frame + at, sum == 0 ? 0xffff : sum);
}

static bool makes_sense(size_t len, const struct segment_job *j)
{
    bool whole = len <= SEGMENT_WHOLE_MAX && j->l4 < len && j->csum > j->l4 && j->csum + 2 <= len;
    if (!whole || j->mss == 0) {
        return whole && len <= SEGMENT_FRAME_MAX;
    }
    return j->l3 + IPV4_BYTES <= j->l4 && j->l4 + TCP_BYTES <= j->payload && j->payload < len &&
           j->payload + j->mss <= SEGMENT_FRAME_MAX;
}

/* Segment number n, the payload's bytes in place behind the headers. */
static void finish(uint8_t *frame, size_t len, const struct segment_job *j, uint32_t n, bool last)
{
    uint8_t *ip = frame + j->l3, *tcp = frame + j->l4;
    store_be16(ip + 2, (uint16_t)(len - j->l3));
    store_be16(ip + 4, (uint16_t)(load_be16(ip + 4) + n));
    store_be16(ip + 10, (uint16_t)~segment_sum(0, ip, j->l4 - j->l3));
    store_be32(tcp + 4, load_be32(tcp + 4) + n * (uint32_t)j->mss);
    if (!last) {
        tcp[13] &= (uint8_t) ~(FIN | PSH);
    }
    uint8_t length[2];
    store_be16(length, (uint16_t)(len - j->l4));
    store_be16(frame + j->csum, (uint16_t)segment_sum(load_be16(frame + j->csum), length, 2));
    fill_in(frame, len, j->l4, j->csum);
}

uint32_t segment_send(const uint8_t *frame, size_t len, const struct segment_job *job,
                      segment_fn *out, void *arg)
{
    uint8_t made[SEGMENT_FRAME_MAX];
    if (!makes_sense(len, job)) {
        return 0;
    }
    if (job->mss == 0) {
        memcpy(made, frame, len);
        fill_in(made, len, job->l4, job->csum);
        out(arg, made, len);
        return 1;
    }
    uint32_t n = 0;
    for (size_t at = job->payload; at < len; at += job->mss) {
        size_t bytes = min_size(job->mss, len - at);
        memcpy(made, frame, job->payload);
        memcpy(made + job->payload, frame + at, bytes);
        finish(made, job->payload + bytes, job, n++, at + bytes == len);
        out(arg, made, job->payload + bytes);
    }
    return n;
}
