/*
 * MSI-X: a vector for what was received, one for what was sent, one for the link and the rest. The
 * one for what was sent is raised in the trial alone: sent frames are found in memory. The handler
 * masks its vector with one posted write and reads no register, but for the rest's cause. That is
 * not left to the automatic masks (IAM, EIAM): QEMU does not have them, and a device whose mask did
 * not work would be noticed by nobody.
 */
#include "drivers/e1000/internal.h"
#include "drivers/e1000/regs_advanced.h"

/* --- 82574: vectors beside ICR, data sheet 7.4 --------------------------------------------- */

enum {
    IVAR_QUEUES = E1000_CAUSE_RXQ0 | E1000_CAUSE_TXQ0,
    IVAR_OTHERS = E1000_CAUSE_OTHER | E1000_CAUSE_LSC,
};

/* The queues' causes are taken back by their messages; the others by reading ICR. */
static void ivar_setup(const struct e1000 *e)
{
    e1000_write(e, E1000_RFCTL, e1000_read(e, E1000_RFCTL) | E1000_RFCTL_ACK_DIS);
    e1000_write(e, E1000_CTRL_EXT, e1000_read(e, E1000_CTRL_EXT) | E1000_CTRL_EXT_PBA);
    e1000_write(e, E1000_EIAC_82574, IVAR_QUEUES);
    e1000_write(e, E1000_IVAR_82574,
                (E1000_VECTOR_RX | E1000_IVAR_82574_VALID) << E1000_IVAR_82574_RXQ0_SHIFT |
                    (E1000_VECTOR_TX | E1000_IVAR_82574_VALID) << E1000_IVAR_82574_TXQ0_SHIFT |
                    (E1000_VECTOR_OTHER | E1000_IVAR_82574_VALID) << E1000_IVAR_82574_OTHER_SHIFT);
    e1000_write(e, E1000_EITR_82574 + 4 * E1000_VECTOR_TX, 0);
    e1000_write(e, E1000_EITR_82574 + 4 * E1000_VECTOR_OTHER, 0);
}

static void ivar_unmask(const struct e1000 *e)
{
    e1000_write(e, E1000_IMS, E1000_CAUSE_RXQ0 | IVAR_OTHERS);
}

/* Returns what there was. */
static uint32_t ivar_take_back(const struct e1000 *e)
{
    uint32_t causes = e1000_read(e, E1000_ICR);
    if (causes == E1000_GONE) {
        return 0;
    }
    e1000_write(e, E1000_ICR, causes & ~E1000_CAUSE_ASSERTED);
    return causes;
}

static void ivar_clear(const struct e1000 *e)
{
    (void)ivar_take_back(e);
}

/*
 * An emulation is known in which ICR reads 0 here: the link is looked at in any case. Reading ICR
 * takes back a queue's cause, too, of a frame that came while its vector was masked: that is raised
 * again, for the poll may have looked already.
 */
static uint32_t ivar_take(struct e1000 *e, uint32_t vector)
{
    if (vector == E1000_VECTOR_OTHER) {
        e1000_write(e, E1000_IMC, IVAR_OTHERS);
        uint32_t received = ivar_take_back(e) & E1000_CAUSE_RXQ0;
        if (received != 0) {
            e1000_write(e, E1000_ICS, received);
        }
        return NIC_EVENT_RX | NIC_EVENT_LINK;
    }
    e1000_write(e, E1000_IMC, vector == E1000_VECTOR_RX ? E1000_CAUSE_RXQ0 : E1000_CAUSE_TXQ0);
    return NIC_EVENT_RX;
}

static void ivar_raise(const struct e1000 *e, bool all)
{
    if (all) {
        e1000_write(e, E1000_IMS, IVAR_QUEUES | IVAR_OTHERS);
    }
    e1000_write(e, E1000_ICS, all ? IVAR_QUEUES | IVAR_OTHERS : E1000_CAUSE_RXQ0);
}

const struct e1000_irq_way e1000_irq_by_ivar = {
    .setup = ivar_setup,
    .unmask = ivar_unmask,
    .take = ivar_take,
    .raise = ivar_raise,
    .clear = ivar_clear,
};

/* --- 82575 and later: EICR, 82576 data sheet 7.3 -------------------------------------------- */

