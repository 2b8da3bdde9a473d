/*
 * Interrupts as drivers see them.
 */
#ifndef KERNEL_IRQ_H
#define KERNEL_IRQ_H

#include "kernel/base.h"
#include "kernel/pci.h"

/* irq context. True when the device had raised it (a shared line asks everybody). */
typedef bool irq_fn(void *arg);

enum irq_policy { /* `irq=` on the command line */
                  IRQ_AUTO,
                  IRQ_POLL,
};

struct irq_client {
    const struct pci_device *dev; /* [I] */
    irq_fn *handler;              /* [I] reads the cause, masks the device, schedules the poll */
    void *arg;                    /* [I] */
    /*
     * For finding the route: trigger makes the device raise its interrupt, quiet takes it back
     * and masks it. Loop context, interrupts may be on.
     */
    void (*trigger)(void *arg);
    void (*quiet)(void *arg);
    /* Stops the device's DMA: called on the way to a reboot or halt. Any context. */
    void (*shutdown)(void *arg);
    struct irq_client *next;
    char route[48]; /* out: "IOAPIC pin 11 level high, vector 0x41" or "timer poll every 100 us" */
};

/*
 * Finds how the device's interrupt reaches this core (docs/hardware.md: by probing), and installs
 * the handler. When no route can be found the handler is called from a periodic timer instead and
 * the log says so: that is still success. Start-up only, after the handler may be called.
 */
enum status irq_attach(struct irq_client *c, enum irq_policy policy) must_check;

#endif
