/*
 * Congestion control behind a table of functions: the algorithm decides how cwnd grows and what
 * ssthresh becomes. When there is loss, and what cwnd is while it is repaired, is decided by
 * loss/recovery.c. What is common to all algorithms (initial window, windows that are not used, the
 * undoing of a reduction) is in cc.c. Bytes throughout. See docs/tcp.md, "Congestion control".
 */
#ifndef NET_TCP_CC_CC_H
#define NET_TCP_CC_CC_H

#include "kernel/base.h"

struct tcp_cb;

/* An acknowledgement of new data, as an algorithm sees it. */
struct tcp_cc_ack {
    uint32_t bytes;  /* newly acknowledged, > 0 */
    uint32_t flight; /* what was out before, bytes */
    uint32_t rtt_us; /* a round trip measured by this ACK; 0: none */
};

struct tcp_cc_ops {
    const char *name; /* as TCP_CONGESTION spells it */
    void (*init)(struct tcp_cb *t);
    /* New data was acknowledged outside fast recovery while the window was in use. */
    void (*on_ack)(struct tcp_cb *t, const struct tcp_cc_ack *ack);
    /* What ssthresh becomes when congestion is found now. */
    uint32_t (*ssthresh)(const struct tcp_cb *t);
    /* It was found; cwnd is still the window that was too large. */
    void (*on_loss)(struct tcp_cb *t);
    /* Recovery is over; cwnd is what the algorithm goes on from. */
    void (*on_recovery_exit)(struct tcp_cb *t);
    /* The last reduction had no reason; cwnd and ssthresh are restored already. */
    void (*undo)(struct tcp_cb *t);
    /* The window was not in use since the last of these calls or on_ack. */
    void (*unused)(struct tcp_cb *t);
};

extern const struct tcp_cc_ops tcp_cc_newreno;
extern const struct tcp_cc_ops tcp_cc_cubic;

/* The algorithm of that name (NULL: the default), or NULL when there is none. */
const struct tcp_cc_ops *tcp_cc_find(const char *name);

/* Another algorithm for t; what cwnd and ssthresh are, stays. Any state. */
void tcp_cc_set(struct tcp_cb *t, const struct tcp_cc_ops *ops);

/* Sets cwnd and ssthresh at the beginning of a connection. */
void tcp_cc_start(struct tcp_cb *t);

/* The initial window in bytes (RFC 6928). */
uint32_t tcp_cc_initial_window(const struct tcp_cb *t);

/* New data was acknowledged outside fast recovery: cwnd grows if the window was used. The round
 * trip is t->cc.ack_rtt_us. */
void tcp_cc_acked(struct tcp_cb *t, uint32_t acked_bytes, uint32_t flight_before);

/*
 * Congestion was found (fast recovery or the first timeout of a segment begins): notes cwnd and
 * ssthresh for tcp_cc_undo and sets ssthresh; in fast recovery, for a timeout, it lowers ssthresh
 * alone. Call it while t->cc.recovery and cwnd are still the old ones; cwnd is the caller's to set.
 */
void tcp_cc_on_loss(struct tcp_cb *t);

/* The peer echoes a mark (RFC 3168): cwnd and ssthresh become smaller at once, for good. */
void tcp_cc_on_ecn(struct tcp_cb *t);

/* The caller ended recovery and set cwnd. */
void tcp_cc_recovered(struct tcp_cb *t);

/* The last tcp_cc_on_loss was for nothing (RFC 5682, 3522, 4015): cwnd and ssthresh are again at
 * least what they were. Once for each; harmless when there is nothing to undo. */
void tcp_cc_undo(struct tcp_cb *t);

/* Before data goes with nothing in flight: what a pause does to cwnd (RFC 7661 4.4.3). */
void tcp_cc_after_idle(struct tcp_cb *t);

/* For algorithms: FlightSize in bytes, as ssthresh is made of it (RFC 5681 3.1). What is out beyond
 * the window went by limited transmit, which does not count (3.2 step 2), or was lost before an
 * earlier timeout and is not in the network any more. */
uint32_t tcp_cc_flight(const struct tcp_cb *t);

/* For algorithms: slow start's growth by an ACK (RFC 5681 3.1, 3465, 9406). */
void tcp_cc_slow_start(struct tcp_cb *t, uint32_t acked_bytes);

/* hystart.c, for cc.c: the rounds of the first slow start. */
void tcp_hystart_init(struct tcp_cb *t);
void tcp_hystart_on_ack(struct tcp_cb *t, uint32_t rtt_us); /* may set ssthresh */

#endif
