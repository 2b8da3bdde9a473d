/*
 * Which way a device's interrupts go: every way that works is found, one that only looks as if it
 * worked is left again without a trace, irq= is obeyed, and the log says why.
 */
// LINK: tests/unit/irq_board.c tests/unit/fake_platform.c kernel/stats.c
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_platform.h"
#include "tests/unit/irq_board.h"

/* With their states, which each test begins anew. */
#include "arch/x86_64/irq/attach.c"
#include "arch/x86_64/irq/intx.c"
#include "arch/x86_64/irq/msi.c"
#include "arch/x86_64/irq/poll.c"
#include "arch/x86_64/irq/way.c"

static int begin(void **state)
{
    (void)state;
    board_reset();
    memset(&intx, 0, sizeof(intx));
    memset(&msi, 0, sizeof(msi));
    memset(&polled, 0, sizeof(polled));
    return 0;
}

static void attach(struct irq_client *c, enum irq_policy policy)
{
    board.log_len = 0;
    assert_int_equal(irq_attach(c, policy), STATUS_OK);
    assert_int_equal(fake.irq_depth, 0);
}

/* The last trial is the choice; and off is what was not chosen. */
static void assert_way(const struct board_nic *nic, const struct irq_client *c, enum irq_kind kind)
{
    assert_int_equal(c->kind, kind);
    assert_true(nic->trial_count > 0);
    assert_int_equal(nic->trials[nic->trial_count - 1], kind);
    assert_int_equal(board_msix_is_on(nic), kind == IRQ_KIND_MSIX);
    assert_int_equal(board_msi_is_on(nic), kind == IRQ_KIND_MSI);
    assert_int_equal(board_intx_is_allowed(nic), kind == IRQ_KIND_INTX);
    assert_false(nic->asserted);
}

static void assert_log(const char *lines)
{
    assert_string_equal(board.log, lines);
}

/* Interrupts of the device arrive at its handler, as often as they were sent. */
static void assert_serves(struct board_nic *nic, struct irq_client *c, uint32_t vectors)
{
    uint32_t before[IRQ_VECTORS_MAX];
    memcpy(before, nic->handled, sizeof(before));
    c->trigger(c->arg);
    for (uint32_t i = 0; i < IRQ_VECTORS_MAX; i++) {
        assert_int_equal(nic->handled[i], before[i] + (i < vectors ? 1 : 0));
    }
}

static void test_msix_is_best(void **state)
{
    struct board_nic *nic = &board.nics[0];
    nic->has_msix = nic->has_msi = true;
    struct irq_client c = board_client(0, 3);
    attach(&c, IRQ_AUTO);
    assert_log("2 irq: 0:3.0 MSI-X, 3 vectors from 0xc0: best there is\n");
    assert_way(nic, &c, IRQ_KIND_MSIX);
    assert_int_equal(nic->trial_count, 1);
    for (uint32_t i = 0; i < BOARD_ENTRIES; i++) {
        assert_int_equal(nic->table[4 * i + 3], i < 3 ? 0 : 1); /* the rest masked */
    }
    assert_int_equal(nic->handled[0] + nic->handled[1] + nic->handled[2], 0); /* not while tried */
    assert_serves(nic, &c, 3);
}

/* One of three lost is no route: the driver would wait for it for ever. */
static void test_msix_must_arrive_whole(void **state)
{
    struct board_nic *nic = &board.nics[0];
    for (uint32_t lost = 0; lost < 3; lost++) {
        begin(state);
        nic->has_msix = nic->has_msi = true;
        nic->lost = 1U << lost;
        struct irq_client c = board_client(0, 3);
        attach(&c, IRQ_AUTO);
        assert_log("1 irq: 0:3.0 MSI, vector 0xc0: MSI-X did not arrive\n");
        assert_way(nic, &c, IRQ_KIND_MSI);
        assert_int_equal(nic->trials[0], IRQ_KIND_MSIX);
        assert_serves(nic, &c, 1);
    }
}

