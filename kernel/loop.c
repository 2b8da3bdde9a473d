/*
 * The loop of a core. Owns the order of a turn, the list of sources, the kernel's timer wheel and
 * the decision to sleep; what the work is belongs to others.
 *
 * When it may sleep. A source tells its deadline when it is polled, and anything that ran after
 * that may have changed it. So sleep only follows a turn in which nothing but TIMER ran and no
 * source had more to do than it does at a time, and the sources are then polled once more with the
 * same time: nothing new can be due, and what each answers now accounts for what the others did in
 * this turn.
 */
#include "kernel/loop.h"

#include "kernel/lull.h"
#include "kernel/platform.h"
#include "kernel/softirq.h"
#include "kernel/task.h"

static struct {
    struct loop_source *first;
    struct loop_source *last;
    struct timer_wheel timers;
    bool timers_ready;
    bool registered; /* the TIMER softirq is ours */
    bool stop;
    bool tasks_held; /* for ever */
    int exit_code;
    uint64_t turn_ns;      /* when the sources were last polled */
    bool overdue;          /* one of them then left work over for the next turn */
    struct lull lull;      /* what was learnt of lulls */
    uint64_t lull_ns;      /* when this one, or the last, began; ... */
    uint64_t lull_packets; /* ... how many packets had been handled by then; ... */
    uint64_t look_ns;      /* ... and for how long this one is still to be looked through */
    uint64_t woke_ns;      /* when something was last there to do after a look or a sleep */
    struct loop_stats stats;
} loop;

void loop_add_source(struct loop_source *s)
{
    assert(s != NULL && s != loop.last);
    s->next = NULL;
    if (loop.last != NULL) {
        loop.last->next = s;
    } else {
        loop.first = s;
    }
    loop.last = s;
}

struct timer_wheel *loop_timers(void)
{
    if (!loop.timers_ready) {
        timer_wheel_init(&loop.timers, platform_now_ns());
        loop.timers_ready = true;
    }
    return &loop.timers;
}

/* Does what is due; returns the earliest deadline. */
static uint64_t poll_sources(uint64_t now_ns)
{
    uint64_t deadline_ns = DEADLINE_NONE;
    for (struct loop_source *s = loop.first; s != NULL; s = s->next) {
        if (s->poll != NULL) {
            deadline_ns = min_u64(deadline_ns, s->poll(s->arg, now_ns));
        }
    }
    (void)timer_run(loop_timers(), now_ns);
    return min_u64(deadline_ns, timer_next(loop_timers()));
}

static void flush_sources(void)
{
    uint64_t now_ns = platform_now_ns();
    for (struct loop_source *s = loop.first; s != NULL; s = s->next) {
        if (s->flush != NULL) {
            s->flush(s->arg, now_ns);
        }
    }
}

/* Awake, the loop looks into devices' memory itself: they need not interrupt. */
static void listen_to_sources(void)
{
    for (struct loop_source *s = loop.first; s != NULL; s = s->next) {
        if (s->listen != NULL) {
            s->listen(s->arg);
        }
    }
}

static void timer_softirq(void *arg, uint64_t now_ns)
{
    loop.turn_ns = now_ns;
    loop.overdue = poll_sources(now_ns) <= now_ns;
}

static bool tasks_ready(void)
{
    return !loop.tasks_held && task_any_ready();
}

/* Also asked by platform_wait, with interrupts off, just before the processor halts. */
static bool idle(void)
{
    return !loop.stop && !softirq_pending() && !tasks_ready();
}

/* One turn. True when nothing but TIMER ran and nothing is overdue: the sources' wishes are known.
 */
static bool turn(void)
{
    const struct softirq_stats *softirqs = softirq_stats();
    uint64_t tx_runs = softirqs->runs[SOFTIRQ_NET_TX];
    uint64_t rx_runs = softirqs->runs[SOFTIRQ_NET_RX];
    loop.stats.turns++;
    softirq_raise(SOFTIRQ_TIMER);
    softirq_run();
    bool tasks = tasks_ready();
    if (tasks) {
        task_run_ready();
    }
    flush_sources();
    return !tasks && !loop.overdue && tx_runs == softirqs->runs[SOFTIRQ_NET_TX] &&
           rx_runs == softirqs->runs[SOFTIRQ_NET_RX];
}

/* There is nothing to do. A lull begins, and the one before it has ended with the packets that
 * came; without any it goes on, whatever a deadline has made of it. */
static void begin_lull(void)
{
    uint64_t packets = softirq_stats()->packets;
    if (packets == loop.lull_packets) {
        return;
    }
    lull_ended(&loop.lull, loop.woke_ns - loop.lull_ns, packets - loop.lull_packets);
    loop.lull_packets = packets;
    loop.lull_ns = loop.turn_ns;
    loop.woke_ns = loop.turn_ns;
    loop.look_ns = lull_look_ns(&loop.lull);
}

/*
 * Looks for work for a while instead of sleeping. The sources are asked, too, for a device may see
 * a frame in memory before it interrupts. Once in a lull; a turn follows either way, for the
 * sources were polled.
 */
static void busy_poll(void)
{
    uint64_t now_ns = platform_now_ns();
    uint64_t end_ns = now_ns + loop.look_ns;
    loop.look_ns = 0;
    while (now_ns < end_ns) {
        (void)poll_sources(now_ns);
        if (!idle()) {
            loop.stats.busy_polls++;
            loop.woke_ns = now_ns;
            return;
        }
        now_ns = platform_now_ns();
    }
    loop.stats.vain_polls++;
}

static void wait_for_work(uint64_t deadline_ns)
{
    platform_wait(deadline_ns, idle);
    loop.stats.waits++;
    loop.woke_ns = platform_now_ns();
}

int loop_run(void)
{
    assert(task_current() == NULL);
    if (!loop.registered) {
        softirq_register(SOFTIRQ_TIMER, timer_softirq, NULL);
        loop.registered = true;
    }
    while (!loop.stop) {
        if (!turn()) {
            continue;
        }
        begin_lull();
        if (loop.look_ns > 0) {
            busy_poll();
            continue;
        }
        uint64_t deadline_ns = poll_sources(loop.turn_ns);
        flush_sources();
        listen_to_sources();
        if (idle()) {
            wait_for_work(deadline_ns);
        }
    }
    loop.stop = false;
    return loop.exit_code;
}

void loop_stop(int exit_code)
{
    loop.exit_code = exit_code;
    loop.stop = true;
}

void loop_hold_tasks(void)
{
    loop.tasks_held = true;
}

const struct loop_stats *loop_stats(void)
{
    return &loop.stats;
}
