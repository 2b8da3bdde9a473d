/*
 * See bare_chip.h.
 */
#include "tests/unit/bare_chip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include "kernel/dma.h"
#include "kernel/time.h"

#undef assert
#include <cmocka.h>

#define BIT(n) (UINT32_C(1) << (n))

static bool is_igb(const struct bare *b)
{
    return b->chip.part >= CHIP_82575;
}

static bool is_ich(const struct bare *b)
{
    return b->chip.part >= CHIP_ICH8 && b->chip.part <= CHIP_SPT;
}

static bool is_pcie(const struct bare *b)
{
    return b->chip.part >= CHIP_82571;
}

static void on_message(void *arg, uint32_t vector)
{
    struct bare *b = arg;
    b->vectors[vector]++;
}

static void on_wire(void *arg, const uint8_t *frame, size_t len)
{
    struct bare *b = arg;
    (void)frame;
    b->sent++;
    b->sent_len = len;
}

void bare_poke(struct bare *b, uint32_t offset, uint32_t value)
{
    mmio_write32(&b->regs, offset, value);
}

uint32_t bare_peek(struct bare *b, uint32_t offset)
{
    return mmio_read32(&b->regs, offset);
}

void bare_wait_us(struct bare *b, uint32_t us)
{
    time_delay_us(us);
    chip_run(&b->chip);
}

void bare_expect(struct bare *b, const char *text)
{
    if (strstr(b->chip.fault, text) == NULL) {
        fail_msg("expected \"%s\", got \"%s\"", text, b->chip.fault);
    }
    b->chip.fault_count = 0;
    b->chip.fault[0] = '\0';
}

void bare_expect_none(struct bare *b)
{
    assert_string_equal(b->chip.fault, "");
    assert_int_equal(b->chip.fault_count, 0);
}

void bare_power_on(struct bare *b, uint16_t device)
{
    memset(b, 0, sizeof(*b));
    chip_power_on(&b->chip, device);
    b->chip.sent = on_wire;
    b->chip.sent_arg = b;
    b->chip.interrupt = on_message;
    b->chip.interrupt_arg = b;
    b->dev = chip_pci_device(device);
    b->random = 12345;
    pci_enable(&b->dev, false);
    assert_int_equal(mmio_map(&b->regs, b->dev.bars[0].address, CHIP_REGS_BYTES), STATUS_OK);
    uint8_t *memory = chip_memory(&b->chip, 8192 + 2 * BARE_RING * CHIP_BUFFER_BYTES);
    b->rx = (uint64_t *)memory;
    b->tx = (uint64_t *)(memory + 4096);
    b->buffers = memory + 8192;
    chip_set_link(&b->chip, true, 1000, true);
}

/* --- ownership and the PHY ---------------------------------------------------------------- */

bool bare_take(struct bare *b)
{
    if (b->chip.part == CHIP_82571 || is_igb(b)) {
        if (bare_peek(b, 0x5b50) & 1) {
            return false;
        }
        bare_poke(b, 0x5b50, 3);
        if ((bare_peek(b, 0x5b50) & 2) == 0) {
            bare_poke(b, 0x5b50, 0);
            return false;
        }
    } else if (is_pcie(b)) {
        bare_poke(b, 0x0f00, bare_peek(b, 0x0f00) | 0x20);
        return (bare_peek(b, 0x0f00) & 0x20) != 0;
    }
    if (is_igb(b)) {
        bool free = (bare_peek(b, 0x5b5c) & 0x00030003) == 0;
        if (free) {
            bare_poke(b, 0x5b5c, 3);
        }
        bare_poke(b, 0x5b50, 0);
        return free;
    }
    return true;
}

void bare_leave(struct bare *b)
{
    if (is_igb(b)) {
        (void)bare_peek(b, 0x5b50);
        bare_poke(b, 0x5b50, 3);
        bare_poke(b, 0x5b5c, 0);
        bare_poke(b, 0x5b50, 0);
    } else if (b->chip.part == CHIP_82571) {
        bare_poke(b, 0x5b50, 0);
    } else if (is_pcie(b)) {
        bare_poke(b, 0x0f00, bare_peek(b, 0x0f00) & ~UINT32_C(0x20));
    }
}

