/*
 * Reassembly of IPv4 fragments (RFC 791 3.2, RFC 1122 3.3.2).
 *
 * A datagram is put together in one packet buffer, the one its first fragment arrived in, so that
 * it costs one buffer however many fragments it has and needs no allocation. What does not fit,
 * REASS_PAYLOAD_MAX_BYTES of payload, is dropped under a name of its own: larger datagrams (such
 * as `ping -s 4000`) are not supported.
 *
 * Fragments that overlap end their datagram, as RFC 5722 has it for IPv6; an exact duplicate is
 * ignored. Bounds: cfg.limits.reass_datagrams at once and cfg.limits.reass_packets fragments, a
 * quarter of each for one source. A newcomer never is refused: beyond its source's share it evicts
 * the oldest datagram of that source, beyond the bound of all the oldest of all. A datagram not
 * complete after REASS_TIMEOUT_NS is dropped, with a Time Exceeded when its first fragment is
 * there.
 */
#ifndef NET_IP_REASS_H
#define NET_IP_REASS_H

#include "kernel/arena.h"
#include "kernel/list.h"
#include "kernel/pkt.h"
#include "kernel/pool.h"
#include "kernel/timer.h"
#include "net/wire/ipv4.h"

struct net;

enum {
    REASS_DATA_OFFSET_BYTES = 14 + IPV4_HEADER_BYTES, /* of the payload in the gathering buffer */
    REASS_PAYLOAD_MAX_BYTES = PKT_BUF_BYTES - REASS_DATA_OFFSET_BYTES,
    REASS_FRAGMENTS_MAX = 48, /* of one datagram: enough for the smallest legal MTU of 68 */
    REASS_SOURCE_SHARE = 4,   /* one source may hold 1/4 of the datagrams and fragments */
};
#define REASS_TIMEOUT_NS (20 * NS_PER_S)

struct reass_range {
    uint16_t begin; /* bytes of payload, end excluded */
    uint16_t end;
};

struct reass_datagram {
    struct list node; /* in reass.active, oldest first */
    struct net *net;  /* [I] */
    struct timer timer;
    struct pkt *p;           /* gathers the payload at head + REASS_DATA_OFFSET_BYTES */
    struct ipv4_header head; /* of the fragment at offset 0, or else of the first to come */
    uint16_t have_bytes;
    uint16_t total_bytes; /* 0: the last fragment has not come */
    bool has_ce;          /* a piece came marked (RFC 3168 5.3) */
    bool has_not_ect;     /* a piece came that could not be marked */
    bool have_first;      /* offset 0 is there, and its header in front of the payload */
    uint8_t range_count;
    struct reass_range ranges[REASS_FRAGMENTS_MAX];
};

struct reass {
    struct pool pool;
    struct list active;
    uint32_t fragments; /* accepted and not yet delivered, all together */
};

enum status reass_init(struct net *n, struct arena *a) must_check;
void reass_destroy(struct net *n);

#endif
