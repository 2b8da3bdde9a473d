/*
 * The DHCP client's state machine (RFC 2131 figure 5): see dhcp.h.
 */
#include "net/dhcp.h"
#include "net/dhcp_wire.h"
#include "net/stack.h"

/* RFC 2131 4.1: doubling pauses, each varied by up to a second either way, without end. The first
 * is shorter than the RFC's 4 s: some links drop what is sent in their first second. */
static uint64_t backoff_ns(struct net *n, uint32_t tries)
{
    static const uint8_t seconds[] = {3, 8, 16, 32, 64};
    size_t idx = min_size(tries, ARRAY_SIZE(seconds) - 1);
    uint64_t jitter_ns = (uint64_t)net_random_below(&n->random, 2001) * NS_PER_MS;
    return (seconds[idx] - 1) * NS_PER_S + jitter_ns;
}

/* The one timer of the state; an infinite lease has none. */
static void dhcp_arm(struct net *n, uint64_t deadline_ns)
{
    timer_cancel(&n->wheel, &n->dhcp.timer);
    if (deadline_ns != DEADLINE_NONE) {
        timer_arm(&n->wheel, &n->dhcp.timer, deadline_ns);
    }
}

/* What the log and the console say of it. */
static void dhcp_event(struct net *n, enum net_event_kind kind, uint32_t value)
{
    struct net_event e = {
        .kind = kind,
        .origin = NET_ORIGIN_DHCP,
        .address = n->dhcp.address,
        .server = n->dhcp.server,
        .value = value,
    };
    if (n->cfg.event != NULL) {
        n->cfg.event(n->cfg.arg, &e);
    }
}

enum dhcp_way { DHCP_UNCONFIGURED, DHCP_BROADCAST, DHCP_UNICAST };

/* Sends a message; unconfigured: from 0.0.0.0. From an address only while it is in use. */
static void dhcp_send(struct net *n, struct dhcp_request *q, enum dhcp_way way)
{
    struct dhcp *d = &n->dhcp;
    struct pkt *p = net_alloc_tx(n, true);
    if (p == NULL) {
        NET_COUNT(n, dhcp_tx_no_buffer);
        return;
    }
    q->xid = d->xid;
    q->mac = n->cfg.mac;
    q->secs = (uint16_t)min_u64((n->now_ns - d->started_ns) / NS_PER_S, UINT16_MAX);
    dhcp_encode(pkt_append(p, DHCP_MESSAGE_BYTES), q);
    struct udp_ends ends = {
        .dst = way == DHCP_UNICAST ? d->server : UINT32_MAX,
        .sport = DHCP_CLIENT_PORT,
        .dport = DHCP_SERVER_PORT,
    };
    NET_COUNT(n, dhcp_tx);
    if (way == DHCP_UNCONFIGURED || n->ip.address != d->address) {
        ends.dst = UINT32_MAX;
        udp_push_header(p, &ends);
        ipv4_output_unconfigured(n, p, IP_PROTO_UDP);
        return;
    }
    ends.src = n->ip.address;
    udp_push_header(p, &ends);
    struct ipv4_tx tx = {.src = ends.src, .dst = ends.dst, .protocol = IP_PROTO_UDP};
    (void)ipv4_output(n, p, &tx); /* what has no route is counted there, and sent again here */
}

/* The message of the state. RFC 2131 4.3.6 table 4 says which fields each REQUEST has. */
static void dhcp_send_state(struct net *n)
{
    struct dhcp *d = &n->dhcp;
    struct dhcp_request q = {.type = DHCP_REQUEST};
    enum dhcp_way way = DHCP_UNCONFIGURED;
    switch (d->state) {
    case DHCP_SELECTING:
        q.type = DHCP_DISCOVER;
        break;
    case DHCP_REQUESTING:
        q.requested = d->address;
        q.server = d->server;
        break;
    case DHCP_REBOOTING:
        q.requested = d->address;
        break;
    case DHCP_RENEWING:
    case DHCP_REBINDING:
        q.ciaddr = d->address;
        way = d->state == DHCP_RENEWING ? DHCP_UNICAST : DHCP_BROADCAST;
        break;
    case DHCP_OFF:
    case DHCP_INIT:
    case DHCP_BOUND:
        assert(false);
    }
    dhcp_send(n, &q, way);
    d->tries++;
}

