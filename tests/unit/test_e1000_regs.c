/*
 * regs.h against a second copy, typed from the manual's bit tables as plain numbers (chapter 13),
 * the descriptors' formats likewise, and checks that no two names of one register collide.
 */
// LINK: drivers/e1000/ids.c drivers/e1000/desc_legacy.c drivers/e1000/desc_advanced.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "drivers/e1000/desc.h"
#include "drivers/e1000/ids.h"
#include "drivers/e1000/regs.h"
#include "drivers/e1000/regs_advanced.h"

#undef assert
#include <cmocka.h>

struct row {
    const char *name;
    uint32_t ours;
    uint32_t manual;
};

#define R(name, manual)                 \
    {                                   \
#name, (uint32_t)(name), manual \
    }

static const struct row offsets[] = {
    R(E1000_CTRL, 0x00000),    R(E1000_STATUS, 0x00008), R(E1000_CTRL_EXT, 0x00018),
    R(E1000_FCAL, 0x00028),    R(E1000_FCAH, 0x0002c),   R(E1000_FCT, 0x00030),
    R(E1000_ICR, 0x000c0),     R(E1000_ITR, 0x000c4),    R(E1000_ICS, 0x000c8),
    R(E1000_IMS, 0x000d0),     R(E1000_IMC, 0x000d8),    R(E1000_RCTL, 0x00100),
    R(E1000_FCTTV, 0x00170),   R(E1000_TCTL, 0x00400),   R(E1000_TIPG, 0x00410),
    R(E1000_FCRTL, 0x02160),   R(E1000_FCRTH, 0x02168),  R(E1000_RDBAL, 0x02800),
    R(E1000_RDBAH, 0x02804),   R(E1000_RDLEN, 0x02808),  R(E1000_RDH, 0x02810),
    R(E1000_RDT, 0x02818),     R(E1000_RDTR, 0x02820),   R(E1000_RXDCTL, 0x02828),
    R(E1000_RADV, 0x0282c),    R(E1000_TDBAL, 0x03800),  R(E1000_TDBAH, 0x03804),
    R(E1000_TDLEN, 0x03808),   R(E1000_TDH, 0x03810),    R(E1000_TDT, 0x03818),
    R(E1000_TIDV, 0x03820),    R(E1000_TXDCTL, 0x03828), R(E1000_TADV, 0x0382c),
    R(E1000_CRCERRS, 0x04000), R(E1000_RXERRC, 0x0400c), R(E1000_MPC, 0x04010),
    R(E1000_GPRC, 0x04074),    R(E1000_GPTC, 0x04080),   R(E1000_RNBC, 0x040a0),
    R(E1000_RXCSUM, 0x05000),  R(E1000_MTA, 0x05200),    R(E1000_RAL0, 0x05400),
    R(E1000_RAH0, 0x05404),    R(E1000_VFTA, 0x05600),   R(E1000_MANC, 0x05820),
};

static const struct row ctrl[] = {
    R(E1000_CTRL_LRST, 0x00000008),      R(E1000_CTRL_ASDE, 0x00000020),
    R(E1000_CTRL_SLU, 0x00000040),       R(E1000_CTRL_ILOS, 0x00000080),
    R(E1000_CTRL_FD, 0x00000001),        R(E1000_CTRL_SPEED_1000, 0x00000200),
    R(E1000_CTRL_SPEED_100, 0x00000100), R(E1000_CTRL_FRCSPD, 0x00000800),
    R(E1000_CTRL_FRCDPLX, 0x00001000),   R(E1000_CTRL_RST, 0x04000000),
    R(E1000_CTRL_RFCE, 0x08000000),      R(E1000_CTRL_TFCE, 0x10000000),
    R(E1000_CTRL_VME, 0x40000000),       R(E1000_CTRL_PHY_RST, 0x80000000),
};

