/*
 * Bits that want to be set or cleared after every reset, by generation: one table. The values are
 * those of Intel's own drivers (FreeBSD em and Linux e1000e: initialize_hw_bits, reset_hw), and
 * what they are for is named as far as those tell.
 */
#include "drivers/e1000/internal.h"

#define GEN(name) (1u << E1000_GEN_##name)

enum {
    GENS_ICH = GEN(ICH8) | GEN(ICH9) | GEN(PCH) | GEN(PCH2) | GEN(LPT) | GEN(SPT),
    GENS_PCH = GEN(PCH) | GEN(PCH2) | GEN(LPT) | GEN(SPT),
    GENS_8257X = GEN(82571) | GEN(82573) | GEN(82574),

    TXDCTL_RESERVED_ONE = 1 << 22, /* "must be 1" */
    GCR_NO_SNOOP = 0x3f,
    RFCTL_NFS_OFF = 1 << 6 | 1 << 7,
    RFCTL_EXTENDED = 1 << 15,
    RFCTL_IPV6_EXTENSIONS_OFF = 1 << 16 | 1 << 17,
};

struct errata {
    uint32_t gens;
    uint16_t reg;
    uint32_t clear;
    uint32_t set;
};

static const struct errata table[] = {
    /* Descriptor control of both queues: bit 22 is to be 1. */
    {GENS_8257X | GENS_ICH, E1000_TXDCTL, 0, TXDCTL_RESERVED_ONE},
    {GEN(82571) | GENS_ICH, E1000_TXDCTL1, 0, TXDCTL_RESERVED_ONE},
    /* Arbitration: queue 0 may have more requests in flight; 30:27 reserved on 8257x. */
    {GEN(82571), E1000_TARC0, 0xfu << 27, 0xfu << 23},
    {GEN(82573), E1000_TARC0, 0xfu << 27, 0},
    {GEN(82574), E1000_TARC0, 0xfu << 27, 1u << 26},
    {GEN(ICH8), E1000_TARC0, 0, 3u << 28 | 3u << 26 | 3u << 23},
    {GENS_ICH & ~GEN(ICH8), E1000_TARC0, 0, 3u << 26 | 3u << 23},
    /* Bit 28 is the opposite of TCTL.MULR, which is set. */
    {GEN(82571), E1000_TARC1, 3u << 29 | 1u << 28, 7u << 24 | 1u << 22},
    {GENS_ICH, E1000_TARC1, 1u << 28, 1u << 30 | 1u << 26 | 1u << 24},
    {GEN(SPT), E1000_FEXTNVM11, 0, E1000_FEXTNVM11_MULR_FIX_OFF},
    /* Reserved bits that come up wrong. */
    {GEN(82573) | GEN(82574), E1000_CTRL, 1u << 29, 0},
    {GEN(82573) | GEN(82574), E1000_CTRL_EXT, 1u << 23, 1u << 22},
    {GENS_ICH, E1000_CTRL_EXT, 0, 1u << 22 | E1000_CTRL_EXT_RO_DIS},
    {GENS_PCH, E1000_CTRL_EXT, 0, E1000_CTRL_EXT_PHYPDEN},
    {GEN(82571), E1000_CTRL_EXT, E1000_CTRL_EXT_DMA_DYN_CLK_EN, 0},
    {GEN(ICH8), E1000_STATUS, E1000_STATUS_DMA_CLOCK_GATED, 0},
    /* Some malformed IPv6 extension headers hang the receiver; the NFS filter drops good frames.
     * Descriptors stay legacy ones. */
    {GENS_8257X | GENS_ICH, E1000_RFCTL, RFCTL_EXTENDED, 0},
    {GEN(82571) | GEN(82573) | GEN(ICH8), E1000_RFCTL, 0, RFCTL_IPV6_EXTENSIONS_OFF},
    {GENS_ICH, E1000_RFCTL, 0, RFCTL_NFS_OFF},
    /* PCI Express: every access snoops the caches, whatever the NVM says; ICH8 has the bits the
     * other way round. */
    {GEN(ICH8), E1000_GCR, 0, GCR_NO_SNOOP},
    {GENS_ICH & ~GEN(ICH8), E1000_GCR, GCR_NO_SNOOP, 0},
    /* L1 without L0s; completions that get lost beside power management. */
    {GEN(82573) | GEN(82574), E1000_GCR, 0, 1u << 27},
    {GEN(82574), E1000_GCR, 0, 1u << 22},
    {GEN(82574), E1000_GCR2, 0, 1u << 0},
    /* Memory errors are corrected, and those that cannot be stop the part. */
    {GEN(82571), E1000_PBA_ECC, 0, 1u << 0},
    {GEN(LPT) | GEN(SPT), E1000_PBECCSTS, 0, 1u << 16},
    {GEN(LPT) | GEN(SPT), E1000_CTRL, 0, E1000_CTRL_MEHE},
    /* The PHY's side: bias; noise must fail the CRC, not look like a frame; 50 ms for the PHY's
     * configuration; 8 us between link beacons. */
    {GENS_ICH, E1000_KABGTXD, 0, 5u << 16},
    {GEN(PCH), E1000_CRC_OFFSET, UINT32_MAX, 0x65656565},
    {GEN(PCH2), E1000_FEXTNVM3, 3u << 26, 2u << 26},
    {GEN(LPT) | GEN(SPT), E1000_FEXTNVM4, 7, 7},
    /* I210, I211: a reset does not restore the packet buffers' sizes. */
    {GEN(I210), E1000_RXPBS, UINT32_MAX, 0x000000a2},
    {GEN(I210), E1000_TXPBS, UINT32_MAX, 0x04000014},
};

