/*
 * RACK (RFC 8985), for connections with SACK: a packet is lost when one sent later has arrived and
 * a round trip and a little more (the reordering window) have passed since it went. It finds lost
 * retransmissions as it finds all others. Packets are kept in the order of their sending
 * (tcp_scoreboard.in_flight): each is looked at once. What follows from a loss is recovery.c's.
 */
#include "net/tcp/loss/int.h"

bool tcp_rack_on(const struct tcp_cb *t)
{
    return t->sack_on && !(t->net->cfg.tcp_off & NET_TCP_OFF_RACK);
}

/* 6.2 step 3: what was sent once and arrives after something behind it was reordered. Something of
 * an earlier ACK: the blocks of one come in no order, and tell of what earlier ones told in vain.
 */
static void detect_reordering(struct tcp_cb *t, const struct tcp_tx_note *note,
                              struct tcp_delivery *d)
{
    struct tcp_rack *r = &t->rack;
    uint32_t end = note->seq + note->len;
    if (r->xmit_ns == 0 || seq_gt(end, r->fack)) {
        r->fack = end;
    }
    if (note->sent_count == 1 && seq_lt(end, d->fack)) {
        r->reordered_bytes = max_u32(r->reordered_bytes, d->fack - note->seq);
        t->loss_cold.reord_seen += !d->reordered;
        d->reordered = true;
    }
}

/* 6.2 steps 1 to 3: a packet has arrived. */
void tcp_rack_delivered(struct tcp_cb *t, const struct tcp_tx_note *note, struct tcp_delivery *d)
{
    uint64_t rtt = max_u64(t->net->now_ns - note->sent_ns, 1);
    uint32_t end = note->seq + note->len;
    detect_reordering(t, note, d);
    if (note->sent_count > 1) {
        /* Was it the one sent last that arrived, or an earlier one? An echo is of what moved
         * SND.UNA (RFC 7323 4.3), and says nothing of what a block tells of. */
        uint32_t sent_ms = tcp_ts_at(note->sent_ns, t->ts.offset);
        bool echoed = d->has_echo && seq_le(end, t->snd.una);
        if ((echoed && seq_lt(d->ts_ecr, sent_ms)) || rtt < t->rack.min_rtt_ns) {
            return;
        }
    }
    tcp_rack_take(t, note->sent_ns, end);
}

/* 6.2 step 4: a DSACK says that we were too quick; wider by a quarter of the round trip, once in a
 * round trip, for some recoveries. */
void tcp_rack_dsack(struct tcp_cb *t)
{
    struct tcp_rack *r = &t->rack;
    if (r->dsack_seen && seq_lt(t->snd.una, r->dsack_round)) {
        return;
    }
    r->dsack_seen = true;
    r->dsack_round = t->snd.nxt;
    r->reo_wnd_steps = r->reo_wnd_steps < UINT8_MAX ? r->reo_wnd_steps + 1 : UINT8_MAX;
    r->reo_wnd_persist = TCP_REO_WND_PERSIST;
}

/* A recovery has ended. 6.2 step 4: the wider window lasts for TCP_REO_WND_PERSIST of them. */
void tcp_rack_recovered(struct tcp_cb *t)
{
    struct tcp_rack *r = &t->rack;
    if (r->reo_wnd_persist > 0 && --r->reo_wnd_persist == 0) {
        r->reo_wnd_steps = 0;
    }
}

/* 6.2 step 4. A path that never reordered is given no time once there is reason to repair. */
static uint64_t reordering_window(const struct tcp_cb *t)
{
    const struct tcp_rack *r = &t->rack;
    bool repair =
        t->cc.recovery != TCP_RECOVERY_NONE || t->board.sacked_packets >= TCP_DUPACK_THRESHOLD;
    if (r->reordered_bytes == 0 && repair) {
        return 0;
    }
    return min_u64((1 + (uint64_t)r->reo_wnd_steps) * r->min_rtt_ns / 4, tcp_srtt_ns(t));
}

static void look_again_at(struct tcp_cb *t, uint64_t at_ns)
{
    if (at_ns < tcp_timer_at(t, TCP_TIMER_RACK)) {
        tcp_timer_set(t, TCP_TIMER_RACK, at_ns);
    }
}

/* 6.2 step 5: marks what is lost by now; true when any was. For what will be unless it arrives the
 * timer is set. */
bool tcp_rack_detect(struct tcp_cb *t)
{
    const struct tcp_rack *r = &t->rack;
    bool found = false;
    struct pkt *p = tcp_oldest_in_flight(t);
    if (r->xmit_ns == 0 || p == NULL) {
        return false;
    }
    uint64_t allow = r->rtt_ns + reordering_window(t);
    while ((p = tcp_oldest_in_flight(t)) != NULL) {
        const struct tcp_tx_note *note = tx_note(p);
        if (!tcp_rack_sent_after(r->xmit_ns, r->end_seq, note->sent_ns, note->seq + note->len)) {
            break;
        }
        if (note->sent_ns + allow > t->net->now_ns) {
            look_again_at(t, note->sent_ns + allow);
            break;
        }
        tcp_mark_lost(t, p);
        found = true;
    }
    return found;
}

/* What was sent longest ago, as far as is known, was taken out without an ACK: what stood behind it
 * (after an undone repair it may be older, see tcp_unmark_lost) is looked at presently. */
void tcp_rack_look_again(struct tcp_cb *t)
{
    if (tcp_rack_on(t) && t->board.sacked_packets > 0) {
        look_again_at(t, t->net->now_ns);
    }
}

/* 6.3: at a timeout the first packet is lost, and what went so long ago that it should have been
 * heard of; not what went only just now. */
void tcp_rack_timeout(struct tcp_cb *t)
{
    const struct tcp_rack *r = &t->rack;
    uint64_t allow = max_u64(r->rtt_ns, tcp_srtt_ns(t)) + reordering_window(t);
    struct pkt *p;
    while ((p = tcp_oldest_in_flight(t)) != NULL && tx_note(p)->sent_ns + allow <= t->net->now_ns) {
        tcp_mark_lost(t, p);
    }
    if (t->snd.queue.first != NULL && t->snd.queue.first != t->snd.queue.unsent) {
        tcp_mark_lost(t, t->snd.queue.first);
    }
    t->rack.tlp_out = false;
}
