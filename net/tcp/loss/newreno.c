/*
 * Fast retransmit and fast recovery for a peer without SACK: duplicate ACKs are counted (RFC 5681
 * 3.2) and partial acknowledgements tell of one more hole each (RFC 6582).
 */
#include "net/tcp/cc/cc.h"
#include "net/tcp/loss/int.h"

static void mark_head_lost(struct tcp_cb *t)
{
    struct pkt *head = t->snd.queue.first;
    if (head != NULL && head != t->snd.queue.unsent) {
        tcp_resend_now(t, head);
    } else {
        tcp_mark_fin_lost(t);
    }
}

/* RFC 6582 3.2 step 3, full acknowledgement, option 1. */
static void full_ack(struct tcp_cb *t)
{
    uint32_t mss = t->snd.mss;
    uint32_t ssthresh = max_u32(t->cc.ssthresh, mss); /* segments may have grown since */
    tcp_cc_repair_window(t, min_u32(ssthresh, max_u32(tcp_flight(t), mss) + mss));
    tcp_cc_repair(t, TCP_RECOVERY_NONE);
    t->loss.force_rtx = false;
    tcp_cc_recovered(t);
}

/* RFC 6582 3.2 step 3, partial acknowledgement: the next hole is lost as well. */
static void partial_ack(struct tcp_cb *t, uint32_t acked)
{
    uint32_t mss = t->snd.mss;
    uint32_t cwnd = t->cc.cwnd > acked ? t->cc.cwnd - acked : 0;
    if (acked >= mss) {
        cwnd += mss;
    }
    tcp_cc_repair_window(t, max_u32(cwnd, mss));
    mark_head_lost(t);
    if (!t->loss.partial_seen) {
        t->loss.partial_seen = true;
        tcp_timer_stop(t, TCP_TIMER_RTX); /* the impatient variant: only the first restarts it */
    }
}

/* SND.UNA moved in fast recovery. */
void tcp_newreno_acked(struct tcp_cb *t, const struct tcp_delivery *d)
{
    assert(t->cc.recovery == TCP_RECOVERY_FAST);
    t->loss.dupacks = 0;
    if (seq_ge(t->snd.una, t->loss.recover)) {
        full_ack(t);
        tcp_timer_stop(t, TCP_TIMER_RTX);
    } else {
        partial_ack(t, d->acked);
    }
}

static void enter_fast_recovery(struct tcp_cb *t)
{
    NET_COUNT(t->net, tcp_fast_retransmits);
    tcp_cc_on_loss(t);            /* RFC 5681 3.2 step 2 */
    t->loss.recover = t->snd.nxt; /* RFC 6582 3.2 step 2 */
    tcp_cc_repair(t, TCP_RECOVERY_FAST);
    t->loss.partial_seen = false;
    uint32_t arrived = TCP_DUPACK_THRESHOLD * (uint32_t)t->snd.mss;
    tcp_cc_repair_window(t, t->cc.ssthresh + arrived); /* step 3 */
    tcp_undo_begin(t);
    mark_head_lost(t);
}

/* A duplicate ACK as RFC 5681 2 defines it. */
void tcp_newreno_dupack(struct tcp_cb *t)
{
    assert(tcp_flight(t) > 0 && !t->sack_on);
    if (t->loss.dupacks < UINT8_MAX) {
        t->loss.dupacks++;
    }
    if (t->cc.recovery == TCP_RECOVERY_FAST) {
        /* RFC 5681 3.2 step 4: each says that one more has left the network; no more of them can
         * than were in it, whatever the peer claims. */
        if (t->cc.cwnd < t->cc.ssthresh + tcp_flight(t)) {
            tcp_cc_repair_window(t, t->cc.cwnd + t->snd.mss);
        }
        return;
    }
    /* RFC 6582 3.2 step 2: not for what a timeout or an earlier recovery already repaired. */
    if (t->loss.dupacks == TCP_DUPACK_THRESHOLD && seq_gt(t->snd.una, t->loss.recover)) {
        enter_fast_recovery(t);
    }
}
