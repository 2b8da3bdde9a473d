/*
 * The inside of TCP: what a connection, a half-open record, a TIME-WAIT record and the whole of a
 * stack's TCP are made of. For net/tcp and net/stack.h only; the functions they share are in
 * int.h. Names of quantities are RFC 9293's (3.3.1).
 *
 * Three kinds of things live in the one keyed table of 4-tuples, told apart by their common head:
 * full control blocks, half-open records (a SYN costs no more than one of these) and TIME-WAIT
 * records. A listener is a control block found by its port alone.
 */
#ifndef NET_TCP_BLOCK_CB_H
#define NET_TCP_BLOCK_CB_H

#include "kernel/list.h"
#include "kernel/pkt.h"
#include "kernel/pool.h"
#include "kernel/timer.h"
#include "net/core/ready.h"
#include "net/tcp/block/loss.h"

struct net;
struct tcp_cc_ops;

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

struct tcp_tuple {
    uint32_t laddr;
    uint32_t raddr;
    uint16_t lport;
    uint16_t rport;
};

enum tcp_node_kind {
    TCP_NODE_CB,
    TCP_NODE_HALF,
    TCP_NODE_TIME_WAIT,
};

/* The head of everything in the table of 4-tuples. */
struct tcp_node {
    struct list bucket;
    struct tcp_tuple id;
    uint8_t kind : 2;    /* enum tcp_node_kind */
    bool timestamps : 1; /* of records: agreed on (RFC 7323 3.2) */
    uint8_t answered;    /* TIME-WAIT: when a stray segment last got an ACK: answer_stray there */
    uint16_t window;     /* TIME-WAIT: the window field of its ACKs; half-open: the peer's SYN's */
};
static_assert(sizeof(struct tcp_node) <= 32, "half of a TIME-WAIT record");

struct tcp_time_wait {
    struct tcp_node node;
    struct list age;      /* all of them, the next to end first */
    uint32_t deadline_ms; /* end of 2 MSL, of a clock that wraps */
    uint32_t ts_recent;
    uint32_t snd_nxt;
    uint32_t rcv_nxt;
    uint32_t max_snd_wnd; /* RFC 5961 5.2: how old an acknowledgement may be */
    uint8_t rcv_wscale;   /* the shift of node.window */
    uint8_t tos;          /* what the owner chose for the IP header, as tcp_choices has it */
    uint8_t ttl;
};
static_assert(sizeof(struct tcp_time_wait) <= 80, "what the pool makes of it");

/* SYN-RECEIVED after a passive open: what a SYN told, and what ours said. */
struct tcp_half {
    struct tcp_node node;
    struct timer timer;      /* SYN-ACK retransmission */
    struct list age;         /* all of them, oldest first */
    struct list of_listener; /* its listener's, oldest first */
    struct tcp_cb *listener;
    uint32_t iss;
    uint32_t irs;
    uint16_t peer_mss;
    uint16_t rcv_wnd;    /* the window our SYN-ACK announced, never scaled */
    uint8_t peer_wscale; /* TCP_WSCALE_NONE: not offered */
    uint8_t rcv_wscale;  /* ours, sent only when the peer offered one */
    uint8_t retries;     /* SYN-ACKs sent again by the timer */
    uint8_t acks;        /* bare ACKs sent since the timer last fired */
    bool sack_permitted;
    bool ecn;           /* the SYN asked for it, and we agree */
    bool cookie;        /* iss is a SYN cookie, which outlives the record (open/cookie.c) */
    bool untimed;       /* iss went out before the record was made: nobody knows when */
    bool deferred;      /* TCP_DEFER_ACCEPT: the handshake's ACK has come; text is waited for */
    bool resent;        /* of a deferred one: a SYN-ACK had been lost */
    uint32_t rtt_us;    /* of a deferred one: from the SYN-ACK to its ACK */
    uint32_t ts_recent; /* TSval of the SYN */
};
static_assert(sizeof(struct tcp_half) <= 192, "three cache lines");

/* TCP's notes on a received packet that waits out of order. A range is a run of packets without a
 * gap, linked by pkt.next; the fields marked [F] count in its first packet only. */
struct tcp_rx_note {
    struct pkt *next_range; /* [F] higher in sequence */
    struct pkt *last;       /* [F] */
    uint32_t end;           /* [F] the sequence number behind the range */
    uint32_t seq;           /* of the first payload byte */
    uint32_t touched;       /* [F] tcp_recvq.touches when a segment of it last came: told first */
};
static_assert(sizeof(struct tcp_rx_note) <= sizeof(((struct pkt *)0)->cb), "fits the notes");

