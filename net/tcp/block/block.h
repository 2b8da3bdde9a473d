/*
 * What every room of TCP uses: the control block with its limits, the table of 4-tuples, ports and
 * initial sequence numbers. Writes node, bound and all of a block.
 *
 * Life of a control block. Any function marked "may end" can finish the connection: the block is
 * then freed when nobody owns it, or left CLOSED for its owner. Such a function says so by its
 * result, and its callers touch the block no more unless told it is alive.
 */
#ifndef NET_TCP_BLOCK_BLOCK_H
#define NET_TCP_BLOCK_BLOCK_H

#include "net/stack.h"
#include "net/tcp/block/cb.h"
#include "net/tcp/block/limits.h"
#include "net/wire/seq.h"
#include "net/wire/tcp.h"

/* What a step of segment arrival says to the parent. */
enum tcp_verdict {
    TCP_GO_ON,
    TCP_DROP, /* done with the segment */
    TCP_GONE, /* the control block ended: it must not be touched */

    /* What the receiver found, and its caller has to do: it ends nothing, and sends nothing. */
    TCP_RESET_BY_PEER, /* a RST to be believed: tcp_reset_by_peer */
    TCP_ANSWER_SYN,    /* our SYN-ACK goes again, and the segment is dropped */
    TCP_NO_READER,     /* data that nobody will ever read: to be aborted */
};

