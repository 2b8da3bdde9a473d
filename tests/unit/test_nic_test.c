/*
 * selftest=nic on the strict models, in virtual time: what the report says of good devices of every
 * generation, and that each thing that can be wrong is a line of its own and costs its bound.
 */
// LINK: apps/root/nic_test.c apps/root/nic_irqs.c apps/root/report.c apps/root/loopback.c
// LINK: apps/root/offload_test.c net/wire/csum.c
// LINK: drivers/e1000/*.c kernel/pkt.c tests/unit/chip_*.c tests/unit/e1000_world.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/root/nic_test.h"
#include "apps/root/report.h"
#include "kernel/dma.h"
#include "kernel/panic.h"
#include "kernel/platform.h"
#include "tests/unit/e1000_world.h"

#undef assert
#include <cmocka.h>

enum {
    PACKETS = 400,
    LINES_MAX = 24, /* of a text screen, less the cursor's */
};

static struct world w;
static struct root root;

static struct board {
    struct irq_client *client;
    uint32_t pending; /* vectors, a bit each */
    uint32_t fails;   /* ways that do not arrive, a bit each */
    uint32_t loses;   /* of each way, so many messages */
    struct loop_source *source;
    char console[8192];
    size_t len;
} board;

/* --- the machine around it ---------------------------------------------------------------- */

const struct pci_device *pci_get(size_t idx)
{
    return idx == 0 ? &w.dev : NULL;
}

uint64_t platform_now_ns(void)
{
    return w.chip.now_ns;
}

void log_console_write(const char *text, size_t len)
{
    assert_true(board.len + len < sizeof(board.console));
    memcpy(board.console + board.len, text, len);
    board.len += len;
}

void loop_add_source(struct loop_source *s)
{
    board.source = s;
}

noreturn_fn void panic(const char *fmt, ...)
{
    fprintf(stderr, "panic: %s\n", fmt);
    abort();
}

char *ipv4_format(char *buf, uint32_t addr)
{
    snprintf(buf, 16, "%u.%u.%u.%u", addr >> 24, addr >> 16 & 255, addr >> 8 & 255, addr & 255);
    return buf;
}

static void on_message(void *arg, uint32_t vector)
{
    board.pending |= UINT32_C(1) << vector;
}

/* While the test spins: what is due, and the processor takes its interrupts. */
static void in_delay(void *arg)
{
    chip_run(&w.chip);
    struct irq_client *c = board.client;
    if (w.e.loopback != E1000_LOOPBACK_NONE) { /* DMA: a panic has to find it */
        assert_true(c != NULL && c->shutdown == e1000_shutdown && c->arg == &w.e);
    }
    if (c == NULL) {
        return;
    }
    if (c->kind == IRQ_KIND_POLL || chip_irq_line(&w.chip)) {
        (void)c->handler(c->arg, 0);
    }
    for (uint32_t v = 0; v < IRQ_VECTORS_MAX; v++) {
        if ((board.pending >> v & 1) != 0) {
            board.pending &= ~(UINT32_C(1) << v);
            (void)c->handler(c->arg, v);
        }
    }
}

enum irq_try irq_attach_way(struct irq_client *c, enum irq_kind kind, const char **why)
{
    *why = NULL;
    if (kind == IRQ_KIND_MSIX && c->vectors == 0) {
        return IRQ_ABSENT;
    }
    if (kind != IRQ_KIND_POLL && !chip_irq_mode(&w.chip, kind)) {
        return IRQ_ABSENT;
    }
    if (c->select != NULL) {
        c->select(c->arg, kind);
    }
    if ((board.fails >> kind & 1) != 0) {
        *why = "did not arrive";
        return IRQ_FAILED;
    }
    c->kind = kind;
    snprintf(c->route, sizeof(c->route), "way %d", kind);
    board.client = c;
    board.pending = 0;
    w.chip.irq_lose = board.loses;
    return IRQ_TAKEN;
}

void irq_detach(struct irq_client *c)
{
    assert_ptr_equal(c, board.client);
    board.client = NULL;
    w.chip.irq_lose = 0;
    assert_true(chip_irq_mode(&w.chip, IRQ_KIND_INTX));
}

/* --- a run -------------------------------------------------------------------------------- */