/* PCI Local Bus 3.0, figure 6-9: with and without the upper half of the address, and masks. */
static void test_every_form_of_msi(void **state)
{
    struct board_nic *nic = &board.nics[0];
    for (uint32_t form = 0; form < 4; form++) {
        begin(state);
        nic->has_msi = true;
        nic->msi_64bit = (form & 1) != 0;
        nic->msi_masks = (form & 2) != 0;
        struct irq_client c = board_client(0, 3);
        attach(&c, IRQ_AUTO);
        assert_log("2 irq: 0:3.0 MSI, vector 0xc0: no MSI-X\n");
        assert_way(nic, &c, IRQ_KIND_MSI);
        assert_int_equal(board_config(nic, BOARD_MSI_AT) >> 20 & 7, 0); /* one message */
        uint8_t data_at = BOARD_MSI_AT + (nic->msi_64bit ? 12 : 8);
        assert_int_equal(board_config(nic, data_at) >> 16, 0xffff); /* reserved: as it was */
        assert_serves(nic, &c, 1);
    }
}

static void test_messages_that_do_not_arrive(void **state)
{
    struct board_nic *nic = &board.nics[0];
    nic->has_msix = nic->has_msi = true;
    nic->lost = 7;
    nic->msi_lost = true;
    struct irq_client c = board_client(0, 3);
    attach(&c, IRQ_AUTO);
    assert_log("1 irq: 0:3.0 INTA on IOAPIC pin 18 level low, vector 0x52: "
               "MSI-X did not arrive, MSI did not arrive\n");
    assert_way(nic, &c, IRQ_KIND_INTX);
    assert_int_equal(nic->trial_count, 3);
    assert_serves(nic, &c, 1);
}

/* Not the pin that only seems to be it: a mirror below 16, one that others keep busy, the SCI's. */
static void test_the_pin_is_found(void **state)
{
    struct board_nic *nic = &board.nics[0];
    nic->wired = 1U << 9 | 1U << 10 | 1U << 20;
    board.pin_stuck = 1U << 22;
    struct irq_client c = board_client(0, 0);
    attach(&c, IRQ_AUTO);
    assert_log("2 irq: 0:3.0 INTA on IOAPIC pin 20 level low, vector 0x54: no MSI-X, no MSI\n");
    assert_way(nic, &c, IRQ_KIND_INTX);
    assert_int_equal(board.pin_open, 1U << 20);
    assert_serves(nic, &c, 1);
}

/* A device that drives no pin that we know must not drive the power button's for ever. */
static void test_nothing_arrives(void **state)
{
    struct board_nic *nic = &board.nics[0];
    nic->has_msix = nic->has_msi = true;
    nic->lost = 1;
    nic->msi_lost = true;
    nic->wired = 1U << 9;
    struct irq_client c = board_client(0, 1);
    attach(&c, IRQ_AUTO);
    assert_log("1 irq: 0:3.0 timer poll every 100 us to 2 ms: "
               "MSI-X did not arrive, MSI did not arrive, INTx reached no IOAPIC pin\n");
    assert_way(nic, &c, IRQ_KIND_POLL);
    assert_int_equal(nic->trial_count, 4);
    assert_int_equal(board.pin_open, 0);
    assert_int_equal(irq_next_poll_ns(), board.armed_ns);
    board.tick();
    assert_int_equal(nic->handled[0], 1);
}

static void test_nothing_is_there(void **state)
{
    struct board_nic *nic = &board.nics[0];
    struct irq_client c = board_client(0, 1);
    nic->dev.irq_pin = 0;
    attach(&c, IRQ_AUTO);
    assert_log("1 irq: 0:3.0 timer poll every 100 us to 2 ms: no MSI-X, no MSI, INTx has no pin\n");
    assert_way(nic, &c, IRQ_KIND_POLL);
    assert_int_equal(nic->trial_count, 1); /* what is not there is not tried */

    begin(state);
    board.pin_count = 0;
    struct irq_client d = board_client(0, 1);
    attach(&d, IRQ_AUTO);
    assert_log("1 irq: 0:3.0 timer poll every 100 us to 2 ms: "
               "no MSI-X, no MSI, INTx has no IOAPIC to go to\n");
}

static void test_the_command_line_is_obeyed(void **state)
{
    static const struct {
        enum irq_policy policy;
        enum irq_kind kind;
        const char *log;
    } cases[] = {
        {IRQ_MSIX, IRQ_KIND_MSIX, "MSI-X, 2 vectors from 0xc0"},
        {IRQ_MSI, IRQ_KIND_MSI, "MSI, vector 0xc0"},
        {IRQ_INTX, IRQ_KIND_INTX, "INTA on IOAPIC pin 18 level low, vector 0x52"},
        {IRQ_POLL, IRQ_KIND_POLL, "timer poll every 100 us to 2 ms"},
    };
    struct board_nic *nic = &board.nics[0];
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        begin(state);
        nic->has_msix = nic->has_msi = true;
        struct irq_client c = board_client(0, 2);
        attach(&c, cases[i].policy);
        char line[128];
        snprintf(line, sizeof(line), "2 irq: 0:3.0 %s: asked for on the command line\n",
                 cases[i].log);
        assert_log(line);
        assert_way(nic, &c, cases[i].kind);
        assert_int_equal(nic->trial_count, 1);
    }
}

