/*
 * How tests see and set up the inside of a connection: the one place, beside tcp_check.c,
 * tests/sim/account.c and tests/bench/where.c, that knows how struct tcp_cb and struct tcp are laid
 * out (`make check` holds the others to it). What the public report says is taken from there. Names
 * are RFC 9293's and those of the RFC that has the quantity.
 */
#ifndef TESTS_UNIT_TCP_SEE_H
#define TESTS_UNIT_TCP_SEE_H

#include <string.h>

#include "net/tcp/block/block.h"
#include "net/tcp/cc/cc.h"
#include "net/tcp/cc/cubic.h"
#include "net/tcp/cc/ecn.h"
#include "net/tcp/life/life.h"
#include "net/tcp/loss/int.h"
#include "net/tcp/open/int.h"
#include "net/tcp/recv/int.h"
#include "net/tcp/root.h"
#include "net/tcp/send/send.h"
#include "net/tcp/tcp.h"

static inline struct tcp_report report_of(const struct tcp_cb *t)
{
    struct tcp_report report;
    tcp_get_report(t, &report);
    return report;
}

/* A reader that asks the public report, one that looks inside, and a setter. */
#define SEE_REPORTED(type, name, member)            \
    static inline type name(const struct tcp_cb *t) \
    {                                               \
        return report_of(t).member;                 \
    }
#define SEE(type, name, member)                     \
    static inline type name(const struct tcp_cb *t) \
    {                                               \
        return t->member;                           \
    }
#define SET(type, name, member)                           \
    static inline void name(struct tcp_cb *t, type value) \
    {                                                     \
        t->member = value;                                \
    }

/* What both ends agreed on, and whose connection it is. */
SEE(enum tcp_state, state_of, state)
SEE(uint16_t, local_port_of, node.id.lport)
SEE(uint16_t, peer_port_of, node.id.rport)
SEE(uint32_t, iss_of, snd_cold.iss)
SEE(uint32_t, irs_of, rcv.irs)
SEE_REPORTED(bool, sack_agreed, sack)
SEE_REPORTED(bool, timestamps_agreed, timestamps)
SEE_REPORTED(bool, ecn_agreed, ecn)
SEE(int, pending_error, error) /* stays pending */
SEE(int, soft_error_of, soft_error)
SEE(bool, rcvbuf_fixed, opt.rcvbuf_fixed)
SEE(bool, sndbuf_fixed, opt.sndbuf_fixed)

/* The sender: bytes, and sequence numbers as on the wire. */
SEE(uint32_t, snd_una, snd.una)
SEE(uint32_t, snd_nxt, snd.nxt)
SEE_REPORTED(uint32_t, snd_wnd, snd_wnd)
SEE(uint32_t, max_snd_wnd, snd.max_wnd)
SEE(uint32_t, window_seq, snd.wl1) /* SND.WL1 */
SEE_REPORTED(uint32_t, snd_mss, snd_mss)
SEE(uint32_t, sndbuf_bytes, snd.buf_bytes)
SEE(uint64_t, sent_ns, snd.sent_ns)
SEE_REPORTED(uint8_t, probes_of, probes)
SEE(bool, fin_sent, snd.fin_sent)
SEE(bool, fin_lost, board.fin_lost)
SEE(bool, syn_resent, snd_cold.syn_resent)
SEE(bool, syn_unsent, snd_cold.syn_unsent)
SEE(bool, syn_untimed, snd_cold.syn_untimed)
SEE(uint32_t, queued_packets, snd.queue.packets) /* sent or not, not acknowledged */
SEE(uint32_t, queued_bytes, snd.queue.bytes)
SEE(struct pkt *, snd_first, snd.queue.first)
SEE(struct pkt *, snd_last, snd.queue.last)
SEE_REPORTED(uint32_t, path_mtu_of, mtu)
SEE(bool, path_proven, path.proven)
SEE(bool, path_may_fragment, path.may_fragment)

/* The scoreboard and what a sender knows of loss. */
SEE(uint32_t, sacked_bytes, board.sacked_bytes)
SEE_REPORTED(uint32_t, sacked_packets, sacked_packets)
SEE(uint32_t, lost_bytes, board.lost_bytes)
SEE(bool, sack_hinted, board.hinted)
SEE(uint32_t, srtt_us8, rtt.srtt_us8) /* eighths of us */
SEE_REPORTED(uint32_t, rto_us, rto_us)
SEE_REPORTED(uint8_t, backoff_of, backoff)
SEE_REPORTED(uint8_t, timeouts_of, retransmits)
SEE(uint8_t, dupacks_of, loss.dupacks)
SEE(enum tcp_frto, frto_of, loss.frto)
SEE(uint32_t, reordered_bytes, rack.reordered_bytes)
SEE(uint8_t, reo_wnd_steps, rack.reo_wnd_steps)

