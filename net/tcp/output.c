/*
 * What goes out, and when: retransmissions first, then new data as far as the peer's window, the
 * congestion window, Nagle and silly-window avoidance let it (RFC 9293 3.7.4, 3.8.6.2.1; RFC 5681),
 * then the FIN, then an ACK if one is due and nothing carried it.
 */
#include "net/tcp/cc/cc.h"
#include "net/tcp/loss/loss.h"
#include "net/tcp/root.h"
#include "net/tcp/send/send.h"
#include "net/tcp/tcp.h"

/* RFC 3042: the first two duplicate ACKs each let one new segment out. With SACK what they tell of
 * leaves the pipe, which does the same (RFC 6675 5 step 3). */
static inline uint32_t cwnd_now(const struct tcp_cb *t)
{
    uint32_t cwnd = t->cc.cwnd;
    if (t->cc.recovery == TCP_RECOVERY_NONE && t->loss.dupacks < TCP_DUPACK_THRESHOLD) {
        cwnd += (uint32_t)t->loss.dupacks * t->snd.mss;
    }
    return cwnd;
}

static inline bool cwnd_admits(const struct tcp_cb *t, uint32_t len)
{
    return tcp_pipe(t) + len <= cwnd_now(t);
}

/* Is our FIN to ride on p when p goes? Only behind the last byte, and inside the peer's window. */
static bool fin_rides(const struct tcp_cb *t, struct pkt *p)
{
    if (!t->snd.fin_queued || p != t->snd.queue.last) {
        return false;
    }
    uint32_t end = tx_note(p)->seq + tx_note(p)->len;
    return t->snd.fin_sent || seq_lt(end, t->snd.una + t->snd.wnd);
}

/*
 * p is to go again: as a whole segment, made up from what is lost behind it (as Linux does), or in
 * part when it is too large. Not more than the peer's window and cwnd let; forced: one segment goes
 * whatever cwnd says.
 */
static bool fit_to_segment(struct tcp_cb *t, struct pkt *p, bool forced)
{
    struct tcp_tx_note *note = tx_note(p);
    if (note->len > t->snd.mss) {
        return tcp_sendq_split(t, p, t->snd.mss);
    }
    uint32_t most = min_u32(t->snd.mss, seq_ahead(note->seq, t->snd.una + t->snd.wnd));
    if (note->len < most && (forced || cwnd_admits(t, most)) && !pkt_shared(p)) {
        tcp_sendq_refill(t, p, most);
    }
    return true;
}

/*
 * The one place where a retransmission is decided. The lowest packet believed lost goes again when
 * cwnd allows, or must (force_rtx); behind a window that the peer took back only the first may.
 * True when something was sent.
 */
static bool retransmit_one(struct tcp_cb *t)
{
    struct pkt *p = tcp_next_lost(t);
    if (p == NULL || (t->loss.frto == TCP_FRTO_SECOND && !t->loss.force_rtx)) {
        return false; /* RFC 5682 2 step 2b: new data first tells whether anything is lost at all */
    }
    struct tcp_tx_note *note = tx_note(p);
    assert(seq_lt(note->seq, t->snd.nxt));
    uint32_t len = min_u32(note->len, t->snd.mss); /* what is larger goes in parts */
    bool in_window = note->seq == t->snd.una || seq_le(note->seq + len, t->snd.una + t->snd.wnd);
    bool forced = t->loss.force_rtx;
    if (!forced && (!cwnd_admits(t, len) || !in_window)) {
        return false;
    }
    tcp_loss_forced_done(t);
    if (note->len != t->snd.mss && !fit_to_segment(t, p, forced)) {
        return false;
    }
    bool fin = fin_rides(t, p) && t->snd.fin_sent;
    if (!tcp_emit_packet(t, p, fin)) {
        return false;
    }
    tcp_snd_resent(t, note->len);
    tcp_sendq_sent(t, p);
    tcp_recovery_sent(t, note->len, true);
    if (t->sack_on && p == t->snd.queue.first) {
        tcp_timer_stop(t, TCP_TIMER_RTX); /* all waits for it: it gets a timeout of its own */
    }
    if (fin) {
        tcp_snd_fin_sent(t);
    }
    return true;
}

/* RFC 9293 3.7.4 (Nagle) for a segment below the MSS at the end of the queue; with Minshall's
 * change it waits only for an earlier small one, so that the tail of a large write never does. */
static bool nagle_holds(const struct tcp_cb *t)
{
    if (t->snd.fin_queued || t->snd.push_override) {
        return false;
    }
    if (t->snd.more || t->opt.cork) {
        return true;
    }
    return !t->opt.nodelay && seq_gt(t->snd.small_end, t->snd.una);
}

