/*
 * Everything that a stack's TCP has, shown bucket by bucket: those that are bound by their ports,
 * then the table of 4-tuples. A place in it is a number, so that who looks needs no memory for it,
 * and what is freed meanwhile is nobody's to hold.
 */
#include "net/tcp/cc/cc.h"
#include "net/tcp/root.h"
#include "net/tcp/tcp.h"

enum {
    STATE_SYN_RECEIVED = 3, /* as Linux counts them */
    STATE_TIME_WAIT = 6,
};

static uint64_t until(const struct net *n, uint64_t due_ns)
{
    if (due_ns == DEADLINE_NONE) {
        return UINT64_MAX;
    }
    return due_ns > n->now_ns ? due_ns - n->now_ns : 0;
}

static void show_block(const struct tcp_cb *t, tcp_view_fn *fn, void *ctx)
{
    struct tcp_report report;
    struct tcp_view v = {.id = t->node.id,
                         .accepted = t->state == TCP_LISTEN || t->parent == NULL,
                         .orphan = t->orphan,
                         .rto_in_ns = UINT64_MAX,
                         .ack_in_ns = UINT64_MAX,
                         .end_in_ns = UINT64_MAX,
                         .report = &report};
    tcp_get_report(t, &report);
    v.state = report.state;
    if (t->state == TCP_LISTEN) {
        v.recv_bytes = report.accept_count;
        v.send_bytes = report.backlog;
    } else {
        v.waits = tcp_waits_for(t);
        v.recv_bytes = t->rcv.queue.bytes;
        v.send_bytes = t->snd.queue.bytes;
        v.rto_in_ns = until(t->net, t->timer.due_ns[TCP_TIMER_RTX]);
        v.ack_in_ns = until(t->net, t->timer.due_ns[TCP_TIMER_DELACK]);
        v.congestion = tcp_congestion(t);
    }
    fn(ctx, &v);
}

static void show_half(const struct tcp_half *half, tcp_view_fn *fn, void *ctx)
{
    struct tcp_view v = {.id = half->node.id,
                         .state = STATE_SYN_RECEIVED,
                         .retries = half->retries,
                         .waits = TCP_WAITS_HANDSHAKE,
                         .rto_in_ns = UINT64_MAX,
                         .ack_in_ns = UINT64_MAX,
                         .end_in_ns = UINT64_MAX};
    fn(ctx, &v);
}

static void show_time_wait(const struct net *n, const struct tcp_time_wait *w, tcp_view_fn *fn,
                           void *ctx)
{
    int32_t left_ms = (int32_t)(w->deadline_ms - (uint32_t)(n->now_ns / NS_PER_MS));
    struct tcp_view v = {.id = w->node.id,
                         .state = STATE_TIME_WAIT,
                         .rto_in_ns = UINT64_MAX,
                         .ack_in_ns = UINT64_MAX,
                         .end_in_ns = left_ms > 0 ? (uint64_t)left_ms * NS_PER_MS : 0};
    fn(ctx, &v);
}

static void show_node(const struct net *n, struct tcp_node *node, tcp_view_fn *fn, void *ctx)
{
    switch ((enum tcp_node_kind)node->kind) {
    case TCP_NODE_CB:
        show_block(container_of(node, struct tcp_cb, node), fn, ctx);
        break;
    case TCP_NODE_HALF:
        show_half(container_of(node, struct tcp_half, node), fn, ctx);
        break;
    case TCP_NODE_TIME_WAIT:
        show_time_wait(n, container_of(node, struct tcp_time_wait, node), fn, ctx);
        break;
    }
}

/* Those with a port that the wire does not find by a 4-tuple: listeners, and who is only bound. */
static void show_bound(struct net *n, uint32_t bucket, tcp_view_fn *fn, void *ctx)
{
    const struct list *it;
    list_for_each (it, &n->tcp.bound[bucket]) {
        const struct tcp_cb *t = list_entry(it, struct tcp_cb, bound);
        if (!list_linked(&t->node.bucket)) {
            show_block(t, fn, ctx);
        }
    }
}

bool tcp_walk(struct net *n, uint32_t *at, tcp_view_fn *fn, void *ctx)
{
    uint32_t all = TCP_BOUND_BUCKETS + n->tcp.bucket_count;
    if (*at >= all) {
        return false;
    }
    if (*at < TCP_BOUND_BUCKETS) {
        show_bound(n, *at, fn, ctx);
    } else {
        const struct list *it;
        list_for_each (it, &n->tcp.buckets[*at - TCP_BOUND_BUCKETS]) {
            show_node(n, list_entry(it, struct tcp_node, bucket), fn, ctx);
        }
    }
    (*at)++;
    return *at < all;
}
