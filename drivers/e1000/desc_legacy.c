/*
 * The legacy descriptors: the manual (8254x), 3.2.3 received, 3.3.3 to be sent, 3.3.6 and 3.3.7 the
 * extended ones: the context, and the data of a frame that it is for. Byte n of the manual's second
 * quadword is bits 8n to 8n+7 of the word; legacy and extended ones have command and status alike.
 */
#include "drivers/e1000/desc.h"

enum {
    RX_STATUS_SHIFT = 32,
    RX_STATUS_DD = 1 << 0,
    RX_STATUS_EOP = 1 << 1,
    RX_STATUS_IXSM = 1 << 2,  /* the two below say nothing */
    RX_STATUS_TCPCS = 1 << 5, /* the checksum of TCP or UDP was checked */
    RX_STATUS_IPCS = 1 << 6,  /* that of IPv4 was */
    RX_ERRORS_SHIFT = 40,
    RX_ERROR_CE = 1 << 0,   /* CRC or alignment error */
    RX_ERROR_SE = 1 << 1,   /* symbol error */
    RX_ERROR_SEQ = 1 << 2,  /* sequence error */
    RX_ERROR_CXE = 1 << 4,  /* carrier extension error */
    RX_ERROR_TCPE = 1 << 5, /* the checksum of TCP or UDP is wrong: the stack drops it */
    RX_ERROR_IPE = 1 << 6,  /* that of IPv4 is */
    RX_ERROR_RXE = 1 << 7,  /* receive data error */
    RX_ERRORS = RX_ERROR_CE | RX_ERROR_SE | RX_ERROR_SEQ | RX_ERROR_CXE | RX_ERROR_RXE,
    TX_TYPE_DATA = 1 << 20, /* DTYP, with DEXT; 0: context */
    TX_COMMAND_SHIFT = 24,
    TX_COMMAND_EOP = 1 << 0,
    TX_COMMAND_IFCS = 1 << 1, /* append the CRC */
    TX_COMMAND_TSE = 1 << 2,  /* extended: segment */
    TX_COMMAND_RS = 1 << 3,
    TX_COMMAND_DEXT = 1 << 5, /* extended */
    TX_STATUS_SHIFT = 32,
    TX_STATUS_DD = 1 << 0,
    TX_OPTIONS_SHIFT = 40,   /* POPTS, extended */
    TX_OPTION_IXSM = 1 << 0, /* fill in the checksum of IPv4 */
    TX_OPTION_TXSM = 1 << 1, /* fill in that of TCP or UDP */
    CONTEXT_TCP = 1 << 0,    /* TUCMD */
    CONTEXT_IPV4 = 1 << 1,   /* TUCMD */
    IPV4_CSUM = 10,          /* RFC 791: in the header */
};

#define RX_STATUS(bits)  ((uint64_t)(bits) << RX_STATUS_SHIFT)
#define RX_ERROR(bits)   ((uint64_t)(bits) << RX_ERRORS_SHIFT)
#define TX_COMMAND(bits) ((uint64_t)(bits) << TX_COMMAND_SHIFT)
#define TX_OPTION(bits)  ((uint64_t)(bits) << TX_OPTIONS_SHIFT)

/* 3.3.6. IPCSS, IPCSO, IPCSE, the last inclusive; TUCSS, TUCSO, TUCSE 0: to the frame's end. */
static struct e1000_desc context(const struct e1000_context *c)
{
    uint32_t command = TX_COMMAND_DEXT | CONTEXT_IPV4 | (c->tcp ? CONTEXT_TCP : 0) |
                       (c->mss > 0 ? TX_COMMAND_TSE : 0);
    uint32_t header = c->mss > 0 ? c->payload : 0u;
    assert(c->l4 + c->l4_csum <= UINT8_MAX && header <= UINT8_MAX);
    return (struct e1000_desc){
        .addr = c->l3 | (uint64_t)(c->l3 + IPV4_CSUM) << 8 | (uint64_t)(c->l4 - 1) << 16 |
                (uint64_t)c->l4 << 32 | (uint64_t)(c->l4 + c->l4_csum) << 40,
        .word = c->payload_bytes | TX_COMMAND(command) | (uint64_t)header << 40 |
                (uint64_t)c->mss << 48,
    };
}

const struct e1000_format e1000_format_legacy = {
    .rx_done = RX_STATUS(RX_STATUS_DD),
    .rx_end = RX_STATUS(RX_STATUS_EOP),
    .rx_judged = RX_STATUS(RX_STATUS_EOP) | RX_ERROR(RX_ERRORS),
    .rx_csums = RX_STATUS(RX_STATUS_IXSM | RX_STATUS_TCPCS | RX_STATUS_IPCS) |
                RX_ERROR(RX_ERROR_TCPE | RX_ERROR_IPE),
    .rx_checked = RX_STATUS(RX_STATUS_TCPCS | RX_STATUS_IPCS),
    .rx_shift = 0,
    .tx_frame = TX_COMMAND(TX_COMMAND_IFCS),
    .tx_asked = TX_COMMAND(TX_COMMAND_DEXT) | TX_TYPE_DATA | TX_OPTION(TX_OPTION_TXSM),
    .tx_segment = TX_COMMAND(TX_COMMAND_TSE) | TX_OPTION(TX_OPTION_IXSM),
    .tx_end = TX_COMMAND(TX_COMMAND_EOP),
    .tx_bytes = 0,
    .tx_report = TX_COMMAND(TX_COMMAND_RS),
    .tx_done = (uint64_t)TX_STATUS_DD << TX_STATUS_SHIFT,
    .tx_context_bytes = true,
    .tx_context = context,
};
