/*
 * A listener: what arrives for it (RFC 9293 3.10.7.2), and its end. A SYN costs a half-open record
 * (half.c) or, when there is no room for one, nothing at all (cookie.c).
 */
#include "net/tcp/int.h"

/* Records that l may have: its backlog, and never the whole of the table: when one listener is
 * flooded the others find room. */
static uint32_t half_limit(const struct tcp_cb *l)
{
    uint32_t count = l->net->tcp.halves.count;
    return min_u32(l->listener.backlog, count - count / TCP_HALF_OPEN_RESERVE);
}

/* Who would have to go for a new record of l; NULL: nobody, or nobody is left. */
static struct tcp_half *in_the_way(const struct tcp_cb *l)
{
    const struct tcp *tcp = &l->net->tcp;
    if (l->listener.half_count >= half_limit(l)) { /* at least 1 */
        return list_entry(list_first(&l->listener.half_open), struct tcp_half, of_listener);
    }
    if (tcp->halves.used == tcp->halves.count && !list_empty(&tcp->half_age)) {
        return list_entry(list_first(&tcp->half_age), struct tcp_half, age);
    }
    return NULL;
}

/*
 * With cookies nobody is shut out. A newcomer who would lose options by one gets the place of a
 * record whose SYN-ACK went unanswered for a first timeout. To one who loses nothing a record is
 * worth less than what it costs to have the whole table pass by in each second of a flood, with a
 * SYN-ACK again for every record: he waits for one that was silent for longer.
 *
 * Without cookies a record makes room as soon as its handshake can be presumed over, so that a
 * flood of less than ten backlogs a second cannot lock everybody out.
 */
static bool may_evict(const struct net *n, const struct tcp_half *old, bool lossless)
{
    if (!(n->cfg.tcp_off & NET_TCP_OFF_COOKIES)) {
        return old->retries >= (lossless ? TCP_HALF_OPEN_SILENT_RETRIES : 1);
    }
    return n->now_ns - tcp_half_born_ns(old) >= tcp_ms(TCP_HALF_OPEN_GRACE_MS);
}

/* lossless: a cookie would do. NULL: none to be had without evicting one that may still complete.
 */
static struct tcp_half *record_new(struct tcp_cb *l, bool lossless)
{
    struct net *n = l->net;
    struct tcp_half *old = in_the_way(l);
    if (old != NULL) {
        if (!may_evict(n, old, lossless)) {
            return NULL;
        }
        NET_COUNT(n, tcp_half_open_evicted);
        if (old->cookie) {
            tcp_cookie_out(n); /* its ACK may still come, and is good */
        }
        tcp_half_free(n, old);
    }
    return pool_get(&n->tcp.halves);
}

/* What is made now may well be evicted, and should survive it. */
static bool crowded(const struct tcp_cb *l)
{
    const struct tcp *tcp = &l->net->tcp;
    return l->listener.half_count > half_limit(l) / 2 || tcp->halves.used > tcp->halves.count / 2;
}

/*
 * A SYN that may open a connection. old: the TIME-WAIT record of its tuple, or NULL; freed when the
 * SYN is taken. False: dropped, counted, and nothing changed. Text and FIN with a SYN are not kept:
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
    bool eviction_near = crowded(l);
    struct tcp_half *half = record_new(l, lossless);
    if (half == NULL) {
        /* A cookie cannot promise to lie above the old connection's numbers. */
        if ((n->cfg.tcp_off & NET_TCP_OFF_COOKIES) || old != NULL) {
            NET_COUNT(n, tcp_rx_drop_half_open_full);
            return false;
        }
        tcp_cookie_send(&told);
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

void tcp_arrives_listen(struct tcp_cb *l, struct tcp_segment *seg)
{
    struct net *n = l->net;
    assert(l->state == TCP_LISTEN);
    if (seg->flags & TCP_RST) { /* first */
        NET_COUNT(n, tcp_rx_drop_listen);
    } else if (seg->flags & TCP_ACK) { /* second: it acknowledges nothing of ours, or a cookie */
        if (!(seg->flags & TCP_SYN) && tcp_cookie_arrives(l, seg)) {
            return;
        }
        NET_COUNT(n, tcp_rx_drop_listen);
        tcp_emit_rst_for(n, seg, &l->opt);
    } else if (seg->flags & TCP_SYN) { /* third */
        (void)tcp_listen_syn(l, seg, NULL);
    } else {
        NET_COUNT(n, tcp_rx_drop_listen);
    }
}

/* Half-open ones are forgotten: their final ACK meets a closed port and its RST. Those that wait to
 * be accepted are reset (RFC 9293 3.10.4). */
void tcp_listener_close(struct tcp_cb *l)
{
    struct list *node;
    while ((node = list_first(&l->listener.half_open)) != NULL) {
        tcp_half_free(l->net, list_entry(node, struct tcp_half, of_listener));
    }
    while ((node = list_first(&l->listener.accept)) != NULL) {
        tcp_abort(list_entry(node, struct tcp_cb, place), 0);
    }
    assert(l->listener.half_count == 0 && l->listener.accept_count == 0);
}
