/*
 * TCP (RFC 9293) as the socket layer and IP see it.
 *
 * User calls return 0 or a count, or a negative errno value; none blocks: what would block says
 * -EAGAIN and the owner's ready function tells when to try again. A connection is made by
 * tcp_create, or found by tcp_accept; it is the owner's until tcp_close, which gives it back to TCP
 * to finish: the pointer is dead for the owner from then on, and no ready call comes any more.
 */
#ifndef NET_TCP_TCP_H
#define NET_TCP_TCP_H

#include "kernel/base.h"
#include "kernel/pkt.h"
#include "net/core/ready.h"
#include "net/wire/icmp.h"
#include "net/wire/ipv4.h"
#include "net/wire/tcp.h"

struct arena;
struct net;
struct tcp_cb;

/* Takes the tables of n->cfg.limits from a. STATUS_NO_MEMORY. n->wheel and n->cfg stand already. */
enum status tcp_init(struct net *n, struct arena *a) must_check;

/* Ends everything without a word on the wire and puts every packet held. */
void tcp_destroy(struct net *n);

/* NULL when the table of connections is full (counted). State CLOSED. */
struct tcp_cb *tcp_create(struct net *n, net_ready_fn *ready, void *owner) must_check;

/* Changes whom to tell; used when an accepted connection gets its socket. */
void tcp_set_owner(struct tcp_cb *t, net_ready_fn *ready, void *owner);

/*
 * addr 0 = any; port 0 = an ephemeral one, chosen now and at random, that nothing uses; with reuse,
 * when there is none, one that only connections use. -EADDRINUSE (another listener or, without
 * reuse, a connection on the port, live or in TIME-WAIT), -EADDRNOTAVAIL (not ours), -EINVAL (bound
 * already).
 */
int tcp_bind(struct tcp_cb *t, uint32_t addr, uint16_t port, bool reuse);

/* To LISTEN. backlog is clamped to 1..the half-open limit; it bounds the half-open records and the
 * accept queue each. -EINVAL when not CLOSED, -EADDRINUSE. Binds an ephemeral port when unbound. A
 * second call on a listener changes the backlog. */
int tcp_listen(struct tcp_cb *t, uint32_t backlog);

/* The oldest completed connection, or NULL when there is none. The caller becomes its owner. */
struct tcp_cb *tcp_accept(struct tcp_cb *listener, net_ready_fn *ready, void *owner);

/* Active open. -EINPROGRESS when the SYN is on its way; then ready with OUT or ERR. -EISCONN,
 * -EALREADY, -EADDRNOTAVAIL (ports used up), -ENETUNREACH, -EHOSTUNREACH (the neighbour did not
 * answer a moment ago; the block can be used again), -EINVAL. */
int tcp_connect(struct tcp_cb *t, uint32_t raddr, uint16_t rport);

/*
 * Queues up to len bytes, copying them once; returns how many fit (> 0), -EAGAIN when none did,
 * -EPIPE after shutdown or a close, -ENOTCONN, or the pending error (taken), -ECONNRESET etc.
 */
enum tcp_send_flag {
    TCP_SEND_MORE = 1u << 0, /* more follows: do not send a partial segment for it (MSG_MORE) */
};
ptrdiff_t tcp_send(struct tcp_cb *t, const void *buf, size_t len, uint32_t flags);

/* Copies out up to len bytes; 0 at the end of the stream (or len 0); -EAGAIN, -ENOTCONN, or the
 * pending error (taken) once the queue is empty. */
enum tcp_recv_flag {
    TCP_RECV_PEEK = 1u << 0,
};
ptrdiff_t tcp_recv(struct tcp_cb *t, void *buf, size_t len, uint32_t flags);

/* Bytes tcp_recv would return now. */
size_t tcp_readable_bytes(const struct tcp_cb *t);

/* how: bit 0 no more receiving, bit 1 no more sending (a FIN after what is queued). -ENOTCONN. */
enum tcp_shutdown_how {
    TCP_SHUT_RD = 1u << 0,
    TCP_SHUT_WR = 1u << 1,
};
int tcp_shutdown(struct tcp_cb *t, uint32_t how);

/*
 * Takes t. A listener: half-open and unaccepted connections are reset. With unread data, or with
 * linger set to 0 seconds: RST (RFC 2525 2.17). Else an orderly close in the background.
 */
void tcp_close(struct tcp_cb *t);

/* Readiness now: bits of enum net_ready. A listener is IN when tcp_accept would return one. */
uint32_t tcp_ready(const struct tcp_cb *t);

