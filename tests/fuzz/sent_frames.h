/*
 * Packets that a fuzzed driver is given to send, with what they ask for, and the frames that have
 * to come of them; frames from the wire with checksums. The packets are numbered.
 */
#ifndef TESTS_FUZZ_SENT_FRAMES_H
#define TESTS_FUZZ_SENT_FRAMES_H

#include "tests/unit/tso_packet.h"

enum {
    SENT_PLANS = 1024, /* packets that can be under way */
};

struct sent_frames {
    uint32_t flushed, wired; /* the last that was given to the device, and the last on the wire */
    uint32_t wired_frames;   /* of that */
    struct tso_plan plans[SENT_PLANS]; /* bytes 0: not made by tso_packet, its number at 14 */
};

static inline struct tso_plan *sent_plan(struct sent_frames *s, uint32_t number)
{
    return &s->plans[number % SENT_PLANS];
}

/* A packet of several buffers that asks for no more than offers (enum nic_feature), by the input.
 */
void draw_plan(struct tso_plan *plan, uint32_t number, uint32_t offers, uint8_t how, uint16_t len);

/* A frame on the wire is the next of the packet under way, or the first of a later one that was
 * given to the device. Returns what is wrong, or NULL. */
const char *sent_frame(struct sent_frames *s, const uint8_t *frame, size_t len);

/* A segment of TCP or UDP to dest into frame; bad > 0: with that bit turned behind the addresses.
 * Returns its length. */
size_t wire_segment(uint8_t frame[TSO_FRAME_MAX], const uint8_t dest[6], uint32_t number,
                    size_t bytes, uint32_t bad);

/* Asserts that a frame that the device has called good is: IPv4, whole, and both sums are right. */
void check_marked_good(const uint8_t *frame, size_t len);

#endif