static void make_pool(struct pkt_pool *pool)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    assert_int_equal(pkt_pool_init(pool, &a, "test", PACKETS, NULL), STATUS_OK);
    size_t bytes = a.used_bytes + 4096;
    arena_init(&a, chip_memory(&w.chip, bytes), bytes);
    assert_int_equal(pkt_pool_init(pool, &a, "test", PACKETS, dma_bus_address), STATUS_OK);
}

static void begin(uint16_t device)
{
    memset(&root, 0, sizeof(root));
    memset(&board, 0, sizeof(board));
    world_power_on(&w, device, WORLD_PACKETS);
    make_pool(&root.rx_pool);
    make_pool(&root.tx_pool);
    assert_int_equal(world_open(&w), STATUS_OK);
    w.chip.interrupt = on_message;
    w.chip.in_delay = in_delay;
}

static void got_address(enum net_address_origin origin, uint32_t address)
{
    root.address = (struct net_event){.origin = origin,
                                      .address = address,
                                      .prefix_bits = 24,
                                      .server = 0xc0000201,
                                      .value = 600};
}

/* To the report: it is printed once, in good time. */
static void run(void)
{
    struct irq_client client = {.route = "way in use"};
    nic_test_run(&root, &w.e);
    assert_int_equal(w.e.state, E1000_READY);
    assert_int_equal(board.len, 0); /* of the one in use it waits */
    e1000_start(&w.e);
    nic_test_await(&client);
    uint64_t start_ns = w.chip.now_ns;
    uint64_t next_ns = start_ns;
    while (next_ns != DEADLINE_NONE) {
        assert_true(next_ns - start_ns <= (NIC_TEST_DHCP_MS + 200) * (uint64_t)NS_PER_MS);
        w.chip.now_ns = next_ns;
        next_ns = board.source->poll(board.source->arg, next_ns);
    }
    size_t len = board.len;
    w.chip.now_ns += NS_PER_S;
    assert_true(board.source->poll(board.source->arg, w.chip.now_ns) == DEADLINE_NONE);
    assert_int_equal(board.len, len);
    board.console[len] = '\0';
}

static void end(void)
{
    e1000_close(&w.e);
    assert_int_equal(root.rx_pool.used + root.tx_pool.used + w.pool.used, 0);
    assert_string_equal(w.chip.fault, "");
    chip_power_off(&w.chip);
}

static void assert_says(const char *text)
{
    if (strstr(board.console, text) == NULL) {
        fail_msg("no \"%s\" in\n%s", text, board.console);
    }
}

static void assert_form(void)
{
    uint32_t lines = 0;
    const char *at = board.console;
    for (const char *stop; (stop = strchr(at, '\n')) != NULL; at = stop + 1) {
        assert_true(stop - at <= 80);
        lines++;
    }
    if (lines > LINES_MAX) {
        fail_msg("%u lines:\n%s", lines, board.console);
    }
    assert_int_equal(strncmp(board.console, "-----", 5), 0);
    assert_string_equal(at - 6, "-----\n");
}

/* --- good devices ------------------------------------------------------------------------- */

