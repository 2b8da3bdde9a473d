/*
 * The reflector: each frame for this station goes back to its sender, its two addresses changed
 * round and nothing else done to it. Boot, driver, netdev and loop are those of any server, and
 * there is nothing above them: what it takes is the least that a request and its answer can take.
 *
 * Instead of apps/root/stack.c it joins the device to itself, not to a stack; it has no server, no
 * sockets and no counters to show. Frames for others, and to all stations, are dropped.
 */
#include <string.h>

#include "apps/root/divide.h"
#include "apps/root/ending.h"
#include "apps/root/stack.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/platform.h"
#include "kernel/task.h"

enum {
    MAC_BYTES = 6,
    ETH_HEADER_BYTES = 14, /* IEEE 802.3, 3.1: destination, source, type */
};

enum status root_make_pools(struct root *r, pkt_bus_fn *bus)
{
    return divide_packets(platform_arena(), &r->rx_pool, &r->tx_pool, bus);
}

/* Takes p. */
static void reflect(struct root *r, struct pkt *p)
{
    const uint8_t *own = r->dev.nic->mac;
    uint8_t *destination = p->data;
    if (pkt_len(p) < ETH_HEADER_BYTES || memcmp(destination, own, MAC_BYTES) != 0) {
        pkt_put(p);
        return;
    }
    uint8_t *source = destination + MAC_BYTES;
    memcpy(destination, source, MAC_BYTES);
    memcpy(source, own, MAC_BYTES);
    netdev_send(&r->dev, p);
}

static void reflect_frames(void *arg, struct pkt **batch, size_t count, uint64_t now_ns)
{
    (void)now_ns;
    for (size_t i = 0; i < count; i++) {
        reflect(arg, batch[i]);
    }
}

static void link_changed(void *arg, const struct nic_link *link, uint64_t now_ns)
{
    (void)arg;
    (void)now_ns;
    log_info("link: %s", link->up ? "up" : "down");
}

enum status root_start(struct root *r, struct nic *nic)
{
    static const struct netdev_ops ops = {
        .input = reflect_frames,
        .link = link_changed,
    };
    const uint8_t *mac = nic->mac;
    task_init(DIVIDE_TASKS_MAX, loop_timers());
    netdev_init(&r->dev, nic, &ops, r, platform_now_ns());
    log_info("reflecting: frames to %02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
             mac[4], mac[5]);
    return STATUS_OK;
}

/* There is no connection to be ended first. */
void ending_begin(struct ending *e, enum reboot_kind kind, const char *why, uint64_t now_ns)
{
    (void)now_ns;
    e->kind = kind;
    log_info("power: %s", why);
    reboot_now(kind);
}

uint64_t ending_poll(struct ending *e, uint64_t now_ns)
{
    (void)e;
    (void)now_ns;
    return DEADLINE_NONE;
}
