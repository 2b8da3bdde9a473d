/*
 * The NAPI poll, the queue in front of the ring, link and watchdog: first over a NIC made of
 * arrays, which does what it is told, then over the e1000 driver and the chip model. The kernel's
 * softirqs and loop are stood in for by the few lines below.
 */
// LINK: drivers/*.c drivers/e1000/*.c kernel/pkt.c tests/unit/chip_*.c tests/unit/e1000_world.c
// LINK: tests/unit/tso_packet.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/netdev.h"
#include "tests/unit/e1000_world.h"
#include "tests/unit/tso_packet.h"

#undef assert
#include <cmocka.h>

/* --- softirqs and loop -------------------------------------------------------------------- */

static struct {
    struct napi *napi;
    uint32_t raised;
    softirq_fn *net_tx;
    void *net_tx_arg;
    struct loop_source *source;
    uint64_t now_ns;
} k;

void napi_schedule(struct napi *n)
{
    n->scheduled = true;
    k.napi = n;
}

void softirq_register(enum softirq nr, softirq_fn *fn, void *arg)
{
    assert_int_equal(nr, SOFTIRQ_NET_TX);
    k.net_tx = fn;
    k.net_tx_arg = arg;
}

void softirq_raise(enum softirq nr)
{
    k.raised |= 1u << nr;
}

void loop_add_source(struct loop_source *s)
{
    assert_null(k.source);
    k.source = s;
}

/* As kernel/softirq.h has it: off the list, then polled; on it again when the budget was used. */
static uint32_t run_napi(uint32_t budget)
{
    struct napi *n = k.napi;
    if (n == NULL) {
        return 0;
    }
    k.napi = NULL;
    n->scheduled = false;
    uint32_t done = n->poll(n, budget, k.now_ns);
    if (done == budget) {
        napi_schedule(n);
    }
    return done;
}

static void run_net_tx(void)
{
    if (k.raised & 1u << SOFTIRQ_NET_TX) {
        k.raised = 0;
        k.net_tx(k.net_tx_arg, k.now_ns);
    }
}

static uint64_t poll_source(void)
{
    return k.source->poll(k.source->arg, k.now_ns);
}

static void listen_source(void)
{
    k.source->listen(k.source->arg);
}

static void flush_source(void)
{
    k.source->flush(k.source->arg, k.now_ns);
}

/* --- a NIC made of arrays ----------------------------------------------------------------- */

enum { FAKE_MAX = 4096 };

struct fake {
    struct nic nic;
    struct pkt_queue wire_in;
    uint32_t arrived;
    uint32_t ring_room; /* frames that tx takes before it is full */
    uint32_t unflushed;
    bool instant; /* flushed is sent: room again at once */
    uint32_t flushes, unmasks, watchdogs, link_reads;
    uint32_t sent[FAKE_MAX];
    uint32_t sent_count;
    uint32_t irq_events;
    uint64_t watchdog_ns; /* when it asks for its next call, if not at the usual time */
    struct nic_link link;
    void (*on_unmask)(void);
};

static struct fake fake;
static struct netdev d;
static struct pkt_pool pool;
static uint8_t pool_memory[FAKE_MAX * (PKT_BUF_BYTES + 192)] __attribute__((aligned(4096)));

static size_t fake_rx(struct nic *nic, struct pkt **batch, size_t max)
{
    size_t count = 0;
    while (count < max && fake.wire_in.count > 0) {
        batch[count++] = pkt_queue_pop(&fake.wire_in);
    }
    return count;
}

/* Frees what it takes, as a TAP does: a later access to it is found out by the pool. */
static size_t fake_tx(struct nic *nic, struct pkt **batch, size_t count)
{
    size_t taken = 0;
    for (; taken < count && fake.ring_room > 0; taken++) {
        struct pkt *p = batch[taken];
        fake.sent[fake.sent_count++ % FAKE_MAX] = (uint32_t)p->cb[0];
        p->next = (struct pkt *)(uintptr_t)0xdead0000;
        fake.ring_room--;
        fake.unflushed++;
        pkt_put(p);
    }
    return taken;
}

