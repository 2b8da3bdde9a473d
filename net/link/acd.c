/*
 * Address conflict detection and link-local addresses: see acd.h.
 */
#include <string.h>

#include "net/core/core.h"
#include "net/core/random.h"
#include "net/link/acd.h"
#include "net/link/iface.h"
#include "net/link/int.h"
#include "net/stack.h"

/* A random time from min_ns to max_ns. */
static uint64_t random_between(struct net *n, uint64_t min_ns, uint64_t max_ns)
{
    assert(min_ns < max_ns && max_ns - min_ns <= UINT32_MAX);
    return min_ns + net_random_below(&n->random, (uint32_t)(max_ns - min_ns));
}

/* One timer drives every state; arming it anew forgets what it was armed for. */
static void acd_arm(struct net *n, uint64_t delay_ns)
{
    timer_arm(&n->wheel, &n->acd.timer, n->now_ns + delay_ns);
}

/* The claimed address becomes the stack's, or stops being it. */
static void acd_use(struct net *n)
{
    struct acd *acd = &n->acd;
    assert(acd->claim.address != 0 && acd->claim.kind == NET_EVENT_ADDRESS);
    acd->in_use = true;
    acd->defended = false;
    iface_set_address(n, &acd->claim);
}

static void acd_lose(struct net *n)
{
    struct acd *acd = &n->acd;
    if (acd->in_use) {
        struct net_event e = acd->claim;
        e.kind = NET_EVENT_ADDRESS_LOST;
        acd->in_use = false;
        iface_set_address(n, &e);
    }
}

/* RFC 5227 2.1.1. Beside the use of the address one probe has to do, sent at once. */
static void start_probing(struct net *n)
{
    struct acd *acd = &n->acd;
    acd->state = ACD_PROBING;
    acd->probes_left = acd->in_use ? 1 : ACD_PROBE_COUNT;
    acd_arm(n, acd->in_use ? 0 : net_random_below(&n->random, (uint32_t)ACD_PROBE_WAIT_NS));
}

/* The next probe, or after the last one and the time to object: the address is ours. */
static void probing_step(struct net *n)
{
    struct acd *acd = &n->acd;
    assert(acd->state == ACD_PROBING && acd->claim.address != 0);
    if (acd->probes_left > 0) {
        arp_send_probe(n, acd->claim.address);
        acd->probes_left--;
        if (acd->probes_left > 0) {
            acd_arm(n, random_between(n, ACD_PROBE_MIN_NS, ACD_PROBE_MAX_NS));
        } else if (acd->in_use) {
            acd_arm(n, (uint64_t)ACD_OPTIMISTIC_WAIT_MS * NS_PER_MS);
        } else {
            acd_arm(n, ACD_ANNOUNCE_WAIT_NS);
        }
        return;
    }
    if (!acd->in_use) {
        acd_use(n);
    }
    acd->state = ACD_ANNOUNCING;
    acd->announcements_left = ACD_ANNOUNCE_COUNT;
    acd_arm(n, 0);
}

/* RFC 5227 2.3: twice, so that one lost frame leaves no stale cache behind. */
static void announcing_step(struct net *n)
{
    struct acd *acd = &n->acd;
    assert(acd->in_use && acd->announcements_left > 0);
    arp_send_announcement(n, acd->claim.address);
    acd->announcements_left--;
    if (acd->announcements_left > 0) {
        acd_arm(n, ACD_ANNOUNCE_GAP_NS);
        return;
    }
    acd->state = ACD_DONE;
    acd->conflicts = 0; /* it held: the count of RFC 3927 2.2.1 starts anew */
}

/* Any address of the range, at random (RFC 3927 2.1); the generator is seeded per machine. */
static void choose_link_local(struct net *n)
{
    n->acd.claim = (struct net_event){
        .kind = NET_EVENT_ADDRESS,
        .origin = NET_ORIGIN_LINK_LOCAL,
        .address = LINK_LOCAL_FIRST + net_random_below(&n->random, LINK_LOCAL_COUNT),
        .prefix_bits = 16,
    };
    start_probing(n);
}

static void acd_timer(struct timer *t, uint64_t now_ns)
{
    struct net *n = container_of(t, struct acd, timer)->net;
    switch (n->acd.state) {
    case ACD_WAITING:
        if (n->acd.claim.origin == NET_ORIGIN_LINK_LOCAL) {
            choose_link_local(n);
        } else {
            start_probing(n);
        }
        return;
    case ACD_PROBING:
        probing_step(n);
        return;
    case ACD_ANNOUNCING:
        announcing_step(n);
        return;
    case ACD_IDLE:
    case ACD_DONE:
        assert(false);
    }
}

void acd_init(struct net *n)
{
    n->acd.net = n;
    n->acd.state = ACD_IDLE;
    timer_init(&n->acd.timer, acd_timer);
}

