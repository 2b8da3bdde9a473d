/*
 * A connection's control block and the whole of a stack's TCP. Each part of a block is declared in
 * a header of its own beside this one and written by one room alone (docs/tcp.md); names of
 * quantities are RFC 9293's (3.3.1). For net/tcp and net/stack.h only.
 */
#ifndef NET_TCP_BLOCK_CB_H
#define NET_TCP_BLOCK_CB_H

#include "kernel/list.h"
#include "kernel/pkt.h"
#include "kernel/pool.h"
#include "kernel/timer.h"
#include "net/core/ready.h"
#include "net/tcp/block/congestion.h"
#include "net/tcp/block/loss.h"
#include "net/tcp/block/node.h"
#include "net/tcp/block/options.h"
#include "net/tcp/block/parts.h"
#include "net/tcp/block/receiver.h"
#include "net/tcp/block/sender.h"
#include "net/tcp/block/template.h"
#include "net/tcp/block/timer.h"

struct net;

enum tcp_state {
    TCP_CLOSED,
    TCP_LISTEN,
    TCP_SYN_SENT,
    TCP_SYN_RECEIVED, /* simultaneous open only: a passive one is a half-open record */
    TCP_ESTABLISHED,
    TCP_FIN_WAIT_1,
    TCP_FIN_WAIT_2,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_LAST_ACK,
    TCP_TIME_WAIT, /* of a control block: a record keeps the wire's side, the owner reads on */
};

/* What only a listener has: open/'s, but for the accept queue, which is life/'s. */
struct tcp_listener {
    TCP_PART(open) struct list half_open; /* tcp_half.of_listener, oldest first */
    TCP_PART(life) struct list accept;    /* tcp_cb.place, oldest first */
    TCP_PART(open) uint32_t half_count;
    TCP_PART(life) uint32_t accept_count;
    TCP_PART(open) uint32_t backlog;
};

/* What only a connection has: whether it waits for memory, and how long ago it last made progress
 * (life/pressure.c). */
struct tcp_pressure {
    struct list sending;   /* in tcp.senders, while it has packets to send */
    uint64_t progress_ns;  /* when SND.UNA was at progress_una, ... */
    uint32_t progress_una; /* ... which moves a full segment at a time */
    struct list waiting;   /* in tcp.waiting: for a packet to send with */
};
static_assert(sizeof(struct tcp_listener) <= sizeof(struct tcp_pressure),
              "to tell a listener from a connection costs a connection nothing");

/* A connection on which nothing happens (life/state.c). */
struct tcp_idle {
    uint8_t probes; /* keepalive's, since the peer was last heard */
};

enum {
    TCP_LINE_BYTES = 64, /* of the cache; pools begin objects of whole lines at one */
};

struct tcp_cb {
    _Alignas(TCP_LINE_BYTES)
        TCP_PART(block) struct tcp_node node; /* in the table while the wire may reach it */
    struct net *TCP_PART(life) net;           /* [I] */
    net_ready_fn *TCP_PART(life) ready;       /* NULL: nobody to tell */
    void *TCP_PART(life) owner;
    TCP_PART(life) uint8_t state; /* enum tcp_state */
    TCP_PART(life) bool orphan;   /* closed by its owner, still to be finished */
    TCP_PART(life) bool sack_on;  /* both SYNs permitted it (RFC 2018) */
    TCP_PART(life) struct tcp_idle idle;
    TCP_PART(life) int soft_error; /* from ICMP; becomes the error when the connection gives up */

    TCP_PART(send) struct tcp_template tmpl;
    TCP_PART(recv) struct tcp_receiver rcv;
    TCP_PART(recv) struct tcp_timestamps ts;
    TCP_PART(send) struct tcp_sender snd;
    TCP_PART(send) struct tcp_path path;
    TCP_PART(cc) struct tcp_cc cc;
    TCP_PART(cc) struct tcp_ecn ecn;
    TCP_PART(loss) struct tcp_rtt rtt;
    TCP_PART(loss) struct tcp_loss loss;
    TCP_PART(loss) struct tcp_rack rack;
    TCP_PART(life) int error;             /* pending, positive errno */
    struct tcp_cb *TCP_PART(life) parent; /* the listener, while not accepted */
    TCP_PART(tcp) struct tcp_choices opt;
    union {
        TCP_PART(life) struct tcp_pressure press;
        struct tcp_listener listener; /* in LISTEN */
    };
    TCP_PART(block) struct tcp_timers timer;
    TCP_PART(loss) struct tcp_scoreboard board; /* its hints are cold */

