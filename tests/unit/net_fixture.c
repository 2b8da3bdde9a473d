/*
 * A stack for tests: see net_fixture.h.
 */
#include "tests/unit/net_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/bytes.h"
#include "net/link/arp.h"
#include "net/wire/csum.h"
#include "net/wire/ipv4.h"

const uint8_t fixture_mac[6] = {2, 0, 0, 0, 0, 1};
const uint8_t fixture_peer[6] = {2, 0, 0, 0, 0, 2};
const uint8_t fixture_other[6] = {2, 0, 0, 0, 0, 3};
const uint8_t fixture_all[6] = {255, 255, 255, 255, 255, 255};

enum {
    FIXTURE_MEMORY_BYTES = 8 * 1024 * 1024,
};

/* The last memory given back: a fuzzer makes thousands of stacks, and fresh pages cost most of the
 * time that each takes. */
static void *spare_memory;

static void *memory_take(void)
{
    void *memory = spare_memory;
    spare_memory = NULL;
    if (memory == NULL) {
        memory = aligned_alloc(4096, FIXTURE_MEMORY_BYTES);
    }
    assert(memory != NULL);
    return memory;
}

static void memory_put(void *memory)
{
    free(spare_memory);
    spare_memory = memory;
}

static void fixture_output(void *arg, struct pkt *p)
{
    struct net_fixture *f = arg;
    /* A packet that its sender retains is copied: its next and data are free again at once, as
     * they are once a device has sent it. */
    struct pkt *q = pkt_alloc(&f->rx, 0);
    assert(q != NULL);
    memcpy(pkt_append(q, pkt_len(p)), p->data, pkt_len(p));
    pkt_put(p);
    pkt_queue_push(&f->out, q);
}

static void fixture_on_event(void *arg, const struct net_event *e)
{
    struct net_fixture *f = arg;
    if (f->event_count < FIXTURE_EVENTS_MAX) {
        f->events[f->event_count] = *e;
    }
    f->event_count++;
}

void fixture_config(struct net_config *cfg)
{
    *cfg = (struct net_config){
        .link = NET_LINK_ETHERNET,
        .mtu = 1500,
        .ip = {.mode = NET_ADDRESS_STATIC,
               .address = FIXTURE_ADDR,
               .prefix_bits = 24,
               .gateway = FIXTURE_GATEWAY},
        .tx_reserve = 16,
    };
    memcpy(cfg->mac, fixture_mac, sizeof(cfg->mac));
    for (size_t i = 0; i < sizeof(cfg->seed); i++) {
        cfg->seed[i] = (uint8_t)(i * 7 + 1);
    }
    net_limits_default(&cfg->limits, 0);
}

void fixture_start(struct net_fixture *f, const struct net_config *cfg)
{
    memset(f, 0, sizeof(*f));
    if (cfg != NULL) {
        f->cfg = *cfg;
    } else {
        fixture_config(&f->cfg);
    }
    f->now_ns = NS_PER_S;
    f->deadline_ns = DEADLINE_NONE;
    f->memory = memory_take();
    struct arena a;
    arena_init(&a, f->memory, FIXTURE_MEMORY_BYTES);
    enum status st = pkt_pool_init(&f->rx, &a, "rx", FIXTURE_RX_COUNT, NULL);
    assert(st == STATUS_OK);
    st = pkt_pool_init(&f->tx, &a, "tx", FIXTURE_TX_COUNT, NULL);
    assert(st == STATUS_OK);
    f->cfg.tx_pool = &f->tx;
    f->cfg.output = fixture_output;
    f->cfg.event = fixture_on_event;
    f->cfg.arg = f;
    st = net_create(&f->net, &a, &f->cfg, f->now_ns);
    assert(st == STATUS_OK);
}

void fixture_up(struct net_fixture *f)
{
    net_set_link(f->net, true, f->now_ns);
    if (f->cfg.ip.mode == NET_ADDRESS_STATIC && f->cfg.link == NET_LINK_ETHERNET) {
        fixture_advance(f, 10 * NS_PER_S);
        assert(net_address(f->net) == f->cfg.ip.address);
        (void)fixture_forget(f);
    }
}

