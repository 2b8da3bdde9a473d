/*
 * Explicit Congestion Notification (RFC 3168 6.1): asked for and answered in the handshake when
 * net_config.tcp_ecn says so, echoed to a sender whose data was marked, and taken as a reason to
 * reduce the window once for each window of data. What the reduction is, the algorithm says
 * (cc.c). Marks in IP fragments are ip/reass.c's.
 */
#include "net/tcp/cc/ecn.h"

#include "net/tcp/cc/int.h"

enum {
    ECN_SETUP = TCP_ECE | TCP_CWR,
};

static void begin(struct tcp_cb *t)
{
    t->ecn.on = true;
    NET_COUNT(t->net, tcp_ecn_opens);
}

/* 6.1.1: is this SYN one that asks, and do we answer? Both bits; a third one beside them (AccECN)
 * asks an old host like us for the same. */
bool tcp_ecn_asked(const struct net *n, const struct tcp_segment *syn)
{
    assert(syn->flags & TCP_SYN);
    return n->cfg.tcp_ecn && (syn->flags & ECN_SETUP) == ECN_SETUP;
}

/* The flags our SYN carries beside its own. 6.1.1.1: one that is sent again does not ask, for some
 * path may drop those that do; and after any SYN that does not ask ECN must not be used. */
uint8_t tcp_ecn_syn_flags(struct tcp_cb *t)
{
    if (!t->net->cfg.tcp_ecn || t->state != TCP_SYN_SENT) {
        return 0; /* simultaneous open: our SYN-ACK does not agree, which ends it for both */
    }
    if (t->snd_cold.syn_resent) {
        if (t->ecn.asked) {
            NET_COUNT(t->net, tcp_ecn_fallbacks);
        }
        t->ecn.asked = false;
        return 0;
    }
    t->ecn.asked = true;
    return ECN_SETUP;
}

/* 6.1.1: the SYN-ACK agrees with ECE alone; both bits are what a host reflects that knows nothing
 * of ECN. */
void tcp_ecn_syn_ack(struct tcp_cb *t, const struct tcp_segment *seg)
{
    if (t->ecn.asked && (seg->flags & ECN_SETUP) == TCP_ECE) {
        begin(t);
    }
}

/* The passive side: the half-open record agreed. */
void tcp_ecn_accepted(struct tcp_cb *t)
{
    begin(t);
}

/*
 * Before SND.UNA moves by seg's ACK. 6.1.2: one reduction for each window of data; the echo goes on
 * until the peer has seen our CWR, which rides on the first byte behind ecn.end: so only an echo
 * that acknowledges more than that tells of a new mark.
 */
void tcp_ecn_on_ack(struct tcp_cb *t, const struct tcp_segment *seg)
{
    struct tcp_ecn *e = &t->ecn;
    e->echoed = e->on && (seg->flags & TCP_ECE) && seq_ge(seg->ack, t->snd.una);
    if (e->reduced && seq_gt(seg->ack, e->end)) {
        e->reduced = false;
        e->by_echo = false;
    }
    if (!e->echoed || e->reduced || tcp_flight(t) == 0) {
        return;
    }
    if (t->cc.recovery == TCP_RECOVERY_NONE) {
        NET_COUNT(t->net, tcp_ecn_reductions);
        tcp_cc_on_ecn(t);
        e->by_echo = true;
    }
    tcp_cc_window_reduced(t);
}

/* An acceptable segment with payload. 6.1.3: CWR ends the echo, a mark begins it; a segment may
 * bring both. */
void tcp_ecn_on_data(struct tcp_cb *t, const struct tcp_segment *seg)
{
    if (!t->ecn.on || tcp_payload_len(seg) == 0) {
        return; /* 6.1.4: no mark on a pure ACK means anything */
    }
    if (seg->flags & TCP_CWR) {
        t->ecn.echo = false;
    }
    t->ecn.seen = t->ecn.seen || seg->ecn != IP_ECN_NOT_ECT;
    if (seg->ecn == IP_ECN_CE) {
        NET_COUNT(t->net, tcp_ecn_ce_received);
        t->ecn.echo = true;
    }
}

/* What a data segment carries. 6.1.5, 6.1.6: nothing that is sent again, and no window probe, is
 * marked as capable; 6.1.2: CWR rides on new data alone. */
void tcp_ecn_mark_data(struct tcp_cb *t, struct tcp_out *out, bool fresh)
{
    if (!t->ecn.on || !fresh) {
        return;
    }
    out->ecn = IP_ECN_ECT_0;
    if (t->ecn.cwr_due) {
        out->flags |= TCP_CWR;
        t->ecn.cwr_due = false;
    }
}
