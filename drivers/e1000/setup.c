/*
 * From a device that was reset to a programmed one: the general part and the filters, in the order
 * of the manual's chapter 14; the queues are in queues.c. Nothing is taken as reset left it: an
 * emulator's reset may do nothing, and real hardware leaves tables with garbage.
 *
 * Skipped, and why:
 *   14.3 PHY, LED, GPIO   the PHY negotiates by itself after power-up; see phy.c
 *   14.3 flow control     switched off: we neither send pause frames nor obey them
 *   13.4 PBA              the packet buffer's default split is right, but where errata.c writes it
 *   13.4 VET, VFTA use    no VLANs
 *   13.6 wake-up          left as the firmware set it
 *   82544 on PCI-X        it may hang on a TX buffer that ends within an even dword; not worked
 *                         around, named in the log
 */
#include "drivers/e1000/internal.h"
#include "kernel/log.h"

/*
 * One entry of a filter table. Some bridges merge neighbouring writes into one burst, which the
 * 8254x do not take: the read in between keeps them apart.
 */
static void write_table(const struct e1000 *e, uint32_t reg, uint32_t value)
{
    e1000_write(e, reg, value);
    if (e->id->quirks & E1000_QUIRK_WRITE_MERGE) {
        e1000_flush_writes(e);
    }
}

static void setup_control(const struct e1000 *e)
{
    uint32_t ctrl = e1000_read(e, E1000_CTRL);
    /* The PHY decides speed and duplex; SLU before the MAC sees its link. */
    ctrl |= E1000_CTRL_SLU | E1000_CTRL_ASDE;
    if (e->id->quirks & E1000_QUIRK_NO_ASDE) {
        ctrl &= ~(uint32_t)E1000_CTRL_ASDE;
    }
    ctrl &= ~(uint32_t)(E1000_CTRL_LRST | E1000_CTRL_ILOS | E1000_CTRL_FRCSPD | E1000_CTRL_FRCDPLX |
                        E1000_CTRL_RST);
    ctrl &= ~(uint32_t)(E1000_CTRL_RFCE | E1000_CTRL_TFCE | E1000_CTRL_VME);
    /* The reset does not bring the requests back where it does nothing (emulators). */
    ctrl &= ~(uint32_t)E1000_CTRL_MASTER_DISABLE;
    ctrl &= ~E1000_CTRL_PHY_RST;
    e1000_write(e, E1000_CTRL, ctrl);
}

/* 14.3 General Configuration. */
static void setup_general(const struct e1000 *e)
{
    static const uint16_t flow_control[] = {E1000_FCTTV, E1000_FCRTL, E1000_FCRTH,
                                            E1000_FCAL,  E1000_FCAH,  E1000_FCT};
    /* ICH and PCH hold at the last three's offsets what the NVM would set (FEXTNVM, FEXTNVM2). */
    bool is_ich = e->id->gen >= E1000_GEN_ICH8 && e->id->gen <= E1000_GEN_SPT;
    setup_control(e);
    for (size_t i = 0; i < ARRAY_SIZE(flow_control) - (is_ich ? 3 : 0); i++) {
        e1000_write(e, flow_control[i], 0);
    }
    if ((e->id->quirks & E1000_QUIRK_NO_MANC) == 0) {
        /* Else management firmware (ASF) swallows the ARP requests that are for us. */
        e1000_clear(e, E1000_MANC, E1000_MANC_ARP_EN);
    }
    if (e->id->quirks & E1000_QUIRK_PCIX_HANG) {
        if (e1000_read(e, E1000_STATUS) & E1000_STATUS_PCIX_MODE) {
            log_warn("%s: on PCI-X this part may hang when sending; use a PCI slot", e->nic.name);
        }
    }
}

/* 14.4 Receive Initialization, first half: which frames are accepted. */
static void setup_filters(const struct e1000 *e)
{
    const uint8_t *mac = e->nic.mac;
    uint32_t low =
        (uint32_t)mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24;
    uint32_t high = (uint32_t)mac[4] | (uint32_t)mac[5] << 8 | E1000_RAH_AV;
    write_table(e, E1000_RAL0, low);
    write_table(e, E1000_RAH0, high);
    for (uint32_t i = 1; i < e->family->rar_count; i++) {
        write_table(e, E1000_RAH0 + 8 * i, 0); /* invalid first, then the rest */
        write_table(e, E1000_RAL0 + 8 * i, 0);
    }
    for (uint32_t i = 0; i < e->family->mta_count; i++) {
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
    e1000_own_announce(e, true);
    e1000_stats_discard(e); /* what was counted before is not ours (13.7) */
    e1000_setup_errata(e);
    e1000_link_adapt(e);
    e1000_phy_tune(e);
    e1000_setup_receive(e);
    e1000_setup_transmit(e);
}
