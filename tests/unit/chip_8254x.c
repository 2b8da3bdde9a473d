/*
 * The chip models: what is the PCI and PCI-X parts' own (8254x Software Developer's Manual,
 * chapter 13), and which PCI ID is which part.
 */
#include "tests/unit/chip_internal.h"

#define CAUSES 0x1f6dfu

static const struct chip_row rows[] = {
    {0x0000, 0x0000, 4, RW, 0xdcfc1be9, 0x00000a09, 0, 0},                    /* CTRL */
    {0x0010, 0x0010, 4, RW, 0x000003cf, 0x00000110, 0, 0},                    /* EECD */
    {0x0014, 0x0014, 4, RW, 0x0000ffff, 0, 0, PARTS_EXCEPT(82544)},           /* EERD */
    {0x0018, 0x0018, 4, RW, 0x00c7fffc, 0x00000c00, 0, 0},                    /* CTRL_EXT */
    {0x0028, 0x0028, 4, RW, 0xffffffff, 0, ROW_GARBAGE, 0},                   /* FCAL */
    {0x002c, 0x0030, 4, RW, 0x0000ffff, 0, ROW_GARBAGE, 0},                   /* FCAH, FCT */
    {0x00c4, 0x00c4, 4, RW, 0x0000ffff, 0, 0, PARTS_EXCEPT(82544)},           /* ITR */
    {0x00c8, 0x00c8, 4, WO, CAUSES, 0, 0, 0},                                 /* ICS */
    {0x00d0, 0x00d0, 4, RW, CAUSES, 0, 0, 0},                                 /* IMS */
    {0x0100, 0x0100, 4, RW, 0x06dfb3fe, 0, 0, 0},                             /* RCTL */
    {0x0170, 0x0170, 4, RW, 0x0000ffff, 0, ROW_GARBAGE, 0},                   /* FCTTV */
    {0x0400, 0x0400, 4, RW, 0x037ffffa, 0, 0, 0},                             /* TCTL */
    {0x2160, 0x2160, 4, RW, 0x8000fff8, 0, 0, 0},                             /* FCRTL */
    {0x2168, 0x2168, 4, RW, 0x0000fff8, 0, 0, 0},                             /* FCRTH */
    {0x2820, 0x2820, 4, RW, 0x8000ffff, 0, 0, 0},                             /* RDTR */
    {0x2828, 0x2828, 4, RW, 0x013f3f3f, 0x00010000, 0, 0},                    /* RXDCTL */
    {0x282c, 0x282c, 4, RW, 0x0000ffff, 0, 0, PARTS_EXCEPT(82544)},           /* RADV */
    {0x3820, 0x3820, 4, RW, 0x0000ffff, 0, ROW_GARBAGE, 0},                   /* TIDV */
    {0x3828, 0x3828, 4, RW, 0xff3f3f3f, 0, 0, 0},                             /* TXDCTL */
    {0x382c, 0x382c, 4, RW, 0x0000ffff, 0, ROW_GARBAGE, PARTS_EXCEPT(82544)}, /* TADV */
    {0x5000, 0x5000, 4, RW, 0x000007ff, 0x00000300, 0, 0},                    /* RXCSUM */
    {0x5280, 0x53fc, 4, RW, 0xffffffff, 0, ROW_GARBAGE, 0},                   /* MTA 32.. */
    {0x5408, 0x5478, 8, RW, 0xffffffff, 0, ROW_GARBAGE, 0},                   /* RAL 1.. */
    {0x540c, 0x547c, 8, RW, 0x8003ffff, 0, 0, 0},                             /* RAH 1.. */
    {0x5600, 0x57fc, 4, RW, 0xffffffff, 0, ROW_GARBAGE, 0},                   /* VFTA */
    {0x5820, 0x5820, 4, RW, 0xffffffff, 0x00002000, 0, PARTS_EXCEPT(82544)},  /* MANC: ARP_EN */
};

static bool write_own(uint32_t offset, uint32_t value)
{
    if (offset == 0x0018 && (value & 0x2000) != 0) { /* EE_RST */
        *reg(offset) = value & ~0x2000u;
        chip_load_eeprom();
        return true;
    }
    return false;
}

