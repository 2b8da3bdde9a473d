/*
 * See machine.h. What the processor, the clock and the device cost on a real machine is not in what
 * these functions cost: they are as short as such can be.
 */
#include "tests/bench/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kernel/loop.h"
#include "kernel/platform.h"
#include "tests/bench/peer.h"

enum {
    PAGE_BYTES = 4096,
    READ_NS = 50, /* what passes between two looks at the clock */
    /* A loop that only looks at the clock waits for time to pass: after some looks it passes
     * faster, so that what is counted has little of such waiting in it. */
    LOOKS_MAX = 8,
    LOOK_NS = 20 * 1000,
};
#define BOOT_UNIX_S UINT64_C(1900000000)

static struct machine {
    struct arena arena;
    uint64_t now_ns;
    uint64_t gap_end_ns; /* when the loop's sleep is over */
    uint32_t looks;      /* at the clock since the device had to do with a frame */
    struct nic nic;
    struct pkt_pool *rx_pool;
    struct pkt *rx[MACHINE_FRAMES_MAX];
    uint32_t rx_head, rx_tail; /* free-running */
    struct pkt *tx[MACHINE_FRAMES_MAX];
    uint32_t tx_head, tx_tail;
} machine = {.now_ns = NS_PER_S};

/* ---- the device ------------------------------------------------------------------------------ */
static size_t nic_rx(struct nic *nic, struct pkt **batch, size_t max)
{
    size_t n = 0;
    while (n < max && machine.rx_tail != machine.rx_head) {
        batch[n++] = machine.rx[machine.rx_tail++ % MACHINE_FRAMES_MAX];
    }
    machine.looks = 0;
    nic->stats.rx_packets += n;
    return n;
}

static size_t nic_tx(struct nic *nic, struct pkt **batch, size_t count)
{
    size_t n = 0;
    while (n < count && machine.tx_head - machine.tx_tail < MACHINE_FRAMES_MAX) {
        machine.tx[machine.tx_head++ % MACHINE_FRAMES_MAX] = batch[n++];
    }
    machine.looks = 0;
    nic->stats.tx_packets += n;
    return n;
}

static void nic_nothing(struct nic *nic)
{
}

static bool nic_reclaim(struct nic *nic)
{
    return false;
}

static uint32_t nic_irq(struct nic *nic, uint32_t vector)
{
    return NIC_EVENT_RX;
}

static bool nic_rx_pending(struct nic *nic)
{
    return machine.rx_tail != machine.rx_head;
}

static void nic_link(struct nic *nic, struct nic_link *out)
{
    *out = (struct nic_link){.up = true, .full_duplex = true, .speed_mbps = 1000};
}

static uint64_t nic_watchdog(struct nic *nic, uint64_t now_ns)
{
    return now_ns + NIC_WATCHDOG_NS;
}

struct nic *machine_nic(struct pkt_pool *rx_pool)
{
    static const struct nic_ops ops = {
        .rx = nic_rx,
        .tx = nic_tx,
        .tx_flush = nic_nothing,
        .tx_reclaim = nic_reclaim,
        .irq = nic_irq,
        .irq_unmask = nic_nothing,
        .rx_pending = nic_rx_pending,
        .link = nic_link,
        .watchdog = nic_watchdog,
        .stop = nic_nothing,
    };
    machine.rx_pool = rx_pool;
    machine.nic.ops = &ops;
    machine.nic.name = "memory";
    memcpy(machine.nic.mac, bench_our_mac, sizeof(bench_our_mac));
    return &machine.nic;
}

void machine_give(const uint8_t *frame, size_t len)
{
    struct pkt *p = pkt_alloc(machine.rx_pool, 0);
    bench_must(p != NULL && machine.rx_head - machine.rx_tail < MACHINE_FRAMES_MAX,
               "no room for a frame");
    memcpy(pkt_append(p, len), frame, len);
    p->rx_flags = (frame[0] & 1) != 0 ? PKT_RX_L2_BROADCAST : 0;
    machine.rx[machine.rx_head++ % MACHINE_FRAMES_MAX] = p;
}

struct pkt *machine_take(void)
{
    return machine.tx_tail != machine.tx_head ? machine.tx[machine.tx_tail++ % MACHINE_FRAMES_MAX]
                                              : NULL;
}

/* ---- kernel/platform.h ----------------------------------------------------------------------- */
void machine_init(size_t arena_bytes)
{
    void *mem = mmap(NULL, arena_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bench_must(mem != MAP_FAILED, "no memory");
    arena_init(&machine.arena, mem, arena_bytes);
}

void machine_run(uint64_t gap_ns)
{
    machine.gap_end_ns = machine.now_ns + gap_ns;
    (void)loop_run();
}

uint64_t platform_now_ns(void)
{
    machine.now_ns += machine.looks++ < LOOKS_MAX ? READ_NS : LOOK_NS;
    return machine.now_ns;
}

/* The end of the sleep is the end of a run: the next one goes on with a turn, as after an
 * interrupt. A deadline before that is kept. */
void platform_wait(uint64_t deadline_ns, bool (*idle)(void))
{
    if (!idle()) {
        return;
    }
    machine.looks = 0;
    if (deadline_ns < machine.gap_end_ns) {
        machine.now_ns = max_u64(machine.now_ns, deadline_ns);
        return;
    }
    machine.now_ns = max_u64(machine.now_ns, machine.gap_end_ns);
    loop_stop(0);
}

uint64_t platform_boot_unix_s(void)
{
    return BOOT_UNIX_S;
}

/* In libc's place, with the work that the metal's does. */
int clock_gettime(clockid_t clock, struct timespec *out)
{
    uint64_t now_ns = platform_now_ns();
    uint64_t start_s = clock == CLOCK_REALTIME ? platform_boot_unix_s() : 0;
    out->tv_sec = (time_t)(start_s + now_ns / NS_PER_S);
    out->tv_nsec = (long)(now_ns % NS_PER_S);
    return 0;
}

void platform_console_write(const char *text, size_t len)
{
    (void)!write(STDERR_FILENO, text, len);
}

enum entropy_quality platform_entropy(void *buf, size_t len)
{
    memset(buf, 0x5e, len);
    return ENTROPY_HARDWARE;
}

struct arena *platform_arena(void)
{
    return &machine.arena;
}

void *platform_stack_alloc(size_t size, void **top)
{
    size = align_up(size, PAGE_BYTES);
    uint8_t *low = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (low == MAP_FAILED) {
        return NULL;
    }
    *top = low + size;
    return low;
}

uint64_t platform_irq_save(void)
{
    return 0;
}

void platform_irq_restore(uint64_t saved)
{
}

void platform_backtrace(void)
{
}

noreturn_fn void platform_reboot(void)
{
    platform_halt(1);
}

noreturn_fn void platform_power_off(void)
{
    platform_halt(0);
}

noreturn_fn void platform_halt(int exit_code)
{
    fflush(NULL);
    _exit(exit_code);
}