/* The next best, never a better one: a user who asks for MSI has reasons against MSI-X. */
static void test_the_command_line_asks_too_much(void **state)
{
    struct board_nic *nic = &board.nics[0];
    nic->has_msix = true;
    struct irq_client c = board_client(0, 2);
    attach(&c, IRQ_MSI);
    assert_log("1 irq: the command line asks for MSI, which cannot be had\n"
               "2 irq: 0:3.0 INTA on IOAPIC pin 18 level low, vector 0x52: no MSI\n");
    assert_way(nic, &c, IRQ_KIND_INTX);

    begin(state);
    nic->has_msi = nic->has_msix = true;
    struct irq_client d = board_client(0, 0);
    attach(&d, IRQ_MSIX);
    assert_log("1 irq: the command line asks for MSI-X, which cannot be had\n"
               "2 irq: 0:3.0 MSI, vector 0xc0: MSI-X is not used by the driver\n");

    begin(state);
    struct irq_client e = board_client(0, 0);
    nic->wired = 1U << 9;
    attach(&e, IRQ_INTX);
    assert_log("1 irq: the command line asks for INTx, which cannot be had\n"
               "1 irq: 0:3.0 timer poll every 100 us to 2 ms: INTx reached no IOAPIC pin\n");
}

static uint64_t unclaimed(void)
{
    struct stats_iter it = {0};
    struct stats_entry e;
    assert_true(stats_next(&it, &e));
    assert_string_equal(e.name, "irq_unclaimed");
    uint64_t value = e.value;
    assert_true(stats_next(&it, &e));
    assert_string_equal(e.name, "irq_polls");
    assert_false(stats_next(&it, &e));
    return value;
}

/* Each way by itself, and left again without a trace: none of them keeps another from the device.
 */
static void test_each_way_is_taken_and_left(void **state)
{
    struct board_nic *nic = &board.nics[0];
    nic->has_msix = nic->has_msi = true;
    struct irq_client c = board_client(0, 3);
    for (int round = 0; round < 20; round++) { /* more than there are vectors for */
        for (int kind = 0; kind < IRQ_KIND_COUNT; kind++) {
            const char *why;
            nic->trial_count = 0;
            assert_int_equal(irq_attach_way(&c, (enum irq_kind)kind, &why), IRQ_TAKEN);
            assert_way(nic, &c, (enum irq_kind)kind);
            if (kind == IRQ_KIND_POLL) {
                uint32_t before = nic->handled[0];
                board.tick();
                assert_int_equal(nic->handled[0], before + 1);
            } else {
                assert_serves(nic, &c, kind == IRQ_KIND_MSIX ? 3 : 1);
            }
            c.quiet(c.arg);
            irq_detach(&c);
            assert_false(board_msix_is_on(nic) || board_msi_is_on(nic));
            assert_int_equal(board.pin_open, 0);
            assert_int_equal(irq_next_poll_ns(), DEADLINE_NONE);
        }
    }
    uint32_t before = nic->handled[0];
    uint64_t armed_ns = board.armed_ns;
    board.tick(); /* one that was under way */
    assert_int_equal(nic->handled[0], before);
    assert_int_equal(board.armed_ns, armed_ns);
    assert_int_equal(fake.irq_depth, 0);
    assert_int_equal(unclaimed(), 0);
}

static void test_a_way_that_is_not_there(void **state)
{
    struct board_nic *nic = &board.nics[0];
    struct irq_client c = board_client(0, 0);
    const char *why;
    assert_int_equal(irq_attach_way(&c, IRQ_KIND_MSI, &why), IRQ_ABSENT);
    assert_null(why);
    nic->wired = 1U << 9;
    assert_int_equal(irq_attach_way(&c, IRQ_KIND_INTX, &why), IRQ_FAILED);
    assert_string_equal(why, "reached no IOAPIC pin");
    assert_int_equal(board.pin_open, 0);
}

