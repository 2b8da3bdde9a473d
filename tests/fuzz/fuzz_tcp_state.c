/*
 * TCP fuzzed by its state: the input is a program of steps, each a segment that a real peer could
 * send next and that is then bent or not, a socket call, an ICMP error, or a step in time. The peer
 * (tcp_model.h) knows every connection's numbers, so that a short input gets far. After each step
 * the invariants of TCP hold (tcp_check.h), the streams carry the bytes they should, no RST answers
 * a RST, and a packet in causes a bounded number out; at the end everything is back in its pool.
 */
// LINK: @net kernel/p[ko]*.c kernel/timer.c tests/fuzz/tcp_model.c tests/unit/tcp_check.c
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/bytes.h"
#include "net/sock/int.h"
#include "net/sock/sock.h"
#include "net/wire/csum.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/tcp_model.h"
#include "tests/unit/tcp_check.h"
#include "tests/unit/tcp_see.h"

enum {
    MEMORY_BYTES = 4 * 1024 * 1024,
    PACKETS = 160, /* of each pool */
    SOCKETS = 8,
    FDS_MAX = 6,
    HELD_MAX = 8,
    BATCH_MAX = 9,
    LISTEN_PORT = 80,
    CALL_BYTES = MODEL_BYTES_MAX,
    ANSWERS_MAX = 250, /* packets out for one in: a window's worth, and the pool has no more */
    STEPS_MAX = 400,
    QUIET_S = 3600,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct fuzz {
    struct fuzz_input in;
    struct net *net;
    struct pkt_pool rx, tx;
    struct model model;
    int listener;
    int fds[FDS_MAX]; /* 0: none */
    struct pkt *held[HELD_MAX];
    uint32_t held_next;
    bool hold; /* the device is busy: it keeps some packets */
    struct pkt *batch[BATCH_MAX];
    uint32_t batched;
    bool gathers; /* packets wait to be given to the stack as a batch */
};

static void output(void *arg, struct pkt *p)
{
    struct fuzz *f = arg;
    model_read(&f->model, p->data, pkt_len(p));
    if (!f->hold) {
        pkt_put(p);
        return;
    }
    struct pkt **slot = &f->held[f->held_next++ % HELD_MAX];
    pkt_put(*slot);
    *slot = p;
}

static void let_go(struct fuzz *f)
{
    for (size_t i = 0; i < HELD_MAX; i++) {
        pkt_put(f->held[i]);
        f->held[i] = NULL;
    }
}

static void feed(struct fuzz *f, const uint8_t *ip, size_t len, bool is_rst)
{
    uint32_t sent = f->model.sent;
    uint32_t resets = f->model.resets;
    struct pkt *p = pkt_alloc(&f->rx, 0);
    if (p == NULL) {
        return;
    }
    memcpy(pkt_append(p, len), ip, len);
    if (f->gathers) {
        f->batch[f->batched++] = p;
        return;
    }
    net_input_ip(f->net, p, f->model.now_ns);
    assert(!is_rst || f->model.resets == resets);
    assert(f->model.sent - sent <= ANSWERS_MAX);
    tcp_check_invariants(f->net);
}

static void feed_segment(struct fuzz *f, struct model_flow *flow, const struct model_segment *s)
{
    uint8_t ip[MODEL_PACKET_BYTES];
    size_t len = model_write(s, ip);
    model_sent(flow, s);
    feed(f, ip, len, (s->flags & TCP_RST) != 0);
}

/* A flow there is, or NULL. */
static struct model_flow *pick_flow(struct fuzz *f)
{
    size_t start = fuzz_u8(&f->in);
    for (size_t i = 0; i < MODEL_FLOWS; i++) {
        struct model_flow *flow = &f->model.flows[(start + i) % MODEL_FLOWS];
        if (flow->used) {
            return flow;
        }
    }
    return NULL;
}

static int *pick_fd(struct fuzz *f, bool open)
{
    size_t start = fuzz_u8(&f->in);
    for (size_t i = 0; i < FDS_MAX; i++) {
        int *fd = &f->fds[(start + i) % FDS_MAX];
        if ((*fd != 0) == open) {
            return fd;
        }
    }
    return NULL;
}

/* Something between low and high, mostly near one of them. */
static uint32_t between(struct fuzz *f, uint32_t low, uint32_t high)
{
    uint8_t how = fuzz_u8(&f->in);
    uint32_t span = high - low;
    if (span == 0 || span > UINT32_MAX / 2) {
        return low;
    }
    return how < 16    ? low + min_u32(how, span)
           : how < 32  ? high - min_u32(how - 16u, span)
           : how < 128 ? low + min_u32((how - 32u) * 1448u, span)
                       : low + fuzz_u16(&f->in) % span;
}

static uint16_t payload_len(struct fuzz *f)
{
    static const uint16_t lengths[] = {1, 1448, 1448, 1460, 536, 64, 2, 700};
    uint8_t how = fuzz_u8(&f->in);
    return how & 8 ? how : lengths[how & 7];
}

/* Up to four blocks of what the stack has out, in any order. */
static void add_sacks(struct fuzz *f, const struct model_flow *flow, struct model_segment *s)
{
    uint8_t count = 1 + fuzz_u8(&f->in) % MODEL_SACKS_MAX;
    for (uint8_t i = 0; i < count; i++) {
        uint32_t left = between(f, s->ack + (i == 0 ? 0 : 1), flow->rcv_max);
        s->options.sack[i][0] = left;
        s->options.sack[i][1] = between(f, left, flow->rcv_max);
    }
    s->options.sacks = count;
}

/* The first block tells of a duplicate (RFC 2883 4). */
static void duplicate(struct fuzz *f, const struct model_flow *flow, struct model_segment *s,
                      bool inside)
{
    uint32_t(*b)[2] = s->options.sack;
    if (inside && s->options.sacks > 1) {
        b[0][0] = between(f, b[1][0], b[1][1]);
        b[0][1] = between(f, b[0][0], b[1][1]);
        return;
    }
    b[0][0] = flow->acked - 1448 * (1u + fuzz_u8(&f->in) % 8);
    b[0][1] = between(f, b[0][0], flow->acked);
}

/* A peer opens a connection, or sends its SYN again. */
static void open_passive(struct fuzz *f)
{
    uint8_t which = fuzz_u8(&f->in);
    struct model_flow *flow = &f->model.flows[which % MODEL_FLOWS];
    struct model_segment s;
    if (!flow->used) {
        *flow = (struct model_flow){.used = true,
                                    .lport = LISTEN_PORT,
                                    .rport = (uint16_t)(MODEL_PEER_PORT + which % MODEL_FLOWS),
                                    .iss = fuzz_u16(&f->in) - 0x4000u,
                                    .window = 0xffff,
                                    .mss = 1460};
        flow->snd_nxt = flow->snd_una = flow->iss;
    }
    uint8_t offers = fuzz_u8(&f->in);
    flow->mss = offers == 0xff ? fuzz_u16(&f->in) : flow->mss;
    model_syn(&f->model, flow, &s, offers);
    s.flags = TCP_SYN;
    s.ack = 0;
    feed_segment(f, flow, &s);
}

/* The peer forgets a connection, whatever the stack thinks of it; its port may be used for
 * a new one. */
static void forget_flow(struct fuzz *f)
{
    struct model_flow *flow = pick_flow(f);
    if (flow != NULL) {
        flow->used = false;
    }
}

/* What kinds of segments a peer sends. */
static void shape(struct fuzz *f, struct model_flow *flow, struct model_segment *s)
{
    uint8_t kind = fuzz_u8(&f->in);
    switch (kind & 15) {
    case 0:
    case 1: /* the next data, maybe with a FIN */
        s->len = payload_len(f);
        s->flags |= (kind & 16) ? TCP_FIN | TCP_PSH : TCP_PSH;
        break;
    case 2: /* data behind a gap */
        s->seq += (uint32_t)(1 + (kind >> 4)) * 1448;
        s->len = payload_len(f);
        break;
    case 3: /* data again, the whole or a part */
        s->seq = between(f, flow->snd_una - 3000, flow->snd_nxt);
        s->len = payload_len(f);
        break;
    case 4: /* a pure ACK of everything, or a part of it; maybe with a mark echoed or with the echo
               of something older */
    case 5:
        s->ack = (kind & 1) ? between(f, flow->acked, flow->rcv_max) : s->ack;
        s->flags |= (kind & 16) ? TCP_ECE : 0;
        s->options.ts_ecr -= (kind & 32) ? fuzz_u8(&f->in) : 0;
        break;
    case 6: /* a duplicate ACK */
        s->ack = flow->acked;
        break;
    case 7:
    case 8:
        s->ack = kind & 16 ? flow->acked : between(f, flow->acked, flow->rcv_max);
        add_sacks(f, flow, s);
        s->flags |= (kind & 32) ? TCP_ECE : 0;
        break;
    case 9:
        s->flags |= TCP_FIN;
        break;
    case 10:
        s->flags = kind & 16 ? TCP_RST : TCP_RST | TCP_ACK;
        s->seq = kind & 32 ? flow->snd_una : between(f, flow->snd_una, flow->snd_una + 70000);
        break;
    case 11: /* the answer to a SYN of the stack's, or a SYN into the connection */
        model_syn(&f->model, flow, s, fuzz_u8(&f->in));
        break;
    case 12:
        flow->window = fuzz_u16(&f->in);
        s->window = flow->window;
        break;
    case 13: /* a keepalive or window probe */
        s->seq = flow->snd_una - 1;
        s->len = kind & 16;
        break;
    case 14: /* an old timestamp */
        s->options.ts_val -= 1 + fuzz_u16(&f->in);
        s->len = kind & 16 ? 100 : 0;
        break;
    default: /* DSACK: below the acknowledgement, or inside the second block */
        s->ack = kind & 16 ? flow->acked : s->ack;
        add_sacks(f, flow, s);
        duplicate(f, flow, s, (kind & 32) != 0);
        break;
    }
}

/* One field becomes something else. */
static void bend(struct fuzz *f, struct model_segment *s)
{
    uint8_t how = fuzz_u8(&f->in);
    uint32_t value = (uint32_t)fuzz_u16(&f->in) << ((how & 64) ? 16 : 0);
    uint32_t delta = (how & 128) ? 0 - value : value;
    switch (how & 7) {
    case 0:
        s->seq += delta;
        break;
    case 1:
        s->ack += delta;
        break;
    case 2:
        s->flags ^= (uint8_t)value;
        break;
    case 3:
        s->window = (uint16_t)value;
        break;
    case 4:
        s->options.ts_val += delta;
        s->options.timestamps = true;
        break;
    case 5:
        s->options.ts_ecr += delta;
        s->options.timestamps = !(how & 32);
        break;
    case 6:
        s->len = (uint16_t)value;
        break;
    default:
        s->options.sacks = 1 + (how >> 6);
        s->options.sack[how >> 6][how >> 5 & 1] += delta;
        break;
    }
}

static void peer_sends(struct fuzz *f, bool bent)
{
    struct model_flow *flow = pick_flow(f);
    struct model_segment s;
    if (flow == NULL) {
        return;
    }
    model_next(&f->model, flow, &s);
    shape(f, flow, &s);
    uint8_t times = 1;
    if (bent) {
        bend(f, &s);
    } else if (s.len == 0 && !(s.flags & (TCP_SYN | TCP_FIN | TCP_RST))) {
        times += fuzz_u8(&f->in) % 4; /* duplicate ACKs come in numbers */
    }
    while (times-- > 0) {
        feed_segment(f, flow, &s);
    }
}

static void give_batch(struct fuzz *f)
{
    uint32_t sent = f->model.sent;
    net_input_batch(f->net, f->batch, f->batched, f->model.now_ns);
    assert(f->model.sent - sent <= ANSWERS_MAX);
    tcp_check_invariants(f->net);
    f->gathers = false;
    f->batched = 0;
}

/* The next data in segments that come at once, one of them bent or not. */
static void peer_sends_run(struct fuzz *f, uint32_t count, bool bent)
{
    struct model_flow *flow = pick_flow(f);
    struct model_segment s;
    if (flow == NULL) {
        return;
    }
    uint16_t len = payload_len(f);
    uint32_t which = bent ? fuzz_u8(&f->in) % count : count;
    assert(count <= BATCH_MAX);
    f->gathers = true;
    for (uint32_t i = 0; i < count; i++) {
        model_next(&f->model, flow, &s);
        s.len = len;
        if (i == which) {
            bend(f, &s);
        }
        feed_segment(f, flow, &s);
    }
    give_batch(f);
}

/* A router, or somebody who would like to pass for one, complains about the stack's last packet. */
static void icmp_error(struct fuzz *f)
{
    uint8_t m[IPV4_HEADER_BYTES + 8 + MODEL_PACKET_BYTES];
    uint8_t kind = fuzz_u8(&f->in);
    size_t quoted = min_size(f->model.last_len, kind & 64 ? 28 : 120);
    uint8_t *icmp = m + IPV4_HEADER_BYTES;
    if (f->model.last_len < 28) {
        return;
    }
    memset(m, 0, IPV4_HEADER_BYTES + 8);
    icmp[0] = kind & 32 ? ICMP_TIME_EXCEEDED : ICMP_UNREACHABLE;
    icmp[1] = kind & 15;
    store_be16(icmp + 6, (kind & 15) == ICMP_UNREACHABLE_FRAG_NEEDED ? fuzz_u16(&f->in) : 0);
    memcpy(icmp + 8, f->model.last, quoted);
    if (kind & 128) { /* a guessed sequence number */
        store_be32(icmp + 8 + IPV4_HEADER_BYTES + 4, (uint32_t)fuzz_u16(&f->in) << 16);
    }
    store_be16(icmp + 2, csum_finish(csum_add(0, icmp, 8 + quoted)));
    m[0] = 0x45;
    store_be16(m + 2, (uint16_t)(IPV4_HEADER_BYTES + 8 + quoted));
    m[8] = IPV4_TTL;
    m[9] = IP_PROTO_ICMP;
    store_be32(m + 12, MODEL_PEER_ADDRESS);
    store_be32(m + 16, MODEL_OUR_ADDRESS);
    store_be16(m + 10, csum_finish(csum_add(0, m, IPV4_HEADER_BYTES)));
    feed(f, m, IPV4_HEADER_BYTES + 8 + quoted, false);
}

static struct tcp_cb *cb_of(struct fuzz *f, int fd)
{
    int err;
    return sock_find(f->net, fd, &err)->tcp;
}

static void call_send(struct fuzz *f)
{
    static uint8_t buf[CALL_BYTES];
    int *fd = pick_fd(f, true);
    if (fd == NULL) {
        return;
    }
    const struct tcp_cb *t = cb_of(f, *fd);
    uint32_t seq =
        snd_last(t) != NULL ? tx_note(snd_last(t))->seq + tx_note(snd_last(t))->len : snd_nxt(t);
    uint8_t how = fuzz_u8(&f->in);
    size_t len = how & 2 ? fuzz_u16(&f->in) % CALL_BYTES : (size_t)(how >> 2) * 100;
    model_fill(buf, seq, len);
    ptrdiff_t n =
        sock_send(f->net, *fd, buf, len, how & 1 ? SOCK_MSG_MORE : 0, NULL, f->model.now_ns);
    assert(n <= (ptrdiff_t)len && n != -EBADF);
}

static void call_recv(struct fuzz *f)
{
    static uint8_t buf[CALL_BYTES];
    int *fd = pick_fd(f, true);
    if (fd == NULL) {
        return;
    }
    const struct tcp_cb *t = cb_of(f, *fd);
    uint32_t seq = rcv_nxt(t) - (uint32_t)tcp_readable_bytes(t) - (fin_received(t) ? 1 : 0);
    uint8_t how = fuzz_u8(&f->in);
    size_t len = how & 2 ? CALL_BYTES : how;
    ptrdiff_t n =
        sock_recv(f->net, *fd, buf, len, how & 1 ? SOCK_MSG_PEEK : 0, NULL, f->model.now_ns);
    assert(n <= (ptrdiff_t)len && n != -EBADF);
    assert(n < 0 || model_matches(buf, seq, (size_t)n));
}

static void call_open(struct fuzz *f)
{
    int *fd = pick_fd(f, false);
    uint8_t how = fuzz_u8(&f->in);
    int got;
    if (fd == NULL) {
        return;
    }
    if (how % 4 != 0) {
        got = sock_accept(f->net, f->listener, NULL, f->model.now_ns);
    } else {
        struct sock_addr to = {.addr = MODEL_PEER_ADDRESS, .port = (uint16_t)(5000 + how / 64)};
        got = sock_open(f->net, SOCK_TYPE_TCP, f->model.now_ns);
        if (got > 0) {
            (void)sock_connect(f->net, got, &to, f->model.now_ns);
        }
    }
    *fd = got > 0 ? got : 0;
}

static void call_end(struct fuzz *f)
{
    int *fd = pick_fd(f, true);
    uint8_t how = fuzz_u8(&f->in);
    if (fd == NULL) {
        return;
    }
    if (how % 3 != 0) {
        (void)sock_shutdown(f->net, *fd, how % 3, f->model.now_ns);
        return;
    }
    if (how & 4) {
        (void)sock_set_opt(f->net, *fd, SOCK_OPT_LINGER_S, 0, f->model.now_ns);
    }
    (void)sock_close(f->net, *fd, f->model.now_ns);
    *fd = 0;
}

static void call_other(struct fuzz *f)
{
    int *fd = pick_fd(f, true);
    uint8_t how = fuzz_u8(&f->in);
    int64_t value = fuzz_u16(&f->in);
    int64_t got;
    if (fd == NULL) {
        return;
    }
    (void)sock_ready(f->net, *fd);
    (void)sock_readable(f->net, *fd);
    (void)sock_get_opt(f->net, *fd, (enum sock_opt)(how & 31), &got);
    if (how & 128) {
        (void)sock_set_opt(f->net, *fd, (enum sock_opt)(how & 31), value, f->model.now_ns);
    }
}

static void pass_time(struct fuzz *f)
{
    uint8_t how = fuzz_u8(&f->in);
    uint64_t next_ns = net_poll(f->net, f->model.now_ns);
    uint64_t step_ns = (uint64_t)(how & 3) * NS_PER_MS * ((how & 32) ? 20 : 1);
    if (how & 128) {
        step_ns = (uint64_t)fuzz_u16(&f->in) * NS_PER_MS;
    } else if ((how & 64) && next_ns != DEADLINE_NONE) {
        step_ns = max_u64(next_ns, f->model.now_ns) - f->model.now_ns;
    }
    f->hold = (how & 16) != 0;
    if (!f->hold) {
        let_go(f);
    }
    f->model.now_ns += step_ns;
    (void)net_poll(f->net, f->model.now_ns);
}

static void step(struct fuzz *f)
{
    uint8_t what = fuzz_u8(&f->in);
    static void (*const others[])(struct fuzz *) = {
        open_passive, call_send, call_recv,  call_open, call_end,
        call_other,   pass_time, icmp_error, call_send, forget_flow,
    };
    if ((what & 15) < 6 && (what & 16) != 0) {
        peer_sends_run(f, 2 + (what >> 5), (what & 15) == 5);
        return;
    }
    if ((what & 15) < 6) {
        peer_sends(f, (what & 15) == 5);
        return; /* the invariants were looked at after each segment */
    }
    others[(what & 15) - 6](f);
    tcp_check_invariants(f->net);
}

static void configure(struct fuzz *f, struct net_config *cfg)
{
    uint8_t shape = fuzz_u8(&f->in);
    *cfg = (struct net_config){
        .link = NET_LINK_IP,
        .mtu = 1500,
        .ip = {.address = MODEL_OUR_ADDRESS, .prefix_bits = 24},
        .tx_pool = &f->tx,
        .tx_reserve = 8,
        .output = output,
        .arg = f,
        .tcp_isn_fixed = true,
        .tcp_isn = 0u - fuzz_u16(&f->in),
        .tcp_ts_fixed = true,
        .tcp_ts_start = 0u - fuzz_u16(&f->in),
        .tcp_off = (shape & 128) ? fuzz_u16(&f->in) : 0,
        .tcp_ecn = (shape & 64) != 0,
    };
    net_limits_default(&cfg->limits, 0);
    cfg->limits.tcp_connections = 6;
    cfg->limits.tcp_half_open = 3;
    cfg->limits.tcp_time_wait = 2;
    cfg->limits.sockets = SOCKETS;
    cfg->limits.tcp_rcvbuf_bytes = 2048u << (shape & 7);
    cfg->limits.tcp_sndbuf_bytes = 4096u << (shape >> 3 & 7);
    f->model.ts_start = 0u - (uint32_t)(fuzz_u8(&f->in) * 16);
}

static void begin(struct fuzz *f)
{
    static void *memory;
    struct net_config cfg;
    struct arena a;
    if (memory == NULL) {
        memory = aligned_alloc(4096, MEMORY_BYTES);
    }
    arena_init(&a, memory, MEMORY_BYTES);
    configure(f, &cfg);
    enum status st = pkt_pool_init(&f->rx, &a, "rx", PACKETS, NULL);
    assert(st == STATUS_OK);
    st = pkt_pool_init(&f->tx, &a, "tx", PACKETS, NULL);
    assert(st == STATUS_OK);
    st = net_create(&f->net, &a, &cfg, f->model.now_ns);
    assert(st == STATUS_OK);
    net_set_link(f->net, true, f->model.now_ns);
    struct sock_addr any = {.port = LISTEN_PORT};
    f->listener = sock_open(f->net, SOCK_TYPE_TCP, f->model.now_ns);
    assert(f->listener > 0);
    int err = sock_bind(f->net, f->listener, &any, f->model.now_ns);
    assert(err == 0);
    err = sock_listen(f->net, f->listener, 3, f->model.now_ns);
    assert(err == 0);
}

/* Everything is closed and an hour passes without a word of the peer's. */
static void end(struct fuzz *f)
{
    f->hold = false;
    let_go(f);
    for (size_t i = 0; i < FDS_MAX; i++) {
        if (f->fds[i] != 0) {
            (void)sock_close(f->net, f->fds[i], f->model.now_ns);
        }
    }
    (void)sock_close(f->net, f->listener, f->model.now_ns);
    for (unsigned i = 0; i < QUIET_S; i++) {
        if (connections_of(f->net) + time_waits_of(f->net) + half_opens_of(f->net) == 0) {
            break;
        }
        f->model.now_ns += NS_PER_S;
        (void)net_poll(f->net, f->model.now_ns);
    }
    assert(connections_of(f->net) == 0 && time_waits_of(f->net) == 0 && half_opens_of(f->net) == 0);
    assert(orphans_of(f->net) == 0 && f->net->socks.socks.used == 0);
    assert(f->rx.used == 0 && f->tx.used == 0);
    net_destroy(f->net);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct fuzz f;
    f = (struct fuzz){.in = {.data = bytes, .size = len}, .model = {.now_ns = NS_PER_S}};
    begin(&f);
    for (unsigned i = 0; f.in.size > 0 && i < STEPS_MAX; i++) {
        step(&f);
    }
    end(&f);
    return 0;
}
