/*
 * Descriptors. The family has two formats, legacy and advanced, and both are an address and one
 * word with everything else: length, what is asked for, what has become of it. They differ in where
 * that word keeps what, so a format is data, and the data path is one. A buffer always receives a
 * whole frame; a frame that is sent may lie in several. Little endian, as the machine is.
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

/*
 * What a context descriptor tells the hardware of the packets behind it (8254x manual 3.3.6; 82576
 * data sheet 7.2.2.2). Offsets are from the frame's first byte.
 */
struct e1000_context {
    uint16_t l3;            /* of the IPv4 header */
    uint16_t l4;            /* of the TCP or UDP header */
    uint16_t l4_csum;       /* of the checksum in it */
    uint16_t payload;       /* of what follows the headers */
    uint16_t mss;           /* > 0: it is segmented */
    uint32_t payload_bytes; /* ... so many bytes in all */
    bool tcp;
};

struct e1000_format {
    uint64_t rx_done;    /* the descriptor is the driver's again */
    uint64_t rx_end;     /* a frame ends in it */
    uint64_t rx_judged;  /* rx_end and the marks of a frame to drop, checksums not among them: of a
                            good frame rx_end alone is set */
    uint64_t rx_csums;   /* the marks about checksums: ... */
    uint64_t rx_checked; /* ... those that are set when IPv4's and TCP's or UDP's are good */
    uint32_t rx_shift;   /* where the 16 bits of the length are */
    uint64_t tx_frame;   /* of each descriptor of a frame: the hardware adds the CRC, ... */
    uint64_t tx_asked;   /* ... and does what the context says: fills in the checksum */
    uint64_t tx_segment; /* with tx_asked: segments, and fills in the checksum of IPv4 */
    uint64_t tx_end;     /* the frame ends here */
    uint64_t tx_bytes;   /* times the bytes of the frame or, segmented, the payload; 0: not said */
    uint64_t tx_report;  /* asks for tx_done */
    uint64_t tx_done;    /* sent, and everything in front of it (3.4) */
    bool tx_context_bytes; /* it is the context that says how many bytes are segmented */
    struct e1000_desc (*tx_context)(const struct e1000_context *c);
};

extern const struct e1000_format e1000_format_legacy;   /* 8254x to PCH */
extern const struct e1000_format e1000_format_advanced; /* 82575 and later */

static inline uint16_t e1000_rx_length(const struct e1000_format *f, uint64_t word)
{
    return (uint16_t)(word >> f->rx_shift);
}

#endif
