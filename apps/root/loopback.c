/*
 * Frames are told by a number in them, from which all their bytes follow. A window of them is under
 * way, smaller than a ring. When nothing comes for a while what is under way counts as lost, and
 * the window moves on.
 */
#include "apps/root/loopback.h"

#include <string.h>

#include "kernel/bytes.h"
#include "kernel/time.h"

enum {
    SIZES_COUNT = NIC_FRAME_MAX_BYTES - NIC_FRAME_MIN_BYTES + 1,
    WINDOW_COUNT = 32,
    BATCH_COUNT = 16,
    STALL_US = 200 * US_PER_MS,
    LOOK_US = 5,
    PROBE_US = 100 * US_PER_MS,     /* between two first frames */
    PROBE_NUMBER = LOOPBACK_FRAMES, /* theirs: of no account when it comes late */

    TYPE_AT = 12,
    TYPE_EXPERIMENT = 0x88b5, /* IEEE 802a: for local experiments */
    NUMBER_AT = 14,
    PATTERN_AT = 18,
};
static_assert(LOOPBACK_FRAMES >= 2 * SIZES_COUNT, "every size, more than once");

struct loopback {
    struct nic *nic;
    struct pkt_pool *pool;
    struct loopback_result *result;
    bool probed;                           /* a first frame came back */
    uint32_t given_up;                     /* frames below this number are not waited for */
    uint32_t back;                         /* of those from given_up on, came back, good or not */
    uint8_t seen[LOOPBACK_FRAMES / 8 + 1]; /* a bit each */
};

/* Neighbours differ in size by more than a cache line, which shows where one ends in another. */
static size_t frame_bytes(uint32_t number)
{
    return NIC_FRAME_MIN_BYTES + number * 101 % SIZES_COUNT;
}

static uint8_t pattern(uint32_t number, size_t i)
{
    return (uint8_t)((number * UINT32_C(2654435761) + (uint32_t)i * UINT32_C(40503)) >> 9);
}

static void fill(const struct nic *nic, uint8_t *frame, size_t len, uint32_t number)
{
    memcpy(frame, nic->mac, sizeof(nic->mac));
    memcpy(frame + sizeof(nic->mac), nic->mac, sizeof(nic->mac));
    store_be16(frame + TYPE_AT, TYPE_EXPERIMENT);
    store_be32(frame + NUMBER_AT, number);
    for (size_t i = PATTERN_AT; i < len; i++) {
        frame[i] = pattern(number, i);
    }
}

static bool is_ours(const struct nic *nic, const uint8_t *frame, size_t len)
{
    return len >= PATTERN_AT && memcmp(frame + sizeof(nic->mac), nic->mac, sizeof(nic->mac)) == 0 &&
           load_be16(frame + TYPE_AT) == TYPE_EXPERIMENT;
}

static bool is_whole(const struct nic *nic, const uint8_t *frame, size_t len, uint32_t number)
{
    if (len != frame_bytes(number) || memcmp(frame, nic->mac, sizeof(nic->mac)) != 0) {
        return false;
    }
    for (size_t i = PATTERN_AT; i < len; i++) {
        if (frame[i] != pattern(number, i)) {
            return false;
        }
    }
    return true;
}

/* One frame that came in. */
static void judge(struct loopback *l, const uint8_t *frame, size_t len)
{
    struct loopback_result *r = l->result;
    if (!is_ours(l->nic, frame, len)) {
        r->foreign++;
        return;
    }
    uint32_t number = load_be32(frame + NUMBER_AT);
    if (number == PROBE_NUMBER) {
        l->probed = true;
    } else if (number >= r->sent) {
        r->corrupt++;
    } else if ((l->seen[number / 8] >> number % 8 & 1) != 0) {
        r->repeated++;
    } else {
        l->seen[number / 8] |= (uint8_t)(1 << number % 8);
        l->back += number >= l->given_up ? 1 : 0;
        bool whole = is_whole(l->nic, frame, len, number);
        r->good += whole ? 1 : 0;
        r->corrupt += whole ? 0 : 1;
    }
}

