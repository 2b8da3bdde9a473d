/*
 * The timers of a connection: a deadline each, and one place in the stack's wheel for all of them.
 * Written by block/timer.c and its functions in block.h. Data only.
 */
#ifndef NET_TCP_BLOCK_TIMER_H
#define NET_TCP_BLOCK_TIMER_H

#include "kernel/base.h"
#include "kernel/timer.h"

/* Those that are due in the same tick have their turn in this order: a repair that RACK finds
 * spares the timeout, and what either sends carries the ACK that was put off. */
enum tcp_timer_kind {
    TCP_TIMER_RACK,   /* reordering window, tail loss probe (RFC 8985) */
    TCP_TIMER_RTX,    /* retransmission and persist (RFC 6298, RFC 9293 3.8.6.1) */
    TCP_TIMER_DELACK, /* delayed ACK */
    TCP_TIMER_IDLE,   /* keepalive, FIN-WAIT-2 */
    TCP_TIMERS,
};

/* A deadline that moves later, or is taken back, costs a store: the wheel comes too early then and
 * is hung anew for what is left. */
struct tcp_timers {
    uint64_t due_ns[TCP_TIMERS]; /* DEADLINE_NONE: not armed */
    struct timer wheel;          /* hangs for the soonest of them at the latest, or not at all */
};

#endif
