/*
 * What the tests of the chip models share: a chip without a driver, driven register by register as
 * the manual of its part has it. Each test breaks one rule of that sequence on purpose.
 */
#ifndef TESTS_UNIT_BARE_CHIP_H
#define TESTS_UNIT_BARE_CHIP_H

#include "kernel/mmio.h"
#include "tests/unit/chip.h"

enum {
    BARE_RING = 16,
};

struct bare {
    struct chip chip;
    struct mmio regs;
    struct pci_device dev;
    uint64_t *rx, *tx; /* rings: two words each descriptor */
    uint8_t *buffers;  /* BARE_RING for RX, then as many for TX */
    uint32_t rx_tail, tx_tail;
    uint64_t vectors[CHIP_VECTORS_MAX]; /* messages that came */
    uint32_t sent;
    size_t sent_len;
    uint32_t random;
};

/* Powered on, link up, nothing programmed. */
void bare_power_on(struct bare *b, uint16_t device);
/* Reset as the part wants it, with its end waited for. */
void bare_reset(struct bare *b);
/* All but the receiver: filters, rings, transmitter. */
void bare_setup(struct bare *b);
/* And the receiver, with all but one buffer given. */
void bare_start(struct bare *b);
/* All of it. No fault happened. */
void bare_run(struct bare *b, uint16_t device);
/* Powered off; no fault was left over. */
void bare_end(struct bare *b);

void bare_poke(struct bare *b, uint32_t offset, uint32_t value);
uint32_t bare_peek(struct bare *b, uint32_t offset);
void bare_wait_us(struct bare *b, uint32_t us);

void bare_give(struct bare *b); /* one more RX buffer */
void bare_send(struct bare *b); /* one frame of 60 bytes */
bool bare_receive(struct bare *b);
/* Set up and started after a reset that followed a hang: its first frame each way comes through. */
void bare_works_again(struct bare *b);

/* Ownership as the part has it; true when granted. */
bool bare_take(struct bare *b);
void bare_leave(struct bare *b);
/* One MDIC read: register number of PHY 1. False when it does not end. */
bool bare_phy_read(struct bare *b, uint32_t number, uint16_t *value);

/* Exactly the fault that was provoked, and then none. */
void bare_expect(struct bare *b, const char *text);
void bare_expect_none(struct bare *b);

#endif