void acd_on_decline(struct net *n, acd_declined_fn *fn)
{
    assert(n->acd.declined == NULL);
    n->acd.declined = fn;
}

void acd_release(struct net *n)
{
    timer_cancel(&n->wheel, &n->acd.timer);
    n->acd.state = ACD_IDLE;
    acd_lose(n);
    assert(n->iface.address == 0);
}

void acd_claim(struct net *n, const struct net_event *e)
{
    assert(e->kind == NET_EVENT_ADDRESS && e->origin != NET_ORIGIN_LINK_LOCAL);
    struct acd *acd = &n->acd;
    bool renewed = acd->state != ACD_IDLE && acd->claim.address == e->address &&
                   acd->claim.origin == e->origin;
    if (renewed) {
        acd->claim = *e;
        if (acd->in_use) {
            iface_set_address(n, e); /* the gateway may be another one */
        }
        return;
    }
    /* A link-local address that served meanwhile is simply replaced: one event, no gap. Strictly,
     * the new one is not in use for seconds yet, and one address is claimed at a time. */
    if (n->cfg.ip.strict_acd) {
        acd_release(n);
    }
    acd->claim = *e;
    acd->conflicts = 0;
    if (!n->cfg.ip.strict_acd) {
        acd_use(n);
    }
    start_probing(n);
}

void acd_claim_link_local(struct net *n)
{
    assert(n->acd.state == ACD_IDLE && !n->acd.in_use);
    n->acd.conflicts = 0;
    choose_link_local(n);
}

/* RFC 5227 2.1: the network may be another one now. An address in use stays so meanwhile. */
void acd_link_up(struct net *n)
{
    struct acd *acd = &n->acd;
    if (acd->state != ACD_IDLE && acd->state != ACD_WAITING) {
        start_probing(n);
    }
}

/* The program around names both machines in its log. */
static void tell_conflict(struct net *n, const uint8_t *mac)
{
    struct net_event e = n->acd.claim;
    e.kind = NET_EVENT_CONFLICT;
    memcpy(e.mac, mac, ETH_ADDR_BYTES);
    net_tell(n, &e);
}

/* The claim is given up: what follows depends on who gave the address. */
static void acd_yield(struct net *n)
{
    struct acd *acd = &n->acd;
    enum net_address_origin origin = acd->claim.origin;
    assert(acd->state != ACD_IDLE && acd->state != ACD_WAITING);
    acd_release(n);
    switch (origin) {
    case NET_ORIGIN_DHCP: /* RFC 2131 3.1 (5) */
        acd->declined(n);
        return;
    case NET_ORIGIN_STATIC: /* only while it was not in use yet: see acd_contest */
        acd->state = ACD_WAITING;
        acd_arm(n, ACD_RETRY_NS);
        return;
    case NET_ORIGIN_LINK_LOCAL:
        acd->conflicts++;
        if (acd->conflicts >= ACD_CONFLICTS_MAX) { /* RFC 3927 2.2.1 */
            acd->state = ACD_WAITING;
            acd_arm(n, ACD_RATE_LIMIT_NS);
        } else {
            choose_link_local(n);
        }
        return;
    }
}

/* RFC 5227 2.4: an address in use. Two defenders that answered each other without a pause would
 * never end, hence the interval. */
static void acd_contest(struct net *n, const uint8_t *mac)
{
    struct acd *acd = &n->acd;
    assert(acd->in_use && n->iface.address == acd->claim.address);
    bool keep = acd->claim.origin == NET_ORIGIN_STATIC;
    /* A server that hands out a used address is best told at once, before anything hangs on it. */
    bool fresh = acd->claim.origin == NET_ORIGIN_DHCP && acd->state != ACD_DONE;
    bool lately = acd->defended && n->now_ns - acd->defended_ns < ACD_DEFEND_NS;
    if (keep && lately) {
        return;
    }
    tell_conflict(n, mac);
    if (!keep && (fresh || lately)) {
        acd_yield(n);
        return;
    }
    acd->defended = true;
    acd->defended_ns = n->now_ns;
    NET_COUNT(n, acd_defended);
    arp_send_announcement(n, acd->claim.address);
}

bool acd_check(struct net *n, const struct arp_packet *a)
{
    struct acd *acd = &n->acd;
    if (acd->state == ACD_IDLE || acd->state == ACD_WAITING) {
        return false;
    }
    bool claimed = a->sender_ip == acd->claim.address;
    /* RFC 5227 2.1.1: another host probes for the same address at the same time. */
    bool rival = !acd->in_use && a->sender_ip == 0 && a->op == ARP_OP_REQUEST &&
                 a->target_ip == acd->claim.address;
    if (!claimed && !rival) {
        return false;
    }
    assert(!eth_equal(a->sender_mac, n->cfg.mac));
    if (acd->in_use) {
        acd_contest(n, a->sender_mac);
    } else {
        tell_conflict(n, a->sender_mac);
        acd_yield(n);
    }
    return true;
}
