/*
 * The advanced descriptors of the 82575 and later: the 82576 data sheet, 7.1.5 received, one buffer
 * a frame (SRRCTL.DESCTYPE), 7.2.2.3 to be sent, data descriptors alone: without offloads nothing
 * refers to a context. The second quadword's lower half is the word's.
 */
#include "drivers/e1000/desc.h"

enum {
    RX_STATUS_DD = 1 << 0,
    RX_STATUS_EOP = 1 << 1,
    RX_ERRORS_SHIFT = 24,  /* of the extended errors those that the legacy format has, too */
    RX_ERROR_CE = 1 << 0,  /* 82575 */
    RX_ERROR_SE = 1 << 1,  /* 82575 */
    RX_ERROR_SEQ = 1 << 2, /* 82575 */
    RX_ERROR_CXE = 1 << 4, /* 82575 */
    RX_ERROR_RXE = 1 << 7, /* bits 5 and 6 are checksums */
    RX_ERRORS = RX_ERROR_CE | RX_ERROR_SE | RX_ERROR_SEQ | RX_ERROR_CXE | RX_ERROR_RXE,
    RX_LENGTH_SHIFT = 32,
    TX_TYPE_DATA = 3 << 20, /* DTYP */
    TX_COMMAND_SHIFT = 24,
    TX_COMMAND_EOP = 1 << 0,
    TX_COMMAND_IFCS = 1 << 1, /* append the CRC */
    TX_COMMAND_RS = 1 << 3,
    TX_COMMAND_DEXT = 1 << 5, /* not the legacy format */
    TX_COMMAND = TX_COMMAND_EOP | TX_COMMAND_IFCS | TX_COMMAND_DEXT,
    TX_STATUS_SHIFT = 32,
    TX_STATUS_DD = 1 << 0,
    TX_PAYLEN_SHIFT = 46, /* the frame's length, beside the buffer's in bits 15:0 */
};

const struct e1000_format e1000_format_advanced = {
    .rx_done = RX_STATUS_DD,
    .rx_end = RX_STATUS_EOP,
    .rx_judged = RX_STATUS_EOP | (uint64_t)RX_ERRORS << RX_ERRORS_SHIFT,
    .rx_shift = RX_LENGTH_SHIFT,
    .tx_frame = (uint64_t)TX_COMMAND << TX_COMMAND_SHIFT | TX_TYPE_DATA,
    .tx_lengths = UINT64_C(1) << TX_PAYLEN_SHIFT | 1,
    .tx_report = (uint64_t)TX_COMMAND_RS << TX_COMMAND_SHIFT,
    .tx_done = (uint64_t)TX_STATUS_DD << TX_STATUS_SHIFT,
};
