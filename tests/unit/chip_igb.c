/*
 * The chip models: what is the own of the parts with advanced descriptors (82575 manual; for the
 * 82576, 82580, I350 and I210 what other systems' headers and QEMU's igb quote of their data
 * sheets): queues at an offset of their own, of which the
 * first four are seen at the old place too, and no interrupt delays but EITR.
 */
#include "tests/unit/chip_internal.h"

#define CAUSES 0x7ddffdddu
#define NEWER  PARTS_EXCEPT(82575)

static const struct chip_row rows[] = {
    {0x0000, 0x0000, 4, RW, 0xfcff1be5, 0x00000241, 0, 0},  /* CTRL */
    {0x0010, 0x0010, 4, RW, 0xfffffdff, 0x00000110, 0, 0},  /* EEC */
    {0x0014, 0x0014, 4, RW, 0x0000fffd, 0, 0, 0},           /* EERD */
    {0x0018, 0x0018, 4, RW, 0xffffffff, 0x00100000, 0, 0},  /* CTRL_EXT */
    {0x0028, 0x0028, 4, RW, 0xffffffff, 0, ROW_GARBAGE, 0}, /* FCAL */
    {0x002c, 0x0030, 4, RW, 0x0000ffff, 0, ROW_GARBAGE, 0}, /* FCAH, FCT */
    {0x0034, 0x0034, 4, RO, 0, 0x00000000, 0, 0},           /* CONNSW */
    {0x0038, 0x0038, 4, RW, 0xffffffff, 0x81008100, 0, 0},  /* VET */
    {0x00c8, 0x00c8, 4, WO, CAUSES, 0, 0, 0},               /* ICS */
    {0x00d0, 0x00d0, 4, RW, CAUSES, 0, 0, 0},               /* IMS */
    {0x00e0, 0x00e0, 4, RW, CAUSES, 0, 0, 0},               /* IAM */
    {0x0100, 0x0100, 4, RW, 0x04ffb0fe, 0, 0, NEWER},       /* RCTL */
    {0x0100, 0x0100, 4, RW, 0x04ffb3fe, 0, 0, PART(82575)},
    {0x0170, 0x0170, 4, RW, 0x0000ffff, 0, ROW_GARBAGE, 0},                           /* FCTTV */
    {0x0400, 0x0400, 4, RW, 0x057ffffa, 0x000400f8, 0, 0},                            /* TCTL */
    {0x0404, 0x0404, 4, RW, 0x000fffff, 0x00010000, 0, 0},                            /* TCTL_EXT */
    {0x0e00, 0x0e00, 4, RW, 0xffffffff, 0x07068302, 0, 0},                            /* LEDCTL */
    {0x0e04, 0x0e04, 4, RW, 0xffffffff, 0x00200000, ROW_SURVIVES, PARTS_FROM(82580)}, /* MDICNFG */
    {0x0e14, 0x0e14, 4, RW, 0xffffffff, 0, ROW_SURVIVES, PARTS_FROM(82580)},          /* PHPM */
    {0x1010, 0x1010, 4, RO, 0, 0x003c0000, ROW_SURVIVES, 0},             /* EEMNGCTL: CFG_DONE */
    {0x1514, 0x1514, 4, RW, 0xc0000f91, 0, 0, NEWER},                    /* GPIE */
    {0x1520, 0x1520, 4, WO, 0xffffffff, 0, 0, 0},                        /* EICS */
    {0x1524, 0x1524, 4, RW, 0xffffffff, 0, 0, 0},                        /* EIMS */
    {0x1528, 0x1528, 4, WO, 0xffffffff, 0, 0, 0},                        /* EIMC */
    {0x152c, 0x1530, 4, RW, 0xffffffff, 0, 0, 0},                        /* EIAC, EIAM */
    {0x1580, 0x1580, 4, RW, 0xffffffff, 0, 0, 0},                        /* EICR */
    {0x1600, 0x1624, 4, RW, 0xffffffff, 0, 0, PART(82575)},              /* MSIXBM */
    {0x1680, 0x16a4, 4, RW, 0xffffffff, 0, 0, PART(82575)},              /* EITR, 10 */
    {0x1680, 0x16e0, 4, RW, 0xffffffff, 0, 0, NEWER &PARTS_BELOW(I210)}, /* EITR, 25 */
    {0x1680, 0x1690, 4, RW, 0xffffffff, 0, 0, PART(I210)},               /* EITR, 5 */
    {0x1700, 0x171c, 4, RW, 0x9f9f9f9f, 0, ROW_GARBAGE, PART(82576)},    /* IVAR, 8 */
    {0x1700, 0x170c, 4, RW, 0x9f9f9f9f, 0, ROW_GARBAGE, PART(82580) | PART(I350)}, /* 4 */
    {0x1700, 0x1704, 4, RW, 0x87878787, 0, ROW_GARBAGE, PART(I210)},               /* 2 */
    {0x1740, 0x1740, 4, RW, 0x00009f9f, 0, ROW_GARBAGE, NEWER},                    /* IVAR_MISC */
    {0x2404, 0x2404, 4, RW, 0xffffffff, 0x000000a2, ROW_SURVIVES, 0},              /* RXPBS */
    {0x280c, 0x280c, 4, RW, 0x9f003f7f, 0x00000400, 0, 0},                         /* SRRCTL */
    {0x2814, 0x2814, 4, RW, 0xffffffff, 0x0000a200, 0, 0},                         /* RXCTL (DCA) */
    {0x2828, 0x2828, 4, RW, 0x061f1f1f, 0x00010000, 0, 0},                         /* RXDCTL */
    {0x2830, 0x2830, 4, RC, 0, 0, ROW_GARBAGE, 0},                                 /* RQDPC */
    {0x3404, 0x3404, 4, RW, 0xffffffff, 0x04000014, ROW_SURVIVES, 0},              /* TXPBS */
    {0x3590, 0x3590, 4, RW, 0xffffffff, 0, 0, 0},                                  /* DTXCTL */
    {0x3814, 0x3814, 4, RW, 0xffffffff, 0x00002a00, 0, 0},                         /* TXCTL (DCA) */
    {0x3828, 0x3828, 4, RW, 0xfe1f1f1f, 0, 0, 0},                                  /* TXDCTL */
    {0x3838, 0x383c, 4, RW, 0xffffffff, 0, 0, 0},           /* TDWBAL, TDWBAH */
    {0x4100, 0x4128, 4, RC, 0, 0, ROW_GARBAGE, 0},          /* statistics */
    {0x5000, 0x5000, 4, RW, 0x00003fff, 0x00000300, 0, 0},  /* RXCSUM */
    {0x5004, 0x5004, 4, RW, 0x00003fff, 0x00002600, 0, 0},  /* RLPML */
    {0x5008, 0x5008, 4, RW, 0x0007ffff, 0, 0, 0},           /* RFCTL */
    {0x5280, 0x53fc, 4, RW, 0xffffffff, 0, ROW_GARBAGE, 0}, /* MTA 32.. */
    {0x5408, 0x5478, 8, RW, 0xffffffff, 0, ROW_GARBAGE, 0}, /* RAL 1.. */
    {0x540c, 0x547c, 8, RW, 0x9fffffff, 0, 0, 0},           /* RAH 1.. */
    {0x5404, 0x5404, 4, RW, 0x9fffffff, 0, 0, 0},           /* RAH 0: with pools */
    {0x54e0, 0x5518, 8, RW, 0xffffffff, 0, ROW_GARBAGE, PART(82576) | PART(82580) | PART(I350)},
    {0x54e4, 0x551c, 8, RW, 0x9fffffff, 0, 0, PART(82576) | PART(82580) | PART(I350)},
    {0x5480, 0x5480, 4, RW, 0xffffffff, 0, 0, 0},            /* PSRTYPE */
    {0x5600, 0x57fc, 4, RW, 0xffffffff, 0, ROW_GARBAGE, 0},  /* VFTA */
    {0x5818, 0x5818, 4, RW, 0xffffffff, 0, 0, 0},            /* MRQC */
    {0x581c, 0x581c, 4, RW, 0xffffffff, 0, 0, 0},            /* VT_CTL */
    {0x5820, 0x5820, 4, RW, 0xffffffff, 0, 0, 0},            /* MANC */
    {0x5b00, 0x5b00, 4, RW, 0xffffffff, 0, ROW_SURVIVES, 0}, /* GCR */
    {0x5b50, 0x5b50, 4, RW, 0x0000000f, 0, ROW_SURVIVES, 0}, /* SWSM */
    {0x5b54, 0x5b54, 4, RO, 0, 0x00008000, ROW_SURVIVES, 0}, /* FWSM */
    {0x5b5c, 0x5b5c, 4, RW, 0xffffffff, 0, ROW_SURVIVES, 0}, /* SW_FW_SYNC */
    {0x5b68, 0x5b68, 4, RW, 0xffffffff, 0, 0, 0},            /* PBACL */
};

