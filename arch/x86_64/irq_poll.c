/*
 * Devices without an interrupt: the local APIC's timer asks their handlers. The timer is set anew
 * by its own interrupt, so that a busy loop does not keep them waiting.
 */
#include "arch/x86_64/irq_poll.h"

#include <stdio.h>

#include "arch/x86_64/apic.h"
#include "arch/x86_64/irq_way.h"
#include "kernel/platform.h"

enum {
    POLL_PERIOD_US = 100,
};
#define POLL_PERIOD_NS (POLL_PERIOD_US * UINT64_C(1000))

static struct {
    struct irq_client *clients;
    uint64_t next_ns;
} polled;

uint64_t irq_next_poll_ns(void)
{
    return polled.clients != NULL ? polled.next_ns : DEADLINE_NONE;
}

struct irq_client *irq_polled_clients(void)
{
    return polled.clients;
}

static void on_poll_tick(void)
{
    if (polled.clients == NULL) {
        return; /* the last one was detached: no further tick */
    }
    (void)irq_call_handlers(polled.clients);
    polled.next_ns = platform_now_ns() + POLL_PERIOD_NS;
    apic_timer_arm(polled.next_ns);
}

/*
 * They may not drive a pin any more: it may be one that somebody else listens to, and nobody would
 * ever quiet them in time.
 */
void irq_poll_clients(struct irq_client *first)
{
    if (first == NULL) {
        return;
    }
    struct irq_client *c = first;
    while (c != NULL) {
        struct irq_client *next = c->next;
        irq_set_intx(c->dev, false);
        snprintf(c->route, sizeof(c->route), "timer poll every %d us", POLL_PERIOD_US);
        c->kind = IRQ_KIND_POLL;
        c->next = polled.clients;
        polled.clients = c;
        c = next;
    }
    polled.next_ns = platform_now_ns() + POLL_PERIOD_NS;
    apic_timer_set_tick(on_poll_tick);
    apic_timer_arm(polled.next_ns);
}

enum irq_try irq_attach_poll(struct irq_client *c, const char **why)
{
    (void)why;
    irq_select(c, IRQ_KIND_POLL);
    c->next = NULL;
    uint64_t saved = platform_irq_save();
    irq_poll_clients(c);
    platform_irq_restore(saved);
    return IRQ_TAKEN;
}

void irq_detach_poll(struct irq_client *c)
{
    irq_unlink(&polled.clients, c);
}
