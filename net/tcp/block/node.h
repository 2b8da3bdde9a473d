/*
 * What the keyed table of 4-tuples holds, told apart by a common head: control blocks (cb.h),
 * half-open records (a SYN costs no more than one of these) and TIME-WAIT records. A listener is a
 * control block found by its port alone. Data only; names of quantities are RFC 9293's (3.3.1).
 */
#ifndef NET_TCP_BLOCK_NODE_H
#define NET_TCP_BLOCK_NODE_H

#include "kernel/base.h"
#include "kernel/list.h"
#include "kernel/timer.h"
#include "net/wire/tcp.h"

struct tcp_cb;

enum tcp_node_kind {
    TCP_NODE_CB,
    TCP_NODE_HALF,
    TCP_NODE_TIME_WAIT,
};

/* The head of everything in the table of 4-tuples. */
struct tcp_node {
    struct list bucket;
    struct tcp_tuple id;
    uint8_t kind : 2;    /* enum tcp_node_kind */
    bool timestamps : 1; /* of records: agreed on (RFC 7323 3.2) */
    uint8_t answered;    /* TIME-WAIT: when a stray segment last got an ACK: answer_stray there */
    uint16_t window;     /* TIME-WAIT: the window field of its ACKs; half-open: the peer's SYN's */
};
static_assert(sizeof(struct tcp_node) <= 32, "half of a TIME-WAIT record");

struct tcp_time_wait {
    struct tcp_node node;
    struct list age;      /* all of them, the next to end first */
    uint32_t deadline_ms; /* end of 2 MSL, of a clock that wraps */
    uint32_t ts_recent;
    uint32_t snd_nxt;
    uint32_t rcv_nxt;
    uint32_t max_snd_wnd; /* RFC 5961 5.2: how old an acknowledgement may be */
    uint8_t rcv_wscale;   /* the shift of node.window */
    uint8_t tos;          /* what the owner chose for the IP header, as tcp_choices has it */
    uint8_t ttl;
};
static_assert(sizeof(struct tcp_time_wait) <= 80, "what the pool makes of it");

/* SYN-RECEIVED after a passive open: what a SYN told, and what ours said. */
struct tcp_half {
    struct tcp_node node;
    struct timer timer;      /* SYN-ACK retransmission */
    struct list age;         /* all of them, oldest first */
    struct list of_listener; /* its listener's, oldest first */
    struct tcp_cb *listener;
    uint32_t iss;
    uint32_t irs;
    uint16_t peer_mss;
    uint16_t rcv_wnd;    /* the window our SYN-ACK announced, never scaled */
    uint8_t peer_wscale; /* TCP_WSCALE_NONE: not offered */
    uint8_t rcv_wscale;  /* ours, sent only when the peer offered one */
    uint8_t retries;     /* SYN-ACKs sent again by the timer */
    uint8_t acks;        /* bare ACKs sent since the timer last fired */
    bool sack_permitted;
    bool ecn;           /* the SYN asked for it, and we agree */
    bool cookie;        /* iss is a SYN cookie, which outlives the record (open/cookie.c) */
    bool untimed;       /* iss went out before the record was made: nobody knows when */
    bool deferred;      /* TCP_DEFER_ACCEPT: the handshake's ACK has come; data is waited for */
    bool resent;        /* of a deferred one: a SYN-ACK had been lost */
    uint32_t rtt_us;    /* of a deferred one: from the SYN-ACK to its ACK */
    uint32_t ts_recent; /* TSval of the SYN */
    uint32_t ts_offset; /* where our own clock starts for the peer; 0 without timestamps */
};
static_assert(sizeof(struct tcp_half) <= 192, "three cache lines");

#endif