bool bare_phy_read(struct bare *b, uint32_t number, uint16_t *value)
{
    bare_poke(b, 0x0020, 2u << 26 | 1u << 21 | number << 16);
    for (int i = 0; i < 20; i++) {
        uint32_t mdic = bare_peek(b, 0x0020);
        if (mdic & BIT(28)) {
            *value = (uint16_t)mdic;
            return (mdic & BIT(30)) == 0;
        }
        bare_wait_us(b, 10);
    }
    return false;
}

/* --- reset -------------------------------------------------------------------------------- */

/* I219: what it still holds is taken back: a dummy descriptor, then the receiver on and off. */
static void flush_rings(struct bare *b)
{
    bare_poke(b, 0x5bbc, bare_peek(b, 0x5bbc) | 0x2000);
    if ((pci_read32(&b->dev, 0xe4) & 0x100) == 0 || bare_peek(b, 0x3808) == 0) {
        return;
    }
    bare_poke(b, 0x0400, bare_peek(b, 0x0400) | 2);
    b->tx[2 * b->tx_tail] = dma_bus_address(b->buffers);
    b->tx[2 * b->tx_tail + 1] = UINT64_C(2) << 24 | 512;
    b->tx_tail = (b->tx_tail + 1) % BARE_RING;
    bare_poke(b, 0x3818, b->tx_tail);
    bare_wait_us(b, 250);
    if ((pci_read32(&b->dev, 0xe4) & 0x100) != 0) {
        bare_poke(b, 0x0100, bare_peek(b, 0x0100) & ~UINT32_C(2));
        bare_poke(b, 0x2828, (bare_peek(b, 0x2828) & ~0x3fffu) | 0x0100011f);
        bare_poke(b, 0x0100, bare_peek(b, 0x0100) | 2);
        bare_wait_us(b, 150);
        bare_poke(b, 0x0100, bare_peek(b, 0x0100) & ~UINT32_C(2));
    }
}

void bare_reset(struct bare *b)
{
    bare_poke(b, 0x00d8, UINT32_MAX);
    bool keeps_on = b->chip.part == CHIP_82574 || b->chip.part == CHIP_82583;
    if (b->chip.part == CHIP_SPT) {
        flush_rings(b);
    }
    if (is_pcie(b)) {
        bare_poke(b, 0x0000, bare_peek(b, 0x0000) | 4);
        bare_wait_us(b, 50);
        assert_int_equal(bare_peek(b, 0x0008) & BIT(19), 0);
    }
    if (!keeps_on) {
        bare_poke(b, 0x0100, 0);
    }
    bare_poke(b, 0x0400, 8);
    bool owned = bare_take(b);
    bare_poke(b, 0x0000, bare_peek(b, 0x0000) | BIT(26));
    bare_wait_us(b, 50000);
    assert_int_equal(bare_peek(b, 0x0000) & BIT(26), 0);
    if (b->chip.part == CHIP_82544) {
        bare_poke(b, 0x0018, bare_peek(b, 0x0018) | 0x2000);
    }
    if (owned) {
        bare_leave(b);
    }
    bare_poke(b, 0x00d8, UINT32_MAX);
    (void)bare_peek(b, 0x00c0);
    pci_enable(&b->dev, true);
    b->rx_tail = b->tx_tail = 0;
}

/* --- setting up --------------------------------------------------------------------------- */

static void setup_ring(struct bare *b, uint32_t block, const uint64_t *ring)
{
    uint64_t bus = dma_bus_address(ring);
    bare_poke(b, block, (uint32_t)bus);
    bare_poke(b, block + 0x04, (uint32_t)(bus >> 32));
    bare_poke(b, block + 0x08, BARE_RING * 16);
    bare_poke(b, block + 0x10, 0);
    bare_poke(b, block + 0x18, 0);
}

