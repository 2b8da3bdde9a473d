/*
 * Between a NIC and a stack: when the device is looked at, what waits for it, who is told. Owns
 * the queue in front of a full ring and the pace of polling; knows neither the device nor the stack
 * but through their callbacks. One loop, no locking; netdev_irq alone runs in irq context.
 */
#include "drivers/netdev.h"

#define TX_RETRY_NS   (100 * NS_PER_US) /* the ring is full: a tenth of what a full one takes */
#define TX_RECLAIM_NS (1 * NS_PER_MS)   /* frames are out: their buffers are fetched home */

/* Asks the device for the link and tells the stack, the first time and when it has changed. */
static void check_link(struct netdev *d, uint64_t now_ns)
{
    struct nic_link link;
    d->link_event = false; /* before the look: an event during it is looked at again */
    d->nic->ops->link(d->nic, &link);
    const struct nic_link *old = &d->link_state;
    bool same = link.up == old->up && link.full_duplex == old->full_duplex &&
                link.speed_mbps == old->speed_mbps;
    d->link_state = link;
    if (!d->link_told || !same) {
        d->link_told = true;
        d->ops->link(d->arg, &d->link_state, now_ns);
    }
}

/* The NAPI poll: see struct napi for what is promised. */
static uint32_t netdev_poll(struct napi *napi, uint32_t budget, uint64_t now_ns)
{
    struct netdev *d = container_of(napi, struct netdev, napi);
    uint32_t done = 0;
    if (d->link_event) {
        check_link(d, now_ns);
    }
    while (done < budget) {
        struct pkt *batch[NETDEV_BATCH];
        size_t want = min_size(NETDEV_BATCH, budget - done);
        size_t count = d->nic->ops->rx(d->nic, batch, want);
        assert(count <= want);
        if (count > 0) {
            d->ops->input(d->arg, batch, count, now_ns);
            done += (uint32_t)count;
        }
        if (count < want) {
            break;
        }
    }
    if (done < budget) {
        d->masked = true; /* or may be: nobody has unmasked it since its interrupt */
    }
    assert(done <= budget);
    return done;
}

/* Puts p back at the front: it was taken out to be sent, and there was no room. */
static void queue_unpop(struct pkt_queue *q, struct pkt *p)
{
    p->next = q->first;
    q->first = p;
    if (q->last == NULL) {
        q->last = p;
    }
    q->count++;
}

/* Sends from the queue what the ring has room for. Taken out first: tx may free what it takes. */
static void queue_drain(struct netdev *d)
{
    while (d->queue.count > 0) {
        struct pkt *batch[NETDEV_BATCH];
        size_t count = 0;
        while (count < NETDEV_BATCH && d->queue.count > 0) {
            batch[count++] = pkt_queue_pop(&d->queue);
        }
        size_t sent = d->nic->ops->tx(d->nic, batch, count);
        assert(sent <= count);
        d->tx_dirty = d->tx_dirty || sent > 0;
        if (sent == count) {
            continue;
        }
        for (size_t i = count; i > sent; i--) {
            queue_unpop(&d->queue, batch[i - 1]);
        }
        return;
    }
}

/* The softirq NET_TX. */
static void net_tx(void *arg, uint64_t now_ns)
{
    struct netdev *d = arg;
    (void)d->nic->ops->tx_reclaim(d->nic);
    queue_drain(d);
    d->retry_ns = now_ns + TX_RETRY_NS;
}

static void watch(struct netdev *d, uint64_t now_ns)
{
    if (now_ns >= d->watchdog_ns) {
        d->watchdog_ns = d->nic->ops->watchdog(d->nic, now_ns);
        d->link_event = true;
    }
    if (d->link_event) {
        check_link(d, now_ns);
    }
}

/*
 * The loop source's poll, called every turn and while busy polling: a few loads when nothing is
 * due. A frame that is in memory already need not wait for its interrupt.
 */
static uint64_t source_poll(void *arg, uint64_t now_ns)
{
    struct netdev *d = arg;
    watch(d, now_ns);
    if (d->nic->ops->rx_pending(d->nic)) {
        napi_schedule(&d->napi);
    }
    uint64_t deadline_ns = d->watchdog_ns;
    if (d->nic->ops->tx_reclaim(d->nic)) {
        deadline_ns = min_u64(deadline_ns, now_ns + TX_RECLAIM_NS);
    }
    if (d->queue.count > 0) {
        if (now_ns >= d->retry_ns) {
            softirq_raise(SOFTIRQ_NET_TX);
        }
        deadline_ns = min_u64(deadline_ns, max_u64(d->retry_ns, now_ns));
    }
    return deadline_ns;
}

/*
 * The loop source's listen: unmask, then look once more, for what came between the last look and
 * the unmasking raised nothing. Not at the end of each poll: awake, the loop looks into the ring
 * each turn, and an interrupt would only tell what it sees.
 */
static void source_listen(void *arg)
{
    struct netdev *d = arg;
    if (!d->masked) {
        return;
    }
    d->masked = false;
    d->nic->ops->irq_unmask(d->nic);
    if (d->nic->ops->rx_pending(d->nic)) {
        napi_schedule(&d->napi);
    }
}

/* The loop source's flush: the one tail write of this turn. */
static void source_flush(void *arg, uint64_t now_ns)
{
    struct netdev *d = arg;
    if (d->tx_dirty) {
        d->tx_dirty = false;
        d->nic->ops->tx_flush(d->nic);
    }
}