static void test_boards_without_messages(void **state)
{
    struct board_nic *nic = &board.nics[0];
    nic->has_msix = nic->has_msi = true;
    board.acpi.no_msi = true;
    struct irq_client c = board_client(0, 2);
    attach(&c, IRQ_AUTO);
    assert_log("2 irq: 0:3.0 INTA on IOAPIC pin 18 level low, vector 0x52: "
               "MSI-X is forbidden by the FADT, MSI is forbidden by the FADT\n");
    assert_way(nic, &c, IRQ_KIND_INTX);

    /* 0xff is everybody; what is larger does not fit. */
    for (uint32_t id = 0xff; id < 0x102; id++) {
        begin(state);
        nic->has_msix = nic->has_msi = true;
        board.apic_id = id;
        board.pin_count = 0; /* ioapic_init has seen to that */
        struct irq_client d = board_client(0, 2);
        attach(&d, IRQ_AUTO);
        assert_way(nic, &d, IRQ_KIND_POLL);
        assert_non_null(strstr(board.log, "MSI cannot address this processor"));
    }
}

static void test_msix_tables_that_cannot_be(void **state)
{
    static const struct {
        uint32_t where;
        uint32_t entries;
        bool is_io;
        uint64_t bytes;
        const char *why;
    } cases[] = {
        {BOARD_TABLE_OFFSET | 6, 8, false, BOARD_BAR_BYTES, "has no table where its BARs are"},
        {BOARD_TABLE_OFFSET | 7, 8, false, BOARD_BAR_BYTES, "has no table where its BARs are"},
        {BOARD_TABLE_OFFSET | 2, 8, false, BOARD_BAR_BYTES, "has no table where its BARs are"},
        {BOARD_TABLE_OFFSET | 3, 8, true, BOARD_BAR_BYTES, "has no table where its BARs are"},
        {BOARD_TABLE_OFFSET | 3, 8, false, 0, "has no table where its BARs are"},
        {BOARD_TABLE_OFFSET | 3, 8, false, 64, "has no table where its BARs are"},
        {BOARD_TABLE_OFFSET | 3, 8, false, BOARD_TABLE_OFFSET + 127,
         "has no table where its BARs are"},
        {0xfffffff8 | 3, 8, false, BOARD_BAR_BYTES, "has no table where its BARs are"},
        {BOARD_TABLE_OFFSET | 3, 2048, false, BOARD_BAR_BYTES, "has no table where its BARs are"},
        {BOARD_TABLE_OFFSET | 3, 2, false, BOARD_BAR_BYTES, "has too few vectors"},
    };
    struct board_nic *nic = &board.nics[0];
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        begin(state);
        nic->has_msix = nic->has_msi = true;
        struct irq_client c = board_client(0, 3);
        uint32_t control = 0x11 | (cases[i].entries - 1) << 16;
        memcpy(nic->config + BOARD_MSIX_AT, &control, 4);
        memcpy(nic->config + BOARD_MSIX_AT + 4, &cases[i].where, 4);
        nic->dev.bars[3].is_io = cases[i].is_io;
        nic->dev.bars[3].size_bytes = cases[i].bytes;
        attach(&c, IRQ_AUTO);
        char line[128];
        snprintf(line, sizeof(line), "2 irq: 0:3.0 MSI, vector 0xc0: MSI-X %s\n", cases[i].why);
        assert_log(line);
        assert_way(nic, &c, IRQ_KIND_MSI);
        assert_int_equal(nic->trial_count, 1);
    }
}

/* A function that firmware or an earlier kernel left sending messages drives no pin. */
static void test_what_others_left_on(void **state)
{
    struct board_nic *nic = &board.nics[0];
    for (uint32_t left = 0; left < 2; left++) {
        begin(state);
        nic->has_msix = nic->has_msi = true;
        struct irq_client c = board_client(0, 3);
        uint8_t at = left == 0 ? BOARD_MSI_AT : BOARD_MSIX_AT;
        uint32_t on = left == 0 ? UINT32_C(0x71) << 16 : UINT32_C(0xc000) << 16;
        uint32_t control = board_config(nic, at) | on;
        memcpy(nic->config + at, &control, 4);
        attach(&c, IRQ_INTX);
        assert_way(nic, &c, IRQ_KIND_INTX);
        assert_serves(nic, &c, 1);
    }
}

