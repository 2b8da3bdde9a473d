/*
 * What the files of net/tcp share among themselves: the named limits, and each file's functions.
 *
 * Life of a control block. Any function marked "may end" can finish the connection: the block is
 * then freed when nobody owns it, or left CLOSED for its owner. Such a function says so by its
 * result, and its callers touch the block no more unless told it is alive.
 */
#ifndef NET_TCP_INT_H
#define NET_TCP_INT_H

#include "net/stack.h"
#include "net/tcp/cc/cc.h"
#include "net/tcp/tcp.h"
#include "net/wire/seq.h"
#include "net/wire/tcp.h"

enum {
    TCP_MSS_DEFAULT = 536, /* RFC 9293 3.7.1, MUST-15: without the option */
    TCP_MSS_FLOOR = 88,    /* a peer announcing less makes us burn headers (CVE-2019-11479) */
    TCP_IP_HEADERS = 40,   /* RFC 6691: what the MSS leaves out of the MTU */
    TCP_SEGMENT_MAX = PKT_BUF_BYTES - PKT_HEADROOM, /* payload one packet buffer can carry */

    TCP_RTO_INITIAL_MS = 1000,     /* RFC 6298 2.1 */
    TCP_RTO_AFTER_SYN_MS = 3000,   /* RFC 6298 5.7: the SYN had to be sent again */
    TCP_RTO_MIN_MS = 200,          /* RFC 6298 2.4 says 1 s; 200 ms as Linux and BSD do: the delayed
                                      ACKs of today's peers stay below it, and 1 s stalls a LAN */
    TCP_RTO_MAX_MS = 60 * 1000,    /* RFC 6298 2.5 */
    TCP_SYN_RETRIES = 6,           /* 1+2+4+8+16+32+60 s: RFC 9293 3.8.3 asks 3 minutes at R2 of a
                                      SYN; two, as Linux has it, is what connect() callers expect */
    TCP_SYN_ACK_RETRIES = 5,       /* a half-open record lives 63 s at most */
    TCP_R1_TIMEOUTS = 3,           /* RFC 9293 3.8.3 (SHLD-10): at least 3 retransmissions */
    TCP_R2_MS = 300 * 1000,        /* RFC 9293 3.8.3: at least 100 s without progress */
    TCP_ORPHAN_R2_MS = 100 * 1000, /* the same when the owner has gone */
    TCP_ORPHAN_PERSIST_MS = 120 * 1000, /* RFC 6429 4: a closed window may not hold us for ever */
    TCP_DELACK_MS = 40,                 /* RFC 9293 3.8.6.3: below 500 ms; Linux's minimum */
    TCP_DELACK_SEGMENTS = 2,            /* RFC 5681 4.2: at least every second segment */
    TCP_DUPACK_THRESHOLD = 3,           /* RFC 5681 3.2 */
    TCP_FIN_WAIT_2_MS = 60 * 1000,      /* for a peer that never closes, once the owner is gone */
    TCP_LINGER2_MAX_S = 120,            /* what TCP_LINGER2 may ask for, as on Linux */
    TCP_MAXSEG_MAX = 32767,             /* what TCP_MAXSEG may ask for, as on Linux */
    TCP_CLAMP_MIN_BYTES = 1024,         /* what TCP_WINDOW_CLAMP may ask for */
    TCP_KEEPIDLE_S = 7200,              /* RFC 9293 3.8.4: at least two hours by default */
    TCP_KEEPINTVL_S = 75,
    TCP_KEEPCNT = 9,
    TCP_KEEP_MAX_S = 32767,
    TCP_KEEPCNT_MAX = 127,
    TCP_MSL_DEFAULT_MS = 30 * 1000, /* TIME-WAIT 60 s, as Linux; RFC 9293 3.4.2 takes 2 minutes */
    TCP_TIME_WAIT_REUSE_MS = 1000,  /* RFC 6191: so old must a record of ours be to be used again */
    TCP_TIME_WAITS_PER_TURN = 256,  /* end in one go: as with NET_POLL_TIMERS frames get between */
    TCP_CONFIG_INITIAL_WINDOW = 10, /* RFC 6928, segments */
    TCP_CORK_MS = 200, /* a partial segment waits so long for the "more" it was promised */

