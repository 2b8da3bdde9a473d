/*
 * The chip models: what is the own of the MACs in ICH8 to ICH10 and the PCHs, of which little is
 * published: offsets, bits and rules are those that Intel's own drivers (Linux e1000e, FreeBSD em)
 * and iPXE observe. Their NVM is part of the flash of the chipset: no EERD; offsets
 * that are flow control elsewhere hold settings that come from it (FEXTNVM).
 */
#include "tests/unit/chip_internal.h"

#define CAUSES        0x005782dfu
#define FEXTNVM11_FIX UINT32_C(0x2000)
#define RXDCTL_FLUSH  0x0000011fu

static const struct chip_row rows[] = {
    {0x0000, 0x0000, 4, RW, 0xdc1f1b65, 0x00000201, 0, 0}, /* CTRL */
    {0x0008, 0x0008, 4, RW, 0xffffffff, 0, 0, PART(ICH8)}, /* STATUS: bit 31 may be cleared */
    {0x0010, 0x0014, 4, RW, 0xffffffff, 0x00000040, ROW_SURVIVES, 0}, /* FEXTNVM6, 5 */
    {0x0018, 0x0018, 4, RW, 0xffffffff, 0x00100000, 0, 0},            /* CTRL_EXT */
    {0x0024, 0x0024, 4, RW, 0xffffffff, 0x00000009, ROW_SURVIVES, PARTS_FROM(PCH)}, /* FEXTNVM4 */
    {0x0028, 0x0028, 4, RW, 0xffffffff, 0x00000040, ROW_SURVIVES, 0},               /* FEXTNVM */
    {0x0030, 0x0030, 4, RW, 0xffffffff, 0x00000300, ROW_SURVIVES, 0},               /* FEXTNVM2 */
    {0x0034, 0x0034, 4, RW, 0xffffffff, 0, ROW_SURVIVES, 0},                   /* KMRNCTRLSTA */
    {0x0038, 0x0038, 4, RW, 0x0000ffff, 0x00008100, 0, 0},                     /* VET */
    {0x003c, 0x003c, 4, RW, 0xffffffff, 0x00000100, ROW_SURVIVES, 0},          /* FEXTNVM3 */
    {0x00c4, 0x00c4, 4, RW, 0x0000ffff, 0, 0, 0},                              /* ITR */
    {0x00c8, 0x00c8, 4, WO, CAUSES, 0, 0, 0},                                  /* ICS */
    {0x00d0, 0x00d0, 4, RW, CAUSES, 0, 0, 0},                                  /* IMS */
    {0x00e0, 0x00e0, 4, RW, CAUSES, 0, 0, 0},                                  /* IAM */
    {0x00e4, 0x00e4, 4, RW, 0xffffffff, 0, ROW_SURVIVES, PARTS_FROM(LPT)},     /* FEXTNVM7 */
    {0x00f0, 0x00f8, 8, RW, 0xffffffff, 0, ROW_SURVIVES, PARTS_FROM(LPT)},     /* SVT, LTRV */
    {0x0100, 0x0100, 4, RW, 0x7edfbffe, 0, 0, 0},                              /* RCTL */
    {0x0170, 0x0170, 4, RW, 0x0000ffff, 0, ROW_GARBAGE, 0},                    /* FCTTV */
    {0x0400, 0x0400, 4, RW, 0x7ffffffa, 0x000400f8, 0, 0},                     /* TCTL */
    {0x0e00, 0x0e00, 4, RW, 0xffffffff, 0x07068302, 0, 0},                     /* LEDCTL */
    {0x0f00, 0x0f00, 4, RW, 0x0fffffff, 0x00000008, 0, 0},                     /* EXTCNF_CTRL */
    {0x0f08, 0x0f08, 4, RW, 0xffffffff, 0, ROW_SURVIVES, 0},                   /* EXTCNF_SIZE */
    {0x0f10, 0x0f10, 4, RW, 0xffffffff, 0x0000000c, ROW_SURVIVES, 0},          /* PHY_CTRL */
    {0x0f18, 0x0f18, 4, RW, 0xffffffff, 0, ROW_SURVIVES, PARTS_FROM(LPT)},     /* PCIEANACFG */
    {0x0f28, 0x0f28, 4, RW, 0xffffffff, 0, ROW_SURVIVES, PARTS_FROM(SPT)},     /* IOSFPC */
    {0x1000, 0x1000, 4, RW, 0x0000ffff, 0x0000000a, ROW_SURVIVES, 0},          /* PBA */
    {0x1008, 0x1008, 4, RW, 0x0000ffff, 0x00000014, ROW_SURVIVES, PART(ICH8)}, /* PBS */
    {0x100c, 0x100c, 4, RW, 0xffffffff, 0, ROW_SURVIVES, PARTS_FROM(LPT)},     /* PBECCSTS */
    {0x2170, 0x2170, 4, RW, 0x3f3f3f7f, 0x00040402, 0, 0},                     /* PSRCTL */
    {0x2820, 0x2820, 4, RW, 0x8000ffff, 0, 0, 0},                              /* RDTR */
    {0x2828, 0x2828, 4, RW, 0x013f3f3f, 0x00010000, 0, 0},                     /* RXDCTL */
    {0x282c, 0x282c, 4, RW, 0x0000ffff, 0, 0, 0},                              /* RADV */
    {0x2928, 0x2928, 4, RW, 0x013f3f3f, 0x00010000, 0, 0},                     /* RXDCTL1 */
    {0x2c00, 0x2c08, 8, RW, 0x0000ffff, 0, 0, 0},                              /* RSRPD, RAID */
    {0x3004, 0x3004, 4, RW, 0xffffffff, 0, ROW_SURVIVES, 0},                   /* KABGTXD */
    {0x3820, 0x3820, 4, RW, 0x8000ffff, 0, ROW_GARBAGE, 0},                    /* TIDV */
    {0x3828, 0x3828, 4, RW, 0xff7f3f3f, 0, 0, 0},                              /* TXDCTL */
    {0x382c, 0x382c, 4, RW, 0x0000ffff, 0, ROW_GARBAGE, 0},                    /* TADV */
    {0x3840, 0x3840, 4, RW, 0xffffffff, 0x00000403, 0, 0},                     /* TARC0 */
    {0x3928, 0x3928, 4, RW, 0xff7f3f3f, 0, 0, 0},                              /* TXDCTL1 */
    {0x3940, 0x3940, 4, RW, 0xffffffff, 0x00000403, 0, 0},                     /* TARC1 */
    {0x4100, 0x4124, 4, RC, 0, 0, ROW_GARBAGE, 0},                             /* statistics */
    {0x5000, 0x5000, 4, RW, 0x00003fff, 0x00000300, 0, 0},                     /* RXCSUM */
    {0x5008, 0x5008, 4, RW, 0x0003ffff, 0, 0, 0},                              /* RFCTL */
    {0x5408, 0x5430, 8, RW, 0xffffffff, 0, ROW_GARBAGE, PARTS_BELOW(PCH2)},    /* RAL 1 to 6 */
    {0x540c, 0x5434, 8, RW, 0x8003ffff, 0, 0, PARTS_BELOW(PCH2)},              /* RAH 1 to 6 */
    /* From the 82579 on these are shared with management, by which they may be locked. */
    {0x5408, 0x5488, 8, RW, 0xffffffff, 0, ROW_GARBAGE, PARTS_FROM(PCH2)}, /* SHRAL */
    {0x540c, 0x548c, 8, RW, 0x8003ffff, 0, 0, PARTS_FROM(PCH2)},           /* SHRAH */
    {0x5600, 0x57fc, 4, RW, 0xffffffff, 0, ROW_GARBAGE, 0},                /* VFTA */
    {0x5820, 0x5820, 4, RW, 0xffffffff, 0, 0, 0},                          /* MANC */
    {0x5818, 0x5818, 4, RW, 0xffff0003, 0, 0, 0},                          /* MRQC */
    {0x5b00, 0x5b00, 4, RW, 0xffffffff, 0, ROW_SURVIVES, 0},               /* GCR */
    {0x5b50, 0x5b50, 4, RW, 0xffffffff, 0, ROW_SURVIVES, 0},               /* SWSM; H2ME */
    {0x5b54, 0x5b54, 4, RO, 0, 0x00000060, ROW_SURVIVES, 0},               /* FWSM: RSPCIPHY */
    {0x5bac, 0x5bb8, 4, RW, 0xffffffff, 0, ROW_SURVIVES, PARTS_FROM(LPT)}, /* FEXTNVM 8 to 10 */
    {0x5bbc, 0x5bbc, 4, RW, 0xffffffff, 0, 0, PARTS_FROM(SPT)},            /* FEXTNVM11 */
    {0x5bc0, 0x5bc4, 4, RW, 0xffffffff, 0, ROW_SURVIVES, PARTS_FROM(SPT)}, /* FEXTNVM 12, 13 */
    {0x5f04, 0x5f04, 4, RW, 0xffffffff, 0, 0, PARTS_FROM(SPT)},            /* FFLT_DBG */
    {0x5f50, 0x5f50, 4, RW, 0xffffffff, 0, 0, PARTS_FROM(PCH)},            /* CRC_OFFSET */
};

