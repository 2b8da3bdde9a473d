/*
 * Half-open records: SYN-RECEIVED after a passive open, in three cache lines. One is described by a
 * SYN, begins to live with its answer, sends that again when its ACK does not come (RFC 6298), and
 * becomes a control block in the accept queue when it does. What segments do to it is half.c's.
 */
#include "net/tcp/cc/ecn.h"
#include "net/tcp/life/life.h"
#include "net/tcp/open/int.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/send/send.h"

static uint64_t retry_ns(const struct tcp_half *half)
{
    return tcp_ms((uint64_t)TCP_RTO_INITIAL_MS << half->retries);
}

void tcp_half_free(struct net *n, struct tcp_half *half)
{
    assert(half->listener->listener.half_count > 0);
    half->listener->listener.half_count--;
    timer_cancel(&n->wheel, &half->timer);
    tcp_table_remove(n, &half->node);
    list_remove(&half->age);
    list_remove(&half->of_listener);
    pool_put(&n->tcp.halves, half);
}

static void fill_timestamps(const struct net *n, const struct tcp_half *half, struct tcp_options *o)
{
    if (!half->node.timestamps) {
        return;
    }
    uint32_t now = tcp_ts_now(n, half->ts_offset);
    o->has_timestamps = true;
    o->ts_val = half->cookie ? tcp_cookie_timestamp(half, now) : now;
    o->ts_ecr = half->ts_recent;
}

void tcp_half_send_syn_ack(struct net *n, const struct tcp_half *half)
{
    struct tcp_out out = {.id = half->node.id,
                          .seq = half->iss,
                          .ack = half->irs + 1,
                          .window = half->rcv_wnd,
                          .flags = TCP_SYN | TCP_ACK,
                          .tos = half->listener->opt.tos,
                          .ttl = half->listener->opt.ttl};
    out.options.has_mss = true;
    out.options.mss = tcp_announced_mss(half->listener, n->cfg.mtu);
    out.options.has_wscale = half->peer_wscale != TCP_WSCALE_NONE;
    out.options.wscale = half->rcv_wscale;
    out.options.has_sack_permitted = half->sack_permitted;
    if (half->ecn) {
        out.flags |= TCP_ECE; /* RFC 3168 6.1.1 */
    }
    fill_timestamps(n, half, &out.options);
    (void)tcp_emit_bare(n, &out);
}

/* RFC 9293 3.10.7.4 first: what an unacceptable segment is answered with; RFC 5961 3.2: and a RST
 * that is not exact. */
void tcp_half_send_ack(struct net *n, struct tcp_half *half)
{
    /* RFC 5961 7 in spirit: two records that find each other unacceptable must fall silent. */
    if (half->acks >= TCP_HALF_ACKS_MAX) {
        NET_COUNT(n, tcp_tx_challenge_limited);
        return;
    }
    half->acks++;
    NET_COUNT(n, tcp_tx_challenge_ack);
    /* RFC 7323 2.4: the SYN-ACK's window, whole units of the scale, so that no edge moves back. */
    struct tcp_out out = {.id = half->node.id,
                          .seq = half->iss + 1,
                          .ack = half->irs + 1,
                          .window = (uint16_t)(half->rcv_wnd >> half->rcv_wscale),
                          .flags = TCP_ACK,
                          .tos = half->listener->opt.tos,
                          .ttl = half->listener->opt.ttl};
    fill_timestamps(n, half, &out.options);
    (void)tcp_emit_bare(n, &out);
}

/* TCP_DEFER_ACCEPT: is the record still to wait for data? */
bool tcp_half_defers(const struct tcp_half *half, uint64_t now_ns)
{
    return now_ns - tcp_half_born_ns(half) < half->listener->opt.defer_accept_s * NS_PER_S;
}

static void syn_ack_expired(struct timer *timer, uint64_t now_ns)
{
    struct tcp_half *half = container_of(timer, struct tcp_half, timer);
    struct net *n = half->listener->net;
    bool quiet = half->deferred && tcp_half_defers(half, now_ns); /* the peer has our SYN-ACK */
    if (half->retries >= TCP_SYN_ACK_RETRIES) {
        NET_COUNT(n, tcp_half_open_expired);
        tcp_half_free(n, half);
        return;
    }
    half->retries++;
    half->acks = 0;
    if (!quiet) {
        NET_COUNT(n, tcp_tx_retransmits);
        tcp_half_send_syn_ack(n, half);
    }
    timer_arm(&n->wheel, &half->timer, now_ns + retry_ns(half));
}

/* What a life begins with. */
static void nothing_yet(struct tcp_half *half)
{
    half->iss = 0;
    half->retries = 0;
    half->acks = 0;
    half->cookie = false;
    half->untimed = false;
    half->deferred = false;
    half->resent = false;
    half->rtt_us = 0;
    half->ts_offset = 0;
    half->node.answered = 0;
}

/* What a SYN tells (or an ACK, of a cookie: no more than its names) and what we answer; no ISS yet,
 * and known to nobody. Field by field, for a flood's SYN needs no more: tcp_half_begin makes it
 * live, with its timer and its places in lists; tcp_half_never_lived makes it fit to complete as it
 * is, for a cookie's. */