    TCP_TIMESTAMP_BYTES = 12,         /* RFC 7323 appendix A: two NOPs and the option */
    TCP_SACK_HEAD_BYTES = 4,          /* two NOPs, kind and length */
    TCP_PAWS_IDLE_S = 24 * 24 * 3600, /* RFC 7323 5.5: 24 days */

    TCP_BLACK_HOLE_TIMEOUTS =
        3, /* in a row, of a large segment: it may be too large (RFC 2923 2.1) */
    TCP_BLACK_HOLE_PROVEN_TIMEOUTS = 6, /* when that size is known to have passed */

    TCP_PMTU_CLAIMS = 4, /* numbers that routers name are taken as they are; then plateaus */
    TCP_PMTU_BURST_SEGMENTS = 128, /* at once of what was too large: 64 KiB at the floor's size */

    TCP_SACK_STEPS = 256,      /* packets that the blocks of one ACK may make us look at */
    TCP_LOST_STEPS = 32,       /* packets passed to put one in its place among the lost */
    TCP_BURST_SEGMENTS = 10,   /* at once after recovery: an initial window (RFC 6928) */
    TCP_MIN_RTT_S = 300,       /* how long the smallest round trip counts */
    TCP_REO_WND_PERSIST = 16,  /* RFC 8985 6.2: recoveries that a wider reordering window lasts */
    TCP_TLP_MAX_ACK_MS = 200,  /* RFC 8985 7.2: how long the peer may hold back a lone ACK */
    TCP_TLP_INITIAL_MS = 1000, /* RFC 8985 7.2: without a round trip */

    TCP_RANGES_MAX = 128,          /* out-of-order ranges of a connection (CVE-2018-5390) */
    TCP_PACKET_SHARE_BYTES = 1024, /* a buffer of n bytes may hold n / this packets ... */
    TCP_PACKETS_EXTRA = 40,        /* ... and so many more */
    TCP_SPLIT_FACTOR = 2,          /* a send queue whose packets were cut, so many times that */
    TCP_PRESSURE_FRACTION = 8,     /* received data is dropped when less than 1/8 is left */
    TCP_PRESSURE_PACKETS = 4,      /* what one connection may hold when half the pool is gone */
    TCP_SHORTAGE_PACKETS = 2,      /* and when three quarters are: an answer still gets through */
    TCP_RECLAIM_LOOKS = 16,      /* at closed connections, for one that holds buffers for nothing */
    TCP_GROW_FRACTION = 2,       /* buffers grow while so much of the pool is left (1/2) ... */
    TCP_POOL_SHARE = 4,          /* ... and never so far that one could fill 1/4 of it */
    TCP_FLOOR_FRACTION = 32,     /* the last 1/32 of the receive pool holds nobody's data */
    TCP_UNACCEPTED_PACKETS = 16, /* held before accept(): an initial window and some (RFC 6928) */
    TCP_HALF_ACKS_MAX = 3,       /* bare ACKs of a half-open record between two SYN-ACKs */
    TCP_WAKE_FRACTION = 8,       /* a waiting writer is woken when 1/8 of his buffer is free */
    TCP_HOLDER_SHUT_MS = 500,    /* when packets are short, whoever takes nothing for so long with a
                                    window below a segment gives way (RFC 6429) ... */
    TCP_HOLDER_SILENT_MS = 10 * 1000, /* ... and with an open one for so long */
    TCP_HOLDERS_PER_TURN = 64,        /* looked at in TCP_STARVED_RETRY_MS */
    TCP_STARVED_RETRY_MS = 10,
    TCP_ORPHAN_GRACE_MS = 3000,   /* a closed connection may finish so long while writers starve */
    TCP_HALF_OPEN_GRACE_MS = 100, /* without cookies: younger half-open records are not evicted */
    TCP_HALF_OPEN_SILENT_RETRIES = 3, /* 7 s: then one makes room for any newcomer */
    TCP_HALF_OPEN_RESERVE = 4,        /* 1/4 of the half-open table is closed to any one listener */
    TCP_DEFER_MAX_S = 30,          /* TCP_DEFER_ACCEPT: the last SYN-ACK but one is still to come */
    TCP_ORPHAN_FRACTION = 2,       /* at most half of the table may be orphans */
    TCP_SHUT_ORPHANS_MIN = 32,     /* so many closed connections are a crowd in no table */
    TCP_SHUT_ORPHAN_FRACTION = 32, /* from 1/32 on those go whose peers keep the window shut */
    TCP_BUF_MIN_BYTES = 2048,
    TCP_BUF_MAX_BYTES = 4 * 1024 * 1024,
    TCP_WINDOW_FIELD_MAX = 65535,
    TCP_ISS_TICK_NS = 4000,      /* RFC 9293 3.4.1: the clock of initial sequence numbers */
    TCP_ISS_REOPEN_STEP = 65536, /* RFC 1122 4.2.2.13: how far past the old connection's numbers */
    TCP_EPHEMERAL_FIRST = 32768, /* RFC 6056 3.2: a large range; above what servers listen on */
    TCP_EPHEMERAL_COUNT = 32768,
};

