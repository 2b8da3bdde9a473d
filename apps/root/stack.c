/*
 * The composition root's common part; see stack.h. How memory is divided is divide.c's.
 */
#include <stdio.h>
#include <string.h>

#include "apps/root/divide.h"
#include "apps/root/stack.h"
#include "kernel/platform.h"
#include "kernel/task.h"

enum {
    TX_RESERVE_DIVISOR = 8,
};

enum status root_make_pools(struct root *r, pkt_bus_fn *bus)
{
    return divide_packets(platform_arena(), &r->rx_pool, &r->tx_pool, bus);
}

static void send_frame(void *arg, struct pkt *p)
{
    struct root *r = arg;
    netdev_send(&r->dev, p);
}

static const char *origin_text(enum net_address_origin o)
{
    static const char *const texts[] = {
        [NET_ORIGIN_STATIC] = "static",
        [NET_ORIGIN_DHCP] = "DHCP",
        [NET_ORIGIN_LINK_LOCAL] = "link-local",
    };
    return texts[o];
}

/* "http://10.0.2.15/" for a listener at port 80, "tcp 10.0.2.15 port 7" for others. */
static void show_listener(void *ctx, bool is_tcp, uint32_t address, uint16_t port)
{
    char ip[16];
    uint32_t *own = ctx;
    ipv4_format(ip, address != 0 ? address : *own);
    if (is_tcp && port == 80) {
        log_info("serving: http://%s/", ip);
    } else {
        log_info("serving: %s %s port %u", is_tcp ? "tcp" : "udp", ip, port);
    }
}

static void show_route(const struct net_route *r)
{
    char network[16];
    char router[16];
    log_info("net: route %s/%u %s %s", ipv4_format(network, r->network), r->prefix_bits,
             r->router != 0 ? "by" : "on",
             r->router != 0 ? ipv4_format(router, r->router) : "link");
}

static void show_lease(const struct net_event *e)
{
    char server[16];
    char lease[24] = "without end";
    if (e->value != UINT32_MAX) {
        snprintf(lease, sizeof(lease), "%u s", e->value);
    }
    log_info("net: DHCP server %s, lease %s",
             e->server != 0 ? ipv4_format(server, e->server) : "unnamed", lease);
}

static void show_address(struct root *r, const struct net_event *e)
{
    char ip[16];
    char gw[16];
    r->address = *e;
    log_info("net: address %s/%u, gateway %s (%s)", ipv4_format(ip, e->address), e->prefix_bits,
             e->gateway != 0 ? ipv4_format(gw, e->gateway) : "none", origin_text(e->origin));
    for (uint8_t i = 0; i < e->route_count; i++) {
        show_route(&e->routes[i]);
    }
    if (e->origin == NET_ORIGIN_DHCP) {
        show_lease(e);
    }
    uint32_t own = e->address;
    net_walk_listeners(r->net, show_listener, &own);
}

/* Once for each reason: a server that goes on offering the same is counted only. */
static void show_refusal(const struct net_event *e)
{
    static const char *const reasons[] = {
        [NET_DHCP_REFUSED_ADDRESS] = "no host can have that address",
        [NET_DHCP_REFUSED_COOKIE] = "its options are none of DHCP's (magic cookie)",
        [NET_DHCP_REFUSED_BOOT] = "what the boot loader left is no lease of this MAC address",
    };
    static_assert(ARRAY_SIZE(reasons) == NET_DHCP_REFUSALS, "each refusal has its text");
    char ip[16];
    char server[16];
    log_warn("net: an offer of %s by DHCP server %s is refused: %s", ipv4_format(ip, e->address),
             e->server != 0 ? ipv4_format(server, e->server) : "unnamed", reasons[e->refusal]);
}

/* A service that comes before the address is shown with it, in show_address. */
static void show_serving(struct root *r, const struct net_event *e)
{
    uint32_t own = net_address(r->net);
    if (own != 0) {
        show_listener(&own, e->is_tcp, e->address, e->port);
    }
}

static void show_event(void *arg, const struct net_event *e)
{
    char ip[16];
    ipv4_format(ip, e->address);
    switch (e->kind) {
    case NET_EVENT_ADDRESS:
        show_address(arg, e);
        break;
    case NET_EVENT_ADDRESS_LOST:
        log_warn("net: address %s given up (%s)", ip, origin_text(e->origin));
        break;
    case NET_EVENT_CONFLICT:
        log_error("net: address conflict: %02x:%02x:%02x:%02x:%02x:%02x also uses %s", e->mac[0],
                  e->mac[1], e->mac[2], e->mac[3], e->mac[4], e->mac[5], ip);
        break;
    case NET_EVENT_DHCP_TIMEOUT:
        log_warn("net: no DHCP server answered after %u tries; still asking", e->value);
        break;
    case NET_EVENT_DHCP_NAK:
        log_warn("net: the DHCP server refused %s; asking anew", ip);
        break;
    case NET_EVENT_DHCP_REFUSED:
        show_refusal(e);
        break;
    case NET_EVENT_SERVING:
        show_serving(arg, e);
        break;
    }
}