static void fake_tx_flush(struct nic *nic)
{
    fake.flushes++;
    if (fake.instant) {
        fake.ring_room += fake.unflushed;
    }
    fake.unflushed = 0;
}

static bool fake_outstanding;

static bool fake_tx_reclaim(struct nic *nic)
{
    return fake_outstanding;
}

static uint32_t fake_irq(struct nic *nic, uint32_t vector)
{
    uint32_t events = fake.irq_events;
    fake.irq_events = 0;
    return events;
}

static void fake_unmask(struct nic *nic)
{
    fake.unmasks++;
    if (fake.on_unmask != NULL) {
        fake.on_unmask();
    }
}

static bool fake_pending(struct nic *nic)
{
    return fake.wire_in.count > 0;
}

static void fake_link(struct nic *nic, struct nic_link *out)
{
    fake.link_reads++;
    *out = fake.link;
}

static uint64_t fake_watchdog(struct nic *nic, uint64_t now_ns)
{
    assert_int_equal(now_ns, k.now_ns);
    fake.watchdogs++;
    return fake.watchdog_ns != 0 ? fake.watchdog_ns : now_ns + NIC_WATCHDOG_NS;
}

static void fake_stop(struct nic *nic)
{
}

static const struct nic_ops fake_ops = {
    .rx = fake_rx,
    .tx = fake_tx,
    .tx_flush = fake_tx_flush,
    .tx_reclaim = fake_tx_reclaim,
    .irq = fake_irq,
    .irq_unmask = fake_unmask,
    .rx_pending = fake_pending,
    .link = fake_link,
    .watchdog = fake_watchdog,
    .stop = fake_stop,
};

/* --- a stack that counts ------------------------------------------------------------------ */

static struct {
    uint32_t frames, batches, biggest;
    uint32_t links;
    struct nic_link link;
    uint32_t next; /* the number in the next frame */
} stack;

static void stack_input(void *arg, struct pkt **batch, size_t count, uint64_t now_ns)
{
    assert_ptr_equal(arg, &stack);
    assert_int_equal(now_ns, k.now_ns);
    stack.batches++;
    stack.biggest = max_u32(stack.biggest, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(batch[i]->cb[0], stack.next++);
        pkt_put(batch[i]);
    }
    stack.frames += (uint32_t)count;
}

static void stack_link(void *arg, const struct nic_link *link, uint64_t now_ns)
{
    assert_ptr_equal(arg, &stack);
    stack.links++;
    stack.link = *link;
}

static const struct netdev_ops stack_ops = {.input = stack_input, .link = stack_link};

static int setup(void **state)
{
    struct arena a;
    memset(&k, 0, sizeof(k));
    memset(&fake, 0, sizeof(fake));
    memset(&stack, 0, sizeof(stack));
    fake_outstanding = false;
    arena_init(&a, pool_memory, sizeof(pool_memory));
    assert_int_equal(pkt_pool_init(&pool, &a, "test", FAKE_MAX - 1, NULL), STATUS_OK);
    fake.nic.ops = &fake_ops;
    fake.ring_room = 255;
    fake.link = (struct nic_link){.up = true, .full_duplex = true, .speed_mbps = 1000};
    k.now_ns = 5 * NS_PER_S;
    netdev_init(&d, &fake.nic, &stack_ops, &stack, k.now_ns);
    return 0;
}

static int teardown(void **state)
{
    pkt_queue_drain(&fake.wire_in);
    pkt_queue_drain(&d.queue);
    assert_int_equal(pool.used, 0);
    return 0;
}

static struct pkt *packet(uint32_t number)
{
    struct pkt *p = pkt_alloc(&pool, PKT_HEADROOM);
    assert_non_null(p);
    (void)pkt_append(p, 60);
    p->cb[0] = number;
    return p;
}

static void arrive(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        pkt_queue_push(&fake.wire_in, packet(fake.arrived++));
    }
}

/* --- receive ------------------------------------------------------------------------------ */

