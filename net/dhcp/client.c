/*
 * The DHCP client's state machine (RFC 2131 figure 5): see dhcp.h.
 */
#include "net/core/core.h"
#include "net/core/random.h"
#include "net/dhcp/dhcp.h"
#include "net/dhcp/lease.h"
#include "net/ip/ipv4.h"
#include "net/link/acd.h"
#include "net/link/iface.h"
#include "net/stack.h"
#include "net/udp/udp.h"
#include "net/wire/dhcp.h"
#include "net/wire/ipv4.h"
#include "net/wire/udp.h"

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
    net_tell(n, &e);
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
    if (way == DHCP_UNCONFIGURED || n->iface.address != d->address) {
        ends.dst = UINT32_MAX;
        udp_encode(p, &ends);
        ipv4_output_unconfigured(n, p, IP_PROTO_UDP);
        return;
    }
    ends.src = n->iface.address;
    udp_encode(p, &ends);
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
        /* One that never said who it is can be asked by broadcast only. */
        way = d->state == DHCP_RENEWING && d->server != 0 ? DHCP_UNICAST : DHCP_BROADCAST;
        break;
    case DHCP_OFF:
    case DHCP_INIT:
    case DHCP_BOUND:
        assert(false);
    }
    dhcp_send(n, &q, way);
    d->request_ns = n->now_ns;
    d->tries++;
}

/* RFC 2131 4.4.5: half of what is left of the phase, but not less than a minute. */
static uint64_t extend_deadline(const struct net *n, uint64_t end_ns)
{
    uint64_t left_ns = end_ns > n->now_ns ? end_ns - n->now_ns : 0;
    return min_u64(end_ns, n->now_ns + max_u64(left_ns / 2, DHCP_RENEW_MIN_NS));
}

