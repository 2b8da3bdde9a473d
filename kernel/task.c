/*
 * Cooperative tasks. Owns the task table, the run queue and the switching between the loop and a
 * task; the registers and the guard pages are the platform's. A task is in exactly one of these
 * places: the free list, the run queue, waiting (in a wait queue, or only for its timer), running.
 *
 * Every switch goes between the loop and a task, never from task to task: the loop decides.
 */
#include "kernel/task.h"

#include <string.h>

#include "kernel/log.h"
#include "kernel/platform.h"

enum task_state {
    TASK_FREE,
    TASK_READY,
    TASK_RUNNING,
    TASK_WAITING,
    TASK_ENDED,
};

struct task {
    struct list node; /* the free list, the run queue or a wait queue */
    struct platform_context context;
    struct timer timeout;
    void *stack_low; /* kept when the task ends: the next in this place reuses it */
    void *stack_top;
    void (*fn)(void *arg);
    void *arg;
    void *env;
    uint64_t id;
    enum task_state state;
    bool woken; /* how the last wait ended */
    int error;
    char name[TASK_NAME_MAX];
};

/* The lowest words of a stack. Overwritten, they tell of an overflow that jumped the guard page. */
#define STACK_CANARY UINT64_C(0x5241435f4b434153)
enum {
    STACK_CANARY_WORDS = 4,
};

static struct {
    struct task *table;         /* stats.max of them */
    struct timer_wheel *timers; /* [I] */
    uint32_t fresh;             /* those from here on never ran, and are not set up yet */
    struct list free;           /* ended ones, with their stacks */
    struct list ready;          /* first in, first out */
    uint32_t ready_count;
    struct task *current;
    struct platform_context loop; /* where a task that stops running continues */
    void *loop_env;
    int loop_error;
    struct task_stats stats;
} tasks;

static void stack_mark(const struct task *t)
{
    uint64_t *low = t->stack_low;
    for (size_t i = 0; i < STACK_CANARY_WORDS; i++) {
        low[i] = STACK_CANARY;
    }
}

static bool stack_intact(const struct task *t)
{
    static_assert(STACK_CANARY_WORDS == 4, "each is looked at, without a branch");
    const uint64_t *low = t->stack_low;
    return ((low[0] ^ STACK_CANARY) | (low[1] ^ STACK_CANARY) | (low[2] ^ STACK_CANARY) |
            (low[3] ^ STACK_CANARY)) == 0;
}

static void make_ready(struct task *t)
{
    assert(t->state == TASK_WAITING || t->state == TASK_RUNNING || t->state == TASK_FREE);
    t->state = TASK_READY;
    list_push_back(&tasks.ready, &t->node);
    tasks.ready_count++;
}

/* The timer of a waiting task: takes it out of its wait queue, if it is in one. */
static void timed_out(struct timer *timer, uint64_t now_ns)
{
    (void)now_ns;
    struct task *t = container_of(timer, struct task, timeout);
    assert(t->state == TASK_WAITING);
    list_remove(&t->node);
    t->woken = false;
    make_ready(t);
}

static struct task *table_alloc(uint32_t *max)
{
    for (; *max > 0; *max /= 2) {
        struct task *table = arena_alloc(platform_arena(), sizeof(struct task) * (size_t)*max,
                                         _Alignof(struct task));
        if (table != NULL) {
            return table;
        }
    }
    return NULL;
}

void task_init(uint32_t max, struct timer_wheel *timers)
{
    uint32_t fitting = max;
    struct task *table = table_alloc(&fitting);
    if (fitting != max) {
        log_warn("task: memory for %u tasks, not %u", fitting, max);
    }
    memset(&tasks, 0, sizeof(tasks));
    list_init(&tasks.free);
    list_init(&tasks.ready);
    tasks.table = table;
    tasks.timers = timers;
    tasks.stats.max = fitting;
}

/* An ended task, for it has a stack; else a fresh one, left in the free list; else NULL. */
static struct task *find_free(void)
{
    if (list_empty(&tasks.free) && tasks.fresh < tasks.stats.max) {
        struct task *t = &tasks.table[tasks.fresh++];
        memset(t, 0, sizeof(*t));
        list_init(&t->node);
        timer_init(&t->timeout, timed_out);
        list_push_back(&tasks.free, &t->node);
    }
    struct list *node = list_first(&tasks.free);
    return node != NULL ? list_entry(node, struct task, node) : NULL;
}

/* Leaves the running task; returns when the loop runs it again. Its state is already set. */
static void leave(struct task *t)
{
    assert(t == tasks.current && t->state != TASK_RUNNING);
    platform_context_switch(&t->context, &tasks.loop);
    assert(t == tasks.current && t->state == TASK_RUNNING);
}

static noreturn_fn void task_entry(void *arg)
{
    struct task *t = arg;
    t->fn(t->arg);
    t->state = TASK_ENDED;
    leave(t);
    assert_fail("an ended task does not run", __FILE__, __LINE__, NULL);
}

