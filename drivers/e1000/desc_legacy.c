/*
 * The legacy descriptors: the manual (8254x), 3.2.3 received, 3.3.3 to be sent. Byte n of the
 * manual's second quadword is bits 8n to 8n+7 of the word.
 */
#include "drivers/e1000/desc.h"

enum {
    RX_STATUS_SHIFT = 32,
    RX_STATUS_DD = 1 << 0,
    RX_STATUS_EOP = 1 << 1,
    RX_ERRORS_SHIFT = 40,
    RX_ERROR_CE = 1 << 0,  /* CRC or alignment error */
    RX_ERROR_SE = 1 << 1,  /* symbol error */
    RX_ERROR_SEQ = 1 << 2, /* sequence error */
    RX_ERROR_CXE = 1 << 4, /* carrier extension error */
    RX_ERROR_RXE = 1 << 7, /* receive data error; bits 5 and 6 are checksums */
    RX_ERRORS = RX_ERROR_CE | RX_ERROR_SE | RX_ERROR_SEQ | RX_ERROR_CXE | RX_ERROR_RXE,
    TX_COMMAND_SHIFT = 24,
    TX_COMMAND_EOP = 1 << 0,
    TX_COMMAND_IFCS = 1 << 1, /* append the CRC */
    TX_COMMAND_RS = 1 << 3,
    TX_STATUS_SHIFT = 32,
    TX_STATUS_DD = 1 << 0,
};

const struct e1000_format e1000_format_legacy = {
    .rx_done = (uint64_t)RX_STATUS_DD << RX_STATUS_SHIFT,
    .rx_end = (uint64_t)RX_STATUS_EOP << RX_STATUS_SHIFT,
    .rx_judged = (uint64_t)RX_STATUS_EOP << RX_STATUS_SHIFT | (uint64_t)RX_ERRORS
                                                                  << RX_ERRORS_SHIFT,
    .rx_shift = 0,
    .tx_frame = (uint64_t)(TX_COMMAND_EOP | TX_COMMAND_IFCS) << TX_COMMAND_SHIFT,
    .tx_lengths = 1,
    .tx_report = (uint64_t)TX_COMMAND_RS << TX_COMMAND_SHIFT,
    .tx_done = (uint64_t)TX_STATUS_DD << TX_STATUS_SHIFT,
};
