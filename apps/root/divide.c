/*
 * Dividing memory:
 *
 *     packet buffers 50% (receiving 4/10 of it, sending 6/10), the stack's tables 18% (so that
 *     16 MiB of RAM have room for 1,000 connections), the server's heap (hosted: libc's own) 20%,
 * the rest task stacks, made when first used
 *
 * until the packets, the connections and the stacks have the most that they can make use of: then
 * the heap gets what is left. Nothing is cleared or set up before its first use but the stack's
 * hash tables, so the size of the machine costs no time. docs/hardware.md says what comes of it.
 */
#include "apps/root/divide.h"
#include "kernel/log.h"
#include "kernel/task.h"

#define DMA_EVERYWHERE_END (UINT64_C(4) << 30)

enum {
    PKT_SHARE_PERCENT = 50,
    PKT_RX_SHARE_PERCENT = 40, /* of the packets */
    TABLES_SHARE_PERCENT = 18,
    HEAP_SHARE_PERCENT = 20,
    PKT_COST_BYTES = PKT_BUF_BYTES + (int)sizeof(struct pkt),
    PKT_POOL_MAX = 262144,      /* 512 MiB each way: 65,536 connections with 8 KiB under way */
    PKT_LOW_ENOUGH = 16384,     /* what 64 MiB of RAM have, both ways: enough to serve by */
    LOW_OTHERS_BYTES = 1 << 20, /* descriptor rings, which come next, and alignment */
    RX_POOL_MIN = 512,          /* the RX ring twice */
    STACK_GUARD_BYTES = 4096,
    LATER_BYTES = 4 << 20, /* page tables: of guards, of devices, of what is joined to a heap */
};

/* What is left in one piece where every NIC's DMA reaches. */
static size_t largest_low(const struct arena *a)
{
    size_t largest = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct arena_range *r = &a->ranges[i];
        if ((uintptr_t)r->base + r->size_bytes <= DMA_EVERYWHERE_END) {
            size_t left = r->size_bytes - r->used_bytes;
            largest = left > largest ? left : largest;
        }
    }
    return largest;
}

static size_t rx_share(size_t packets)
{
    return min_size(packets * PKT_RX_SHARE_PERCENT / 100, PKT_POOL_MAX);
}

static size_t tx_share(size_t packets)
{
    return min_size(packets - packets * PKT_RX_SHARE_PERCENT / 100, PKT_POOL_MAX);
}

/*
 * The packets of both pools. On a board with little RAM below 4 GiB rather fewer that all lie there
 * than more that do not: some NICs on a 32-bit PCI bus stop sending when given higher ones (Linux's
 * e1000 gives them to none).
 */
static size_t packet_count(const struct arena *a)
{
    size_t packets = arena_left(a) / 100 * PKT_SHARE_PERCENT / PKT_COST_BYTES;
    size_t room = largest_low(a);
    size_t low = room > LOW_OTHERS_BYTES ? (room - LOW_OTHERS_BYTES) / PKT_COST_BYTES : 0;
    bool too_many = rx_share(packets) + tx_share(packets) > low;
    return too_many && low >= PKT_LOW_ENOUGH ? low : packets;
}

/* So many packets at most: a pool lies in one piece, and its metadata may lie in the same. */
static uint32_t pool_count(const struct arena *a, size_t wanted)
{
    size_t largest = arena_largest(a);
    size_t fitting = largest > PKT_COST_BYTES ? (largest - PKT_COST_BYTES) / PKT_COST_BYTES : 0;
    return (uint32_t)min_size(wanted, fitting);
}

enum status divide_packets(struct arena *a, struct pkt_pool *rx, struct pkt_pool *tx,
                           pkt_bus_fn *bus)
{
    size_t packets = packet_count(a);
    uint32_t rx_count = pool_count(a, rx_share(packets));
    if (rx_count < RX_POOL_MIN) {
        log_error("root: %zu KiB of memory are too little: 16 MiB of RAM are the least",
                  arena_left(a) / 1024);
        return STATUS_NO_MEMORY;
    }
    enum status s = pkt_pool_init(rx, a, "pkt_rx", rx_count, bus);
    uint32_t tx_count = pool_count(a, tx_share(packets));
    if (s == STATUS_OK) {
        s = pkt_pool_init(tx, a, "pkt_tx", tx_count, bus);
    }
    if (s == STATUS_OK) {
        log_info("memory: %u packet buffers for receiving, %u for sending", rx_count, tx_count);
        log_debug("memory: they lie at %p and %p", (void *)rx->bytes, (void *)tx->bytes);
    }
    return s;
}

size_t divide_tables_bytes(const struct arena *a)
{
    return min_size(a->size_bytes / 100 * TABLES_SHARE_PERCENT, arena_largest(a));
}

size_t divide_heap_least_bytes(const struct arena *a)
{
    return a->size_bytes / 100 * HEAP_SHARE_PERCENT;
}

size_t divide_heap_keep_bytes(void)
{
    return DIVIDE_TASKS_MAX * ((size_t)TASK_STACK_BYTES + STACK_GUARD_BYTES) + LATER_BYTES;
}