    /* From here on cold: nothing that an undisturbed exchange of data reads or writes, but for the
     * round's end and the algorithm's first word, which lie together. */
    TCP_PART(cc) struct tcp_cc_cold cc_cold;
    TCP_PART(recv) struct tcp_receiver_cold rcv_cold;
    TCP_PART(send) struct tcp_sender_cold snd_cold;
    TCP_PART(loss) struct tcp_loss_cold loss_cold;
    TCP_PART(loss) struct tcp_undo undo;
    TCP_PART(tcp) struct tcp_keepalive keepalive;
    TCP_PART(block) struct list all;   /* every control block */
    TCP_PART(block) struct list bound; /* by port, when the port is explicitly its own */
    TCP_PART(life) struct list place;  /* in its listener's accept queue, or among the orphans */
    TCP_PART(life) uint64_t orphan_ns; /* when the owner closed */
};
static_assert(offsetof(struct tcp_cb, board.high_sacked) == 13 * TCP_LINE_BYTES, "the hot part");
static_assert(offsetof(struct tcp_cb, tmpl) == TCP_LINE_BYTES, "the head has a line of its own");
static_assert(offsetof(struct tcp_cb, rack.min_rtt_at_ns) <= 9 * TCP_LINE_BYTES,
              "what an ACK tells ends with a line");
static_assert(offsetof(struct tcp_cb, cc_cold.hystart.round_end) / TCP_LINE_BYTES ==
                  offsetof(struct tcp_cb, cc_cold.state) / TCP_LINE_BYTES,
              "one line for both");
static_assert(sizeof(struct tcp_cb) <= 19 * TCP_LINE_BYTES, "a thousand connections are 1.2 MiB");

enum {
    TCP_BOUND_BUCKETS = 256,
    TCP_PORTS = 65536,
    TCP_EPHEMERAL_WORDS = 512, /* of 64 ports each */
    TCP_WSCALE_NONE = 0xff,
};

/* Who has what port (port.c). */
struct tcp_ports {
    uint32_t *users; /* [I] for each of TCP_PORTS: entries of the table and bound blocks with it */
    uint64_t busy[TCP_EPHEMERAL_WORDS]; /* a bit for each ephemeral port: it has users */
    uint64_t search_ns;                 /* from then on a search may go through all of them */
    uint32_t next;                      /* RFC 6056 algorithm 3: the counter */
};

/* TCP's part of struct net. */
struct tcp {
    struct pool cbs;         /* struct tcp_cb */
    struct pool halves;      /* struct tcp_half */
    struct pool time_waits;  /* struct tcp_time_wait */
    struct list *buckets;    /* [I] the table of 4-tuples */
    uint32_t bucket_count;   /* [I] a power of two */
    struct tcp_node *recent; /* found last: the next segment is mostly for the same; or NULL */
    struct tcp_tuple missed; /* looked for in vain last, ... */
    struct list *missed_in;  /* ... in this bucket; NULL: none was */
    struct list bound[TCP_BOUND_BUCKETS];
    struct list all;
    struct list orphans; /* oldest first */
    uint32_t orphan_count;
    struct list half_age;
    struct list time_wait_age;
    struct timer time_wait_timer; /* for the oldest record */
    timer_fn *expired;            /* [I] of a connection's timers: the root's */
    struct list senders;          /* with packets to send; the longest without progress first */
    struct list waiting;          /* for memory: told in turn when there is some */
    struct timer memory_timer;
    struct tcp_ports ports;
    uint64_t cookies_until_ns; /* till then a cookie of ours may come back; 0: none is out */
};

#endif
