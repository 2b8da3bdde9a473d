/*
 * Neighbours: the ARP cache and protocol (RFC 826, RFC 1122 2.3.2, RFC 5227 where it touches ARP).
 *
 * Who gets in. An entry is made when this host wants to send to an address, or when a neighbour on
 * the link asks for this host's own address (it is about to talk to us). Everything else only
 * updates entries that exist, and only when it concerns us: a reply to us, a request for us, or a
 * gratuitous announcement. Replies that nobody asked for make nothing.
 *
 * Who gets out when the table is full: one that did not answer or was never used for sending, else
 * the least recently used one. Never the gateway, never one that is being resolved; and for an
 * entry that a neighbour's request would make, never one that was used for sending in the last
 * ARP_RECENT_NS, and the next ARP_EVICT_LOOKS are looked at. Nothing to evict: the newcomer is not
 * made (counted).
 *
 * Who is believed. A claim to the address of a neighbour that was heard lately makes us ask that
 * neighbour, by unicast: when it answers, the claim is nothing; when it is silent for ARP_DOUBT_NS,
 * everybody is asked. What is sent meanwhile goes to the old place, and the last of it once more to
 * the new one. One neighbour is doubted once a second at most (RFC 1122 2.3.2.1): a claim that
 * comes sooner is looked into when that second is over.
 *
 * Who waits. Packets for a neighbour that is being asked for wait for its answer, as many as
 * arp_pending.c allows. Nobody answers: the sender of each is told, and for ARP_HOLDOFF_NS
 * that is the answer to everybody (arp_is_absent); then the next packet asks anew.
 *
 * An entry believed for ARP_REACHABLE_NS is asked again by unicast while it stays in use
 * (RFC 1122 2.3.2.1 (2)); one older than ARP_EXPIRE_NS is resolved anew before it is used.
 */
#ifndef NET_LINK_ARP_H
#define NET_LINK_ARP_H

#include "kernel/arena.h"
#include "kernel/base.h"
#include "kernel/pkt.h"
#include "kernel/timer.h"
#include "net/wire/arp.h"

struct net;

enum {
    ARP_TRIES_MAX = 3, /* requests, one a second, before a neighbour counts as absent */
    ARP_BUCKETS = 64,  /* of the hash over addresses; a power of two */
    ARP_EVICT_LOOKS = 64,
    /* Packets waiting for one neighbour: what Linux's 208 KiB are in small packets. */
    ARP_PENDING_MAX = 256,
    /* Packets waiting for all of them: so many in any case, for half of them may be one neighbour's
     * and the largest datagram is 45 fragments, ... */
    ARP_PENDING_TOTAL_MIN = 96,
    ARP_PENDING_POOL_SHARE = 16, /* ... or 1/16 of the packets there are to send */
};
#define ARP_RETRY_NS     (1 * NS_PER_S) /* RFC 1122 2.3.2.1: at most one request a second */
#define ARP_REACHABLE_NS (60 * NS_PER_S)
#define ARP_EXPIRE_NS    (600 * NS_PER_S)
#define ARP_DOUBT_NS     (UINT64_C(200) * NS_PER_MS) /* silent so long, a doubted one is gone */
#define ARP_UNSENT_NS    (UINT64_C(50) * NS_PER_MS)  /* a request without a buffer goes so late */
#define ARP_HOLDOFF_NS   (1 * NS_PER_S) /* an absent neighbour is not asked for again so long */
#define ARP_RECENT_NS    (60 * NS_PER_S)

enum arp_state {
    ARP_FREE,
    ARP_INCOMPLETE, /* asked for by broadcast; packets wait */
    ARP_REACHABLE,
    ARP_PROBING, /* in use, and asked again by unicast */
    ARP_DOUBTED, /* in use, and asked by unicast because another one claims its address */
    ARP_SILENT,  /* did not answer that; the next packet asks everybody */
    ARP_FAILED,  /* nobody answered; packets are refused until the hold-off is over */
};

