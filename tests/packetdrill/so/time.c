/*
 * The adapter's clock and wire: virtual time, packets in and out, the pending call. See adapter.h.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/packetdrill/so/adapter.h"

/* Added to the clock, that programs see a date and not 1970. */
#define EPOCH_US INT64_C(1700000000000000)

static long long clock_us(uint64_t ns)
{
    return EPOCH_US + (long long)(ns / NS_PER_US);
}

static void try_pending(struct pd *pd)
{
    struct pd_pending *p = &pd->pending;
    if (p->fn == NULL || p->done) {
        return;
    }
    ssize_t result = p->fn(pd, p->args);
    if (result == -EAGAIN && pd->now_ns >= p->deadline_ns) {
        result = 0;
    }
    if (result != -EAGAIN) {
        p->result = result;
        p->done = true;
        pd->ended_lately = true;
        p->done_ns = pd->now_ns;
        pthread_cond_signal(&pd->ended);
    }
}

void pd_settle(struct pd *pd)
{
    (void)net_poll(pd->net, pd->now_ns);
    try_pending(pd);
}

void pd_advance(struct pd *pd, uint64_t end_ns, bool stop_on_output)
{
    for (;;) {
        uint64_t next_ns = net_poll(pd->net, pd->now_ns);
        try_pending(pd);
        if (pd->now_ns >= end_ns || (stop_on_output && pd->out.count > 0)) {
            return;
        }
        if (pd->pending.fn != NULL && !pd->pending.done) {
            next_ns = min_u64(next_ns, pd->pending.deadline_ns);
        }
        pd->now_ns = max_u64(pd->now_ns, min_u64(next_ns, end_ns));
    }
}

/* Sleeps until the main thread has brought the attempt to its end. */
static ssize_t wait_for_main(struct pd *pd, pd_attempt_fn *fn, void *args, uint64_t timeout_ns)
{
    struct pd_pending *p = &pd->pending;
    *p = (struct pd_pending){.fn = fn, .args = args, .deadline_ns = UINT64_MAX};
    if (timeout_ns != UINT64_MAX) {
        p->deadline_ns = pd->now_ns + timeout_ns;
    }
    while (!p->done) {
        pthread_cond_wait(&pd->ended, &pd->lock);
    }
    p->fn = NULL;
    pd->stamp_ns = p->done_ns;
    return p->result;
}

ssize_t pd_run(struct pd *pd, pd_attempt_fn *fn, void *args, bool block, uint64_t timeout_ns)
{
    pthread_mutex_lock(&pd->lock);
    (void)net_poll(pd->net, pd->now_ns);
    ssize_t result = fn(pd, args);
    bool is_main = pthread_equal(pthread_self(), pd->main_thread) != 0;
    if (result == -EAGAIN && block && timeout_ns > 0 && !is_main) {
        result = wait_for_main(pd, fn, args, timeout_ns);
    } else if (result == -EAGAIN && timeout_ns != UINT64_MAX) {
        /* poll on the thread that moves the time: it passes here. */
        pd_advance(pd, pd->now_ns + timeout_ns, false);
        result = fn(pd, args);
        result = result == -EAGAIN ? 0 : result;
    }
    pd_settle(pd);
    pthread_mutex_unlock(&pd->lock);
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

static int pd_netdev_send(void *u, const void *buf, size_t len)
{
    struct pd *pd = u;
    pthread_mutex_lock(&pd->lock);
    bool good = pd_input(pd, buf, len);
    pthread_mutex_unlock(&pd->lock);
    return good ? 0 : -1;
}

static int pd_netdev_receive(void *u, void *buf, size_t *len, long long *time_us)
{
    struct pd *pd = u;
    pthread_mutex_lock(&pd->lock);
    pd_advance(pd, pd->now_ns + PD_SILENCE_S * NS_PER_S, true);
    struct pkt *p = pkt_queue_pop(&pd->out);
    *time_us = clock_us(p != NULL ? p->cb[0] : pd->now_ns);
    if (p != NULL) {
        *len = min_size(*len, pkt_len(p));
        memcpy(buf, p->data, *len);
        pkt_put(p);
    } else {
        *len = 0; /* the script fails on an empty packet, instead of asking for ever */
    }
    pthread_mutex_unlock(&pd->lock);
    return 0;
}

static int pd_usleep(void *u, useconds_t us)
{
    struct pd *pd = u;
    pthread_mutex_lock(&pd->lock);
    pd_advance(pd, pd->now_ns + us * (uint64_t)NS_PER_US, false);
    bool ended = pd->ended_lately;
    pd->ended_lately = false;
    pthread_mutex_unlock(&pd->lock);
    if (ended) {
        usleep(PD_NOTE_US);
    }
    return 0;
}

/* Moves on with each look at it: the caller spins on it shortly before an event. */
static int pd_gettimeofday(void *u, struct timeval *tv, void *zone)
{
    struct pd *pd = u;
    pthread_mutex_lock(&pd->lock);
    uint64_t ns = pd->stamp_ns;
    if (ns != 0 && !pthread_equal(pthread_self(), pd->main_thread)) {
        pd->stamp_ns = 0;
    } else {
        pd_advance(pd, pd->now_ns + NS_PER_US, false);
        ns = pd->now_ns;
    }
    pthread_mutex_unlock(&pd->lock);
    long long us = clock_us(ns);
    tv->tv_sec = us / 1000000;
    tv->tv_usec = us % 1000000;
    return 0;
}

void pd_fill_time(struct pd_table *t)
{
    t->netdev_send = pd_netdev_send;
    t->netdev_receive = pd_netdev_receive;
    t->usleep = pd_usleep;
    t->gettimeofday = pd_gettimeofday;
}
