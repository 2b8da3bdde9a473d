/*
 * Blind guesses into an established connection (RFC 5961): RSTs, SYNs, ACKs or data from its
 * client's address and port with sequence numbers that are wrong: random over the whole space, or
 * near, that is inside the window but not exact. Says how many of the connection's frames the
 * target answered with, and in how long.
 *
 * Near guesses need the numbers in use: they are read off the last segment that the target sent,
 * for which the program waits after it has said "ready".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/attack/frames.h"

enum {
    LEARN_WAIT_MS = 10000,
    SETTLE_MS = 200,
    WINDOW_BYTES = 60000,
    ACK_TOO_FAR = 1 << 24, /* beyond anything ever sent, whatever the buffers */
    DATA_BYTES = 32,
};

struct guess {
    struct target t;
    uint32_t client;
    uint16_t client_port;
    uint32_t rcv_nxt; /* of the target */
    uint32_t snd_nxt;
    uint64_t answers;
    uint64_t resets;
    uint8_t flags;
    bool is_near;
    size_t data_len;
};

static const struct kind {
    const char *name;
    uint8_t flags;
    size_t data_len;
} kinds[] = {
    {"rst", TCP_RST, 0},
    {"syn", TCP_SYN, 0},
    {"ack", TCP_ACK, 0},
    {"data", TCP_ACK | TCP_PSH, DATA_BYTES},
};

static void take(void *ctx, const struct answer *a)
{
    struct guess *g = ctx;
    if (a->destination == g->client && a->destination_port == g->client_port) {
        g->answers++;
        g->resets += (a->flags & TCP_RST) != 0;
    }
}

/* The connection is used while we listen; a moment after its last segment it rests. */
static bool learn(struct guess *g)
{
    bool is_known = false;
    struct answer a;
    uint64_t end = clock_ns() + LEARN_WAIT_MS * 1000000ull;
    while (clock_ns() < end) {
        if (!target_receive(&g->t, &a, SETTLE_MS)) {
            if (is_known) {
                return true;
            }
        } else if (a.destination == g->client && a.destination_port == g->client_port) {
            g->rcv_nxt = a.ack;
            g->snd_nxt = a.seq + (uint32_t)a.data_len;
            is_known = true;
        }
    }
    return false;
}

/*
 * Near: in the window but for its left edge, and with an acknowledgement of what was never sent, so
 * that no guess is by chance right. Far: any, but for a window on each side.
 */
static struct segment draw(struct guess *g, uint64_t *seed)
{
    static const char data[DATA_BYTES] = "GET /healthz HTTP/1.1\r\nX: y\r\n\r\n";
    uint64_t r = random_next(seed);
    uint32_t near = 1 + (uint32_t)r % WINDOW_BYTES;
    uint32_t far = ACK_TOO_FAR + (uint32_t)r % (UINT32_MAX - 2u * ACK_TOO_FAR);
    return (struct segment){
        .source = g->client,
        .source_port = g->client_port,
        .seq = g->rcv_nxt + (g->is_near ? near : far),
        .ack = g->snd_nxt + ACK_TOO_FAR + (uint32_t)(r >> 32) % (1u << 30),
        .flags = g->flags,
        .window = 65535,
        .data = data,
        .data_len = g->data_len,
    };
}

static bool set_kind(struct guess *g, const char *name, const char *where)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            g->flags = kinds[i].flags;
            g->data_len = kinds[i].data_len;
            g->is_near = strcmp(where, "near") == 0;
            return g->is_near || strcmp(where, "far") == 0;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    struct guess g = {0};
    if (argc != 11 || !set_kind(&g, argv[7], argv[8])) {
        fprintf(stderr, "usage: guess INTERFACE MAC IP PORT CLIENT_IP CLIENT_PORT rst|syn|ack|data"
                        " near|far COUNT SEED\n");
        return 2;
    }
    g.client = ipv4_or_die(argv[5]);
    g.client_port = (uint16_t)number_or_die(argv[6], 1, 65535);
    uint64_t total = number_or_die(argv[9], 1, 100 * 1000 * 1000);
    uint64_t seed = number_or_die(argv[10], 0, UINT32_MAX);
    target_open(&g.t, argv);
    printf("ready\n");
    fflush(stdout);
    if (!learn(&g)) {
        fprintf(stderr, "guess: nothing was heard of the connection\n");
        return 1;
    }
    uint64_t start = clock_ns();
    for (uint64_t i = 0; i < total; i++) {
        struct segment s = draw(&g, &seed);
        target_send(&g.t, &s);
        target_keep_pace(&g.t, take, &g);
    }
    target_settle(&g.t, SETTLE_MS, take, &g);
    printf("sent %llu seconds %.3f answers %llu resets %llu fences_lost %llu\n",
           (unsigned long long)total, (double)(clock_ns() - start) / 1e9,
           (unsigned long long)g.answers, (unsigned long long)g.resets,
           (unsigned long long)g.t.fences_lost);
    return 0;
}