/* What one acknowledgement tells: filled in on its way through ack.c. */
struct tcp_delivery {
    uint32_t acked;     /* payload bytes that SND.UNA passed */
    uint32_t largest;   /* payload of the largest segment that SND.UNA passed whole */
    uint32_t delivered; /* bytes of which we learn now that they arrived, by SND.UNA or a block */
    uint32_t flight;    /* what was out before */
    uint32_t fack;      /* tcp_rack.fack before */
    uint32_t ts_ecr;    /* the echo, when has_echo (RFC 7323 3.2) */
    uint64_t rtt_ns;    /* 0: no unambiguous measurement (Karn) */
    struct tcp_range duplicate_range; /* when dsack */
    bool has_echo;
    bool advanced;  /* SND.UNA moved */
    bool duplicate; /* as RFC 5681 2 defines it */
    bool blocks;    /* it had SACK blocks */
    bool dsack;     /* it told of a duplicate (RFC 2883) */
    bool reordered; /* it told of something overtaken */
    bool original;  /* what was out at the timeout and not sent again since has arrived */
};

/* What a step of segment arrival says to the parent. */
enum tcp_verdict {
    TCP_GO_ON,
    TCP_DROP, /* done with the segment */
    TCP_GONE, /* the control block ended: it must not be touched */
};

static inline struct tcp_tx_note *tx_note(struct pkt *p)
{
    return (struct tcp_tx_note *)(void *)p->cb;
}

static inline struct tcp_rx_note *rx_note(struct pkt *p)
{
    return (struct tcp_rx_note *)(void *)p->cb;
}

/* Bytes (and FIN) on their way, as far as we know: FlightSize of RFC 5681. */
static inline uint32_t tcp_flight(const struct tcp_cb *t)
{
    return t->snd.nxt - t->snd.una;
}

static inline bool tcp_synchronized(const struct tcp_cb *t)
{
    return t->state >= TCP_ESTABLISHED && t->state != TCP_TIME_WAIT;
}

/* May the owner have more to send taken? */
static inline bool tcp_can_queue(const struct tcp_cb *t)
{
    return (t->state == TCP_ESTABLISHED || t->state == TCP_CLOSE_WAIT) && !t->snd.fin_queued;
}

static inline void tcp_notify(struct tcp_cb *t, uint32_t bits)
{
    if (t->ready != NULL) {
        t->ready(t->owner, bits);
    }
}

static inline uint64_t tcp_ms(uint64_t ms)
{
    return ms * NS_PER_MS;
}

/* block/table.c: the table of 4-tuples and the control blocks. */
struct tcp_node *tcp_lookup(struct net *n, const struct tcp_tuple *id);
void tcp_table_insert(struct net *n, struct tcp_node *node); /* the tuple must be free */
void tcp_table_remove(struct net *n, struct tcp_node *node); /* harmless when not in */
void tcp_table_replace(struct net *n, struct tcp_node *old, struct tcp_node *node);
struct tcp_cb *tcp_cb_new(struct net *n) must_check; /* NULL: full, and no orphan to evict */
void tcp_cb_free(struct tcp_cb *t);                  /* takes t, with all it holds */

