/*
 * TCP of one stack, as a whole: its memory, its lists and timers, and their end. The one place that
 * knows all rooms of TCP without being on the way of a segment.
 */
#include "net/tcp/tcp.h"

#include "kernel/arena.h"
#include "net/tcp/life/life.h"
#include "net/tcp/open/open.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/root.h"

static void init_lists(struct tcp *tcp)
{
    list_init(&tcp->orphans);
    list_init(&tcp->half_age);
    list_init(&tcp->time_wait_age);
    list_init(&tcp->senders);
    list_init(&tcp->waiting);
    timer_init(&tcp->time_wait_timer, tcp_time_wait_expired);
    timer_init(&tcp->memory_timer, tcp_pressure_expired);
    tcp->expired = tcp_timer_expired;
}

enum status tcp_init(struct net *n, struct arena *a)
{
    const struct net_limits *l = &n->cfg.limits;
    assert(l->tcp_connections > 0);
    struct tcp *tcp = &n->tcp;
    enum status st = pool_init(&tcp->cbs, a, "tcp_cb", sizeof(struct tcp_cb), l->tcp_connections);
    if (st == STATUS_OK) {
        st = pool_init(&tcp->halves, a, "tcp_half", sizeof(struct tcp_half), l->tcp_half_open);
    }
    if (st == STATUS_OK) {
        st = pool_init(&tcp->time_waits, a, "tcp_time_wait", sizeof(struct tcp_time_wait),
                       l->tcp_time_wait);
    }
    if (st == STATUS_OK) {
        st = tcp_table_init(n, a);
    }
    if (st == STATUS_OK) {
        st = tcp_ports_init(n, a);
    }
    if (st == STATUS_OK) {
        init_lists(tcp);
    }
    return st;
}

void tcp_destroy(struct net *n)
{
    struct tcp *tcp = &n->tcp;
    if (tcp->buckets == NULL) {
        return;
    }
    struct list *node;
    /* Half-open records first: they point to their listener, which is among "all". */
    while ((node = list_first(&tcp->half_age)) != NULL) {
        tcp_half_free(n, list_entry(node, struct tcp_half, age));
    }
    while ((node = list_first(&tcp->all)) != NULL) {
        tcp_cb_free(list_entry(node, struct tcp_cb, all));
    }
    while ((node = list_first(&tcp->time_wait_age)) != NULL) {
        tcp_time_wait_free(n, list_entry(node, struct tcp_time_wait, age));
    }
    timer_cancel(&n->wheel, &tcp->time_wait_timer);
    timer_cancel(&n->wheel, &tcp->memory_timer);
    assert(tcp->cbs.used == 0 && tcp->halves.used == 0 && tcp->time_waits.used == 0);
}