/* Sends the state's message and arms the time to do so again. An address held is given up at the
 * lease's end in any state. */
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
    } else if (d->state == DHCP_REBOOTING) {
        dhcp_arm(n, min_u64(d->expire_ns, n->now_ns + backoff_ns(n, tries)));
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
    case DHCP_REQUESTING: /* the server that offered may be gone: broadcast */
        if (d->tries >= DHCP_REQUEST_TRIES) {
            dhcp_restart(n, 0);
        } else {
            dhcp_step(n);
        }
        return;
    case DHCP_REBOOTING: /* RFC 2131 3.2 (4): without an answer the lease stands */
        if (n->now_ns >= d->expire_ns) {
            dhcp_expired(n);
        } else if (d->tries >= DHCP_REQUEST_TRIES) {
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

/* The address bound is another host's too (RFC 5227): declined, and begun anew after a pause. */
static void dhcp_decline(struct net *n)
{
    struct dhcp *d = &n->dhcp;
    assert(d->state != DHCP_OFF && n->iface.address == 0);
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

void dhcp_init(struct net *n)
{
    n->dhcp.net = n;
    n->dhcp.state = DHCP_OFF;
    timer_init(&n->dhcp.timer, dhcp_timer);
    timer_init(&n->dhcp.fallback, dhcp_fallback);
    acd_on_decline(n, dhcp_decline);
}

/* Seconds after the request as a time; a lease without end has none. */
static uint64_t lease_deadline(const struct dhcp *d, uint32_t after_s)
{
    return after_s == DHCP_LEASE_INFINITE_S ? DEADLINE_NONE : d->request_ns + after_s * NS_PER_S;
}

/* The lease: times first, then the address, whose use and probing are acd's. */
static void take_lease(struct net *n, const struct dhcp_reply *r)
{
    struct dhcp *d = &n->dhcp;
    assert(r->type == DHCP_ACK || r->type == 0);
    struct dhcp_times t = dhcp_lease_times(r);
    d->server = r->server != 0 ? r->server : d->server;
    d->address = r->address;
    d->renew_ns = lease_deadline(d, t.renew_s);
    d->rebind_ns = lease_deadline(d, t.rebind_s);
    d->expire_ns = lease_deadline(d, t.lease_s);
    timer_cancel(&n->wheel, &d->fallback);
    dhcp_bound(n);
    struct net_event e = {
        .kind = NET_EVENT_ADDRESS,
        .origin = NET_ORIGIN_DHCP,
        .server = d->server,
        .value = t.lease_s,
    };
    n->counters.dhcp_bad_router += dhcp_lease_addresses(r, &e);
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

/* An answer to us that is of no use. Told once for each reason, or a server that goes on like that
 * would fill the console. */
static void refuse(struct net *n, const struct dhcp_reply *r, enum net_dhcp_refusal why)
{
    struct dhcp *d = &n->dhcp;
    NET_COUNT(n, dhcp_rx_bad_lease);
    struct net_event e = {
        .kind = NET_EVENT_DHCP_REFUSED,
        .origin = NET_ORIGIN_DHCP,
        .address = r->address,
        .server = r->server,
        .refusal = why,
    };
    if (!d->refusals_told[why]) {
        net_tell(n, &e);
    }
    d->refusals_told[why] = true;
}

/* Whether a NAK may be meant for our request. Servers at odds with each other refuse what another
 * one gave; one that does not say who it is may be ours (RFC 2131 table 3: it MUST). */
static bool nak_expected(const struct dhcp *d, const struct dhcp_reply *r)
{
    bool any = d->state == DHCP_REBINDING || d->state == DHCP_REBOOTING;
    return any || r->server == d->server || r->server == 0 || d->server == 0;
}

/* Whether a reply of the type may come now. An ACK is not asked who sent it: it is for this very
 * exchange, and some servers offer under one identifier and acknowledge under another. */
static bool reply_expected(const struct dhcp *d, const struct dhcp_reply *r)
{
    switch (d->state) {
    case DHCP_SELECTING: /* or RFC 1534 3: a BOOTP server's answer, which is all that it says */
        return r->type == DHCP_OFFER || r->type == 0;
    case DHCP_REQUESTING:
    case DHCP_RENEWING:
    case DHCP_REBINDING:
    case DHCP_REBOOTING:
        return r->type == DHCP_ACK || (r->type == DHCP_NAK && nak_expected(d, r));
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
    } else if (!ipv4_is_host(r->address)) {
        refuse(n, r, NET_DHCP_REFUSED_ADDRESS);
    } else if (r->type == DHCP_OFFER) {
        d->address = r->address;
        d->server = r->server;
        dhcp_enter(n, DHCP_REQUESTING);
    } else {
        take_lease(n, r);
    }
}

/* What another program was given for this MAC address: as after a restart, RFC 2131 3.2. How long
 * ago nobody says: the times run from now, until the server's answer has them right. */
static bool adopt_lease(struct net *n)
{
    const struct net_config_ip *ip = &n->cfg.ip;
    struct dhcp_reply r = {0};
    if (ip->dhcp_ack == NULL) {
        return false;
    }
    if (dhcp_decode(&r, ip->dhcp_ack, ip->dhcp_ack_bytes) != DHCP_GOOD || r.type != DHCP_ACK ||
        !eth_equal(r.chaddr, n->cfg.mac) || !ipv4_is_host(r.address)) {
        refuse(n, &r, NET_DHCP_REFUSED_BOOT);
        return false;
    }
    n->dhcp.request_ns = n->now_ns;
    take_lease(n, &r);
    dhcp_enter(n, DHCP_REBOOTING);
    return true;
}

/* Takes a datagram to the client port, data at the DHCP message. */
static void dhcp_input(struct net *n, struct pkt *p, const struct udp_ends *in)
{
    NET_COUNT(n, dhcp_rx);
    struct dhcp_reply r;
    enum dhcp_verdict verdict = dhcp_decode(&r, p->data, pkt_len(p));
    if (verdict == DHCP_MALFORMED) {
        NET_COUNT(n, dhcp_rx_malformed);
    } else if (r.xid != n->dhcp.xid || !eth_equal(r.chaddr, n->cfg.mac)) {
        NET_COUNT(n, dhcp_rx_not_for_us);
    } else if (verdict == DHCP_BAD_COOKIE) {
        refuse(n, &r, NET_DHCP_REFUSED_COOKIE);
    } else {
        dhcp_reply(n, &r);
    }
    pkt_put(p);
}

/* From now on: a stack whose address is configured by hand leaves the port to others. */
static void listen_for_servers(struct net *n)
{
    bool added = udp_add_receiver(n, DHCP_CLIENT_PORT, dhcp_input);
    assert(added);
    iface_set_open_port(n, DHCP_CLIENT_PORT);
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
        listen_for_servers(n);
        if (!adopt_lease(n)) {
            dhcp_restart(n, 0);
        }
        return;
    case DHCP_INIT:
    case DHCP_SELECTING:
    case DHCP_REQUESTING:
        dhcp_restart(n, 0);
        return;
    }
}
