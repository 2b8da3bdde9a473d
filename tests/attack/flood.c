/*
 * A flood of SYNs, each from a random address and port, as fast as the target takes frames or at a
 * rate. With a port nobody listens on it shows what the same number of frames costs that leave
 * nothing behind.
 */
#include <stdio.h>

#include "tests/attack/frames.h"

struct counts {
    uint64_t syn_acks, resets, others;
};

/* Sources are in 10.128/9; answers to others are no concern of the flood's. */
static void count(void *ctx, const struct answer *a)
{
    struct counts *n = ctx;
    if (a->destination >> 23 != (10u << 24 | 1 << 23) >> 23) {
        return;
    }
    n->syn_acks += (a->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
    n->resets += (a->flags & TCP_RST) != 0;
    n->others += (a->flags & (TCP_SYN | TCP_RST)) == 0;
}

static void send_syn(struct target *t, uint64_t *seed)
{
    uint64_t r = random_next(seed);
    struct segment s = {
        .source = 10u << 24 | 1 << 23 | (r & 0x7fffff),
        .source_port = (uint16_t)(1024 + (r >> 24) % 64512),
        .seq = (uint32_t)(r >> 32),
        .flags = TCP_SYN,
        .window = 65535,
    };
    target_send(t, &s);
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr, "usage: flood INTERFACE MAC IP PORT COUNT SEED RATE\n"
                        "RATE in frames a second, 0: as fast as the target takes them\n");
        return 2;
    }
    struct target t;
    struct counts n = {0};
    uint64_t total = number_or_die(argv[5], 1, 100 * 1000 * 1000);
    uint64_t seed = number_or_die(argv[6], 0, UINT32_MAX);
    uint64_t rate = number_or_die(argv[7], 0, 10 * 1000 * 1000);
    target_open(&t, argv);
    uint64_t start = clock_ns();
    for (uint64_t i = 0; i < total; i++) {
        uint64_t due = rate == 0 ? 0 : start + i * 1000000000u / rate;
        while (clock_ns() < due) {
            target_settle(&t, 1, count, &n);
        }
        send_syn(&t, &seed);
        target_keep_pace(&t, count, &n);
    }
    double seconds = (double)(clock_ns() - start) / 1e9;
    target_settle(&t, FENCE_WAIT_MS, count, &n);
    printf("sent %llu seconds %.3f syn_acks %llu resets %llu others %llu fences_lost %llu\n",
           (unsigned long long)total, seconds, (unsigned long long)n.syn_acks,
           (unsigned long long)n.resets, (unsigned long long)n.others,
           (unsigned long long)t.fences_lost);
    return 0;
}