/* The vector's bit in EICR and its kin. In the 82575 each cause has a bit of its own (5.13.6). */
static uint32_t eicr_bit(const struct e1000 *e, uint32_t vector)
{
    static const uint32_t bits_82575[E1000_VECTOR_COUNT] = {
        [E1000_VECTOR_RX] = E1000_EICR_82575_RXQ0,
        [E1000_VECTOR_TX] = E1000_EICR_82575_TXQ0,
        [E1000_VECTOR_OTHER] = E1000_EICR_82575_OTHER,
    };
    assert(vector < E1000_VECTOR_COUNT);
    return e->id->gen == E1000_GEN_82575 ? bits_82575[vector] : UINT32_C(1) << vector;
}

static uint32_t eicr_bits(const struct e1000 *e)
{
    return eicr_bit(e, E1000_VECTOR_RX) | eicr_bit(e, E1000_VECTOR_TX) |
           eicr_bit(e, E1000_VECTOR_OTHER);
}

static void eicr_route_82575(const struct e1000 *e)
{
    uint32_t ext = e1000_read(e, E1000_CTRL_EXT);
    e1000_write(e, E1000_CTRL_EXT, ext | E1000_CTRL_EXT_PBA | E1000_CTRL_EXT_NSICR);
    for (uint32_t vector = 0; vector < E1000_VECTOR_COUNT; vector++) {
        e1000_write(e, E1000_MSIXBM + 4 * vector, eicr_bit(e, vector));
    }
}

static void eicr_route(const struct e1000 *e)
{
    /* First: QEMU takes EIAC for nothing before. */
    e1000_write(e, E1000_GPIE, E1000_GPIE_MSIX | E1000_GPIE_NSICR | E1000_GPIE_PBA);
    e1000_write(e, E1000_IVAR,
                (E1000_VECTOR_RX | E1000_IVAR_VALID) << E1000_IVAR_RXQ0_SHIFT |
                    (E1000_VECTOR_TX | E1000_IVAR_VALID) << E1000_IVAR_TXQ0_SHIFT);
    e1000_write(e, E1000_IVAR_MISC,
                (E1000_VECTOR_OTHER | E1000_IVAR_VALID) << E1000_IVAR_MISC_OTHER_SHIFT);
}

static void eicr_setup(const struct e1000 *e)
{
    if (e->id->gen == E1000_GEN_82575) {
        eicr_route_82575(e);
    } else {
        eicr_route(e);
    }
    e1000_write(e, E1000_EIAC, eicr_bits(e));
    e1000_write(e, E1000_EITR + 4 * E1000_VECTOR_TX, 0);
    e1000_write(e, E1000_EITR + 4 * E1000_VECTOR_OTHER, 0);
}

static void eicr_unmask(const struct e1000 *e)
{
    e1000_write(e, E1000_IMS, E1000_CAUSE_LSC); /* into the vector of the others */
    e1000_write(e, E1000_EIMS, eicr_bit(e, E1000_VECTOR_RX) | eicr_bit(e, E1000_VECTOR_OTHER));
}

static void eicr_clear(const struct e1000 *e)
{
    (void)e1000_read(e, E1000_ICR);
    e1000_write(e, E1000_EICR, eicr_bits(e));
}

static uint32_t eicr_take(struct e1000 *e, uint32_t vector)
{
    if (vector >= E1000_VECTOR_COUNT) {
        return 0;
    }
    e1000_write(e, E1000_EIMC, eicr_bit(e, vector));
    if (vector == E1000_VECTOR_OTHER) {
        (void)e1000_read(e, E1000_ICR); /* the next change is a new cause */
        return NIC_EVENT_RX | NIC_EVENT_LINK;
    }
    return NIC_EVENT_RX;
}

static void eicr_raise(const struct e1000 *e, bool all)
{
    if (all) {
        e1000_write(e, E1000_EIMS, eicr_bits(e));
    }
    e1000_write(e, E1000_EICS, all ? eicr_bits(e) : eicr_bit(e, E1000_VECTOR_RX));
}

const struct e1000_irq_way e1000_irq_by_eicr = {
    .setup = eicr_setup,
    .unmask = eicr_unmask,
    .take = eicr_take,
    .raise = eicr_raise,
    .clear = eicr_clear,
};
