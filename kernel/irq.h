/*
 * Interrupts as drivers see them. A device may have several ways to interrupt; which one is used
 * is the board's choice, by trying: irq_attach selects the best that is there, lets the device
 * raise its interrupts by software, and takes the way when all of them arrive.
 */
#ifndef KERNEL_IRQ_H
#define KERNEL_IRQ_H

#include "kernel/base.h"
#include "kernel/pci.h"

/* The ways, best first. */
enum irq_kind {
    IRQ_KIND_MSIX, /* PCI 3.0, 6.8.2: a vector for each of the device's sources */
    IRQ_KIND_MSI,  /* PCI 3.0, 6.8.1: one vector */
    IRQ_KIND_INTX, /* a shared, level-triggered pin; found by probing (docs/hardware.md) */
    IRQ_KIND_POLL, /* none: the handler is called from a periodic timer */
    IRQ_KIND_COUNT,
};

enum irq_policy { /* `irq=` on the command line; auto: the best that is there */
                  IRQ_AUTO,
                  IRQ_MSIX,
                  IRQ_MSI,
                  IRQ_INTX,
                  IRQ_POLL,
};

enum {
    IRQ_VECTORS_MAX = 5, /* of one device */
};

/*
 * irq context. vector is the MSI-X table entry that was signalled, 0 in the other ways. True when
 * the device had raised it (a shared line asks each client).
 */
typedef bool irq_fn(void *arg, uint32_t vector);

struct irq_client {
    const struct pci_device *dev; /* [I] */
    irq_fn *handler;              /* [I] reads the cause, masks the device, schedules the poll */
    void *arg;                    /* [I] */
    uint32_t vectors;             /* [I] MSI-X entries 0.. that it uses; 0: it makes no use of it */
    /*
     * Tells the device's driver which way its interrupts go from now on: it programs what the
     * device must know, everything masked. Called before each trial, and the last call is the way
     * that was chosen. May be NULL for a device that need not know. Loop context, start-up only.
     */
    void (*select)(void *arg, enum irq_kind kind);
    /*
     * For finding the route: trigger makes the device raise its interrupt (with MSI-X: each of its
     * vectors), quiet takes it back and masks it. Loop context, interrupts may be on.
     */
    void (*trigger)(void *arg);
    void (*quiet)(void *arg);
    /* Stops the device's DMA: called on the way to a reboot or halt. Any context. */
    void (*shutdown)(void *arg);
    struct irq_client *next;
    enum irq_kind kind; /* out: the way that was chosen */
    char route[64];     /* out: "INTA on IOAPIC pin 11 level high, vector 0x4b", for example */
};

/*
 * Finds how the device's interrupt reaches this core, and installs the handler. policy other than
 * auto: that way, or, when it cannot be had, the next best after a warning that says why. When
 * nothing arrives the handler is called from a periodic timer instead and the log says so: that is
 * still success. Logs the choice and its reason. The device must be allowed to write to memory (bus
 * master). Start-up only, interrupts on, after the handler may be called.
 */
enum status irq_attach(struct irq_client *c, enum irq_policy policy) must_check;

/* What became of one way. */
enum irq_try {
    IRQ_TAKEN,  /* all that the device raised has arrived: the client is served, its route told */
    IRQ_ABSENT, /* the device, or the board for it, does not have this way: nothing was touched */
    IRQ_FAILED, /* not all of it has arrived: everything is off again */
};

/*
 * As irq_attach, with this way or none, and without a word in the log: for a test of each. Where it
 * is not taken *why says what about it, as what follows its name, or is NULL where the device is
 * simply without it. irq_detach undoes it, of the client that was attached last; the device has to
 * be quiet.
 */
enum irq_try irq_attach_way(struct irq_client *c, enum irq_kind kind, const char **why) must_check;
void irq_detach(struct irq_client *c);

#endif
