/*
 * Frames, time and socket calls into the whole stack: the input is a program of steps. It starts
 * with a listener, an established connection made by a true handshake, and a UDP socket; a small
 * model of the peer bends segments from the connection's real numbers, other steps send datagrams,
 * fragments, ARP, ICMP errors about what the stack sent, the stack's own frames back, or raw bytes.
 *
 * After each step: every frame sent is well formed, a RST got no RST, the pools are within their
 * counts. In the end either everything is closed and must come home by itself in time, or the stack
 * is destroyed in the middle; no packet may stay out either way.
 */
// LINK: @net kernel/pkt.c kernel/pool.c kernel/timer.c
#include <stdlib.h>
#include <string.h>

#include "kernel/bytes.h"
#include "kernel/pool.h"
#include "net/net.h"
#include "net/sock/epoll.h"
#include "net/sock/sock.h"
#include "tests/fuzz/fuzz_input.h"

enum {
    MEMORY_BYTES = 1024 * 1024,
    PACKETS = 96,
    TX_RESERVE = 16,
    STEPS_MAX = 150,
    POLLS_MAX = 5000, /* in one stretch of time: more means that it stands still */
    QUIET_S = 600,    /* orphans, FIN-WAIT-2, TIME-WAIT, half-open records, reassembly: all over */
    FDS = 24,         /* descriptors a call may name: all that there are, and some that are none */
    CHUNK_BYTES = 6000,
    ETH_BYTES = 14,
    IP_BYTES = 20,
    TCP_BYTES = 20,
    MTU = 1500,
    PORT_TCP = 80,
    PORT_UDP = 7,
    PEER_PORT = 4000,
    PEER_PORTS = 4,
    FLAG_SYN = 2,
    FLAG_RST = 4,
    FLAG_ACK = 16,
    ISS = 0x7ffffff0, /* ours; crosses 2^31 soon */
    PEER_ISS = 0xfffffff0,
};
#define OUR_ADDRESS  0x0a000001u
#define PEER_ADDRESS 0x0a000002u

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t peer_mac[6] = {2, 0, 0, 0, 0, 2};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct frame {
    uint8_t bytes[ETH_BYTES + 2 * MTU];
    size_t len;
};

struct fuzz {
    struct fuzz_input in;
    struct net *net;
    struct pkt_pool tx;
    struct pkt_pool rx;
    uint64_t now_ns;
    uint32_t seq[PEER_PORTS]; /* what the peer sends next, by the stack's last ACK */
    uint32_t ack[PEER_PORTS]; /* what the stack sends next */
    struct frame last;        /* the stack sent it last */
    bool rst_delivered;
    int epoll;
};

