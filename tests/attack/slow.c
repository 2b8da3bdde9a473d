/*
 * Thousands of clients that hold on to what they get: each kind is a way to keep a connection while
 * giving the server nothing to do with it. They are a few bytes of state here, not sockets, so they
 * cost the target more than us. A client that the target throws out comes back a second later.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/attack/frames.h"

enum {
    CLIENTS_MAX = 65536,
    RETRY_NS = 1000 * 1000 * 1000,
    DRIP_NS = 1000 * 1000 * 1000,
    TICK_NS = 5 * 1000 * 1000, /* between looks at who is due */
    CLEAR_MS = 500,            /* for what the target still says when all have gone */
    FIRST_PORT = 1024,
    GENERATIONS = 60000,
    WINDOW_OPEN = 65535,
};

#define NETWORK     (10u << 24 | 77u << 16)
#define PATIENCE_NS (UINT64_C(60) * 1000 * 1000 * 1000) /* with those who do not get in */
#define GET(path)   "GET " path " HTTP/1.1\r\nHost: a\r\n"

/* What a client of a kind does. */
static const struct kind {
    const char *name;
    const char *request; /* sent with the end of the handshake; NULL: nothing */
    bool sends_fin;      /* behind the request */
    bool drips;          /* a byte of a header field each second */
    bool dawdles;        /* acknowledges what came once a second */
    bool acks_nothing;   /* of what comes after the handshake */
    uint16_t window;     /* 0 and 1: so much of what comes is taken from each segment */
    uint16_t syn_window;
} kinds[] = {
    {.name = "silent", .window = WINDOW_OPEN, .syn_window = WINDOW_OPEN},
    {.name = "header",
     .request = GET("/healthz") "A: b",
     .window = WINDOW_OPEN,
     .syn_window = WINDOW_OPEN},
    {.name = "drip",
     .request = GET("/healthz") "A: ",
     .drips = true,
     .window = WINDOW_OPEN,
     .syn_window = WINDOW_OPEN},
    {.name = "zero", .request = GET("/bytes/1000000") "\r\n"},
    /* Takes a window's worth at first, as sockstress does: the response is begun. */
    {.name = "stop", .request = GET("/bytes/1000000") "\r\n", .syn_window = 2048},
    {.name = "one",
     .request = GET("/bytes/1000000") "\r\n",
     .dawdles = true,
     .window = 1,
     .syn_window = 1},
    /* Never says FIN: the server is left in FIN-WAIT-2. */
    {.name = "half",
     .request = GET("/healthz") "Connection: close\r\n\r\n",
     .window = WINDOW_OPEN,
     .syn_window = WINDOW_OPEN},
    /* Says FIN, and never acknowledges the server's: LAST-ACK. */
    {.name = "last",
     .request = GET("/healthz") "\r\n",
     .sends_fin = true,
     .acks_nothing = true,
     .window = WINDOW_OPEN,
     .syn_window = WINDOW_OPEN},
};

enum state {
    IDLE,
    SYN_SENT,
    OPEN,
};

struct client {
    uint8_t state;
    bool owes_ack;
    uint16_t generation; /* says its port */
    uint32_t snd_nxt;
    uint32_t rcv_nxt;
    uint64_t due_ns;
};

struct attack {
    struct target t;
    const struct kind *kind;
    struct client *clients;
    uint32_t count;
    uint32_t open_now;
    uint64_t seed;
    uint64_t opens_per_s;
    uint64_t start_ns;
    uint64_t begun;
    uint64_t opened, resets, closed, retries;
};

static void send_from(struct attack *a, uint32_t i, uint8_t flags, const char *data, size_t len)
{
    struct client *c = &a->clients[i];
    struct segment s = {
        .source = NETWORK + i,
        .source_port = (uint16_t)(FIRST_PORT + c->generation),
        .seq = c->snd_nxt,
        .ack = (flags & TCP_ACK) != 0 ? c->rcv_nxt : 0,
        .flags = flags,
        .window = (flags & TCP_SYN) != 0 ? a->kind->syn_window : a->kind->window,
        .data = data,
        .data_len = len,
    };
    target_send(&a->t, &s);
    c->snd_nxt += (uint32_t)len + ((flags & (TCP_SYN | TCP_FIN)) != 0);
}

