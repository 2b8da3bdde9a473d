/*
 * Loopback: what is sent comes back, in the MAC or in the PHY.
 *
 *   MAC  RCTL.LBM = 01 (82574 data sheet, RCTL; I210 data sheet, 3.7.6), with speed and duplex
 *        forced. The 8254x have it for their TBI alone, ICH and PCH not at all: there a PHY is
 *        always behind the MAC
 *   PHY  BMCR.LOOPBACK (IEEE 802.3, 22.2.4.1.2), negotiation off; the MAC is told the speed, for
 *        the PHY has no link to tell it of (8254x manual 13.4.22, RCTL.LBM: "to be 00")
 */
#include "drivers/e1000/internal.h"
#include "kernel/time.h"

enum {
    LINK_LOOK_US = 50 * US_PER_MS,
    LINK_LOOKS_COUNT = 10,
};

bool e1000_loopback_has(const struct e1000 *e, enum e1000_loopback where)
{
    enum e1000_gen gen = e->id->gen;
    bool ich = gen >= E1000_GEN_ICH8 && gen <= E1000_GEN_SPT;
    switch (where) {
    case E1000_LOOPBACK_MAC:
        return gen != E1000_GEN_8254X && !ich;
    case E1000_LOOPBACK_PHY:
        return (e->id->quirks & E1000_QUIRK_NO_MDIC) == 0;
    case E1000_LOOPBACK_NONE:
        break;
    }
    return false;
}

/* Full duplex, for a MAC that receives what it sends would see collisions. */
static void force_speed(const struct e1000 *e, uint32_t mbps)
{
    uint32_t speed = mbps == 1000 ? E1000_CTRL_SPEED_1000 : E1000_CTRL_SPEED_100;
    e1000_modify(e, E1000_CTRL, E1000_CTRL_SPEED_MASK | E1000_CTRL_ASDE,
                 speed | E1000_CTRL_FRCSPD | E1000_CTRL_FRCDPLX | E1000_CTRL_FD | E1000_CTRL_SLU);
}

/*
 * A PHY in loopback need not say that it has a link, without which the MAC of the 8254x does not
 * operate (manual 8.6.5.2): it is told the opposite (13.4.1 CTRL.ILOS).
 */
static void await_link(const struct e1000 *e)
{
    for (uint32_t i = 0; i < LINK_LOOKS_COUNT; i++) {
        if ((e1000_read(e, E1000_STATUS) & E1000_STATUS_LU) != 0) {
            return;
        }
        time_delay_us(LINK_LOOK_US);
    }
    if (e->id->gen == E1000_GEN_8254X) {
        e1000_set(e, E1000_CTRL, E1000_CTRL_ILOS);
    }
}

enum status e1000_loopback_start(struct e1000 *e, enum e1000_loopback where)
{
    assert(e->state == E1000_READY && e1000_loopback_has(e, where));
    uint32_t mbps = 1000;
    e->loopback = where;
    e1000_irq_select(e, IRQ_KIND_POLL); /* nothing is unmasked */
    if (where == E1000_LOOPBACK_PHY) {
        enum status st = e1000_phy_loop(e, &mbps);
        if (st != STATUS_OK) {
            e->loopback = E1000_LOOPBACK_NONE;
            return st;
        }
    }
    force_speed(e, mbps);
    await_link(e);
    e1000_start(e);
    e->link = (struct nic_link){.up = true, .full_duplex = true, .speed_mbps = mbps};
    return e->state == E1000_RUNNING ? STATUS_OK : STATUS_TIMEOUT;
}

void e1000_loopback_end(struct e1000 *e)
{
    if (e->loopback == E1000_LOOPBACK_PHY) {
        e1000_phy_unloop(e);
    }
    e->loopback = E1000_LOOPBACK_NONE;
    e1000_close(e);
}
