/*
 * The options at level IPPROTO_TCP whose value is not a number: TCP_INFO, a structure with Linux's
 * layout, and TCP_CONGESTION, a name.
 */
#include "net/posix/opt_tcp.h"

#include <errno.h>
#include <string.h>

#include "net/include/netinet/tcp.h"
#include "net/tcp/tcp.h"

enum {
    SSTHRESH_NONE = 0x7fffffff, /* what Linux shows while there is none */
};

/* Linux counts windows in segments; a part of one is no use. */
static uint32_t whole_segments(uint32_t bytes, const struct tcp_report *r)
{
    return bytes / max_u32(r->snd_mss, 1);
}

static uint32_t ms_of(uint64_t ns)
{
    return (uint32_t)min_u64(ns / NS_PER_MS, UINT32_MAX);
}

static void fill_sender(struct tcp_info *i, const struct tcp_report *r)
{
    uint32_t ssthresh = whole_segments(r->ssthresh, r);
    i->tcpi_rto = r->rto_us;
    i->tcpi_rtt = r->rtt_us;
    i->tcpi_rttvar = r->rttvar_us;
    i->tcpi_snd_mss = r->snd_mss;
    i->tcpi_pmtu = r->mtu;
    i->tcpi_unacked = r->flight_packets;
    i->tcpi_sacked = r->sacked_packets;
    i->tcpi_lost = r->lost_packets;
    i->tcpi_retrans = r->resent_packets;
    i->tcpi_reordering = r->reordering;
    i->tcpi_min_rtt = r->min_rtt_us;
    i->tcpi_snd_cwnd = whole_segments(r->cwnd, r);
    /* Larger than any window: slow start has not found an end yet. */
    i->tcpi_snd_ssthresh = r->ssthresh >= TCP_REPORT_NO_SSTHRESH ? SSTHRESH_NONE : ssthresh;
    i->tcpi_last_data_sent = ms_of(r->sent_ago_ns);
    i->tcpi_total_retrans = r->retransmitted;
    i->tcpi_bytes_acked = r->bytes_acked;
    i->tcpi_bytes_sent = r->bytes_sent;
    i->tcpi_bytes_retrans = r->bytes_resent;
    i->tcpi_dsack_dups = r->dsacks;
    i->tcpi_reord_seen = r->reord_seen;
    i->tcpi_segs_out = r->segs_out;
    i->tcpi_data_segs_out = r->data_segs_out;
    i->tcpi_notsent_bytes = r->unsent;
    i->tcpi_snd_wnd = r->snd_wnd;
}

static void fill_receiver(struct tcp_info *i, const struct tcp_report *r)
{
    i->tcpi_ato = r->ato_us;
    i->tcpi_rcv_mss = r->rcv_mss;
    i->tcpi_advmss = r->rcv_mss;
    i->tcpi_rcv_rtt = r->rcv_rtt_us;
    i->tcpi_rcv_space = r->rcv_space;
    i->tcpi_rcv_ssthresh = r->rcv_wnd;
    i->tcpi_last_data_recv = ms_of(r->data_ago_ns);
    i->tcpi_last_ack_recv = ms_of(r->heard_ago_ns);
    i->tcpi_bytes_received = r->bytes_received;
    i->tcpi_segs_in = r->segs_in;
    i->tcpi_rcv_ooopack = r->ooo_ins;
    i->tcpi_data_segs_in = r->data_segs_in;
}

static uint8_t options(const struct tcp_report *r)
{
    return (uint8_t)((r->timestamps ? TCPI_OPT_TIMESTAMPS : 0) | (r->sack ? TCPI_OPT_SACK : 0) |
                     (r->wscale ? TCPI_OPT_WSCALE : 0) | (r->ecn ? TCPI_OPT_ECN : 0) |
                     (r->ecn_seen ? TCPI_OPT_ECN_SEEN : 0));
}

static void fill_info(struct tcp_info *i, const struct tcp_report *r)
{
    memset(i, 0, sizeof(*i));
    i->tcpi_state = r->state;
    i->tcpi_ca_state = r->recovery;
    i->tcpi_retransmits = r->retransmits;
    i->tcpi_probes = r->probes;
    i->tcpi_backoff = r->backoff;
    i->tcpi_options = options(r);
    i->tcpi_snd_wscale = r->snd_wscale & 15;
    i->tcpi_rcv_wscale = r->rcv_wscale & 15;
    if (r->backlog > 0) { /* a listener: Linux shows its queue in these two */
        i->tcpi_unacked = r->accept_count;
        i->tcpi_sacked = r->backlog;
        return;
    }
    fill_sender(i, r);
    fill_receiver(i, r);
}

static int get_info(struct net *n, int fd, void *value, socklen_t *len, uint64_t now_ns)
{
    struct tcp_report r;
    struct tcp_info info;
    int err = sock_get_report(n, fd, &r, now_ns);
    if (err == 0) {
        fill_info(&info, &r);
        *len = (socklen_t)min_size(*len, sizeof(info));
        memcpy(value, &info, *len);
    }
    return err;
}

static int get_congestion(struct net *n, int fd, void *value, socklen_t *len)
{
    char text[TCP_CA_NAME_MAX] = {0};
    const char *name = NULL;
    int err = sock_get_congestion(n, fd, &name);
    if (err == 0) {
        size_t bytes = strlen(name);
        assert(bytes < sizeof(text));
        memcpy(text, name, bytes);
        *len = (socklen_t)min_size(*len, sizeof(text));
        memcpy(value, text, *len);
    }
    return err;
}

int posix_get_opt_tcp(struct net *n, int fd, int name, void *value, socklen_t *len, uint64_t now_ns)
{
    switch (name) {
    case TCP_INFO:
        return get_info(n, fd, value, len, now_ns);
    case TCP_CONGESTION:
        return get_congestion(n, fd, value, len);
    default:
        return -ENOPROTOOPT;
    }
}

/* The name need not end in a 0, and may be longer than any: then no algorithm has it. */
int posix_set_opt_tcp(struct net *n, int fd, int name, const void *value, socklen_t len,
                      uint64_t now_ns)
{
    char text[TCP_CA_NAME_MAX] = {0};
    if (name != TCP_CONGESTION) {
        return -ENOPROTOOPT;
    }
    if (value == NULL) {
        return -EFAULT;
    }
    if (len == 0) {
        return -EINVAL;
    }
    memcpy(text, value, min_size(len, sizeof(text) - 1));
    return sock_set_congestion(n, fd, text, now_ns);
}