static void test_interrupt_poll_unmask(void **state)
{
    (void)poll_source();
    assert_false(netdev_irq(&d, 0)); /* a shared line */
    assert_null(k.napi);
    arrive(40);
    fake.irq_events = NIC_EVENT_RX;
    assert_true(netdev_irq(&d, 0));
    assert_int_equal(run_napi(64), 40);
    assert_int_equal(stack.frames, 40);
    assert_int_equal(stack.biggest, NETDEV_BATCH);
    assert_int_equal(fake.unmasks, 0); /* awake, the loop looks itself */
    listen_source();
    assert_int_equal(fake.unmasks, 1);
    assert_null(k.napi);
    listen_source(); /* a sleep that nothing but a deadline ended */
    assert_int_equal(fake.unmasks, 1);
}

/* While there is more than the budget, the device stays masked and the poll scheduled. */
static void test_budget_is_kept(void **state)
{
    arrive(150);
    napi_schedule(&d.napi);
    assert_int_equal(run_napi(64), 64);
    assert_int_equal(run_napi(50), 50);
    assert_int_equal(fake.unmasks, 0);
    assert_non_null(k.napi);
    assert_int_equal(run_napi(64), 36);
    listen_source();
    assert_int_equal(fake.unmasks, 1);
    assert_null(k.napi);
    arrive(64); /* exactly the budget: one more round finds nothing */
    napi_schedule(&d.napi);
    assert_int_equal(run_napi(64), 64);
    assert_int_equal(run_napi(64), 0);
    listen_source();
    assert_int_equal(fake.unmasks, 2);
}

static void arrive_late(void)
{
    fake.on_unmask = NULL;
    arrive(1);
}

/* A frame between the last look and the unmasking raises no interrupt: the second look sees it. */
static void test_frame_during_unmask(void **state)
{
    fake.on_unmask = arrive_late;
    napi_schedule(&d.napi);
    assert_int_equal(run_napi(64), 0);
    listen_source();
    assert_non_null(k.napi);
    assert_int_equal(run_napi(64), 1);
    assert_null(k.napi);
    assert_int_equal(stack.frames, 1);
}

static void link_event_late(void)
{
    fake.on_unmask = NULL;
    fake.link.up = false;
    fake.irq_events = NIC_EVENT_LINK;
    assert_true(netdev_irq(&d, 0)); /* the interrupt itself, before the loop sleeps */
}

static void test_link_during_unmask(void **state)
{
    (void)poll_source();
    fake.on_unmask = link_event_late;
    napi_schedule(&d.napi);
    (void)run_napi(64);
    listen_source();
    assert_non_null(k.napi);
    (void)run_napi(64);
    assert_int_equal(stack.links, 2);
    assert_false(stack.link.up);
}

/* In memory already, but its interrupt has not come (or never will). */
static void test_source_poll_finds_frames(void **state)
{
    (void)poll_source();
    assert_null(k.napi);
    arrive(3);
    (void)poll_source();
    assert_int_equal(run_napi(64), 3);
}

/* --- link and watchdog -------------------------------------------------------------------- */

static void test_link_is_told_once(void **state)
{
    fake.link = (struct nic_link){.up = false}; /* down at the start is told too */
    (void)poll_source();
    assert_int_equal(stack.links, 1);
    assert_false(stack.link.up);
    (void)poll_source();
    assert_int_equal(fake.link_reads, 1); /* registers are not read for nothing */

    fake.link = (struct nic_link){.up = true, .full_duplex = true, .speed_mbps = 100};
    fake.irq_events = NIC_EVENT_RX | NIC_EVENT_LINK;
    assert_true(netdev_irq(&d, 0));
    assert_int_equal(stack.links, 1); /* not in irq context */
    (void)run_napi(64);
    assert_int_equal(stack.links, 2);
    assert_int_equal(stack.link.speed_mbps, 100);

    fake.irq_events = NIC_EVENT_LINK; /* an event without a change */
    assert_true(netdev_irq(&d, 0));
    (void)run_napi(64);
    assert_int_equal(stack.links, 2);

    fake.link.speed_mbps = 1000; /* a change without an event: the watchdog's */
    k.now_ns += NIC_WATCHDOG_NS;
    (void)poll_source();
    assert_int_equal(stack.links, 3);
}

