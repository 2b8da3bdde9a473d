/*
 * The advanced descriptors of the 82575 and later: the 82576 data sheet, 7.1.5 received, one buffer
 * a frame (SRRCTL.DESCTYPE), 7.2.2.3 data to be sent, 7.2.2.2 the context, of which number 0 is
 * used (7.2.2.2.8). The second quadword's lower half is the word's.
 */
#include "drivers/e1000/desc.h"

enum {
    RX_STATUS_DD = 1 << 0,
    RX_STATUS_EOP = 1 << 1,
    RX_STATUS_IXSM = 1 << 2, /* 82575: the two below say nothing */
    RX_STATUS_L4CS = 1 << 5, /* the checksum of TCP or UDP was checked */
    RX_STATUS_IPCS = 1 << 6, /* that of IPv4 was */
    RX_ERRORS_SHIFT = 24,    /* of the extended errors those that the legacy format has, too */
    RX_ERROR_CE = 1 << 0,    /* 82575 */
    RX_ERROR_SE = 1 << 1,    /* 82575 */
    RX_ERROR_SEQ = 1 << 2,   /* 82575 */
    RX_ERROR_CXE = 1 << 4,   /* 82575 */
    RX_ERROR_L4E = 1 << 5,   /* the checksum of TCP or UDP is wrong: the stack drops it */
    RX_ERROR_IPE = 1 << 6,   /* that of IPv4 is */
    RX_ERROR_RXE = 1 << 7,
    RX_ERRORS = RX_ERROR_CE | RX_ERROR_SE | RX_ERROR_SEQ | RX_ERROR_CXE | RX_ERROR_RXE,
    RX_LENGTH_SHIFT = 32,
    TX_TYPE_CONTEXT = 2 << 20, /* DTYP */
    TX_TYPE_DATA = 3 << 20,
    TX_COMMAND_SHIFT = 24,
    TX_COMMAND_EOP = 1 << 0,
    TX_COMMAND_IFCS = 1 << 1, /* append the CRC */
    TX_COMMAND_RS = 1 << 3,
    TX_COMMAND_DEXT = 1 << 5, /* not the legacy format */
    TX_COMMAND_TSE = 1 << 7,  /* segment */
    TX_STATUS_SHIFT = 32,
    TX_STATUS_DD = 1 << 0,
    TX_OPTIONS_SHIFT = 40,   /* POPTS */
    TX_OPTION_IXSM = 1 << 0, /* fill in the checksum of IPv4 */
    TX_OPTION_TXSM = 1 << 1, /* fill in that of TCP or UDP */
    TX_PAYLEN_SHIFT = 46, /* the frame's length or, segmented, the payload's; 15:0 the buffer's */
    CONTEXT_MACLEN_SHIFT = 9,
    CONTEXT_IPV4 = 1 << 10, /* TUCMD, in the lower half of the word */
    CONTEXT_TCP = 1 << 11,  /* TUCMD.L4T 1, 0: UDP */
    CONTEXT_L4LEN_SHIFT = 40,
    CONTEXT_MSS_SHIFT = 48,
};

#define RX_ERROR(bits)   ((uint64_t)(bits) << RX_ERRORS_SHIFT)
#define TX_COMMAND(bits) ((uint64_t)(bits) << TX_COMMAND_SHIFT)
#define TX_OPTION(bits)  ((uint64_t)(bits) << TX_OPTIONS_SHIFT)

/* 7.2.2.2. Where the checksum is in TCP and UDP the hardware knows. */
static struct e1000_desc context(const struct e1000_context *c)
{
    uint32_t l4_bytes = c->mss > 0 ? (uint32_t)(c->payload - c->l4) : 0;
    return (struct e1000_desc){
        .addr = (uint64_t)(c->l4 - c->l3) | (uint64_t)c->l3 << CONTEXT_MACLEN_SHIFT,
        .word = TX_COMMAND(TX_COMMAND_DEXT) | TX_TYPE_CONTEXT | CONTEXT_IPV4 |
                (c->tcp ? CONTEXT_TCP : 0) | (uint64_t)l4_bytes << CONTEXT_L4LEN_SHIFT |
                (uint64_t)c->mss << CONTEXT_MSS_SHIFT,
    };
}

const struct e1000_format e1000_format_advanced = {
    .rx_done = RX_STATUS_DD,
    .rx_end = RX_STATUS_EOP,
    .rx_judged = RX_STATUS_EOP | RX_ERROR(RX_ERRORS),
    .rx_csums =
        RX_STATUS_IXSM | RX_STATUS_L4CS | RX_STATUS_IPCS | RX_ERROR(RX_ERROR_L4E | RX_ERROR_IPE),
    .rx_checked = RX_STATUS_L4CS | RX_STATUS_IPCS,
    .rx_shift = RX_LENGTH_SHIFT,
    .tx_frame = TX_COMMAND(TX_COMMAND_IFCS | TX_COMMAND_DEXT) | TX_TYPE_DATA,
    .tx_asked = TX_OPTION(TX_OPTION_TXSM),
    .tx_segment = TX_COMMAND(TX_COMMAND_TSE) | TX_OPTION(TX_OPTION_IXSM),
    .tx_end = TX_COMMAND(TX_COMMAND_EOP),
    .tx_bytes = UINT64_C(1) << TX_PAYLEN_SHIFT,
    .tx_report = TX_COMMAND(TX_COMMAND_RS),
    .tx_done = (uint64_t)TX_STATUS_DD << TX_STATUS_SHIFT,
    .tx_context_bytes = false,
    .tx_context = context,
};
