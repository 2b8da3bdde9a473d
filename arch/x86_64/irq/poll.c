/*
 * Devices without an interrupt: the local APIC's timer asks their handlers. The timer is set anew
 * by its own interrupt, so that a busy loop does not keep them waiting. On the way to sleep it is
 * put off, the further the longer nothing has come: a frame then waits for an eighth of the silence
 * that it ends at most, and never for more than POLL_PERIOD_MAX_US.
 */
#include "arch/x86_64/irq/poll.h"

#include <stdio.h>

#include "arch/x86_64/irq/way.h"
#include "arch/x86_64/time/timer.h"
#include "kernel/platform.h"

enum {
    POLL_PERIOD_US = 100,
    POLL_PERIOD_MAX_US = 2000, /* asleep: waking up costs, and most of all an emulated processor */
    POLL_SILENCE_SHARE = 8,
};
#define POLL_PERIOD_NS     (POLL_PERIOD_US * NS_PER_US)
#define POLL_PERIOD_MAX_NS (POLL_PERIOD_MAX_US * NS_PER_US)

static struct {
    struct irq_client *clients;
    uint64_t asked_ns; /* when the devices were asked last, ... */
    uint64_t heard_ns; /* ... and when one of them had something to tell */
    bool asleep;       /* the processor has gone to sleep since */
    uint64_t count;
} polled;

uint64_t irq_polls(void)
{
    return polled.count;
}

/* Of a processor that has nothing to do. */
static uint64_t calm_next_ns(void)
{
    assert(polled.asked_ns >= polled.heard_ns);
    uint64_t share_ns = (polled.asked_ns - polled.heard_ns) / POLL_SILENCE_SHARE;
    return polled.asked_ns + min_u64(max_u64(share_ns, POLL_PERIOD_NS), POLL_PERIOD_MAX_NS);
}

uint64_t irq_next_poll_ns(void)
{
    if (polled.clients == NULL) {
        return DEADLINE_NONE;
    }
    polled.asleep = true;
    return calm_next_ns();
}

struct irq_client *irq_polled_clients(void)
{
    return polled.clients;
}

/* A loop that has slept till now most likely goes to sleep again, and then has nothing to set anew.
 */
static void on_poll_tick(void)
{
    if (polled.clients == NULL) {
        return; /* the last one was detached: no further tick */
    }
    bool heard = irq_call_handlers(polled.clients);
    polled.count++;
    polled.asked_ns = platform_now_ns();
    polled.heard_ns = heard ? polled.asked_ns : polled.heard_ns;
    apic_timer_arm(polled.asleep ? calm_next_ns() : polled.asked_ns + POLL_PERIOD_NS);
    polled.asleep = false;
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
        snprintf(c->route, sizeof(c->route), "timer poll every %d us to %d ms", POLL_PERIOD_US,
                 POLL_PERIOD_MAX_US / 1000);
        c->kind = IRQ_KIND_POLL;
        c->next = polled.clients;
        polled.clients = c;
        c = next;
    }
    polled.asked_ns = polled.heard_ns = platform_now_ns();
    apic_timer_set_tick(on_poll_tick);
    apic_timer_arm(polled.asked_ns + POLL_PERIOD_NS);
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
