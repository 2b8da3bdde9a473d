/*
 * For the files of this room alone: the rounds of the first slow start.
 */
#ifndef NET_TCP_CC_INT_H
#define NET_TCP_CC_INT_H

#include "net/tcp/cc/cc.h"

/* hystart.c, for cc.c. */
void tcp_hystart_init(struct tcp_cb *t);
void tcp_hystart_on_ack(struct tcp_cb *t, uint32_t rtt_us); /* may set ssthresh */

#endif