void tcp_half_describe(struct tcp_half *half, struct tcp_cb *l, const struct tcp_segment *seg)
{
    uint32_t off = l->net->cfg.tcp_off;
    nothing_yet(half);
    half->listener = l;
    half->irs = seg->seq;
    half->node.kind = TCP_NODE_HALF;
    half->node.id = seg->id;
    half->node.window = seg->window;
    half->peer_mss = seg->options.has_mss ? seg->options.mss : TCP_MSS_DEFAULT;
    bool scales = seg->options.has_wscale && !(off & NET_TCP_OFF_WSCALE);
    half->peer_wscale = scales ? seg->options.wscale : TCP_WSCALE_NONE;
    half->rcv_wscale = scales ? tcp_pick_wscale(l) : 0;
    half->rcv_wnd = tcp_syn_window(l->rcv.buf_bytes, half->rcv_wscale);
    half->node.timestamps = seg->options.has_timestamps && !(off & NET_TCP_OFF_TIMESTAMPS);
    half->ts_recent = seg->options.ts_val;
    if (half->node.timestamps) { /* a hash, which a flood without them should not cost */
        half->ts_offset = tcp_ts_offset(l->net, seg->id.laddr, seg->id.raddr);
    }
    half->sack_permitted = seg->options.has_sack_permitted && !(off & NET_TCP_OFF_SACK);
    half->ecn = (seg->flags & TCP_SYN) && tcp_ecn_asked(l->net, seg);
}

void tcp_half_never_lived(struct tcp_half *half)
{
    list_init(&half->age);
    timer_init(&half->timer, syn_ack_expired);
}

/* A described record with its ISS, in its place in the table, begins to live: it answers the SYN.
 */
void tcp_half_begin(struct tcp_half *half)
{
    struct tcp_cb *l = half->listener;
    struct net *n = l->net;
    list_init(&half->node.bucket);
    list_init(&half->age);
    list_init(&half->of_listener);
    timer_init(&half->timer, syn_ack_expired);
    tcp_table_insert(n, &half->node);
    list_push_back(&n->tcp.half_age, &half->age);
    list_push_back(&l->listener.half_open, &half->of_listener);
    l->listener.half_count++;
    tcp_half_send_syn_ack(n, half);
    timer_arm(&n->wheel, &half->timer, n->now_ns + retry_ns(half));
}

/* A control block in SYN-RECEIVED with all that the record knew. */
static void fill_from_half(struct tcp_cb *t, const struct tcp_half *half, uint16_t mtu)
{
    struct tcp_options o = {.has_mss = true,
                            .mss = half->peer_mss,
                            .has_timestamps = half->node.timestamps,
                            .ts_val = half->ts_recent};
    bool scaled = half->peer_wscale != TCP_WSCALE_NONE;
    tcp_cb_inherit(t, half->listener);
    tcp_set_state(t, TCP_SYN_RECEIVED);
    tcp_snd_begin(t, half->iss);
    tcp_recv_begin(t, half->irs, half->rcv_wnd, scaled ? half->rcv_wscale : 0);
    tcp_snd_take_window(t, half->node.window, half->irs, half->iss);
    tcp_snd_scale(t, scaled ? half->peer_wscale : 0);
    bool untimed = half->untimed || !timer_armed(&half->timer);
    uint64_t sent_ns = untimed ? t->net->now_ns : tcp_half_born_ns(half);
    if (half->deferred) { /* the round trip ended with the first ACK */
        sent_ns = t->net->now_ns - (uint64_t)half->rtt_us * NS_PER_US;
    }
    tcp_snd_handshake(t, half->deferred ? half->resent : half->retries > 0, untimed, sent_ns);
    tcp_agree_sack(t, half->sack_permitted);
    tcp_ts_begin(t, &o, half->ts_offset);
    if (half->ecn) {
        tcp_ecn_accepted(t);
    }
    tcp_set_mss(t, &o, tcp_announced_mss(t, mtu));
    tcp_template_find(t); /* our first segment is one by template already */
}

/*
 * The ACK of our SYN-ACK is here. Without room in the accept queue or the table the segment is
 * dropped and the record stays: the peer, for which the connection is open, or our SYN-ACK timer,
 * will ask again. Returns NULL then. Else half is freed, unless it never lived and is what a cookie
 * told.
 */
struct tcp_cb *tcp_half_complete(struct net *n, struct tcp_half *half)
{
    struct tcp_cb *l = half->listener;
    uint32_t src = 0;
    uint16_t mtu = 0;
    if (l->listener.accept_count >= l->listener.backlog) {
        NET_COUNT(n, tcp_rx_drop_accept_full);
        return NULL;
    }
    if (ipv4_route(n, half->node.id.raddr, &src, &mtu) != STATUS_OK) {
        NET_COUNT(n, tcp_rx_drop_no_route);
        return NULL;
    }
    struct tcp_cb *t = tcp_pressure_new(n);
    if (t == NULL) {
        NET_COUNT(n, tcp_rx_drop_table_full);
        return NULL;
    }
    bool lives = list_linked(&half->age);
    if (lives) {
        tcp_table_succeed(t, &half->node);
    } else {
        tcp_table_join(t, &half->node.id);
    }
    fill_from_half(t, half, mtu);
    if (lives) {
        tcp_half_free(n, half);
    }
    tcp_accept_push(l, t);
    return t;
}