static void test_watchdog_in_time(void **state)
{
    uint64_t first = k.now_ns;
    assert_int_equal(poll_source(), first + NIC_WATCHDOG_NS);
    k.now_ns = first + NIC_WATCHDOG_NS - 1;
    (void)poll_source();
    assert_int_equal(fake.watchdogs, 0);
    k.now_ns++;
    assert_int_equal(poll_source(), k.now_ns + NIC_WATCHDOG_NS);
    assert_int_equal(fake.watchdogs, 1);
    k.now_ns += 10 * NIC_WATCHDOG_NS; /* a long silence makes for one, not ten */
    (void)poll_source();
    (void)poll_source();
    assert_int_equal(fake.watchdogs, 2);
    k.now_ns += NIC_WATCHDOG_NS; /* a device that is being reset has more to do soon */
    fake.watchdog_ns = k.now_ns + NS_PER_MS;
    assert_int_equal(poll_source(), fake.watchdog_ns);
    k.now_ns = fake.watchdog_ns;
    fake.watchdog_ns = 0;
    assert_int_equal(poll_source(), k.now_ns + NIC_WATCHDOG_NS);
    assert_int_equal(fake.watchdogs, 4);
}

/* --- transmit ----------------------------------------------------------------------------- */

static void send_numbers(uint32_t from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        netdev_send(&d, packet(from + i));
    }
}

/* Nobody passes anybody. */
static void check_sent(uint32_t count)
{
    assert_int_equal(fake.sent_count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(fake.sent[i], i);
    }
}

static void test_one_flush_a_turn(void **state)
{
    send_numbers(0, 100);
    assert_int_equal(fake.flushes, 0);
    flush_source();
    assert_int_equal(fake.flushes, 1);
    flush_source();
    assert_int_equal(fake.flushes, 1);
    check_sent(100);
    assert_int_equal(k.raised, 0);
}

static void test_full_ring_queues_in_order(void **state)
{
    (void)poll_source();
    send_numbers(0, 300);
    assert_int_equal(fake.flushes, 1); /* the device was told at once when it was full */
    assert_int_equal(fake.sent_count, 255);
    assert_int_equal(d.queue.count, 45);
    run_net_tx(); /* no room yet */
    assert_int_equal(fake.sent_count, 255);
    fake.ring_room = 40;
    run_net_tx(); /* not raised again: the loop may sleep until the retry is due */
    assert_int_equal(fake.sent_count, 255);
    assert_int_equal(poll_source(), k.now_ns + 100 * NS_PER_US);
    run_net_tx();
    assert_int_equal(fake.sent_count, 255);
    k.now_ns += 100 * NS_PER_US;
    (void)poll_source();
    send_numbers(300, 10); /* behind those who wait */
    run_net_tx();
    assert_int_equal(fake.sent_count, 295);
    assert_int_equal(d.queue.count, 15);
    fake.ring_room = 100;
    k.now_ns += 100 * NS_PER_US;
    (void)poll_source();
    run_net_tx();
    flush_source();
    check_sent(310);
    assert_int_equal(fake.flushes, 2);
    assert_int_equal(d.queue.count, 0);
    assert_int_equal(poll_source(), d.watchdog_ns);
    assert_int_equal(d.queue_high, 55);
}

/* A device that sends while it is told never makes anybody wait. */
static void test_full_ring_of_a_fast_device(void **state)
{
    fake.instant = true;
    send_numbers(0, 1000);
    assert_int_equal(d.queue_high, 0);
    assert_int_equal(fake.flushes, 3);
    flush_source();
    check_sent(1000);
}

static void test_queue_is_bounded(void **state)
{
    fake.ring_room = 0;
    send_numbers(0, NETDEV_QUEUE_MAX + 77);
    assert_int_equal(d.queue.count, NETDEV_QUEUE_MAX);
    assert_int_equal(d.queue_drops, 77);
    assert_int_equal(pool.used, NETDEV_QUEUE_MAX);
    fake.ring_room = 2000;
    run_net_tx();
    check_sent(NETDEV_QUEUE_MAX); /* the newest were dropped */
}

static void test_reclaim_has_a_deadline(void **state)
{
    (void)poll_source();
    fake_outstanding = true;
    assert_int_equal(poll_source(), k.now_ns + NS_PER_MS);
    fake_outstanding = false;
    assert_int_equal(poll_source(), d.watchdog_ns);
}

