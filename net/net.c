/*
 * A stack as a whole: making and ending it, its entries from outside, its statistics. The one place
 * that knows all rooms; what happens to a packet is in their own files.
 */
#include <string.h>

#include "net/gro/gro.h"
#include "net/net.h"
#include "net/stack.h"
#include "net/tcp/cc/cc.h"
#include "net/tcp/tcp.h"

/* A static address must be one that a host can have under its prefix (RFC 1122 3.2.1.3): wrong
 * here, every packet would be dropped as a martian by the other side. */
static bool address_good(const struct net_config_ip *ip)
{
    if (ip->prefix_bits < 1 || ip->prefix_bits > 32) {
        return false;
    }
    uint32_t mask = ipv4_mask(ip->prefix_bits);
    uint32_t host = ip->address & ~mask;
    bool edge = ip->prefix_bits <= 30 && (host == 0 || host == ~mask);
    if (!ipv4_is_host(ip->address) || edge) {
        return false;
    }
    /* A gateway is a neighbour; with a /32 any address may be said to be one. */
    bool near = ip->prefix_bits == 32 || ((ip->gateway ^ ip->address) & mask) == 0;
    return ip->gateway == 0 || (near && ipv4_is_host(ip->gateway) && ip->gateway != ip->address);
}

/* The ranges of net_config: what the rest of the stack then takes for granted. */
static bool config_good(const struct net_config *cfg)
{
    const struct net_limits *l = &cfg->limits;
    bool ethernet = cfg->link == NET_LINK_ETHERNET;
    if (cfg->mtu < 576 || cfg->mtu > 1500 || cfg->tx_reserve >= cfg->tx_pool->count) {
        return false;
    }
    if (ethernet && (eth_is_group(cfg->mac) || eth_is_zero(cfg->mac))) {
        return false;
    }
    if (cfg->ip.mode == NET_ADDRESS_DHCP ? !ethernet : !address_good(&cfg->ip)) {
        return false; /* DHCP needs Ethernet; a static address must be usable */
    }
    if (tcp_cc_find(cfg->tcp_congestion) == NULL) {
        return false;
    }
    if ((cfg->offload & NET_OFFLOAD_TSO) != 0 && (cfg->offload & NET_OFFLOAD_TX_CSUM) == 0) {
        return false; /* of what it cuts it alone can make the checksums */
    }
    return l->arp_entries >= 2 && l->reass_datagrams >= 1 && l->reass_packets >= 2 &&
           l->udp_sockets >= 1 && l->tcp_connections >= 1 && l->tcp_half_open >= 1 &&
           l->tcp_time_wait >= 1 && l->sockets >= 1 && l->tcp_challenge_ms >= 1;
}

/* The tables, in an order that measuring and making share. */
static enum status init_tables(struct net *n, struct arena *a)
{
    enum status (*const inits[])(struct net *, struct arena *) = {
        arp_init, reass_init, udp_init, tcp_init, sock_table_init,
    };
    for (size_t i = 0; i < ARRAY_SIZE(inits); i++) {
        enum status st = inits[i](n, a);
        if (st != STATUS_OK) {
            return st;
        }
    }
    return STATUS_OK;
}

/* What the tables' own making relies on: configuration, time, randomness. */
static void init_start(struct net *n, const struct net_config *cfg, uint64_t now_ns)
{
    memset(n, 0, sizeof(*n));
    n->cfg = *cfg;
    n->now_ns = now_ns;
    timer_wheel_init(&n->wheel, now_ns);
    net_random_init(&n->random, cfg->seed);
}

/* Measuring needs a stack that knows the limits, and has no memory yet but this frame's. */
static enum status measure(struct arena *a, const struct net_config *cfg, uint64_t now_ns)
{
    struct net scratch;
    init_start(&scratch, cfg, now_ns);
    return init_tables(&scratch, a);
}

/* Each registers with those below it, whose tables are searched in this order: what comes most
 * often stands first. When the address changes ARP forgets the neighbours, then TCP hears of it. */
static void attach_rooms(struct net *n)
{
    ipv4_attach(n);
    arp_attach(n);
    tcp_attach(n);
    udp_attach(n);
    icmp_attach(n);
    acd_init(n);
    dhcp_init(n);
}

enum status net_create(struct net **out, struct arena *a, const struct net_config *cfg,
                       uint64_t now_ns)
{
    assert(cfg->output != NULL && cfg->tx_pool != NULL);
    *out = NULL;
    if (!config_good(cfg)) {
        return STATUS_BAD_INPUT;
    }
    struct net *n = arena_alloc(a, sizeof(*n), 64);
    if (arena_measuring(a)) {
        return measure(a, cfg, now_ns);
    }
    if (n == NULL) {
        return STATUS_NO_MEMORY;
    }
    init_start(n, cfg, now_ns);
    enum status st = init_tables(n, a);
    if (st != STATUS_OK) {
        return st;
    }
    attach_rooms(n);
    *out = n;
    return STATUS_OK;
}

void net_input(struct net *n, struct pkt *p, uint64_t now_ns)
{
    assert(n->cfg.link == NET_LINK_ETHERNET && !pkt_shared(p));
    net_enter(n, now_ns);
    ipv4_frame_input(n, p);
}

