/*
 * Tail loss probes (RFC 8985 7), for connections with SACK: when ACKs stop coming, the last
 * segment, or a new one, is sent before the timeout would, so that SACK can tell of a lost tail.
 * RACK's timer serves for them, too, for with something sacked no probe is due. What goes is sent
 * by the root (output.c), between tcp_tlp_begin and tcp_tlp_end.
 */
#include "net/tcp/loss/int.h"

/* 7.3: not during a repair, not when SACK already tells of one, one at a time. */
bool tcp_tlp_possible(const struct tcp_cb *t)
{
    return t->sack_on && !(t->net->cfg.tcp_off & NET_TCP_OFF_TLP) && tcp_synchronized(t) &&
           !t->rack.tlp_out && t->cc.recovery == TCP_RECOVERY_NONE && tcp_flight(t) > 0 &&
           t->snd.wnd > 0 && t->loss.timeouts == 0 && t->board.sacked_packets == 0 &&
           t->board.lost_bytes == 0 && !t->board.fin_lost;
}

/* 7.2: two round trips after the last that was sent or acknowledged. */
static uint64_t probe_at(const struct tcp_cb *t)
{
    uint64_t wait = tcp_ms(TCP_TLP_INITIAL_MS);
    if (t->rtt.srtt_us8 != 0) {
        wait = 2 * tcp_srtt_ns(t);
        if (tcp_flight(t) <= t->snd.mss) {
            wait += tcp_ms(TCP_TLP_MAX_ACK_MS);
        }
    }
    return max_u64(t->snd.sent_ns, t->snd.progress_ns) + wait;
}

bool tcp_tlp_due(const struct tcp_cb *t)
{
    return tcp_tlp_possible(t) && probe_at(t) <= t->net->now_ns;
}

/* Nothing does the timer's work yet, and something is out. */
void tcp_tlp_consider(struct tcp_cb *t)
{
    uint64_t at = probe_at(t);
    uint64_t timeout = tcp_timer_at(t, TCP_TIMER_RTX);
    /* A lone segment's probe seldom comes before its timeout: that first. */
    if (timeout != DEADLINE_NONE && at < timeout && tcp_tlp_possible(t)) {
        tcp_timer_set(t, TCP_TIMER_RACK, at);
    }
}

void tcp_tlp_begin(struct tcp_cb *t)
{
    NET_COUNT(t->net, tcp_tx_tail_probes);
    tcp_timer_stop(t, TCP_TIMER_RTX); /* the timeout counts from the probe on */
    t->rack.tlp_now = true;
    t->rack.tlp_out = true; /* schedules no other one */
}

/* 7.3: a new segment if the peer's window takes one, else the last one again. before: SND.NXT at
 * the beginning. */
bool tcp_tlp_again(struct tcp_cb *t, uint32_t before)
{
    t->rack.tlp_now = false;
    t->rack.tlp_retrans = t->snd.nxt == before;
    if (!t->rack.tlp_retrans) {
        return false;
    }
    struct pkt *last = tcp_newest_in_flight(t);
    if (last != NULL) {
        tcp_resend_now(t, last);
    } else {
        tcp_mark_fin_lost(t);
    }
    return true;
}

void tcp_tlp_end(struct tcp_cb *t)
{
    t->rack.tlp_end_seq = t->snd.nxt;
}

/* 7.4.2: what became of the probe. */
bool tcp_tlp_ack(struct tcp_cb *t, const struct tcp_delivery *d)
{
    struct tcp_rack *r = &t->rack;
    assert(r->tlp_out);
    if (seq_lt(t->snd.una, r->tlp_end_seq)) {
        return false;
    }
    bool twice = d->dsack && seq_ge(d->duplicate_range.end + 1, r->tlp_end_seq);
    if (!r->tlp_retrans || twice || (d->duplicate && !d->blocks)) {
        r->tlp_out = false; /* what was sent again had arrived */
        return false;
    }
    if (seq_gt(t->snd.una, r->tlp_end_seq)) {
        r->tlp_out = false;
        return true;
    }
    return false;
}