void netdev_init(struct netdev *d, struct nic *nic, const struct netdev_ops *ops, void *arg,
                 uint64_t now_ns)
{
    assert(nic->ops != NULL && ops->input != NULL && ops->link != NULL);
    *d = (struct netdev){
        .nic = nic,
        .ops = ops,
        .arg = arg,
        .napi = {.poll = netdev_poll},
        .source = {.arg = d, .poll = source_poll, .flush = source_flush, .listen = source_listen},
        .watchdog_ns = now_ns + NIC_WATCHDOG_NS,
        .link_event = true, /* the first poll tells how the link is */
    };
    softirq_register(SOFTIRQ_NET_TX, net_tx, d);
    loop_add_source(&d->source);
}

bool netdev_irq(struct netdev *d, uint32_t vector)
{
    uint32_t events = d->nic->ops->irq(d->nic, vector);
    if (events == 0) {
        return false;
    }
    if ((events & NIC_EVENT_LINK) != 0) {
        d->link_event = true;
    }
    napi_schedule(&d->napi);
    return true;
}

/*
 * The ring is full. If part of what fills it was never flushed, the device is told now rather than
 * at the end of the turn: it works while we go on, and a fast one has made room at once.
 */
static bool send_after_flush(struct netdev *d, struct pkt **p)
{
    if (!d->tx_dirty) {
        return false;
    }
    d->tx_dirty = false;
    d->nic->ops->tx_flush(d->nic);
    return d->nic->ops->tx(d->nic, p, 1) == 1;
}

void netdev_send(struct netdev *d, struct pkt *p)
{
    assert(p->frag == NULL || (d->nic->features & NIC_FEATURE_TX_FRAGS) != 0);
    /* Order: no packet passes those that wait. */
    if (d->queue.count == 0) {
        if (d->nic->ops->tx(d->nic, &p, 1) == 1 || send_after_flush(d, &p)) {
            d->tx_dirty = true;
            return;
        }
        softirq_raise(SOFTIRQ_NET_TX);
    }
    if (d->queue.count >= NETDEV_QUEUE_MAX) {
        d->queue_drops++;
        pkt_put(p);
        return;
    }
    pkt_queue_push(&d->queue, p);
    d->queue_high = max_u64(d->queue_high, d->queue.count);
}

struct stat_row {
    const char *name;
    const char *help;
    size_t offset; /* of a uint64_t in struct nic_stats */
};

#define ROW(field, text)                                       \
    {                                                          \
        "nic_" #field, text, offsetof(struct nic_stats, field) \
    }

static const struct stat_row rows[] = {
    ROW(rx_packets, "frames handed to the stack"),
    ROW(rx_bytes, "their bytes, without CRC"),
    ROW(tx_packets, "frames given to the device"),
    ROW(tx_bytes, "their bytes, padded, without CRC"),
    ROW(rx_errors, "received frames with an error mark or a senseless length, dropped"),
    ROW(rx_oversize, "received frames over more than one buffer, dropped"),
    ROW(rx_no_buffer, "received frames dropped because the packet pool was empty"),
    ROW(rx_missed, "frames the device dropped because its FIFO was full"),
    ROW(rx_no_descriptor, "frames that found no free receive descriptor"),
    ROW(tx_ring_full, "times frames found the transmit ring full"),
    ROW(tx_dropped, "frames dropped because there was no link"),
    ROW(interrupts, "interrupts of the device"),
    ROW(link_changes, "times the link went up or down"),
    ROW(hw_rx_packets, "good frames received, as the device counts"),
    ROW(hw_tx_packets, "good frames sent, as the device counts"),
    ROW(hw_crc_errors, "frames with a bad CRC"),
    ROW(tx_hangs, "times the transmitter hung and the device was reset"),
    ROW(rx_stalls, "times the receiver stalled and the device was reset"),
    ROW(irqs_lost, "times an interrupt of the device was lost and made up for"),
    ROW(rx_csum, "frames whose TCP or UDP checksum the device has found good"),
    ROW(tx_csum, "packets whose TCP or UDP checksum the device was to fill in"),
    ROW(tx_tso, "packets that the device was to cut into segments"),
    ROW(tx_contexts, "descriptors that told the device what to do with packets"),
};
static_assert(ARRAY_SIZE(rows) * sizeof(uint64_t) == sizeof(struct nic_stats), "every counter");

bool netdev_counter(const struct netdev *d, size_t idx, const char **name, const char **help,
                    uint64_t *value)
{
    if (idx < ARRAY_SIZE(rows)) {
        const uint8_t *base = (const uint8_t *)&d->nic->stats;
        *name = rows[idx].name;
        *help = rows[idx].help;
        *value = *(const uint64_t *)(const void *)(base + rows[idx].offset);
        return true;
    }
    const struct {
        const char *name;
        const char *help;
        uint64_t value;
    } own[] = {
        {"nic_link_up", "1 while there is a link", d->link_state.up ? 1 : 0},
        {"nic_link_mbps", "the link's speed in Mb/s", d->link_state.speed_mbps},
        {"nic_queue_frames", "frames waiting for room in the transmit ring", d->queue.count},
        {"nic_queue_high", "the most that ever waited", d->queue_high},
        {"nic_queue_drops", "frames dropped because the queue was full", d->queue_drops},
    };
    idx -= ARRAY_SIZE(rows);
    if (idx >= ARRAY_SIZE(own)) {
        return false;
    }
    *name = own[idx].name;
    *help = own[idx].help;
    *value = own[idx].value;
    return true;
}
