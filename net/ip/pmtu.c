/*
 * The table of path MTUs (RFC 1191 6.3) and of the plateaus to try when nobody says a number.
 */
#include "net/ip/pmtu.h"

#include "net/stack.h"

static struct pmtu_entry *find(struct net *n, uint32_t dst)
{
    for (size_t i = 0; i < PMTU_ENTRIES; i++) {
        struct pmtu_entry *e = &n->pmtu.entries[i];
        if (e->address == dst && e->until_ns > n->now_ns) {
            return e;
        }
    }
    return NULL;
}

uint16_t pmtu_get(const struct net *n, uint32_t dst, bool *may_fragment)
{
    *may_fragment = false;
    if (likely(n->pmtu.until_ns <= n->now_ns)) {
        return n->cfg.mtu;
    }
    for (size_t i = 0; i < PMTU_ENTRIES; i++) {
        const struct pmtu_entry *e = &n->pmtu.entries[i];
        if (e->address == dst && e->until_ns > n->now_ns && e->mtu < n->cfg.mtu) {
            *may_fragment = e->may_fragment;
            return e->mtu;
        }
    }
    return n->cfg.mtu;
}

/* A place for a new host: a free or ended one, or the one that ends first. */
static struct pmtu_entry *make_room(struct net *n)
{
    struct pmtu_entry *oldest = &n->pmtu.entries[0];
    for (size_t i = 1; i < PMTU_ENTRIES; i++) {
        if (n->pmtu.entries[i].until_ns < oldest->until_ns) {
            oldest = &n->pmtu.entries[i];
        }
    }
    if (oldest->until_ns > n->now_ns) {
        NET_COUNT(n, pmtu_evicted);
    }
    return oldest;
}

uint16_t pmtu_lower(struct net *n, uint32_t dst, uint16_t mtu)
{
    assert(dst != 0);
    struct pmtu_entry *e = find(n, dst);
    /* What another connection was told of the same path holds, too. */
    /* Below the floor no smaller packets are sent, but such as routers may cut, as on Linux; and
     * that stays so, since the narrow MTU itself is not kept. */
    bool narrow = mtu < PMTU_FLOOR_BYTES || (e != NULL && e->may_fragment);
    uint32_t least = e != NULL ? min_u32(mtu, e->mtu) : mtu;
    if (e == NULL) {
        e = make_room(n);
    }
    *e = (struct pmtu_entry){.address = dst,
                             .mtu = (uint16_t)max_u32(least, PMTU_FLOOR_BYTES),
                             .may_fragment = narrow,
                             .until_ns = n->now_ns + PMTU_LIFE_S * NS_PER_S};
    n->pmtu.until_ns = e->until_ns; /* each lives as long: what is told last ends last */
    NET_COUNT(n, pmtu_lowered);
    return e->mtu;
}

uint16_t pmtu_plateau_below(uint16_t bytes)
{
    /* RFC 1191 7.1 below Ethernet's, and 1280, which today's tunnels carry (RFC 8200 5). */
    static const uint16_t plateaus[] = {1492, 1280, 1006, PMTU_FLOOR_BYTES};
    for (size_t i = 0; i < ARRAY_SIZE(plateaus); i++) {
        if (plateaus[i] < bytes) {
            return plateaus[i];
        }
    }
    return PMTU_FLOOR_BYTES;
}
