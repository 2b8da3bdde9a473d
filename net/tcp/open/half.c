/*
 * Half-open records: SYN-RECEIVED after a passive open, in 128 bytes. Answers a SYN, sends the
 * SYN-ACK again when its ACK does not come (RFC 6298), and becomes a control block in the accept
 * queue when it does. The rules are RFC 9293 3.10.7.4's for SYN-RECEIVED.
 */
#include "net/tcp/int.h"

static uint64_t retry_ns(const struct tcp_half *half)
{
    return tcp_ms((uint64_t)TCP_RTO_INITIAL_MS << half->retries);
}

/* When the SYN came, told by the timer: the sum of the waits so far is 2^(retries + 1) - 1 times
 * the first one. */
uint64_t tcp_half_born_ns(const struct tcp_half *half)
{
    uint64_t waits = (UINT64_C(2) << half->retries) - 1;
    return half->timer.deadline_ns - tcp_ms(waits * TCP_RTO_INITIAL_MS);
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
        return; /* their start is a hash, which a flood without them should not cost */
    }
    uint32_t now = tcp_ts_now(n, tcp_ts_offset(n, half->node.id.laddr, half->node.id.raddr));
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
static void send_ack(struct net *n, struct tcp_half *half)
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

/* TCP_DEFER_ACCEPT: is the record still to wait for text? */
static bool defers(const struct tcp_half *half, uint64_t now_ns)
{
    return now_ns - tcp_half_born_ns(half) < half->listener->opt.defer_accept_s * NS_PER_S;
}

/*
 * An ACK that brings nothing is noted, and no more is said; what the record waits for is text, or a
 * FIN. When the time is up the timer asks with a SYN-ACK, and then an ACK alone will do, as it does
 * for a peer who is waiting for us to speak first.
 */
static bool defer(struct net *n, struct tcp_half *half, const struct tcp_segment *seg)
{
    if (tcp_payload_len(seg) > 0 || (seg->flags & TCP_FIN) || !defers(half, n->now_ns)) {
        return false;
    }
    if (!half->deferred) {
        half->deferred = true;
        half->resent = half->retries > 0;
        half->rtt_us = (uint32_t)((n->now_ns - tcp_half_born_ns(half)) / NS_PER_US);
    }
    NET_COUNT(n, tcp_accepts_deferred);
    return true;
}

