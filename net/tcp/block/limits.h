/*
 * The named limits of TCP, each with its reason.
 */
#ifndef NET_TCP_BLOCK_LIMITS_H
#define NET_TCP_BLOCK_LIMITS_H

#include "kernel/base.h"
#include "kernel/pkt.h"

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
    TCP_RUN_WHOLE_BYTES = 128 * 1024,   /* received by a connection: from there on a run of segments
                                           (gro/) is taken whole, with one ACK (docs/tcp.md) */
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

    TCP_RANGES_MAX = 128,  /* out-of-order ranges of a connection (CVE-2018-5390) */
    TCP_HALF_ACKS_MAX = 3, /* bare ACKs of a half-open record between two SYN-ACKs */
    TCP_DEFER_MAX_S = 30,  /* TCP_DEFER_ACCEPT: the last SYN-ACK but one is still to come */
    TCP_BUF_MIN_BYTES = 2048,
    TCP_BUF_MAX_BYTES = 4 * 1024 * 1024,
    TCP_WINDOW_FIELD_MAX = 65535,
    TCP_ISS_TICK_NS = 4000,      /* RFC 9293 3.4.1: the clock of initial sequence numbers */
    TCP_ISS_REOPEN_STEP = 65536, /* RFC 1122 4.2.2.13: how far past the old connection's numbers */
    TCP_EPHEMERAL_FIRST = 32768, /* RFC 6056 3.2: a large range; above what servers listen on */
    TCP_EPHEMERAL_COUNT = 32768,
};

/*
 * Memory, and who gives way when it is short: the policy is life/pressure.c's, the table of what
 * goes first and why is in docs/tcp.md, "Who gives way".
 */
enum {
    /* Packets of one connection: so many for each of a buffer's bytes, and some. */
    TCP_PACKET_SHARE_BYTES = 1024, /* a buffer of n bytes may hold n / this packets ... */
    TCP_PACKETS_EXTRA = 40,        /* ... and so many more */
    TCP_SPLIT_FACTOR = 2,          /* a send queue whose packets were cut, so many times that */
    TCP_POOL_SHARE = 4,            /* no buffer grows so far that one could fill 1/4 of the pool */
    TCP_UNACCEPTED_PACKETS = 16,   /* held before accept(): an initial window and some (RFC 6928) */
    TCP_WAKE_FRACTION = 8,         /* a waiting writer is woken when 1/8 of its buffer is free */

    /* What is left of a pool of packets, as a part of what is for data. */
    TCP_GROW_FRACTION = 2,     /* below 1/2 no buffer grows, and a connection may queue ... */
    TCP_PRESSURE_PACKETS = 4,  /* ... so many packets to send */
    TCP_SHORTAGE_FRACTION = 4, /* below 1/4 only ... */
    TCP_SHORTAGE_PACKETS = 2,  /* ... so many: an answer still gets through */
    TCP_PRESSURE_FRACTION = 8, /* below 1/8 data out of order is not taken, in order up to
                                  TCP_PRESSURE_PACKETS */
    TCP_FLOOR_FRACTION = 32,   /* the last 1/32 takes nobody's data in; and below it connections end
                                  that have packets to send and get rid of none */

    /* Senders that are stalled. */
    TCP_STALLED_SHUT_MS = 500,       /* no progress, and a window below a segment (RFC 6429) ... */
    TCP_STALLED_OPEN_MS = 10 * 1000, /* ... or an open one */
    TCP_STALLED_PER_TURN = 64,       /* looked at in TCP_MEMORY_WAIT_MS */
    TCP_MEMORY_WAIT_MS = 10,         /* so often is asked whether there is memory again */

    /* Orphans: connections whose owner has closed. */
    TCP_ORPHAN_GRACE_MS = 3000,    /* one may finish so long while writers wait for memory */
    TCP_ORPHAN_FRACTION = 2,       /* at most half of the table may be orphans */
    TCP_SHUT_ORPHANS_MIN = 32,     /* so many orphans are a crowd in no table */
    TCP_SHUT_ORPHAN_FRACTION = 32, /* from 1/32 on those go whose peers keep the window shut */
    TCP_RECLAIM_LOOKS = 16,        /* at orphans, for one that holds packets for nothing */

    /* Half-open records. */
    TCP_HALF_OPEN_GRACE_MS = 100,     /* without cookies: younger ones are not evicted */
    TCP_HALF_OPEN_SILENT_RETRIES = 3, /* 7 s: then one makes room for any newcomer */
    TCP_HALF_OPEN_RESERVE = 4,        /* 1/4 of the table is closed to any one listener */
};

#endif