struct tcp_recvq {
    struct pkt_queue in_order; /* data to be read; each packet's data is payload */
    uint32_t bytes;            /* in it */
    struct pkt *ranges;        /* out of order, lowest first */
    uint32_t range_count;
    uint32_t ooo_packets;
    uint32_t ooo_bytes;
    uint32_t touches; /* segments out of order so far, new or known */
};

struct tcp_listener {
    struct list half_open; /* tcp_half.of_listener, oldest first */
    struct list accept;    /* tcp_cb.place, oldest first */
    uint32_t half_count;
    uint32_t accept_count;
    uint32_t backlog;
};

/* Timestamps (RFC 7323). Ours count milliseconds from a secret start for each pair of hosts. */
struct tcp_timestamps {
    bool on;            /* both SYNs had the option */
    uint32_t offset;    /* of ours to the stack's clock */
    uint32_t recent;    /* TS.Recent */
    uint64_t recent_ns; /* when it was taken */
};

/* What size segments have (send/mtu.c). */
struct tcp_path {
    uint16_t peer_mss;   /* announced by the peer, not below TCP_MSS_FLOOR */
    uint16_t mtu;        /* IP packets of this size are believed to pass */
    bool may_fragment;   /* DF is not set */
    bool proven;         /* a segment of the full size was acknowledged */
    uint8_t claims;      /* of routers, believed since the link's size was last tried; saturates */
    uint64_t lowered_ns; /* when mtu was last set */
};

/* Round-trip time and timeout (RFC 6298), in us; srtt is scaled by 8 and rttvar by 4. */
struct tcp_rtt {
    uint32_t srtt_us8; /* 0: no measurement yet */
    uint32_t rttvar_us4;
    uint32_t rto_us;
};

enum tcp_recovery {
    TCP_RECOVERY_NONE,
    TCP_RECOVERY_FAST, /* RFC 6582 fast recovery */
    TCP_RECOVERY_LOSS, /* after a timeout, until `recover` is acknowledged */
};

enum tcp_hystart_phase {
    TCP_HYSTART_SLOW_START,
    TCP_HYSTART_TRAIN, /* slowed down by a long train of ACKs */
    TCP_HYSTART_CSS,   /* Conservative Slow Start: slowed down by a longer round trip */
};

/* HyStart++ (RFC 9406): the rounds of the first slow start. UINT32_MAX: no sample. */
struct tcp_hystart {
    uint64_t train_begin_ns;  /* the first ACK of this round */
    uint64_t train_last_ns;   /* the last one that came close behind another */
    uint32_t round_end;       /* the round is over when this is acknowledged */
    uint32_t path_min_us;     /* shortest round trip of all */
    uint32_t min_us;          /* of this round */
    uint32_t last_min_us;     /* of the last */
    uint32_t css_baseline_us; /* min_us when CSS began */
    uint8_t phase;            /* enum tcp_hystart_phase */
    uint8_t samples;          /* of this round, saturates */
    uint8_t css_rounds;
    bool train_long; /* in this round */
};

/* CUBIC (RFC 9438). The curve is what a spurious loss has to give back (4.9). */
struct tcp_cubic_curve {
    uint64_t epoch_ns; /* begin of congestion avoidance, put off by pauses; 0: not begun */
    uint64_t est_rest; /* of w_est: what is less than a byte */
    uint32_t w_max;    /* bytes; 0: no loss yet */
    uint32_t w_est;    /* bytes */
    uint32_t k_ms;
};

struct tcp_cubic {
    struct tcp_cubic_curve curve;
    struct tcp_cubic_curve prior; /* before the last reduction */
    uint64_t used_ns;             /* to here time is accounted for */
    uint32_t cwnd_prior;          /* bytes, at the last reduction */
    bool timed_out;               /* the last reduction was a timeout's */
};

struct tcp_cc {
    const struct tcp_cc_ops *ops;
    uint32_t cwnd;     /* bytes */
    uint32_t ssthresh; /* bytes */
    uint32_t acked;    /* bytes acknowledged since cwnd last grew (RFC 3465), or CUBIC's rest */
    uint32_t recover;  /* RFC 6582: SND.NXT when recovery began */
    uint8_t recovery;  /* enum tcp_recovery */
    uint8_t dupacks;   /* saturates */
    bool partial_seen; /* NewReno: the first partial acknowledgement of this recovery has come */
    bool rescued;      /* RFC 6675: the one rescue retransmission of this recovery was made */
    uint8_t frto;      /* enum tcp_frto */
    bool force_rtx;    /* the next lost packet goes whatever cwnd says (RFC 6582 3.2 steps 2, 5) */
    uint32_t prior_cwnd;     /* before the last reduction; 0: nothing to undo */
    uint32_t prior_ssthresh; /* the same */
    uint32_t ack_rtt_us;     /* measured by the ACK that is being handled; 0: nothing was */
    uint64_t validated_ns;   /* when at least half of cwnd was last in use (RFC 7661) */
    uint32_t peak; /* the most that was out before an ACK, until peak_end is acknowledged */
    uint32_t peak_end;
    struct tcp_hystart hystart;
    struct tcp_cubic cubic;
    uint32_t recover_fs;    /* RFC 9937: what was out when recovery began */
    uint32_t prr_delivered; /* since then */
    uint32_t prr_out;       /* sent since then */
    struct tcp_undo undo;
};

