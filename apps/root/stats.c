/*
 * Joins every counter of the program into kernel/stats.h's registry: the NIC's, the stack's, the
 * pools', the loop's.
 */
#include "kernel/stats.h"
#include "apps/root/stack.h"
#include "kernel/task.h"

#include <string.h>

static bool get_nic(const void *arg, size_t idx, struct stats_entry *out)
{
    const struct root *r = arg;
    const char *name;
    const char *help;
    uint64_t value;
    if (!netdev_counter(&r->dev, idx, &name, &help, &value)) {
        return false;
    }
    stats_entry_set(out, name, help, value);
    return true;
}

static bool get_packets(const void *arg, size_t idx, struct stats_entry *out)
{
    const struct root *r = arg;
    const struct pkt_pool *const pools[] = {&r->rx_pool, &r->tx_pool};
    if (idx / STATS_POOL_COUNTERS >= ARRAY_SIZE(pools)) {
        return false;
    }
    stats_entry_pkt_pool(out, pools[idx / STATS_POOL_COUNTERS], idx % STATS_POOL_COUNTERS);
    return true;
}

static bool get_net(const void *arg, size_t idx, struct stats_entry *out)
{
    const struct root *r = arg;
    const char *name;
    const char *help;
    uint64_t value;
    if (!net_counter(r->net, idx, &name, &help, &value)) {
        return false;
    }
    stats_entry_set(out, name, help, value);
    return true;
}

static bool get_net_pools(const void *arg, size_t idx, struct stats_entry *out)
{
    const struct root *r = arg;
    const struct pool *pool = net_pool(r->net, idx / STATS_POOL_COUNTERS);
    if (pool == NULL) {
        return false;
    }
    stats_entry_pool(out, pool, idx % STATS_POOL_COUNTERS);
    return true;
}

/* The kernel's own structs, and where in them. */
enum part {
    PART_LOOP,
    PART_SOFTIRQ,
    PART_TASK,
    PART_COUNT,
};

static const struct row {
    const char *name;
    const char *help;
    enum part part;
    uint32_t offset;
    uint32_t size;
} kernel_rows[] = {
#define ROW(part, type, field, name, help)                                                   \
    {                                                                                        \
        name, help, part, offsetof(struct type, field), sizeof(((struct type *)NULL)->field) \
    }
#define LOOP(field, name, help)    ROW(PART_LOOP, loop_stats, field, name, help)
#define SOFTIRQ(field, name, help) ROW(PART_SOFTIRQ, softirq_stats, field, name, help)
#define TASK(field, name, help)    ROW(PART_TASK, task_stats, field, name, help)
    LOOP(turns, "loop_turns", "Turns of the loop"),
    LOOP(waits, "loop_waits", "Times the loop slept until an interrupt or a deadline"),
    LOOP(busy_polls, "loop_busy_polls", "Times the busy poll saved an interrupt"),
    LOOP(vain_polls, "loop_vain_polls", "Times the busy poll found nothing"),
    SOFTIRQ(runs[SOFTIRQ_TIMER], "softirq_timer_runs", "Runs of softirq TIMER"),
    SOFTIRQ(runs[SOFTIRQ_NET_TX], "softirq_net_tx_runs", "Runs of softirq NET_TX"),
    SOFTIRQ(runs[SOFTIRQ_NET_RX], "softirq_net_rx_runs", "Runs of softirq NET_RX"),
    SOFTIRQ(packets, "softirq_packets", "Packets polled"),
    SOFTIRQ(squeezed, "softirq_squeezed", "Budgets used up with work left over"),
    TASK(count, "task_count", "Tasks now"),
    TASK(high, "task_high", "The most tasks there ever were"),
    TASK(max, "task_max", "The limit of tasks"),
    TASK(created, "task_created", "Tasks ever started"),
    TASK(refused, "task_refused", "Tasks refused: limit or memory"),
    TASK(switches, "task_switches", "Switches to a task"),
#undef ROW
#undef LOOP
#undef SOFTIRQ
#undef TASK
};

static bool get_kernel(const void *arg, size_t idx, struct stats_entry *out)
{
    if (idx >= ARRAY_SIZE(kernel_rows)) {
        return false;
    }
    const struct row *row = &kernel_rows[idx];
    const void *const parts[PART_COUNT] = {
        [PART_LOOP] = loop_stats(),
        [PART_SOFTIRQ] = softirq_stats(),
        [PART_TASK] = task_stats(),
    };
    const uint8_t *at = (const uint8_t *)parts[row->part] + row->offset;
    uint32_t narrow = 0;
    uint64_t value = 0;
    if (row->size == sizeof(narrow)) {
        memcpy(&narrow, at, sizeof(narrow));
        value = narrow;
    } else {
        assert(row->size == sizeof(value));
        memcpy(&value, at, sizeof(value));
    }
    stats_entry_set(out, row->name, row->help, value);
    return true;
}

void root_register_stats(struct root *r)
{
    static stats_get_fn *const gets[] = {get_nic, get_packets, get_net, get_net_pools, get_kernel};
    static struct stats_source sources[ARRAY_SIZE(gets)];
    for (size_t i = 0; i < ARRAY_SIZE(gets); i++) {
        sources[i] = (struct stats_source){.arg = r, .get = gets[i]};
        stats_register(&sources[i]);
    }
}
