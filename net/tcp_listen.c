/*
 * A listener: what arrives for it (RFC 9293 3.10.7.2), and its end. A SYN costs a half-open record
 * and nothing else; tcp_half.c has the record's life.
 */
#include "net/tcp_int.h"

/*
 * A record for a new SYN. When the listener's share or the table is full, the oldest record makes
 * room, so that a flood cannot lock everybody out, unless it is so young that its handshake may
 * just be under way: then the newcomer waits for his next try.
 */
struct tcp_half *tcp_half_new(struct tcp_cb *l)
{
    struct net *n = l->net;
    struct tcp *tcp = &n->tcp;
    struct list *victim = NULL;
    if (l->listener.half_count >= l->listener.backlog) {
        struct list *first = list_first(&l->listener.half_open);
        victim = &list_entry(first, struct tcp_half, of_listener)->age;
    } else if (tcp->halves.used == tcp->halves.count) {
        victim = list_first(&tcp->half_age);
    }
    if (victim != NULL) {
        struct tcp_half *old = list_entry(victim, struct tcp_half, age);
        if (n->now_ns - tcp_half_born_ns(old) < tcp_ms(TCP_HALF_OPEN_GRACE_MS)) {
            return NULL;
        }
        NET_COUNT(n, tcp_half_open_evicted);
        tcp_half_free(n, old);
    }
    return pool_get(&tcp->halves);
}

static void answer_syn(struct tcp_cb *l, const struct tcp_segment *seg, uint32_t iss_above,
                       bool reopened)
{
    struct net *n = l->net;
    if (l->listener.accept_count >= l->listener.backlog) {
        NET_COUNT(n, tcp_rx_drop_accept_full);
        return;
    }
    struct tcp_half *half = tcp_half_new(l);
    if (half == NULL) {
        NET_COUNT(n, tcp_rx_drop_half_open_full);
        return;
    }
    uint32_t iss = tcp_new_iss(n, &seg->id);
    if (reopened && !seq_gt(iss, iss_above)) {
        iss = iss_above + TCP_ISS_REOPEN_STEP;
    }
    tcp_half_begin(l, half, seg, iss);
}

/*
 * reopened: the SYN ended a TIME-WAIT whose SND.NXT was iss_above; the new numbers must lie above
 * (RFC 1122 4.2.2.13).
 */
void tcp_arrives_listen(struct tcp_cb *l, const struct tcp_segment *seg, uint32_t iss_above,
                        bool reopened)
{
    struct net *n = l->net;
    assert(l->state == TCP_LISTEN);
    if (seg->flags & TCP_RST) { /* first */
        NET_COUNT(n, tcp_rx_drop_listen);
    } else if (seg->flags & TCP_ACK) { /* second: it acknowledges nothing of ours */
        NET_COUNT(n, tcp_rx_drop_listen);
        tcp_emit_rst_for(n, seg);
    } else if (seg->flags & TCP_SYN) { /* third; text and FIN with it come again after our ACK */
        answer_syn(l, seg, iss_above, reopened);
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