/* Queue 0 at 0xc000 and 0xe000 (not in the 82575); the causes at 0x1500; I210: NVM at 0x12010. */
static uint32_t canonical(uint32_t offset)
{
    if (chip->part != CHIP_82575) {
        if (offset >= 0xc000 && offset < 0xc040) {
            return offset - 0xc000 + 0x2800;
        }
        if (offset >= 0xe000 && offset < 0xe040) {
            return offset - 0xe000 + 0x3800;
        }
    }
    switch (offset) {
    case 0x1500: /* ICR, ICS, IMS, IMC, IAM */
        return 0x00c0;
    case 0x1504:
        return 0x00c8;
    case 0x1508:
        return 0x00d0;
    case 0x150c:
        return 0x00d8;
    case 0x1510:
        return 0x00e0;
    default:
        break;
    }
    bool moved = chip->part == CHIP_I210 && offset >= 0x12010 && offset <= 0x12014;
    return moved ? offset - 0x12000 : offset;
}

/* xDCTL.ENABLE reads 1 when the queue is ready, not when it was asked for. */
static bool read_own(uint32_t offset, uint32_t *value)
{
    if (offset != 0x2828 && offset != 0x3828) {
        return false;
    }
    *value = *reg(offset) | (chip_queue_on(offset - 0x28) ? UINT32_C(1) << 25 : 0);
    return true;
}