static const struct row status[] = {
    R(E1000_STATUS_FD, 0x00000001),        R(E1000_STATUS_LU, 0x00000002),
    R(E1000_STATUS_TXOFF, 0x00000010),     R(3 << E1000_STATUS_SPEED_SHIFT, 0x000000c0),
    R(E1000_STATUS_PCIX_MODE, 0x00002000),
};

static const struct row causes[] = {
    R(E1000_CAUSE_LSC, 0x00000004),
    R(E1000_CAUSE_RXDMT0, 0x00000010),
    R(E1000_CAUSE_RXO, 0x00000040),
    R(E1000_CAUSE_RXT0, 0x00000080),
};

static const struct row rctl[] = {
    R(E1000_RCTL_EN, 0x00000002),
    R(E1000_RCTL_LBM_MAC, 0x00000040),
    R(E1000_RCTL_BAM, 0x00008000),
    R(E1000_RCTL_SECRC, 0x04000000),
};

static const struct row tctl[] = {
    R(E1000_TCTL_EN, 0x00000002),
    R(E1000_TCTL_PSP, 0x00000008),
    R(0xff << E1000_TCTL_CT_SHIFT, 0x00000ff0),
    R(0x3ff << E1000_TCTL_COLD_SHIFT, 0x003ff000),
    R(E1000_TCTL_RTLC, 0x01000000),
};

static const struct row tipg[] = {
    R(0x3ff << E1000_TIPG_IPGR1_SHIFT, 0x000ffc00),
    R(0x3ff << E1000_TIPG_IPGR2_SHIFT, 0x3ff00000),
};

static const struct row rxdctl[] = {
    R(0x3f << E1000_RXDCTL_WTHRESH_SHIFT, 0x003f0000),
    R(E1000_RXDCTL_GRAN, 0x01000000),
};

static const struct row rxcsum[] = {
    R(E1000_RXCSUM_IPOFL, 0x00000100),
    R(E1000_RXCSUM_TUOFL, 0x00000200),
};

static const struct row single[] = {
    R(E1000_CTRL_EXT_EE_RST, 0x00002000),
    R(E1000_MANC_ARP_EN, 0x00002000),
    R(E1000_RAH_AV, 0x80000000),
    R(E1000_MTA_COUNT, 128),
    R(E1000_VFTA_COUNT, 128),
    R(E1000_RAR_COUNT, 16),
    R(E1000_VENDOR_INTEL, 0x8086),
};

/* regs_advanced.h: 82574 data sheet, chapter 10; 82575 manual, chapter 14; 82576 data sheet, 8. */
static const struct row advanced_offsets[] = {
    R(E1000_EIAC_82574, 0x000dc), R(E1000_IVAR_82574, 0x000e4), R(E1000_EITR_82574, 0x000e8),
    R(E1000_GPIE, 0x01514),       R(E1000_EICS, 0x01520),       R(E1000_EIMS, 0x01524),
    R(E1000_EIMC, 0x01528),       R(E1000_EIAC, 0x0152c),       R(E1000_EICR, 0x01580),
    R(E1000_MSIXBM, 0x01600),     R(E1000_EITR, 0x01680),       R(E1000_IVAR, 0x01700),
    R(E1000_IVAR_MISC, 0x01740),  R(E1000_SRRCTL, 0x0280c),     R(E1000_MRQC, 0x05818),
};

static const struct row advanced_causes[] = {
    R(E1000_CAUSE_LSC, 0x00000004),   R(E1000_CAUSE_RXDMT0, 0x00000010),
    R(E1000_CAUSE_RXO, 0x00000040),   R(E1000_CAUSE_RXT0, 0x00000080),
    R(E1000_CAUSE_RXQ0, 0x00100000),  R(E1000_CAUSE_TXQ0, 0x00400000),
    R(E1000_CAUSE_OTHER, 0x01000000), R(E1000_CAUSE_ASSERTED, 0x80000000),
};

static const struct row srrctl[] = {
    R(0x7f << E1000_SRRCTL_BSIZE_KIB_SHIFT, 0x0000007f),
    R(E1000_SRRCTL_DESCTYPE_ONE, 0x02000000),
};

