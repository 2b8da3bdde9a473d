/*
 * Joins every counter of the program into kernel/stats.h's registry: the stack's, the NIC's, the
 * pools', the loop's.
 */
#include "kernel/stats.h"
#include "apps/root/stack.h"
#include "kernel/task.h"

static void walk_net(void *arg, stats_emit_fn *emit, void *ctx)
{
    const struct root *r = arg;
    const char *name;
    const char *help;
    uint64_t value;
    for (size_t i = 0; net_counter(r->net, i, &name, &help, &value); i++) {
        emit(ctx, name, help, value);
    }
    const struct pool *pool;
    for (size_t i = 0; (pool = net_pool(r->net, i)) != NULL; i++) {
        stats_emit_pool(pool, emit, ctx);
    }
}

static void walk_device(void *arg, stats_emit_fn *emit, void *ctx)
{
    const struct root *r = arg;
    netdev_stats_walk(&r->dev, emit, ctx);
    stats_emit_pkt_pool(&r->rx_pool, emit, ctx);
    stats_emit_pkt_pool(&r->tx_pool, emit, ctx);
}

static void walk_kernel(void *arg, stats_emit_fn *emit, void *ctx)
{
    const struct softirq_stats *s = softirq_stats();
    const struct loop_stats *l = loop_stats();
    const struct task_stats *t = task_stats();
    emit(ctx, "loop_turns", "Turns of the loop", l->turns);
    emit(ctx, "loop_waits", "Times the loop slept until an interrupt or a deadline", l->waits);
    emit(ctx, "loop_busy_polls", "Times the busy poll saved an interrupt", l->busy_polls);
    emit(ctx, "softirq_timer_runs", "Runs of softirq TIMER", s->runs[SOFTIRQ_TIMER]);
    emit(ctx, "softirq_net_tx_runs", "Runs of softirq NET_TX", s->runs[SOFTIRQ_NET_TX]);
    emit(ctx, "softirq_net_rx_runs", "Runs of softirq NET_RX", s->runs[SOFTIRQ_NET_RX]);
    emit(ctx, "softirq_packets", "Packets polled", s->packets);
    emit(ctx, "softirq_squeezed", "Budgets used up with work left over", s->squeezed);
    emit(ctx, "task_count", "Tasks now", t->count);
    emit(ctx, "task_high", "The most tasks there ever were", t->high);
    emit(ctx, "task_max", "The limit of tasks", t->max);
    emit(ctx, "task_created", "Tasks ever started", t->created);
    emit(ctx, "task_refused", "Tasks refused: limit or memory", t->refused);
    emit(ctx, "task_switches", "Switches to a task", t->switches);
}

void root_register_stats(struct root *r)
{
    static struct {
        struct stats_source net, device, kernel;
    } sources;
    sources.net = (struct stats_source){.arg = r, .walk = walk_net};
    sources.device = (struct stats_source){.arg = r, .walk = walk_device};
    sources.kernel = (struct stats_source){.arg = r, .walk = walk_kernel};
    stats_register(&sources.device);
    stats_register(&sources.net);
    stats_register(&sources.kernel);
}