void fixture_stop(struct net_fixture *f)
{
    net_destroy(f->net);
    (void)fixture_forget(f);
    assert(f->rx.used == 0);
    assert(f->tx.used == 0);
    memory_put(f->memory);
    f->net = NULL;
}

int fixture_setup(void **state)
{
    struct net_fixture *f = malloc(sizeof(*f));
    assert(f != NULL);
    fixture_start(f, NULL);
    fixture_up(f);
    *state = f;
    return 0;
}

int fixture_setup_met(void **state)
{
    (void)fixture_setup(state);
    fixture_know(*state, FIXTURE_PEER, fixture_peer);
    return 0;
}

int fixture_teardown(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

void ignore_ready(void *owner, uint32_t bits)
{
    (void)owner;
    (void)bits;
}

void fixture_advance(struct net_fixture *f, uint64_t ns)
{
    uint64_t end_ns = f->now_ns + ns;
    f->deadline_ns = net_poll(f->net, f->now_ns);
    while (f->deadline_ns <= end_ns) {
        f->now_ns = max_u64(f->now_ns, f->deadline_ns);
        f->deadline_ns = net_poll(f->net, f->now_ns);
    }
    f->now_ns = end_ns;
    f->deadline_ns = net_poll(f->net, f->now_ns);
}

void fixture_input(struct net_fixture *f, const struct frame *fr)
{
    struct pkt *p = pkt_alloc(&f->rx, 0);
    assert(p != NULL);
    if (fr->len > 0) {
        memcpy(pkt_append(p, fr->len), fr->bytes, fr->len);
    }
    if (f->gathers) {
        assert(f->batched < FIXTURE_BATCH_MAX);
        f->batch[f->batched++] = p;
    } else if (f->cfg.link == NET_LINK_ETHERNET) {
        net_input(f->net, p, f->now_ns);
    } else {
        net_input_ip(f->net, p, f->now_ns);
    }
}

void fixture_gather(struct net_fixture *f)
{
    assert(f->batched == 0);
    f->gathers = true;
}

void fixture_give(struct net_fixture *f)
{
    size_t count = f->batched;
    f->gathers = false;
    f->batched = 0;
    net_input_batch(f->net, f->batch, count, f->now_ns);
}

bool fixture_pop(struct net_fixture *f, struct frame *out)
{
    struct pkt *p = pkt_queue_pop(&f->out);
    if (p == NULL) {
        out->len = 0;
        return false;
    }
    out->len = pkt_len(p);
    memcpy(out->bytes, p->data, out->len);
    pkt_put(p);
    return true;
}

size_t fixture_forget(struct net_fixture *f)
{
    size_t count = f->out.count;
    pkt_queue_drain(&f->out);
    return count;
}

void fixture_know(struct net_fixture *f, uint32_t address, const uint8_t *mac)
{
    struct frame fr;
    struct frame_arp a = {
        .op = ARP_OP_REQUEST,
        .sender_mac = mac,
        .sender_ip = address,
        .target_ip = net_address(f->net),
    };
    uint32_t before = f->out.count;
    frame_arp(&fr, &a);
    fixture_input(f, &fr);
    assert(f->out.count > before);
    (void)fixture_forget(f);
}

uint64_t fixture_counter(const struct net_fixture *f, const char *name)
{
    const char *have;
    const char *help;
    uint64_t value;
    for (size_t i = 0; net_counter(f->net, i, &have, &help, &value); i++) {
        if (strcmp(have, name) == 0) {
            return value;
        }
    }
    assert(!"no such counter");
    return 0;
}

const struct net_event *fixture_event(const struct net_fixture *f, enum net_event_kind kind)
{
    for (size_t i = min_size(f->event_count, FIXTURE_EVENTS_MAX); i > 0; i--) {
        if (f->events[i - 1].kind == kind) {
            return &f->events[i - 1];
        }
    }
    return NULL;
}

void frame_put(struct frame *fr, const void *data, size_t len)
{
    assert(len <= sizeof(fr->bytes) - fr->len);
    if (len > 0) {
        memcpy(fr->bytes + fr->len, data, len);
    }
    fr->len += len;
}

void frame_eth(struct frame *fr, const uint8_t *dst, const uint8_t *src, uint16_t type)
{
    uint8_t be_type[2];
    store_be16(be_type, type);
    fr->len = 0;
    frame_put(fr, dst, 6);
    frame_put(fr, src, 6);
    frame_put(fr, be_type, sizeof(be_type));
}

void frame_arp(struct frame *fr, const struct frame_arp *a)
{
    static const uint8_t fixed[6] = {0, 1, 8, 0, 6, 4};
    static const uint8_t zero[6];
    uint8_t word[4];
    frame_eth(fr, a->eth_dst != NULL ? a->eth_dst : fixture_all, a->sender_mac, ETH_TYPE_ARP);
    frame_put(fr, fixed, sizeof(fixed));
    store_be16(word, a->op);
    frame_put(fr, word, 2);
    frame_put(fr, a->sender_mac, 6);
    store_be32(word, a->sender_ip);
    frame_put(fr, word, 4);
    frame_put(fr, a->target_mac != NULL ? a->target_mac : zero, 6);
    store_be32(word, a->target_ip);
    frame_put(fr, word, 4);
}

void frame_ip(struct frame *fr, const struct frame_ip *ip, const void *payload, size_t len)
{
    fr->len = 0;
    if (!ip->bare) {
        frame_eth(fr, ip->eth_dst != NULL ? ip->eth_dst : fixture_mac,
                  ip->eth_src != NULL ? ip->eth_src : fixture_peer, ETH_TYPE_IPV4);
    }
    size_t header_len = IPV4_HEADER_BYTES + ip->options_len;
    uint8_t h[60] = {0};
    h[0] = (uint8_t)(0x40 | header_len / 4);
    h[1] = ip->tos;
    store_be16(h + 2, (uint16_t)(header_len + len));
    store_be16(h + 4, ip->id);
    store_be16(h + 6, ip->frag);
    h[8] = 64;
    h[9] = ip->protocol;
    store_be32(h + 12, ip->src != 0 ? ip->src : FIXTURE_PEER);
    store_be32(h + 16, ip->dst != 0 ? ip->dst : FIXTURE_ADDR);
    if (ip->options_len > 0) {
        memcpy(h + IPV4_HEADER_BYTES, ip->options, ip->options_len);
    }
    store_be16(h + 10, csum_finish(csum_add(0, h, header_len)));
    frame_put(fr, h, header_len);
    frame_put(fr, payload, len);
}

void frame_udp(struct frame *fr, const struct frame_ip *ip, uint16_t sport, uint16_t dport,
               const void *payload, size_t len)
{
    uint8_t d[FRAME_MAX_BYTES];
    struct frame_ip head = *ip;
    head.protocol = IP_PROTO_UDP;
    head.src = ip->src != 0 ? ip->src : FIXTURE_PEER;
    head.dst = ip->dst != 0 ? ip->dst : FIXTURE_ADDR;
    uint16_t udp_len = (uint16_t)(8 + len);
    store_be16(d, sport);
    store_be16(d + 2, dport);
    store_be16(d + 4, udp_len);
    store_be16(d + 6, 0);
    if (len > 0) {
        memcpy(d + 8, payload, len);
    }
    uint32_t sum = csum_pseudo(head.src, head.dst, IP_PROTO_UDP, udp_len);
    uint16_t checksum = csum_finish(csum_add(sum, d, udp_len));
    store_be16(d + 6, checksum != 0 ? checksum : 0xffff);
    frame_ip(fr, &head, d, udp_len);
}

void frame_icmp(struct frame *fr, const struct frame_ip *ip, uint16_t type_code, uint32_t rest,
                const void *payload, size_t len)
{
    uint8_t m[FRAME_MAX_BYTES];
    struct frame_ip head = *ip;
    head.protocol = IP_PROTO_ICMP;
    store_be16(m, type_code);
    store_be16(m + 2, 0);
    store_be32(m + 4, rest);
    if (len > 0) {
        memcpy(m + 8, payload, len);
    }
    store_be16(m + 2, csum_finish(csum_add(0, m, 8 + len)));
    frame_ip(fr, &head, m, 8 + len);
}
