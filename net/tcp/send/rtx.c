/*
 * The timer of a connection's sending side. What it means follows from the state when it is due: a
 * SYN to send again, a retransmission timeout (RFC 6298 5), or, while the peer's window is shut or
 * too small and nothing is on its way, a probe (RFC 9293 3.8.6.1, the persist timer). Says what is
 * to be done; the root (timers.c) sends, or ends the connection.
 */
#include "net/tcp/loss/loss.h"
#include "net/tcp/send/send.h"

enum {
    SYN_UNSENT_MS = 250, /* a SYN that could not leave this host is tried again so soon, ... */
    SYN_UNSENT_MAX_MS = 127 * 1000, /* ... and as long as TCP_SYN_RETRIES of one that could */
};

static bool syn_out(const struct tcp_cb *t)
{
    return t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECEIVED;
}

/* Is there something to send that has not gone? */
static bool waiting(const struct tcp_cb *t)
{
    return t->snd.queue.unsent != NULL || (t->snd.fin_queued && !t->snd.fin_sent);
}

static bool persisting(const struct tcp_cb *t)
{
    return !syn_out(t) && (tcp_flight(t) == 0 || t->snd.wnd == 0);
}

static uint64_t timeout_ns(const struct tcp_cb *t)
{
    if (!persisting(t)) {
        return tcp_rto_ns(t, t->loss.backoff);
    }
    if (t->snd.wnd > 0) {
        /* Held by Nagle's "more" or by a small window: RFC 9293 3.8.6.2.1 allows 0.1 to 1 s. */
        return tcp_ms(TCP_CORK_MS);
    }
    return tcp_rto_ns(t, t->snd.probes);
}

/*
 * RFC 5482: when the owner's own limit for data that is not acknowledged, or that a shut window
 * keeps from being sent, is up. DEADLINE_NONE while there is no such limit, or nothing waits for
 * the peer: not for data that has just not gone for reasons of ours.
 */
static uint64_t patience_end_ns(const struct tcp_cb *t)
{
    if (likely(t->opt.user_timeout_ms == 0) || (tcp_flight(t) == 0 && t->snd.probes == 0)) {
        return DEADLINE_NONE;
    }
    return t->snd.progress_ns + tcp_ms(t->opt.user_timeout_ms);
}

static void arm(struct tcp_cb *t, uint64_t wait_ns)
{
    uint64_t deadline_ns = t->net->now_ns + wait_ns;
    tcp_timer_set(t, TCP_TIMER_RTX, min_u64(deadline_ns, patience_end_ns(t)));
}

/* RFC 6298 5.1: runs while anything is out; and while something waits for a window. */
bool tcp_rtx_timer_update(struct tcp_cb *t)
{
    if (tcp_flight(t) == 0 && !waiting(t)) {
        tcp_timer_stop(t, TCP_TIMER_RTX); /* 5.2 */
        return false;
    }
    if (!tcp_timer_armed(t, TCP_TIMER_RTX)) {
        arm(t, timeout_ns(t));
    }
    return true;
}

/* RFC 9293 3.8.3 (a) (MUST-20), RFC 1122 3.3.1.4: at R1 IP is told that its way may be a dead one.
 */
static void advise_ip(const struct tcp_cb *t)
{
    if (t->loss.timeouts == TCP_R1_TIMEOUTS) {
        NET_COUNT(t->net, tcp_r1_advice);
        ipv4_suspect(t->net, t->node.id.raddr);
    }
}

/* Sends the SYN, and the timer runs. One for which there is no buffer, or no room to wait for the
 * neighbour, is not lost on the path: it is tried again soon. */
void tcp_syn_send(struct tcp_cb *t)
{
    if (t->snd_cold.syn_unsent) {
        t->snd.sent_ns = t->net->now_ns; /* the round trip begins only now */
    }
    t->snd_cold.syn_unsent = !tcp_emit_syn(t);
    if (t->snd_cold.syn_unsent) {
        arm(t, tcp_ms(SYN_UNSENT_MS));
    } else {
        (void)tcp_rtx_timer_update(t);
    }
}

