/*
 * What a sender knows of loss and how it is repaired (docs/tcp.md, "Loss and recovery"). Written by
 * loss/ alone. Data only.
 */
#ifndef NET_TCP_BLOCK_LOSS_H
#define NET_TCP_BLOCK_LOSS_H

#include "kernel/base.h"
#include "kernel/list.h"
#include "kernel/pkt.h"

/* Round-trip time and timeout (RFC 6298), in us; srtt is scaled by 8 and rttvar by 4. */
struct tcp_rtt {
    uint32_t srtt_us8; /* 0: no measurement yet */
    uint32_t rttvar_us4;
    uint32_t rto_us;
};

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
 * Where the packets are that were sent and are not acknowledged: in the network (in_flight), or
 * believed lost (lost), or the peer has them (sacked; the scoreboard of RFC 6675 3).
 */
struct tcp_scoreboard {
    struct list in_flight; /* tcp_tx_note.order, the one sent longest ago first */
    struct list lost;      /* the same, lowest first as far as bounded work can tell */
    uint32_t lost_bytes;   /* sent, believed lost, not sent again */
    uint32_t sacked_bytes;
    uint32_t sacked_packets;
    bool hinted;          /* one of the hints may be in use */
    bool fin_lost;        /* our FIN is believed lost */
    uint8_t next_hint;    /* the one to be given up next */
    struct pkt *edge;     /* every packet in front of it was judged by IsLost; NULL: none was */
    uint32_t above_bytes; /* of sacked_bytes: at or behind the edge */
    uint32_t above_packets;
    uint32_t high_sacked; /* the highest number sacked + 1, while sacked_packets > 0 */
    struct tcp_sack_hint hint[TCP_SACK_HINTS];
};

/* F-RTO (RFC 5682): how far the question is whether the last timeout was spurious. */
enum tcp_frto {
    TCP_FRTO_OFF,
    TCP_FRTO_FIRST,  /* waits for the first ACK since the timeout */
    TCP_FRTO_SECOND, /* that one moved SND.UNA and new data went: the next one tells */
};

/* How a reduction may be found to have been for nothing (loss/undo.c). */
struct tcp_undo {
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
    uint32_t end_seq;        /* its end */
    uint32_t fack;           /* the highest number that arrived */
    bool dsack_seen;         /* dsack_round counts */
    bool tlp_out;            /* a probe is out and not accounted for */
    bool tlp_retrans;        /* it had been sent before */
    bool tlp_now;            /* tcp_output is to send one new segment whatever cwnd and Nagle say */
    uint8_t reo_wnd_steps;   /* by so many quarters of min_rtt it is larger than one */
    uint8_t reo_wnd_persist; /* recoveries until it falls back */
    uint64_t min_rtt_at_ns;
    uint32_t reordered_bytes; /* so far was something overtaken, at most; 0: nothing was */
    uint32_t dsack_round;     /* SND.NXT when the reordering window last grew */
    uint32_t tlp_end_seq;     /* SND.NXT when the probe went */
};

struct tcp_loss {
    uint32_t recover;  /* RFC 6582: SND.NXT when recovery began */
    uint8_t backoff;   /* doublings of the timeout, until a new measurement (Karn) */
    uint8_t timeouts;  /* since SND.UNA last moved */
    uint8_t dupacks;   /* saturates */
    uint8_t frto;      /* enum tcp_frto */
    bool partial_seen; /* NewReno: the first partial acknowledgement of this recovery has come */
    bool rescued;      /* RFC 6675: the one rescue retransmission of this recovery was made */
    bool undo_open;    /* the last reduction may still be found to have been for nothing */
    bool force_rtx;    /* the next lost packet goes whatever cwnd says (RFC 6582 3.2 steps 2, 5) */
};

/* What loss recovery needs while it repairs something, and its totals. */
struct tcp_loss_cold {
    uint32_t recover_fs;    /* RFC 9937: what was out when recovery began */
    uint32_t prr_delivered; /* since then */
    uint32_t prr_out;       /* sent since then */
    uint32_t dsacks;        /* duplicates that the peer told of (RFC 2883) */
    uint32_t reord_seen;    /* ACKs that told of something overtaken */
};

#endif