static void setup_quirks(struct bare *b)
{
    uint8_t pcie = pci_find_capability(&b->dev, 0x10);
    if (pcie != 0) { /* ASPM off */
        uint8_t at = (uint8_t)(pcie + 0x10);
        pci_write32(&b->dev, at, pci_read32(&b->dev, at) & ~UINT32_C(3));
    }
    if (b->chip.part == CHIP_ICH8) {
        bare_poke(b, 0x1000, 8);
        bare_poke(b, 0x1008, 16);
    }
    if (b->chip.part == CHIP_I210) {
        bare_poke(b, 0x2404, 0xa2);
        bare_poke(b, 0x3404, 0x04000014);
    }
}

static void enable_queue(struct bare *b, uint32_t block)
{
    bare_poke(b, block + 0x28, BIT(25));
    for (int i = 0; i < 10 && (bare_peek(b, block + 0x28) & BIT(25)) == 0; i++) {
        bare_wait_us(b, 10);
    }
}

void bare_setup(struct bare *b)
{
    setup_quirks(b);
    bare_poke(b, 0x0000, (bare_peek(b, 0x0000) | 0x40) & ~UINT32_C(0x88));
    for (uint32_t i = 0; i < (is_ich(b) ? 32 : 128); i++) {
        bare_poke(b, 0x5200 + 4 * i, 0);
    }
    for (uint32_t i = 0; i < 128; i++) {
        bare_poke(b, 0x5600 + 4 * i, 0);
    }
    setup_ring(b, 0x2800, b->rx);
    setup_ring(b, 0x3800, b->tx);
    bare_poke(b, 0x0410, 0x00602008);
    uint32_t mulr = is_pcie(b) && !is_igb(b) ? BIT(28) : 0;
    if (is_igb(b)) {
        bare_poke(b, 0x280c, 1u << 25 | 2);
        enable_queue(b, 0x2800);
        enable_queue(b, 0x3800);
    }
    bare_poke(b, 0x0400, 0x010400fa | mulr);
}

static void arm(struct bare *b, uint32_t idx)
{
    b->rx[2 * idx] = dma_bus_address(b->buffers + (size_t)idx * CHIP_BUFFER_BYTES);
    b->rx[2 * idx + 1] = 0;
}

void bare_give(struct bare *b)
{
    arm(b, b->rx_tail);
    b->rx_tail = (b->rx_tail + 1) % BARE_RING;
    bare_poke(b, 0x2818, b->rx_tail);
}

void bare_start(struct bare *b)
{
    bare_poke(b, 0x0100, 0x04008002);
    for (uint32_t i = 0; i < BARE_RING - 1; i++) {
        arm(b, i);
    }
    b->rx_tail = BARE_RING - 1;
    bare_poke(b, 0x2818, b->rx_tail);
}

void bare_run(struct bare *b, uint16_t device)
{
    bare_power_on(b, device);
    bare_reset(b);
    bare_setup(b);
    bare_start(b);
    bare_expect_none(b);
}

void bare_end(struct bare *b)
{
    bare_expect_none(b);
    chip_power_off(&b->chip);
}

/* --- frames ------------------------------------------------------------------------------- */

void bare_send(struct bare *b)
{
    uint32_t idx = b->tx_tail;
    uint8_t *data = b->buffers + (size_t)(BARE_RING + idx) * CHIP_BUFFER_BYTES;
    memset(data, (int)idx, 60);
    b->tx[2 * idx] = dma_bus_address(data);
    b->tx[2 * idx + 1] = UINT64_C(0x0b) << 24 | 60; /* EOP, IFCS, RS */
    if (is_igb(b)) {
        b->tx[2 * idx + 1] = UINT64_C(60) << 46 | UINT64_C(0x2b) << 24 | 3u << 20 | 60;
    }
    b->tx_tail = (idx + 1) % BARE_RING;
    bare_poke(b, 0x3818, b->tx_tail);
}

bool bare_receive(struct bare *b)
{
    uint8_t frame[60] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    return chip_receive(&b->chip, frame, sizeof(frame), 0);
}

void bare_works_again(struct bare *b)
{
    bare_setup(b);
    bare_start(b);
    bare_send(b);
    assert_true(bare_receive(b));
    assert_int_equal(b->sent, 1);
    assert_int_equal(b->chip.frames_in, 1);
}
