/*
 * Congestion control's part of a connection: cwnd, ssthresh, what the algorithms keep, and ECN.
 * Written by cc/ alone. Data only.
 */
#ifndef NET_TCP_BLOCK_CONGESTION_H
#define NET_TCP_BLOCK_CONGESTION_H

#include "kernel/base.h"

struct tcp_cc_ops;

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
    uint32_t path_min_us;     /* shortest round trip of all */
    uint32_t min_us;          /* of this round */
    uint32_t last_min_us;     /* of the last */
    uint32_t css_baseline_us; /* min_us when CSS began */
    uint8_t phase;            /* enum tcp_hystart_phase */
    uint8_t samples;          /* of this round, saturates */
    uint8_t css_rounds;
    bool train_long;    /* in this round */
    uint32_t round_end; /* the round is over when this is acknowledged */
};

enum {
    TCP_CC_STATE_WORDS = 10, /* what an algorithm may keep for a connection, of 8 bytes */
};

struct tcp_cc {
    const struct tcp_cc_ops *ops;
    uint32_t cwnd;         /* bytes */
    uint32_t ssthresh;     /* bytes */
    uint32_t acked;        /* bytes acknowledged since cwnd last grew (RFC 3465), or CUBIC's rest */
    uint8_t recovery;      /* enum tcp_recovery */
    bool ages;             /* the algorithm counts time, and is told of what went by unused */
    uint64_t validated_ns; /* when at least half of cwnd was last in use (RFC 7661) */
    uint32_t peak;         /* the most that was out before an ACK, until peak_end is acknowledged */
    uint32_t peak_end;
};

/* What congestion control needs while cwnd grows, and when it was reduced. */
struct tcp_cc_cold {
    struct tcp_hystart hystart;
    uint64_t state[TCP_CC_STATE_WORDS]; /* the algorithm's own; it sets it up in its init */
    uint32_t prior_cwnd;                /* before the last reduction; 0: nothing to undo */
    uint32_t prior_ssthresh;            /* the same */
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

#endif
