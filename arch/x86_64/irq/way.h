/*
 * What the ways of interrupting (msi.c, intx.c, poll.c) are to attach.c, and what they share
 * (way.c). Loop context at start-up, interrupts on, unless said otherwise.
 */
#ifndef ARCH_X86_64_IRQ_WAY_H
#define ARCH_X86_64_IRQ_WAY_H

#include "kernel/irq.h"

/* Each tries its way; *why as irq_attach_way has it, NULL before. */
typedef enum irq_try irq_attach_fn(struct irq_client *c, const char **why);
irq_attach_fn irq_attach_msix, irq_attach_msi, irq_attach_intx, irq_attach_poll;

/* Each takes a client off that it had taken. Interrupts off. */
typedef void irq_detach_fn(struct irq_client *c);
irq_detach_fn irq_detach_message, irq_detach_pin, irq_detach_poll;

/* The clients of each, newest first, linked by next. Any context. */
struct irq_client *irq_message_clients(void);
struct irq_client *irq_pin_clients(uint32_t pin_idx); /* asks for each below irq_pin_count() */
uint32_t irq_pin_count(void);
struct irq_client *irq_polled_clients(void);

/* Interrupts so far that no handler claimed; times the timer asked. Any context. */
uint64_t irq_messages_unclaimed(void);
uint64_t irq_pins_unclaimed(void);
uint64_t irq_polls(void);

/* Moves a list of clients to the polled ones, and starts the polling. Interrupts off. */
void irq_poll_clients(struct irq_client *first);

/* Neither MSI nor MSI-X, whatever firmware or an earlier kernel has left on. Any context. */
void irq_messages_off(const struct pci_device *d);

/*
 * way.c: what the ways need around a trial. unlink takes c out of a list that it is in. select
 * tells the driver; set_intx lets the device drive its pin, or forbids it; call_handlers asks a
 * whole list, true when one claims it; wait_until returns whether done() was true within the time
 * that a device has to interrupt.
 */
void irq_select(struct irq_client *c, enum irq_kind kind);
void irq_set_intx(const struct pci_device *d, bool allowed);
bool irq_call_handlers(struct irq_client *first);
void irq_unlink(struct irq_client **first, struct irq_client *c);
bool irq_wait_until(bool (*done)(void));

/* A word that an interrupt handler writes meanwhile. */
static inline bool irq_read_flag(const bool *flag)
{
    return *(const volatile bool *)flag;
}

enum {
    IRQ_NOISE_US = 200, /* how long it is listened before the device is asked */
};

#endif
