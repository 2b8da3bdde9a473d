/*
 * What is known of a connection, for TCP_INFO: read out of the control block, in bytes and us.
 * How a program gets to see it is net/posix/opt_tcp.c's business.
 */
#include "net/tcp/tcp.h"

#include "net/tcp/cc/cc.h"
#include "net/tcp/loss/loss.h"

#include <string.h>

static uint8_t linux_state(const struct tcp_cb *t)
{
    static const uint8_t numbers[] = {
        [TCP_ESTABLISHED] = 1, [TCP_SYN_SENT] = 2,  [TCP_SYN_RECEIVED] = 3, [TCP_FIN_WAIT_1] = 4,
        [TCP_FIN_WAIT_2] = 5,  [TCP_TIME_WAIT] = 6, [TCP_CLOSED] = 7,       [TCP_CLOSE_WAIT] = 8,
        [TCP_LAST_ACK] = 9,    [TCP_LISTEN] = 10,   [TCP_CLOSING] = 11,
    };
    return numbers[t->state];
}

static uint8_t recovery_of(const struct tcp_cb *t)
{
    switch ((enum tcp_recovery)t->cc.recovery) {
    case TCP_RECOVERY_FAST:
        return TCP_REPORT_RECOVERY;
    case TCP_RECOVERY_LOSS:
        return TCP_REPORT_LOSS;
    case TCP_RECOVERY_NONE:
        break;
    }
    if (tcp_cc_echo_covers(t)) {
        return TCP_REPORT_CWR;
    }
    bool disorder = t->loss.dupacks > 0 || t->board.sacked_packets > 0;
    return disorder ? TCP_REPORT_DISORDER : TCP_REPORT_OPEN;
}

static uint64_t ago_ns(const struct tcp_cb *t, uint64_t when_ns)
{
    return when_ns != 0 ? t->net->now_ns - when_ns : 0;
}

/* Nothing else needs these counts: so they are taken here, one look at each packet that is out. */
static void report_flight(const struct tcp_cb *t, struct tcp_report *out)
{
    const struct tcp_sendq *q = &t->snd.queue;
    for (struct pkt *p = q->first; p != NULL && p != q->unsent; p = tx_note(p)->next) {
        const struct tcp_tx_note *note = tx_note(p);
        bool resent = note->sent_count > 1 && !note->lost && !note->sacked;
        out->flight_packets++;
        out->resent_packets += resent;
        out->lost_packets += note->lost || resent;
    }
    if (out->flight_packets == 0 && tcp_flight(t) > 0) {
        out->flight_packets = 1; /* a SYN or a FIN */
    }
    out->sacked_packets = t->board.sacked_packets;
}

static void report_path(const struct tcp_cb *t, struct tcp_report *out)
{
    uint32_t mss = max_u32(t->snd.mss, 1); /* 0 before there is a peer */
    uint32_t reordered = t->rack.reordered_bytes;
    out->rto_us = t->rtt.rto_us;
    out->rtt_us = t->rtt.srtt_us8 / 8;
    out->rttvar_us = t->rtt.rttvar_us4 / 4;
    out->min_rtt_us =
        (uint32_t)min_u64((t->rack.min_rtt_ns + NS_PER_US - 1) / NS_PER_US, UINT32_MAX);
    out->snd_mss = t->snd.mss;
    out->mtu = t->path.mtu;
    out->reordering = max_u32(TCP_DUPACK_THRESHOLD, reordered / mss + (reordered % mss != 0));
}

static void report_sender(const struct tcp_cb *t, struct tcp_report *out)
{
    bool open = tcp_synchronized(t); /* before that, what is out is our SYN */
    uint32_t fin = t->snd.fin_sent && tcp_flight(t) > 0 ? 1 : 0;
    out->flight = tcp_flight(t);
    out->unsent = open ? t->snd.queue.bytes - (tcp_flight(t) - fin) : 0;
    out->cwnd = t->cc.cwnd;
    out->ssthresh = t->cc.ssthresh;
    out->snd_wnd = t->snd.wnd;
    out->sent_ago_ns = t->snd.data_segs_out > 0 ? ago_ns(t, t->snd.sent_ns) : 0;
    out->bytes_acked = t->snd.bytes_acked;
    out->bytes_resent = t->snd_cold.bytes_resent;
    out->bytes_sent =
        t->snd.bytes_acked + t->snd_cold.bytes_resent + (open ? tcp_flight(t) - fin : 0);
    out->segs_out = t->snd.segs_out;
    out->data_segs_out = t->snd.data_segs_out;
    out->retransmitted = t->snd_cold.retransmits;
    out->dsacks = t->loss_cold.dsacks;
    out->reord_seen = t->loss_cold.reord_seen;
}

static void report_receiver(const struct tcp_cb *t, struct tcp_report *out)
{
    out->ato_us = t->opt.quickack ? 0 : TCP_DELACK_MS * US_PER_MS;
    out->rcv_rtt_us = t->rcv.tune.rtt_us;
    out->rcv_space = t->rcv.tune.best_read;
    out->rcv_mss = t->rcv.mss;
    out->rcv_wnd = seq_ahead(t->rcv.nxt, t->rcv.adv);
    out->ooo_packets = t->rcv.queue.ooo_packets;
    out->ooo_ins = t->rcv.queue.touches;
    out->data_ago_ns = ago_ns(t, t->rcv.data_ns);
    out->heard_ago_ns = ago_ns(t, t->rcv.heard_ns);
    out->bytes_received = t->rcv.bytes_received;
    out->segs_in = t->rcv.segs_in;
    out->data_segs_in = t->rcv.data_segs_in;
}

void tcp_get_report(const struct tcp_cb *t, struct tcp_report *out)
{
    memset(out, 0, sizeof(*out));
    out->state = linux_state(t);
    if (t->state == TCP_LISTEN) {
        out->accept_count = t->listener.accept_count;
        out->backlog = t->listener.backlog;
        return;
    }
    out->recovery = recovery_of(t);
    out->retransmits = t->loss.timeouts;
    out->probes = t->snd.probes != 0 ? t->snd.probes : t->idle.probes;
    out->backoff = t->loss.backoff;
    out->timestamps = t->ts.on;
    out->sack = t->sack_on;
    out->wscale = t->snd.wscale != 0 || t->rcv.wscale != 0;
    out->snd_wscale = t->snd.wscale;
    out->rcv_wscale = t->rcv.wscale;
    out->ecn = t->ecn.on;
    out->ecn_seen = t->ecn.seen;
    report_path(t, out);
    report_flight(t, out);
    report_sender(t, out);
    report_receiver(t, out);
}