/* RFC 3168. */
struct tcp_ecn {
    uint32_t end; /* while reduced: SND.NXT when cwnd was */
    bool on;      /* both sides agreed */
    bool asked;   /* our SYN asked, and no later one did not */
    bool echo;    /* a mark has come: ECE goes on every ACK until CWR comes */
    bool cwr_due; /* on the next new data */
    bool reduced; /* cwnd was, and not more than what was out then is acknowledged */
    bool by_echo; /* because of an echo, not of a loss */
    bool echoed;  /* the ACK that is being handled has ECE */
    bool seen;    /* data of the peer came with a mark, if only that it may be marked */
};

struct tcp_keepalive {
    uint32_t idle_s;
    uint32_t interval_s;
    uint8_t count;  /* probes without an answer before giving up */
    uint8_t probes; /* sent since the peer was last heard */
    bool on;
};

/* What the owner asked for beyond the oldest options (opt.c). A listener's connections begin
 * with a copy of its own. */
struct tcp_choices {
    uint32_t user_timeout_ms; /* TCP_USER_TIMEOUT, RFC 5482; 0: TCP_R2_MS and the like */
    uint32_t defer_accept_s;  /* TCP_DEFER_ACCEPT; listeners only */
    uint32_t window_clamp;    /* TCP_WINDOW_CLAMP: the most to advertise; 0: no bound */
    int32_t linger2_s;        /* TCP_LINGER2: FIN-WAIT-2 as an orphan; 0: the default, -1: none */
    uint16_t mss;             /* TCP_MAXSEG: the most either side is to send; 0: the path's */
    uint8_t tos;              /* IP_TOS; its ECN bits are 0 */
    uint8_t ttl;              /* IP_TTL; 0: IPV4_TTL */
    bool cork;                /* TCP_CORK */
    bool quickack;            /* TCP_QUICKACK: no delayed ACKs */
    bool rcvbuf_fixed;        /* SO_RCVBUF was set: this buffer does not tune itself */
    bool sndbuf_fixed;        /* SO_SNDBUF */
};

/* What the self-tuning of the receive buffer has measured (recv/tune.c). */
struct tcp_tuning {
    uint64_t round_ns;   /* when the present round began */
    uint32_t round_read; /* bytes the owner has read in it */
    uint32_t best_read;  /* the most he read in one round */
    uint32_t rtt_us;     /* round-trip time as a receiver sees it; 0: unknown */
    uint32_t rtt_echo;   /* the last timestamp that was a sample */
    uint32_t rtt_seq;    /* a window is through when RCV.NXT gets here ... */
    uint64_t rtt_ns;     /* ... and it began then; 0: nothing is being measured */
};

/* Totals of a connection for TCP_INFO (RFC 4898 has most of them). */
struct tcp_tally {
    uint64_t bytes_acked;
    uint64_t bytes_received; /* in order */
    uint64_t bytes_resent;
    uint64_t data_ns; /* when data last came, in order or not; 0: never */
    uint32_t segs_in;
    uint32_t segs_out;
    uint32_t data_segs_in;
    uint32_t data_segs_out;
    uint32_t retransmits; /* data segments */
    uint32_t dsacks;      /* duplicates that the peer told of (RFC 2883) */
    uint32_t reord_seen;  /* ACKs that told of something overtaken */
};

struct tcp_cb {
    struct tcp_node node; /* in the table while the wire may reach it */
    struct net *net;      /* [I] */
    struct list all;      /* every control block */
    struct list bound;    /* by port, when the port is explicitly its own */
    struct list place;    /* in its listener's accept queue, or among the orphans */
    struct list starved;  /* waits for a packet buffer to send with */
    struct list holding;  /* in tcp.holders, while it has packets to send */
    net_ready_fn *ready;  /* NULL: nobody to tell */
    void *owner;
    struct tcp_cb *parent; /* the listener, while not accepted */
    uint8_t state;         /* enum tcp_state */
    int error;             /* pending, positive errno */
    int soft_error;        /* from ICMP; becomes the error when the connection gives up */

