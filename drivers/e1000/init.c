/*
 * From any state that firmware, a former kernel or a hang left behind to a programmed device, in
 * the order of the manual's chapter 14. Nothing is taken as reset left it: an emulator's reset may
 * do nothing, and real hardware leaves tables with garbage.
 *
 * Skipped, and why:
 *   14.3 PHY, LED, GPIO   the PHY negotiates by itself after power-up; a reset of the PHY has left
 *                         links at 10 Mb/s
 *   14.3 EEPROM, 13.4 EERD the MAC address is read from RAL0/RAH0, which a reset loads from there
 *   14.3 flow control     switched off: we neither send pause frames nor obey them
 *   13.4 PBA              the packet buffer's default split (48 KB to receive) is right
 *   13.4 VET, VFTA use    no VLANs
 *   13.6 wake-up          left as the firmware set it
 *   82544 on PCI-X        it may hang on a TX buffer that ends within an even dword; not worked
 *                         around, named in the log
 *   82540/45 reset by I/O space, against a 64-bit write in flight during the reset: all our writes
 *                         are 32 bits wide
 */
#include "drivers/e1000/internal.h"
#include "kernel/log.h"
#include "kernel/time.h"

enum {
    SILENCE_WAIT_US = 10 * US_PER_MS, /* transfers in flight come to their end */
    RESET_POLL_US = 1 * US_PER_MS,    /* between two looks, and before the first */
    RESET_MAX_US = 100 * US_PER_MS,   /* then the device is taken for dead */
    EEPROM_WAIT_US = 5 * US_PER_MS,   /* after a reset the EEPROM is reloaded: no sign of its end */
};

/* Masks every interrupt and stops both engines. Registers only: any context. */
void e1000_hw_silence(const struct e1000 *e)
{
    e1000_write(e, E1000_IMC, E1000_CAUSE_ALL);
    e1000_write(e, E1000_RCTL, 0);
    e1000_write(e, E1000_TCTL, E1000_TCTL_PSP);
    e1000_flush_writes(e);
}

/* By a clock that is read here: the loop's idea of the time may be milliseconds old. */
static void reset_wait(struct e1000 *e, enum e1000_reset_step step, uint32_t us)
{
    e->reset.step = step;
    e->reset.due_ns = time_now_ns() + us * NS_PER_US;
}

void e1000_reset_begin(struct e1000 *e)
{
    bool running = (e1000_read(e, E1000_RCTL) & E1000_RCTL_EN) != 0 ||
                   (e1000_read(e, E1000_TCTL) & E1000_TCTL_EN) != 0;
    e1000_hw_silence(e);
    reset_wait(e, E1000_RESET_SILENCED, running ? SILENCE_WAIT_US : 0);
}

/* Chapter 14, Reset Operation; 13.4 CTRL.RST: all but the PHY and the PCI configuration. */
static void reset_write(struct e1000 *e)
{
    uint32_t ctrl = e1000_read(e, E1000_CTRL);
    e->reset.end_ns = time_now_ns() + RESET_MAX_US * NS_PER_US;
    e->reset.step = E1000_RESET_WRITTEN; /* before the write: a panic looks at it */
    e1000_write(e, E1000_CTRL, ctrl | E1000_CTRL_RST);
    /* No access within 1 us of the write (13.4 CTRL); while it lasts, reads give all ones. */
    reset_wait(e, E1000_RESET_WRITTEN, RESET_POLL_US);
}

static enum status reset_look(struct e1000 *e)
{
    if ((e1000_read(e, E1000_CTRL) & E1000_CTRL_RST) != 0) {
        if (time_now_ns() >= e->reset.end_ns) {
            e->reset.step = E1000_RESET_NONE;
            return STATUS_TIMEOUT;
        }
        reset_wait(e, E1000_RESET_WRITTEN, RESET_POLL_US);
        return STATUS_OK;
    }
    if (e->id->quirks & E1000_QUIRK_EEPROM_RELOAD) {
        /* The 82544 reloads its MAC address only when asked to. */
        e1000_write(e, E1000_CTRL_EXT, e1000_read(e, E1000_CTRL_EXT) | E1000_CTRL_EXT_EE_RST);
        e1000_flush_writes(e);
    }
    reset_wait(e, E1000_RESET_RELOADING, EEPROM_WAIT_US);
    return STATUS_OK;
}