static uint64_t poll_net(void *arg, uint64_t now_ns)
{
    struct root *r = arg;
    return net_poll(r->net, now_ns);
}

static void input_frames(void *arg, struct pkt **batch, size_t count, uint64_t now_ns)
{
    struct root *r = arg;
    net_input_batch(r->net, batch, count, now_ns);
}

static void link_changed(void *arg, const struct nic_link *link, uint64_t now_ns)
{
    struct root *r = arg;
    if (link->up) {
        log_info("link: up, %u Mb/s %s duplex", link->speed_mbps,
                 link->full_duplex ? "full" : "half");
    } else {
        log_warn("link: down");
    }
    net_set_offload(r->net, r->dev.nic->features); /* some parts segment at 1 Gb/s alone */
    net_set_link(r->net, link->up, now_ns);
}

static const struct netdev_ops netdev_ops = {
    .input = input_frames,
    .link = link_changed,
};

/* selftest=wrap: every connection's numbers pass 2^32 within its first kilobytes, timestamps within
 * the first seconds of the machine. */
static void start_near_wrap(struct net_config *cfg)
{
    log_warn("selftest: sequence numbers begin just below 2^32, where anybody can guess them");
    cfg->tcp_isn_fixed = true;
    cfg->tcp_isn = UINT32_MAX - 2000;
    cfg->tcp_ts_fixed = true;
    cfg->tcp_ts_start = UINT32_MAX - 5000;
}

static enum status make_net(struct root *r, const struct nic *nic, uint64_t now_ns)
{
    struct arena *a = platform_arena();
    struct net_config cfg = {
        .link = NET_LINK_ETHERNET,
        .mtu = 1500,
        .ip = r->config.ip,
        .tx_pool = &r->tx_pool,
        .tx_reserve = r->tx_pool.count / TX_RESERVE_DIVISOR,
        .offload = nic->features & (NET_OFFLOAD_TX_CSUM | NET_OFFLOAD_TSO),
        .output = send_frame,
        .event = show_event,
        .arg = r,
    };
    static_assert((int)NET_OFFLOAD_TX_CSUM == (int)NIC_FEATURE_TX_CSUM, "a device's word is ours");
    static_assert((int)NET_OFFLOAD_TSO == (int)NIC_FEATURE_TSO, "likewise");
    static_assert((int)NET_TSO_BUFFERS_MAX == (int)NIC_TX_FRAGS_MAX, "and its limits");
    static_assert((int)NET_TSO_MSS_MIN == (int)NIC_TSO_MSS_MIN, "likewise");
    static_assert((int)NET_TSO_BYTES_MAX + 14 == (int)NIC_TSO_MAX_BYTES, "likewise");
    memcpy(cfg.mac, nic->mac, sizeof(cfg.mac));
    platform_entropy(cfg.seed, sizeof(cfg.seed));
    net_limits_default(&cfg.limits, divide_tables_bytes(a));
    cfg.gro_off = r->config.gro_off;
    cfg.tcp_ecn = r->config.ecn;
    cfg.tcp_congestion = r->config.congestion;
    if (r->config.selftest == SELFTEST_WRAP) {
        start_near_wrap(&cfg);
    }
    enum status s = net_create(&r->net, a, &cfg, now_ns);
    if (s != STATUS_OK) {
        log_error("root: the network stack's tables do not fit %zu KiB of memory",
                  arena_left(a) / 1024);
    }
    return s;
}

static void run_app(void *arg)
{
    struct root *r = arg;
    int code = app_main(r->line.argc, r->line.argv);
    (void)fflush(stdout);
    log_warn("%s: ended with code %d", r->line.argv[0], code);
    loop_stop(code);
}

enum status root_start(struct root *r, struct nic *nic)
{
    uint64_t now = platform_now_ns();
    enum status s = make_net(r, nic, now);
    if (s != STATUS_OK) {
        return s;
    }
    netdev_init(&r->dev, nic, &netdev_ops, r, now);
    r->net_source = (struct loop_source){.arg = r, .poll = poll_net};
    loop_add_source(&r->net_source);
    root_register_stats(r);
    task_init(DIVIDE_TASKS_MAX, loop_timers());
    posix_env_init(&r->env, r->net, platform_now_ns);
    task_set_env(&r->env);
    return task_create(r->line.argv[0], run_app, r);
}