static void begin(struct attack *a, uint32_t i, uint64_t now)
{
    struct client *c = &a->clients[i];
    a->retries += c->state == SYN_SENT;
    c->generation = (uint16_t)((c->generation + 1) % GENERATIONS);
    c->snd_nxt = (uint32_t)random_next(&a->seed);
    c->state = SYN_SENT;
    c->owes_ack = false;
    c->due_ns = now + RETRY_NS;
    send_from(a, i, TCP_SYN, NULL, 0);
}

static void leave(struct attack *a, uint32_t i)
{
    a->open_now -= a->clients[i].state == OPEN;
    a->clients[i].state = IDLE;
    a->clients[i].due_ns = clock_ns() + RETRY_NS;
}

static void complete(struct attack *a, uint32_t i, const struct answer *in)
{
    struct client *c = &a->clients[i];
    if (in->ack != c->snd_nxt) {
        return;
    }
    c->rcv_nxt = in->seq + 1;
    c->state = OPEN;
    c->due_ns = clock_ns() + DRIP_NS;
    a->opened++;
    a->open_now++;
    const char *request = a->kind->request != NULL ? a->kind->request : "";
    uint8_t flags = TCP_ACK | (*request != '\0' ? TCP_PSH : 0) | (a->kind->sends_fin ? TCP_FIN : 0);
    send_from(a, i, flags, request, strlen(request));
}

/* How much of what came a client of this kind takes. */
static uint32_t taken(const struct attack *a, const struct client *c, const struct answer *in)
{
    uint32_t len = (uint32_t)in->data_len + ((in->flags & TCP_FIN) != 0);
    if (in->seq != c->rcv_nxt) {
        return 0;
    }
    uint32_t window = a->kind->window;
    return len < window ? len : window;
}

static void hear(struct attack *a, uint32_t i, const struct answer *in)
{
    struct client *c = &a->clients[i];
    bool is_fin = (in->flags & TCP_FIN) != 0;
    if (a->kind->acks_nothing || (in->data_len == 0 && !is_fin)) {
        /* A probe with an old sequence number is to be answered, as any live peer would. */
        if (in->seq == c->rcv_nxt || a->kind->acks_nothing) {
            return;
        }
    }
    c->rcv_nxt += taken(a, c, in);
    if (a->kind->dawdles && !is_fin) {
        c->owes_ack = true;
        return;
    }
    bool is_over = is_fin && in->seq + (uint32_t)in->data_len + 1 == c->rcv_nxt;
    if (is_over && strcmp(a->kind->name, "half") != 0) {
        send_from(a, i, TCP_ACK | TCP_FIN, NULL, 0);
        a->closed++;
        leave(a, i);
    } else {
        send_from(a, i, TCP_ACK, NULL, 0);
    }
}

static void take(void *ctx, const struct answer *in)
{
    struct attack *a = ctx;
    uint32_t i = in->destination - NETWORK;
    if (i >= a->count) {
        return;
    }
    struct client *c = &a->clients[i];
    if (c->state == IDLE || in->destination_port != FIRST_PORT + c->generation) {
        return;
    }
    if ((in->flags & TCP_RST) != 0) {
        a->resets++;
        leave(a, i);
    } else if ((in->flags & TCP_SYN) == 0) {
        if (c->state == OPEN) {
            hear(a, i, in);
        }
    } else if (c->state == SYN_SENT) {
        complete(a, i, in);
    } else {
        send_from(a, i, TCP_ACK, NULL, 0); /* the end of the handshake was lost */
    }
}