static void test_messages_nobody_claims(void **state)
{
    struct board_nic *nic = &board.nics[0];
    nic->has_msix = nic->has_msi = true;
    nic->lost = 2;
    struct irq_client c = board_client(0, 3);
    attach(&c, IRQ_AUTO);
    assert_int_equal(unclaimed(), 0);
    nic->claims = false;
    for (uint32_t i = 1; i <= 3; i++) {
        c.trigger(c.arg);
        assert_int_equal(unclaimed(), i);
    }
    board_message(0xc2); /* from the trial of MSI-X, very late */
    assert_int_equal(unclaimed(), 4);
    assert_int_equal(nic->handled[0], 3);
    assert_int_equal(nic->handled[2], 0);
}

static void test_a_pin_that_never_rests_is_left(void **state)
{
    struct board_nic *nic = &board.nics[0];
    struct irq_client c = board_client(0, 0);
    attach(&c, IRQ_AUTO);
    nic->claims = false;
    board.pin_stuck = 1U << 18;
    for (uint32_t i = 0; i + 1 < UNCLAIMED_MAX; i++) {
        board_deliver();
    }
    nic->claims = true; /* one that is claimed begins the count anew */
    board_deliver();
    nic->claims = false;
    for (uint32_t i = 0; i < UNCLAIMED_MAX; i++) {
        assert_int_equal(c.kind, IRQ_KIND_INTX);
        board_deliver();
    }
    assert_int_equal(board.pin_open, 0);
    assert_int_equal(c.kind, IRQ_KIND_POLL);
    assert_string_equal(c.route, "timer poll every 100 us to 2 ms");
    assert_int_equal(unclaimed(), 2 * UNCLAIMED_MAX - 1);
    uint32_t handled = nic->handled[0];
    board.tick();
    assert_int_equal(nic->handled[0], handled + 1);
}

/* A processor that sleeps till the timer wakes it. Returns how long that was. */
static uint64_t sleep_till_polled(void)
{
    uint64_t start_ns = fake.now_ns;
    uint64_t next_ns = irq_next_poll_ns();
    fake.now_ns = max_u64(next_ns, start_ns);
    board.tick();
    assert_int_equal(board.armed_ns, irq_next_poll_ns()); /* before the next sleep: as for it */
    return next_ns - start_ns;
}

/* Nobody is asked as often as frames come while none do; and the first one does not wait long. */
static void test_polling_calms_down_asleep(void **state)
{
    struct board_nic *nic = &board.nics[0];
    struct irq_client c = board_client(0, 0);
    attach(&c, IRQ_POLL);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(sleep_till_polled(), 100 * NS_PER_US);
    }
    nic->claims = false;
    uint64_t heard_ns = fake.now_ns;
    uint64_t last_ns = 0;
    while (fake.now_ns < heard_ns + NS_PER_S) {
        uint64_t silent_ns = fake.now_ns - heard_ns;
        uint64_t slept_ns = sleep_till_polled();
        assert_true(slept_ns >= last_ns && slept_ns <= 2 * NS_PER_MS);
        assert_true(slept_ns == 100 * NS_PER_US || slept_ns <= silent_ns / 8);
        last_ns = slept_ns;
    }
    assert_int_equal(last_ns, 2 * NS_PER_MS);
    assert_in_range(irq_polls(), 100 + 500, 100 + 550);
    assert_int_equal(nic->handled[0], irq_polls());
    nic->claims = true;
    assert_int_equal(sleep_till_polled(), 2 * NS_PER_MS);
    assert_int_equal(sleep_till_polled(), 100 * NS_PER_US);
}

/* A server that computes finds what has come meanwhile, however silent it was before. */
static void test_polling_does_not_calm_down_awake(void **state)
{
    struct board_nic *nic = &board.nics[0];
    struct irq_client c = board_client(0, 0);
    attach(&c, IRQ_POLL);
    nic->claims = false;
    for (int i = 0; i < 1000; i++) {
        (void)sleep_till_polled();
    }
    for (int i = 0; i < 1000; i++) {
        uint64_t before_ns = fake.now_ns;
        fake.now_ns = board.armed_ns;
        board.tick();
        assert_int_equal(fake.now_ns - before_ns, i < 2 ? 2 * NS_PER_MS : 100 * NS_PER_US);
    }
}

