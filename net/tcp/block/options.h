/*
 * What the owner of a connection chose. Written by the root's opt.c, and by block/choices.c at the
 * beginning. Data only.
 */
#ifndef NET_TCP_BLOCK_OPTIONS_H
#define NET_TCP_BLOCK_OPTIONS_H

#include "kernel/base.h"

/* SO_KEEPALIVE and its times. */
struct tcp_keepalive {
    uint32_t idle_s;
    uint32_t interval_s;
    uint8_t count; /* probes without an answer before giving up */
    bool on;
};

/* What the owner asked for. A listener's connections begin with a copy of its own. */
struct tcp_choices {
    uint32_t user_timeout_ms; /* TCP_USER_TIMEOUT, RFC 5482; 0: TCP_R2_MS and the like */
    uint32_t defer_accept_s;  /* TCP_DEFER_ACCEPT; listeners only */
    uint32_t window_clamp;    /* TCP_WINDOW_CLAMP: the most to advertise; 0: no bound */
    int32_t linger2_s;        /* TCP_LINGER2: FIN-WAIT-2 as an orphan; 0: the default, -1: none */
    uint16_t mss;             /* TCP_MAXSEG: the most either side is to send; 0: the path's */
    uint8_t tos;              /* IP_TOS; its ECN bits are 0 */
    uint8_t ttl;              /* IP_TTL; 0: IPV4_TTL */
    bool cork;                /* TCP_CORK */
    bool quickack;            /* TCP_QUICKACK: no delayed ACKs */
    bool rcvbuf_fixed;        /* SO_RCVBUF was set: this buffer does not tune itself */
    bool sndbuf_fixed;        /* SO_SNDBUF */
    bool nodelay;             /* TCP_NODELAY */
    bool reuse;               /* SO_REUSEADDR, as bind() was told */
    int32_t linger_s;         /* SO_LINGER; -1 off */
};

#endif
