/*
 * What an Ethernet device makes of a frame whose checksum it is to fill in, or which it is to cut
 * into segments: 8254x manual 3.5, 82576 data sheet 7.2.4. It is for models of devices; written
 * from those pages, it knows neither a driver nor a chip.
 */
#ifndef TESTS_UNIT_CHIP_SEGMENT_H
#define TESTS_UNIT_CHIP_SEGMENT_H

#include "kernel/base.h"

enum {
    SEGMENT_FRAME_MAX = 1518,
    SEGMENT_WHOLE_MAX = 14 + 65535,
};

/* Offsets from the frame's first byte. */
struct segment_job {
    size_t l3;      /* of the IPv4 header */
    size_t l4;      /* of the TCP or UDP header */
    size_t csum;    /* of the checksum in it */
    size_t payload; /* of what follows the headers; with mss */
    size_t mss;     /* 0: the frame goes as it is, with its checksum */
};

/* The frame is borrowed. */
typedef void segment_fn(void *arg, const uint8_t *frame, size_t len);

/*
 * Hands each frame for the wire to out. Returns how many; 0 when the job makes no sense, as that of
 * a device may that lies. frame holds len bytes, at most SEGMENT_WHOLE_MAX.
 */
uint32_t segment_send(const uint8_t *frame, size_t len, const struct segment_job *job,
                      segment_fn *out, void *arg);

/* The one's complement sum of RFC 1071, folded and not inverted, of bytes that begin at an even
 * offset; added to sum. */
uint32_t segment_sum(uint32_t sum, const uint8_t *bytes, size_t len);

#endif