/* One's complement sum, byte by byte: not the code under test. */
static uint16_t ones_sum(uint32_t sum, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum += (i & 1) != 0 ? bytes[i] : (uint32_t)bytes[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static uint16_t pseudo_sum(const uint8_t *ip, size_t payload_len)
{
    return ones_sum(ip[9] + (uint32_t)payload_len, ip + 12, 8);
}

/* A TCP segment on its way out: sound, and the model's news about the connection. */
static void saw_tcp(struct fuzz *f, const uint8_t *ip, size_t total)
{
    const uint8_t *tcp = ip + IP_BYTES;
    size_t len = total - IP_BYTES;
    size_t header = (size_t)(tcp[12] >> 4) * 4;
    assert(len >= TCP_BYTES && header >= TCP_BYTES && header <= len);
    assert(ones_sum(pseudo_sum(ip, len), tcp, len) == 0xffff);
    assert(!f->rst_delivered || (tcp[13] & FLAG_RST) == 0);
    uint16_t which = (uint16_t)(load_be16(tcp + 2) - PEER_PORT);
    if (which < PEER_PORTS && load_be16(tcp) == PORT_TCP && (tcp[13] & FLAG_RST) == 0) {
        uint32_t takes = (uint32_t)(len - header) + (tcp[13] & 1) + (tcp[13] >> 1 & 1);
        f->ack[which] = load_be32(tcp + 4) + takes;
        f->seq[which] = (tcp[13] & FLAG_ACK) != 0 ? load_be32(tcp + 8) : f->seq[which];
    }
}

static void output(void *arg, struct pkt *p)
{
    struct fuzz *f = arg;
    const uint8_t *eth = p->data;
    size_t len = pkt_len(p);
    assert(len >= ETH_BYTES && len <= ETH_BYTES + MTU);
    assert(memcmp(eth + 6, our_mac, sizeof(our_mac)) == 0);
    if (load_be16(eth + 12) == 0x0800) {
        const uint8_t *ip = eth + ETH_BYTES;
        size_t total = load_be16(ip + 2);
        assert(len >= ETH_BYTES + IP_BYTES && ip[0] == 0x45 && total <= len - ETH_BYTES);
        assert(ones_sum(0, ip, IP_BYTES) == 0xffff);
        assert(load_be32(ip + 12) == OUR_ADDRESS);
        if (ip[9] == 6) {
            saw_tcp(f, ip, total);
        }
    } else {
        assert(load_be16(eth + 12) == 0x0806);
    }
    memcpy(f->last.bytes, eth, len);
    f->last.len = len;
    pkt_put(p);
}

static void check_pools(const struct fuzz *f)
{
    const struct pool *p;
    assert(f->rx.used <= f->rx.count && f->tx.used <= f->tx.count);
    for (size_t i = 0; (p = net_pool(f->net, i)) != NULL; i++) {
        assert(p->used <= p->count);
    }
}

static void deliver(struct fuzz *f, const struct frame *fr)
{
    struct pkt *p = pkt_alloc(&f->rx, 0);
    if (p == NULL) {
        return; /* all with the stack, in queues: what a device does then */
    }
    size_t len = min_size(fr->len, pkt_tailroom(p));
    memcpy(pkt_append(p, len), fr->bytes, len);
    net_input(f->net, p, f->now_ns);
    f->rst_delivered = false;
}

static void advance(struct fuzz *f, uint64_t ns)
{
    uint64_t end_ns = f->now_ns + ns;
    for (uint32_t i = 0;; i++) {
        uint64_t next_ns = net_poll(f->net, f->now_ns);
        if (next_ns >= end_ns) {
            break;
        }
        assert(i < POLLS_MAX);
        f->now_ns = max_u64(f->now_ns, next_ns);
    }
    f->now_ns = end_ns;
    (void)net_poll(f->net, f->now_ns);
}

static void put_eth(struct frame *fr, uint16_t type)
{
    memcpy(fr->bytes, our_mac, 6);
    memcpy(fr->bytes + 6, peer_mac, 6);
    store_be16(fr->bytes + 12, type);
}

/* Finishes a frame whose IPv4 payload of len bytes is in place. */
static void put_ip(struct frame *fr, uint8_t protocol, uint16_t frag, size_t len)
{
    uint8_t *ip = fr->bytes + ETH_BYTES;
    put_eth(fr, 0x0800);
    memset(ip, 0, IP_BYTES);
    ip[0] = 0x45;
    store_be16(ip + 2, (uint16_t)(IP_BYTES + len));
    store_be16(ip + 6, frag);
    ip[8] = 64;
    ip[9] = protocol;
    store_be32(ip + 12, PEER_ADDRESS);
    store_be32(ip + 16, OUR_ADDRESS);
    store_be16(ip + 10, (uint16_t)~ones_sum(0, ip, IP_BYTES));
    fr->len = ETH_BYTES + IP_BYTES + len;
}

struct model {
    uint16_t sport, dport;
    uint32_t seq, ack;
    uint8_t flags;
    uint16_t window;
    size_t options_len; /* a multiple of 4 */
    size_t len;
    uint16_t bend; /* added to the checksum */
};

static void send_segment(struct fuzz *f, const struct model *m, const uint8_t *options)
{
    struct frame fr;
    uint8_t *tcp = fr.bytes + ETH_BYTES + IP_BYTES;
    size_t len = TCP_BYTES + m->options_len + m->len;
    assert(len <= MTU - IP_BYTES && m->options_len <= 40);
    memset(tcp, 0, len);
    store_be16(tcp, m->sport);
    store_be16(tcp + 2, m->dport);
    store_be32(tcp + 4, m->seq);
    store_be32(tcp + 8, m->ack);
    tcp[12] = (uint8_t)((TCP_BYTES + m->options_len) / 4 << 4);
    tcp[13] = m->flags;
    store_be16(tcp + 14, m->window);
    if (m->options_len > 0) {
        memcpy(tcp + TCP_BYTES, options, m->options_len);
    }
    memset(tcp + TCP_BYTES + m->options_len, 'x', m->len);
    put_ip(&fr, 6, 0, len);
    uint16_t sum = ones_sum(pseudo_sum(fr.bytes + ETH_BYTES, len), tcp, len);
    store_be16(tcp + 16, (uint16_t)(~sum + m->bend));
    f->rst_delivered = (m->flags & FLAG_RST) != 0;
    deliver(f, &fr);
}

/* A step away from the true number: mostly a little, sometimes anywhere. */
static uint32_t offset(struct fuzz *f)
{
    uint8_t how = fuzz_u8(&f->in);
    if (how < 0x80) {
        return 0;
    }
    if (how < 0xc0) {
        return (uint32_t)(int32_t)(int8_t)fuzz_u8(&f->in);
    }
    uint32_t wide = fuzz_u16(&f->in);
    return how < 0xe0 ? wide - 0x8000 : wide << 16;
}

static void step_segment(struct fuzz *f)
{
    static const uint16_t lengths[] = {0, 0, 0, 1, 2, 100, 536, 1300};
    uint8_t options[40];
    uint8_t which = fuzz_u8(&f->in);
    uint8_t shape = fuzz_u8(&f->in);
    struct model m = {
        .sport = (uint16_t)(PEER_PORT + which % PEER_PORTS),
        .dport = (which & 0xf0) == 0xf0 ? fuzz_u16(&f->in) : PORT_TCP,
        .flags = fuzz_u8(&f->in) & 0x3f,
        .seq = f->seq[which % PEER_PORTS] + offset(f),
        .ack = f->ack[which % PEER_PORTS] + offset(f),
        .window = (shape & 0x80) != 0 ? fuzz_u16(&f->in) : 0xffff,
        .options_len = (shape >> 3 & 3) * 4u,
        .len = lengths[shape & 7],
        .bend = (shape & 0x60) == 0x60 ? fuzz_u16(&f->in) : 0,
    };
    (void)fuzz_take(&f->in, options, m.options_len);
    send_segment(f, &m, options);
}

static void step_raw(struct fuzz *f)
{
    struct frame fr;
    size_t want = min_size(fuzz_u16(&f->in) & 0x7ff, sizeof(fr.bytes));
    put_eth(&fr, fuzz_u8(&f->in) & 1 ? 0x0806 : 0x0800);
    uint8_t keep = fuzz_u8(&f->in) % (ETH_BYTES + 1); /* so much of a good Ethernet header */
    fr.len = keep + fuzz_take(&f->in, fr.bytes + keep, want);
    deliver(f, &fr);
}

/* An IPv4 packet with a good header around bytes of the input: fragments, any protocol. */
static void step_ip(struct fuzz *f)
{
    static const uint8_t protocols[] = {1, 6, 17, 2};
    struct frame fr;
    uint8_t protocol = protocols[fuzz_u8(&f->in) % ARRAY_SIZE(protocols)];
    uint16_t frag = fuzz_u16(&f->in) & 0x20ff; /* MF and small offsets */
    size_t want = fuzz_u8(&f->in);
    size_t len = fuzz_take(&f->in, fr.bytes + ETH_BYTES + IP_BYTES, want);
    put_ip(&fr, protocol, frag, len);
    deliver(f, &fr);
}

static void step_udp(struct fuzz *f)
{
    struct frame fr;
    uint8_t *udp = fr.bytes + ETH_BYTES + IP_BYTES;
    uint16_t port = fuzz_u8(&f->in) & 1 ? PORT_UDP : fuzz_u16(&f->in);
    size_t want = fuzz_u8(&f->in);
    size_t len = 8 + fuzz_take(&f->in, udp + 8, want);
    store_be16(udp, 5000);
    store_be16(udp + 2, port);
    store_be16(udp + 4, (uint16_t)len);
    store_be16(udp + 6, 0); /* none: RFC 768 */
    put_ip(&fr, 17, 0, len);
    deliver(f, &fr);
}

/* An ICMP message about the packet the stack sent last. */
static void step_icmp_error(struct fuzz *f)
{
    struct frame fr;
    uint8_t *icmp = fr.bytes + ETH_BYTES + IP_BYTES;
    size_t quoted = min_size(f->last.len, ETH_BYTES + 60);
    if (quoted <= ETH_BYTES) {
        return;
    }
    icmp[0] = fuzz_u8(&f->in) & 15;
    icmp[1] = fuzz_u8(&f->in) & 15;
    (void)fuzz_take(&f->in, icmp + 4, 4);
    memcpy(icmp + 8, f->last.bytes + ETH_BYTES, quoted - ETH_BYTES);
    icmp[8 + fuzz_u8(&f->in) % (quoted - ETH_BYTES)] ^= fuzz_u8(&f->in);
    size_t len = 8 + quoted - ETH_BYTES;
    store_be16(icmp + 2, 0);
    store_be16(icmp + 2, (uint16_t)~ones_sum(0, icmp, len));
    put_ip(&fr, 1, 0, len);
    deliver(f, &fr);
}

static void step_arp(struct fuzz *f)
{
    struct frame fr;
    uint8_t *arp = fr.bytes + ETH_BYTES;
    static const uint8_t head[] = {0, 1, 8, 0, 6, 4, 0};
    put_eth(&fr, 0x0806);
    memcpy(arp, head, sizeof(head));
    arp[7] = fuzz_u8(&f->in) & 3;
    memcpy(arp + 8, peer_mac, 6);
    arp[13] = fuzz_u8(&f->in) & 7;
    store_be32(arp + 14, PEER_ADDRESS + (fuzz_u8(&f->in) & 15) - 2); /* also ours, and 10.0.0.0 */
    memset(arp + 18, 0, 6);
    store_be32(arp + 24, OUR_ADDRESS + (fuzz_u8(&f->in) & 3) - 1);
    fr.len = ETH_BYTES + 28;
    deliver(f, &fr);
}

static void step_time(struct fuzz *f)
{
    uint8_t v = fuzz_u8(&f->in);
    advance(f, (uint64_t)(v & 15) * NS_PER_MS << (v >> 4)); /* up to 8 minutes */
}

static void step_make(struct fuzz *f, int fd, uint8_t what)
{
    struct net *n = f->net;
    struct sock_addr a = {.addr = what & 8 ? PEER_ADDRESS : 0,
                          .port = what & 16 ? PORT_TCP : fuzz_u16(&f->in)};
    switch (what & 7) {
    case 0:
        (void)sock_open(n, what & 32 ? SOCK_TYPE_UDP : SOCK_TYPE_TCP, f->now_ns);
        break;
    case 1:
        (void)sock_bind(n, fd, &a, f->now_ns);
        break;
    case 2:
        (void)sock_listen(n, fd, what >> 3, f->now_ns);
        break;
    case 3:
        (void)sock_accept(n, fd, &a, f->now_ns);
        break;
    case 4:
        a.addr = PEER_ADDRESS;
        (void)sock_connect(n, fd, &a, f->now_ns);
        break;
    case 5:
        (void)sock_close(n, fd, f->now_ns);
        break;
    case 6:
        (void)sock_shutdown(n, fd, what >> 3 & 3, f->now_ns);
        break;
    default:
        (void)sock_name(n, fd, &a);
        (void)sock_peer(n, fd, &a);
        break;
    }
}

static void step_move(struct fuzz *f, int fd, uint8_t what)
{
    static uint8_t chunk[CHUNK_BYTES];
    struct net *n = f->net;
    struct sock_addr to = {.addr = PEER_ADDRESS, .port = 9};
    size_t len = min_size((size_t)fuzz_u8(&f->in) << (what >> 4 & 7), sizeof(chunk));
    if (what & 1) {
        ptrdiff_t r = sock_send(n, fd, chunk, len, what >> 1 & 2, &to, f->now_ns);
        assert(r <= (ptrdiff_t)len);
    } else {
        ptrdiff_t r = sock_recv(n, fd, chunk, len, what >> 1 & 5, NULL, f->now_ns);
        assert(r <= (ptrdiff_t)len || (what >> 1 & 4) != 0);
    }
}

static void step_option(struct fuzz *f, int fd, uint8_t what)
{
    int64_t value = 0;
    enum sock_opt opt = (enum sock_opt)(what % (SOCK_OPT_MAXSEG + 1));
    (void)sock_set_opt(f->net, fd, opt, (int16_t)fuzz_u16(&f->in), f->now_ns);
    (void)sock_get_opt(f->net, fd, opt, &value);
    (void)sock_readable(f->net, fd);
}

static void step_epoll(struct fuzz *f, int fd, uint8_t what)
{
    struct epoll_report got[4];
    struct epoll_report want = {.events = NET_READY_IN | NET_READY_OUT, .data = (uint64_t)fd};
    if (what & 128) {
        want.events |= EPOLL_FLAG_ET;
    }
    (void)epoll_control(f->net, what & 64 ? fd : f->epoll, (enum epoll_op)(what & 3), fd, &want);
    int count = epoll_collect(f->net, f->epoll, got, ARRAY_SIZE(got));
    assert(count <= (int)ARRAY_SIZE(got));
    for (int i = 0; i < count; i++) {
        assert(got[i].events != 0 && sock_ready(f->net, (int)got[i].data) >= 0);
    }
}

static void step(struct fuzz *f)
{
    uint8_t op = fuzz_u8(&f->in) & 15;
    int fd = 0;
    uint8_t what = 0;
    if (op >= 10) {
        fd = fuzz_u8(&f->in) % FDS;
        what = fuzz_u8(&f->in);
    }
    void (*const steps[])(struct fuzz *) = {step_segment,    step_segment, step_segment,
                                            step_raw,        step_ip,      step_udp,
                                            step_icmp_error, step_arp,     step_time};
    if (op < ARRAY_SIZE(steps)) {
        steps[op](f);
    } else if (op == 9) {
        struct frame back = f->last; /* deliver may send, and change it */
        deliver(f, &back);
    } else if (op <= 11) {
        step_make(f, fd, what);
    } else if (op == 12) {
        step_move(f, fd, what);
    } else if (op == 13) {
        step_option(f, fd, what);
    } else if (op == 14) {
        step_epoll(f, fd, what);
    } else if (what < 32) {
        net_set_link(f->net, (what & 1) != 0, f->now_ns);
    } else {
        f->tx.fail_at = f->tx.get_count + what % 8;
    }
}

static void make_stack(struct fuzz *f, void *memory)
{
    struct net_config cfg = {
        .link = NET_LINK_ETHERNET,
        .mac = {2, 0, 0, 0, 0, 1},
        .mtu = MTU,
        .ip = {.mode = NET_ADDRESS_STATIC, .address = OUR_ADDRESS, .prefix_bits = 24},
        .limits = {.arp_entries = 4,
                   .reass_datagrams = 2,
                   .reass_packets = 6,
                   .udp_sockets = 2,
                   .tcp_connections = 6,
                   .tcp_half_open = 3,
                   .tcp_time_wait = 2,
                   .sockets = 10,
                   .epolls = 2,
                   .epoll_items = 6,
                   .tcp_rcvbuf_bytes = 8192,
                   .tcp_sndbuf_bytes = 8192,
                   .tcp_challenge_ms = 500},
        .tx_pool = &f->tx,
        .tx_reserve = TX_RESERVE,
        .output = output,
        .arg = f,
        .tcp_isn_fixed = true,
        .tcp_isn = ISS,
    };
    struct arena a;
    arena_init(&a, memory, MEMORY_BYTES);
    bool good = pkt_pool_init(&f->tx, &a, "tx", PACKETS, NULL) == STATUS_OK &&
                pkt_pool_init(&f->rx, &a, "rx", PACKETS, NULL) == STATUS_OK &&
                net_create(&f->net, &a, &cfg, f->now_ns) == STATUS_OK;
    assert(good);
    net_set_link(f->net, true, f->now_ns);
    advance(f, NS_PER_S);
    assert(net_address(f->net) == OUR_ADDRESS);
}

/* A listener, a connection through the handshake and accepted, a UDP socket, an epoll. */
static void make_sockets(struct fuzz *f)
{
    struct net *n = f->net;
    struct sock_addr tcp = {.port = PORT_TCP}, udp = {.port = PORT_UDP};
    struct epoll_report want = {.events = NET_READY_IN | NET_READY_OUT};
    int listener = sock_open(n, SOCK_TYPE_TCP, f->now_ns);
    int err = sock_bind(n, listener, &tcp, f->now_ns);
    err = err != 0 ? err : sock_listen(n, listener, 4, f->now_ns);
    int datagrams = sock_open(n, SOCK_TYPE_UDP, f->now_ns);
    err = err != 0 ? err : sock_bind(n, datagrams, &udp, f->now_ns);
    f->epoll = epoll_open(n, f->now_ns);
    want.data = (uint64_t)listener;
    err = err != 0 ? err : epoll_control(n, f->epoll, EPOLL_OP_ADD, listener, &want);
    assert(err == 0 && f->epoll >= 0);
    for (uint32_t i = 0; i < PEER_PORTS; i++) {
        f->seq[i] = (uint32_t)PEER_ISS;
        f->ack[i] = ISS;
    }
    struct fuzz_input known = {.data = (const uint8_t *)"\1\2\2\1", .size = 4};
    struct fuzz_input input = f->in;
    f->in = known; /* the neighbour makes itself known */
    step_arp(f);
    f->in = input;
    static const uint8_t options[8] = {2, 4, 5, 0xb4, 1, 3, 3, 4};
    struct model m = {.sport = PEER_PORT,
                      .dport = PORT_TCP,
                      .seq = (uint32_t)PEER_ISS,
                      .flags = FLAG_SYN,
                      .window = 0xffff,
                      .options_len = sizeof(options)};
    send_segment(f, &m, options);
    m = (struct model){.sport = PEER_PORT,
                       .dport = PORT_TCP,
                       .seq = f->seq[0],
                       .ack = f->ack[0],
                       .flags = FLAG_ACK,
                       .window = 0xffff};
    send_segment(f, &m, NULL);
    int accepted = sock_accept(n, listener, NULL, f->now_ns);
    assert(accepted >= 0);
}

/* Everything closed: with time alone it must all come home. */
static void close_all(struct fuzz *f)
{
    const struct pool *p;
    f->tx.fail_at = 0;
    for (int fd = SOCK_FD_FIRST; fd < (int)FDS; fd++) {
        (void)sock_close(f->net, fd, f->now_ns);
    }
    advance(f, QUIET_S * NS_PER_S);
    for (size_t i = 0; (p = net_pool(f->net, i)) != NULL; i++) {
        assert(p->used == 0);
    }
    assert(f->tx.used == 0 && f->rx.used == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct fuzz f;
    static void *memory;
    if (memory == NULL) {
        memory = aligned_alloc(4096, MEMORY_BYTES);
        assert(memory != NULL);
    }
    memset(&f, 0, sizeof(f));
    f.now_ns = NS_PER_S;
    f.in = (struct fuzz_input){.data = bytes, .size = len};
    make_stack(&f, memory);
    make_sockets(&f);
    bool closes = (fuzz_u8(&f.in) & 1) != 0;
    for (uint32_t i = 0; i < STEPS_MAX && f.in.size > 0; i++) {
        step(&f);
        check_pools(&f);
    }
    if (closes) {
        close_all(&f);
    }
    net_destroy(f.net);
    assert(f.tx.used == 0 && f.rx.used == 0);
    return 0;
}