static void syn_ack_expired(struct timer *timer, uint64_t now_ns)
{
    struct tcp_half *half = container_of(timer, struct tcp_half, timer);
    struct net *n = half->listener->net;
    bool quiet = half->deferred && defers(half, now_ns); /* the peer has our SYN-ACK */
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

/* What a SYN tells (or an ACK, of a cookie: no more than its names) and what we answer; no ISS yet,
 * and known to nobody. tcp_half_begin makes it live; tcp_half_never_lived makes it fit to complete
 * as it is, for a cookie's. */
void tcp_half_describe(struct tcp_half *half, struct tcp_cb *l, const struct tcp_segment *seg)
{
    uint32_t off = l->net->cfg.tcp_off;
    *half = (struct tcp_half){.listener = l, .irs = seg->seq};
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

/* A listener's connections begin as it is. */
static void inherit(struct tcp_cb *t, const struct tcp_cb *l)
{
    tcp_choices_inherit(t, l);
    tcp_cc_inherit(t, l);
    tcp_snd_set_buffer(t, l->snd.buf_bytes);
    t->rcv.buf_bytes = l->rcv.buf_bytes;
}

/* A control block in SYN-RECEIVED with all that the record knew. Does not touch the table. */
static void fill_from_half(struct tcp_cb *t, const struct tcp_half *half, uint16_t mtu)
{
    struct tcp_options o = {.has_mss = true,
                            .mss = half->peer_mss,
                            .has_timestamps = half->node.timestamps,
                            .ts_val = half->ts_recent};
    bool scaled = half->peer_wscale != TCP_WSCALE_NONE;
    inherit(t, half->listener);
    t->node.id = half->node.id;
    t->state = TCP_SYN_RECEIVED;
    tcp_snd_begin(t, half->iss);
    t->rcv.irs = half->irs;
    t->rcv.nxt = half->irs + 1;
    t->rcv.acked = t->rcv.nxt;
    t->rcv.adv = t->rcv.nxt + half->rcv_wnd;
    tcp_snd_take_window(t, half->node.window, half->irs, half->iss);
    tcp_snd_scale(t, scaled ? half->peer_wscale : 0);
    t->rcv.wscale = scaled ? half->rcv_wscale : 0;
    bool untimed = half->untimed || !timer_armed(&half->timer);
    uint64_t sent_ns = untimed ? t->net->now_ns : tcp_half_born_ns(half);
    if (half->deferred) { /* the round trip ended with the first ACK */
        sent_ns = t->net->now_ns - (uint64_t)half->rtt_us * NS_PER_US;
    }
    tcp_snd_handshake(t, half->deferred ? half->resent : half->retries > 0, untimed, sent_ns);
    t->sack_on = half->sack_permitted;
    tcp_ts_begin(t, &o);
    if (half->ecn) {
        tcp_ecn_accepted(t);
    }
    tcp_set_mss(t, &o, tcp_announced_mss(t, mtu));
}

/*
 * The ACK of our SYN-ACK is here. Without room in the accept queue or the table the segment is
 * dropped and the record stays: the peer, who thinks himself connected, or our SYN-ACK timer, will
 * ask again. Returns NULL then. Else half is freed, unless it never lived and is what a cookie
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
    struct tcp_cb *t = tcp_cb_new(n);
    if (t == NULL) {
        NET_COUNT(n, tcp_rx_drop_table_full);
        return NULL;
    }
    fill_from_half(t, half, mtu);
    if (list_linked(&half->age)) {
        tcp_table_replace(n, &half->node, &t->node);
        tcp_half_free(n, half);
    } else {
        tcp_table_insert(n, &t->node);
    }
    t->parent = l;
    list_push_back(&l->listener.accept, &t->place);
    l->listener.accept_count++;
    return t;
}

/* The SYN again: our answer was lost, or is slower than his timer. */
static void syn_again(struct net *n, struct tcp_half *half, const struct tcp_segment *seg)
{
    if (seg->options.has_timestamps && seq_gt(seg->options.ts_val, half->ts_recent)) {
        half->ts_recent = seg->options.ts_val; /* RFC 7323 4.3: else his round trip looks long */
    }
    if (half->ecn && !tcp_ecn_asked(n, seg)) {
        /* RFC 3168 6.1.1: sent again without asking, it must not be agreed to. A cookie says
         * otherwise, so the number is none any more. */
        half->ecn = false;
        half->cookie = false;
    }
    tcp_half_send_syn_ack(n, half);
}

/*
 * First: as for a live connection an ACK at the window's right edge will do. A SYN has to lie in
 * the window itself: text behind an old one does not carry it there.
 */
static bool in_window(const struct tcp_half *half, const struct tcp_segment *seg)
{
    uint32_t at = seg->seq - (half->irs + 1); /* in the window, counted from RCV.NXT */
    if (seg->flags & TCP_SYN) {
        return at < half->rcv_wnd;
    }
    return at <= half->rcv_wnd || (seq_lt(at, 0) && seq_gt(at + tcp_segment_len(seg), 0));
}

/* RFC 7323 5.3 R1. What completes the record must get past the same test of the control block, or
 * nobody would ever finish that one. */
static bool old_duplicate(const struct tcp_half *half, const struct tcp_segment *seg)
{
    return half->node.timestamps && seg->options.has_timestamps &&
           seq_lt(seg->options.ts_val, half->ts_recent);
}

/* First. Not by a SYN-ACK: the peer may be in TIME-WAIT, where an old SYN of his made this record.
 * He must answer every SYN, and the two of us would never end. */
static void answer_unacceptable(struct net *n, struct tcp_half *half, const struct tcp_segment *seg)
{
    if (old_duplicate(half, seg)) {
        NET_COUNT(n, tcp_rx_drop_paws);
    } else {
        NET_COUNT(n, tcp_rx_drop_out_of_window);
    }
    send_ack(n, half);
}

/* Second. RFC 5961 3.2: exactly the next number ends it, any other one in the window gets a
 * challenge ACK. */
static void reset(struct net *n, struct tcp_half *half, const struct tcp_segment *seg)
{
    uint32_t rcv_nxt = half->irs + 1;
    if (seg->seq == rcv_nxt) {
        NET_COUNT(n, tcp_half_open_reset);
        tcp_half_free(n, half);
        return;
    }
    NET_COUNT(n, tcp_rx_drop_rst_range);
    if (seq_gt(seg->seq, rcv_nxt) && seq_lt(seg->seq, rcv_nxt + half->rcv_wnd)) {
        send_ack(n, half);
    }
}

/* The SYN again, another one (fourth: in the window it sends a passive open back to LISTEN), or a
 * RST. */
static void control_arrives(struct net *n, struct tcp_half *half, const struct tcp_segment *seg)
{
    if (seg->flags & TCP_RST) {
        reset(n, half, seg);
    } else if (!(seg->flags & TCP_ACK) && seg->seq == half->irs) {
        syn_again(n, half, seg);
    } else if (old_duplicate(half, seg) || !in_window(half, seg)) {
        answer_unacceptable(n, half, seg);
    } else {
        NET_COUNT(n, tcp_half_open_reset);
        tcp_half_free(n, half);
    }
}

void tcp_arrives_half(struct net *n, struct tcp_half *half, struct tcp_segment *seg)
{
    assert(half->node.kind == TCP_NODE_HALF);
    if (seg->flags & (TCP_SYN | TCP_RST)) {
        control_arrives(n, half, seg);
        return;
    }
    if (old_duplicate(half, seg) || !in_window(half, seg)) {
        answer_unacceptable(n, half, seg);
        return;
    }
    if (!(seg->flags & TCP_ACK)) { /* fifth */
        NET_COUNT(n, tcp_rx_drop_flags);
        return;
    }
    if (seg->ack != half->iss + 1 && !tcp_cookie_replaces(half, seg)) {
        NET_COUNT(n, tcp_rx_drop_half_ack);
        tcp_emit_rst_for(n, seg, &half->listener->opt);
        return;
    }
    if (defer(n, half, seg)) {
        return;
    }
    struct tcp_cb *t = tcp_half_complete(n, half);
    if (t != NULL) {
        (void)tcp_arrives(t, seg); /* the same ACK, and what comes with it */
    }
}