/* What a timer of a room, or a message to it, asks the root to do. */
enum tcp_due {
    TCP_DUE_NOTHING,
    TCP_DUE_OUTPUT,      /* look at what may go now */
    TCP_DUE_PROBE,       /* a tail loss probe (RFC 8985 7.3) */
    TCP_DUE_GIVE_UP,     /* RFC 9293 3.8.3: the peer has not answered for too long */
    TCP_DUE_UNREACHABLE, /* nobody has the address on the link */
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

/* Our timestamp at a time of the stack's clock. RFC 7323 5.4: a tick of 1 ms, within the range of
 * 1 ms to 1 s. */
static inline uint32_t tcp_ts_at(uint64_t at_ns, uint32_t offset)
{
    return (uint32_t)(at_ns / NS_PER_MS) + offset;
}

static inline uint64_t tcp_ms(uint64_t ms)
{
    return ms * NS_PER_MS;
}

/* Of a TIME-WAIT record: how long all of them last (RFC 9293 3.4.2, 2 MSL), and what is left. */
static inline uint64_t tcp_time_wait_ns(const struct net *n)
{
    uint64_t msl_ms = n->cfg.tcp_msl_ms != 0 ? n->cfg.tcp_msl_ms : TCP_MSL_DEFAULT_MS;
    return 2 * tcp_ms(msl_ms);
}

static inline uint64_t tcp_time_wait_left_ns(const struct tcp_time_wait *w, uint64_t now_ns)
{
    return tcp_ms(seq_ahead((uint32_t)(now_ns / NS_PER_MS), w->deadline_ms));
}

/* Of a half-open record: when the SYN came, told by the timer: the sum of the waits so far is
 * 2^(retries + 1) - 1 times the first one. */
static inline uint64_t tcp_half_born_ns(const struct tcp_half *half)
{
    uint64_t waits = (UINT64_C(2) << half->retries) - 1;
    return half->timer.deadline_ns - tcp_ms(waits * TCP_RTO_INITIAL_MS);
}

/* block/timer.c: t is armed for at_ns, instead of for when it was. */
void tcp_timer_hang(struct tcp_cb *t, uint64_t at_ns); /* for tcp_timer_set */

static inline void tcp_timer_set(struct tcp_cb *t, enum tcp_timer_kind kind, uint64_t at_ns)
{
    t->timer.due_ns[kind] = at_ns;
    if (at_ns < t->timer.wheel.deadline_ns) {
        tcp_timer_hang(t, at_ns);
    }
}

static inline void tcp_timer_stop(struct tcp_cb *t, enum tcp_timer_kind kind)
{
    t->timer.due_ns[kind] = DEADLINE_NONE;
}

/* When it is due; DEADLINE_NONE: it is not armed. */
static inline uint64_t tcp_timer_at(const struct tcp_cb *t, enum tcp_timer_kind kind)
{
    return t->timer.due_ns[kind];
}

static inline bool tcp_timer_armed(const struct tcp_cb *t, enum tcp_timer_kind kind)
{
    return t->timer.due_ns[kind] != DEADLINE_NONE;
}

void tcp_timers_init(struct tcp_cb *t);
void tcp_timers_cancel(struct tcp_cb *t);

/* block/timer.c, for the root's expiry alone: begin, take each that is due, and go on. */
void tcp_timers_begin(struct tcp_cb *t);
bool tcp_timer_take(struct tcp_cb *t, enum tcp_timer_kind kind); /* it was due: not armed now */
void tcp_timers_go_on(struct tcp_cb *t);

/* block/choices.c */
void tcp_choices_init(struct tcp_cb *t);
void tcp_choices_inherit(struct tcp_cb *t, const struct tcp_cb *l); /* l: t's listener */

/* block/table.c: the table of 4-tuples. STATUS_NO_MEMORY. */
enum status tcp_table_init(struct net *n, struct arena *a) must_check;
struct tcp_node *tcp_lookup_bucket(struct net *n, const struct tcp_tuple *id);

/* The peer's side first: it is what differs, our address and the server's port seldom do. */
static inline bool tcp_same_tuple(const struct tcp_tuple *a, const struct tcp_tuple *b)
{
    return a->raddr == b->raddr && a->rport == b->rport && a->lport == b->lport &&
           a->laddr == b->laddr;
}

/* Segments come in runs: mostly the one found last is wanted again, and costs no hash. NULL: there
 * is none. */
static inline struct tcp_node *tcp_lookup(struct net *n, const struct tcp_tuple *id)
{
    struct tcp_node *recent = n->tcp.recent;
    if (likely(recent != NULL && tcp_same_tuple(&recent->id, id))) {
        return recent;
    }
    return tcp_lookup_bucket(n, id);
}

void tcp_table_insert(struct net *n, struct tcp_node *node); /* the tuple must be free */
void tcp_table_remove(struct net *n, struct tcp_node *node); /* harmless when not in */

/* The same for control blocks, which get their names with their place: join where the tuple is
 * free, succeed where a record has it, which goes out. A listener has no place in the table. */
void tcp_cb_link(struct net *n, struct tcp_cb *t); /* new: in the list of all, without a name */
void tcp_cb_unlink(struct tcp_cb *t);
void tcp_table_join(struct tcp_cb *t, const struct tcp_tuple *id);
void tcp_table_succeed(struct tcp_cb *t, struct tcp_node *old);
/* Out it goes as well, and the record has its name and its place. */
void tcp_table_hand_over(struct tcp_cb *t, struct tcp_node *record);
void tcp_table_leave(struct tcp_cb *t); /* and gives up its port; keeps its names */

/* block/port.c: ports. */
enum status tcp_ports_init(struct net *n, struct arena *a) must_check;
struct tcp_cb *tcp_find_listener(struct net *n, uint32_t addr, uint16_t port);
void tcp_bound_insert(struct tcp_cb *t, uint32_t addr, uint16_t port); /* addr 0: any */
void tcp_bound_remove(struct tcp_cb *t);                               /* harmless when not in */
bool tcp_port_bound(struct net *n, uint16_t port);                     /* is it anybody's own? */
bool tcp_port_taken(struct net *n, uint32_t addr, uint16_t port, bool reuse);
void tcp_port_set_busy(struct net *n, uint16_t port, bool busy);

/* block/ephemeral.c: a port that is free, or free enough; 0: used up. */
uint16_t tcp_pick_port_to_bind(struct net *n, bool reuse);
uint16_t tcp_pick_port(struct net *n, const struct tcp_tuple *id);
bool tcp_time_wait_yields(const struct net *n, const struct tcp_node *node);

/* block/iss.c: initial sequence numbers. */
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

#endif