/* Six of five vectors each, then two are left: enough for a message, not for five. */
static void test_vectors_run_out(void **state)
{
    struct irq_client c[8];
    for (size_t n = 0; n < ARRAY_SIZE(c); n++) {
        board.nics[n].has_msix = board.nics[n].has_msi = true;
        c[n] = board_client(n, IRQ_VECTORS_MAX);
        attach(&c[n], IRQ_AUTO);
        assert_way(&board.nics[n], &c[n], n < 6 ? IRQ_KIND_MSIX : IRQ_KIND_MSI);
    }
    assert_log("2 irq: 0:a.0 MSI, vector 0xdf: MSI-X finds no vectors free\n");
    for (size_t n = 0; n < ARRAY_SIZE(c); n++) {
        assert_serves(&board.nics[n], &c[n], n < 6 ? IRQ_VECTORS_MAX : 1);
    }
}

/* Two on one pin, and a third is found without disturbing them. */
static void test_devices_share_a_pin(void **state)
{
    struct irq_client c[3];
    for (size_t n = 0; n < ARRAY_SIZE(c); n++) {
        c[n] = board_client(n, 0);
        attach(&c[n], IRQ_AUTO);
        assert_int_equal(c[n].kind, IRQ_KIND_INTX);
        assert_int_equal(board.pin_open, 1U << 18);
    }
    for (size_t n = 0; n < ARRAY_SIZE(c); n++) {
        board.nics[n].claims = false;
    }
    board.nics[0].claims = true;
    c[0].trigger(c[0].arg);
    assert_int_equal(unclaimed(), 0);
    assert_true(board.nics[1].handled[0] > 0 && board.nics[2].handled[0] > 0);
}

static void test_shutdown_leaves_nothing_on(void **state)
{
    static const enum irq_policy policies[] = {IRQ_MSIX, IRQ_MSI, IRQ_INTX, IRQ_POLL};
    struct irq_client c[ARRAY_SIZE(policies)];
    for (size_t n = 0; n < ARRAY_SIZE(policies); n++) {
        board.nics[n].has_msix = board.nics[n].has_msi = true;
        c[n] = board_client(n, 2);
        attach(&c[n], policies[n]);
        assert_false(board.nics[n].stopped);
    }
    irq_shutdown();
    for (size_t n = 0; n < ARRAY_SIZE(policies); n++) {
        assert_true(board.nics[n].stopped);
        assert_false(board_msi_is_on(&board.nics[n]) || board_msix_is_on(&board.nics[n]));
        assert_true(board_intx_is_allowed(&board.nics[n]));
    }
}

static void (*plain_trigger)(void *arg);

static void trigger_and_panic(void *arg)
{
    plain_trigger(arg);
    irq_shutdown();
}

/* In the middle of a trial, too. */
static void test_shutdown_by_a_panic_while_trying(void **state)
{
    struct board_nic *nic = &board.nics[0];
    nic->has_msix = true;
    struct irq_client c = board_client(0, 2);
    plain_trigger = c.trigger;
    c.trigger = trigger_and_panic;
    attach(&c, IRQ_AUTO);
    assert_true(nic->stopped);
    assert_false(board_msix_is_on(nic));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_msix_is_best, begin),
        cmocka_unit_test_setup(test_msix_must_arrive_whole, begin),
        cmocka_unit_test_setup(test_every_form_of_msi, begin),
        cmocka_unit_test_setup(test_messages_that_do_not_arrive, begin),
        cmocka_unit_test_setup(test_the_pin_is_found, begin),
        cmocka_unit_test_setup(test_nothing_arrives, begin),
        cmocka_unit_test_setup(test_nothing_is_there, begin),
        cmocka_unit_test_setup(test_the_command_line_is_obeyed, begin),
        cmocka_unit_test_setup(test_the_command_line_asks_too_much, begin),
        cmocka_unit_test_setup(test_each_way_is_taken_and_left, begin),
        cmocka_unit_test_setup(test_a_way_that_is_not_there, begin),
        cmocka_unit_test_setup(test_boards_without_messages, begin),
        cmocka_unit_test_setup(test_msix_tables_that_cannot_be, begin),
        cmocka_unit_test_setup(test_what_others_left_on, begin),
        cmocka_unit_test_setup(test_messages_nobody_claims, begin),
        cmocka_unit_test_setup(test_a_pin_that_never_rests_is_left, begin),
        cmocka_unit_test_setup(test_polling_calms_down_asleep, begin),
        cmocka_unit_test_setup(test_polling_does_not_calm_down_awake, begin),
        cmocka_unit_test_setup(test_vectors_run_out, begin),
        cmocka_unit_test_setup(test_devices_share_a_pin, begin),
        cmocka_unit_test_setup(test_shutdown_leaves_nothing_on, begin),
        cmocka_unit_test_setup(test_shutdown_by_a_panic_while_trying, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