/* --- statistics --------------------------------------------------------------------------- */

struct names {
    const char *seen[64];
    uint32_t count;
    uint64_t sum;
};

static void collect(struct names *n, const char *name, const char *help, uint64_t value)
{
    assert_memory_equal(name, "nic_", 4);
    assert_true(strlen(help) > 8 && strchr(help, '\n') == NULL);
    for (uint32_t i = 0; i < n->count; i++) {
        assert_string_not_equal(name, n->seen[i]);
    }
    n->seen[n->count++] = name;
    n->sum += value;
}

static void test_statistics(void **state)
{
    struct names n = {.count = 0};
    uint64_t *counters = (uint64_t *)&fake.nic.stats;
    size_t count = sizeof(fake.nic.stats) / sizeof(uint64_t);
    for (size_t i = 0; i < count; i++) {
        counters[i] = UINT64_C(1) << i; /* each shows up exactly once */
    }
    const char *name;
    const char *help;
    uint64_t value;
    for (size_t i = 0; netdev_counter(&d, i, &name, &help, &value); i++) {
        collect(&n, name, help, value);
    }
    assert_int_equal(n.count, count + 5);
    assert_int_equal(n.sum, (UINT64_C(1) << count) - 1);
}

/* --- over the driver and the chip --------------------------------------------------------- */

static struct world w;
static uint64_t echo_seed;
static bool echo_link;

/* Half of what comes in goes out again, as it is. */
static void echo_input(void *arg, struct pkt **batch, size_t count, uint64_t now_ns)
{
    for (size_t i = 0; i < count; i++) {
        if (world_random(&echo_seed) % 2 == 0) {
            netdev_send(&d, batch[i]);
        } else {
            pkt_put(batch[i]);
        }
    }
}

static void echo_link_changed(void *arg, const struct nic_link *link, uint64_t now_ns)
{
    echo_link = link->up;
}

static const struct netdev_ops echo_ops = {.input = echo_input, .link = echo_link_changed};

static void echo_turn(void)
{
    if (chip_irq_line(&w.chip)) {
        (void)netdev_irq(&d, 0);
    }
    (void)poll_source();
    run_net_tx();
    (void)run_napi(NAPI_WEIGHT);
    flush_source();
    k.now_ns += world_random(&echo_seed) % (2 * NS_PER_MS);
    w.chip.now_ns = k.now_ns; /* one clock for both */
}

static void echo_trouble(void)
{
    switch (world_random(&echo_seed) % 200) {
    case 0:
        chip_set_link(&w.chip, false, 0, false);
        break;
    case 1:
    case 2:
        chip_set_link(&w.chip, true, 1000, true);
        break;
    case 3:
        w.chip.tx_stuck = world_random(&echo_seed) % 8 == 0;
        break;
    case 4:
        w.chip.regs[0x00c0 / 4] = 0; /* an interrupt gets lost */
        break;
    default:
        break;
    }
}

static void echo_seed_run(uint64_t seed)
{
    uint32_t in = 0;
    memset(&k, 0, sizeof(k));
    echo_seed = seed;
    world_power_on(&w, 0x100e, WORLD_PACKETS);
    assert_int_equal(world_open(&w), STATUS_OK);
    k.now_ns = w.chip.now_ns;
    netdev_init(&d, w.nic, &echo_ops, NULL, k.now_ns);
    e1000_start(&w.e);
    w.chip.tx_manual = true;
    for (uint32_t i = 0; i < 12000; i++) {
        for (uint64_t burst = world_random(&echo_seed) % 30; burst > 0; burst--) {
            in += world_receive(&w, 60 + world_random(&echo_seed) % 1455, in);
        }
        (void)chip_tx_work(&w.chip, (uint32_t)world_random(&echo_seed) % 40);
        echo_trouble();
        echo_turn();
    }
    chip_set_link(&w.chip, true, 1000, true);
    w.chip.tx_stuck = true;
    for (uint32_t i = 0; i < 8000; i++) { /* 8 s: long enough to be noticed */
        in += world_receive(&w, 60, in);
        echo_turn();
    }
    assert_true(w.nic->stats.tx_hangs >= 1);
    w.chip.tx_stuck = false;
    w.chip.tx_manual = false;
    for (uint32_t i = 0; i < 6000; i++) { /* a few watchdogs long: all comes to rest */
        echo_turn();
    }
    assert_true(echo_link);
    assert_int_equal(d.queue.count, 0);
    assert_int_equal(w.pool.used, E1000_RING_COUNT);
    assert_true(world_receive(&w, 60, 0)); /* and it still works */
    const struct nic_stats *stats = &w.nic->stats;
    printf("seed %llu: in %llu out %llu dropped %llu full %llu hangs %llu resets %llu\n",
           (unsigned long long)seed, (unsigned long long)stats->rx_packets,
           (unsigned long long)stats->tx_packets, (unsigned long long)stats->tx_dropped,
           (unsigned long long)stats->tx_ring_full, (unsigned long long)stats->tx_hangs,
           (unsigned long long)w.chip.resets);
    world_end(&w);
}

