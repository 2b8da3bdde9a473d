/*
 * Deferred work, as in Linux: a hard interrupt (or anybody) raises a softirq; the loop runs the
 * raised ones in fixed order within a budget; what a budget leaves over is raised again.
 */
#ifndef KERNEL_SOFTIRQ_H
#define KERNEL_SOFTIRQ_H

#include "kernel/base.h"

enum softirq {
    SOFTIRQ_TIMER,
    SOFTIRQ_NET_TX,
    SOFTIRQ_NET_RX,
    SOFTIRQ_COUNT,
};

enum {
    SOFTIRQ_BUDGET_PACKETS = 300,
    SOFTIRQ_BUDGET_NS = 2 * NS_PER_MS,
};

/*
 * A device's poll, NAPI style. poll handles at most budget packets and returns how many it did.
 * Less than budget means: nothing was left; the device is then off the poll list until
 * napi_schedule, and unmasked before the loop sleeps (loop_source.listen). budget: more waits.
 */
struct napi {
    struct napi *next; /* poll list linkage */
    bool scheduled;
    uint32_t (*poll)(struct napi *n, uint32_t budget, uint64_t now_ns);
};

enum {
    NAPI_WEIGHT = 64, /* packets one device may handle before the next one's turn */
};

/* Puts n on the poll list and raises NET_RX. irq context or loop. Harmless when it is there. */
void napi_schedule(struct napi *n);

/* The handler runs on the loop with interrupts enabled. Once for each softirq; NET_RX is ours. */
typedef void softirq_fn(void *arg, uint64_t now_ns);
void softirq_register(enum softirq nr, softirq_fn *fn, void *arg);

void softirq_raise(enum softirq nr); /* any context */
bool softirq_pending(void);          /* any context */

/* Runs what is raised, within the budget. The loop calls it. */
void softirq_run(void);

struct softirq_stats {
    uint64_t runs[SOFTIRQ_COUNT];
    uint64_t squeezed; /* times the packet or time budget ran out with work left */
    uint64_t packets;
};
const struct softirq_stats *softirq_stats(void);

#endif
