/*
 * INTx: which IOAPIC pin a PCI device's line reaches is found by trying, since the tables that
 * would tell (_PRT) are AML programs and the Interrupt Line register is a guess. Every pin that may
 * be it is unmasked with a vector of its own, the device is asked to interrupt, and what fires is
 * the route.
 *
 * A pin whose interrupts no client claims would interrupt for ever; it is masked after a bound, and
 * its devices are polled from then on. PCI Local Bus 3.0, 2.2.6 (INTx, shared, level).
 */
#include <stdio.h>

#include "arch/x86_64/acpi/acpi.h"
#include "arch/x86_64/apic/apic.h"
#include "arch/x86_64/apic/ioapic.h"
#include "arch/x86_64/cpu/vectors.h"
#include "arch/x86_64/irq/way.h"
#include "kernel/log.h"
#include "kernel/platform.h"
#include "kernel/time.h"

enum {
    PINS_MAX = VECTOR_PIN_LAST - VECTOR_PIN_FIRST + 1,
    UNCLAIMED_MAX = 10000, /* in a row: far more than a shared line's stray ones */
    PROBE_SETTLE_US = 300, /* for a second pin; QEMU's e1000 spaces interrupts by 128 us */

    /* The ISA interrupts that no PC/AT device uses, and so may be a PCI device's: 5, 9, 10, 11. */
    ISA_FREE_MASK = 1 << 5 | 1 << 9 | 1 << 10 | 1 << 11,
};

struct pin {
    struct ioapic_pin io;
    bool candidate; /* may be a PCI device's */
    bool fired;     /* while probing, in irq context */
    struct irq_client *clients;
    uint32_t unclaimed; /* interrupts in a row */
};

static struct {
    struct pin pins[PINS_MAX]; /* pin n interrupts at VECTOR_PIN_FIRST + n */
    uint32_t pin_count;
    bool pins_ready;
    bool probing;
    uint64_t unclaimed;
} intx;

uint32_t irq_pin_count(void)
{
    return intx.pin_count;
}

struct irq_client *irq_pin_clients(uint32_t pin_idx)
{
    assert(pin_idx < intx.pin_count);
    return intx.pins[pin_idx].clients;
}

uint64_t irq_pins_unclaimed(void)
{
    return intx.unclaimed;
}

static void give_up_pin(struct pin *p)
{
    ioapic_set_masked(p->io.gsi, true);
    log_warn("irq: %d interrupts in a row on IOAPIC pin %u that no device claims: "
             "pin masked, its devices are polled",
             UNCLAIMED_MAX, (unsigned)p->io.gsi);
    struct irq_client *clients = p->clients;
    p->clients = NULL;
    irq_poll_clients(clients);
}

/*
 * The handlers quiet their devices first, then comes the end of interrupt: the other way round a
 * level-triggered pin would interrupt again at once (82093AA, 3.2.4, remote IRR).
 */
static void on_pin(uint8_t vector)
{
    assert(vector >= VECTOR_PIN_FIRST && vector - VECTOR_PIN_FIRST < PINS_MAX);
    struct pin *p = &intx.pins[vector - VECTOR_PIN_FIRST];
    bool claimed = irq_call_handlers(p->clients);
    if (intx.probing) {
        p->fired = true; /* masked at once: the device stays asserted until told to be quiet */
        ioapic_set_masked(p->io.gsi, true);
    } else if (claimed) {
        p->unclaimed = 0;
    } else {
        intx.unclaimed++;
        if (++p->unclaimed >= UNCLAIMED_MAX) {
            p->unclaimed = 0;
            give_up_pin(p);
        }
    }
    apic_eoi();
}

/* Not the system control interrupt, nor a pin where an ISA device of every PC may be. */
static bool is_candidate(const struct ioapic_pin *io)
{
    uint16_t sci = acpi_info()->sci_irq;
    if (acpi_info()->fadt_found && (io->gsi == sci || io->isa_irq == sci)) {
        return false;
    }
    if (io->isa_irq != IOAPIC_NOT_ISA) {
        return (ISA_FREE_MASK >> io->isa_irq & 1) != 0;
    }
    return io->gsi >= ACPI_ISA_IRQ_COUNT;
}

static void prepare_pins(void)
{
    if (intx.pins_ready) {
        return;
    }
    intx.pins_ready = true;
    intx.pin_count = min_u32(ioapic_pin_count(), PINS_MAX);
    for (uint32_t i = 0; i < intx.pin_count; i++) {
        struct pin *p = &intx.pins[i];
        p->io = ioapic_pin_at(i);
        p->candidate = is_candidate(&p->io);
        if (p->candidate) {
            vectors_set_handler((uint8_t)(VECTOR_PIN_FIRST + i), on_pin);
            ioapic_route(&p->io, (uint8_t)(VECTOR_PIN_FIRST + i));
        }
    }
}