#define TRAITS(eerd_layout)                                                                   \
    {                                                                                         \
        .class = CLASS_8254X, .eerd = eerd_layout, .owner = OWN_NONE, .rows = rows,           \
        .row_count = ARRAY_SIZE(rows), .causes = CAUSES, .mta_count = 128, .vfta_count = 128, \
        .quiet_us = 1, .write = write_own                                                     \
    }

const struct chip_traits chip_traits_8254x[] = {
    TRAITS(EERD_SMALL), /* 82544 */
    TRAITS(EERD_SMALL), /* 82540, 82545, 82546 */
    TRAITS(EERD_LARGE), /* 82541, 82547 */
};

struct id {
    enum chip_part part;
    uint16_t devices[64];
};

static const struct id ids[] = {
    {CHIP_82544, {0x1004, 0x1008, 0x1009, 0x100c, 0x100d}},
    {CHIP_82540,
     {0x100e, 0x1015, 0x1016, 0x1017, 0x101e, 0x100f, 0x1011, 0x1026, 0x1027, 0x1028, 0x1010,
      0x1012, 0x101d, 0x1079, 0x107a, 0x107b, 0x108a, 0x1099, 0x10b5}},
    {CHIP_82541, {0x1013, 0x1018, 0x1014, 0x1078, 0x1076, 0x1077, 0x107c, 0x1019, 0x101a, 0x1075}},
    {CHIP_82571,
     {0x105e, 0x105f, 0x1060, 0x10a4, 0x10a5, 0x10bc, 0x10d5, 0x10d9, 0x10da, 0x107d, 0x107e,
      0x107f, 0x10b9}},
    {CHIP_82573, {0x108b, 0x108c, 0x109a}},
    {CHIP_82574, {0x10d3, 0x10f6}},
    {CHIP_82583, {0x150c}},
    {CHIP_ICH8, {0x1049, 0x104a, 0x104b, 0x104d, 0x104c, 0x10c4, 0x10c5, 0x1501}},
    {CHIP_ICH9,
     {0x294c, 0x10bd, 0x10c0, 0x10c2, 0x10c3, 0x10bf, 0x10cb, 0x10cc, 0x10cd, 0x10ce, 0x10de,
      0x10df, 0x10e5, 0x10f5, 0x1525}},
    {CHIP_PCH, {0x10ea, 0x10eb, 0x10ef, 0x10f0}},
    {CHIP_PCH2, {0x1502, 0x1503}},
    {CHIP_LPT, {0x153a, 0x153b, 0x155a, 0x1559, 0x15a0, 0x15a1, 0x15a2, 0x15a3}},
    {CHIP_SPT,
     {0x156f, 0x1570, 0x15b7, 0x15b8, 0x15b9, 0x15d6, 0x15d7, 0x15d8, 0x15e3, 0x15bb, 0x15bc,
      0x15bd, 0x15be, 0x15df, 0x15e0, 0x15e1, 0x15e2, 0x0d4c, 0x0d4d, 0x0d4e, 0x0d4f, 0x0d53,
      0x0d55, 0x15f4, 0x15f5, 0x15f9, 0x15fa, 0x15fb, 0x15fc, 0x1a1c, 0x1a1d, 0x1a1e, 0x1a1f,
      0x0dc5, 0x0dc6, 0x0dc7, 0x0dc8, 0x550a, 0x550b, 0x550c, 0x550d, 0x57a0, 0x550e, 0x550f,
      0x5510, 0x5511, 0x57a1, 0x57b3, 0x57b4, 0x57b5, 0x57b6, 0x57b7, 0x57b8, 0x57b9, 0x57ba}},
    {CHIP_82575, {0x10a7, 0x10a9, 0x10d6}},
    {CHIP_82576, {0x10c9, 0x10e6, 0x10e7, 0x10e8, 0x150a, 0x150d, 0x1518, 0x1526}},
    {CHIP_82580, {0x150e, 0x150f, 0x1510, 0x1511, 0x1516, 0x1527}},
    {CHIP_I350, {0x1521, 0x1522, 0x1523, 0x1524, 0x1f41}},
    {CHIP_I210, {0x1533, 0x157b, 0x1539}},
};

enum chip_part chip_part_of(uint16_t device)
{
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        for (size_t n = 0; n < ARRAY_SIZE(ids[i].devices) && ids[i].devices[n] != 0; n++) {
            if (ids[i].devices[n] == device) {
                return ids[i].part;
            }
        }
    }
    return CHIP_PART_COUNT;
}