/* The same for who does not ask for OUT, which may be missing. */
uint32_t tcp_ready_to_read(const struct tcp_cb *t);

/* The pending error as a positive errno value, 0 none; taken. */
int tcp_take_error(struct tcp_cb *t);

void tcp_local(const struct tcp_cb *t, uint32_t *addr, uint16_t *port);
/* -ENOTCONN when there is none. */
int tcp_peer(const struct tcp_cb *t, uint32_t *addr, uint16_t *port);

/* Options, integers. -ENOPROTOOPT, -EINVAL (out of range). An accepted connection inherits its
 * listener's. */
enum tcp_opt {
    TCP_OPT_NODELAY,
    TCP_OPT_CORK,     /* no partial segments while it is on, but for TCP_CORK_MS at most */
    TCP_OPT_QUICKACK, /* every data segment is acknowledged at once, until switched off */
    TCP_OPT_KEEPALIVE,
    TCP_OPT_KEEPIDLE_S,
    TCP_OPT_KEEPINTVL_S,
    TCP_OPT_KEEPCNT,
    TCP_OPT_LINGER_S,  /* -1 off (orderly close in the background); 0 reset at close; > 0: the
                          blocking close waits up to so many seconds (socket layer) */
    TCP_OPT_LINGER2_S, /* how long an orphan stays in FIN-WAIT-2; 0: the default, < 0: not */
    TCP_OPT_RCVBUF,    /* setting one ends that buffer's self-tuning */
    TCP_OPT_SNDBUF,
    TCP_OPT_MAXSEG,          /* 0 or TCP_MSS_FLOOR..TCP_MAXSEG_MAX; full effect before connect */
    TCP_OPT_WINDOW_CLAMP,    /* bytes advertised at most; 0: no bound */
    TCP_OPT_USER_TIMEOUT_MS, /* RFC 5482; 0: the default */
    TCP_OPT_DEFER_ACCEPT_S,  /* listeners: told of a connection when it has data, or so late */
    TCP_OPT_TOS,             /* 0..255, of IP headers; the two ECN bits are TCP's own */
    TCP_OPT_TTL,             /* 1..255, of IP headers; -1: the default */
};
int tcp_set_opt(struct tcp_cb *t, enum tcp_opt opt, int value);
int tcp_get_opt(const struct tcp_cb *t, enum tcp_opt opt, int *value);

/* Congestion control by name, any state. -ENOENT. */
int tcp_set_congestion(struct tcp_cb *t, const char *name);
const char *tcp_congestion(const struct tcp_cb *t);

/*
 * What TCP knows of a connection (TCP_INFO). Bytes, us, and ns since something happened. What is
 * not known is 0. The names of states are the numbers that Linux gives them.
 */
enum tcp_report_recovery { /* Linux's ca_state */
                           TCP_REPORT_OPEN = 0,
                           TCP_REPORT_DISORDER = 1,
                           TCP_REPORT_CWR = 2, /* reduced because of a mark */
                           TCP_REPORT_RECOVERY = 3,
                           TCP_REPORT_LOSS = 4,
};

enum {
    TCP_REPORT_NO_SSTHRESH = 1 << 30, /* the largest window there is */
};

struct tcp_report {
    uint8_t state;       /* 1 ESTABLISHED, 2 SYN-SENT ... 11 CLOSING, as Linux counts them */
    uint8_t recovery;    /* enum tcp_report_recovery */
    uint8_t retransmits; /* timeouts since SND.UNA last moved */
    uint8_t probes;      /* window or keepalive probes without an answer */
    uint8_t backoff;
    bool timestamps; /* options both ends agreed on */
    bool sack;
    bool ecn;
    bool ecn_seen; /* data of the peer came with a mark, if only that it may be marked */
    bool wscale;   /* windows are scaled, by these */
    uint8_t snd_wscale;
    uint8_t rcv_wscale;
    uint32_t rto_us, rtt_us, rttvar_us, rcv_rtt_us;
    uint32_t min_rtt_us; /* the shortest of late; 0: not known (needs SACK) */
    uint32_t ato_us;     /* delayed ACK */
    uint32_t snd_mss, rcv_mss, mtu;
    uint32_t flight, unsent;        /* bytes sent and not acknowledged, not sent */
    uint32_t flight_packets;        /* segments sent and not acknowledged: of them */
    uint32_t sacked_packets;        /* those the peer has */
    uint32_t lost_packets;          /* believed lost, whether sent again since or not */
    uint32_t resent_packets;        /* sent again, not sacked, and not believed lost anew */
    uint32_t reordering;            /* segments that may overtake one; 3 at least */
    uint32_t cwnd, ssthresh;        /* ssthresh TCP_REPORT_NO_SSTHRESH or more: none yet */
    uint32_t snd_wnd, rcv_wnd;      /* what the peer last announced, and what we did */
    uint32_t rcv_space;             /* read in the best round trip, on which rcvbuf grows */
    uint32_t accept_count, backlog; /* listeners only, as nothing else of this is theirs */
    uint32_t ooo_packets;           /* waiting out of order now */
    uint64_t sent_ago_ns, data_ago_ns, heard_ago_ns; /* 0 when it never happened */
    uint64_t bytes_acked, bytes_received;
    uint64_t bytes_sent, bytes_resent; /* each time that they were */
    uint32_t segs_in, segs_out, data_segs_in, data_segs_out, retransmitted;
    uint32_t dsacks;     /* duplicates that the peer told of */
    uint32_t reord_seen; /* ACKs that told of something overtaken */
    uint32_t ooo_ins;    /* data segments that came out of order */
};
void tcp_get_report(const struct tcp_cb *t, struct tcp_report *out);