/* RFC 2131 4.4.5: half of what is left of the phase, but not less than a minute. */
static uint64_t extend_deadline(const struct net *n, uint64_t end_ns)
{
    uint64_t left_ns = end_ns > n->now_ns ? end_ns - n->now_ns : 0;
    return min_u64(end_ns, n->now_ns + max_u64(left_ns / 2, DHCP_RENEW_MIN_NS));
}

/* Sends the state's message and arms the time to do so again. */
static void dhcp_step(struct net *n)
{
    struct dhcp *d = &n->dhcp;
    uint32_t tries = d->tries;
    assert(tries < UINT32_MAX);
    dhcp_send_state(n);
    if (d->state == DHCP_RENEWING) {
        dhcp_arm(n, extend_deadline(n, d->rebind_ns));
    } else if (d->state == DHCP_REBINDING) {
        dhcp_arm(n, extend_deadline(n, d->expire_ns));
    } else {
        dhcp_arm(n, n->now_ns + backoff_ns(n, tries));
    }
}

/* Into a state that sends. An identification belongs to one exchange: a DISCOVER and its REQUEST,
 * or a renewal; sending again keeps it, so that an answer that comes late is as good. */
static void dhcp_enter(struct net *n, enum dhcp_state state)
{
    struct dhcp *d = &n->dhcp;
    assert(state != DHCP_OFF && state != DHCP_INIT && state != DHCP_BOUND);
    assert(state == DHCP_SELECTING || d->address != 0);
    d->state = state;
    d->tries = 0;
    if (state != DHCP_REQUESTING) { /* which goes on in the exchange of its OFFER */
        d->xid = net_random_u32(&n->random);
        d->started_ns = n->now_ns;
    }
    d->request_ns = n->now_ns;
    dhcp_step(n);
}

/* From the beginning, after a pause; a link-local address helps out if that takes long. */
static void dhcp_restart(struct net *n, uint64_t pause_ns)
{
    struct dhcp *d = &n->dhcp;
    d->address = 0;
    d->server = 0;
    d->attempts = 0;
    if (!timer_armed(&d->fallback)) {
        timer_arm(&n->wheel, &d->fallback, n->now_ns + DHCP_FALLBACK_NS);
    }
    if (pause_ns == 0) {
        dhcp_enter(n, DHCP_SELECTING);
        return;
    }
    d->state = DHCP_INIT;
    dhcp_arm(n, n->now_ns + pause_ns);
}

/* RFC 2131 figure 5: nothing to do until T1. */
static void dhcp_bound(struct net *n)
{
    n->dhcp.state = DHCP_BOUND;
    dhcp_arm(n, n->dhcp.renew_ns);
}

/* RFC 2131 4.4.5: the address is not used one moment longer. */
static void dhcp_expired(struct net *n)
{
    NET_COUNT(n, dhcp_expired);
    acd_release(n);
    dhcp_restart(n, 0);
}

static void dhcp_timer(struct timer *t, uint64_t now_ns)
{
    struct net *n = container_of(t, struct dhcp, timer)->net;
    struct dhcp *d = &n->dhcp;
    switch (d->state) {
    case DHCP_OFF:
        assert(false);
    case DHCP_INIT: /* the pause is over */
        dhcp_enter(n, DHCP_SELECTING);
        return;
    case DHCP_SELECTING: /* for ever: a server may be switched on tomorrow */
        d->attempts++;
        dhcp_event(n, NET_EVENT_DHCP_TIMEOUT, d->attempts);
        dhcp_step(n);
        return;
    case DHCP_REQUESTING: /* the server that offered may be gone: ask everybody */
        if (d->tries >= DHCP_REQUEST_TRIES) {
            dhcp_restart(n, 0);
        } else {
            dhcp_step(n);
        }
        return;
    case DHCP_REBOOTING: /* RFC 2131 3.2 (4): without an answer the lease stands */
        if (d->tries >= DHCP_REQUEST_TRIES) {
            dhcp_bound(n);
        } else {
            dhcp_step(n);
        }
        return;
    case DHCP_BOUND: /* T1 */
        dhcp_enter(n, DHCP_RENEWING);
        return;
    case DHCP_RENEWING: /* until T2 by unicast */
        if (n->now_ns >= d->rebind_ns) {
            dhcp_enter(n, DHCP_REBINDING);
        } else {
            dhcp_step(n);
        }
        return;
    case DHCP_REBINDING: /* until the end by broadcast, to any server */
        if (n->now_ns >= d->expire_ns) {
            dhcp_expired(n);
        } else {
            dhcp_step(n);
        }
        return;
    }
}

