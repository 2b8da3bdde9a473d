/*
 * The ways to interrupt, one by one. The device raises its interrupts by software (13.4 ICS), some
 * tens of times, with a pause in between that its moderation does not reach into.
 */
#include "apps/root/nic_irqs.h"

#include "kernel/irq.h"
#include "kernel/time.h"

enum {
    ROUNDS_COUNT = 32,
    PAUSE_US = 1000,
    LOST_US = 2000 * US_PER_MS, /* an emulated device's may be late by what its host is busy */
    TRIES_COUNT = 3,            /* of a way */
    LOOK_US = 5,
    POLL_CALLS_COUNT = 10,
};

struct probe {
    struct e1000 *nic;
    uint64_t seen_ns; /* [irq] when the first vector was signalled */
    uint32_t seen;    /* [irq] the vectors, a bit each */
    uint32_t calls;   /* [irq] of the handler */
};

struct latency {
    uint32_t ns[ROUNDS_COUNT]; /* sorted */
    uint32_t count;
};

/* irq context. */
static bool on_interrupt(void *arg, uint32_t vector)
{
    struct probe *p = arg;
    uint64_t now_ns = time_now_ns();
    p->calls++;
    if (p->nic->nic.ops->irq(&p->nic->nic, vector) == 0) {
        return false;
    }
    if (vector == 0 && (p->seen & 1) == 0) {
        p->seen_ns = now_ns;
    }
    p->seen |= UINT32_C(1) << vector;
    return true;
}

static void select_way(void *arg, enum irq_kind kind)
{
    e1000_irq_select(((struct probe *)arg)->nic, kind);
}

static void trigger(void *arg)
{
    e1000_irq_trigger(((struct probe *)arg)->nic);
}

static void quiet(void *arg)
{
    e1000_irq_quiet(((struct probe *)arg)->nic);
}

static void shut_down(void *arg)
{
    e1000_shutdown(((struct probe *)arg)->nic);
}

static uint32_t read_word(const uint32_t *word)
{
    return *(const volatile uint32_t *)word;
}

static bool await(const uint32_t *word, uint32_t wanted)
{
    uint64_t end_ns = time_now_ns() + LOST_US * (uint64_t)NS_PER_US;
    while (read_word(word) < wanted && time_now_ns() < end_ns) {
        time_delay_us(LOOK_US);
    }
    return read_word(word) >= wanted;
}

static void insert(struct latency *l, uint32_t ns)
{
    uint32_t i = l->count++;
    for (; i > 0 && l->ns[i - 1] > ns; i--) {
        l->ns[i] = l->ns[i - 1];
    }
    l->ns[i] = ns;
}

/* True when all of the vectors came. */
static bool one_round(struct probe *p, uint32_t vectors, struct latency *l)
{
    p->seen = 0;
    uint64_t start_ns = time_now_ns();
    trigger(p);
    bool all = await(&p->seen, (UINT32_C(1) << vectors) - 1);
    quiet(p);
    if (all) {
        insert(l, (uint32_t)(p->seen_ns - start_ns));
    }
    time_delay_us(PAUSE_US);
    return all;
}

static void test_signals(struct probe *p, const struct irq_client *c, const char *name,
                         struct report *report)
{
    struct latency l = {.count = 0};
    uint32_t vectors = c->kind == IRQ_KIND_MSIX ? c->vectors : 1;
    for (uint32_t i = 0; i < ROUNDS_COUNT; i++) {
        if (!one_round(p, vectors, &l)) {
            report_add(report, REPORT_FAILED, "irq %s: %s, lost after %u", name, c->route, i);
            return;
        }
    }
    report_add(report, REPORT_PASSED, "irq %s: median %u us, worst %u us of %u", name,
               l.ns[ROUNDS_COUNT / 2] / NS_PER_US, l.ns[ROUNDS_COUNT - 1] / NS_PER_US,
               ROUNDS_COUNT);
    if (c->kind == IRQ_KIND_INTX) {
        report_add(report, REPORT_NOTE, "    %s", c->route);
    }
}

static void test_poll(struct probe *p, const struct irq_client *c, struct report *report)
{
    bool called = await(&p->calls, read_word(&p->calls) + POLL_CALLS_COUNT);
    report_add(report, called ? REPORT_PASSED : REPORT_FAILED, "irq poll: %s", c->route);
}

/* One that works now and then is worth a line of its own. */
static enum irq_try attach(struct irq_client *c, enum irq_kind kind, const char *name,
                           const char **why, struct report *report)
{
    enum irq_try got = irq_attach_way(c, kind, why);
    for (uint32_t i = 1; i < TRIES_COUNT && got == IRQ_FAILED; i++) {
        report_add(report, REPORT_NOTE, "irq %s: %s, tried again", name, *why);
        got = irq_attach_way(c, kind, why);
    }
    return got;
}

static void test_way(struct probe *p, struct irq_client *c, enum irq_kind kind,
                     struct report *report)
{
    static const char *const names[] = {"MSI-X", "MSI", "INTx", "poll"};
    const char *why;
    enum irq_try got = attach(c, kind, names[kind], &why, report);
    if (got != IRQ_TAKEN) {
        report_add(report, got == IRQ_FAILED ? REPORT_FAILED : REPORT_NOTE, "irq %s: %s",
                   names[kind], why != NULL ? why : "not there");
        return;
    }
    if (kind == IRQ_KIND_POLL) {
        test_poll(p, c, report);
    } else {
        test_signals(p, c, names[kind], report);
    }
    irq_detach(c);
}

void nic_irqs_test(struct e1000 *nic, struct report *report)
{
    struct probe p = {.nic = nic};
    struct irq_client c = {
        .dev = nic->dev,
        .handler = on_interrupt,
        .arg = &p,
        .vectors = e1000_irq_vectors(nic),
        .select = select_way,
        .trigger = trigger,
        .quiet = quiet,
        .shutdown = shut_down,
    };
    for (int kind = 0; kind < IRQ_KIND_COUNT; kind++) {
        test_way(&p, &c, (enum irq_kind)kind, report);
    }
}