static void tick(struct attack *a)
{
    uint64_t now = clock_ns();
    for (uint32_t i = 0; i < a->count; i++) {
        struct client *c = &a->clients[i];
        if (now < c->due_ns) {
            continue;
        }
        if (c->state != OPEN) {
            if (a->begun >= (now - a->start_ns) / 1000 * a->opens_per_s / 1000000) {
                continue; /* it is a crowd, not a flood */
            }
            a->begun++;
            begin(a, i, now);
        } else if (a->kind->drips) {
            send_from(a, i, TCP_ACK | TCP_PSH, "x", 1);
            c->due_ns = now + DRIP_NS;
        } else if (c->owes_ack) {
            c->owes_ack = false;
            send_from(a, i, TCP_ACK, NULL, 0);
            c->due_ns = now + DRIP_NS;
        }
        target_keep_pace(&a->t, take, a);
    }
}

/* So long as is asked for, and until as many have got in as there are clients: how soon that is
 * depends on the target and its host. */
static void run(struct attack *a, uint64_t seconds)
{
    a->start_ns = clock_ns();
    uint64_t end = a->start_ns + seconds * 1000000000u;
    uint64_t latest = end + PATIENCE_NS;
    uint64_t next_tick = 0;
    for (uint64_t now = clock_ns(); now < end || (a->opened < a->count && now < latest);
         now = clock_ns()) {
        if (now >= next_tick) {
            tick(a);
            next_tick = clock_ns() + TICK_NS;
        }
        struct answer in;
        if (target_receive(&a->t, &in, 1)) {
            take(a, &in);
        }
        target_keep_pace(&a->t, take, a);
    }
}

/* A connection that the target still answers once the crowd is gone: a request was lost on the way,
 * so the RST was not the number expected (RFC 5961 3.2). This one is: the acknowledgement says
 * which. */
static void take_leftover(void *ctx, const struct answer *in)
{
    struct attack *a = ctx;
    if (in->destination - NETWORK >= a->count || (in->flags & (TCP_RST | TCP_ACK)) != TCP_ACK) {
        return;
    }
    struct segment s = {
        .source = in->destination,
        .source_port = in->destination_port,
        .seq = in->ack,
        .flags = TCP_RST,
    };
    target_send(&a->t, &s);
}

/* A RST from each that is left, so that the next attack finds the target as it was. */
static void clear(struct attack *a)
{
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->clients[i].state != IDLE) {
            a->clients[i].state = IDLE;
            send_from(a, i, TCP_RST | TCP_ACK, NULL, 0);
            target_keep_pace(&a->t, take_leftover, a);
        }
    }
    target_settle(&a->t, CLEAR_MS, take_leftover, a);
}

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct attack a = {.seed = 1};
    if (argc == 9 && (a.kind = find_kind(argv[5])) == NULL) {
        fprintf(stderr, "slow: %s: no such kind\n", argv[5]);
    }
    if (a.kind == NULL) {
        fprintf(stderr,
                "usage: slow INTERFACE MAC IP PORT KIND CLIENTS SECONDS OPENS_PER_S\nkinds:");
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
            fprintf(stderr, " %s", kinds[i].name);
        }
        fprintf(stderr, "\n");
        return 2;
    }
    a.count = (uint32_t)number_or_die(argv[6], 1, CLIENTS_MAX);
    uint64_t seconds = number_or_die(argv[7], 1, 86400);
    a.opens_per_s = number_or_die(argv[8], 1, 1000 * 1000);
    target_open(&a.t, argv);
    a.clients = calloc(a.count, sizeof(*a.clients));
    if (a.clients == NULL) {
        return 1;
    }
    a.seed = clock_ns(); /* ports and numbers of an earlier run may still be in TIME-WAIT */
    for (uint32_t i = 0; i < a.count; i++) {
        a.clients[i].generation = (uint16_t)(a.seed % GENERATIONS);
    }
    run(&a, seconds);
    printf("opened %llu open_now %u resets %llu closed %llu retries %llu fences_lost %llu\n",
           (unsigned long long)a.opened, a.open_now, (unsigned long long)a.resets,
           (unsigned long long)a.closed, (unsigned long long)a.retries,
           (unsigned long long)a.t.fences_lost);
    clear(&a);
    free(a.clients);
    return 0;
}