static void test_echo_over_the_driver(void **state)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        echo_seed_run(seed);
    }
}

/* --- packets of several buffers, and plain ones between them ------------------------------ */

enum { CHAINS = 40 };

static struct {
    struct tso_plan plans[2 * CHAINS];
    uint32_t number, frame; /* the next on the wire */
} chains;

static void chain_on_wire(void *arg, const uint8_t *frame, size_t len)
{
    uint8_t wanted[TSO_FRAME_MAX];
    const struct tso_plan *plan = &chains.plans[chains.number];
    assert_int_equal(len, tso_frame(plan, chains.frame, wanted));
    assert_memory_equal(frame, wanted, len);
    if (++chains.frame == tso_frames(plan)) {
        chains.frame = 0;
        chains.number++;
    }
}

/* They wait in front of a full ring as all do: whole, in order, none passes another. */
static void test_chains_wait_in_order(void **state)
{
    memset(&k, 0, sizeof(k));
    memset(&chains, 0, sizeof(chains));
    world_power_on(&w, 0x100e, 2 * WORLD_PACKETS);
    assert_int_equal(world_open(&w), STATUS_OK);
    k.now_ns = w.chip.now_ns;
    netdev_init(&d, w.nic, &echo_ops, NULL, k.now_ns);
    e1000_start(&w.e);
    w.chip.tx_manual = true;
    w.chip.sent = chain_on_wire;
    for (uint32_t n = 0; n < 2 * CHAINS; n++) {
        struct tso_plan *p = &chains.plans[n];
        *p = (struct tso_plan){.number = n, .bytes = 30 + n, .plain = true, .first_bytes = 9000};
        if (n % 2 == 0) {
            *p = (struct tso_plan){.number = n, .bytes = 40000, .mss = 1448, .frag_bytes = 1448};
        }
        struct pkt *packet = tso_packet(&w.pool, p);
        assert_non_null(packet);
        netdev_send(&d, packet);
    }
    assert_true(d.queue.count > CHAINS);
    for (int i = 0; i < 2000 && chains.number < 2 * CHAINS; i++) {
        (void)chip_tx_work(&w.chip, 7);
        k.now_ns += 100 * NS_PER_US;
        w.chip.now_ns = k.now_ns;
        (void)poll_source();
        run_net_tx();
        flush_source();
    }
    assert_int_equal(chains.number, 2 * CHAINS);
    assert_false(w.nic->ops->tx_reclaim(w.nic));
    assert_int_equal(d.queue.count, 0);
    assert_int_equal(w.pool.used, E1000_RING_COUNT);
    world_end(&w);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_interrupt_poll_unmask),
        T(test_budget_is_kept),
        T(test_frame_during_unmask),
        T(test_link_during_unmask),
        T(test_source_poll_finds_frames),
        T(test_link_is_told_once),
        T(test_watchdog_in_time),
        T(test_one_flush_a_turn),
        T(test_full_ring_queues_in_order),
        T(test_full_ring_of_a_fast_device),
        T(test_queue_is_bounded),
        T(test_reclaim_has_a_deadline),
        T(test_statistics),
        cmocka_unit_test(test_echo_over_the_driver),
        cmocka_unit_test(test_chains_wait_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