/* block/port.c: ports. */
struct tcp_cb *tcp_find_listener(struct net *n, uint32_t addr, uint16_t port);
void tcp_bound_insert(struct tcp_cb *t);
void tcp_bound_remove(struct tcp_cb *t); /* harmless when not in */
bool tcp_port_taken(struct net *n, uint32_t addr, uint16_t port, bool reuse);
uint16_t tcp_pick_port_to_bind(struct net *n, bool reuse); /* 0: used up */
void tcp_port_set_busy(struct net *n, uint16_t port, bool busy);
uint16_t tcp_pick_port(struct net *n, const struct tcp_tuple *id); /* 0: used up */
uint32_t tcp_iss_secret(const struct net *n, const struct tcp_tuple *id);
uint32_t tcp_new_iss(const struct net *n, const struct tcp_tuple *id);

/* One more, and one less, has the port. */
static inline void tcp_port_hold(struct net *n, uint16_t port)
{
    if (n->tcp.ports.users[port]++ == 0) {
        tcp_port_set_busy(n, port, true);
    }
}

static inline void tcp_port_release(struct net *n, uint16_t port)
{
    assert(n->tcp.ports.users[port] > 0);
    if (--n->tcp.ports.users[port] == 0) {
        tcp_port_set_busy(n, port, false);
    }
}

/* input.c */
enum tcp_verdict tcp_arrives(struct tcp_cb *t, struct tcp_segment *seg); /* may end */

/* recv/check.c: sequence number, RST and SYN of a segment to a live connection. */
enum tcp_verdict tcp_check_sequence(struct tcp_cb *t, const struct tcp_segment *seg);
enum tcp_verdict tcp_check_rst(struct tcp_cb *t, const struct tcp_segment *seg); /* may end */
enum tcp_verdict tcp_check_syn(struct tcp_cb *t, struct tcp_segment *seg);
void tcp_challenge_ack(struct tcp_cb *t);

/* open/syn_sent.c */
enum tcp_verdict tcp_arrives_syn_sent(struct tcp_cb *t, struct tcp_segment *seg); /* may end */
enum tcp_verdict tcp_take_early(struct tcp_cb *t); /* just established; may end */

/* ack.c */
enum tcp_verdict tcp_check_ack(struct tcp_cb *t, const struct tcp_segment *seg); /* may end */

/* recv/data.c: payload and FIN. */
enum tcp_verdict tcp_take_text(struct tcp_cb *t, struct tcp_segment *seg); /* may end */
enum tcp_verdict tcp_take_fin(struct tcp_cb *t);                           /* may end */

/* open/listen.c, open/half.c: passive opens. */
void tcp_arrives_listen(struct tcp_cb *l, struct tcp_segment *seg);
bool tcp_listen_syn(struct tcp_cb *l, const struct tcp_segment *seg, struct tcp_time_wait *old);
void tcp_arrives_half(struct net *n, struct tcp_half *half, struct tcp_segment *seg);
void tcp_half_free(struct net *n, struct tcp_half *half);
void tcp_listener_close(struct tcp_cb *l);
void tcp_half_describe(struct tcp_half *half, struct tcp_cb *l, const struct tcp_segment *seg);
void tcp_half_send_syn_ack(struct net *n, const struct tcp_half *half);
void tcp_half_begin(struct tcp_half *half);
void tcp_half_never_lived(struct tcp_half *half);
struct tcp_cb *tcp_half_complete(struct net *n, struct tcp_half *half) must_check;
uint64_t tcp_half_born_ns(const struct tcp_half *half);

/* open/cookie.c: SYN cookies (RFC 4987 3.6). */
bool tcp_cookie_possible(const struct tcp_half *half);
uint32_t tcp_cookie_make(const struct net *n, const struct tcp_half *half);
uint32_t tcp_cookie_timestamp(const struct tcp_half *half, uint32_t ts);
void tcp_cookie_out(struct net *n);
void tcp_cookie_send(struct tcp_half *half);
bool tcp_cookie_arrives(struct tcp_cb *l, struct tcp_segment *seg);
bool tcp_cookie_replaces(struct tcp_half *half, const struct tcp_segment *seg);