/* I219: the receiver, switched on and off with these thresholds, lets its descriptors go. */
static void watch_rx_flush(uint32_t value)
{
    bool on = (value & 2) != 0;
    if (on && chip->flushed && (*reg(0x2828) & 0x3fff) == RXDCTL_FLUSH) {
        chip->rx_flush_begun = true;
    } else if (!on && chip->rx_flush_begun) {
        chip->rx_flush_begun = false;
        chip->flush_rx_too = false;
    }
}

static bool write_own(uint32_t offset, uint32_t value)
{
    bool from_nvm = offset == 0x0028 || offset == 0x0030 || offset == 0x0014;
    uint32_t free_bits = offset == 0x0028 ? UINT32_C(1) << 27 : 0; /* SW_CONFIG */
    if (from_nvm && ((value ^ *reg(offset)) & ~free_bits) != 0) {
        chip_fault("register 0x%04x holds what the NVM set, and is overwritten", offset);
    }
    if (offset == 0x3840 && (value & 0x400) == 0) {
        chip_fault("TARC0 without its queue");
    }
    if (offset == 0x0100 && chip->part == CHIP_SPT) {
        watch_rx_flush(value);
    }
    return false;
}

/* I219: descriptors that it still holds when it is reset keep its DMA unit busy for ever. */
bool chip_holds_descriptors(void)
{
    bool fixed = (*reg(0x5bbc) & FEXTNVM11_FIX) != 0;
    return chip->part == CHIP_SPT && chip->rings_used &&
           (!fixed || !chip->flushed || chip->flush_rx_too);
}

