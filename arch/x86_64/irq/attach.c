/*
 * Interrupts for drivers: which of a device's ways to interrupt is used. Tried from the best one
 * down, each by letting the device interrupt: what firmware and tables promise of routing is wrong
 * too often. Each way is in a file of its own (way.h).
 */
#include "kernel/irq.h"

#include <stdio.h>

#include "arch/x86_64/irq/irq.h"
#include "arch/x86_64/irq/way.h"
#include "kernel/log.h"
#include "kernel/platform.h"
#include "kernel/stats.h"

static const struct way {
    const char *name; /* in the log */
    irq_attach_fn *attach;
    irq_detach_fn *detach;
} ways[IRQ_KIND_COUNT] = {
    [IRQ_KIND_MSIX] = {"MSI-X", irq_attach_msix, irq_detach_message},
    [IRQ_KIND_MSI] = {"MSI", irq_attach_msi, irq_detach_message},
    [IRQ_KIND_INTX] = {"INTx", irq_attach_intx, irq_detach_pin},
    [IRQ_KIND_POLL] = {"polling", irq_attach_poll, irq_detach_poll},
};

static struct irq_client *trying; /* in none of the ways' lists yet */

/* What became of the better ways: "no MSI-X, MSI did not arrive". */
struct reason {
    char text[128];
    size_t len;
    bool failed; /* one that is there did not work: worth a warning */
};

static void add_reason(struct reason *r, const char *name, const char *why)
{
    int n =
        snprintf(r->text + r->len, sizeof(r->text) - r->len, "%s%s%s%s%s", r->len > 0 ? ", " : "",
                 why == NULL ? "no " : "", name, why == NULL ? "" : " ", why == NULL ? "" : why);
    r->len = min_size(r->len + (n > 0 ? (size_t)n : 0), sizeof(r->text) - 1);
}

static bool get_counter(const void *arg, size_t idx, struct stats_entry *out)
{
    (void)arg;
    const struct {
        const char *name;
        const char *help;
        uint64_t value;
    } rows[] = {
        {"irq_unclaimed", "Interrupts of attached devices that no driver claimed.",
         irq_messages_unclaimed() + irq_pins_unclaimed()},
        {"irq_polls", "Times the timer asked devices that do not interrupt.", irq_polls()},
    };
    if (idx >= ARRAY_SIZE(rows)) {
        return false;
    }
    stats_entry_set(out, rows[idx].name, rows[idx].help, rows[idx].value);
    return true;
}

static void register_counter(void)
{
    static struct stats_source source = {.get = get_counter};
    static bool registered;
    if (!registered) {
        registered = true;
        stats_register(&source);
    }
}

static enum irq_try try_way(struct irq_client *c, enum irq_kind kind, const char **why)
{
    *why = NULL;
    trying = c;
    enum irq_try got = ways[kind].attach(c, why);
    trying = NULL;
    return got;
}

/* Takes the best way from first on. The last, polling, is always taken. */
static void take_best(struct irq_client *c, enum irq_kind first, struct reason *r)
{
    for (int kind = first; kind < IRQ_KIND_COUNT; kind++) {
        const char *why;
        enum irq_try got = try_way(c, (enum irq_kind)kind, &why);
        if (got == IRQ_TAKEN) {
            return;
        }
        r->failed |= got == IRQ_FAILED;
        add_reason(r, ways[kind].name, why);
    }
    assert(false);
}

static enum irq_kind first_kind(enum irq_policy policy)
{
    static const enum irq_kind kinds[] = {
        [IRQ_AUTO] = IRQ_KIND_MSIX, [IRQ_MSIX] = IRQ_KIND_MSIX, [IRQ_MSI] = IRQ_KIND_MSI,
        [IRQ_INTX] = IRQ_KIND_INTX, [IRQ_POLL] = IRQ_KIND_POLL,
    };
    assert((size_t)policy < ARRAY_SIZE(kinds));
    return kinds[policy];
}

static void log_choice(const struct irq_client *c, enum irq_policy policy, const struct reason *r)
{
    bool asked = policy != IRQ_AUTO && c->kind == first_kind(policy);
    bool unwanted = r->failed || (c->kind == IRQ_KIND_POLL && !asked);
    const char *why = asked                      ? "asked for on the command line"
                      : c->kind == IRQ_KIND_MSIX ? "best there is"
                                                 : r->text;
    log_write(unwanted ? LOG_WARN : LOG_INFO, "irq: %x:%x.%u %s: %s", (unsigned)c->dev->bus,
              (unsigned)c->dev->slot, (unsigned)c->dev->func, c->route, why);
}

/* Whatever was on before is off. */
static void prepare(struct irq_client *c)
{
    assert(c != NULL && c->dev != NULL && c->handler != NULL);
    assert(c->trigger != NULL && c->quiet != NULL && c->vectors <= IRQ_VECTORS_MAX);
    register_counter();
    irq_messages_off(c->dev);
    c->next = NULL;
}

enum irq_try irq_attach_way(struct irq_client *c, enum irq_kind kind, const char **why)
{
    assert(kind < IRQ_KIND_COUNT);
    prepare(c);
    return try_way(c, kind, why);
}

void irq_detach(struct irq_client *c)
{
    uint64_t saved = platform_irq_save();
    ways[c->kind].detach(c);
    platform_irq_restore(saved);
}

enum status irq_attach(struct irq_client *c, enum irq_policy policy)
{
    struct reason r = {.text = ""};
    enum irq_kind first = first_kind(policy);
    prepare(c);
    take_best(c, first, &r);
    if (policy != IRQ_AUTO && c->kind != first) {
        log_warn("irq: the command line asks for %s, which cannot be had", ways[first].name);
    }
    log_choice(c, policy, &r);
    return STATUS_OK;
}

/* The device's DMA first, then its interrupts: the next kernel finds them as after a reset. */
static void shut_down(struct irq_client *first)
{
    for (struct irq_client *c = first; c != NULL; c = c->next) {
        if (c->shutdown != NULL) {
            c->shutdown(c->arg);
        }
        irq_messages_off(c->dev);
        irq_set_intx(c->dev, true);
    }
}

void irq_shutdown(void)
{
    for (uint32_t i = 0; i < irq_pin_count(); i++) {
        shut_down(irq_pin_clients(i));
    }
    shut_down(trying); /* a panic in the middle of it */
    shut_down(irq_message_clients());
    shut_down(irq_polled_clients());
}