/* Nobody answered for long. The asking goes on; what it brings replaces the link-local address. */
static void dhcp_fallback(struct timer *t, uint64_t now_ns)
{
    struct net *n = container_of(t, struct dhcp, fallback)->net;
    if (n->acd.state == ACD_IDLE) {
        acd_claim_link_local(n);
    }
}

void dhcp_init(struct net *n)
{
    n->dhcp.net = n;
    n->dhcp.state = DHCP_OFF;
    timer_init(&n->dhcp.timer, dhcp_timer);
    timer_init(&n->dhcp.fallback, dhcp_fallback);
}

void dhcp_start(struct net *n)
{
    switch (n->dhcp.state) {
    case DHCP_BOUND:
    case DHCP_RENEWING:
    case DHCP_REBINDING:
    case DHCP_REBOOTING:
        /* A carrier that comes and goes must not put off the end of the lease. */
        if (n->now_ns >= n->dhcp.expire_ns) {
            dhcp_expired(n);
        } else {
            dhcp_enter(n, DHCP_REBOOTING);
        }
        return;
    case DHCP_OFF:
    case DHCP_INIT:
    case DHCP_SELECTING:
    case DHCP_REQUESTING:
        dhcp_restart(n, 0);
        return;
    }
}

bool dhcp_wants(const struct net *n)
{
    return n->dhcp.state != DHCP_OFF;
}

void dhcp_decline(struct net *n)
{
    struct dhcp *d = &n->dhcp;
    assert(d->state != DHCP_OFF && n->ip.address == 0);
    struct dhcp_request q = {
        .type = DHCP_DECLINE,
        .requested = d->address,
        .server = d->server,
    };
    NET_COUNT(n, dhcp_declined);
    d->xid = net_random_u32(&n->random);
    d->started_ns = n->now_ns;
    dhcp_send(n, &q, DHCP_UNCONFIGURED);
    dhcp_restart(n, DHCP_DECLINE_PAUSE_NS);
}

/* The prefix length of a contiguous mask. One that is none is treated as if it had not come: the
 * class of the address decides (RFC 2132 3.3, RFC 950). */
static uint8_t prefix_bits_of(uint32_t netmask, uint32_t address)
{
    uint32_t host = ~netmask;
    if (netmask == 0 || (host & (host + 1)) != 0) {
        netmask = address >> 31 == 0 ? 0xff000000u : address >> 30 == 2 ? 0xffff0000u : 0xffffff00u;
    }
    uint8_t bits = 0;
    while (bits < 32 && (netmask << bits & 0x80000000u) != 0) {
        bits++;
    }
    return bits;
}

/* Whether a host may have the address under the prefix. */
static bool address_usable(uint32_t address, uint8_t prefix_bits)
{
    uint32_t first = address >> 24;
    uint32_t host = prefix_bits >= 32 ? 0 : UINT32_MAX >> prefix_bits;
    bool edge = prefix_bits <= 30 && ((address & host) == 0 || (address & host) == host);
    return first != 0 && first != 127 && first < 224 && !edge;
}

/* An OFFER may keep silent about the lease, an ACK may not (RFC 2131 table 3). */
static bool reply_usable(const struct dhcp_reply *r)
{
    bool lease_good = r->lease_s != 0 || (!r->has_lease && r->type == DHCP_OFFER);
    return r->server != 0 && lease_good &&
           address_usable(r->address, prefix_bits_of(r->netmask, r->address));
}

/* The router, when it is a neighbour; one elsewhere could not be reached. */
static uint32_t gateway_of(struct net *n, const struct dhcp_reply *r, uint8_t prefix_bits)
{
    if (r->router == 0) {
        return 0;
    }
    uint32_t mask = UINT32_MAX << (32 - prefix_bits);
    if (prefix_bits == 32 || ((r->router ^ r->address) & mask) != 0 || r->router == r->address ||
        !address_usable(r->router, prefix_bits)) {
        NET_COUNT(n, dhcp_bad_router);
        return 0;
    }
    return r->router;
}

