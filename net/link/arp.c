/*
 * The ARP protocol: answering, asking, learning, and whom to believe (RFC 826, RFC 1122 2.3.2,
 * RFC 5227). The table is arp_table.c's, what waits for an answer arp_pending.c's, what is sent
 * arp_send.c's, conflicts are acd.c's.
 */
#include <string.h>

#include "net/core/random.h"
#include "net/link/eth.h"
#include "net/link/iface.h"
#include "net/link/int.h"
#include "net/stack.h"

/* Asks for a neighbour: by broadcast, or itself when its address is only being confirmed. What
 * could not be sent is no question, and silence is no answer to it. */
static void arp_ask(struct arp_entry *e)
{
    struct net *n = e->net;
    bool anybody = e->state == ARP_INCOMPLETE;
    assert(anybody || e->state == ARP_PROBING || e->state == ARP_DOUBTED);
    assert(e->tries < ARP_TRIES_MAX);
    uint64_t wait_ns = ARP_UNSENT_NS;
    if (arp_send_request(n, e->address, anybody ? eth_broadcast : e->mac)) {
        e->tries++;
        wait_ns = e->state == ARP_DOUBTED ? ARP_DOUBT_NS : ARP_RETRY_NS;
    }
    timer_arm(&n->wheel, &e->timer, n->now_ns + wait_ns);
}

/* Nobody answered. */
static void arp_give_up(struct arp_entry *e)
{
    struct net *n = e->net;
    arp_set_state(e, ARP_FAILED);
    timer_arm(&n->wheel, &e->timer, n->now_ns + ARP_HOLDOFF_NS);
    NET_COUNT(n, arp_unresolved);
    arp_pending_give_up(e); /* the last: e is not touched any more */
}

/* The one that is known is asked whether it still is there. state: PROBING or DOUBTED. */
static void arp_verify(struct arp_entry *e, enum arp_state state)
{
    arp_set_state(e, state);
    e->tries = 0;
    if (state == ARP_DOUBTED) {
        e->doubted_ns = e->net->now_ns;
    }
    arp_ask(e);
}

/* The doubted one is gone. What was sent to it last asks for its successor; without any the next
 * packet does. */
static void arp_fell_silent(struct arp_entry *e)
{
    struct net *n = e->net;
    NET_COUNT(n, arp_fell_silent);
    if (e->pending.count > 0 && arp_may_resolve(&n->arp)) {
        arp_set_state(e, ARP_INCOMPLETE);
        e->tries = 0;
        arp_ask(e);
        return;
    }
    arp_pending_drop(e);
    arp_set_state(e, ARP_SILENT);
    /* It remembers for so long when it was last doubted. */
    timer_arm(&n->wheel, &e->timer, n->now_ns + ARP_RETRY_NS);
}

static void arp_timer(struct timer *t, uint64_t now_ns)
{
    struct arp_entry *e = container_of(t, struct arp_entry, timer);
    assert(e->state != ARP_FREE);
    if (e->state == ARP_REACHABLE) {
        arp_verify(e, ARP_DOUBTED); /* a claim came too soon after the one before */
    } else if (e->state == ARP_DOUBTED && e->tries > 0) {
        arp_fell_silent(e);
    } else if (e->state == ARP_FAILED || e->state == ARP_SILENT) {
        arp_table_remove(e);
    } else if (e->tries < ARP_TRIES_MAX) {
        arp_ask(e);
    } else if (e->state == ARP_PROBING) {
        arp_table_remove(e); /* the next packet asks by broadcast */
    } else {
        arp_give_up(e);
    }
}

