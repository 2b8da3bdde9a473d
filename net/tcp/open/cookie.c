/*
 * SYN cookies (RFC 4987 3.6): a SYN answered without remembering it. What a half-open record would
 * hold goes into the sequence number of the SYN-ACK, and, where the peer has timestamps, into the
 * lowest bits of ours; the ACK brings it back. When one is sent is listen.c's decision; the
 * reasons for this layout are in docs/tcp.md, "Opening and closing under attack".
 *
 *     ISS = F(tuple) + slot * 2^24 + tag * 2^3 + index of the MSS
 *
 * F is RFC 6528's. A slot is 2^24 ticks of its 4 us clock, 67 s, so that a cookie is the number the
 * clock would have given with the lowest 24 bits replaced by a keyed hash. Two slots of eight tags
 * each are valid at any time: a blind guess is right once in 2^28.
 */
#include "net/tcp/open/int.h"
#include "net/tcp/recv/recv.h"

enum {
    SLOT_BITS = 24,
    SLOTS_VALID = 2, /* this one and the one before: a cookie holds for 67 s to 134 s */
    MSS_BITS = 3,
    TAG_MASK = (1 << (SLOT_BITS - MSS_BITS)) - 1,

    /* In the timestamp: 6 bits, 64 ms of our clock. */
    TS_BITS_MASK = 0x3f,
    TS_WSCALE_MASK = 0x0f, /* 15: not offered */
    TS_SACK_PERMITTED = 0x10,
    TS_ECN = 0x20, /* RFC 3168: asked for and agreed to */

    TAG_TIMESTAMPS = 0x80, /* in the tag: there are such bits */
};

#define SLOT_NS ((uint64_t)TCP_ISS_TICK_NS << SLOT_BITS)

/*
 * What peers announce, rounded down: what TCP takes at least; RFC 9293's default; 1280 bytes as in
 * IPv6 and many mobile networks; tunnels; 1500 less an IPv6 header, PPPoE, Ethernet. To round down
 * costs headers, to round up would cost the connection.
 */
static const uint16_t mss_table[1 << MSS_BITS] = {
    TCP_MSS_FLOOR, TCP_MSS_DEFAULT, 1220, 1360, 1400, 1440, 1452, 1460,
};

static uint32_t mss_index(uint16_t mss)
{
    uint32_t idx = 0;
    while (idx + 1 < ARRAY_SIZE(mss_table) && mss_table[idx + 1] <= mss) {
        idx++;
    }
    return idx;
}

static bool scales(const struct tcp_half *half)
{
    return half->peer_wscale != TCP_WSCALE_NONE;
}

/* Of the options what only a timestamp can carry. */
static uint8_t ts_bits(const struct tcp_half *half)
{
    uint8_t bits = scales(half) ? half->peer_wscale : TS_WSCALE_MASK;
    assert(bits <= TS_WSCALE_MASK);
    bits |= half->sack_permitted ? TS_SACK_PERMITTED : 0;
    bits |= half->ecn ? TS_ECN : 0;
    return bits;
}

/*
 * Our clock with its lowest bits replaced, and never ahead of it: a later segment must not look old
 * to the peer (RFC 7323 5.3). It may lie up to 63 ms behind, so that among SYN-ACKs it can run back
 * by so much; to a peer that waits for one each is the first it sees.
 */
uint32_t tcp_cookie_timestamp(const struct tcp_half *half, uint32_t ts)
{
    uint32_t with_bits = (ts & ~(uint32_t)TS_BITS_MASK) | ts_bits(half);
    return seq_gt(with_bits, ts) ? with_bits - (TS_BITS_MASK + 1) : with_bits;
}

/* Can a cookie stand for the record, or would options that were agreed on get lost with it? */
bool tcp_cookie_possible(const struct tcp_half *half)
{
    if (half->listener->net->cfg.tcp_off & NET_TCP_OFF_COOKIES) {
        return false;
    }
    return half->node.timestamps || (!scales(half) && !half->sack_permitted && !half->ecn);
}

/*
 * The keyed hash of all that the ACK must bring back unchanged, the options too: an echo that was
 * tampered with on the way is no cookie, instead of a connection with a wrong window scale. In the
 * same pass F, for a flood's SYN needs both; net/core/random.h says why neither tells of the other.
 */