static const struct row queue_control[] = {
    R(0x1f << E1000_QUEUE_PTHRESH_SHIFT, 0x0000001f),
    R(0x1f << E1000_QUEUE_HTHRESH_SHIFT, 0x00001f00),
    R(0x1f << E1000_RXDCTL_WTHRESH_SHIFT, 0x001f0000),
    R(E1000_QUEUE_ENABLE, 0x02000000),
};

static const struct row gpie[] = {
    R(E1000_GPIE_NSICR, 0x00000001),
    R(E1000_GPIE_MSIX, 0x00000010),
    R(E1000_GPIE_PBA, 0x80000000),
};

static const struct row ivar_82574[] = {
    R(0xf << E1000_IVAR_82574_RXQ0_SHIFT, 0x0000000f),
    R(0xf << E1000_IVAR_82574_TXQ0_SHIFT, 0x00000f00),
    R(0xf << E1000_IVAR_82574_OTHER_SHIFT, 0x000f0000),
};

static const struct row ivar[] = {
    R(0xff << E1000_IVAR_RXQ0_SHIFT, 0x000000ff),
    R(0xff << E1000_IVAR_TXQ0_SHIFT, 0x0000ff00),
};

static const struct row eicr_82575[] = {
    R(E1000_EICR_82575_RXQ0, 0x00000001),
    R(E1000_EICR_82575_TXQ0, 0x00000100),
    R(E1000_EICR_82575_OTHER, 0x80000000),
};

static const struct row advanced_single[] = {
    R(E1000_TXDCTL_COUNT_DESC, 0x00400000),
    R(E1000_TCTL_MULR, 0x10000000),
    R(E1000_RFCTL_ACK_DIS, 0x00001000),
    R(E1000_IVAR_82574_VALID, 0x8),
    R(E1000_IVAR_VALID, 0x80),
    R(0xff << E1000_IVAR_MISC_OTHER_SHIFT, 0x0000ff00),
    R(E1000_CTRL_EXT_PBA, 0x80000000),
    R(E1000_CTRL_EXT_NSICR, 0x00000001),
    R(E1000_EITR_KEEP, 0x80000000),
};