/* The SYN that has not left may go now. */
static enum tcp_due syn_try_again(struct tcp_cb *t)
{
    uint64_t now = t->net->now_ns;
    if (now >= patience_end_ns(t) || now - t->snd.progress_ns >= tcp_ms(SYN_UNSENT_MAX_MS)) {
        return TCP_DUE_GIVE_UP;
    }
    tcp_syn_send(t);
    return TCP_DUE_NOTHING;
}

static enum tcp_due syn_timeout(struct tcp_cb *t)
{
    if (t->state == TCP_SYN_SENT && ipv4_is_absent(t->net, t->node.id.raddr)) {
        return TCP_DUE_UNREACHABLE; /* as ARP would have told, had the SYN found room to wait */
    }
    if (t->snd_cold.syn_unsent) {
        return syn_try_again(t);
    }
    tcp_loss_count_timeout(t);
    if (t->loss.timeouts > TCP_SYN_RETRIES || t->net->now_ns >= patience_end_ns(t)) {
        return TCP_DUE_GIVE_UP;
    }
    advise_ip(t);
    t->snd_cold.syn_resent = true;
    NET_COUNT(t->net, tcp_tx_retransmits);
    tcp_syn_send(t);
    return TCP_DUE_NOTHING;
}

/* RFC 9293 3.8.3: R2, shorter when nobody waits for the outcome. */
static bool data_given_up(const struct tcp_cb *t)
{
    uint64_t limit = tcp_ms(t->orphan ? TCP_ORPHAN_R2_MS : TCP_R2_MS);
    uint64_t now = t->net->now_ns;
    bool own_limit = t->opt.user_timeout_ms != 0 && !t->orphan; /* it may be longer, too */
    return now >= patience_end_ns(t) || (!own_limit && now - t->snd.progress_ns >= limit);
}

static enum tcp_due data_timeout(struct tcp_cb *t)
{
    if (data_given_up(t)) {
        return TCP_DUE_GIVE_UP;
    }
    if (tcp_tlp_possible(t)) {
        /* One that was due later goes in the place of the timeout, which counts anew (RFC 8985 7.2:
         * PTO ends with the RTO). */
        return TCP_DUE_PROBE;
    }
    tcp_recovery_timeout(t);
    tcp_loss_count_timeout(t);
    advise_ip(t);
    tcp_pmtu_timeout(t);
    return TCP_DUE_OUTPUT;
}

/*
 * RFC 9293 3.8.6.1: probes go on as long as the peer acknowledges them (MUST-37), at growing
 * intervals; RFC 6429 4 lets us end it when the owner has gone, and silence ends it like any other.
 */
static bool probing_given_up(const struct tcp_cb *t)
{
    uint64_t now = t->net->now_ns;
    if (t->orphan && now - t->orphan_ns >= tcp_ms(TCP_ORPHAN_PERSIST_MS)) {
        return true;
    }
    if (t->opt.user_timeout_ms != 0) {
        return now >= patience_end_ns(t); /* however faithfully the probes are answered */
    }
    return t->snd.probes > 0 &&
           now - max_u64(t->rcv.heard_ns, t->snd.progress_ns) >= tcp_ms(TCP_R2_MS);
}

static enum tcp_due probe(struct tcp_cb *t)
{
    if (t->snd.wnd == 0) {
        if (probing_given_up(t)) {
            return TCP_DUE_GIVE_UP;
        }
        NET_COUNT(t->net, tcp_tx_window_probes);
        t->snd.probes = t->snd.probes < UINT8_MAX ? t->snd.probes + 1 : t->snd.probes;
    }
    struct pkt *head = t->snd.queue.first;
    if (tcp_flight(t) == 0) {
        t->snd.push_override = true;
    } else if (head != NULL && head != t->snd.queue.unsent) {
        /* What was sent before the window shut: its first byte is the probe. */
        if (tx_note(head)->len == 1 || tcp_sendq_split(t, head, 1)) {
            tcp_resend_now(t, head);
        }
    } else {
        tcp_mark_fin_lost(t); /* only the FIN is out: it is the probe */
    }
    return TCP_DUE_OUTPUT;
}

enum tcp_due tcp_rtx_due(struct tcp_cb *t)
{
    assert(t->state != TCP_CLOSED && t->state != TCP_LISTEN);
    assert(tcp_flight(t) > 0 || waiting(t));
    if (syn_out(t)) {
        return syn_timeout(t);
    }
    return persisting(t) ? probe(t) : data_timeout(t);
}
