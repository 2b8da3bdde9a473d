/*
 * Between a NIC and a stack: the NAPI poll, the bounded queue in front of a full TX ring, the
 * watchdog. The only place that knows both the kernel's softirqs and struct nic; it does not know
 * the stack but through the input callback.
 */
#ifndef DRIVERS_NETDEV_H
#define DRIVERS_NETDEV_H

#include "drivers/nic.h"
#include "kernel/loop.h"
#include "kernel/softirq.h"

enum {
    NETDEV_BATCH = 32,       /* frames between the driver and the stack in one hand */
    NETDEV_QUEUE_MAX = 1024, /* packets waiting for room in the TX ring, whatever the device makes
                                of each; then drop the newest */
};

struct netdev_ops {
    /* Takes the batch. */
    void (*input)(void *arg, struct pkt **batch, size_t count, uint64_t now_ns);
    void (*link)(void *arg, const struct nic_link *link, uint64_t now_ns);
};

struct netdev {
    struct nic *nic;              /* [I] */
    const struct netdev_ops *ops; /* [I] */
    void *arg;                    /* [I] */
    struct napi napi;
    struct loop_source source; /* TX flush and reclaim, watchdog */
    struct pkt_queue queue;    /* waits for the TX ring */
    struct nic_link link_state;
    uint64_t watchdog_ns; /* next due */
    uint64_t retry_ns;    /* while the queue holds frames: when to look for room again */
    bool link_told;       /* ops->link has been called once */
    bool tx_dirty;        /* frames given to the NIC since the last flush */
    bool link_event;      /* set in irq context, taken by the poll */
    bool masked;          /* it has been polled, and not been unmasked since */
    uint64_t queue_drops;
    uint64_t queue_high;
};

/* Registers the poll, the softirq NET_TX and the loop source. Start-up only. */
void netdev_init(struct netdev *d, struct nic *nic, const struct netdev_ops *ops, void *arg,
                 uint64_t now_ns);

/* irq context: an irq_fn's body. True when the device had raised it. */
bool netdev_irq(struct netdev *d, uint32_t vector);

/*
 * Takes p, in several buffers where the device has NIC_FEATURE_TX_FRAGS, with requests that it has
 * offered. Sent with the next flush, or queued, or dropped and counted when the queue is full.
 */
void netdev_send(struct netdev *d, struct pkt *p);

/* Counters of NIC and queue, by position, names prefixed "nic_"; false behind the last. */
bool netdev_counter(const struct netdev *d, size_t idx, const char **name, const char **help,
                    uint64_t *value);

#endif
