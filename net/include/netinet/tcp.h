/*
 * Options at level IPPROTO_TCP; numbers and layouts are those of Linux. Those not named in
 * docs/sockets.md are ENOPROTOOPT.
 */
#ifndef RS_NETINET_TCP_H
#define RS_NETINET_TCP_H

#include <stdint.h>

#define TCP_NODELAY      1
#define TCP_MAXSEG       2
#define TCP_CORK         3
#define TCP_KEEPIDLE     4
#define TCP_KEEPINTVL    5
#define TCP_KEEPCNT      6
#define TCP_LINGER2      8
#define TCP_DEFER_ACCEPT 9
#define TCP_WINDOW_CLAMP 10
#define TCP_INFO         11 /* get only: struct tcp_info */
#define TCP_QUICKACK     12
#define TCP_CONGESTION   13 /* a name, shorter than TCP_CA_NAME_MAX bytes */
#define TCP_USER_TIMEOUT 18
#define TCP_FASTOPEN     23 /* ENOPROTOOPT */

#define TCP_CA_NAME_MAX 16

/* tcpi_options */
#define TCPI_OPT_TIMESTAMPS 1
#define TCPI_OPT_SACK       2
#define TCPI_OPT_WSCALE     4
#define TCPI_OPT_ECN        8
#define TCPI_OPT_ECN_SEEN   16

/* TCP_INFO. Times in us (rto, ato, rtt, rttvar, rcv_rtt, min_rtt) or ms (last_*), windows and
 * flights in segments, as on Linux. What our TCP does not measure is 0 (docs/sockets.md): rates,
 * the times busy and limited, delivered and delivered_ce; min_rtt without SACK. */
struct tcp_info {
    uint8_t tcpi_state;    /* 1 ESTABLISHED, 2 SYN_SENT, 3 SYN_RECV, 4 FIN_WAIT1, 5 FIN_WAIT2, 6
                              TIME_WAIT, 7 CLOSE, 8 CLOSE_WAIT, 9 LAST_ACK, 10 LISTEN, 11 CLOSING */
    uint8_t tcpi_ca_state; /* 0 open, 1 disorder, 2 cwr, 3 recovery, 4 loss */
    uint8_t tcpi_retransmits;
    uint8_t tcpi_probes;
    uint8_t tcpi_backoff;
    uint8_t tcpi_options;
    uint8_t tcpi_snd_wscale : 4, tcpi_rcv_wscale : 4;
    uint8_t tcpi_delivery_rate_app_limited : 1, tcpi_fastopen_client_fail : 2;

    uint32_t tcpi_rto;
    uint32_t tcpi_ato;
    uint32_t tcpi_snd_mss;
    uint32_t tcpi_rcv_mss;

    uint32_t tcpi_unacked; /* of a listener: connections waiting to be accepted */
    uint32_t tcpi_sacked;  /* of a listener: its backlog */
    uint32_t tcpi_lost;    /* whether sent again since or not */
    uint32_t tcpi_retrans; /* sent again and not heard of */
    uint32_t tcpi_fackets; /* 0, as on Linux by now */

    uint32_t tcpi_last_data_sent;
    uint32_t tcpi_last_ack_sent; /* 0, as on Linux */
    uint32_t tcpi_last_data_recv;
    uint32_t tcpi_last_ack_recv;

    uint32_t tcpi_pmtu;
    uint32_t tcpi_rcv_ssthresh;
    uint32_t tcpi_rtt;
    uint32_t tcpi_rttvar;
    uint32_t tcpi_snd_ssthresh;
    uint32_t tcpi_snd_cwnd;
    uint32_t tcpi_advmss;
    uint32_t tcpi_reordering;

    uint32_t tcpi_rcv_rtt;
    uint32_t tcpi_rcv_space;

    uint32_t tcpi_total_retrans;

    uint64_t tcpi_pacing_rate;
    uint64_t tcpi_max_pacing_rate;
    uint64_t tcpi_bytes_acked;
    uint64_t tcpi_bytes_received;
    uint32_t tcpi_segs_out;
    uint32_t tcpi_segs_in;

    uint32_t tcpi_notsent_bytes;
    uint32_t tcpi_min_rtt;
    uint32_t tcpi_data_segs_in;
    uint32_t tcpi_data_segs_out;

    uint64_t tcpi_delivery_rate;

    uint64_t tcpi_busy_time;
    uint64_t tcpi_rwnd_limited;
    uint64_t tcpi_sndbuf_limited;

    uint32_t tcpi_delivered;
    uint32_t tcpi_delivered_ce;

    uint64_t tcpi_bytes_sent;
    uint64_t tcpi_bytes_retrans;
    uint32_t tcpi_dsack_dups;
    uint32_t tcpi_reord_seen;

    uint32_t tcpi_rcv_ooopack;
    uint32_t tcpi_snd_wnd;
};

#endif