/*
 * How many bytes of the first unsent packet may go now; 0: none. RFC 9293 3.8.6.2.1: a whole
 * packet, or, with nothing on its way, what fits at least half of the largest window ever seen, or
 * whatever fits when the override (persist) timer has run out.
 */
static uint32_t sendable_bytes(const struct tcp_cb *t, struct pkt *p)
{
    uint32_t usable = seq_ahead(t->snd.nxt, t->snd.una + t->snd.wnd);
    uint32_t len = min_u32(tx_note(p)->len, t->snd.mss);
    if (!cwnd_admits(t, len) && !t->rack.tlp_now) {
        return 0;
    }
    if (usable >= len) {
        bool small_tail = p == t->snd.queue.last && len < t->snd.mss && !t->rack.tlp_now;
        return small_tail && nagle_holds(t) ? 0 : len;
    }
    if (t->snd.push_override && tcp_flight(t) == 0) {
        return max_u32(usable, 1); /* 3.8.6.1: a zero-window probe is one byte of new data */
    }
    return tcp_flight(t) == 0 && usable >= t->snd.max_wnd / 2 ? usable : 0;
}

static hot_fn void before_new_data(struct tcp_cb *t)
{
    if (tcp_flight(t) == 0) {
        tcp_cc_after_idle(t, tcp_rto_ns(t, 0));
        tcp_snd_resume(t);
    }
}

/* p, the first unsent packet, went. */
static inline void sent_new(struct tcp_cb *t, struct pkt *p)
{
    uint32_t len = tx_note(p)->len;
    tcp_sendq_sent_new(t, p);
    tcp_recovery_sent(t, len, false);
    tcp_tlp_sent_new(t);
    tcp_snd_new_sent(t, len);
}

/* The packets from p on that may go now, one by one, without being cut or filled up. One that our
 * FIN rides on goes by itself: QEMU's 82576 loses the flags of a run's last segment. */
static struct tcp_run run_from(const struct tcp_cb *t, struct pkt *p)
{
    struct tcp_run r = {.first = p};
    uint32_t most = tcp_run_packets_max(t);
    uint32_t usable = seq_ahead(t->snd.nxt, t->snd.una + t->snd.wnd);
    for (; p != NULL && r.packets < most; p = tx_note(p)->next) {
        uint32_t len = tx_note(p)->len;
        bool whole = len == t->snd.mss || (p == t->snd.queue.last && len < t->snd.mss);
        if (!whole || r.bytes + len > usable || !cwnd_admits(t, r.bytes + len) ||
            (len < t->snd.mss && nagle_holds(t)) || fin_rides(t, p)) {
            break;
        }
        r.last = p;
        r.bytes += len;
        r.packets++;
    }
    return r;
}

/* Sends p, the first unsent packet, which may go, together with those behind it that may, if any
 * may and it can be done (send/run.c). Not while something is repaired or probed for. */
static bool send_run(struct tcp_cb *t, struct pkt *p)
{
    bool probes = t->rack.tlp_now || t->snd.push_override;
    if (tx_note(p)->len != t->snd.mss || probes || (t->board.lost_bytes | t->cc.recovery) != 0 ||
        !tcp_run_serves(t)) {
        return false;
    }
    struct tcp_run r = run_from(t, p);
    if (r.packets <= 1 || !tcp_emit_run(t, &r)) {
        return false;
    }
    while (r.packets-- > 0) {
        sent_new(t, t->snd.queue.unsent);
    }
    return true;
}

/* Sends the next new packet, of which there is one, or more of them, if it may go. */
static hot_fn bool send_new(struct tcp_cb *t)
{
    struct pkt *p = t->snd.queue.unsent;
    struct tcp_tx_note *note = tx_note(p);
    assert(!t->snd.fin_sent); /* it begins at SND.NXT: tcp_sendq_sent_new */
    if (unlikely(p != t->snd.queue.last && note->len < t->snd.mss)) {
        tcp_sendq_refill(t, p, t->snd.mss); /* segments have another size than when it was queued */
    }
    uint32_t len = sendable_bytes(t, p);
    if (len == 0 || (len < note->len && !tcp_sendq_split(t, p, (uint16_t)len))) {
        return false;
    }
    before_new_data(t);
    if (unlikely(p != t->snd.queue.last) && send_run(t, p)) {
        return true;
    }
    bool fin = fin_rides(t, p);
    if (!tcp_emit_packet(t, p, fin)) {
        return false;
    }
    sent_new(t, p);
    if (fin) {
        tcp_snd_fin_sent(t);
    }
    return true;
}