/* life/time_wait.c */
void tcp_enter_time_wait(struct tcp_cb *t); /* ends t: freed when an orphan */
void tcp_arrives_time_wait(struct net *n, struct tcp_time_wait *w, const struct tcp_segment *seg);
void tcp_time_wait_free(struct net *n, struct tcp_time_wait *w);
bool tcp_time_wait_yields(const struct net *n, const struct tcp_node *node);
uint32_t tcp_time_wait_succeed(struct net *n, struct tcp_time_wait *w);
timer_fn tcp_time_wait_expired;

/* send/emit.c: segments onto the wire. */
bool tcp_emit_bare(struct net *n, const struct tcp_out *out); /* without payload */
void tcp_emit_rst_for(struct net *n, const struct tcp_segment *seg, const struct tcp_choices *o);
void tcp_emit_rst(struct tcp_cb *t);
bool tcp_emit_ack(struct tcp_cb *t);
bool tcp_emit_syn(struct tcp_cb *t); /* SYN, or SYN-ACK in SYN-RECEIVED */
bool tcp_emit_packet(struct tcp_cb *t, struct pkt *p, bool fin);
bool tcp_emit_fin(struct tcp_cb *t);
void tcp_emit_keepalive(struct tcp_cb *t);

/* recv/window.c: the receive window, in one place. */
uint8_t tcp_pick_wscale(const struct tcp_cb *t); /* t: the connection or its listener */
uint16_t tcp_window_field(struct tcp_cb *t);
uint16_t tcp_syn_window(uint32_t rcvbuf_bytes, uint8_t wscale);
bool tcp_window_update_due(const struct tcp_cb *t);

/* recv/tune.c: buffers that follow their use. */
uint32_t tcp_rcvbuf_most(const struct tcp_cb *t);
void tcp_tune_start(struct tcp_cb *t);
void tcp_tune_arrived(struct tcp_cb *t, const struct tcp_segment *seg); /* seg brought text */
void tcp_tune_read(struct tcp_cb *t, size_t len, const struct pkt_pool *pool);
void tcp_tune_send(struct tcp_cb *t); /* SND.UNA or cwnd has moved */

/* opt.c */
void tcp_opt_inherit(struct tcp_cb *t, const struct tcp_cb *l);
uint16_t tcp_opt_mss(const struct tcp_cb *t, uint16_t mtu); /* what we announce */

/* output.c: decides what goes. Sends data, FIN or an ACK that is due; keeps the timer. */
void tcp_output(struct tcp_cb *t);

/* send/rtx.c: the retransmission and persist timer. */
timer_fn tcp_rtx_expired;
void tcp_syn_send(struct tcp_cb *t);
void tcp_rtx_timer_update(struct tcp_cb *t);
void tcp_rtx_timer_stop(struct tcp_cb *t);

/* loss/rtt.c */
void tcp_rtt_init(struct tcp_rtt *r);
void tcp_rtt_sample(struct tcp_rtt *r, uint64_t rtt_ns, uint32_t expected);
uint64_t tcp_rto_ns(const struct tcp_cb *t, uint8_t doublings);

/* timers.c: delayed ACK, keepalive, FIN-WAIT-2, starved writers. */
timer_fn tcp_delack_expired;
timer_fn tcp_idle_expired;
timer_fn tcp_starved_expired;
void tcp_idle_timer_start(struct tcp_cb *t);
uint64_t tcp_patience_end_ns(const struct tcp_cb *t); /* TCP_USER_TIMEOUT; never without it */
void tcp_starve(struct tcp_cb *t);
bool tcp_reclaim(struct net *n); /* frees packets that a closed connection can never send */

/* life/holder.c: who keeps packets to send and does not let them go. */
void tcp_holder_begin(struct tcp_cb *t);    /* something was queued */
void tcp_holder_progress(struct tcp_cb *t); /* SND.UNA has moved */
bool tcp_tx_short(const struct net *n);
void tcp_holders_evict(struct net *n); /* may end any connection */