/* Before the queues are set up. */
void e1000_setup_errata(const struct e1000 *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        const struct errata *row = &table[i];
        if ((row->gens >> e->id->gen & 1) != 0) {
            uint32_t value = row->clear == UINT32_MAX ? 0 : e1000_read(e, row->reg);
            e1000_write(e, row->reg, (value & ~row->clear) | row->set);
        }
    }
    if (e->id->quirks & E1000_QUIRK_TWO_REQUESTS) {
        /* The I219 of SPT and KBL (their specification update, 1.5.4.5), and its bus's bursts. */
        e1000_modify(e, E1000_TARC0, 3u << 28, 2u << 28);
        e1000_set(e, E1000_IOSFPC, 1u << 16);
    }
    if (e->id->quirks & E1000_QUIRK_WAKE_CLOCK) {
        e1000_set(e, E1000_FFLT_DBG, E1000_FFLT_DBG_WAKE_CLOCK);
    }
    if (e->id->quirks & E1000_QUIRK_GO_LINKD) {
        /* PHPM, 82580 and later: a driver that was unloaded may have left the link cut. */
        e1000_clear(e, E1000_PHPM, E1000_PHPM_GO_LINKD);
    }
}

/* PCI Express 3.0, 7.8.7: ASPM control of the link. The upper half is status, cleared by writing.
 */
void e1000_aspm_off(const struct e1000 *e)
{
    enum {
        CAPABILITY_EXPRESS = 0x10,
        LINK_CONTROL_OFFSET = 0x10,
        LINK_CONTROL_ASPM = 3,
    };
    uint8_t express = pci_find_capability(e->dev, CAPABILITY_EXPRESS);
    if ((e->id->quirks & E1000_QUIRK_NO_ASPM) == 0 || express == 0) {
        return;
    }
    uint8_t offset = (uint8_t)(express + LINK_CONTROL_OFFSET);
    uint32_t control = pci_read32(e->dev, offset) & 0xffff;
    if ((control & LINK_CONTROL_ASPM) != 0) {
        pci_write32(e->dev, offset, control & ~(uint32_t)LINK_CONTROL_ASPM);
    }
}

/*
 * What depends on the speed, at each new link; from the loop. 82571: TARC0 has to know of gigabit.
 * I218: without its PLL the MAC misses completions at gigabit.
 */
void e1000_link_adapt(const struct e1000 *e)
{
    bool gigabit = e->link.speed_mbps == 1000;
    if (e->id->quirks & E1000_QUIRK_SPEED_MODE) {
        e1000_modify(e, E1000_TARC0, E1000_TARC0_SPEED_MODE, gigabit ? E1000_TARC0_SPEED_MODE : 0);
    }
    if (e->id->quirks & E1000_QUIRK_PLL_REQUEST) {
        e1000_modify(e, E1000_FEXTNVM6, E1000_FEXTNVM6_PLL_REQUEST,
                     gigabit ? E1000_FEXTNVM6_PLL_REQUEST : 0);
    }
    e1000_setup_gap(e);
}

/* How much longer a frame may take before the transmitter counts as hung (Linux, e1000e). */
uint32_t e1000_tx_hang_factor(uint32_t speed_mbps)
{
    return speed_mbps == 10 ? 16 : speed_mbps == 100 ? 10 : 1;
}
