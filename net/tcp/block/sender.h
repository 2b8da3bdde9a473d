/*
 * The sender of a connection: the peer's window, what the owner queued and has not been
 * acknowledged, and what size segments have. Written by send/ alone; of the notes on packets, what
 * became of those that were sent is loss/'s to write. Data only.
 */
#ifndef NET_TCP_BLOCK_SENDER_H
#define NET_TCP_BLOCK_SENDER_H

#include "kernel/base.h"
#include "kernel/list.h"
#include "kernel/pkt.h"

/* TCP's notes on a packet it retains for sending, in pkt.cb. */
struct tcp_tx_note {
    struct pkt *next;
    uint64_t sent_ns;    /* when it last went */
    struct list order;   /* in tcp_scoreboard.in_flight or .lost, else in none */
    uint32_t seq;        /* of the first payload byte */
    uint16_t offset;     /* of the first payload byte from pkt.head */
    uint16_t len;        /* payload bytes, > 0 */
    uint16_t sent_count; /* saturates */
    bool lost;           /* believed lost, not sent again yet: not in the pipe */
    bool sacked;         /* RFC 2018: the peer has it, for now (it may renege) */
    uint16_t sum;        /* of the payload (csum_add), when it is not the device's to take */
};
static_assert(sizeof(struct tcp_tx_note) <= sizeof(((struct pkt *)0)->cb), "fits the notes");

/*
 * What was handed to us to send and is not acknowledged. A packet is sent as a whole or not at all
 * (else it is split), so SND.NXT, a FIN apart, is always the start of `unsent`. Where those in
 * front of it are, struct tcp_scoreboard has.
 */
struct tcp_sendq {
    struct pkt *first;
    struct pkt *last;
    struct pkt *unsent; /* NULL: everything was sent */
    uint32_t bytes;
    uint32_t packets;
};

/* What size segments have (send/mtu.c). */
struct tcp_path {
    uint16_t peer_mss;   /* announced by the peer, not below TCP_MSS_FLOOR */
    uint16_t mtu;        /* IP packets of this size are believed to pass */
    bool may_fragment;   /* DF is not set */
    bool proven;         /* a segment of the full size was acknowledged */
    uint8_t claims;      /* of routers, believed since the link's size was last tried; saturates */
    uint64_t lowered_ns; /* when mtu was last set */
};

struct tcp_sender {
    uint32_t una, nxt, wnd, wl1, wl2;
    uint32_t max_wnd;
    uint32_t small_end; /* end of the last segment below the MSS that was sent (Nagle) */
    uint32_t buf_bytes;
    uint16_t mss;       /* effective send MSS (RFC 9293 3.7.1) */
    uint8_t wscale;     /* shift of windows received */
    uint8_t probes;     /* window probes since the window was last open */
    bool fin_queued;    /* the owner sends no more */
    bool fin_sent;      /* SND.NXT is behind our FIN */
    bool more;          /* the last send said that more follows */
    bool push_override; /* the persist timer asks for what little may go (RFC 9293 3.8.6.2.1) */
    bool blocked;       /* the writer was told to wait: tell when there is room */
    struct tcp_sendq queue;
    uint64_t progress_ns; /* when the peer last moved SND.UNA, or sending began */
    uint64_t sent_ns;     /* when data last went */

    /* Totals for TCP_INFO (RFC 4898 has most of them). */
    uint32_t segs_out;
    uint32_t data_segs_out;
    uint64_t bytes_acked;
};

/* What the sender needs while a connection opens, or when something was lost. */
struct tcp_sender_cold {
    uint32_t iss;
    bool syn_resent;  /* our SYN was lost: RFC 5681 3.1, RFC 6298 5.7 */
    bool syn_unsent;  /* our SYN has not left this host: there was no room for it */
    bool syn_untimed; /* nobody knows when the SYN that was answered went: a cookie's SYN-ACK, or
                       * one that went again behind a RST (open/syn_sent.c) */
    uint32_t retransmits; /* data segments, for TCP_INFO */
    uint64_t bytes_resent;
};

#endif
