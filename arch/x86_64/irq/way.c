/*
 * What the ways of interrupting need around a trial; see way.h. Owns nothing.
 */
#include "arch/x86_64/irq/way.h"

#include "kernel/pci.h"
#include "kernel/time.h"

enum {
    PCI_COMMAND = 0x04, /* Local Bus 3.0, 6.2.2; the status is in the upper half */
    PCI_COMMAND_INTX_DISABLE = 1 << 10,

    /*
     * A device that takes longer has no route. An emulated one moderates its interrupts by a timer
     * of a thread that a busy host may not run for tens of milliseconds.
     */
    WAIT_US = 200000,
    WAIT_STEP_US = 5,
};

void irq_select(struct irq_client *c, enum irq_kind kind)
{
    c->kind = kind;
    if (c->select != NULL) {
        c->select(c->arg, kind);
    }
}

/* Status bits are cleared by writing 1, so the upper half is written as 0. */
void irq_set_intx(const struct pci_device *d, bool allowed)
{
    uint32_t command = pci_read32(d, PCI_COMMAND) & 0xffff & ~(uint32_t)PCI_COMMAND_INTX_DISABLE;
    pci_write32(d, PCI_COMMAND, command | (allowed ? 0U : (uint32_t)PCI_COMMAND_INTX_DISABLE));
}

/* A shared line may carry several devices' interrupts at once: all are asked. */
bool irq_call_handlers(struct irq_client *first)
{
    bool claimed = false;
    for (struct irq_client *c = first; c != NULL; c = c->next) {
        claimed |= c->handler(c->arg, 0);
    }
    return claimed;
}

void irq_unlink(struct irq_client **first, struct irq_client *c)
{
    while (*first != c) {
        assert(*first != NULL);
        first = &(*first)->next;
    }
    *first = c->next;
    c->next = NULL;
}

bool irq_wait_until(bool (*done)(void))
{
    uint64_t end_ns = time_now_ns() + WAIT_US * UINT64_C(1000);
    while (time_now_ns() < end_ns) {
        if (done()) {
            return true;
        }
        time_delay_us(WAIT_STEP_US);
    }
    return done();
}
