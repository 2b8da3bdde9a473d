/*
 * What the estimator (rtt.h) begins with.
 */
#include "net/tcp/loss/int.h"

void tcp_rtt_init(struct tcp_rtt *r)
{
    *r = (struct tcp_rtt){.rto_us = TCP_RTO_INITIAL_MS * US_PER_MS}; /* 2.1 */
}
