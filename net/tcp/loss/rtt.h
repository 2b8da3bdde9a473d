/*
 * Round-trip time and the retransmission timeout (RFC 6298), in integers: srtt scaled by 8 and
 * rttvar by 4, as Jacobson's paper has it. Which samples are good is decided in ack.c. Inline: each
 * ACK of new data brings one.
 */
#ifndef NET_TCP_LOSS_RTT_H
#define NET_TCP_LOSS_RTT_H

#include "net/tcp/block/block.h"

enum {
    TCP_RTT_SAMPLE_MAX_US = TCP_RTO_MAX_MS * US_PER_MS, /* and so do what they differ by: 32 bits */
    TCP_RTT_EXPECTED_MAX = 256, /* beyond it, integers would swallow the samples */
};

/* Moves *average, scaled by 1/gain, towards sample by gain / expected of what they differ. */
static inline void tcp_rtt_move(uint32_t *average, uint32_t gain, uint32_t sample,
                                uint32_t expected)
{
    int32_t off = (int32_t)(sample - *average / gain);
    *average += (uint32_t)(likely(expected == 1) ? off : off / (int32_t)expected);
}

/*
 * A sample; expected: how many of them a round trip brings. RFC 7323 4.2 and appendix G: with
 * timestamps every ACK is one, and the gains, which were meant for one in a round trip, are divided
 * by their number. Otherwise a steady moment would be all the timeout remembers.
 */
static inline void tcp_rtt_sample(struct tcp_rtt *r, uint64_t rtt_ns, uint32_t expected)
{
    assert(expected > 0);
    uint32_t rtt = (uint32_t)min_u64(rtt_ns / NS_PER_US, TCP_RTT_SAMPLE_MAX_US);
    rtt += rtt == 0;
    if (unlikely(expected > TCP_RTT_EXPECTED_MAX)) {
        expected = TCP_RTT_EXPECTED_MAX;
    }
    if (unlikely(r->srtt_us8 == 0)) { /* 2.2 */
        r->srtt_us8 = rtt * 8;
        r->rttvar_us4 = rtt * 2;
    } else { /* 2.3, alpha 1/8, beta 1/4 */
        uint32_t srtt = r->srtt_us8 / 8;
        tcp_rtt_move(&r->rttvar_us4, 4, srtt > rtt ? srtt - rtt : rtt - srtt, expected);
        tcp_rtt_move(&r->srtt_us8, 8, rtt, expected);
        r->srtt_us8 = max_u32(r->srtt_us8, 8);
    }
    /* RTO = SRTT + max(G, 4 RTTVAR), 2.5 bounds it. The minimum of 2.4 stands in the place of G, so
     * that a steady path leaves room for delayed ACKs and for a tail loss probe before it. */
    uint32_t rto = r->srtt_us8 / 8 + max_u32(TCP_RTO_MIN_MS * US_PER_MS, r->rttvar_us4);
    r->rto_us = min_u32(rto, TCP_RTO_MAX_MS * US_PER_MS);
}

#endif