/* Of the parts behind the 8254x: typed from Linux's and FreeBSD's headers. */
static const struct row device[] = {
    R(E1000_EECD, 0x00010),
    R(E1000_EERD, 0x00014),
    R(E1000_MDIC, 0x00020),
    R(E1000_FEXTNVM4, 0x00024),
    R(E1000_KMRNCTRLSTA, 0x00034),
    R(E1000_FEXTNVM3, 0x0003c),
    R(E1000_FEXTNVM7, 0x000e4),
    R(E1000_FEXTNVM6, 0x00010),
    R(E1000_PHPM, 0x00e14),
    R(E1000_EXTCNF_CTRL, 0x00f00),
    R(E1000_IOSFPC, 0x00f28),
    R(E1000_PBA, 0x01000),
    R(E1000_PBS, 0x01008),
    R(E1000_PBECCSTS, 0x0100c),
    R(E1000_PBA_ECC, 0x01100),
    R(E1000_RXPBS, 0x02404),
    R(E1000_KABGTXD, 0x03004),
    R(E1000_TXPBS, 0x03404),
    R(E1000_TARC0, 0x03840),
    R(E1000_TXDCTL1, 0x03928),
    R(E1000_TARC1, 0x03940),
    R(E1000_RFCTL, 0x05008),
    R(E1000_GCR, 0x05b00),
    R(E1000_SWSM, 0x05b50),
    R(E1000_H2ME, 0x05b50),
    R(E1000_FWSM, 0x05b54),
    R(E1000_SW_FW_SYNC, 0x05b5c),
    R(E1000_GCR2, 0x05b64),
    R(E1000_FEXTNVM11, 0x05bbc),
    R(E1000_FEXTNVM12, 0x05bc0),
    R(E1000_FEXTNVM12_K1_POWER, 0x00c00000),
    R(E1000_FEXTNVM12_K1_P1, 0x00800000),
    R(E1000_FFLT_DBG, 0x05f04),
    R(E1000_FFLT_DBG_WAKE_CLOCK, 0x00001000),
    R(E1000_CRC_OFFSET, 0x05f50),
    R(E1000_CTRL_MASTER_DISABLE, 0x00000004),
    R(E1000_CTRL_SPEED_MASK, 0x00000300),
    R(E1000_CTRL_LANPHYPC_OVERRIDE, 0x00010000),
    R(E1000_CTRL_LANPHYPC_VALUE, 0x00020000),
    R(E1000_CTRL_MEHE, 0x00080000),
    R(E1000_STATUS_MASTER_ENABLE, 0x00080000),
    R(E1000_CTRL_EXT_LPCD, 0x00000004),
    R(E1000_CTRL_EXT_FORCE_SMBUS, 0x00000800),
    R(E1000_CTRL_EXT_SPD_BYPS, 0x00008000),
    R(E1000_CTRL_EXT_RO_DIS, 0x00020000),
    R(E1000_CTRL_EXT_DMA_DYN_CLK_EN, 0x00080000),
    R(E1000_CTRL_EXT_PHYPDEN, 0x00100000),
    R(E1000_CTRL_EXT_DRV_LOAD, 0x10000000),
    R(E1000_EECD_AUTO_RD, 0x00000200),
    R(E1000_EERD_START, 0x00000001),
    R(E1000_EERD_DONE_LARGE, 0x00000002),
    R(E1000_EERD_DONE_SMALL, 0x00000010),
    R(E1000_MDIC_WRITE, 0x04000000),
    R(E1000_MDIC_READ, 0x08000000),
    R(E1000_MDIC_READY, 0x10000000),
    R(E1000_MDIC_ERROR, 0x40000000),
    R(E1000_PHPM_GO_LINKD, 0x00000020),
    R(E1000_KMRN_READ, 0x00200000),
    R(E1000_KMRN_K1_CONFIG, 0x00000007),
    R(E1000_KMRN_K1_ENABLE, 0x00000002),
    R(E1000_FEXTNVM6_PLL_REQUEST, 0x00000100),
    R(E1000_FEXTNVM7_SMB_PERST_OFF, 0x00000020),
    R(E1000_FEXTNVM11_MULR_FIX_OFF, 0x00002000),
    R(E1000_TARC0_SPEED_MODE, 0x00200000),
    R(E1000_SWSM_SMBI, 0x00000001),
    R(E1000_SWSM_SWESMBI, 0x00000002),
    R(E1000_SWSM_DRV_LOAD, 0x00000008),
    R(E1000_EXTCNF_OWN, 0x00000020),
    R(E1000_FWSM_PHY_RESET_OK, 0x00000040),
    R(E1000_FWSM_ULP_DONE, 0x00000400),
    R(E1000_FWSM_FW_VALID, 0x00008000),
    R(E1000_FWSM_BUSY, 0x01000000),
    R(E1000_H2ME_ULP, 0x00000800),
    R(E1000_H2ME_ENFORCE, 0x00001000),
    R(E1000_CFG_RING_STATUS, 0x000000e4),
    R(E1000_CFG_FLUSH_REQUIRED, 0x00000100),
    R(E1000_BMCR_RESTART, 0x00000200),
    R(E1000_BMCR_ISOLATE, 0x00000400),
    R(E1000_BMCR_POWER_DOWN, 0x00000800),
    R(E1000_BMCR_AUTONEG, 0x00001000),
    R(E1000_BMSR_LINK, 0x00000004),
    R(E1000_BMSR_AUTONEG, 0x00000020),
};

static void compare(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].ours != rows[i].manual) {
            fail_msg("%s is 0x%x, the manual has 0x%x", rows[i].name, rows[i].ours, rows[i].manual);
        }
    }
}