static inline bool rtx_timer_armed(const struct tcp_cb *t)
{
    return tcp_timer_armed(t, TCP_TIMER_RTX);
}

/* The one timer of a connection, in the wheel. */
static inline const struct timer *wheel_timer(const struct tcp_cb *t)
{
    return &t->timer.wheel;
}

/* Congestion control. */
SEE_REPORTED(uint32_t, cwnd_of, cwnd)
SEE_REPORTED(uint32_t, ssthresh_of, ssthresh)
SEE(enum tcp_recovery, recovery_of, cc.recovery)
SEE(enum tcp_hystart_phase, hystart_phase, cc_cold.hystart.phase)
SEE(bool, ecn_echo_due, ecn.echo)

static inline const struct tcp_cubic_curve *cubic_curve(const struct tcp_cb *t)
{
    const struct tcp_cubic *cubic = (const void *)t->cc_cold.state;
    return &cubic->curve;
}

/* The receiver. */
SEE(uint32_t, rcv_nxt, rcv.nxt)
SEE(uint32_t, rcv_adv, rcv.adv) /* right edge of what was advertised */
SEE_REPORTED(uint8_t, rcv_wscale, rcv_wscale)
SEE(uint32_t, rcvbuf_bytes, rcv.buf_bytes)
SEE(bool, fin_received, rcv.fin_received)
SEE(uint32_t, readable_packets, rcv.queue.in_order.count)
SEE_REPORTED(uint32_t, ooo_packets, ooo_packets)
SEE(uint32_t, ooo_bytes, rcv.queue.ooo_bytes)
SEE(uint32_t, ooo_ranges, rcv.queue.range_count)
SEE(struct pkt *, ooo_first, rcv.queue.ranges)
SEE_REPORTED(uint32_t, rcv_rtt_us, rcv_rtt_us)
SEE(uint32_t, round_read, rcv.tune.round_read)
SEE(uint32_t, ts_recent, ts.recent)
SEE(uint32_t, ts_offset, ts.offset)

/* A listener. */
SEE_REPORTED(uint32_t, accept_count, accept_count)
SEE(uint32_t, half_open_count, listener.half_count)

/* Setting up what takes long, or a network of its own, to come about. */
SET(uint32_t, set_cwnd, cc.cwnd)
SET(uint32_t, set_ssthresh, cc.ssthresh)
SET(enum tcp_recovery, set_recovery, cc.recovery)
SET(uint32_t, set_rto_us, rtt.rto_us)
SET(uint16_t, set_snd_mss, snd.mss)
SET(uint32_t, set_max_snd_wnd, snd.max_wnd)
SET(bool, set_syn_resent, snd_cold.syn_resent)
SET(uint32_t, set_recover, loss.recover)
SET(uint32_t, set_rcvbuf_bytes, rcv.buf_bytes)
SET(uint32_t, set_rcv_rtt_us, rcv.tune.rtt_us)

#undef SEE_REPORTED
#undef SEE
#undef SET

/* The only round trip measured so far. */
static inline void set_rtt_ms(struct tcp_cb *t, uint32_t ms)
{
    tcp_rtt_init(&t->rtt);
    tcp_rtt_sample(&t->rtt, ms * NS_PER_MS, 1);
}

/* So many bytes are out, whatever the queue has. */
static inline void set_flight(struct tcp_cb *t, uint32_t bytes)
{
    t->snd.nxt = t->snd.una + bytes;
}

/* The peer acknowledged so many bytes more: SND.UNA alone. */
static inline void move_snd_una(struct tcp_cb *t, uint32_t bytes)
{
    t->snd.una += bytes;
}

/* The SYN is acknowledged and no data ever went. */
static inline void set_nothing_sent(struct tcp_cb *t)
{
    t->snd.nxt = t->snd.una = t->snd_cold.iss + 1;
}

/* Data last went now: idle time counts from here. */
static inline void set_sent_now(struct tcp_cb *t)
{
    t->snd.sent_ns = t->net->now_ns;
}

