/*
 * What CUBIC (cubic.c) keeps for a connection, in the words that every algorithm has for its own.
 */
#ifndef NET_TCP_CC_CUBIC_H
#define NET_TCP_CC_CUBIC_H

#include "net/tcp/block/block.h"

/* The curve is what a spurious loss has to give back (RFC 9438 4.9). */
struct tcp_cubic_curve {
    uint64_t epoch_ns; /* begin of congestion avoidance, put off by pauses; 0: not begun */
    uint64_t est_rest; /* of w_est: what is less than a byte */
    uint32_t w_max;    /* bytes; 0: no loss yet */
    uint32_t w_est;    /* bytes */
    uint32_t k_ms;
};

struct tcp_cubic {
    struct tcp_cubic_curve curve;
    struct tcp_cubic_curve prior; /* before the last reduction */
    uint64_t used_ns;             /* to here time is accounted for */
    uint32_t cwnd_prior;          /* bytes, at the last reduction */
    bool timed_out;               /* the last reduction was a timeout's */
};
static_assert(sizeof(struct tcp_cubic) <= sizeof(((struct tcp_cc_cold *)0)->state),
              "fits its place");

static inline struct tcp_cubic *tcp_cubic(struct tcp_cb *t)
{
    return (struct tcp_cubic *)(void *)t->cc_cold.state;
}

#endif
