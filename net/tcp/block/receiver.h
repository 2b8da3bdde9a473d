/*
 * The receiver of a connection: the window it announces, what has come and is not read, and what
 * its ACKs have to tell. Written by recv/ alone. Data only.
 */
#ifndef NET_TCP_BLOCK_RECEIVER_H
#define NET_TCP_BLOCK_RECEIVER_H

#include "kernel/base.h"
#include "kernel/pkt.h"

/* TCP's notes on a received packet that waits out of order. A range is a run of packets without a
 * gap, linked by pkt.next; the fields marked [F] count in its first packet only. */
struct tcp_rx_note {
    struct pkt *next_range; /* [F] higher in sequence */
    struct pkt *last;       /* [F] */
    uint32_t end;           /* [F] the sequence number behind the range */
    uint32_t seq;           /* of the first payload byte */
    uint32_t touched;       /* [F] tcp_recvq.touches when a segment of it last came: told first */
};
static_assert(sizeof(struct tcp_rx_note) <= sizeof(((struct pkt *)0)->cb), "fits the notes");

struct tcp_recvq {
    struct pkt_queue in_order; /* data to be read; each packet's data is payload */
    uint32_t bytes;            /* in it */
    struct pkt *ranges;        /* out of order, lowest first */
    uint32_t range_count;
    uint32_t ooo_packets;
    uint32_t ooo_bytes;
    uint32_t touches; /* segments out of order so far, new or known */
};

/* Timestamps (RFC 7323). Ours count milliseconds from a secret start for each pair of hosts. */
struct tcp_timestamps {
    bool on;            /* both SYNs had the option */
    uint32_t offset;    /* of ours to the stack's clock */
    uint32_t recent;    /* TS.Recent */
    uint64_t recent_ns; /* when it was taken */
};

/* What the self-tuning of the receive buffer has measured (recv/tune.c). */
struct tcp_tuning {
    uint64_t round_ns;   /* when the present round began */
    uint32_t round_read; /* bytes the owner has read in it */
    uint32_t best_read;  /* the most it read in one round */
    uint32_t rtt_us;     /* round-trip time as a receiver sees it; 0: unknown */
    uint32_t rtt_echo;   /* the last timestamp that was a sample */
    uint32_t rtt_seq;    /* a window is through when RCV.NXT gets here ... */
    uint64_t rtt_ns;     /* ... and it began then; 0: nothing is being measured */
};

struct tcp_receiver {
    uint32_t nxt;   /* RCV.NXT */
    uint32_t acked; /* the last ACK sent */
    uint32_t adv;   /* right edge of the advertised window; never goes back */
    uint32_t buf_bytes;
    uint16_t mss;             /* what we announced */
    uint8_t wscale;           /* shift of windows sent */
    uint8_t unacked_segments; /* data segments received and not acknowledged */
    bool ack_now;             /* an ACK must leave with this event */
    bool dsack_due;           /* the next ACK tells of [dsack_first, dsack_end) (RFC 2883) */
    bool fin_received;        /* RCV.NXT is behind the peer's FIN */
    bool fin_known;           /* the peer's FIN came ahead of its turn, at fin_seq */
    bool shut;                /* the owner reads no more */
    uint64_t heard_ns;        /* when an acceptable segment last came */
    struct tcp_recvq queue;
    struct tcp_tuning tune;

    uint32_t irs;

    /* Totals for TCP_INFO (RFC 4898 has most of them). */
    uint64_t bytes_received; /* in order */
    uint64_t data_ns;        /* when data last came, in order or not; 0: never */
    uint32_t segs_in;
    uint32_t data_segs_in;
};

/* What the receiver needs while a connection opens or ends, or when something is amiss. */
struct tcp_receiver_cold {
    struct pkt *early; /* data (it may be none) of a SYN that crossed ours, till we are open ... */
    bool early_fin;    /* ... and a FIN behind it */
    uint32_t fin_seq;  /* of the peer's FIN, when rcv.fin_known */
    uint32_t dsack_first, dsack_end; /* what came twice */
    uint64_t challenge_ns;           /* when the last challenge ACK went; 0 never */
    uint64_t oow_ns; /* when the last ACK to a dataless out-of-window segment went */
};

#endif
