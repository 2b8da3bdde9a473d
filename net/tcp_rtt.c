/*
 * Round-trip time and the retransmission timeout (RFC 6298), in integers: srtt scaled by 8 and
 * rttvar by 4, as Jacobson's paper has it. Samples are taken from segments sent once only (Karn).
 */
#include "net/tcp_int.h"

enum {
    CLOCK_GRANULARITY_US = TIMER_TICK_NS / NS_PER_US, /* G: the timer wheel's tick */
    RTT_SAMPLE_MAX_US = TCP_RTO_MAX_MS * US_PER_MS,
};

void tcp_rtt_init(struct tcp_rtt *r)
{
    *r = (struct tcp_rtt){.rto_us = TCP_RTO_INITIAL_MS * US_PER_MS}; /* 2.1 */
}

void tcp_rtt_sample(struct tcp_rtt *r, uint64_t rtt_ns)
{
    uint32_t rtt = (uint32_t)min_u64(max_u64(rtt_ns / NS_PER_US, 1), RTT_SAMPLE_MAX_US);
    if (r->srtt_us8 == 0) { /* 2.2 */
        r->srtt_us8 = rtt * 8;
        r->rttvar_us4 = rtt * 2;
    } else { /* 2.3, alpha 1/8, beta 1/4 */
        uint32_t srtt = r->srtt_us8 / 8;
        uint32_t off = srtt > rtt ? srtt - rtt : rtt - srtt;
        r->rttvar_us4 = r->rttvar_us4 - r->rttvar_us4 / 4 + off;
        r->srtt_us8 = r->srtt_us8 - srtt + rtt;
    }
    /* RTO = SRTT + max(G, 4 RTTVAR); 2.4 and 2.5 bound it. */
    uint32_t rto = r->srtt_us8 / 8 + max_u32(CLOCK_GRANULARITY_US, r->rttvar_us4);
    rto = max_u32(rto, TCP_RTO_MIN_MS * US_PER_MS);
    r->rto_us = min_u32(rto, TCP_RTO_MAX_MS * US_PER_MS);
    assert(r->srtt_us8 > 0 && r->rto_us > 0);
}

/* 5.5: doubled for each timeout, up to the maximum. */
uint64_t tcp_rto_ns(const struct tcp_cb *t, uint8_t doublings)
{
    uint64_t rto = (uint64_t)t->rtt.rto_us * NS_PER_US;
    uint8_t shift = doublings < 16 ? doublings : 16;
    return min_u64(rto << shift, tcp_ms(TCP_RTO_MAX_MS));
}
