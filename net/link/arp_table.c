/*
 * The neighbour table: a fixed array of entries, hashed by address, with the eviction rule written
 * in arp.h. A neighbour's request that finds the table full costs a look at ARP_EVICT_LOOKS entries
 * at most, a packet of ours, which has to find one, a look at all of them.
 */
#include "net/link/int.h"
#include "net/stack.h"

static struct arp_entry **bucket_of(struct arp *arp, uint32_t address)
{
    static_assert((ARP_BUCKETS & (ARP_BUCKETS - 1)) == 0, "the mask works");
    uint32_t hash = address * arp->hash_key;
    return &arp->buckets[(hash >> 16) & (ARP_BUCKETS - 1)];
}

struct arp_entry *arp_table_find(struct net *n, uint32_t address)
{
    struct arp_entry *e = *bucket_of(&n->arp, address);
    while (e != NULL && e->address != address) {
        e = e->next;
    }
    assert(e == NULL || e->state != ARP_FREE);
    return e;
}

const struct arp_entry *arp_lookup(const struct net *n, uint32_t address)
{
    for (uint32_t i = 0; i < n->arp.count; i++) {
        const struct arp_entry *e = &n->arp.entries[i];
        if (e->state != ARP_FREE && e->address == address) {
            return e;
        }
    }
    return NULL;
}

void arp_set_state(struct arp_entry *e, enum arp_state state)
{
    struct arp *arp = &e->net->arp;
    assert(e->state != ARP_INCOMPLETE || arp->incomplete > 0);
    arp->incomplete -= e->state == ARP_INCOMPLETE;
    arp->incomplete += state == ARP_INCOMPLETE;
    e->state = (uint8_t)state;
    e->generation++;
}

void arp_table_remove(struct arp_entry *e)
{
    struct arp *arp = &e->net->arp;
    assert(e->state != ARP_FREE && arp->used > 0);
    struct arp_entry **at = bucket_of(arp, e->address);
    while (*at != e) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = e->next;
    timer_cancel(&e->net->wheel, &e->timer);
    arp_pending_drop(e);
    arp_set_state(e, ARP_FREE);
    e->next = arp->free;
    arp->free = e;
    arp->used--;
    if (arp->last == e) {
        arp->last = NULL;
    }
}

/*
 * How willingly an entry is given up: 0 never, else the higher the sooner. Never one that is being
 * resolved, where packets may wait, nor the gateway's, which all that leaves the link goes by.
 * Entries in use rank by the time since their last use, below those never used and those that did
 * not answer.
 */
static uint64_t evict_rank(const struct net *n, const struct arp_entry *e, bool for_sending)
{
    if (e->state == ARP_INCOMPLETE || (n->iface.gateway != 0 && e->address == n->iface.gateway)) {
        return 0;
    }
    if (e->state == ARP_FAILED || e->state == ARP_SILENT || e->used_ns == 0) {
        return UINT64_MAX;
    }
    uint64_t idle_ns = n->now_ns - e->used_ns;
    if (!for_sending && idle_ns < ARP_RECENT_NS) {
        return 0;
    }
    return idle_ns + 1;
}

/* The entry given up most willingly, of all for a packet of ours, of the next ARP_EVICT_LOOKS for a
 * neighbour's request, which anybody can make by the thousand. NULL: none of them may go. */
static struct arp_entry *find_victim(struct net *n, bool for_sending)
{
    struct arp *arp = &n->arp;
    struct arp_entry *victim = NULL;
    uint64_t best = 0;
    uint32_t looks = for_sending ? arp->count : min_u32(arp->count, ARP_EVICT_LOOKS);
    for (uint32_t i = 0; i < looks && best < UINT64_MAX; i++) {
        struct arp_entry *e = &arp->entries[arp->hand];
        arp->hand = (arp->hand + 1) % arp->count;
        uint64_t rank = evict_rank(n, e, for_sending);
        if (rank > best) {
            best = rank;
            victim = e;
        }
    }
    return victim;
}

/* A FREE entry: one that is, or one that is given up. */
static struct arp_entry *take_entry(struct net *n, bool for_sending)
{
    struct arp *arp = &n->arp;
    if (arp->free == NULL) {
        struct arp_entry *victim = find_victim(n, for_sending);
        if (victim == NULL) {
            return NULL;
        }
        NET_COUNT(n, arp_evicted);
        arp_table_remove(victim);
    }
    struct arp_entry *e = arp->free;
    assert(e->state == ARP_FREE);
    arp->free = e->next;
    return e;
}

/* Half the table stays for neighbours that exist, however many that do not are sent to. */
bool arp_may_resolve(const struct arp *arp)
{
    return arp->incomplete < arp->count / 2;
}

struct arp_entry *arp_table_add(struct net *n, uint32_t address, bool for_sending)
{
    assert(address != 0 && arp_table_find(n, address) == NULL);
    struct arp *arp = &n->arp;
    bool refused = for_sending && !arp_may_resolve(arp);
    struct arp_entry *e = refused ? NULL : take_entry(n, for_sending);
    if (e == NULL) {
        NET_COUNT(n, arp_table_full);
        return NULL;
    }
    assert(e->state == ARP_FREE && e->pending.count == 0);
    struct arp_entry **bucket = bucket_of(arp, address);
    e->address = address;
    e->next = *bucket;
    e->used_ns = 0;
    e->confirmed_ns = 0;
    e->doubted_ns = 0;
    e->tries = 0;
    *bucket = e;
    arp->used++;
    return e;
}