/* RFC 6675 5 C: room in cwnd, nothing lost for sure, nothing new to send: the next best. */
static bool retransmit_guess(struct tcp_cb *t)
{
    return t->sack_on && t->cc.recovery == TCP_RECOVERY_FAST && !tcp_rack_on(t) &&
           t->board.lost_bytes == 0 && cwnd_admits(t, t->snd.mss) && tcp_scoreboard_guess_lost(t) &&
           retransmit_one(t);
}

/* A FIN that nothing carried. It takes one number of the window as a byte does. */
static bool send_fin(struct tcp_cb *t)
{
    if (!t->snd.fin_queued || t->snd.queue.unsent != NULL) {
        return false;
    }
    bool again = t->board.fin_lost && t->board.lost_bytes == 0;
    bool first = !t->snd.fin_sent && (seq_ahead(t->snd.nxt, t->snd.una + t->snd.wnd) > 0 ||
                                      (t->snd.push_override && tcp_flight(t) == 0));
    if (!again && !first) {
        return false;
    }
    if (first) {
        before_new_data(t);
    }
    if (!tcp_emit_fin(t)) {
        return false;
    }
    if (again) {
        NET_COUNT(t->net, tcp_tx_retransmits);
    }
    tcp_snd_fin_sent(t);
    return true;
}

/* Nothing to repair and no FIN: if anything may go but an ACK it is new data. Mostly it is so. */
static bool undisturbed(const struct tcp_cb *t)
{
    static_assert(TCP_RECOVERY_NONE == 0, "the first of them");
    return (t->board.lost_bytes | t->snd.fin_queued | t->cc.recovery) == 0;
}

static void send_new_data(struct tcp_cb *t)
{
    while (t->snd.queue.unsent != NULL && send_new(t)) {
        /* bounded by cwnd and the peer's window */
    }
}

apart_fn static void send_what_may_go(struct tcp_cb *t)
{
    while (retransmit_one(t)) {
        /* bounded by cwnd */
    }
    send_new_data(t);
    while (retransmit_guess(t)) {
        /* the same */
    }
    (void)send_fin(t);
}

void tcp_output(struct tcp_cb *t)
{
    assert(t->state != TCP_LISTEN);
    if (unlikely(!tcp_synchronized(t))) {
        /* SYNs are sent where the state is entered and by the timer. */
        if (t->state == TCP_SYN_RECEIVED && t->rcv.ack_now) {
            (void)tcp_emit_ack(t);
        }
        return;
    }
    tcp_pmtu_refresh(t);
    if (likely(undisturbed(t))) {
        send_new_data(t);
    } else {
        send_what_may_go(t);
    }
    tcp_snd_output_done(t);
    tcp_loss_forced_done(t);
    if (t->rcv.ack_now) {
        (void)tcp_emit_ack(t);
    }
    if (tcp_rtx_timer_update(t)) {
        tcp_tlp_schedule(t);
    }
}

/* The same questions as sendable_bytes has, in its order, for whom they are answered by name. */
static enum tcp_waits unsent_waits_for(const struct tcp_cb *t, struct pkt *p)
{
    uint32_t usable = seq_ahead(t->snd.nxt, t->snd.una + t->snd.wnd);
    uint32_t len = min_u32(tx_note(p)->len, t->snd.mss);
    if (!cwnd_admits(t, len)) {
        return TCP_WAITS_CWND;
    }
    if (usable < len) {
        return TCP_WAITS_WINDOW;
    }
    if (p == t->snd.queue.last && len < t->snd.mss && nagle_holds(t)) {
        return t->snd.more || t->opt.cork ? TCP_WAITS_MORE : TCP_WAITS_NAGLE;
    }
    return TCP_WAITS_BUFFERS;
}

enum tcp_waits tcp_waits_for(const struct tcp_cb *t)
{
    if (!tcp_synchronized(t)) {
        return TCP_WAITS_HANDSHAKE;
    }
    if (t->snd.queue.unsent != NULL) {
        return unsent_waits_for(t, t->snd.queue.unsent);
    }
    return tcp_flight(t) > 0 ? TCP_WAITS_ACK : TCP_WAITS_APPLICATION;
}

void tcp_output_probe(struct tcp_cb *t)
{
    uint32_t before = t->snd.nxt;
    tcp_tlp_begin(t);
    tcp_output(t);
    if (tcp_tlp_again(t, before)) {
        tcp_output(t);
    }
    tcp_tlp_end(t);
}
