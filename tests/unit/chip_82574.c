/*
 * The chip models: what is the own of the PCI Express parts 82571 to 82574 and 82583. Offsets and
 * bits are those of their manuals as other systems' headers and QEMU's e1000e quote them; a bit
 * that none of them names counts as reserved only where all agree.
 */
#include "tests/unit/chip_internal.h"

#define CAUSES      0x000782dfu
#define CAUSES_MSIX 0x01f782dfu
#define SWFLAG      (PART(82573) | PART(82574) | PART(82583))
#define CARDS       (PART(82574) | PART(82583))

static const struct chip_row rows[] = {
    {0x0000, 0x0000, 4, RW, 0xdcfc1be5, 0x00000201, 0, CARDS | PART(82573)}, /* CTRL */
    {0x0000, 0x0000, 4, RW, 0xdcfc1bed, 0x00000a09, 0, PARTS_BELOW(82573)},
    {0x0010, 0x0010, 4, RW, 0x00fffdff, 0x00000110, 0, 0},  /* EECD */
    {0x0014, 0x0014, 4, RW, 0x0000fffd, 0, 0, 0},           /* EERD */
    {0x0018, 0x0018, 4, RW, 0xffffffff, 0x00100000, 0, 0},  /* CTRL_EXT */
    {0x0028, 0x0028, 4, RW, 0xffffffff, 0, ROW_GARBAGE, 0}, /* FCAL */
    {0x002c, 0x0030, 4, RW, 0x0000ffff, 0, ROW_GARBAGE, 0}, /* FCAH, FCT */
    {0x0038, 0x0038, 4, RW, 0x0000ffff, 0x00008100, 0, 0},  /* VET */
    {0x00c4, 0x00c4, 4, RW, 0x0000ffff, 0, 0, 0},           /* ITR */
    {0x00c8, 0x00c8, 4, WO, CAUSES_MSIX, 0, 0, CARDS},      /* ICS */
    {0x00c8, 0x00c8, 4, WO, CAUSES, 0, 0, ~CARDS},
    {0x00d0, 0x00d0, 4, RW, CAUSES_MSIX, 0, 0, CARDS}, /* IMS */
    {0x00d0, 0x00d0, 4, RW, CAUSES, 0, 0, ~CARDS},
    {0x00dc, 0x00dc, 4, RW, 0x01f00000, 0, 0, CARDS},             /* EIAC */
    {0x00e0, 0x00e0, 4, RW, CAUSES_MSIX, 0, 0, 0},                /* IAM */
    {0x00e4, 0x00e4, 4, RW, 0x800fffff, 0, 0, CARDS},             /* IVAR */
    {0x00e8, 0x00f8, 4, RW, 0x0000ffff, 0, 0, CARDS},             /* EITR 0 to 4 */
    {0x0100, 0x0100, 4, RW, 0x7edfbffe, 0, 0, 0},                 /* RCTL */
    {0x0170, 0x0170, 4, RW, 0x0000ffff, 0, ROW_GARBAGE, 0},       /* FCTTV */
    {0x0400, 0x0400, 4, RW, 0x7ffffffa, 0x3003f0f8, 0, 0},        /* TCTL */
    {0x0e00, 0x0e00, 4, RW, 0xffffffff, 0x07068302, 0, 0},        /* LEDCTL */
    {0x0f00, 0x0f00, 4, RW, 0x0fffffff, 0x00000009, 0, SWFLAG},   /* EXTCNF_CTRL */
    {0x0f08, 0x0f08, 4, RW, 0xffffffff, 0, ROW_SURVIVES, SWFLAG}, /* EXTCNF_SIZE */
    {0x1100, 0x1100, 4, RW, 0x0000001f, 0, 0, PART(82571)},       /* PBA_ECC */
    {0x2170, 0x2170, 4, RW, 0x3f3f3f7f, 0x00040402, 0, 0},        /* PSRCTL */
    {0x2820, 0x2820, 4, RW, 0x8000ffff, 0, 0, 0},                 /* RDTR */
    {0x2828, 0x2828, 4, RW, 0x013f3f3f, 0x00010000, 0, 0},        /* RXDCTL */
    {0x282c, 0x282c, 4, RW, 0x0000ffff, 0, 0, 0},                 /* RADV */
    {0x2928, 0x2928, 4, RW, 0x013f3f3f, 0x00010000, 0, 0},        /* RXDCTL1 */
    {0x2c00, 0x2c08, 8, RW, 0x0000ffff, 0, 0, 0},                 /* RSRPD, RAID */
    {0x3820, 0x3820, 4, RW, 0x8000ffff, 0, ROW_GARBAGE, 0},       /* TIDV */
    {0x3828, 0x3828, 4, RW, 0xff7f3f3f, 0, 0, 0},                 /* TXDCTL */
    {0x382c, 0x382c, 4, RW, 0x0000ffff, 0, ROW_GARBAGE, 0},       /* TADV */
    {0x3840, 0x3840, 4, RW, 0x7fffffff, 0x00000403, 0, 0},        /* TARC0 */
    {0x3928, 0x3928, 4, RW, 0xff7f3f3f, 0, 0, 0},                 /* TXDCTL1 */
    {0x3940, 0x3940, 4, RW, 0x7fffffff, 0x00000403, 0, 0},        /* TARC1 */
    {0x4100, 0x4124, 4, RC, 0, 0, ROW_GARBAGE, 0},                /* statistics */
    {0x5000, 0x5000, 4, RW, 0x00003fff, 0x00000300, 0, 0},        /* RXCSUM */
    {0x5008, 0x5008, 4, RW, 0x0003ffff, 0, 0, 0},                 /* RFCTL */
    {0x5280, 0x53fc, 4, RW, 0xffffffff, 0, ROW_GARBAGE, 0},       /* MTA 32.. */
    {0x5408, 0x5478, 8, RW, 0xffffffff, 0, ROW_GARBAGE, 0},       /* RAL 1.. */
    {0x540c, 0x547c, 8, RW, 0x8003ffff, 0, 0, 0},                 /* RAH 1.. */
    {0x5600, 0x57fc, 4, RW, 0xffffffff, 0, ROW_GARBAGE, 0},       /* VFTA */
    {0x5818, 0x5818, 4, RW, 0xffff0003, 0, 0, 0},                 /* MRQC */
    {0x5820, 0x5820, 4, RW, 0xffffffff, 0, 0, 0},                 /* MANC */
    {0x5b00, 0x5b00, 4, RW, 0xffffffff, 0, ROW_SURVIVES, 0},      /* GCR */
    {0x5b50, 0x5b50, 4, RW, 0x0000000f, 0, ROW_SURVIVES, 0},      /* SWSM */
    {0x5b54, 0x5b54, 4, RO, 0, 0x00008000, ROW_SURVIVES, 0},      /* FWSM */
    {0x5b64, 0x5b64, 4, RW, 0xffffffff, 0, ROW_SURVIVES, CARDS},  /* GCR2 */
};

