/*
 * The composition root of the machine: a network device, the stack, the server.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "apps/root/divide.h"
#include "apps/root/ending.h"
#include "apps/root/nic_test.h"
#include "apps/root/nics.h"
#include "apps/root/selftest.h"
#include "apps/root/stack.h"
#include "arch/x86_64/arch.h"
#include "arch/x86_64/console/console.h"
#include "arch/x86_64/mm/memory.h"
#include "arch/x86_64/power/power.h"
#include "kernel/dma.h"
#include "kernel/irq.h"
#include "kernel/loop.h"
#include "kernel/panic.h"
#include "kernel/platform.h"
#include "kernel/stats.h"
#include "kernel/task.h"
#include "version.h"

typedef void constructor_fn(int argc, char **argv, char **environment);
extern constructor_fn *const init_array_start[], *const init_array_end[]; /* linker.ld */

static struct metal {
    struct root root;
    struct e1000 *nic; /* [I] */
    struct irq_client irq;
    struct loop_source power;
    struct ending ending;
} metal;

static_assert((int)ROOT_CONSOLE_SERIAL == (int)CONSOLE_SERIAL, "console= is console_select's mask");
static_assert((int)ROOT_CONSOLE_VGA == (int)CONSOLE_VGA, "console= is console_select's mask");
static_assert((int)ROOT_CONSOLE_FRAMEBUFFER == (int)CONSOLE_FRAMEBUFFER &&
                  (int)ROOT_CONSOLE_ALL == (int)CONSOLE_ALL,
              "console= is console_select's mask");

static bool nic_interrupt(void *arg, uint32_t vector)
{
    struct metal *m = arg;
    return netdev_irq(&m->root.dev, vector);
}

static void nic_select(void *arg, enum irq_kind kind)
{
    struct metal *m = arg;
    e1000_irq_select(m->nic, kind);
}

static void nic_trigger(void *arg)
{
    struct metal *m = arg;
    e1000_irq_trigger(m->nic);
}

static void nic_quiet(void *arg)
{
    struct metal *m = arg;
    e1000_irq_quiet(m->nic);
}

static void nic_shutdown(void *arg)
{
    struct metal *m = arg;
    e1000_shutdown(m->nic);
}

/* A machine that nobody stands beside boots all the same: what is wrong has its default. */
static void warn_of_word(const char *text)
{
    log_warn("config: %s; the default stands", text);
}

static void configure(const char *cmdline)
{
    struct root *r = &metal.root;
    config_parse(&r->config, &r->line, cmdline, RINGSIDE_APP, warn_of_word);
    log_set_level(r->config.log);
    console_select(r->config.consoles);
    panic_set_action(r->config.panic);
}

/* ip=boot: the lease of the boot over the network, which GRUB hands over below UEFI (multiboot 2).
 * iPXE's multiboot 1 has no place for it. */
static void take_boot_lease(struct root_config *cfg)
{
    const struct boot_info *info = arch_boot_info();
    if (info->dhcp_ack_bytes == 0) {
        log_warn("net: ip=boot: the boot loader tells of no lease; asking by DHCP");
        return;
    }
    config_take_lease(cfg, info->dhcp_ack, info->dhcp_ack_bytes);
}

static void attach_interrupt(void)
{
    metal.irq = (struct irq_client){
        .dev = metal.nic->dev,
        .handler = nic_interrupt,
        .arg = &metal,
        .vectors = e1000_irq_vectors(metal.nic),
        .select = nic_select,
        .trigger = nic_trigger,
        .quiet = nic_quiet,
        .shutdown = nic_shutdown,
    };
    if (irq_attach(&metal.irq, metal.root.config.irq) != STATUS_OK) {
        panic("no interrupt and no timer can serve the network device");
    }
}

static void make_heap(void)
{
    struct arena *a = platform_arena();
    size_t least = divide_heap_least_bytes(a);
    size_t bytes = 0;
    void *mem = memory_take_rest(least, divide_heap_keep_bytes(), &bytes);
    if (mem == NULL) {
        panic("no %zu KiB of memory for the server's heap", least / 1024);
    }
    libc_heap_init(mem, bytes);
    log_info("memory: %zu KiB heap, %zu KiB left for task stacks", bytes / 1024,
             arena_left(a) / 1024);
}

/* Beside the counters that hosted has, too. */
static bool get_memory(const void *arg, size_t idx, struct stats_entry *out)
{
    (void)arg;
    const struct arena *a = platform_arena();
    const struct libc_heap_stats *h = libc_heap_stats();
    const struct {
        const char *name;
        const char *help;
        uint64_t value;
    } rows[] = {
        {"memory_bytes", "RAM handed out or to be handed out", a->size_bytes},
        {"memory_left_bytes", "RAM of it that nobody has taken yet", arena_left(a)},
        {"heap_bytes", "The server's heap", h->total_bytes},
        {"heap_used_bytes", "Bytes of it in use", h->used_bytes},
        {"heap_high_bytes", "The most bytes of it that ever were in use", h->high_bytes},
        {"heap_refused", "Allocations that found no room in it", h->refused},
    };
    if (idx >= ARRAY_SIZE(rows)) {
        return false;
    }
    stats_entry_set(out, rows[idx].name, rows[idx].help, rows[idx].value);
    return true;
}

static void show_memory(void)
{
    static struct stats_source source = {.get = get_memory};
    stats_register(&source);
}

/* What libraries want to have called before main: the C library's part on a system. They may not
 * wait: there is no task yet. */
static void run_constructors(struct root *r)
{
    static char *no_environment[] = {NULL};
    for (constructor_fn *const *fn = init_array_start; fn < init_array_end; fn++) {
        (*fn)(r->line.argc, r->line.argv, no_environment);
    }
}

static uint64_t poll_power(void *arg, uint64_t now_ns)
{
    struct metal *m = arg;
    bool pressed = false;
    uint64_t deadline_ns = power_button_poll(now_ns, &pressed);
    if (pressed) {
        ending_begin(&m->ending, REBOOT_POWER_OFF, "button pressed", now_ns);
    }
    return min_u64(deadline_ns, ending_poll(&m->ending, now_ns));
}

static void watch_power_button(void)
{
    power_button_init(metal.root.config.irq == IRQ_POLL);
    metal.ending.net = metal.root.net;
    metal.power = (struct loop_source){.arg = &metal, .poll = poll_power};
    loop_add_source(&metal.power);
}

noreturn_fn void kernel_main(const char *cmdline)
{
    struct root *r = &metal.root;
    rs_errno_set_place(task_errno);
    configure(cmdline);
    log_info("ringside: %s, %s", RINGSIDE_VERSION, r->line.argv[0]);
    selftest_run(r->config.selftest);
    if (root_make_pools(r, dma_bus_address) != STATUS_OK) {
        panic("not enough memory: 16 MiB of RAM are the least");
    }
    if (r->config.ip_boot) {
        take_boot_lease(&r->config);
    }
    metal.nic = nics_open(&r->config.nic, r->config.offload, &r->rx_pool);
    if (r->config.selftest == SELFTEST_NIC) {
        nic_test_run(r, metal.nic);
    }
    if (root_start(r, &metal.nic->nic) != STATUS_OK) {
        panic("the stack or the server could not be started");
    }
    make_heap();
    show_memory();
    run_constructors(r);
    attach_interrupt();
    e1000_start(metal.nic);
    if (r->config.selftest == SELFTEST_NIC) {
        nic_test_await(&metal.irq);
    }
    watch_power_button();
    int code = loop_run();
    log_info("ringside: the server ended (code %d), halting", code);
    platform_halt(code);
}
