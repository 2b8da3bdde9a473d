/*
 * The timers of a connection (timer.h): the rarer ways. Whom an expiry calls is the root's to say
 * (struct tcp, expired).
 */
#include "net/tcp/block/block.h"

void tcp_timers_init(struct tcp_cb *t)
{
    timer_init(&t->timer.wheel, t->net->tcp.expired);
    for (size_t i = 0; i < TCP_TIMERS; i++) {
        t->timer.due_ns[i] = DEADLINE_NONE;
    }
}

/* The wheel has come for t: it hangs nowhere now. */
void tcp_timers_begin(struct tcp_cb *t)
{
    assert(!list_linked(&t->timer.wheel.node));
    timer_stop(&t->timer.wheel);
}

/* By ticks, as the wheel counts them: when it runs late, what one tick brought comes before what
 * the next did, for all connections. */
bool tcp_timer_take(struct tcp_cb *t, enum tcp_timer_kind kind)
{
    if (t->timer.due_ns[kind] > t->net->wheel.now_tick * TIMER_TICK_NS) {
        return false;
    }
    t->timer.due_ns[kind] = DEADLINE_NONE;
    return true;
}

void tcp_timers_go_on(struct tcp_cb *t)
{
    uint64_t soonest = DEADLINE_NONE;
    for (size_t i = 0; i < TCP_TIMERS; i++) {
        soonest = min_u64(soonest, t->timer.due_ns[i]);
    }
    if (soonest < t->timer.wheel.deadline_ns) {
        tcp_timer_hang(t, soonest);
    }
}

void tcp_timer_hang(struct tcp_cb *t, uint64_t at_ns)
{
    timer_arm(&t->net->wheel, &t->timer.wheel, at_ns);
}

/* Cancels, and does not stop: a stopped timer may hang in the wheel, and t's memory goes back. */
void tcp_timers_cancel(struct tcp_cb *t)
{
    for (size_t i = 0; i < TCP_TIMERS; i++) {
        t->timer.due_ns[i] = DEADLINE_NONE;
    }
    timer_cancel(&t->net->wheel, &t->timer.wheel);
}
