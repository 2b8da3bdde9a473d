/*
 * A device for packets in several buffers that gathers, fills in checksums and segments in
 * software: what simulated hosts and hosted tests put between a stack and a wire. It does what
 * drivers/nic.h promises of every device, by chip_segment.h.
 */
#ifndef TESTS_UNIT_SEGMENT_PACKET_H
#define TESTS_UNIT_SEGMENT_PACKET_H

#include "kernel/pkt.h"
#include "tests/unit/chip_segment.h"

/*
 * Hands each frame that p makes to out; borrows p. Frames are not padded. Also for packets without
 * Ethernet. Returns how many; 0, with nothing sent, when what p asks for makes no sense.
 */
uint32_t segment_packet(const struct pkt *p, segment_fn *out, void *arg);

#endif
