/*
 * Descriptors. The family has two formats, legacy and advanced, and both are an address and one
 * word with everything else: length, what is asked for, what has become of it. They differ in where
 * that word keeps what, so a format is data, and the data path is one. A buffer always holds a
 * whole frame. Little endian, as the machine is.
 */
#ifndef DRIVERS_E1000_DESC_H
#define DRIVERS_E1000_DESC_H

#include "kernel/base.h"

/*
 * addr is the bus address of the buffer; reception may overwrite it. Given to receive: word 0.
 * Given to send: word as in struct e1000_format. The hardware writes the word back, the done bit
 * last.
 */
struct e1000_desc {
    uint64_t addr;
    uint64_t word;
};
static_assert(sizeof(struct e1000_desc) == 16, "both formats");
static_assert(offsetof(struct e1000_desc, word) == 8, "both formats");

struct e1000_format {
    uint64_t rx_done;    /* the descriptor is the driver's again */
    uint64_t rx_end;     /* a frame ends in it */
    uint64_t rx_judged;  /* rx_end and the marks of a frame to drop, checksums not among them: of a
                            good frame rx_end alone is set */
    uint32_t rx_shift;   /* where the 16 bits of the length are */
    uint64_t tx_frame;   /* of each frame: it begins and ends here, the hardware adds the CRC */
    uint64_t tx_lengths; /* times the length: all fields that want it */
    uint64_t tx_report;  /* asks for tx_done */
    uint64_t tx_done;    /* sent, and everything in front of it (3.4) */
};

extern const struct e1000_format e1000_format_legacy;   /* 8254x to PCH */
extern const struct e1000_format e1000_format_advanced; /* 82575 and later */

static inline uint16_t e1000_rx_length(const struct e1000_format *f, uint64_t word)
{
    return (uint16_t)(word >> f->rx_shift);
}

#endif
