/*
 * A listener: its beginning, what arrives for it (RFC 9293 3.10.7.2), and its end. A SYN costs a
 * half-open record (record.c) or, when there is no room for one, nothing at all (cookie.c).
 */
#include "net/tcp/life/life.h"
#include "net/tcp/open/int.h"
#include "net/tcp/send/send.h"

/* Not above what can be half-open at all; a backlog of 0 still takes one, as everywhere. */
void tcp_listener_set_backlog(struct tcp_cb *l, uint32_t backlog)
{
    assert(l->state == TCP_LISTEN);
    uint32_t limit = max_u32(l->net->cfg.limits.tcp_half_open, 1);
    l->listener.backlog = min_u32(max_u32(backlog, 1), limit);
}

/* lossless: a cookie would do. NULL: none to be had without evicting one that may still complete.
 */
static struct tcp_half *record_new(struct tcp_cb *l, bool lossless)
{
    struct net *n = l->net;
    struct tcp_half *old;
    if (!tcp_pressure_half(l, lossless, &old)) {
        return NULL;
    }
    if (old != NULL) {
        NET_COUNT(n, tcp_half_open_evicted);
        if (old->cookie) {
            tcp_cookie_out(n); /* its ACK may still come, and is good */
        }
        tcp_half_free(n, old);
    }
    return pool_get_uncleared(&n->tcp.halves); /* all of it is told */
}

/*
 * A SYN that may open a connection. old: the TIME-WAIT record of its tuple, or NULL; freed when the
 * SYN is taken. False: dropped, counted, and nothing changed. Data and FIN with a SYN are not kept:
 * the peer sends them again after our SYN-ACK, which does not acknowledge them (RFC 9293 3.10.7.2
 * allows it).
 */
bool tcp_listen_syn(struct tcp_cb *l, const struct tcp_segment *seg, struct tcp_time_wait *old)
{
    struct net *n = l->net;
    if (l->listener.accept_count >= l->listener.backlog) {
        NET_COUNT(n, tcp_rx_drop_accept_full);
        return false;
    }
    struct tcp_half told;
    tcp_half_describe(&told, l, seg);
    bool lossless = old == NULL && tcp_cookie_possible(&told);
    bool eviction_near = tcp_pressure_half_near(l); /* it should survive that */
    struct tcp_half *half = record_new(l, lossless);
    if (half == NULL) {
        /* A cookie cannot promise to lie above the old connection's numbers. */
        if ((n->cfg.tcp_off & NET_TCP_OFF_COOKIES) || old != NULL) {
            NET_COUNT(n, tcp_rx_drop_half_open_full);
            return false;
        }
        tcp_cookie_choose(&told);
        tcp_half_send_syn_ack(n, &told); /* once: when it is lost the SYN comes again */
        return true;
    }
    *half = told;
    if (old != NULL) {
        half->iss = tcp_time_wait_succeed(n, old);
    } else {
        half->cookie = eviction_near && lossless;
        half->iss = half->cookie ? tcp_cookie_make(n, half) : tcp_new_iss(n, &seg->id);
    }
    tcp_half_begin(half);
    return true;
}

/*
 * An ACK without a connection. True when it carried a cookie: then *opened is the connection that
 * it has opened, or it was dropped (and counted) for want of room; the peer asks again with its
 * data.
 */
static bool cookie_arrives(struct tcp_cb *l, const struct tcp_segment *seg, struct tcp_cb **opened)
{
    struct net *n = l->net;
    struct tcp_half told;
    assert(!(seg->flags & (TCP_SYN | TCP_RST)) && (seg->flags & TCP_ACK));
    if (!tcp_cookie_expected(n)) {
        return false;
    }
    tcp_half_describe(&told, l, seg);
    tcp_half_never_lived(&told);
    told.irs = seg->seq - 1;
    if (!tcp_cookie_recover(&told, seg)) {
        NET_COUNT(n, tcp_cookies_rejected);
        return false;
    }
    *opened = tcp_half_complete(n, &told);
    if (*opened != NULL) {
        NET_COUNT(n, tcp_cookies_accepted);
    }
    return true;
}

/* The connection that the segment has opened, to which it goes next; or NULL: that was all. */
struct tcp_cb *tcp_arrives_listen(struct tcp_cb *l, const struct tcp_segment *seg)
{
    struct net *n = l->net;
    struct tcp_cb *opened = NULL;
    assert(l->state == TCP_LISTEN);
    if (seg->flags & TCP_RST) { /* first */
        NET_COUNT(n, tcp_rx_drop_listen);
    } else if (seg->flags & TCP_ACK) { /* second: it acknowledges nothing of ours, or a cookie */
        if (!(seg->flags & TCP_SYN) && cookie_arrives(l, seg, &opened)) {
            return opened;
        }
        NET_COUNT(n, tcp_rx_drop_listen);
        tcp_emit_rst_for(n, seg, &l->opt);
    } else if (seg->flags & TCP_SYN) { /* third */
        (void)tcp_listen_syn(l, seg, NULL);
    } else {
        NET_COUNT(n, tcp_rx_drop_listen);
    }
    return NULL;
}

void tcp_listener_begin(struct tcp_cb *t)
{
    tcp_become_listener(t);
    list_init(&t->listener.half_open);
    t->listener.half_count = 0;
}

/* Half-open ones are forgotten: their final ACK meets a closed port and its RST. Those that wait to
 * be accepted are reset (RFC 9293 3.10.4). l is CLOSED then. */
void tcp_listener_close(struct tcp_cb *l)
{
    struct list *node;
    while ((node = list_first(&l->listener.half_open)) != NULL) {
        tcp_half_free(l->net, list_entry(node, struct tcp_half, of_listener));
    }
    while ((node = list_first(&l->listener.accept)) != NULL) {
        tcp_abort(list_entry(node, struct tcp_cb, place), 0);
    }
    tcp_cease_to_listen(l);
}