static uint32_t tag(const struct net *n, const struct tcp_half *half, uint64_t slot, uint32_t idx,
                    uint32_t *f)
{
    const struct tcp_tuple *id = &half->node.id;
    uint32_t ts = half->node.timestamps ? ts_bits(half) | TAG_TIMESTAMPS : 0;
    const uint64_t words[] = {
        /* The lowest 32 bits of the slot come again after 9,000 years. */
        (uint64_t)half->irs << 32 | (uint32_t)slot,
        (uint64_t)ts << 8 | (uint32_t)half->rcv_wscale << MSS_BITS | idx,
    };
    uint64_t hash;
    *f = (uint32_t)net_hash_tuple_and(&n->random, NET_HASH_ISN, id->laddr, id->lport, id->raddr,
                                      id->rport, words, &hash);
    return (uint32_t)hash & TAG_MASK;
}

/* The ISS of a described record as a cookie of this moment. */
uint32_t tcp_cookie_make(const struct net *n, const struct tcp_half *half)
{
    uint64_t slot = n->now_ns / SLOT_NS;
    uint32_t idx = mss_index(half->peer_mss);
    uint32_t f;
    uint32_t low = tag(n, half, slot, idx, &f) << MSS_BITS | idx;
    assert(low >> SLOT_BITS == 0);
    return (n->cfg.tcp_isn_fixed ? n->cfg.tcp_isn : f) + ((uint32_t)slot << SLOT_BITS) + low;
}

/* From now on ACKs to listeners may carry one. */
void tcp_cookie_out(struct net *n)
{
    n->tcp.cookies_until_ns = n->now_ns + SLOTS_VALID * SLOT_NS;
}

/* Were some sent lately? Else nothing is computed for an ACK, and nothing can be guessed. */
bool tcp_cookie_expected(const struct net *n)
{
    return n->now_ns < n->tcp.cookies_until_ns;
}

/* Makes of half, which a SYN described and which is nobody's record, what a cookie can tell:
 * options that would be forgotten with it are not offered. */
void tcp_cookie_choose(struct tcp_half *half)
{
    struct net *n = half->listener->net;
    if (!half->node.timestamps) {
        half->peer_wscale = TCP_WSCALE_NONE;
        half->rcv_wscale = 0;
        half->sack_permitted = false;
        half->ecn = false;
    }
    assert(tcp_cookie_possible(half));
    half->cookie = true;
    half->iss = tcp_cookie_make(n, half);
    NET_COUNT(n, tcp_cookies_sent);
    tcp_cookie_out(n);
}

/* Completes the record that the segment, an ACK, describes, by what a cookie told, if it carries
 * one of ours: when some were sent lately (tcp_cookie_expected). */
bool tcp_cookie_recover(struct tcp_half *half, const struct tcp_segment *seg)
{
    const struct tcp_cb *l = half->listener;
    const struct net *n = l->net;
    uint8_t bits = (uint8_t)(seg->options.ts_ecr & TS_BITS_MASK);
    assert(tcp_cookie_expected(n));
    half->iss = seg->ack - 1;
    half->cookie = true;
    half->peer_wscale = TCP_WSCALE_NONE;
    half->ecn = false;
    if (half->node.timestamps) {
        uint8_t wscale = bits & TS_WSCALE_MASK;
        half->peer_wscale = wscale <= TCP_WSCALE_MAX ? wscale : TCP_WSCALE_NONE;
        half->sack_permitted = (bits & TS_SACK_PERMITTED) != 0;
        half->ecn = (bits & TS_ECN) != 0;
    }
    half->rcv_wscale = scales(half) ? tcp_pick_wscale(l) : 0;
    uint32_t value = half->iss - tcp_iss_secret(n, &half->node.id);
    uint64_t slot = n->now_ns / SLOT_NS;
    uint8_t age = (uint8_t)(slot - (value >> SLOT_BITS));
    uint32_t idx = value & (ARRAY_SIZE(mss_table) - 1);
    if (age >= SLOTS_VALID) {
        return false;
    }
    half->peer_mss = mss_table[idx];
    uint32_t f; /* known already */
    return tag(n, half, slot - age, idx, &f) == (value >> MSS_BITS & TAG_MASK);
}