static void enabling(bool receiver)
{
    if (!receiver) {
        return;
    }
    uint32_t srrctl = *reg(0x280c), kind = srrctl >> 25 & 7;
    if (kind > 1) {
        chip_fault("receiver enabled with SRRCTL.DESCTYPE %u", kind);
    }
    if ((srrctl & 0x7f) != 2) {
        chip_fault("receiver enabled with buffers of %u KiB", srrctl & 0x7f);
    }
    if (chip->part == CHIP_I210 && (*reg(0x2404) != 0xa2 || *reg(0x3404) != 0x04000014)) {
        chip_fault("receiver enabled with packet buffers that somebody else had left");
    }
}

#define COMMON                                                                            \
    .class = CLASS_IGB, .eerd = EERD_LARGE, .owner = OWN_SWFW, .rows = rows,              \
    .row_count = ARRAY_SIZE(rows), .causes = CAUSES, .mta_count = 128, .vfta_count = 128, \
    .quiet_us = 1, .msi = true, .cap_msi = 0x50, .cap_msix = 0x70, .cap_pcie = 0xa0,      \
    .canonical = canonical, .read = read_own, .enabling = enabling

const struct chip_traits chip_traits_igb[] = {
    {COMMON, .msix_count = 10}, /* 82575 */
    {COMMON, .msix_count = 25}, /* 82576 */
    {COMMON, .msix_count = 10}, /* 82580 */
    {COMMON, .msix_count = 25}, /* I350 */
    {COMMON, .msix_count = 5},  /* I210 */
};
