/*
 * From any state that firmware, a former kernel or a hang left behind to a silent device, in the
 * order of the manual's chapter 14 and, for later parts, of Intel's own drivers (Linux, FreeBSD).
 * Steps with a wait between them, since nobody spins through one at run time:
 *
 *   silenced   interrupts masked, both engines stopped, rings emptied where that is needed
 *   mastering  (PCI Express) requests under way have been answered
 *   claiming   (82573, 82574, ICH, PCH) firmware keeps off the PHY
 *   written    CTRL.RST; no access to any register for the family's quiet_us
 *   reloading  (with EECD.AUTO_RD) the NVM is being read
 *   settling   where nothing tells when it was read, and while the PHY is configured
 *
 * Skipped, and why:
 *   CTRL.PHY_RST          a PHY that works is not reset: on ICH and PCH it loses what firmware has
 *                         set (OEM bits) and negotiates 10 Mb/s; it has negotiated long ago
 *   82540/45 reset by I/O space, against a 64-bit write in flight during the reset: all our writes
 *                         are 32 bits wide
 *   I210 PLL              the erratum's cure is a PHY reset and a trip through D3
 */
#include "drivers/e1000/internal.h"
#include "kernel/dma.h"
#include "kernel/log.h"
#include "kernel/time.h"

enum {
    SILENCE_WAIT_US = 10 * US_PER_MS,  /* transfers in flight come to their end */
    LOOK_US = 1 * US_PER_MS,           /* between two looks */
    MASTER_MAX_US = 80 * US_PER_MS,    /* as Intel's own drivers */
    CLAIM_MAX_US = 100 * US_PER_MS,    /* as own.c waits at start-up */
    RESET_MAX_US = 100 * US_PER_MS,    /* then the device is taken for dead */
    AUTO_READ_MAX_US = 20 * US_PER_MS, /* parts without an NVM never say that they read it */
    EEPROM_SLOW_US = 20 * US_PER_MS,   /* 82541 and 82547, behind a reset */

    FLUSH_WORD = 512 | 1 << 25, /* legacy: 512 bytes, CRC appended, no end of frame (3.3.3) */
    FLUSH_TX_US = 250,
    FLUSH_RX_US = 150,
    FLUSH_RX_THRESHOLDS = 0x1f | 1 << 8, /* prefetch at 31, one free descriptor in the host */
    RXDCTL_THRESHOLDS_MASK = 0x3fff,
};

/*
 * Masks every interrupt and stops both engines. Registers only: any context. The 82574 may hang
 * when its receiver is disabled under traffic (Linux, FLAG2_NO_DISABLE_RX): there the reset, or the
 * end of bus mastering, ends it.
 */
void e1000_hw_silence(const struct e1000 *e)
{
    e1000_irq_mask(e);
    if ((e->id->quirks & E1000_QUIRK_KEEP_RX) == 0) {
        e1000_write(e, E1000_RCTL, 0);
    }
    e1000_write(e, E1000_TCTL, E1000_TCTL_PSP);
    e1000_flush_writes(e);
}

/* Whether the device has our ring: firmware's may lie in memory that has other uses. */
static bool tx_ring_is_ours(const struct e1000 *e)
{
    return e->tx.ring != NULL && e1000_read(e, E1000_TDLEN) != 0 &&
           e1000_read(e, E1000_TDBAL) == (uint32_t)e->tx.bus &&
           e1000_read(e, E1000_TDBAH) == (uint32_t)(e->tx.bus >> 32);
}

static bool flush_required(const struct e1000 *e)
{
    return (pci_read32(e->dev, E1000_CFG_RING_STATUS) & E1000_CFG_FLUSH_REQUIRED) != 0;
}

/* A descriptor without an end of frame makes the engine take all in front of it, and stays inside.
 */
static void flush_tx(struct e1000 *e)
{
    uint32_t idx = e1000_read(e, E1000_TDT) % E1000_RING_COUNT;
    uint32_t next = (idx + 1) % E1000_RING_COUNT;
    if (next == e1000_read(e, E1000_TDH)) {
        return; /* full */
    }
    e->tx.ring[idx] = (struct e1000_desc){.addr = e->tx.bus, .word = FLUSH_WORD};
    dma_write_barrier();
    e1000_write(e, E1000_TCTL, E1000_TCTL_PSP | E1000_TCTL_EN);
    e1000_write(e, E1000_TDT, next);
    e1000_flush_writes(e);
    time_delay_us(FLUSH_TX_US);
    e1000_write(e, E1000_TCTL, E1000_TCTL_PSP);
}