enum status arp_init(struct net *n, struct arena *a)
{
    struct arp *arp = &n->arp;
    arp->count = n->cfg.limits.arp_entries;
    size_t bytes = arp->count * sizeof(struct arp_entry);
    struct arp_entry *entries = arena_alloc(a, bytes, 64);
    if (arena_measuring(a)) {
        return STATUS_OK;
    }
    if (entries == NULL) {
        return STATUS_NO_MEMORY;
    }
    memset(entries, 0, bytes);
    arp->entries = entries;
    arp->hash_key = net_random_u32(&n->random) | 1;
    for (uint32_t i = arp->count; i > 0; i--) {
        struct arp_entry *e = &entries[i - 1];
        e->net = n;
        timer_init(&e->timer, arp_timer);
        e->next = arp->free;
        arp->free = e;
    }
    return STATUS_OK;
}

void arp_flush(struct net *n)
{
    n->arp.other_end.generation++;
    for (uint32_t i = 0; i < n->arp.count; i++) {
        struct arp_entry *e = &n->arp.entries[i];
        if (e->state != ARP_FREE) {
            n->counters.arp_drop_flushed += e->pending.count;
            arp_table_remove(e);
        }
    }
    assert(n->arp.used == 0 && n->arp.pending == 0 && n->arp.incomplete == 0);
}

void arp_destroy(struct net *n)
{
    arp_flush(n);
}

/* A station was heard at this address lately, and is being, or need not yet be, asked again. */
static bool is_believed(const struct arp_entry *e)
{
    return e->state == ARP_PROBING || e->state == ARP_DOUBTED ||
           (e->state == ARP_REACHABLE && e->net->now_ns - e->confirmed_ns <= ARP_REACHABLE_NS);
}

/*
 * Another one claims a believed neighbour's address: an impostor, or a stand-in that took over. The
 * old one is asked; when it has gone silent the address is resolved anew. So one forged packet
 * cannot take our traffic while its owner lives, and a true change costs ARP_DOUBT_NS and a round
 * trip. However many claims come, the owner is asked once a second, and nobody else while it
 * answers: claims cannot be made to multiply.
 */
static void arp_doubt(struct arp_entry *e)
{
    struct net *n = e->net;
    NET_COUNT(n, arp_rx_doubted);
    if (e->state == ARP_DOUBTED) {
        return;
    }
    uint64_t next_ns = e->doubted_ns != 0 ? e->doubted_ns + ARP_RETRY_NS : 0;
    if (n->now_ns >= next_ns) {
        arp_verify(e, ARP_DOUBTED);
    } else if (e->state == ARP_REACHABLE) {
        timer_arm(&n->wheel, &e->timer, next_ns);
    }
}

void arp_suspect(struct net *n, uint32_t address)
{
    struct arp_entry *e = arp_table_find(n, address);
    if (e != NULL && e->state == ARP_REACHABLE && n->now_ns - e->confirmed_ns >= ARP_RETRY_NS) {
        NET_COUNT(n, arp_suspected);
        arp_verify(e, ARP_PROBING);
    }
}

/* The neighbour said so itself. */
static void arp_learn(struct arp_entry *e, const uint8_t *mac)
{
    struct net *n = e->net;
    assert(!eth_is_group(mac) && e->address != n->iface.address);
    if (is_believed(e) && !eth_equal(e->mac, mac)) {
        arp_doubt(e);
        return;
    }
    if (e->state == ARP_INCOMPLETE) {
        NET_COUNT(n, arp_resolved);
    } else if (e->state == ARP_DOUBTED) {
        arp_pending_drop(e); /* it has arrived */
    }
    memcpy(e->mac, mac, ETH_ADDR_BYTES);
    e->confirmed_ns = n->now_ns;
    timer_cancel(&n->wheel, &e->timer);
    arp_set_state(e, ARP_REACHABLE);
    arp_pending_send(e);
}

/* Turns the request in p around (RFC 826 "Packet reception"): built in its own buffer, so that no
 * shortage keeps it from being answered. Takes p. */
static void arp_reply(struct net *n, struct pkt *p, const struct arp_packet *in)
{
    struct arp_packet a = {
        .op = ARP_OP_REPLY,
        .sender_ip = in->target_ip,
        .target_ip = in->sender_ip,
    };
    memcpy(a.sender_mac, n->cfg.mac, ETH_ADDR_BYTES);
    memcpy(a.target_mac, in->sender_mac, ETH_ADDR_BYTES);
    pkt_trim(p, ARP_PACKET_BYTES);
    arp_encode(p->data, &a);
    NET_COUNT(n, arp_tx_reply);
    eth_output(n, p, in->sender_mac, ETH_TYPE_ARP);
}

