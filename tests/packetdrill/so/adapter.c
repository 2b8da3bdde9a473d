/*
 * build/packetdrill.so: our stack for packetdrill. Makes the stack and the table; see adapter.h.
 */
#include "tests/packetdrill/so/adapter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/bytes.h"

enum {
    MEMORY_BYTES = 64 * 1024 * 1024,
    BUDGET_BYTES = 16 * 1024 * 1024,
    TX_RESERVE = 64,
    EXIT_BAD_FLAGS = 2,
};

enum {
    IP_BYTES = 20,
    TCP_FLAGS_AT = 13,
    TCP_CHECKSUM_AT = 16,
    TCP_PSH_BIT = 8,
    PROTO_TCP = 6,
};

/* Takes PSH out of a TCP segment and keeps its checksum right (RFC 1624 3: HC' = HC + m for a bit
 * that leaves the sum, in one's complement). */
static void clear_psh(struct pkt *p)
{
    uint8_t *tcp = p->data + IP_BYTES;
    bool is_tcp = pkt_len(p) > IP_BYTES + TCP_CHECKSUM_AT + 1 && p->data[9] == PROTO_TCP;
    if (is_tcp && (tcp[TCP_FLAGS_AT] & TCP_PSH_BIT)) {
        uint32_t sum = load_be16(tcp + TCP_CHECKSUM_AT) + (uint32_t)TCP_PSH_BIT;
        tcp[TCP_FLAGS_AT] &= (uint8_t)~TCP_PSH_BIT;
        store_be16(tcp + TCP_CHECKSUM_AT, (uint16_t)((sum & 0xffff) + (sum >> 16)));
    }
}

static void push_out(struct pd *pd, struct pkt *p)
{
    if (pd->merging && pd_is_bare_ack(p->data, pkt_len(p))) {
        if (pd->merged_ack != NULL) {
            pkt_put(pd->merged_ack);
        }
        pd->merged_ack = p;
        return;
    }
    pkt_queue_push(&pd->out, p);
}

static void on_output(void *arg, struct pkt *p)
{
    struct pd *pd = arg;
    /* A copy: the sender may retain the packet and send it again while it waits to be fetched. */
    struct pkt *copy = pkt_alloc(&pd->rx, 0);
    if (copy != NULL) {
        memcpy(pkt_append(copy, pkt_len(p)), p->data, pkt_len(p));
        copy->cb[0] = pd->now_ns;
        if (pd->flags.no_psh) {
            clear_psh(copy);
        }
        push_out(pd, copy);
    }
    pkt_put(p);
}

static void configure(const struct pd_flags *f, struct net_config *cfg)
{
    struct net_limits *l = &cfg->limits;
    *cfg = (struct net_config){
        .link = NET_LINK_IP,
        .mtu = f->mtu,
        .ip = {.mode = NET_ADDRESS_STATIC, .address = f->address, .prefix_bits = f->prefix_bits},
        .tx_reserve = TX_RESERVE,
        .tcp_initial_window = f->initial_window,
        .tcp_isn_fixed = f->isn_fixed,
        .tcp_isn = f->isn,
        .tcp_off = f->off,
        .tcp_ecn = f->ecn,
        .tcp_congestion = f->congestion[0] != '\0' ? f->congestion : NULL,
    };
    /* A gateway that is a neighbour, so that every peer can be reached. */
    cfg->ip.gateway = f->address ^ 2;
    memset(cfg->seed, 1, sizeof(cfg->seed));
    net_limits_default(l, BUDGET_BYTES);
    l->tcp_rcvbuf_bytes = f->rcvbuf != 0 ? f->rcvbuf : l->tcp_rcvbuf_bytes;
    l->tcp_sndbuf_bytes = f->sndbuf != 0 ? f->sndbuf : l->tcp_sndbuf_bytes;
    if (f->wscale >= 0) {
        l->tcp_rcvbuf_max_bytes = UINT32_C(65535) << f->wscale;
    }
}

static void make_stack(struct pd *pd, struct net_config *cfg)
{
    struct arena a;
    arena_init(&a, pd->memory, MEMORY_BYTES);
    enum status st = pkt_pool_init(&pd->rx, &a, "rx", PD_POOL_PACKETS, NULL);
    assert(st == STATUS_OK);
    st = pkt_pool_init(&pd->tx, &a, "tx", PD_POOL_PACKETS, NULL);
    assert(st == STATUS_OK);
    cfg->tx_pool = &pd->tx;
    cfg->output = on_output;
    cfg->arg = pd;
    st = net_create(&pd->net, &a, cfg, pd->now_ns);
    if (st != STATUS_OK) {
        fprintf(stderr, "so_flags: the stack refuses this configuration (status %d)\n", st);
        exit(EXIT_BAD_FLAGS);
    }
    net_set_link(pd->net, true, pd->now_ns);
}

static void pd_free(void *u)
{
    struct pd *pd = u;
    pd_info_end();
    /* Tokens still open are the caller's to close: it may have done so already. */
    net_destroy(pd->net);
    pkt_queue_drain(&pd->out);
    assert(pd->rx.used == 0 && pd->tx.used == 0);
    pthread_mutex_destroy(&pd->lock);
    pthread_cond_destroy(&pd->ended);
    free(pd->memory);
    free(pd);
}

int pd_sock(const struct pd *pd, int fd)
{
    return fd >= 0 && fd < PD_FDS_MAX ? pd->fds[fd].sock : -1;
}

__attribute__((visibility("default"))) void packetdrill_interface_init(const char *flags,
                                                                       struct pd_table *table)
{
    struct pd_flags f;
    struct net_config cfg;
    char why[512];
    if (!pd_flags_parse(flags != NULL ? flags : "", &f, why, sizeof(why))) {
        fprintf(stderr, "%s\n", why);
        exit(EXIT_BAD_FLAGS);
    }
    struct pd *pd = calloc(1, sizeof(*pd));
    assert(pd != NULL);
    pd->memory = aligned_alloc(4096, MEMORY_BYTES);
    assert(pd->memory != NULL);
    pthread_mutex_init(&pd->lock, NULL);
    pthread_cond_init(&pd->ended, NULL);
    pd->main_thread = pthread_self();
    pd->now_ns = NS_PER_S;
    for (int fd = 0; fd < PD_FDS_MAX; fd++) {
        pd->fds[fd].sock = -1;
    }
    pd->flags = f;
    configure(&pd->flags, &cfg); /* keeps a pointer to the algorithm's name */
    make_stack(pd, &cfg);
    *table = (struct pd_table){.userdata = pd, .free = pd_free};
    pd_fill_time(table);
    pd_fill_calls(table);
    pd_fill_io(table);
    pd_fill_options(table);
    pd_info_begin(pd, table);
}