struct arp_entry {
    struct net *net;        /* [I] */
    struct arp_entry *next; /* in its hash bucket */
    /* INCOMPLETE, PROBING: the next request; DOUBTED: what silence means; SILENT, FAILED: the end;
     * REACHABLE: armed when a claim waits to be looked into. */
    struct timer timer;
    struct pkt_queue pending; /* IP packets, data at the IP header; DOUBTED: a copy of the last */
    uint64_t confirmed_ns;
    uint64_t used_ns;    /* last sent to; 0: never */
    uint64_t doubted_ns; /* when it was last asked because of a claim; 0: never */
    uint32_t generation; /* another one with each change of state or mac */
    uint32_t address;
    uint8_t mac[ETH_ADDR_BYTES];
    uint8_t state; /* enum arp_state */
    uint8_t tries;
};

/* Told of a packet (borrowed, data at its IP header) that waited for a neighbour in vain. May send,
 * and may end what the packet belongs to. */
typedef void arp_unresolved_fn(struct net *n, const struct pkt *p);

struct arp {
    struct arp_entry *entries;  /* [I] count of them */
    uint32_t count;             /* [I] */
    uint32_t used;              /* entries not FREE */
    uint32_t incomplete;        /* of them; from half of count on no more are begun */
    uint32_t pending;           /* packets waiting, all together */
    uint32_t hash_key;          /* [I] odd, secret: buckets cannot be aimed at */
    uint32_t hand;              /* where the next search for one to evict begins */
    struct arp_entry *free;     /* those that are FREE */
    struct arp_entry *last;     /* the last one sent to */
    struct arp_entry other_end; /* of a link of bare IP, where nobody is asked: in no table */
    arp_unresolved_fn *unresolved;
    struct arp_entry *buckets[ARP_BUCKETS];
};

enum status arp_init(struct net *n, struct arena *a) must_check;
void arp_destroy(struct net *n); /* frees every waiting packet */

/* Registers with Ethernet and the interface. */
void arp_attach(struct net *n);

/* fn hears of every packet that nobody is there for; one that does, which had none before. */
void arp_on_unresolved(struct net *n, arp_unresolved_fn *fn);

/*
 * Takes an IP packet for the on-link address next_hop: sends it now, or keeps it until the address
 * is resolved. STATUS_BUSY: there is no room to wait, STATUS_TIMEOUT: nobody answers there; the
 * packet is dropped then, and counted.
 */
enum status arp_output(struct net *n, struct pkt *p, uint32_t next_hop);

/* The entry of the on-link address next_hop, if what is sent there goes out at once and sets off
 * nothing: REACHABLE, and not to be asked again yet. Else NULL. Of a link of bare IP the one that
 * stands for its other end. */
struct arp_entry *arp_reachable(struct net *n, uint32_t next_hop);

/* For who sends to e, of arp_reachable, without arp_output: it is in use. */
void arp_used(struct arp_entry *e);

/*
 * Whether arp_output would take each buffer of p (borrowed) as a packet for next_hop, none of them
 * in the place of another that waits; counted when not. A neighbour that is not known is asked for
 * in any case: so it has room in the end.
 */
bool arp_admits(struct net *n, uint32_t next_hop, const struct pkt *p);

/* Nobody answered when next_hop was asked for, within the last ARP_HOLDOFF_NS. */
bool arp_is_absent(struct net *n, uint32_t next_hop);

/* Nothing comes back from there: the neighbour is asked by unicast, once in ARP_RETRY_NS at most,
 * and forgotten when it is silent. Nothing for one that is not known. */
void arp_suspect(struct net *n, uint32_t address);

/* Forgets every neighbour: the address or the link changed. Waiting packets are dropped. */
void arp_flush(struct net *n);

/* For tests and statistics: the entry of an address, or NULL. */
const struct arp_entry *arp_lookup(const struct net *n, uint32_t address);

#endif