static void test_good_devices(void **state)
{
    static const struct {
        uint16_t device;
        const char *verdict;
        const char *loopback;
    } cases[] = {
        {0x100c, "nic: 8 of 8 passed\n", "  ok   loopback (PHY): 10000 of 10000 frames"},
        {0x100e, "nic: 9 of 9 passed\n", "  ok   loopback (PHY): 10000 of 10000 frames"},
        {0x1013, "nic: 9 of 9 passed\n", "  ok   loopback (PHY): 10000 of 10000 frames"},
        {0x105e, "nic: 10 of 10 passed\n", "  ok   loopback (MAC): 10000 of 10000 frames"},
        {0x108b, "nic: 10 of 10 passed\n", "  ok   loopback (MAC): 10000 of 10000 frames"},
        {0x10d3, "nic: 11 of 11 passed\n", "  ok   loopback (MAC): 10000 of 10000 frames"},
        {0x150c, "nic: 10 of 10 passed\n", "  ok   loopback (MAC): 10000 of 10000 frames"},
        {0x104a, "nic: 9 of 9 passed\n", "  ok   loopback (PHY): 10000 of 10000 frames"},
        {0x10ea, "nic: 9 of 9 passed\n", "  ok   loopback (PHY): 10000 of 10000 frames"},
        {0x153a, "nic: 9 of 9 passed\n", "  ok   loopback (PHY): 10000 of 10000 frames"},
        {0x15b7, "nic: 9 of 9 passed\n", "  ok   loopback (PHY): 10000 of 10000 frames"},
        {0x10a7, "nic: 11 of 11 passed\n", "  ok   loopback (MAC): 10000 of 10000 frames"},
        {0x10c9, "nic: 11 of 11 passed\n", "  ok   loopback (MAC): 10000 of 10000 frames"},
        {0x1521, "nic: 11 of 11 passed\n", "  ok   loopback (MAC): 10000 of 10000 frames"},
        {0x1533, "nic: 11 of 11 passed\n", "  ok   loopback (MAC): 10000 of 10000 frames"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        begin(cases[i].device);
        got_address(NET_ORIGIN_DHCP, 0xc0000211);
        run();
        assert_says(cases[i].verdict);
        assert_says(cases[i].loopback);
        assert_says("  ok   mac: 52:54:00:12:34:56, from the address registers (RAL, RAH)\n");
        assert_says("  ok   dhcp: 192.0.2.17/24 by 192.0.2.1, lease 600 s, after 0 ms\n");
        assert_says("  -    in use: way in use\n");
        assert_says("  -    received: 0 frames, 0 bytes; sent: 0 frames, 0 bytes\n");
        bool tso = (e1000_match(0x8086, cases[i].device)->quirks & E1000_QUIRK_NO_TSO) == 0;
        assert_says(tso ? "  ok   offloads: sums 24/24, segments 86/86, marked 110, wrong 0\n"
                        : "  ok   offloads: sums 24/24, segments 0/0, marked 24, wrong 0\n");
        assert_form();
        end();
    }
}

static void test_a_static_address(void **state)
{
    begin(0x10d3);
    got_address(NET_ORIGIN_STATIC, 0xc0000212);
    run();
    assert_says("  -    dhcp: not asked; 192.0.2.18/24\n");
    assert_says("nic: 10 of 10 passed\n");
    end();
}

/* --- what is wrong ------------------------------------------------------------------------ */

static void no_link(void)
{
    chip_set_link(&w.chip, false, 0, false);
}

static void no_nvm(void)
{
    w.chip.nvm_silent = true;
}

static void no_phy(void)
{
    w.chip.phy_silent = true;
}

static void no_messages(void)
{
    board.fails = 1 << IRQ_KIND_MSIX | 1 << IRQ_KIND_MSI;
}

static void lost_messages(void)
{
    board.loses = 1;
}

static void no_transmitter(void)
{
    w.chip.tx_stuck = true;
}

static void no_server(void)
{
    got_address(NET_ORIGIN_LINK_LOCAL, 0xa9fe0102);
}

static void no_address(void)
{
    got_address(NET_ORIGIN_DHCP, 0);
}

static void test_what_is_wrong(void **state)
{
    static const struct {
        void (*spoil)(void);
        const char *says;
        const char *verdict;
    } cases[] = {
        {no_link, "\nFAILED link: none in 50", "nic: 10 of 11 passed\n"},
        {no_nvm, "\nFAILED nvm: does not answer\n", "nic: 10 of 11 passed\n"},
        {no_phy, "\nFAILED phy: does not answer\n", "nic: 10 of 11 passed\n"},
        {no_messages,
         "  -    irq MSI-X: did not arrive, tried again\nFAILED irq MSI-X: did not arrive\n",
         "nic: 9 of 11 passed\n"},
        {lost_messages, "\nFAILED irq MSI: way 1, lost after 0\n", "nic: 9 of 11 passed\n"},
        {no_transmitter, "\nFAILED loopback: in none of the ways\n", "nic: 9 of 10 passed\n"},
        {no_server, "\nFAILED dhcp: no server answered in 30000 ms; 169.254.1.2/24\n",
         "nic: 10 of 11 passed\n"},
        {no_address, "\nFAILED dhcp: no address in 30000 ms\n", "nic: 10 of 11 passed\n"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        begin(0x10d3);
        got_address(NET_ORIGIN_DHCP, 0xc0000211);
        cases[i].spoil();
        run();
        assert_says(cases[i].says);
        assert_says(cases[i].verdict);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_devices),
        cmocka_unit_test(test_a_static_address),
        cmocka_unit_test(test_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
