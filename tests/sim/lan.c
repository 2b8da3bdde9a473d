/*
 * The simulated segment and its switch: see lan.h.
 */
#include "tests/sim/lan.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/bytes.h"
#include "tests/sim/router.h"

enum {
    IP_DST_OFFSET = 16,
};
static_assert(LAN_NOBODY < 16, "every destination has a bit in lan.spared");

void lan_init(struct lan *l, uint64_t seed, bool ethernet, int host_count,
              const struct lan_params params[])
{
    assert(host_count >= 1 && host_count <= HOSTS_MAX);
    memset(l, 0, sizeof(*l));
    l->ethernet = ethernet;
    l->host_count = host_count;
    for (int i = 0; i < host_count; i++) {
        l->params[i] = params[i];
        link_way_init(&l->up[i], &params[i].up, mix_u64(seed) + 2 * (uint64_t)i);
        link_way_init(&l->down[i], &params[i].down, mix_u64(seed) + 2 * (uint64_t)i + 1);
    }
}

void lan_free(struct lan *l)
{
    link_heap_free(&l->heap);
}

int lan_host_of(const struct lan *l, uint32_t address)
{
    uint32_t number = address - LAN_ADDRESS;
    if (address == LAN_ROUTER_ADDRESS) {
        return LAN_ROUTER;
    }
    return number < (uint32_t)l->host_count ? (int)number : LAN_NOBODY;
}

static size_t ip_offset(const struct lan *l)
{
    return l->ethernet ? LAN_ETH_BYTES : 0;
}

/* By MAC address where there is one: a switch does not look at IP. */
static int destination(const struct lan *l, const uint8_t *bytes)
{
    if (!l->ethernet) {
        return lan_host_of(l, load_be32(bytes + IP_DST_OFFSET));
    }
    if ((bytes[0] & 1) != 0) {
        return LAN_ALL;
    }
    uint8_t last = bytes[5];
    if (last == ROUTER_MAC_LAST) {
        return LAN_ROUTER;
    }
    return last >= 1 && last <= l->host_count ? last - 1 : LAN_NOBODY;
}

/* The next one of these two, either way: a request that comes through is of use with its answer. */
static void spare_next(struct lan *l, const struct link_frame *f)
{
    if (!f->precious || f->from >= HOSTS_MAX) {
        return;
    }
    l->spared[f->from] |= (uint16_t)(1u << f->to);
    for (int h = 0; h < l->host_count; h++) {
        if (h == f->to || f->to == LAN_ALL) {
            l->spared[h] |= (uint16_t)(1u << f->from);
        }
    }
}

/* Whether the precious f must arrive; its turn is over with it. A broadcast is for everybody. */
static bool take_spared(struct lan *l, const struct link_frame *f)
{
    uint16_t mask = f->to == LAN_ALL ? UINT16_MAX : (uint16_t)(1u << f->to);
    bool spare = (l->spared[f->from] & mask) != 0;
    l->spared[f->from] &= (uint16_t)~mask;
    return spare;
}

static void trace(const struct lan *l, const struct link_frame *f, enum link_fate fate)
{
    if (f->at_switch && fate != LINK_SENT && l->trace != NULL) {
        l->trace(l->trace_arg, f, fate);
    }
}

static enum link_fate lose(struct lan *l, struct link_frame *f, enum link_fate fate)
{
    trace(l, f, fate);
    l->frames_lost++;
    spare_next(l, f);
    free(f);
    return fate;
}

/* Takes f. */
static enum link_fate pass(struct lan *l, struct link_way *way, struct link_frame *f)
{
    enum link_fate fate = link_way_send(way, &l->heap, f, ip_offset(l), l->now_ns);
    if (link_lost(fate)) {
        return lose(l, f, fate);
    }
    if (fate == LINK_SENT_CORRUPT) {
        l->frames_corrupted++;
        spare_next(l, f);
    }
    trace(l, f, fate);
    return fate;
}

enum link_fate lan_send(struct lan *l, int from, const uint8_t *bytes, size_t len, bool precious,
                        uint64_t now_ns)
{
    struct link_frame *f = link_frame_new(bytes, len);
    f->from = from;
    f->to = destination(l, bytes);
    f->precious = precious;
    f->spare = precious && take_spared(l, f);
    l->now_ns = now_ns;
    l->frames_in++;
    return pass(l, &l->up[from], f);
}

static bool parted(const struct lan *l, int a, int b)
{
    for (uint32_t i = 0; i < l->partition_count && a < HOSTS_MAX && b < HOSTS_MAX; i++) {
        const struct partition_plan *p = &l->partition[i];
        bool now = l->now_ns >= p->at_ns && l->now_ns < p->at_ns + p->lasts_ns;
        if (now && ((p->side >> a ^ p->side >> b) & 1) != 0) {
            return true;
        }
    }
    return false;
}

static bool too_large(const struct lan *l, const struct link_frame *f)
{
    uint16_t mtu = l->params[f->to].down_mtu;
    bool ip = !l->ethernet || load_be16(f->bytes + 12) == 0x0800;
    return ip && mtu != 0 && load_be16(f->bytes + ip_offset(l) + 2) > mtu;
}

/* Behind the switch, towards one host. Takes f. */
static void forward(struct lan *l, struct link_frame *f)
{
    f->at_switch = true;
    if (parted(l, f->from, f->to) && !f->spare) {
        (void)lose(l, f, LINK_LOST_PARTITION);
    } else if (too_large(l, f)) {
        l->too_large++;
        trace(l, f, LINK_LOST_TOO_LARGE);
        router_too_large(l, f);
        free(f);
    } else {
        (void)pass(l, &l->down[f->to], f);
    }
}

void lan_send_down(struct lan *l, int to, const uint8_t *bytes, size_t len, uint64_t now_ns)
{
    struct link_frame *f = link_frame_new(bytes, len);
    f->from = LAN_ROUTER;
    f->to = to;
    l->now_ns = now_ns;
    l->frames_in++;
    forward(l, f);
}

/* What to do with a frame at the switch. Takes f. */
static void at_switch(struct lan *l, struct link_frame *f)
{
    if ((f->to == LAN_ROUTER || f->to == LAN_ALL) && l->router != NULL) {
        l->router(l->router_arg, f);
    }
    for (int h = 0; h < l->host_count && f->to == LAN_ALL; h++) {
        if (h != f->from) {
            struct link_frame *copy = link_frame_copy(f);
            copy->to = h;
            forward(l, copy);
        }
    }
    if (f->to < HOSTS_MAX) {
        forward(l, f);
    } else {
        free(f);
    }
}

struct link_frame *lan_take(struct lan *l, uint64_t now_ns)
{
    l->now_ns = now_ns;
    while (l->heap.count > 0 && l->heap.frames[0]->at_ns <= now_ns) {
        struct link_frame *f = link_heap_pop(&l->heap);
        if (f->at_switch) {
            return f;
        }
        at_switch(l, f);
    }
    return NULL;
}

uint64_t lan_next_ns(const struct lan *l)
{
    return l->heap.count > 0 ? l->heap.frames[0]->at_ns : DEADLINE_NONE;
}