/* RFC 2131 4.4.5: T1 and T2 as told when they are in order, else at 1/2 and 7/8 of the lease. */
static void set_lease_times(struct dhcp *d, const struct dhcp_reply *r)
{
    if (r->lease_s == DHCP_LEASE_INFINITE_S) {
        d->renew_ns = DEADLINE_NONE;
        d->rebind_ns = DEADLINE_NONE;
        d->expire_ns = DEADLINE_NONE;
        return;
    }
    uint64_t lease_ns = r->lease_s * NS_PER_S;
    uint64_t renew_ns = lease_ns / 2;
    uint64_t rebind_ns = lease_ns / 8 * 7;
    if (r->renew_s != 0 && r->renew_s < r->rebind_s && r->rebind_s < r->lease_s) {
        renew_ns = r->renew_s * NS_PER_S;
        rebind_ns = r->rebind_s * NS_PER_S;
    }
    d->renew_ns = d->request_ns + renew_ns;
    d->rebind_ns = d->request_ns + rebind_ns;
    d->expire_ns = d->request_ns + lease_ns;
}

/* The ACK: times first, then the address, whose use and probing are acd's. */
static void take_lease(struct net *n, const struct dhcp_reply *r)
{
    struct dhcp *d = &n->dhcp;
    assert(r->type == DHCP_ACK && r->lease_s != 0);
    uint8_t prefix_bits = prefix_bits_of(r->netmask, r->address);
    d->server = r->server;
    d->address = r->address;
    set_lease_times(d, r);
    timer_cancel(&n->wheel, &d->fallback);
    dhcp_bound(n);
    struct net_event e = {
        .kind = NET_EVENT_ADDRESS,
        .origin = NET_ORIGIN_DHCP,
        .address = r->address,
        .prefix_bits = prefix_bits,
        .gateway = gateway_of(n, r, prefix_bits),
        .server = r->server,
        .value = r->lease_s,
    };
    acd_claim(n, &e);
}

/* RFC 2131 3.1 (4), 3.2 (3): the address is not ours (any more). */
static void take_nak(struct net *n)
{
    NET_COUNT(n, dhcp_nak);
    dhcp_event(n, NET_EVENT_DHCP_NAK, 0);
    if (n->dhcp.state != DHCP_REQUESTING) {
        acd_release(n);
    }
    dhcp_restart(n, DHCP_NAK_PAUSE_NS);
}

/* Whether a reply of the type may come now, and from that server. */
static bool reply_expected(const struct dhcp *d, const struct dhcp_reply *r)
{
    switch (d->state) {
    case DHCP_SELECTING:
        return r->type == DHCP_OFFER;
    case DHCP_REQUESTING:
    case DHCP_RENEWING:
        return r->type != DHCP_OFFER && r->server == d->server;
    case DHCP_REBINDING:
    case DHCP_REBOOTING:
        return r->type != DHCP_OFFER;
    case DHCP_OFF:
    case DHCP_INIT:
    case DHCP_BOUND:
        return false;
    }
    return false;
}

static void dhcp_reply(struct net *n, const struct dhcp_reply *r)
{
    struct dhcp *d = &n->dhcp;
    if (!reply_expected(d, r)) {
        NET_COUNT(n, dhcp_rx_unexpected);
    } else if (r->type == DHCP_NAK) {
        take_nak(n);
    } else if (!reply_usable(r) || (r->type == DHCP_ACK && r->address != d->address)) {
        NET_COUNT(n, dhcp_rx_bad_lease);
    } else if (r->type == DHCP_OFFER) {
        d->address = r->address;
        d->server = r->server;
        dhcp_enter(n, DHCP_REQUESTING);
    } else {
        take_lease(n, r);
    }
}

void dhcp_input(struct net *n, struct pkt *p, const struct ipv4_header *h)
{
    NET_COUNT(n, dhcp_rx);
    struct dhcp_reply r;
    if (!dhcp_decode(&r, p->data, pkt_len(p))) {
        NET_COUNT(n, dhcp_rx_malformed);
    } else if (r.xid != n->dhcp.xid || !eth_equal(r.chaddr, n->cfg.mac)) {
        NET_COUNT(n, dhcp_rx_not_for_us);
    } else {
        dhcp_reply(n, &r);
    }
    pkt_put(p);
}