    bool orphan;        /* closed by its owner, still to be finished */
    bool shut_rd;       /* the owner reads no more */
    bool fin_queued;    /* the owner sends no more */
    bool fin_sent;      /* SND.NXT is behind our FIN */
    bool fin_lost;      /* our FIN is believed lost */
    bool fin_received;  /* RCV.NXT is behind the peer's FIN */
    bool fin_known;     /* the peer's FIN came ahead of its turn, at fin_seq */
    bool nodelay;       /* TCP_NODELAY */
    bool more;          /* the last send said that more follows */
    bool push_override; /* the persist timer asks for what little may go (RFC 9293 3.8.6.2.1) */
    bool ack_now;       /* an ACK must leave with this event */
    bool send_blocked;  /* the writer was told to wait: tell him when there is room */
    bool syn_resent;    /* our SYN was lost: RFC 5681 3.1, RFC 6298 5.7 */
    bool syn_unsent;    /* our SYN has not left this host: there was no room for it */
    bool syn_untimed;   /* nobody knows when the SYN that was answered went: a cookie's SYN-ACK, or
                         * one that went again behind a RST (open/syn_sent.c) */
    bool reuse;
    bool sack_on;             /* both SYNs permitted it (RFC 2018) */
    bool dsack_due;           /* the next ACK tells of `dsack` (RFC 2883) */
    uint8_t backoff;          /* doublings of the timeout, until a new measurement (Karn) */
    uint8_t timeouts;         /* since SND.UNA last moved */
    uint8_t probes;           /* window probes since the window was last open */
    uint8_t unacked_segments; /* data segments received and not acknowledged */

    uint32_t iss, snd_una, snd_nxt, snd_wnd, snd_wl1, snd_wl2;
    uint32_t max_snd_wnd;
    uint32_t small_end; /* end of the last segment below the MSS that was sent (Nagle) */
    uint32_t irs, rcv_nxt, rcv_acked; /* rcv_acked: the last ACK sent */
    uint32_t rcv_adv;                 /* right edge of the advertised window; never goes back */
    uint32_t fin_seq;
    uint32_t dsack_first, dsack_end; /* what came twice */
    uint16_t snd_mss;                /* effective send MSS (RFC 9293 3.7.1) */
    uint16_t rcv_mss;                /* what we announced */
    uint8_t snd_wscale;              /* shift of windows received */
    uint8_t rcv_wscale;              /* shift of windows sent */
    uint32_t rcvbuf_bytes;
    uint32_t sndbuf_bytes;
    int32_t linger_s; /* -1 off */

    struct tcp_sendq sendq;
    struct tcp_recvq recvq;
    struct pkt *early; /* text (it may be none) of a SYN that crossed ours, till we are open ... */
    bool early_fin;    /* ... and a FIN behind it */
    struct tcp_timestamps ts;
    struct tcp_path path;
    struct tcp_rtt rtt;
    struct tcp_cc cc;
    struct tcp_ecn ecn;
    struct tcp_rack rack;
    struct tcp_keepalive keepalive;
    struct tcp_choices opt;
    struct tcp_tuning tune;
    struct tcp_tally tally;
    struct tcp_listener listener;

    struct timer rtx_timer;    /* retransmission and persist */
    struct timer rack_timer;   /* reordering window, tail loss probe */
    struct timer delack_timer; /* delayed ACK */
    struct timer idle_timer;   /* keepalive, FIN-WAIT-2 */
    uint64_t progress_ns;      /* when the peer last moved SND.UNA, or sending began */
    uint64_t heard_ns;         /* when an acceptable segment last came */
    uint64_t sent_ns;          /* when data last went */
    uint64_t challenge_ns;     /* when the last challenge ACK went; 0 never */
    uint64_t oow_ns;           /* when the last ACK to a dataless out-of-window segment went */
    uint64_t orphan_ns;        /* when the owner closed */
    uint64_t drained_ns;       /* of a holder: when SND.UNA was at drained_una */
    uint32_t drained_una;      /* moves a full segment at a time */
};

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
    struct list bound[TCP_BOUND_BUCKETS];
    struct list all;
    struct list orphans; /* oldest first */
    uint32_t orphan_count;
    struct list half_age;
    struct list time_wait_age;
    struct timer time_wait_timer; /* for the oldest record */
    struct list holders; /* who holds packets to send; the longest without progress first */
    struct list starved;
    struct timer starved_timer;
    struct tcp_ports ports;
    uint64_t cookies_until_ns; /* till then a cookie of ours may come back; 0: none is out */
};

struct arena;

/* Takes the tables of n->cfg.limits from a. STATUS_NO_MEMORY. n->wheel and n->cfg stand already. */
enum status tcp_init(struct net *n, struct arena *a) must_check;

/* Ends everything without a word on the wire and puts every packet held. */
void tcp_destroy(struct net *n);

#endif