/* As if the peer had just answered the SYN that is out, with this window. */
static inline void set_established(struct tcp_cb *t, uint32_t wnd)
{
    t->state = TCP_ESTABLISHED;
    t->snd.una = t->snd.nxt;
    t->snd.wnd = wnd;
}

static inline void set_no_timeouts(struct tcp_cb *t)
{
    t->loss.timeouts = 0;
}

/* A tail loss probe of what is out counts as made: no other goes (RFC 8985 7.2). */
static inline void set_probe_out(struct tcp_cb *t)
{
    t->rack.tlp_out = true;
    t->rack.tlp_end_seq = t->snd.nxt;
}

/* The reordering window last grew when SND.NXT was here (RFC 8985 6.2). */
static inline void set_dsack_round(struct tcp_cb *t, uint32_t snd_nxt_then)
{
    t->rack.dsack_seen = true;
    t->rack.dsack_round = snd_nxt_then;
}

/* The path's MTU was lowered so long ago. */
static inline void set_path_lowered_ago(struct tcp_cb *t, uint64_t ns)
{
    t->path.lowered_ns = t->net->now_ns - ns;
}

/* An ACK must leave, for no segment's sake. */
static inline void set_ack_due(struct tcp_cb *t)
{
    t->rcv.ack_now = true;
}

/* The stack: its tables and who is in them. */
static inline struct pool *connection_pool(struct net *n)
{
    return &n->tcp.cbs;
}

static inline struct pool *half_open_pool(struct net *n)
{
    return &n->tcp.halves;
}

static inline struct pool *time_wait_pool(struct net *n)
{
    return &n->tcp.time_waits;
}

static inline uint32_t connections_of(const struct net *n)
{
    return n->tcp.cbs.used; /* control blocks: listeners too */
}

static inline uint32_t half_opens_of(const struct net *n)
{
    return n->tcp.halves.used;
}

static inline uint32_t time_waits_of(const struct net *n)
{
    return n->tcp.time_waits.used;
}

static inline uint32_t orphans_of(const struct net *n)
{
    return n->tcp.orphan_count;
}

/* Every control block in turn: the one behind t, the first for NULL; NULL behind the last. */
static inline struct tcp_cb *next_connection(struct net *n, const struct tcp_cb *t)
{
    const struct list *it = t != NULL ? &t->all : &n->tcp.all;
    return it->next != &n->tcp.all ? list_entry(it->next, struct tcp_cb, all) : NULL;
}

/* TIME-WAIT records, by age. */
static inline struct tcp_time_wait *oldest_time_wait(struct net *n)
{
    return list_entry(list_first(&n->tcp.time_wait_age), struct tcp_time_wait, age);
}

static inline void add_time_wait(struct net *n, struct tcp_time_wait *w)
{
    tcp_table_insert(n, &w->node);
    list_push_back(&n->tcp.time_wait_age, &w->age);
}

/* From now on no cookie of ours is believed to be out. */
static inline void set_no_cookies_out(struct net *n)
{
    n->tcp.cookies_until_ns = n->now_ns;
}

/* What the port table says. */
static inline const struct tcp_ports *ports_of(const struct net *n)
{
    return &n->tcp.ports;
}

/* What it should say: to users of each of TCP_PORTS adds those met on a walk through the tables. */
static inline void count_port_users(const struct net *n, uint32_t *users)
{
    const struct list *it;
    for (uint32_t i = 0; i < n->tcp.bucket_count; i++) {
        list_for_each (it, &n->tcp.buckets[i]) {
            users[list_entry(it, struct tcp_node, bucket)->id.lport]++;
        }
    }
    for (uint32_t i = 0; i < TCP_BOUND_BUCKETS; i++) {
        list_for_each (it, &n->tcp.bound[i]) {
            users[local_port_of(list_entry(it, struct tcp_cb, bound))]++;
        }
    }
}

/* Are the parts that an opening writes the same, but for what points elsewhere? */
#define SAME(member) (memcmp(&a->member, &b->member, sizeof(a->member)) == 0)
static inline bool opened_alike(const struct tcp_cb *a, const struct tcp_cb *b)
{
    return a->state == b->state && SAME(node.id) && SAME(idle) && SAME(rcv) && SAME(ts) &&
           SAME(snd) && SAME(path) && SAME(rtt) && SAME(loss) && SAME(rack) &&
           a->cc.cwnd == b->cc.cwnd && a->cc.ssthresh == b->cc.ssthresh && SAME(timer.due_ns) &&
           SAME(rcv_cold) && SAME(snd_cold);
}
#undef SAME

#endif
