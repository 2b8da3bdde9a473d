/*
 * TIME-WAIT in 64 bytes (RFC 9293 3.3.2, 3.4.2, 3.10.7.4; RFC 1337): the four names, two sequence
 * numbers and a deadline. All records last equally long, so that one list in order of age and one
 * timer serve them all; when the pool is used up the oldest one is recycled.
 */
#include "net/tcp_int.h"

static uint64_t duration_ns(const struct net *n)
{
    uint64_t msl_ms = n->cfg.tcp_msl_ms != 0 ? n->cfg.tcp_msl_ms : TCP_MSL_DEFAULT_MS;
    return 2 * tcp_ms(msl_ms);
}

static uint32_t clock_ms(uint64_t now_ns)
{
    return (uint32_t)(now_ns / NS_PER_MS);
}

/* How long w still has to stay; 0: no longer. */
static uint64_t left_ns(const struct tcp_time_wait *w, uint64_t now_ns)
{
    return tcp_ms(seq_ahead(clock_ms(now_ns), w->deadline_ms));
}

/* Puts w at the young end of the list, with the whole time in front of it. */
static void restart(struct net *n, struct tcp_time_wait *w)
{
    struct tcp *tcp = &n->tcp;
    if (list_linked(&w->age)) {
        list_remove(&w->age);
    }
    uint64_t deadline_ns = n->now_ns + duration_ns(n);
    w->deadline_ms = clock_ms(deadline_ns) + 1;
    list_push_back(&tcp->time_wait_age, &w->age);
    if (!timer_armed(&tcp->time_wait_timer)) {
        timer_arm(&n->wheel, &tcp->time_wait_timer, deadline_ns);
    }
}

void tcp_time_wait_free(struct net *n, struct tcp_time_wait *w)
{
    tcp_table_remove(&w->node);
    list_remove(&w->age);
    pool_put(&n->tcp.time_waits, w);
}

/* The timer stands for the record that was the oldest when it was armed; that one may have gone. */
void tcp_time_wait_expired(struct timer *timer, uint64_t now_ns)
{
    struct tcp *tcp = container_of(timer, struct tcp, time_wait_timer);
    struct net *n = container_of(tcp, struct net, tcp);
    struct list *node;
    while ((node = list_first(&tcp->time_wait_age)) != NULL) {
        struct tcp_time_wait *w = list_entry(node, struct tcp_time_wait, age);
        if (left_ns(w, now_ns) > 0) {
            timer_arm(&n->wheel, timer, now_ns + left_ns(w, now_ns));
            return;
        }
        tcp_time_wait_free(n, w);
    }
}

static struct tcp_time_wait *record_new(struct net *n)
{
    struct tcp *tcp = &n->tcp;
    if (tcp->time_waits.used == tcp->time_waits.count && !list_empty(&tcp->time_wait_age)) {
        NET_COUNT(n, tcp_time_wait_recycled);
        struct list *oldest = list_first(&tcp->time_wait_age);
        tcp_time_wait_free(n, list_entry(oldest, struct tcp_time_wait, age));
    }
    return pool_get(&tcp->time_waits);
}

/* The connection is over for both sides; a record stays on the wire for 2 MSL. An owner keeps the
 * block to read what is left. */
void tcp_enter_time_wait(struct tcp_cb *t)
{
    struct net *n = t->net;
    assert(t->fin_received && t->fin_sent && t->snd_una == t->snd_nxt);
    uint16_t window = tcp_window_field(t);
    tcp_detach(t);
    struct tcp_time_wait *w = record_new(n);
    if (w != NULL) { /* without one the tuple is simply free at once */
        w->node.kind = TCP_NODE_TIME_WAIT;
        w->node.id = t->node.id;
        w->node.window = window;
        w->node.timestamps = t->ts.on;
        w->ts_recent = t->ts.recent;
        w->snd_nxt = t->snd_nxt;
        w->rcv_nxt = t->rcv_nxt;
        list_init(&w->node.bucket);
        list_init(&w->age);
        tcp_table_insert(n, &w->node);
        restart(n, w);
    }
    t->state = TCP_TIME_WAIT;
    if (t->orphan || t->parent != NULL) {
        tcp_cb_free(t);
        return;
    }
    tcp_notify(t, NET_READY_IN | NET_READY_RDHUP | NET_READY_HUP);
}

static void acknowledge(struct net *n, const struct tcp_time_wait *w)
{
    struct tcp_out out = {.id = w->node.id,
                          .seq = w->snd_nxt,
                          .ack = w->rcv_nxt,
                          .window = w->node.window,
                          .flags = TCP_ACK};
    out.options.has_timestamps = w->node.timestamps;
    out.options.ts_val = tcp_ts_now(n, tcp_ts_offset(n, w->node.id.laddr, w->node.id.raddr));
    out.options.ts_ecr = w->ts_recent;
    (void)tcp_emit_bare(n, &out);
}

/* RFC 1122 4.2.2.13: a SYN above what the old connection received may open a new one, if there is
 * a listener. */
static bool reopens(struct net *n, struct tcp_time_wait *w, const struct tcp_segment *seg)
{
    bool fresh_syn =
        (seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN && seq_gt(seg->seq, w->rcv_nxt);
    struct tcp_cb *l = fresh_syn ? tcp_find_listener(n, seg->id.laddr, seg->id.lport) : NULL;
    if (l == NULL) {
        return false;
    }
    NET_COUNT(n, tcp_time_wait_reopened);
    uint32_t iss_above = w->snd_nxt;
    tcp_time_wait_free(n, w);
    tcp_arrives_listen(l, seg, iss_above, true);
    return true;
}

void tcp_arrives_time_wait(struct net *n, struct tcp_time_wait *w, const struct tcp_segment *seg)
{
    assert(w->node.kind == TCP_NODE_TIME_WAIT);
    if (seg->flags & TCP_RST) { /* RFC 1337 fix F1 */
        NET_COUNT(n, tcp_rx_drop_time_wait_rst);
        return;
    }
    if (reopens(n, w, seg)) {
        return;
    }
    /* RFC 9293 3.10.7.4 eighth: the peer's FIN again restarts the time. Anything with a length is
     * answered; an empty ACK is not, for two records that disagreed would answer each other. */
    uint32_t len = tcp_segment_len(seg);
    if ((seg->flags & TCP_FIN) && seg->seq + len == w->rcv_nxt) {
        restart(n, w);
    }
    if (len > 0) {
        acknowledge(n, w);
    } else {
        NET_COUNT(n, tcp_rx_drop_flags);
    }
}