/* send/queue.c */
size_t tcp_sendq_append(struct tcp_cb *t, const uint8_t *bytes, size_t len);
bool tcp_sendq_split(struct tcp_cb *t, struct pkt *p, uint16_t len); /* p keeps len bytes */
void tcp_sendq_refill(struct tcp_cb *t, struct pkt *p, uint32_t len);
void tcp_sendq_init(struct tcp_cb *t);
void tcp_sendq_ack(struct tcp_cb *t, struct tcp_delivery *d);
void tcp_sendq_drop(struct tcp_cb *t);
size_t tcp_sendq_room(const struct tcp_cb *t);

/* recv/queue.c */
size_t tcp_recvq_read(struct tcp_cb *t, uint8_t *out, size_t len, bool peek);
void tcp_recvq_append(struct tcp_cb *t, struct pkt *p); /* takes p */
void tcp_recvq_drop(struct tcp_cb *t);
bool tcp_recvq_admits(struct tcp_cb *t, const struct pkt *p, bool in_order);
bool tcp_recvq_coalesce(struct pkt *into, const struct pkt *from);

/* recv/timestamps.c: timestamps. */
uint32_t tcp_ts_offset(const struct net *n, uint32_t laddr, uint32_t raddr);
uint32_t tcp_ts_now(const struct net *n, uint32_t offset);
void tcp_ts_fill(const struct tcp_cb *t, struct tcp_options *o);
void tcp_ts_begin(struct tcp_cb *t, const struct tcp_options *o);
bool tcp_paws_rejects(const struct tcp_cb *t, const struct tcp_segment *seg);
void tcp_ts_take(struct tcp_cb *t, const struct tcp_segment *seg);
uint64_t tcp_ts_rtt_ns(const struct tcp_cb *t, const struct tcp_segment *seg);

/* send/mtu.c: the size of segments. */
void tcp_pmtu_begin(struct tcp_cb *t, uint16_t peer_mss);
void tcp_pmtu_message(struct tcp_cb *t, uint16_t mtu, uint16_t quoted_bytes);
void tcp_pmtu_timeout(struct tcp_cb *t);
void tcp_pmtu_update_mss(struct tcp_cb *t);
void tcp_pmtu_acked(struct tcp_cb *t, uint32_t largest);
void tcp_pmtu_refresh(struct tcp_cb *t);

/* recv/sack.c: what our ACKs tell of data received out of order or twice. */
void tcp_sack_duplicate(struct tcp_cb *t, uint32_t first, uint32_t end);
bool tcp_sack_due(const struct tcp_cb *t);
void tcp_sack_fill(struct tcp_cb *t, struct tcp_options *o, uint32_t room);

/* recv/ooo.c */
void tcp_ooo_insert(struct tcp_cb *t, struct pkt *p, uint32_t seq); /* takes p */
void tcp_ooo_refused(struct tcp_cb *t, uint32_t seq, uint32_t len); /* no room for it */
void tcp_ooo_merge(struct tcp_cb *t); /* moves what RCV.NXT has reached to the queue */
bool tcp_ooo_drop_farthest(struct tcp_cb *t);
uint32_t tcp_ooo_end(const struct tcp_cb *t);

/* loss/inflight.c: in the network or lost. */
void tcp_sendq_mark_lost(struct tcp_cb *t, struct pkt *p);
void tcp_sendq_mark_all_lost(struct tcp_cb *t);
void tcp_sendq_unmark_lost(struct tcp_cb *t);
struct pkt *tcp_sendq_next_lost(struct tcp_cb *t);
struct pkt *tcp_sendq_oldest(struct tcp_cb *t);
struct pkt *tcp_sendq_newest(struct tcp_cb *t);
void tcp_sendq_sent(struct tcp_cb *t, struct pkt *p);
void tcp_delivered(struct tcp_cb *t, struct pkt *p, struct tcp_delivery *d);