static bool send(struct loopback *l, uint32_t number)
{
    struct pkt *p = pkt_alloc(l->pool, 0);
    if (p == NULL) {
        return false;
    }
    size_t len = frame_bytes(number);
    fill(l->nic, pkt_append(p, len), len, number);
    if (l->nic->ops->tx(l->nic, &p, 1) != 1) {
        pkt_put(p);
        return false;
    }
    return true;
}

/* Whether anything came in. */
static bool receive(struct loopback *l)
{
    struct pkt *batch[BATCH_COUNT];
    size_t count = l->nic->ops->rx(l->nic, batch, BATCH_COUNT);
    for (size_t i = 0; i < count; i++) {
        judge(l, batch[i]->data, pkt_len(batch[i]));
        pkt_put(batch[i]);
    }
    (void)l->nic->ops->tx_reclaim(l->nic);
    return count > 0;
}

/* A PHY's loopback takes its time to settle, and an emulated receiver to begin. */
static bool probe(struct loopback *l)
{
    uint64_t end_ns = time_now_ns() + LOOPBACK_SETTLE_MS * (uint64_t)NS_PER_MS;
    while (!l->probed && time_now_ns() < end_ns) {
        (void)send(l, PROBE_NUMBER);
        l->nic->ops->tx_flush(l->nic);
        uint64_t next_ns = time_now_ns() + PROBE_US * NS_PER_US;
        while (!l->probed && time_now_ns() < next_ns) {
            if (!receive(l)) {
                time_delay_us(LOOK_US);
            }
        }
    }
    return l->probed;
}

/* As many as the window has room for; none leaves before the flush. */
static void send_window(struct loopback *l)
{
    struct loopback_result *r = l->result;
    bool any = false;
    while (r->sent < LOOPBACK_FRAMES && r->sent - l->given_up - l->back < WINDOW_COUNT) {
        if (!send(l, r->sent)) {
            break;
        }
        r->sent++;
        any = true;
    }
    if (any) {
        l->nic->ops->tx_flush(l->nic);
    }
}

static void exchange(struct loopback *l, uint64_t end_ns)
{
    struct loopback_result *r = l->result;
    uint64_t last_ns = time_now_ns();
    while (r->sent < LOOPBACK_FRAMES || r->sent - l->given_up > l->back) {
        uint64_t now_ns = time_now_ns();
        if (now_ns >= end_ns) {
            break;
        }
        send_window(l);
        if (receive(l)) {
            last_ns = now_ns;
        } else if (now_ns - last_ns >= STALL_US * NS_PER_US) {
            l->given_up = r->sent;
            l->back = 0;
            last_ns = now_ns;
        } else {
            time_delay_us(LOOK_US);
        }
    }
    /* One that comes twice does so soon. */
    for (uint32_t us = 0; us < PROBE_US; us += LOOK_US) {
        (void)receive(l);
        time_delay_us(LOOK_US);
    }
}

void loopback_run(struct nic *nic, struct pkt_pool *pool, struct loopback_result *out)
{
    struct loopback l = {.nic = nic, .pool = pool, .result = out};
    *out = (struct loopback_result){.answered = false};
    out->answered = probe(&l);
    if (!out->answered) {
        return;
    }
    uint64_t start_ns = time_now_ns();
    exchange(&l, start_ns + LOOPBACK_MAX_MS * (uint64_t)NS_PER_MS);
    out->took_us = (uint32_t)((time_now_ns() - start_ns) / NS_PER_US);
    uint32_t back = 0;
    for (uint32_t number = 0; number < out->sent; number++) {
        back += l.seen[number / 8] >> number % 8 & 1;
    }
    out->lost = out->sent - back;
}
