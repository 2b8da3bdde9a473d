/*
 * Congestion control behind a table of functions: the algorithm decides how cwnd grows and what
 * ssthresh becomes; when there is loss is decided by tcp_recovery.c. Bytes throughout.
 */
#ifndef NET_TCP_CC_H
#define NET_TCP_CC_H

#include "kernel/base.h"

struct tcp_cb;

struct tcp_cc_ops {
    const char *name;
    void (*init)(struct tcp_cb *t);
    /* New data was acknowledged outside fast recovery; flight was what was out before. */
    void (*on_ack)(struct tcp_cb *t, uint32_t acked_bytes, uint32_t flight);
    /* The new ssthresh when loss is found. */
    uint32_t (*ssthresh)(struct tcp_cb *t);
};

extern const struct tcp_cc_ops tcp_cc_newreno;

/* Sets cwnd and ssthresh at the beginning of a connection. */
void tcp_cc_start(struct tcp_cb *t);

/* The initial window in bytes (RFC 6928). */
uint32_t tcp_cc_initial_window(const struct tcp_cb *t);

/* Before data goes after a pause: RFC 5681 4.1. */
void tcp_cc_after_idle(struct tcp_cb *t);

#endif