/* The fields of one register: equal to the manual's, and no bit in two of them. */
static void compare_fields(const struct row *rows, size_t count)
{
    uint32_t seen = 0;
    compare(rows, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(seen & rows[i].ours, 0);
        seen |= rows[i].ours;
    }
}

#define FIELDS(rows) compare_fields(rows, ARRAY_SIZE(rows))

static void test_fields(void **state)
{
    FIELDS(ctrl);
    FIELDS(status);
    FIELDS(causes);
    FIELDS(rctl);
    FIELDS(tctl);
    FIELDS(tipg);
    FIELDS(rxdctl);
    FIELDS(rxcsum);
    compare(single, ARRAY_SIZE(single));
    compare(device, ARRAY_SIZE(device));
}

static void test_advanced_fields(void **state)
{
    compare(advanced_offsets, ARRAY_SIZE(advanced_offsets));
    for (size_t i = 0; i < ARRAY_SIZE(advanced_offsets); i++) {
        assert_true(i == 0 || advanced_offsets[i].ours > advanced_offsets[i - 1].ours);
        assert_true(advanced_offsets[i].ours + 4 <= E1000_BAR_MIN_BYTES);
    }
    FIELDS(advanced_causes);
    FIELDS(srrctl);
    FIELDS(queue_control);
    FIELDS(gpie);
    FIELDS(ivar_82574);
    FIELDS(ivar);
    FIELDS(eicr_82575);
    compare(advanced_single, ARRAY_SIZE(advanced_single));
}

/* In ascending order, so that a slip of a line shows, and within the BAR that is asked for. */
static void test_offsets(void **state)
{
    compare(offsets, ARRAY_SIZE(offsets));
    for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
        assert_int_equal(offsets[i].ours % 4, 0);
        assert_true(i == 0 || offsets[i].ours > offsets[i - 1].ours);
        assert_true(offsets[i].ours + 4 <= E1000_BAR_MIN_BYTES);
    }
    assert_true(E1000_MTA + 4 * E1000_MTA_COUNT <= E1000_RAL0);
    assert_true(E1000_RAL0 + 8 * E1000_RAR_COUNT <= E1000_VFTA);
    assert_true(E1000_VFTA + 4 * E1000_VFTA_COUNT <= E1000_MANC);
}

/* The word of a descriptor that was filled, and of one to be sent, typed from the manuals' figures:
 * 8254x 3.2.3 and 3.3.3, 82576 7.1.5 and 7.2.2.3. */
static void test_descriptor_formats(void **state)
{
    const struct e1000_format *f = &e1000_format_legacy;
    assert_int_equal(f->rx_done, UINT64_C(0x0000000100000000));
    assert_int_equal(f->rx_end, UINT64_C(0x0000000200000000));
    assert_int_equal(f->rx_judged, UINT64_C(0x0000970200000000));
    assert_int_equal(e1000_rx_length(f, UINT64_C(0xdef0bc9a56781234)), 0x1234);
    assert_int_equal(f->rx_csums, UINT64_C(0x0000606400000000));
    assert_int_equal(f->rx_checked, UINT64_C(0x0000006000000000));
    assert_int_equal((0x5ea + 0x5ea * f->tx_bytes) | f->tx_frame | f->tx_end,
                     UINT64_C(0x00000000030005ea));
    assert_int_equal(0x5ea | f->tx_frame | f->tx_asked, UINT64_C(0x00000200221005ea));
    assert_int_equal(0x5ea | f->tx_frame | f->tx_asked | f->tx_segment | f->tx_end,
                     UINT64_C(0x00000300271005ea));
    assert_int_equal(f->tx_report, UINT64_C(0x0000000008000000));
    assert_int_equal(f->tx_done, UINT64_C(0x0000000100000000));

    f = &e1000_format_advanced;
    assert_int_equal(f->rx_done, UINT64_C(0x0000000000000001));
    assert_int_equal(f->rx_end, UINT64_C(0x0000000000000002));
    assert_int_equal(f->rx_judged, UINT64_C(0x0000000097000002));
    assert_int_equal(e1000_rx_length(f, UINT64_C(0xdef0bc9a56781234)), 0xbc9a);
    assert_int_equal(f->rx_csums, UINT64_C(0x0000000060000064));
    assert_int_equal(f->rx_checked, UINT64_C(0x0000000000000060));
    assert_int_equal((0x5ea + 0x5ea * f->tx_bytes) | f->tx_frame | f->tx_end,
                     UINT64_C(0x017a8000233005ea));
    assert_int_equal(0x5ea | f->tx_frame | f->tx_asked, UINT64_C(0x00000200223005ea));
    assert_int_equal(0x5ea | f->tx_frame | f->tx_asked | f->tx_segment | f->tx_end,
                     UINT64_C(0x00000300a33005ea));
    assert_int_equal(f->tx_report, UINT64_C(0x0000000008000000));
    assert_int_equal(f->tx_done, UINT64_C(0x0000000100000000));
}