/* Why a connection sends nothing just now. */
enum tcp_waits {
    TCP_WAITS_APPLICATION, /* it has given nothing more to send */
    TCP_WAITS_ACK,         /* all of it is on its way, the peer has not acknowledged it yet */
    TCP_WAITS_WINDOW,      /* the peer takes no more: the receiver's window */
    TCP_WAITS_CWND,        /* the path is not believed to take more */
    TCP_WAITS_NAGLE,       /* a small segment waits for the one before it */
    TCP_WAITS_MORE,        /* the owner has promised that more follows (MSG_MORE, TCP_CORK) */
    TCP_WAITS_BUFFERS,     /* packets are short, or the last ones are still on their way down */
    TCP_WAITS_HANDSHAKE,
};
enum tcp_waits tcp_waits_for(const struct tcp_cb *t);

/* What the wire may reach, or waits for it: of half-open and TIME-WAIT records what they have. */
struct tcp_view {
    struct tcp_tuple id;
    uint8_t state;   /* as in tcp_report */
    bool accepted;   /* by an owner: not waiting in its listener's queue */
    bool orphan;     /* closed by its owner */
    uint8_t retries; /* of a half-open one: SYN-ACKs sent again */
    enum tcp_waits waits;
    uint32_t recv_bytes;             /* wait for the owner; of a listener: connections */
    uint32_t send_bytes;             /* not acknowledged; of a listener: how many may wait */
    uint64_t rto_in_ns;              /* until the timer fires; UINT64_MAX: it does not run */
    uint64_t ack_in_ns;              /* the delayed ACK's */
    uint64_t end_in_ns;              /* of TIME-WAIT; UINT64_MAX: of anything else */
    const char *congestion;          /* NULL: it has none */
    const struct tcp_report *report; /* NULL: a record */
};
typedef void tcp_view_fn(void *ctx, const struct tcp_view *v);

/*
 * Shows a few of them to fn, and moves *at, which begins at 0, on; false: those were the last. What
 * is there from the first call to the last is shown once, whatever comes and goes meanwhile; twice
 * if it was bound and connects in between. fn may not call back into the stack.
 */
bool tcp_walk(struct net *n, uint32_t *at, tcp_view_fn *fn, void *ctx);

/* True once everything sent is acknowledged and the FIN too: for SO_LINGER's waiting close. */
bool tcp_drained(const struct tcp_cb *t);

/*
 * The end of the whole service: nobody listens any more, who waited to be accepted is closed, and
 * each connection gets its FIN behind what is queued. Owners keep their blocks.
 */
void tcp_finish(struct net *n);

/* Connections of which the peer has not acknowledged everything, the FIN too. */
uint32_t tcp_unfinished(const struct net *n);

/* Registers with IP and the interface. */
void tcp_attach(struct net *n);

/* From IP. Take p, whose data is at the TCP header and whose length is the segment's. */
void tcp_input(struct net *n, struct pkt *p, const struct ipv4_header *h);
void tcp_icmp_error(struct net *n, const struct icmp_error *e);
/* From ARP: the neighbour that a segment, quoted as ICMP would, had to go to is not there. Ends an
 * attempt to connect; any other connection goes on, and is told so only when it gives up. */
void tcp_neighbour_absent(struct net *n, const struct icmp_error *e);
/* The address in use changed: connections from another one are reset or end. */
void tcp_address_changed(struct net *n);

#endif
