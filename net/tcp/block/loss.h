/*
 * What a sender notes of what it has to send and has sent, to find loss and to judge it
 * (docs/tcp.md, "Loss and recovery"): the send queue, and the records of loss/rack.c and
 * loss/undo.c that are part of a control block. Data only.
 */
#ifndef NET_TCP_BLOCK_LOSS_H
#define NET_TCP_BLOCK_LOSS_H

#include "kernel/list.h"
#include "kernel/pkt.h"

/* TCP's notes on a packet it retains for sending, in pkt.cb. */
struct tcp_tx_note {
    struct pkt *next;
    uint64_t sent_ns;    /* when it last went */
    struct list order;   /* in tcp_sendq.in_flight or .lost, else in none */
    uint32_t seq;        /* of the first payload byte */
    uint16_t offset;     /* of the first payload byte from pkt.head */
    uint16_t len;        /* payload bytes, > 0 */
    uint16_t sent_count; /* saturates */
    bool lost;           /* believed lost, not sent again yet: not in the pipe */
    bool sacked;         /* RFC 2018: the peer has it, for now (it may renege) */
};
static_assert(sizeof(struct tcp_tx_note) <= sizeof(((struct pkt *)0)->cb), "fits the notes");

enum {
    TCP_SACK_HINTS = 4, /* places remembered from one ACK to the next */
};

/* Where the marking of a SACK block ended: the packets of [first, end) are marked as far as they
 * lie in it as a whole, and `at` is the last that was looked at. */
struct tcp_sack_hint {
    struct pkt *at; /* NULL: unused */
    uint32_t first;
    uint32_t end;
};

/*
 * What was handed to us to send and is not acknowledged. A packet is sent as a whole or not at all
 * (else it is split), so SND.NXT, a FIN apart, is always the start of `unsent`. A packet that was
 * sent is in the network (in_flight), or believed lost (lost), or the peer has it (sacked).
 */
struct tcp_sendq {
    struct pkt *first;
    struct pkt *last;
    struct pkt *unsent;    /* NULL: everything was sent */
    struct list in_flight; /* tcp_tx_note.order, the one sent longest ago first */
    struct list lost;      /* the same, lowest first as far as bounded work can tell */
    uint32_t bytes;
    uint32_t packets;
    uint32_t lost_bytes; /* sent, believed lost, not sent again */
    /* The scoreboard (RFC 6675 3). */
    uint32_t sacked_bytes;
    uint32_t sacked_packets;
    uint32_t high_sacked; /* the highest number sacked + 1, while sacked_packets > 0 */
    struct pkt *edge;     /* every packet in front of it was judged by IsLost; NULL: none was */
    uint32_t above_bytes; /* of sacked_bytes: at or behind the edge */
    uint32_t above_packets;
    struct tcp_sack_hint hint[TCP_SACK_HINTS];
    uint8_t next_hint; /* the one to be given up next */
    bool hinted;       /* one of them may be in use */
};

/* F-RTO (RFC 5682): how far the question is whether the last timeout was spurious. */
enum tcp_frto {
    TCP_FRTO_OFF,
    TCP_FRTO_FIRST,  /* waits for the first ACK since the timeout */
    TCP_FRTO_SECOND, /* that one moved SND.UNA and new data went: the next one tells */
};

/* How a reduction may be found to have been for nothing (loss/undo.c). */
struct tcp_undo {
    bool open;       /* it still may */
    bool resent_any; /* of this episode something was sent again, first at ts_ms */
    bool decided;    /* an ACK told whether its echo is older */
    uint32_t ts_ms;  /* our timestamp then (RFC 3522) */
    uint32_t una;    /* SND.UNA when the episode began */
    uint32_t end;    /* SND.NXT then */
    uint32_t resent; /* bytes sent again and not reported as duplicates (RFC 3708) */
};

/* RACK-TLP (RFC 8985 5.3, 5.4); most names are the RFC's. */
struct tcp_rack {
    uint64_t xmit_ns; /* when the latest packet of which we know that it arrived went; 0: none */
    uint64_t rtt_ns;  /* its round trip */
    uint64_t min_rtt_ns;
    uint64_t min_rtt_at_ns;
    uint32_t reordered_bytes; /* so far was something overtaken, at most; 0: nothing was */
    uint32_t end_seq;         /* its end */
    uint32_t fack;            /* the highest number that arrived */
    uint32_t dsack_round;     /* SND.NXT when the reordering window last grew */
    uint32_t tlp_end_seq;     /* SND.NXT when the probe went */
    uint8_t reo_wnd_steps;    /* by so many quarters of min_rtt it is larger than one */
    uint8_t reo_wnd_persist;  /* recoveries until it falls back */
    bool dsack_seen;          /* dsack_round counts */
    bool tlp_out;             /* a probe is out and not accounted for */
    bool tlp_retrans;         /* it had been sent before */
    bool tlp_now; /* tcp_output is to send one new segment whatever cwnd and Nagle say */
};

#endif
