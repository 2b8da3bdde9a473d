/*
 * Path MTU discovery for a connection (RFC 1191, RFC 5927 7): what size its segments have. A
 * router's word is taken only about a packet that is really on its way; a path that swallows large
 * packets without a word (RFC 2923 2.1) is found by repeated timeouts; after ten minutes the link's
 * size is tried again.
 */
#include "net/tcp/cc/cc.h"
#include "net/tcp/loss/loss.h"
#include "net/tcp/send/send.h"

static uint32_t option_bytes(const struct tcp_cb *t)
{
    return t->ts.on ? TCP_TIMESTAMP_BYTES : 0;
}

/* RFC 6691: what the link carries, less when the owner said so. */
uint16_t tcp_announced_mss(const struct tcp_cb *t, uint16_t mtu)
{
    uint16_t mss = (uint16_t)(mtu - TCP_IP_HEADERS);
    return t->opt.mss != 0 && t->opt.mss < mss ? t->opt.mss : mss;
}

/* RFC 9293 3.7.1, RFC 6691: the smaller of what the peer announced and what the path carries (and
 * TCP_MAXSEG), less the options that every segment has. */
void tcp_pmtu_update_mss(struct tcp_cb *t)
{
    uint32_t mss = min_u32(t->path.peer_mss, t->path.mtu - TCP_IP_HEADERS);
    if (t->opt.mss != 0) {
        mss = min_u32(mss, t->opt.mss);
    }
    t->snd.mss = (uint16_t)min_u32(mss - option_bytes(t), TCP_SEGMENT_MAX);
    assert(t->snd.mss > 0 && t->snd.mss + option_bytes(t) + TCP_IP_HEADERS <= t->net->cfg.mtu);
    tcp_cc_segment_changed(t);
}

/* The connection begins: peer_mss is what the peer's SYN announced. */
void tcp_pmtu_begin(struct tcp_cb *t, uint16_t peer_mss)
{
    struct net *n = t->net;
    t->path.peer_mss = (uint16_t)max_u32(peer_mss, TCP_MSS_FLOOR);
    t->path.mtu = pmtu_get(n, t->node.id.raddr, &t->path.may_fragment);
    t->path.lowered_ns = n->now_ns;
    t->path.may_fragment |= (n->cfg.tcp_off & NET_TCP_OFF_PMTUD) != 0;
    t->path.proven = false;
    t->path.claims = 0;
    tcp_pmtu_update_mss(t);
}

/* What was sent larger than the path carries cannot have arrived: it goes again at once. One look
 * at each packet that is out, as at a timeout; few messages come to this (see `believable`). */
static void resend_large(struct tcp_cb *t)
{
    for (struct pkt *p = t->snd.queue.first; p != NULL && p != t->snd.queue.unsent;
         p = tx_note(p)->next) {
        if (tx_note(p)->len > t->snd.mss && !tx_note(p)->sacked) {
            tcp_mark_lost(t, p);
        }
    }
    tcp_loss_force(t);
    tcp_timer_stop(t, TCP_TIMER_RTX);
    tcp_rack_look_again(t);
}

/*
 * RFC 1191 6.5: it was no congestion, so the window stays, but slow start leads back to it. What
 * one message may set off at once is bounded; a buffer of the size they begin with goes whole.
 */
static void bound_burst(struct tcp_cb *t)
{
    uint32_t burst = TCP_PMTU_BURST_SEGMENTS * (uint32_t)t->snd.mss;
    if (t->board.lost_bytes > burst && t->cc.cwnd > tcp_pipe(t) + burst) {
        tcp_cc_step_back(t, tcp_pipe(t) + burst);
    }
}

/*
 * What of a claim is believed. There are no more than a few narrow places on a path, so the first
 * numbers are taken as they are; claims that go on get the next plateau (RFC 1191 7) at or below
 * their number, and the floor soon after: each step makes us send all that is out again, and claims
 * of a byte less each time could bring that about without end. A smaller size is always safe.
 */
static uint16_t believable(struct tcp_cb *t, uint16_t mtu)
{
    if (t->path.claims < TCP_PMTU_CLAIMS) {
        t->path.claims++;
        return mtu;
    }
    NET_COUNT(t->net, tcp_pmtu_plateaus);
    return mtu > PMTU_FLOOR_BYTES ? pmtu_plateau_below((uint16_t)(mtu + 1)) : mtu;
}

static void lower(struct tcp_cb *t, uint16_t mtu)
{
    t->path.mtu = pmtu_lower(t->net, t->node.id.raddr, mtu);
    t->path.may_fragment |= mtu < PMTU_FLOOR_BYTES;
    t->path.lowered_ns = t->net->now_ns;
    t->path.proven = false;
    tcp_pmtu_update_mss(t);
}

/*
 * "Fragmentation needed" about a packet of `quoted_bytes` that began at a sequence number in flight
 * (the caller has looked). Believed when that packet can be one of ours and did not fit what the
 * router claims (RFC 5927 7.2): only then does the message make sense. Never raises.
 */
enum tcp_due tcp_pmtu_message(struct tcp_cb *t, uint16_t mtu, uint16_t quoted_bytes)
{
    if (mtu == 0) { /* RFC 1191 5: a router that does not know the option */
        mtu = pmtu_plateau_below(quoted_bytes);
    }
    bool sensible = quoted_bytes <= t->path.mtu && mtu < quoted_bytes;
    if (!sensible || t->path.may_fragment || (t->net->cfg.tcp_off & NET_TCP_OFF_PMTUD)) {
        NET_COUNT(t->net, tcp_icmp_ignored);
        return TCP_DUE_NOTHING;
    }
    NET_COUNT(t->net, tcp_icmp_frag_needed);
    lower(t, believable(t, mtu));
    resend_large(t);
    bound_burst(t);
    return TCP_DUE_OUTPUT;
}

/*
 * A timeout, with the count of those in a row already in t->loss.timeouts. Large segments that
 * vanish again and again may be too large for a path that does not say so. One size that is known
 * to have passed gets more patience than one that never did.
 */
void tcp_pmtu_timeout(struct tcp_cb *t)
{
    struct pkt *head = t->snd.queue.first;
    uint8_t patience = t->path.proven ? TCP_BLACK_HOLE_PROVEN_TIMEOUTS : TCP_BLACK_HOLE_TIMEOUTS;
    bool large =
        head != NULL && tx_note(head)->len + option_bytes(t) + TCP_IP_HEADERS > PMTU_FLOOR_BYTES;
    /* From the first suspicion on each timeout tries the next size: with the timeout doubling every
     * time, waiting as long again would outlast the connection. */
    if (!large || t->loss.timeouts < patience || t->path.mtu <= PMTU_FLOOR_BYTES ||
        (t->net->cfg.tcp_off & NET_TCP_OFF_PMTUD)) {
        return;
    }
    NET_COUNT(t->net, tcp_black_holes);
    uint32_t packet = tx_note(head)->len + option_bytes(t) + TCP_IP_HEADERS;
    lower(t, pmtu_plateau_below((uint16_t)packet));
}

/* RFC 1191 6.3: ten minutes after the last lowering the larger size is tried again. */
void tcp_pmtu_try_larger(struct tcp_cb *t)
{
    struct net *n = t->net;
    if (n->now_ns - t->path.lowered_ns < PMTU_LIFE_S * NS_PER_S) {
        return;
    }
    NET_COUNT(n, tcp_pmtu_raised);
    tcp_pmtu_begin(t, t->path.peer_mss);
}
