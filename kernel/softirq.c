/*
 * Softirqs and the NAPI poll list. Owns the pending bits and the list, both shared with hard
 * interrupts; the handlers belong to the code that registered them, but NET_RX, which is here.
 */
#include "kernel/softirq.h"

#include "kernel/platform.h"

struct softirq_handler {
    softirq_fn *fn;
    void *arg;
};

static struct {
    volatile uint32_t pending; /* a bit a softirq; changed with interrupts off */
    struct softirq_handler handlers[SOFTIRQ_COUNT];
    struct napi *volatile first; /* the poll list, oldest first; changed with interrupts off */
    struct napi *last;
    struct softirq_stats stats;
} softirqs;

static uint32_t softirq_bit(enum softirq nr)
{
    assert(nr < SOFTIRQ_COUNT);
    return UINT32_C(1) << nr;
}

/* Interrupts are off. */
static void poll_list_push(struct napi *n)
{
    n->scheduled = true;
    n->next = NULL;
    if (softirqs.last != NULL) {
        softirqs.last->next = n;
    } else {
        softirqs.first = n;
    }
    softirqs.last = n;
}

/*
 * The device leaves the list before it is polled, not after: an interrupt that comes right then
 * must be able to schedule it again.
 */
static struct napi *poll_list_pop(void)
{
    uint64_t saved = platform_irq_save();
    struct napi *n = softirqs.first;
    if (n != NULL) {
        assert(n->scheduled);
        softirqs.first = n->next;
        if (softirqs.first == NULL) {
            softirqs.last = NULL;
        }
        n->next = NULL;
        n->scheduled = false;
    }
    platform_irq_restore(saved);
    return n;
}

void napi_schedule(struct napi *n)
{
    assert(n->poll != NULL);
    uint64_t saved = platform_irq_save();
    if (!n->scheduled) {
        poll_list_push(n);
        softirqs.pending |= softirq_bit(SOFTIRQ_NET_RX);
    }
    platform_irq_restore(saved);
}

/* After polling: NET_RX stays raised exactly when a device is still listed. */
static void settle(void)
{
    uint64_t saved = platform_irq_save();
    if (softirqs.first != NULL) {
        softirqs.pending |= softirq_bit(SOFTIRQ_NET_RX);
        softirqs.stats.squeezed++;
    } else {
        softirqs.pending &= ~softirq_bit(SOFTIRQ_NET_RX);
    }
    platform_irq_restore(saved);
}

/* Polls the devices round robin until none waits or the budget is spent. */
static void net_rx(uint64_t start_ns)
{
    uint32_t left = SOFTIRQ_BUDGET_PACKETS;
    uint64_t now_ns = start_ns;
    struct napi *n;
    while (left > 0 && now_ns - start_ns < SOFTIRQ_BUDGET_NS && (n = poll_list_pop()) != NULL) {
        uint32_t weight = min_u32(NAPI_WEIGHT, left);
        uint32_t done = n->poll(n, weight, now_ns);
        assert(done <= weight);
        left -= done;
        softirqs.stats.packets += done;
        if (done == weight) {
            napi_schedule(n); /* more waits: behind the others */
        }
        if (softirqs.first == NULL) {
            break; /* nobody else waits: the clock need not be asked */
        }
        now_ns = platform_now_ns();
    }
    settle();
}

void softirq_register(enum softirq nr, softirq_fn *fn, void *arg)
{
    assert(nr < SOFTIRQ_COUNT && nr != SOFTIRQ_NET_RX);
    assert(fn != NULL && softirqs.handlers[nr].fn == NULL);
    softirqs.handlers[nr] = (struct softirq_handler){.fn = fn, .arg = arg};
}

void softirq_raise(enum softirq nr)
{
    uint64_t saved = platform_irq_save();
    softirqs.pending |= softirq_bit(nr);
    platform_irq_restore(saved);
}

bool softirq_pending(void)
{
    return softirqs.pending != 0;
}

/* Takes back the bit of nr; true when it was raised. Nobody else takes one back. */
static inline bool softirq_take(enum softirq nr)
{
    if (!(softirqs.pending & softirq_bit(nr))) {
        return false;
    }
    uint64_t saved = platform_irq_save();
    softirqs.pending &= ~softirq_bit(nr);
    platform_irq_restore(saved);
    return true;
}

/*
 * One pass in fixed order. What is raised behind the pass stays raised for the loop's next turn:
 * tasks get theirs in between, however often a handler raises itself. All of a pass happens at the
 * same time.
 */
void softirq_run(void)
{
    uint64_t now_ns = platform_now_ns();
    for (uint32_t nr = 0; nr < SOFTIRQ_COUNT; nr++) {
        if (!softirq_take((enum softirq)nr)) {
            continue;
        }
        softirqs.stats.runs[nr]++;
        if (nr == SOFTIRQ_NET_RX) {
            net_rx(now_ns);
        } else if (softirqs.handlers[nr].fn != NULL) {
            softirqs.handlers[nr].fn(softirqs.handlers[nr].arg, now_ns);
        }
    }
}

const struct softirq_stats *softirq_stats(void)
{
    return &softirqs.stats;
}