/* The receiver on for a moment, so that it takes the thresholds that make it drop what it holds. */
static void flush_rx(const struct e1000 *e)
{
    uint32_t rxdctl = e1000_read(e, E1000_RXDCTL) & ~(uint32_t)RXDCTL_THRESHOLDS_MASK;
    e1000_write(e, E1000_RXDCTL, rxdctl | FLUSH_RX_THRESHOLDS | E1000_RXDCTL_GRAN);
    e1000_write(e, E1000_RCTL, E1000_RCTL_EN);
    e1000_flush_writes(e);
    time_delay_us(FLUSH_RX_US);
    e1000_write(e, E1000_RCTL, 0);
    e1000_flush_writes(e);
}

/*
 * I219 (Linux and FreeBSD, which call it em_flush_desc_rings): reset, or bus mastering ended, with
 * used rings leaves a unit that hangs until the machine's power is cycled. After e1000_hw_silence,
 * with bus mastering on. Takes 0.4 ms at most; any context.
 */
void e1000_hw_flush_rings(struct e1000 *e)
{
    if ((e->id->quirks & E1000_QUIRK_RING_FLUSH) == 0) {
        return;
    }
    e1000_set(e, E1000_FEXTNVM11, E1000_FEXTNVM11_MULR_FIX_OFF);
    if (!flush_required(e) || !tx_ring_is_ours(e)) {
        return;
    }
    flush_tx(e);
    if (flush_required(e)) {
        flush_rx(e);
    }
}

/* By a clock that is read here: the loop's idea of the time may be milliseconds old. */
static void reset_wait(struct e1000 *e, enum e1000_reset_step step, uint32_t us)
{
    e->reset.step = step;
    e->reset.due_ns = time_now_ns() + us * (uint64_t)NS_PER_US;
}

static void reset_bound(struct e1000 *e, uint32_t us)
{
    e->reset.end_ns = time_now_ns() + us * (uint64_t)NS_PER_US;
}

static bool reset_expired(const struct e1000 *e)
{
    return time_now_ns() >= e->reset.end_ns;
}

void e1000_reset_begin(struct e1000 *e)
{
    e->reset.owned = false;
    if (e1000_gone(e)) {
        reset_bound(e, 0); /* the next look is the last */
        reset_wait(e, E1000_RESET_WRITTEN, 0);
        return;
    }
    bool running = (e1000_read(e, E1000_RCTL) & E1000_RCTL_EN) != 0 ||
                   (e1000_read(e, E1000_TCTL) & E1000_TCTL_EN) != 0;
    e1000_hw_silence(e);
    e1000_hw_flush_rings(e);
    if (e->id->quirks & E1000_QUIRK_MASTER_DISABLE) {
        /* As Linux and FreeBSD: else a request that a reset cuts off may block the bus. */
        e1000_set(e, E1000_CTRL, E1000_CTRL_MASTER_DISABLE);
    }
    reset_wait(e, E1000_RESET_SILENCED, running ? SILENCE_WAIT_US : 0);
}

/* Chapter 14, Reset Operation; 13.4 CTRL.RST: all but the PHY and the PCI configuration. */
static void reset_write(struct e1000 *e)
{
    if (e->id->quirks & E1000_QUIRK_ICH8_BUFFER) {
        /* 8 KiB of 16 to receive. Wrong sizes outlast every reset (iPXE). */
        e1000_write(e, E1000_PBA, 8);
        e1000_write(e, E1000_PBS, 16);
    }
    uint32_t ctrl = e1000_read(e, E1000_CTRL) & ~E1000_CTRL_PHY_RST;
    reset_bound(e, RESET_MAX_US);
    e->reset.step = E1000_RESET_WRITTEN; /* before the write: a panic looks at it */
    e1000_write(e, E1000_CTRL, ctrl | E1000_CTRL_RST);
    /*
     * No access within 1 us of the write (13.4 CTRL), on ICH and PCH not even the read that makes
     * it arrive, for 20 ms: it hangs the part. While it lasts, reads give all ones.
     */
    reset_wait(e, E1000_RESET_WRITTEN, e->family->quiet_us);
}