/* 8254x 3.3.6, 82576 7.2.2.2: TCP behind IPv4 of 20 bytes, timestamps, 1448 bytes a segment. */
static void test_contexts(void **state)
{
    struct e1000_context c = {.l3 = 14, .l4 = 34, .l4_csum = 16, .payload = 66, .tcp = true};
    struct e1000_desc d = e1000_format_legacy.tx_context(&c);
    assert_int_equal(d.addr, UINT64_C(0x000032220021180e));
    assert_int_equal(d.word, UINT64_C(0x0000000023000000));
    d = e1000_format_advanced.tx_context(&c);
    assert_int_equal(d.addr, UINT64_C(0x0000000000001c14));
    assert_int_equal(d.word, UINT64_C(0x0000000020200c00));
    c.mss = 1448;
    c.payload_bytes = 0xabcd;
    d = e1000_format_legacy.tx_context(&c);
    assert_int_equal(d.addr, UINT64_C(0x000032220021180e));
    assert_int_equal(d.word, UINT64_C(0x05a842002700abcd));
    d = e1000_format_advanced.tx_context(&c);
    assert_int_equal(d.addr, UINT64_C(0x0000000000001c14));
    assert_int_equal(d.word, UINT64_C(0x05a8200020200c00));
    c = (struct e1000_context){.l3 = 14, .l4 = 34, .l4_csum = 6, .payload = 42};
    d = e1000_format_legacy.tx_context(&c);
    assert_int_equal(d.addr, UINT64_C(0x000028220021180e));
    assert_int_equal(d.word, UINT64_C(0x0000000022000000));
    d = e1000_format_advanced.tx_context(&c);
    assert_int_equal(d.word, UINT64_C(0x0000000020200400));
}

/* The 82544 lacks what the manual marks as not applicable to it. */
static void test_quirks(void **state)
{
    uint32_t old = E1000_QUIRK_NO_MODERATION | E1000_QUIRK_NO_MANC | E1000_QUIRK_EEPROM_RELOAD |
                   E1000_QUIRK_PCIX_HANG | E1000_QUIRK_NO_EERD | E1000_QUIRK_WRITE_MERGE |
                   E1000_QUIRK_NO_TSO;
    assert_int_equal(e1000_match(0x8086, 0x100c)->quirks, old);
    assert_int_equal(e1000_match(0x8086, 0x100d)->quirks, old);
    assert_int_equal(e1000_match(0x8086, 0x100e)->quirks, E1000_QUIRK_WRITE_MERGE);
    assert_int_equal(e1000_match(0x8086, 0x100f)->quirks, E1000_QUIRK_WRITE_MERGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),   cmocka_unit_test(test_advanced_fields),
        cmocka_unit_test(test_offsets),  cmocka_unit_test(test_descriptor_formats),
        cmocka_unit_test(test_contexts), cmocka_unit_test(test_quirks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
