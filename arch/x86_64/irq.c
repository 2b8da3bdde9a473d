/*
 * Interrupts for drivers: which IOAPIC pin a PCI device's INTx reaches is found by trying, since
 * the tables that would tell (_PRT) are AML programs and the Interrupt Line register is a guess.
 * Every pin that may be it is unmasked with a vector of its own, the device is asked to interrupt,
 * and what fires is the route. When nothing does, the timer calls the handler instead.
 *
 * A pin whose interrupts nobody claims would interrupt for ever; it is masked after a bound, and
 * its devices are polled from then on. PCI Local Bus 3.0, 2.2.6 (INTx, shared, level).
 */
#include "kernel/irq.h"

#include <stdio.h>

#include "arch/x86_64/acpi.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/ioapic.h"
#include "arch/x86_64/irq_poll.h"
#include "kernel/log.h"
#include "kernel/platform.h"
#include "kernel/time.h"

enum {
    PINS_MAX = VECTOR_PIN_LAST - VECTOR_PIN_FIRST + 1,
    POLL_PERIOD_US = 100,
    POLL_PERIOD_NS = POLL_PERIOD_US * NS_PER_US,
    UNCLAIMED_MAX = 10000, /* in a row: far more than a shared line's stray ones */

    PROBE_NOISE_US = 200, /* how long pins are watched before the device is asked */
    /*
     * A device that takes longer has no route. An emulated one moderates its interrupts by a timer
     * of a thread that a busy host may not run for tens of milliseconds.
     */
    PROBE_WAIT_US = 200000,
    PROBE_SETTLE_US = 300, /* for a second pin; QEMU's e1000 spaces interrupts by 128 us */
    PROBE_STEP_US = 5,

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
    struct irq_client *polled;
    uint64_t next_poll_ns;
} irq;

uint64_t irq_next_poll_ns(void)
{
    return irq.polled != NULL ? irq.next_poll_ns : DEADLINE_NONE;
}

/* Asks everybody on a list: a shared line may carry several devices' interrupts at once. */
static bool call_handlers(struct irq_client *first)
{
    bool claimed = false;
    for (struct irq_client *c = first; c != NULL; c = c->next) {
        claimed |= c->handler(c->arg, 0);
    }
    return claimed;
}

/* At each timer interrupt while a device is polled; keeps itself going, also under a busy loop. */
static void on_poll_tick(void)
{
    (void)call_handlers(irq.polled);
    irq.next_poll_ns = platform_now_ns() + POLL_PERIOD_NS;
    apic_timer_arm(irq.next_poll_ns);
}

/* Moves a list of clients to the polled ones, and starts the polling. Interrupts off. */
static void poll_clients(struct irq_client *first)
{
    if (first == NULL) {
        return;
    }
    struct irq_client *c = first;
    while (c != NULL) {
        struct irq_client *next = c->next;
        snprintf(c->route, sizeof(c->route), "timer poll every %d us", POLL_PERIOD_US);
        c->next = irq.polled;
        irq.polled = c;
        c = next;
    }
    irq.next_poll_ns = platform_now_ns() + POLL_PERIOD_NS;
    apic_timer_set_tick(on_poll_tick);
    apic_timer_arm(irq.next_poll_ns);
}

static void give_up_pin(struct pin *p)
{
    ioapic_set_masked(p->io.gsi, true);
    log_warn("irq: %d interrupts in a row on IOAPIC pin %u that no device claims: "
             "pin masked, its devices are polled every %d us",
             UNCLAIMED_MAX, (unsigned)p->io.gsi, POLL_PERIOD_US);
    struct irq_client *clients = p->clients;
    p->clients = NULL;
    poll_clients(clients);
}

/*
 * The handlers quiet their devices first, then comes the end of interrupt: the other way round a
 * level-triggered pin would interrupt again at once (82093AA, 3.2.4, remote IRR).
 */
static void on_pin(uint8_t vector)
{
    assert(vector >= VECTOR_PIN_FIRST && vector - VECTOR_PIN_FIRST < PINS_MAX);
    struct pin *p = &irq.pins[vector - VECTOR_PIN_FIRST];
    bool claimed = call_handlers(p->clients);
    if (irq.probing) {
        p->fired =
            true; /* masked at once: the device stays asserted until it is told to be quiet */
        ioapic_set_masked(p->io.gsi, true);
    } else if (claimed) {
        p->unclaimed = 0;
    } else if (++p->unclaimed >= UNCLAIMED_MAX) {
        p->unclaimed = 0;
        give_up_pin(p);
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
    if (irq.pins_ready) {
        return;
    }
    irq.pins_ready = true;
    irq.pin_count = min_u32(ioapic_pin_count(), PINS_MAX);
    for (uint32_t i = 0; i < irq.pin_count; i++) {
        struct pin *p = &irq.pins[i];
        p->io = ioapic_pin_at(i);
        p->candidate = is_candidate(&p->io);
        if (p->candidate) {
            idt_set_irq_handler((uint8_t)(VECTOR_PIN_FIRST + i), on_pin);
            ioapic_route(&p->io, (uint8_t)(VECTOR_PIN_FIRST + i));
        }
    }
}

static bool read_fired(const struct pin *p)
{
    return *(const volatile bool *)&p->fired;
}

static uint32_t count_fired(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < irq.pin_count; i++) {
        count += read_fired(&irq.pins[i]) ? 1 : 0;
    }
    return count;
}

/* True when a pin fired within max_us. */
static bool wait_any_fired(uint32_t max_us)
{
    uint64_t end_ns = time_now_ns() + max_us * NS_PER_US;
    while (time_now_ns() < end_ns) {
        if (count_fired() != 0) {
            return true;
        }
        time_delay_us(PROBE_STEP_US);
    }
    return count_fired() != 0;
}