static bool write_own(uint32_t offset, uint32_t value)
{
    /* Once set it must not be cleared (Linux, e1000e: FLAG2_NO_DISABLE_RX). */
    bool keeps_on = chip->part == CHIP_82574 || chip->part == CHIP_82583;
    if (offset == 0x0100 && keeps_on && (*reg(0x0100) & 2) != 0 && (value & 2) == 0) {
        chip_fault("RCTL.EN cleared");
    }
    if (offset == 0x3840 && (value & 0x400) == 0) {
        chip_fault("TARC0 without its queue");
    }
    return false;
}

static void enabling(bool receiver)
{
    if (!receiver) {
        if ((*reg(0x3840) & 0x400) == 0) {
            chip_fault("transmitter enabled with TARC0's queue off");
        }
        return;
    }
    if ((*reg(0x5008) & 0x8000) != 0) {
        chip_fault("receiver enabled with extended descriptors");
    }
    bool aspm_hangs = chip->part != CHIP_82571;
    if (aspm_hangs && (chip_config(chip->traits->cap_pcie + 0x10) & 3) != 0) {
        chip_fault("receiver enabled with ASPM on");
    }
}

#define COMMON                                                                             \
    .class = CLASS_8257X, .eerd = EERD_LARGE, .rows = rows, .row_count = ARRAY_SIZE(rows), \
    .mta_count = 128, .vfta_count = 128, .quiet_us = 1, .msi = true, .cap_msi = 0xd0,      \
    .cap_pcie = 0xe0, .write = write_own, .enabling = enabling

const struct chip_traits chip_traits_8257x[] = {
    {COMMON, .owner = OWN_SWSM, .causes = CAUSES},                        /* 82571 */
    {COMMON, .owner = OWN_EXTCNF, .reset_owned = true, .causes = CAUSES}, /* 82573 */
    {COMMON, .owner = OWN_EXTCNF, .reset_owned = true, .causes = CAUSES_MSIX, .cap_msix = 0xa0,
     .msix_count = 5},                                                         /* 82574 */
    {COMMON, .owner = OWN_EXTCNF, .reset_owned = true, .causes = CAUSES_MSIX}, /* 82583 */
};
