/*
 * Fast retransmit and fast recovery for a peer without SACK: duplicate ACKs are counted (RFC 5681
 * 3.2) and partial acknowledgements tell of one more hole each (RFC 6582).
 */
#include "net/tcp/int.h"

static void mark_head_lost(struct tcp_cb *t)
{
    struct pkt *head = t->sendq.first;
    if (head != NULL && head != t->sendq.unsent) {
        tcp_sendq_mark_lost(t, head);
        t->cc.force_rtx = true;
    } else if (t->fin_sent) {
        t->fin_lost = true;
    }
}

/* RFC 6582 3.2 step 3, full acknowledgement, option 1. */
static void full_ack(struct tcp_cb *t)
{
    uint32_t mss = t->snd_mss;
    uint32_t ssthresh = max_u32(t->cc.ssthresh, mss); /* segments may have grown since */
    t->cc.cwnd = min_u32(ssthresh, max_u32(tcp_flight(t), mss) + mss);
    t->cc.recovery = TCP_RECOVERY_NONE;
    t->cc.force_rtx = false;
    tcp_cc_recovered(t);
}

/* RFC 6582 3.2 step 3, partial acknowledgement: the next hole is lost as well. */
static void partial_ack(struct tcp_cb *t, uint32_t acked)
{
    uint32_t mss = t->snd_mss;
    uint32_t cwnd = t->cc.cwnd > acked ? t->cc.cwnd - acked : 0;
    if (acked >= mss) {
        cwnd += mss;
    }
    t->cc.cwnd = max_u32(cwnd, mss);
    mark_head_lost(t);
    if (!t->cc.partial_seen) {
        t->cc.partial_seen = true;
        tcp_rtx_timer_stop(t); /* the impatient variant: only the first one restarts the timer */
    }
}

/* SND.UNA moved in fast recovery. */
void tcp_newreno_acked(struct tcp_cb *t, const struct tcp_delivery *d)
{
    assert(t->cc.recovery == TCP_RECOVERY_FAST);
    t->cc.dupacks = 0;
    if (seq_ge(t->snd_una, t->cc.recover)) {
        full_ack(t);
        tcp_rtx_timer_stop(t);
    } else {
        partial_ack(t, d->acked);
    }
}

static void enter_fast_recovery(struct tcp_cb *t)
{
    NET_COUNT(t->net, tcp_fast_retransmits);
    tcp_cc_on_loss(t);          /* RFC 5681 3.2 step 2 */
    t->cc.recover = t->snd_nxt; /* RFC 6582 3.2 step 2 */
    t->cc.recovery = TCP_RECOVERY_FAST;
    t->cc.partial_seen = false;
    t->cc.cwnd = t->cc.ssthresh + TCP_DUPACK_THRESHOLD * (uint32_t)t->snd_mss; /* step 3 */
    tcp_undo_begin(t);
    mark_head_lost(t);
}

/* A duplicate ACK as RFC 5681 2 defines it. */
void tcp_newreno_dupack(struct tcp_cb *t)
{
    assert(tcp_flight(t) > 0 && !t->sack_on);
    if (t->cc.dupacks < UINT8_MAX) {
        t->cc.dupacks++;
    }
    if (t->cc.recovery == TCP_RECOVERY_FAST) {
        /* RFC 5681 3.2 step 4: each says that one more has left the network; no more of them can
         * than were in it, whatever the peer claims. */
        if (t->cc.cwnd < t->cc.ssthresh + tcp_flight(t)) {
            t->cc.cwnd += t->snd_mss;
        }
        return;
    }
    /* RFC 6582 3.2 step 2: not for what a timeout or an earlier recovery already repaired. */
    if (t->cc.dupacks == TCP_DUPACK_THRESHOLD && seq_gt(t->snd_una, t->cc.recover)) {
        enter_fast_recovery(t);
    }
}