void net_input_ip(struct net *n, struct pkt *p, uint64_t now_ns)
{
    assert(n->cfg.link == NET_LINK_IP && !pkt_shared(p));
    net_enter(n, now_ns);
    p->rx_flags &= ~(uint32_t)PKT_RX_L2_BROADCAST;
    ipv4_input(n, p);
}

static void input_each(struct net *n, struct pkt *const *batch, size_t count, uint64_t now_ns)
{
    for (size_t i = 0; i < count; i++) {
        if (n->cfg.link == NET_LINK_ETHERNET) {
            net_input(n, batch[i], now_ns);
        } else {
            net_input_ip(n, batch[i], now_ns);
        }
    }
}

void net_input_batch(struct net *n, struct pkt *const *batch, size_t count, uint64_t now_ns)
{
    if (unlikely(n->cfg.gro_off)) {
        input_each(n, batch, count, now_ns);
        return;
    }
    net_enter(n, now_ns);
    gro_input(n, batch, count, n->cfg.link == NET_LINK_ETHERNET ? ETH_HEADER_BYTES : 0);
}

uint64_t net_poll(struct net *n, uint64_t now_ns)
{
    net_enter(n, now_ns);
    (void)timer_run_some(&n->wheel, n->now_ns, NET_POLL_TIMERS);
    return timer_next(&n->wheel);
}

/* The link is there for the first time, or again. */
static void start_addressing(struct net *n)
{
    const struct net_config_ip *ip = &n->cfg.ip;
    acd_link_up(n);
    if (ip->mode == NET_ADDRESS_DHCP) {
        dhcp_start(n);
        return;
    }
    struct net_event e = {
        .kind = NET_EVENT_ADDRESS,
        .origin = NET_ORIGIN_STATIC,
        .address = ip->address,
        .prefix_bits = ip->prefix_bits,
        .gateway = ip->gateway,
    };
    if (n->cfg.link == NET_LINK_IP) {
        iface_set_address(n, &e); /* no link to be in conflict on */
    } else if (n->acd.state == ACD_IDLE) {
        acd_claim(n, &e);
    }
}

void net_set_link(struct net *n, bool up, uint64_t now_ns)
{
    net_enter(n, now_ns);
    if (up == n->link_up) {
        return;
    }
    n->link_up = up; /* before anything is sent about it */
    if (up) {
        start_addressing(n);
    } else {
        arp_flush(n); /* the neighbours may be other ones next time */
    }
}

void net_set_offload(struct net *n, uint32_t offload)
{
    bool sums = (n->cfg.offload & NET_OFFLOAD_TX_CSUM) != 0;
    n->cfg.offload &= ~(uint32_t)NET_OFFLOAD_TSO;
    n->cfg.offload |= sums ? offload & NET_OFFLOAD_TSO : 0;
}

uint32_t net_address(const struct net *n)
{
    return n->iface.address;
}

struct counter_name {
    const char *name;
    const char *help;
    size_t offset;
};

bool net_counter(const struct net *n, size_t idx, const char **name, const char **help,
                 uint64_t *value)
{
#define NET_COUNTER_NAME(name, help) {#name, help, offsetof(struct net_counters, name)},
    static const struct counter_name names[] = {NET_COUNTERS(NET_COUNTER_NAME)};
#undef NET_COUNTER_NAME
    if (idx >= ARRAY_SIZE(names)) {
        return false;
    }
    *name = names[idx].name;
    *help = names[idx].help;
    static_assert(sizeof(struct net_counters) == ARRAY_SIZE(names) * sizeof(uint64_t),
                  "every counter has a name");
    memcpy(value, (const uint8_t *)&n->counters + names[idx].offset, sizeof(*value));
    return true;
}

const struct pool *net_pool(const struct net *n, size_t idx)
{
    const struct pool *const pools[] = {
        &n->reass.pool,     &n->udp.pool,    &n->tcp.cbs,      &n->tcp.halves,
        &n->tcp.time_waits, &n->socks.socks, &n->socks.epolls, &n->socks.epoll_items,
    };
    return idx < ARRAY_SIZE(pools) ? pools[idx] : NULL;
}

void net_walk_listeners(const struct net *n, net_listener_fn *fn, void *ctx)
{
    const struct list *it;
    list_for_each (it, &n->tcp.all) {
        const struct tcp_cb *t = list_entry(it, struct tcp_cb, all);
        if (t->state == TCP_LISTEN) {
            fn(ctx, true, t->node.id.laddr, t->node.id.lport);
        }
    }
    for (size_t i = 0; i < UDP_HASH_BUCKETS; i++) {
        list_for_each (it, &n->udp.buckets[i]) {
            const struct udp_cb *u = list_entry(it, struct udp_cb, node);
            if (!u->connected) {
                fn(ctx, false, u->laddr, u->lport);
            }
        }
    }
}

void net_finish(struct net *n, uint64_t now_ns)
{
    net_enter(n, now_ns);
    tcp_finish(n);
}

uint32_t net_unfinished(const struct net *n)
{
    return tcp_unfinished(n);
}

void net_destroy(struct net *n)
{
    /* From the top down: descriptors refer to transports, transports to what is below. */
    sock_table_destroy(n);
    tcp_destroy(n);
    udp_destroy(n);
    reass_destroy(n);
    arp_destroy(n);
    n->link_up = false;
}