/* loss/scoreboard.c: what the peer told of by SACK. */
void tcp_scoreboard_leave(struct tcp_sendq *q, struct pkt *p);
void tcp_scoreboard_absorb(struct tcp_sendq *q, struct pkt *p, struct pkt *gone);
void tcp_scoreboard_clear(struct tcp_cb *t);
void tcp_scoreboard_take(struct tcp_cb *t, const struct tcp_segment *seg, struct tcp_delivery *d);
void tcp_scoreboard_check_reneging(struct tcp_cb *t);
bool tcp_scoreboard_find_lost(struct tcp_cb *t);
bool tcp_scoreboard_guess_lost(struct tcp_cb *t);

/* loss/recovery.c: what follows from loss (RFC 5681 3.2, 6582, 6675, 9937). */
uint32_t tcp_pipe(const struct tcp_cb *t);
void tcp_recovery_ack(struct tcp_cb *t, const struct tcp_delivery *d);
void tcp_recovery_sent(struct tcp_cb *t, uint32_t bytes, bool again);
void tcp_recovery_timeout(struct tcp_cb *t);
void tcp_recovery_found_late(struct tcp_cb *t);
void tcp_recovery_repaired(struct tcp_cb *t);
void tcp_recovery_bound_burst(struct tcp_cb *t);

/* loss/newreno.c: loss without SACK (RFC 5681 3.2, RFC 6582). */
void tcp_newreno_acked(struct tcp_cb *t, const struct tcp_delivery *d);
void tcp_newreno_dupack(struct tcp_cb *t);

/* loss/rack.c: loss found by time, and tail loss probes (RFC 8985). */
timer_fn tcp_rack_expired;
bool tcp_rack_on(const struct tcp_cb *t);
void tcp_rack_delivered(struct tcp_cb *t, const struct tcp_tx_note *note, struct tcp_delivery *d);
void tcp_rack_dsack(struct tcp_cb *t);
void tcp_rack_recovered(struct tcp_cb *t);
void tcp_rack_advanced(struct tcp_cb *t);
bool tcp_rack_detect(struct tcp_cb *t);
void tcp_rack_look_again(struct tcp_cb *t);
void tcp_rack_timeout(struct tcp_cb *t);
void tcp_tlp_schedule(struct tcp_cb *t);
bool tcp_tlp_instead(struct tcp_cb *t);
void tcp_tlp_ack(struct tcp_cb *t, const struct tcp_delivery *d);

/* loss/undo.c: was it for nothing? (RFC 5682, 3522, 3708) */
void tcp_undo_begin(struct tcp_cb *t);
void tcp_undo_resent(struct tcp_cb *t, uint32_t bytes);
void tcp_frto_begin(struct tcp_cb *t);
void tcp_undo_check(struct tcp_cb *t, const struct tcp_delivery *d);

/* cc/ecn.c: RFC 3168. */
bool tcp_ecn_asked(const struct net *n, const struct tcp_segment *syn);
uint8_t tcp_ecn_syn_flags(struct tcp_cb *t);
void tcp_ecn_syn_ack(struct tcp_cb *t, const struct tcp_segment *seg);
void tcp_ecn_accepted(struct tcp_cb *t);
void tcp_ecn_on_ack(struct tcp_cb *t, const struct tcp_segment *seg);
void tcp_ecn_on_data(struct tcp_cb *t, const struct tcp_segment *seg);
void tcp_ecn_window_reduced(struct tcp_cb *t);
bool tcp_ecn_covers(const struct tcp_cb *t);
void tcp_ecn_mark_data(struct tcp_cb *t, struct tcp_out *out, bool fresh);

/* life/state.c: becoming established and ending. */
void tcp_established(struct tcp_cb *t);
void tcp_set_mss(struct tcp_cb *t, const struct tcp_options *o, uint16_t our_mss);
void tcp_queue_fin(struct tcp_cb *t);
void tcp_detach(struct tcp_cb *t);
void tcp_end(struct tcp_cb *t, int error);   /* ends t: freed when nobody owns it */
void tcp_abort(struct tcp_cb *t, int error); /* the same after a RST */
bool tcp_evict_orphan(struct net *n);

#endif