/* Takes p, a request for our own address. Probes (sender address 0) are answered, not learnt. */
static void request_for_us(struct net *n, struct pkt *p, const struct arp_packet *a)
{
    if (a->sender_ip != 0) {
        struct arp_entry *e = arp_table_find(n, a->sender_ip);
        if (e == NULL && iface_is_on_link(n, a->sender_ip)) {
            e = arp_table_add(n, a->sender_ip, false);
        }
        if (e != NULL) {
            arp_learn(e, a->sender_mac);
        }
    }
    arp_reply(n, p, a);
}

/* Replies to us and announcements: they update what is there, and make nothing. */
static void update_existing(struct net *n, const struct arp_packet *a)
{
    bool announcement = a->sender_ip == a->target_ip;
    bool reply_to_us = a->op == ARP_OP_REPLY && a->target_ip == n->iface.address;
    if (!announcement && !reply_to_us) {
        NET_COUNT(n, arp_rx_not_for_us);
        return;
    }
    struct arp_entry *e = arp_table_find(n, a->sender_ip);
    if (e == NULL) {
        NET_COUNT(n, arp_rx_unsolicited);
        return;
    }
    arp_learn(e, a->sender_mac);
}

/* RFC 826 says nothing of senders that cannot be; believing one would send our frames to every
 * station, to none or back to us. */
static bool sender_good(const struct net *n, const struct arp_packet *a)
{
    if (eth_is_group(a->sender_mac) || eth_is_zero(a->sender_mac) ||
        eth_equal(a->sender_mac, n->cfg.mac)) {
        return false;
    }
    if (a->sender_ip == 0) {
        return a->op == ARP_OP_REQUEST; /* a probe */
    }
    return iface_is_unicast_source(n, a->sender_ip);
}

/* The checks in their order: form, sender, conflict, and only then what RFC 826 does with it. */
static void arp_input(struct net *n, struct pkt *p)
{
    NET_COUNT(n, arp_rx);
    struct arp_packet a;
    if (!arp_decode(&a, p->data, pkt_len(p))) {
        NET_COUNT(n, arp_rx_malformed);
    } else if (!sender_good(n, &a)) {
        NET_COUNT(n, arp_rx_bad_sender);
    } else if (acd_check(n, &a)) {
        NET_COUNT(n, acd_conflicts); /* and never learnt: our own address is not remapped */
    } else if (n->iface.address == 0) {
        NET_COUNT(n, arp_rx_not_for_us);
    } else if (a.op == ARP_OP_REQUEST && a.target_ip == n->iface.address) {
        request_for_us(n, p, &a);
        return;
    } else {
        update_existing(n, &a);
    }
    pkt_put(p);
}

/* From the state FREE of a new entry, or from a belief that is none any more. The caller asks. */
static void begin_resolving(struct arp_entry *e)
{
    arp_set_state(e, ARP_INCOMPLETE);
    e->tries = 0;
    e->used_ns = e->net->now_ns;
}

/* Takes p. */
static enum status arp_start_resolving(struct arp_entry *e, struct pkt *p)
{
    begin_resolving(e);
    enum status st = arp_pending_add(e, p);
    arp_ask(e);
    return st;
}

void arp_used(struct arp_entry *e)
{
    struct net *n = e->net;
    e->used_ns = n->now_ns;
    n->arp.last = e;
}

