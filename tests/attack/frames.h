/*
 * What the attackers share: TCP segments as raw frames on an interface, from any source address,
 * and the target's answers to them. Sources stand in 10/8, which is nobody's here: the target
 * answers by way of its gateway, and the Linux at the other end drops what is not for it.
 *
 * A fence is an ICMP echo request. The target takes frames in their order, so with the reply all
 * that was sent before it has been dealt with: an attacker that keeps few fences out sends as fast
 * as the target takes frames, and no faster, else the queue in front of it overflows and its honest
 * clients lose frames that no stack has ever seen.
 */
#ifndef TESTS_ATTACK_FRAMES_H
#define TESTS_ATTACK_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TCP_FIN = 1,
    TCP_SYN = 2,
    TCP_RST = 4,
    TCP_PSH = 8,
    TCP_ACK = 16,
    OPTIONS_MAX_BYTES = 40,
    DATA_MAX_BYTES = 1400,
    FENCE_EVERY_FRAMES = 64,
    FENCES_OUT_MAX = 3,
    FENCE_WAIT_MS = 50,
};

struct target {
    int fd;
    uint8_t own_mac[6];
    uint8_t mac[6];
    uint32_t ip; /* host order, as all below */
    uint16_t port;
    uint32_t frames; /* sent since the last fence */
    uint32_t fences_out;
    uint64_t fences_lost;
};

struct segment {
    uint32_t source;
    uint16_t source_port;
    uint16_t port; /* of the target; 0: the one it was opened with */
    uint32_t seq;
    uint32_t ack;
    uint8_t flags;
    uint16_t window;
    const void *data;
    size_t data_len;
};

/* A TCP segment from the target. */
struct answer {
    uint32_t destination;
    uint16_t destination_port;
    uint16_t source_port;
    uint32_t seq;
    uint32_t ack;
    uint8_t flags;
    uint16_t window;
    size_t data_len;
};

/* From the command line: interface, the target's MAC and IP address, port. Ends when it cannot. */
void target_open(struct target *t, char **argv);

void target_send(struct target *t, const struct segment *s);

/*
 * The next segment from the target; false when none came in wait_ms, or a fence's reply came
 * instead.
 */
bool target_receive(struct target *t, struct answer *a, int wait_ms);

/*
 * To be called after each frame: sends a fence from time to time, and waits while the target is too
 * far behind. What comes meanwhile goes to take.
 */
typedef void take_fn(void *ctx, const struct answer *a);
void target_keep_pace(struct target *t, take_fn *take, void *ctx);

/* Takes what still comes, for so long. */
void target_settle(struct target *t, int ms, take_fn *take, void *ctx);

uint64_t clock_ns(void);
uint64_t random_next(uint64_t *state);

/* A number, an address in host order; else a message that names it, and exit status 2. */
uint64_t number_or_die(const char *text, uint64_t min, uint64_t max);
uint32_t ipv4_or_die(const char *text);

#endif
