/*
 * The chip models' interrupts: causes, masks, and how they leave the chip. 8254x manual 13.4.17;
 * 82575 manual 5.13; 82583 data sheet 7.4; for the 82576 and later its data sheet's 7.3, and
 * where that was not to be had, what QEMU's igb and Intel's own drivers agree on.
 *
 * A message (MSI, MSI-X) is sent once for a cause that comes to stand unmasked, not again while it
 * stands: a driver that leaves one standing hears no more.
 */
#include "tests/unit/chip_internal.h"

enum {
    ICR = 0x00c0,
    ITR = 0x00c4,
    ICS = 0x00c8,
    IMS = 0x00d0,
    IMC = 0x00d8,
    IAM = 0x00e0,
    EIAC_82574 = 0x00dc,
    IVAR_82574 = 0x00e4,
    EITR_82574 = 0x00e8,
    GPIE = 0x1514,
    EICS = 0x1520,
    EIMS = 0x1524,
    EIMC = 0x1528,
    EIAC = 0x152c,
    EIAM = 0x1530,
    EICR = 0x1580,
    MSIXBM = 0x1600,
    EITR = 0x1680,
    IVAR0 = 0x1700,
    IVAR_MISC = 0x1740,
};

#define BIT(n) (UINT32_C(1) << (n))

enum irq_kind chip_irq_kind(void)
{
    const struct chip_traits *t = chip->traits;
    if (t->cap_msix != 0 && (chip_config(t->cap_msix) >> 31) != 0) {
        return IRQ_KIND_MSIX;
    }
    if (t->cap_msi != 0 && (chip_config(t->cap_msi) >> 16 & 1) != 0) {
        return IRQ_KIND_MSI;
    }
    return IRQ_KIND_INTX;
}

static uint32_t standing(void)
{
    return *reg(ICR) & *reg(IMS);
}

bool chip_irq_line(const struct chip *c)
{
    assert(c == chip);
    return chip_irq_kind() == IRQ_KIND_INTX && standing() != 0;
}

/* --- sending ------------------------------------------------------------------------------ */

static uint64_t interval_ns(uint32_t vector)
{
    enum irq_kind kind = chip_irq_kind();
    if (chip->traits->class == CLASS_IGB) {
        /* Bits 14:2 in microseconds; the 82575 counts 256 ns in bits 15:0. */
        uint32_t eitr = *reg(EITR + 4 * vector);
        return chip->part == CHIP_82575 ? (uint64_t)(eitr & 0xffff) * 256
                                        : (uint64_t)(eitr >> 2 & 0x1fff) * NS_PER_US;
    }
    uint32_t itr = kind == IRQ_KIND_MSIX ? *reg(EITR_82574 + 4 * vector) : *reg(ITR);
    return (uint64_t)(itr & 0xffff) * 256;
}

/* Whether a message may leave now; the test's own table of masks counts too. */
static bool may_leave(uint32_t vector)
{
    if (vector >= CHIP_VECTORS_MAX || (chip->msix_masked >> vector & 1) != 0) {
        return false;
    }
    return chip->now_ns >= chip->vector_next_ns[vector] &&
           chip->now_ns >= chip->irq_since_ns + chip->irq_late_ns;
}

static void leave(uint32_t vector)
{
    chip->vector_next_ns[vector] = chip->now_ns + interval_ns(vector);
    if (chip->irq_lose > 0) {
        chip->irq_lose--;
        chip->messages_lost++;
        return;
    }
    chip->messages[vector]++;
    if (chip->interrupt != NULL) {
        chip->interrupt(chip->interrupt_arg, vector);
    }
}

/* MSI: one message when the first unmasked cause comes to stand. */
static bool run_msi(void)
{
    if (standing() == 0) {
        chip->sent_mask = 0;
        return false;
    }
    if (chip->sent_mask != 0 || !may_leave(0)) {
        return false;
    }
    chip->sent_mask = 1;
    leave(0);
    return true;
}

/* 82574, IVAR: RXQ0 2:0, RXQ1 6:4, TXQ0 10:8, TXQ1 14:12, other 18:16; bit 3 of each: valid. */
static bool run_msix_82574(void)
{
    chip->sent_mask &= standing();
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t bit = BIT(20 + i), entry = *reg(IVAR_82574) >> (4 * i) & 0xf;
        if ((standing() & bit) == 0 || (chip->sent_mask & bit) != 0 || (entry & 8) == 0 ||
            !may_leave(entry & 7)) {
            continue;
        }
        chip->sent_mask |= bit;
        uint32_t autoclear = *reg(EIAC_82574) & bit; /* of the cause, and of its mask */
        *reg(ICR) &= ~autoclear;
        *reg(IMS) &= ~autoclear;
        leave(entry & 7);
        return true;
    }
    return false;
}

/* 82576 and later: EICR holds vectors. Without GPIE.Multiple_MSIX there is but one. */
static bool run_msix_igb(void)
{
    uint32_t pending = *reg(EICR) & *reg(EIMS);
    chip->sent_mask &= pending;
    for (uint32_t v = 0; v < chip->traits->msix_count; v++) {
        bool old = chip->part == CHIP_82575;
        uint32_t bits = pending & (old ? *reg(MSIXBM + 4 * v) : BIT(v)) & ~chip->sent_mask;
        if (bits == 0 || !may_leave(v)) {
            continue;
        }
        chip->sent_mask |= bits;
        *reg(EICR) &= ~(*reg(EIAC) & bits);
        bool automask = old ? (*reg(0x0018) >> 24 & 1) != 0 : (*reg(GPIE) >> 30 & 1) != 0;
        if (automask) {
            *reg(EIMS) &= ~(*reg(EIAM) & bits);
        }
        leave(v);
        return true;
    }
    return false;
}