/* Unmasks the candidates; those that fire without being asked belong to somebody else. */
static void open_candidates(bool noisy[PINS_MAX])
{
    for (uint32_t i = 0; i < irq.pin_count; i++) {
        irq.pins[i].fired = false;
        if (irq.pins[i].candidate) {
            ioapic_set_masked(irq.pins[i].io.gsi, false);
        }
    }
    time_delay_us(PROBE_NOISE_US);
    for (uint32_t i = 0; i < irq.pin_count; i++) {
        noisy[i] = read_fired(&irq.pins[i]); /* the handler has masked it: it cannot fire again */
        irq.pins[i].fired = false;
    }
}

static void close_candidates(void)
{
    for (uint32_t i = 0; i < irq.pin_count; i++) {
        if (irq.pins[i].candidate) {
            ioapic_set_masked(irq.pins[i].io.gsi, true);
        }
    }
}

/* With only this pin open: silence, then the device is asked, then the interrupt. */
static bool confirm_pin(struct pin *p, struct irq_client *c)
{
    p->fired = false;
    ioapic_set_masked(p->io.gsi, false);
    time_delay_us(PROBE_NOISE_US);
    bool silent = !read_fired(p);
    c->trigger(c->arg);
    bool answered = wait_any_fired(PROBE_WAIT_US);
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
    for (uint32_t i = irq.pin_count; i-- > 0;) {
        if (fired[i] && confirm_pin(&irq.pins[i], c)) {
            return &irq.pins[i];
        }
    }
    return NULL;
}

/* The pin of the device, all candidates masked again, or NULL. Interrupts on. */
static struct pin *probe(struct irq_client *c)
{
    bool noisy[PINS_MAX] = {false};
    bool fired[PINS_MAX] = {false};
    irq.probing = true;
    open_candidates(noisy);
    c->trigger(c->arg);
    if (wait_any_fired(PROBE_WAIT_US)) {
        time_delay_us(PROBE_SETTLE_US);
    }
    c->quiet(c->arg);
    close_candidates();
    for (uint32_t i = 0; i < irq.pin_count; i++) {
        fired[i] = irq.pins[i].fired && !noisy[i];
        irq.pins[i].fired = false;
    }
    struct pin *p = choose_pin(c, fired);
    irq.probing = false;
    return p;
}

/* Probing masked the pins of those who were attached before: they get theirs back. */
static void reopen_used_pins(void)
{
    for (uint32_t i = 0; i < irq.pin_count; i++) {
        if (irq.pins[i].clients != NULL) {
            ioapic_set_masked(irq.pins[i].io.gsi, false);
        }
    }
}

static void attach_pin(struct irq_client *c, struct pin *p)
{
    unsigned vector = (unsigned)(VECTOR_PIN_FIRST + (p - irq.pins));
    snprintf(c->route, sizeof(c->route), "IOAPIC pin %u %s %s, vector 0x%02x", (unsigned)p->io.gsi,
             p->io.level ? "level" : "edge", p->io.active_low ? "low" : "high", vector);
    uint64_t saved = platform_irq_save();
    c->next = p->clients;
    p->clients = c;
    platform_irq_restore(saved);
}

static void attach_poll(struct irq_client *c, enum log_level level, const char *why)
{
    const struct pci_device *d = c->dev;
    log_write(level, "irq: %x:%x.%u polled every %d us: %s", (unsigned)d->bus, (unsigned)d->slot,
              (unsigned)d->func, POLL_PERIOD_US, why);
    uint64_t saved = platform_irq_save();
    c->next = NULL;
    poll_clients(c);
    platform_irq_restore(saved);
}

static void select_kind(struct irq_client *c, enum irq_kind kind)
{
    c->kind = kind;
    if (c->select != NULL) {
        c->select(c->arg, kind);
    }
}

enum status irq_attach(struct irq_client *c, enum irq_policy policy)
{
    assert(c != NULL && c->dev != NULL && c->handler != NULL);
    assert(c->trigger != NULL && c->quiet != NULL);
    if (policy == IRQ_POLL) {
        select_kind(c, IRQ_KIND_POLL);
        attach_poll(c, LOG_INFO, "asked for on the command line");
        return STATUS_OK;
    }
    if (c->dev->irq_pin == 0) {
        select_kind(c, IRQ_KIND_POLL);
        attach_poll(c, LOG_WARN, "it has no interrupt pin");
        return STATUS_OK;
    }
    prepare_pins();
    select_kind(c, IRQ_KIND_INTX);
    uint64_t saved = platform_irq_save();
    cpu_sti(); /* the probe must see them */
    struct pin *p = probe(c);
    if (p != NULL) {
        attach_pin(c, p);
        const struct pci_device *d = c->dev;
        log_info("irq: %x:%x.%u INT%c on %s", (unsigned)d->bus, (unsigned)d->slot,
                 (unsigned)d->func, 'A' + d->irq_pin - 1, c->route);
    } else {
        select_kind(c, IRQ_KIND_POLL);
        attach_poll(c, LOG_WARN, "its interrupt reaches no IOAPIC pin");
    }
    reopen_used_pins();
    if (saved == 0) {
        cpu_cli();
    }
    return STATUS_OK;
}

static void shut_down(struct irq_client *first)
{
    for (struct irq_client *c = first; c != NULL; c = c->next) {
        if (c->shutdown != NULL) {
            c->shutdown(c->arg);
        }
    }
}

void irq_shutdown(void)
{
    for (uint32_t i = 0; i < irq.pin_count; i++) {
        shut_down(irq.pins[i].clients);
    }
    shut_down(irq.polled);
}
