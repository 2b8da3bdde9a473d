/*
 * Taps: see tap.h.
 */
#include "net/tap/tap.h"

#include "net/core/text.h"
#include "net/net.h"

/* Does a counter of that name (net/core/counters.h) tell why a frame that came in was dropped? Not
 * those of what it had sent in vain, nor of what gave way to it. */
static bool tells_of_drop(const char *name, const char *help)
{
    bool dropped = text_has(help, "dropped: ") || text_has(name, "_rx_drop_");
    bool arrival =
        text_has(name, "_rx_") || text_has(name, "frag_drop_") || text_has(name, "frag_duplicate");
    return dropped && arrival;
}

void net_taps_init(struct net_taps *t, struct net *n)
{
    const char *name;
    const char *help;
    uint64_t value;
    *t = (struct net_taps){.net = n};
    list_init(&t->taps);
    for (size_t i = 0; net_counter(n, i, &name, &help, &value); i++) {
        if (tells_of_drop(name, help)) {
            assert(t->drop_count < NET_TAP_DROPS_MAX);
            t->drops[t->drop_count++] = (uint16_t)i;
        }
    }
}

bool net_taps_add(struct net_taps *t, struct net_tap *tap)
{
    if (t->count == NET_TAPS_MAX) {
        return false;
    }
    list_init(&tap->link);
    list_push_back(&t->taps, &tap->link);
    t->count++;
    return true;
}

void net_taps_remove(struct net_taps *t, struct net_tap *tap)
{
    assert(t->count > 0);
    list_remove(&tap->link);
    t->count--;
}

/* What each tap keeps of a frame; true when one does. */
static bool show(struct net_taps *t, const struct pkt *p, enum net_tap_dir dir, uint64_t now_ns,
                 void *seen[NET_TAPS_MAX])
{
    bool any = false;
    uint32_t i = 0;
    for (struct list *node = t->taps.next; node != &t->taps; node = node->next) {
        struct net_tap *tap = list_entry(node, struct net_tap, link);
        seen[i] = tap->see(tap->arg, p, dir, now_ns);
        any |= seen[i++] != NULL;
    }
    return any;
}

static void tell(struct net_taps *t, void *const seen[NET_TAPS_MAX], const char *name,
                 const char *help)
{
    uint32_t i = 0;
    for (struct list *node = t->taps.next; node != &t->taps; node = node->next) {
        struct net_tap *tap = list_entry(node, struct net_tap, link);
        if (seen[i] != NULL) {
            tap->dropped(tap->arg, seen[i], name, help);
        }
        i++;
    }
}

static uint64_t counted(const struct net_taps *t, uint32_t i, const char **name, const char **help)
{
    uint64_t value = 0;
    bool there = net_counter(t->net, t->drops[i], name, help, &value);
    assert(there);
    return value;
}

/* Of several reasons that were counted meanwhile the lowest layer's is told: it stands first. */
static void input_seen(struct net_taps *t, struct pkt *p, uint64_t now_ns,
                       void *const seen[NET_TAPS_MAX])
{
    uint64_t before[NET_TAP_DROPS_MAX];
    const char *name;
    const char *help;
    for (uint32_t i = 0; i < t->drop_count; i++) {
        before[i] = counted(t, i, &name, &help);
    }
    net_input_batch(t->net, &p, 1, now_ns);
    for (uint32_t i = 0; i < t->drop_count; i++) {
        if (counted(t, i, &name, &help) != before[i]) {
            tell(t, seen, name, help);
            return;
        }
    }
}

void net_taps_input(struct net_taps *t, struct pkt *const *batch, size_t count, uint64_t now_ns)
{
    void *seen[NET_TAPS_MAX];
    for (size_t i = 0; i < count; i++) {
        struct pkt *p = batch[i];
        if (show(t, p, NET_TAP_IN, now_ns, seen)) {
            input_seen(t, p, now_ns, seen);
        } else {
            net_input_batch(t->net, &p, 1, now_ns);
        }
    }
}

void net_taps_output(struct net_taps *t, const struct pkt *p, uint64_t now_ns)
{
    void *seen[NET_TAPS_MAX];
    (void)show(t, p, NET_TAP_OUT, now_ns, seen);
}