static bool any_fired(void)
{
    for (uint32_t i = 0; i < intx.pin_count; i++) {
        if (irq_read_flag(&intx.pins[i].fired)) {
            return true;
        }
    }
    return false;
}

/* Unmasks the candidates; those that fire without being asked belong to another device. */
static void open_candidates(bool noisy[PINS_MAX])
{
    for (uint32_t i = 0; i < intx.pin_count; i++) {
        intx.pins[i].fired = false;
        if (intx.pins[i].candidate) {
            ioapic_set_masked(intx.pins[i].io.gsi, false);
        }
    }
    time_delay_us(IRQ_NOISE_US);
    for (uint32_t i = 0; i < intx.pin_count; i++) {
        /* The handler has masked it: it cannot fire again. */
        noisy[i] = irq_read_flag(&intx.pins[i].fired);
        intx.pins[i].fired = false;
    }
}

static void close_candidates(void)
{
    for (uint32_t i = 0; i < intx.pin_count; i++) {
        if (intx.pins[i].candidate) {
            ioapic_set_masked(intx.pins[i].io.gsi, true);
        }
    }
}

/* With only this pin open: silence, then the device is asked, then the interrupt. */
static bool confirm_pin(struct pin *p, struct irq_client *c)
{
    p->fired = false;
    ioapic_set_masked(p->io.gsi, false);
    time_delay_us(IRQ_NOISE_US);
    bool silent = !irq_read_flag(&p->fired);
    c->trigger(c->arg);
    bool answered = irq_wait_until(any_fired);
    c->quiet(c->arg);
    ioapic_set_masked(p->io.gsi, true);
    p->fired = false;
    return silent && answered;
}

/*
 * The last of those that fired: pins from 16 on carry PCI interrupts alone, while below them a
 * chipset may mirror the same interrupt for the sake of 8259 systems (QEMU's q35 does).
 */
static struct pin *choose_pin(struct irq_client *c, bool fired[PINS_MAX])
{
    for (uint32_t i = intx.pin_count; i-- > 0;) {
        if (fired[i] && confirm_pin(&intx.pins[i], c)) {
            return &intx.pins[i];
        }
    }
    return NULL;
}

/* The pin of the device, all candidates masked again, or NULL. */
static struct pin *probe(struct irq_client *c)
{
    bool noisy[PINS_MAX] = {false};
    bool fired[PINS_MAX] = {false};
    intx.probing = true;
    open_candidates(noisy);
    c->trigger(c->arg);
    if (irq_wait_until(any_fired)) {
        time_delay_us(PROBE_SETTLE_US);
    }
    c->quiet(c->arg);
    close_candidates();
    for (uint32_t i = 0; i < intx.pin_count; i++) {
        fired[i] = intx.pins[i].fired && !noisy[i];
        intx.pins[i].fired = false;
    }
    struct pin *p = choose_pin(c, fired);
    intx.probing = false;
    return p;
}

/* Probing masked the pins of clients that were attached before: they get theirs back. */
static void reopen_used_pins(void)
{
    for (uint32_t i = 0; i < intx.pin_count; i++) {
        if (intx.pins[i].clients != NULL) {
            ioapic_set_masked(intx.pins[i].io.gsi, false);
        }
    }
}

static void attach_pin(struct irq_client *c, struct pin *p)
{
    unsigned vector = (unsigned)(VECTOR_PIN_FIRST + (p - intx.pins));
    snprintf(c->route, sizeof(c->route), "INT%c on IOAPIC pin %u %s %s, vector 0x%02x",
             'A' + c->dev->irq_pin - 1, (unsigned)p->io.gsi, p->io.level ? "level" : "edge",
             p->io.active_low ? "low" : "high", vector);
    uint64_t saved = platform_irq_save();
    c->next = p->clients;
    p->clients = c;
    platform_irq_restore(saved);
}

enum irq_try irq_attach_intx(struct irq_client *c, const char **why)
{
    if (c->dev->irq_pin == 0 || ioapic_pin_count() == 0) {
        *why = c->dev->irq_pin == 0 ? "has no pin" : "has no IOAPIC to go to";
        return IRQ_ABSENT;
    }
    prepare_pins();
    irq_select(c, IRQ_KIND_INTX);
    irq_set_intx(c->dev, true);
    struct pin *p = probe(c);
    if (p != NULL) {
        attach_pin(c, p);
    }
    reopen_used_pins();
    *why = "reached no IOAPIC pin";
    return p != NULL ? IRQ_TAKEN : IRQ_FAILED;
}

void irq_detach_pin(struct irq_client *c)
{
    for (uint32_t i = 0; i < intx.pin_count; i++) {
        struct pin *p = &intx.pins[i];
        for (struct irq_client *at = p->clients; at != NULL; at = at->next) {
            if (at == c) {
                irq_unlink(&p->clients, c);
                ioapic_set_masked(p->io.gsi, p->clients == NULL);
                break;
            }
        }
    }
    irq_set_intx(c->dev, false);
}