/* The causes of ICR make one bit of EICR. */
static void igb_other(void)
{
    if (standing() == 0) {
        chip->other_sent = false;
    } else if (!chip->other_sent) {
        chip->other_sent = true;
        uint32_t entry = *reg(IVAR_MISC) >> 8;
        if (chip->part == CHIP_82575) {
            *reg(EICR) |= BIT(31);
        } else if (entry & 0x80) {
            *reg(EICR) |= BIT(entry & 0x1f);
        }
    }
}

static bool run_once(void)
{
    switch (chip_irq_kind()) {
    case IRQ_KIND_MSI:
        return run_msi();
    case IRQ_KIND_MSIX:
        if (chip->traits->class != CLASS_IGB) {
            return run_msix_82574();
        }
        if (chip->part != CHIP_82575 && (*reg(GPIE) & 0x10) == 0) {
            if (standing() != 0) {
                chip_fault("MSI-X without GPIE.Multiple_MSIX");
            }
            return false;
        }
        igb_other();
        return run_msix_igb();
    default:
        return false;
    }
}

void chip_irq_run(void)
{
    if (chip->delivering || chip->in_reset) {
        return;
    }
    chip->delivering = true;
    for (int i = 0; i < 64 && run_once(); i++) {
    }
    chip->delivering = false;
}

/* --- causes ------------------------------------------------------------------------------- */

static void raise_bits(uint32_t offset, uint32_t bits)
{
    if ((*reg(offset) & bits) != bits) {
        chip->irq_since_ns = chip->now_ns;
    }
    *reg(offset) |= bits;
    chip_irq_run();
}

void chip_raise(uint32_t causes)
{
    bool vectors_82574 = chip->traits->class == CLASS_8257X && chip_irq_kind() == IRQ_KIND_MSIX;
    if (vectors_82574 && (causes & 0x00070244) != 0) {
        causes |= BIT(24); /* OTHER: LSC, RXO, MDAC, SRPD, ACK, MNG */
    }
    if (vectors_82574 && (causes & 0x10) != 0) {
        causes |= BIT(20); /* RXQ0: the threshold too */
    }
    raise_bits(ICR, causes);
}

/* Queue 0's bit or vector in EICR: shift is of its byte in IVAR0. */
static void raise_queue(uint32_t shift, uint32_t cause_82575)
{
    uint32_t entry = *reg(IVAR0) >> shift;
    if (chip->part == CHIP_82575) {
        raise_bits(EICR, cause_82575);
    } else if (entry & 0x80) {
        raise_bits(EICR, BIT(entry & 0x1f));
    }
}

void chip_raise_rx(void)
{
    bool msix = chip_irq_kind() == IRQ_KIND_MSIX;
    if (chip->traits->class == CLASS_IGB && msix) {
        *reg(ICR) |= 0x80;
        raise_queue(0, BIT(0));
    } else {
        chip_raise(msix ? 0x80 | BIT(20) : 0x80);
    }
}

void chip_raise_tx(void)
{
    bool msix = chip_irq_kind() == IRQ_KIND_MSIX;
    if (chip->traits->class == CLASS_IGB && msix) {
        *reg(ICR) |= 0x01;
        raise_queue(8, BIT(8));
    } else if (chip->part == CHIP_82574 && msix) {
        chip_raise(BIT(22));
    }
}

/* --- registers ---------------------------------------------------------------------------- */

static uint32_t read_icr(void)
{
    uint32_t value = *reg(ICR);
    if (chip->traits->class == CLASS_8254X) {
        *reg(ICR) = 0;
        return value;
    }
    /* INT_ASSERTED; reading clears, and masks by IAM, only with it, or when nothing is unmasked. */
    bool asserted = standing() != 0;
    bool automask = (*reg(0x0018) >> 27 & 1) != 0; /* CTRL_EXT.IAME */
    bool msix = chip_irq_kind() == IRQ_KIND_MSIX;
    uint32_t nsicr = *reg(chip->part == CHIP_82575 ? 0x0018 : GPIE) & 1;
    bool always = chip->traits->class == CLASS_IGB && nsicr != 0;
    if (*reg(IMS) == 0 || always || (asserted && (automask || !msix))) {
        *reg(ICR) = 0;
    }
    if (asserted && automask) {
        *reg(IMS) &= ~*reg(IAM);
    }
    return value | (asserted ? BIT(31) : 0);
}

bool chip_irq_read(uint32_t offset, uint32_t *value)
{
    if (offset == ICR) {
        *value = read_icr();
    } else if (offset == EICR && chip->traits->class == CLASS_IGB) {
        *value = *reg(EICR);
        if ((*reg(GPIE) & 0x10) == 0 && chip_irq_kind() != IRQ_KIND_MSIX) {
            *reg(EICR) = 0;
        }
    } else {
        return false;
    }
    chip_irq_run();
    return true;
}

static bool write_extended(uint32_t offset, uint32_t value)
{
    switch (offset) {
    case EICS:
        raise_bits(EICR, value);
        break;
    case EIMS:
        *reg(EIMS) |= value;
        break;
    case EIMC:
        *reg(EIMS) &= ~value;
        break;
    case EICR:
        *reg(EICR) &= ~value;
        break;
    default:
        return false;
    }
    return true;
}

bool chip_irq_write(uint32_t offset, uint32_t value)
{
    switch (offset) {
    case ICR:
        *reg(ICR) &= ~value;
        break;
    case ICS:
        chip_raise(value);
        break;
    case IMS:
        *reg(IMS) |= value;
        break;
    case IMC:
        *reg(IMS) &= ~value;
        break;
    default:
        if (chip->traits->class != CLASS_IGB || !write_extended(offset, value)) {
            return false;
        }
    }
    chip_irq_run();
    return true;
}