static void before_reset(void)
{
    if (chip_holds_descriptors()) {
        chip_fault("reset with descriptors not flushed");
        chip->dead = true;
    }
}

static void enabling(bool receiver)
{
    bool needs_mulr = chip->part >= CHIP_LPT;
    if (!receiver) {
        return;
    }
    if ((*reg(0x5008) & 0x8000) != 0) {
        chip_fault("receiver enabled with extended descriptors");
    }
    if (chip->part == CHIP_ICH8 && (*reg(0x1000) != 8 || *reg(0x1008) != 16)) {
        chip_fault("receiver enabled with the packet buffer of 20 KiB that does not work");
    }
    if (needs_mulr && (*reg(0x0400) & 2) != 0 && (*reg(0x0400) >> 28 & 1) == 0) {
        chip_fault("transmitter enabled without TCTL.MULR");
    }
}

#define TRAITS                                                                                  \
    {                                                                                           \
        .class = CLASS_ICH, .eerd = EERD_NONE, .owner = OWN_EXTCNF, .reset_owned = true,        \
        .rows = rows, .row_count = ARRAY_SIZE(rows), .causes = CAUSES, .mta_count = 32,         \
        .vfta_count = 128, .quiet_us = 20000, .msi = true, .cap_msi = 0xd0, .write = write_own, \
        .before_reset = before_reset, .enabling = enabling                                      \
    }

/* ICH8, ICH9, PCH, PCH2, LPT, SPT */
const struct chip_traits chip_traits_ich[] = {TRAITS, TRAITS, TRAITS, TRAITS, TRAITS, TRAITS};