/* Firmware may be at the PHY: a reset then leaves the MDIO bus, and its semaphore, in any state. */
static void reset_claim(struct e1000 *e)
{
    bool asks = e->family->lock == E1000_LOCK_MDIO || e->family->lock == E1000_LOCK_SWFLAG;
    if (asks && !e1000_own_try(e)) {
        if (!reset_expired(e)) {
            reset_wait(e, E1000_RESET_CLAIMING, LOOK_US);
            return;
        }
        log_warn("%s: the PHY is held by firmware (EXTCNF_CTRL 0x%08x): reset all the same",
                 e->nic.name, e1000_read(e, E1000_EXTCNF_CTRL));
        asks = false;
    }
    e->reset.owned = asks;
    reset_write(e);
}

static void reset_master(struct e1000 *e)
{
    bool waits = (e->id->quirks & E1000_QUIRK_MASTER_DISABLE) != 0;
    if (waits && (e1000_read(e, E1000_STATUS) & E1000_STATUS_MASTER_ENABLE) != 0) {
        if (!reset_expired(e)) {
            reset_wait(e, E1000_RESET_MASTERING, LOOK_US);
            return;
        }
        log_warn("%s: its requests on PCI Express do not end: reset all the same", e->nic.name);
    }
    reset_bound(e, CLAIM_MAX_US);
    reset_claim(e);
}

static void reset_settle(struct e1000 *e)
{
    bool slow = (e->id->quirks & E1000_QUIRK_SLOW_EEPROM) != 0;
    reset_wait(e, E1000_RESET_SETTLING, slow ? EEPROM_SLOW_US : e->family->settle_us);
}

/* EECD.AUTO_RD. Without an NVM it never comes, which is no failure. */
static void reset_reload(struct e1000 *e)
{
    bool waits = (e->id->quirks & E1000_QUIRK_AUTO_READ) != 0;
    if (waits && (e1000_read(e, E1000_EECD) & E1000_EECD_AUTO_RD) == 0) {
        if (!reset_expired(e)) {
            reset_wait(e, E1000_RESET_RELOADING, LOOK_US);
            return;
        }
        log_debug("%s: the NVM was not read after the reset", e->nic.name);
    }
    reset_settle(e);
}

static enum status reset_look(struct e1000 *e)
{
    if ((e1000_read(e, E1000_CTRL) & E1000_CTRL_RST) != 0) {
        if (reset_expired(e)) {
            e->reset.step = E1000_RESET_NONE;
            return STATUS_TIMEOUT;
        }
        reset_wait(e, E1000_RESET_WRITTEN, LOOK_US);
        return STATUS_OK;
    }
    if (e->reset.owned) {
        e1000_own_end(e);
        e->reset.owned = false;
    }
    if (e->id->quirks & E1000_QUIRK_EEPROM_RELOAD) {
        /* The 82544 reloads its MAC address only when asked to. */
        e1000_set(e, E1000_CTRL_EXT, E1000_CTRL_EXT_EE_RST);
        e1000_flush_writes(e);
    }
    reset_bound(e, AUTO_READ_MAX_US);
    reset_reload(e);
    return STATUS_OK;
}

/* Nothing is to be raised by what the reset, or the time before it, left pending. */
static void reset_finish(struct e1000 *e)
{
    e1000_irq_mask(e);
    (void)e1000_read(e, E1000_ICR);
    e->reset.step = E1000_RESET_NONE;
}

enum status e1000_reset_go_on(struct e1000 *e)
{
    if (time_now_ns() < e->reset.due_ns) {
        return STATUS_OK;
    }
    switch (e->reset.step) {
    case E1000_RESET_SILENCED:
        reset_bound(e, MASTER_MAX_US);
        reset_master(e);
        break;
    case E1000_RESET_MASTERING:
        reset_master(e);
        break;
    case E1000_RESET_CLAIMING:
        reset_claim(e);
        break;
    case E1000_RESET_WRITTEN:
        return reset_look(e);
    case E1000_RESET_RELOADING:
        reset_reload(e);
        break;
    case E1000_RESET_SETTLING:
        reset_finish(e);
        break;
    case E1000_RESET_NONE:
        break;
    }
    return STATUS_OK;
}

/* Start-up alone can afford to wait. */
enum status e1000_hw_reset(struct e1000 *e)
{
    e1000_reset_begin(e);
    while (e->reset.step != E1000_RESET_NONE) {
        uint64_t now_ns = time_now_ns();
        if (now_ns < e->reset.due_ns) {
            time_delay_us((uint32_t)((e->reset.due_ns - now_ns) / NS_PER_US) + 1);
        }
        enum status st = e1000_reset_go_on(e);
        if (st != STATUS_OK) {
            return st;
        }
    }
    return STATUS_OK;
}