static bool stack_ready(struct task *t)
{
    if (t->stack_low == NULL) {
        t->stack_low = platform_stack_alloc(TASK_STACK_BYTES, &t->stack_top);
    }
    return t->stack_low != NULL;
}

enum status task_create(const char *name, void (*fn)(void *arg), void *arg)
{
    assert(fn != NULL && name != NULL);
    struct task *t = find_free();
    if (t == NULL || !stack_ready(t)) {
        tasks.stats.refused++;
        return STATUS_NO_MEMORY;
    }
    assert(t->state == TASK_FREE && !timer_armed(&t->timeout));
    list_remove(&t->node);
    tasks.stats.created++;
    tasks.stats.count++;
    tasks.stats.high = max_u32(tasks.stats.high, tasks.stats.count);
    t->id = tasks.stats.created;
    t->fn = fn;
    t->arg = arg;
    t->env = task_env();
    t->error = 0;
    t->woken = false;
    size_t len = strnlen(name, TASK_NAME_MAX - 1);
    memcpy(t->name, name, len);
    t->name[len] = '\0';
    stack_mark(t);
    platform_context_init(&t->context, t->stack_low, t->stack_top, task_entry, t);
    make_ready(t);
    return STATUS_OK;
}

struct task *task_current(void)
{
    return tasks.current;
}

const char *task_name(const struct task *t)
{
    return t->name;
}

uint64_t task_id(const struct task *t)
{
    return t->id;
}

void *task_env(void)
{
    return tasks.current != NULL ? tasks.current->env : tasks.loop_env;
}

void *task_running_env(void)
{
    return likely(tasks.current != NULL) ? tasks.current->env : NULL;
}

void task_set_env(void *env)
{
    if (tasks.current != NULL) {
        tasks.current->env = env;
    } else {
        tasks.loop_env = env;
    }
}

int *task_errno(void)
{
    return tasks.current != NULL ? &tasks.current->error : &tasks.loop_error;
}

void task_yield(void)
{
    struct task *t = tasks.current;
    assert(t != NULL);
    make_ready(t);
    leave(t);
}

/* Parks the running task, in q if there is one, with its timer armed if there is a deadline. */
static bool park(struct wait_queue *q, uint64_t deadline_ns)
{
    struct task *t = tasks.current;
    assert(t != NULL);
    assert(!timer_armed(&t->timeout));
    t->woken = false;
    t->state = TASK_WAITING;
    if (q != NULL) {
        list_push_back(&q->waiters, &t->node);
    }
    if (deadline_ns != DEADLINE_NONE) {
        timer_arm(tasks.timers, &t->timeout, deadline_ns);
    }
    leave(t);
    assert(!timer_armed(&t->timeout));
    return t->woken;
}

void task_sleep_until(uint64_t deadline_ns)
{
    (void)park(NULL, deadline_ns);
}

void wait_queue_init(struct wait_queue *q)
{
    list_init(&q->waiters);
}

bool wait_on(struct wait_queue *q, uint64_t deadline_ns)
{
    assert(q != NULL);
    return park(q, deadline_ns);
}

void wake_one(struct wait_queue *q)
{
    struct list *node = list_pop_front(&q->waiters);
    if (node == NULL) {
        return;
    }
    struct task *t = list_entry(node, struct task, node);
    assert(t->state == TASK_WAITING);
    timer_stop(&t->timeout); /* it hangs on: the next wait is armed in its place */
    t->woken = true;
    make_ready(t);
}

void wake_all(struct wait_queue *q)
{
    while (!list_empty(&q->waiters)) {
        wake_one(q);
    }
}

/* In front: its stack is in the cache, and one that never got a stack stays behind. */
static void recycle(struct task *t)
{
    assert(tasks.stats.count > 0);
    tasks.stats.count--;
    timer_cancel(tasks.timers, &t->timeout);
    t->state = TASK_FREE;
    list_push_front(&tasks.free, &t->node);
}

static void run(struct task *t)
{
    assert(t->state == TASK_READY);
    t->state = TASK_RUNNING;
    tasks.current = t;
    tasks.stats.switches++;
    platform_context_switch(&tasks.loop, &t->context);
    tasks.current = NULL;
    if (!stack_intact(t)) {
        log_error("task %s: its stack of %u bytes overflowed", t->name,
                  (unsigned int)TASK_STACK_BYTES);
    }
    assert(stack_intact(t));
    if (t->state == TASK_ENDED) {
        recycle(t);
    }
}

void task_run_ready(void)
{
    assert(tasks.current == NULL);
    for (uint32_t left = tasks.ready_count; left > 0; left--) {
        struct list *node = list_pop_front(&tasks.ready);
        assert(node != NULL);
        tasks.ready_count--;
        run(list_entry(node, struct task, node));
    }
}

bool task_any_ready(void)
{
    return tasks.ready_count > 0;
}

const struct task_stats *task_stats(void)
{
    return &tasks.stats;
}
