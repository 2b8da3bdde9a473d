/*
 * Interrupts: the cause is read, the device masked, and the rest left to the poll. What the cause
 * register says about frames is not believed either way (parts and emulators are known that lose
 * RXT0 when RXO is set): any cause of ours means, look at the ring.
 */
#include "drivers/e1000/internal.h"

#define ICR_GONE UINT32_C(0xffffffff) /* all ones: in reset, or no longer on the bus */

/* nic_ops.irq, irq context. 13.4.17: reading ICR takes every cause back and lowers the line. */
uint32_t e1000_irq(struct nic *nic, uint32_t vector)
{
    struct e1000 *e = e1000_of(nic);
    if (e->state == E1000_RESETTING || e->state == E1000_STOPPED) {
        return 0; /* masked: a shared line, or the poll timer, at a time of no access */
    }
    uint32_t causes = e1000_read(e, E1000_ICR);
    if (causes == 0 || causes == ICR_GONE) {
        return 0; /* a shared line: somebody else's */
    }
    e1000_write(e, E1000_IMC, E1000_CAUSE_ALL);
    nic->stats.interrupts++;
    return NIC_EVENT_RX | ((causes & E1000_CAUSE_LSC) != 0 ? NIC_EVENT_LINK : 0);
}

/*
 * nic_ops.irq_unmask. A cause that came while masked has stayed in ICR and raises the line now.
 * The write also pushes out an RDT write that KVM may hold back (see e1000_hw_start).
 */
void e1000_irq_unmask(struct nic *nic)
{
    struct e1000 *e = e1000_of(nic);
    if (e->state == E1000_RUNNING) {
        e1000_write(e, E1000_IMS, E1000_CAUSES);
    }
}

void e1000_irq_select(void *arg, enum irq_kind kind)
{
    struct e1000 *e = arg;
    assert(e->state == E1000_READY);
    e->irq_kind = kind;
}

void e1000_irq_trigger(void *arg)
{
    struct e1000 *e = arg;
    assert(e->state == E1000_READY);
    e1000_write(e, E1000_IMS, E1000_CAUSE_LSC);
    e1000_write(e, E1000_ICS, E1000_CAUSE_LSC);
}

void e1000_irq_quiet(void *arg)
{
    struct e1000 *e = arg;
    assert(e->state == E1000_READY);
    e1000_write(e, E1000_IMC, E1000_CAUSE_ALL);
    (void)e1000_read(e, E1000_ICR);
}