enum status e1000_reset_go_on(struct e1000 *e)
{
    if (time_now_ns() < e->reset.due_ns) {
        return STATUS_OK;
    }
    switch (e->reset.step) {
    case E1000_RESET_SILENCED:
        reset_write(e);
        return STATUS_OK;
    case E1000_RESET_WRITTEN:
        return reset_look(e);
    case E1000_RESET_RELOADING:
        /* Nothing is to be raised by what the reset, or the time before it, left pending. */
        e1000_write(e, E1000_IMC, E1000_CAUSE_ALL);
        (void)e1000_read(e, E1000_ICR);
        e->reset.step = E1000_RESET_NONE;
        return STATUS_OK;
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

/*
 * 13.5 RAL/RAH: receive address 0, loaded from the EEPROM. An address that is not valid, a group
 * address or all zeros, is a device that cannot be used: STATUS_IO.
 */
enum status e1000_hw_read_mac(const struct e1000 *e, uint8_t mac[6])
{
    uint32_t low = e1000_read(e, E1000_RAL0);
    uint32_t high = e1000_read(e, E1000_RAH0);
    for (unsigned i = 0; i < 4; i++) {
        mac[i] = (uint8_t)(low >> (8 * i));
    }
    mac[4] = (uint8_t)high;
    mac[5] = (uint8_t)(high >> 8);
    bool zero = low == 0 && (high & 0xffff) == 0;
    bool group = (mac[0] & 1) != 0;
    if ((high & E1000_RAH_AV) == 0 || zero || group) {
        return STATUS_IO;
    }
    return STATUS_OK;
}

/*
 * One entry of a filter table. Some bridges merge neighbouring writes into one burst, which these
 * chips do not take: the read in between keeps them apart.
 */
static void write_table(const struct e1000 *e, uint32_t reg, uint32_t value)
{
    e1000_write(e, reg, value);
    e1000_flush_writes(e);
}

/* 14.3 General Configuration. */
static void setup_general(const struct e1000 *e)
{
    uint32_t ctrl = e1000_read(e, E1000_CTRL);
    /* The PHY decides speed and duplex; SLU before the MAC sees its link. */
    ctrl |= E1000_CTRL_SLU | E1000_CTRL_ASDE;
    ctrl &= ~(uint32_t)(E1000_CTRL_LRST | E1000_CTRL_ILOS | E1000_CTRL_FRCSPD | E1000_CTRL_FRCDPLX |
                        E1000_CTRL_RST);
    ctrl &= ~(uint32_t)(E1000_CTRL_RFCE | E1000_CTRL_TFCE | E1000_CTRL_VME);
    ctrl &= ~E1000_CTRL_PHY_RST;
    e1000_write(e, E1000_CTRL, ctrl);

    static const uint16_t flow_control[] = {E1000_FCAL,  E1000_FCAH,  E1000_FCT,
                                            E1000_FCTTV, E1000_FCRTL, E1000_FCRTH};
    for (size_t i = 0; i < ARRAY_SIZE(flow_control); i++) {
        e1000_write(e, flow_control[i], 0);
    }
    if ((e->id->quirks & E1000_QUIRK_NO_MANC) == 0) {
        /* Else management firmware (ASF) swallows the ARP requests that are for us. */
        uint32_t manc = e1000_read(e, E1000_MANC);
        e1000_write(e, E1000_MANC, manc & ~(uint32_t)E1000_MANC_ARP_EN);
    }
    if (e->id->quirks & E1000_QUIRK_PCIX_HANG) {
        if (e1000_read(e, E1000_STATUS) & E1000_STATUS_PCIX_MODE) {
            log_warn("%s: on PCI-X this part may hang when sending; use a PCI slot", e->nic.name);
        }
    }
}

/* 14.4 Receive Initialization, first half: who is listened to. */
static void setup_filters(const struct e1000 *e)
{
    const uint8_t *mac = e->nic.mac;
    uint32_t low =
        (uint32_t)mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24;
    uint32_t high = (uint32_t)mac[4] | (uint32_t)mac[5] << 8 | E1000_RAH_AV;
    write_table(e, E1000_RAL0, low);
    write_table(e, E1000_RAH0, high);
    for (uint32_t i = 1; i < E1000_RAR_COUNT; i++) {
        write_table(e, E1000_RAH0 + 8 * i, 0); /* invalid first, then the rest */
        write_table(e, E1000_RAL0 + 8 * i, 0);
    }
    for (uint32_t i = 0; i < E1000_MTA_COUNT; i++) {
        write_table(e, E1000_MTA + 4 * i, 0);
    }
    for (uint32_t i = 0; i < E1000_VFTA_COUNT; i++) {
        write_table(e, E1000_VFTA + 4 * i, 0);
    }
}

/* After e1000_hw_reset, with both rings rewound. The device does no DMA and raises nothing yet. */
void e1000_hw_setup(const struct e1000 *e)
{
    assert(e->rx.ring != NULL && e->tx.ring != NULL);
    assert(e->rx.bus % 16 == 0 && e->tx.bus % 16 == 0);
    assert(e->tx.next == e->tx.clean);
    setup_general(e);
    setup_filters(e);
    e1000_stats_discard(e); /* what was counted before is not ours (13.7) */
    e1000_setup_receive(e);
    e1000_setup_transmit(e);
}
