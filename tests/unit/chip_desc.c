/*
 * The two descriptor formats of the chip models: legacy (8254x manual 3.2.3, 3.3.3) and advanced
 * (82576 data sheet 7.1.5, 7.2.2); chip_tx.c has what makes a frame of them. Bit positions are
 * counted from the lowest of each quadword.
 */
#include <string.h>

#include "tests/unit/chip_internal.h"

/* SRRCTL.DESCTYPE 1: advanced, one buffer. */
bool chip_advanced_rx(void)
{
    return chip->traits->class == CLASS_IGB && (*reg(0x280c) >> 25 & 7) == 1;
}

/* --- receive ------------------------------------------------------------------------------ */

void chip_check_rx_given(uint32_t idx, const struct chip_given *given)
{
    if (chip_advanced_rx()) {
        /* The second quadword is a header buffer's address; its bit 0 is where DD comes. */
        if (given->words[1] & 1) {
            chip_fault("RX descriptor %u given with its status not cleared", idx);
        }
    } else if (given->words[1] != 0) {
        chip_fault("RX descriptor %u given with its status not cleared", idx);
    }
    uint8_t *buffer = NULL;
    if (given->words[0] % CHIP_BUFFER_BYTES == 0) {
        buffer = chip_reach(given->words[0], CHIP_BUFFER_BYTES);
    }
    if (buffer == NULL) {
        chip_fault("RX descriptor %u given with a bad buffer", idx);
        return;
    }
    chip_poison(buffer, CHIP_BUFFER_BYTES);
}

static void put_legacy_rx(uint8_t *desc, const struct chip_done *d, bool torn)
{
    memcpy(desc + 8, &d->length, 2);
    desc[10] = 0x5a; /* a checksum nobody asked for */
    desc[11] = 0xa5;
    desc[13] = d->errors;
    desc[14] = 0xff; /* and a VLAN tag */
    desc[15] = 0x0f;
    if (!torn) {
        desc[12] = d->status; /* DD last */
    }
}

/*
 * The write-back takes all 16 bytes: packet type and hash where the address was; status with DD in
 * bit 0 of the second quadword, errors in its bits 31:20, the length in 47:32.
 */
static void put_advanced_rx(uint8_t *desc, const struct chip_done *d, bool torn)
{
    static const uint8_t types[8] = {0x31, 0x04, 0x00, 0x80, 0xef, 0xbe, 0xad, 0xde};
    memcpy(desc, types, sizeof(types));
    memcpy(desc + 12, &d->length, 2);
    desc[14] = 0xff;
    desc[15] = 0x0f;
    desc[11] = d->errors; /* CE 24, SE 25, SEQ 26, CXE 28, L4E 29, IPE 30, RXE 31 */
    desc[10] = 0;
    desc[9] = 0;
    desc[8] = torn ? (uint8_t)(d->status & ~0x01) : d->status;
}

void chip_put_rx(uint8_t *desc, const struct chip_done *d, bool torn)
{
    if (chip_advanced_rx()) {
        put_advanced_rx(desc, d, torn);
    } else {
        put_legacy_rx(desc, d, torn);
    }
}

/* --- transmit ----------------------------------------------------------------------------- */

/* I219: what empties a ring that is to be reset: 512 bytes, IFCS, no EOP. */
bool chip_tx_is_dummy(const struct chip_given *given)
{
    return chip->part == CHIP_SPT && given->words[1] == (UINT64_C(2) << 24 | 512);
}

static void check_legacy_tx(uint32_t idx, const uint8_t *desc)
{
    uint8_t cmd = desc[11];
    if ((cmd & ~0x09) != 0x02) { /* IFCS; EOP and RS as one likes */
        chip_fault("TX descriptor %u: command 0x%02x", idx, cmd);
    }
    if (desc[10] != 0 || desc[12] != 0 || desc[13] != 0 || desc[14] != 0 || desc[15] != 0) {
        chip_fault("TX descriptor %u given with stale fields", idx);
    }
}

/* An extended one of the 8254x to PCH: DEXT, IFCS; EOP, RS, TSE as one likes. */
static void check_extended_tx(uint32_t idx, uint64_t word)
{
    if ((word >> 24 & 0xf2) != 0x22) {
        chip_fault("TX descriptor %u: command 0x%02x", idx, (unsigned)(word >> 24 & 0xff));
    }
    if ((word >> 32 & 0xff) != 0 || word >> 42 != 0) {
        chip_fault("TX descriptor %u given with stale fields", idx);
    }
}

static void check_advanced_tx(uint32_t idx, uint64_t word)
{
    if ((word >> 24 & 0x76) != 0x22) { /* DEXT, IFCS; EOP, RS, TSE as one likes */
        chip_fault("TX descriptor %u: command 0x%02x", idx, (unsigned)(word >> 24 & 0xff));
    }
    if ((word >> 32 & 0xff) != 0 || (word >> 42 & 0xf) != 0 || (word >> 16 & 0xf) != 0) {
        chip_fault("TX descriptor %u given with stale fields", idx);
    }
}

static void check_tx(uint32_t idx, const uint8_t *desc, uint64_t word)
{
    bool advanced = chip->traits->class == CLASS_IGB;
    switch (chip_tx_kind(word)) {
    case CHIP_TX_LEGACY:
        check_legacy_tx(idx, desc);
        if (advanced) {
            chip_fault("TX descriptor %u: a legacy one", idx);
        }
        break;
    case CHIP_TX_DATA:
        if (advanced) {
            check_advanced_tx(idx, word);
        } else {
            check_extended_tx(idx, word);
        }
        break;
    case CHIP_TX_CONTEXT:
        break;
    case CHIP_TX_NONE:
        chip_fault("TX descriptor %u: DTYP %u", idx, (unsigned)(word >> 20 & 0xf));
        break;
    }
}

void chip_check_tx_given(uint32_t idx, const uint8_t *desc)
{
    struct chip_given *given = &chip->tx_given[idx];
    if (chip_tx_is_dummy(given)) {
        (void)chip_reach(given->words[0], 512);
        given->data_hash = 0;
        chip->flushed = (*reg(0x5bbc) & 0x2000) != 0; /* FEXTNVM11 */
        return;
    }
    uint64_t word = given->words[1];
    size_t len = chip_tx_kind(word) == CHIP_TX_CONTEXT ? 0 : chip_tx_length(given);
    check_tx(idx, desc, word);
    const uint8_t *data = len > 0 ? chip_reach(given->words[0], len) : NULL;
    given->data_hash = data != NULL ? chip_hash(data, len) : 0;
    chip_tx_give(idx, given, data);
}

void chip_put_tx(uint8_t *desc, const struct chip_given *given)
{
    if (chip_tx_kind(given->words[1]) != CHIP_TX_LEGACY) {
        memset(desc, 0xdb, 12); /* reserved in the write-back format: not what was given */
    }
    desc[12] |= 0x01;
}

void chip_scribble(struct chip *c, bool tx, uint32_t idx, const uint8_t bytes[16])
{
    assert(c == chip);
    uint32_t block = tx ? 0x3800 : 0x2800;
    uint32_t count = chip_ring_count(block);
    uint64_t base = *reg(block) | (uint64_t)*reg(block + 0x04) << 32;
    if (count == 0 || !c->bus_master || !chip_engine_on(block)) {
        return;
    }
    uint8_t *desc = chip_reach(base + (uint64_t)(idx % count) * 16, 16);
    if (desc != NULL) {
        memcpy(desc, bytes, 16);
    }
}