/* The ordinary case: the address is known. */
static enum status send_known(struct arp_entry *e, struct pkt *p)
{
    struct net *n = e->net;
    assert(n->now_ns >= e->confirmed_ns);
    uint64_t age_ns = n->now_ns - e->confirmed_ns;
    if (unlikely(age_ns > ARP_EXPIRE_NS && e->state == ARP_REACHABLE)) {
        return arp_start_resolving(e, p);
    }
    if (unlikely(age_ns > ARP_REACHABLE_NS && e->state == ARP_REACHABLE)) {
        arp_verify(e, ARP_PROBING);
    }
    if (unlikely(e->state == ARP_DOUBTED)) {
        arp_pending_copy(e, p);
    }
    arp_used(e);
    eth_output(n, p, e->mac, ETH_TYPE_IPV4);
    return STATUS_OK;
}

/* Takes p, for an address that no neighbour is known at. */
static enum status send_unknown(struct net *n, struct pkt *p, uint32_t next_hop)
{
    struct arp_entry *e = arp_table_add(n, next_hop, true);
    if (e == NULL) {
        pkt_put(p);
        return STATUS_BUSY;
    }
    return arp_start_resolving(e, p);
}

/* Most packets go where the last one went. */
static inline struct arp_entry *entry_of(struct net *n, uint32_t next_hop)
{
    struct arp_entry *last = n->arp.last;
    return last != NULL && last->address == next_hop ? last : arp_table_find(n, next_hop);
}

enum status arp_output(struct net *n, struct pkt *p, uint32_t next_hop)
{
    assert(next_hop != 0 && next_hop != n->iface.address);
    struct arp_entry *e = entry_of(n, next_hop);
    if (e == NULL) {
        return send_unknown(n, p, next_hop);
    }
    switch ((enum arp_state)e->state) {
    case ARP_REACHABLE:
    case ARP_PROBING:
    case ARP_DOUBTED:
        return send_known(e, p);
    case ARP_SILENT:
        return arp_start_resolving(e, p);
    case ARP_INCOMPLETE:
        return arp_pending_add(e, p);
    case ARP_FREE:
    case ARP_FAILED:
        break;
    }
    NET_COUNT(n, arp_drop_unresolved);
    pkt_put(p);
    return STATUS_TIMEOUT;
}

struct arp_entry *arp_reachable(struct net *n, uint32_t next_hop)
{
    if (n->cfg.link == NET_LINK_IP) {
        n->arp.other_end.confirmed_ns = n->now_ns;
        return &n->arp.other_end;
    }
    struct arp_entry *e = entry_of(n, next_hop);
    bool usable =
        e != NULL && e->state == ARP_REACHABLE && n->now_ns - e->confirmed_ns <= ARP_REACHABLE_NS;
    return usable ? e : NULL;
}

static bool is_expired(const struct arp_entry *e)
{
    return e->state == ARP_REACHABLE && e->net->now_ns - e->confirmed_ns > ARP_EXPIRE_NS;
}

bool arp_admits(struct net *n, uint32_t next_hop, const struct pkt *p)
{
    struct arp_entry *e = arp_table_find(n, next_hop);
    bool is_new = e == NULL;
    if (is_new) {
        e = arp_table_add(n, next_hop, true);
    }
    if (e == NULL) {
        return false; /* counted there */
    }
    if (is_new || e->state == ARP_SILENT || is_expired(e)) {
        begin_resolving(e);
        arp_ask(e);
    }
    if (e->state != ARP_INCOMPLETE || arp_pending_admits(e, p)) {
        return true;
    }
    NET_COUNT(n, arp_drop_pending);
    return false;
}

bool arp_is_absent(struct net *n, uint32_t next_hop)
{
    const struct arp_entry *e = arp_table_find(n, next_hop);
    return e != NULL && e->state == ARP_FAILED;
}

void arp_on_unresolved(struct net *n, arp_unresolved_fn *fn)
{
    assert(n->arp.unresolved == NULL);
    n->arp.unresolved = fn;
}

void arp_attach(struct net *n)
{
    /* Neighbours of the old subnet are not to be believed on the new one. */
    bool all = eth_add_type(n, ETH_TYPE_ARP, arp_input) && iface_add_listener(n, arp_flush);
    assert(all);
}
