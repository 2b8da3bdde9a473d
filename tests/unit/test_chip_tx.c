/*
 * The chip models' rules on frames of several descriptors and on contexts: each is broken once, on
 * purpose, in a sequence that is right but for that.
 */
// LINK: tests/unit/chip_*.c tests/unit/bare_chip.c tests/unit/tso_packet.c kernel/pkt.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dma.h"
#include "tests/unit/bare_chip.h"
#include "tests/unit/tso_packet.h"

#undef assert
#include <cmocka.h>

enum {
    PACKETS = 8,
    CONTEXT = 0, /* descriptors: the context, headers with payload, two of payload, the last 4 */
    FIRST = 1,
    LAST = 4,
    COUNT = 5,
    MSS = 1448,
    PAYLOAD = 3000,
};

#define W(n)    (UINT64_C(1) << (n))
#define ADDRESS 0
#define WORD    1

static struct bare b;
static struct pkt_pool pool;
static struct pkt *packet;
static const struct tso_plan plan = {
    .number = 1, .bytes = PAYLOAD, .mss = MSS, .first_bytes = 100, .frag_bytes = MSS};

static void power_on(uint16_t device)
{
    bare_run(&b, device);
    struct arena a;
    arena_init(&a, NULL, 0);
    assert_int_equal(pkt_pool_init(&pool, &a, "test", PACKETS, NULL), STATUS_OK);
    size_t size = a.used_bytes + 4096;
    arena_init(&a, chip_memory(&b.chip, size), size);
    assert_int_equal(pkt_pool_init(&pool, &a, "test", PACKETS, dma_bus_address), STATUS_OK);
    packet = tso_packet(&pool, &plan);
    assert_non_null(packet);
}

static bool advanced(void)
{
    return b.chip.part >= CHIP_82575;
}

static void put(uint32_t idx, uint64_t address, uint64_t word)
{
    b.tx[2 * idx + ADDRESS] = address;
    b.tx[2 * idx + WORD] = word;
}

/* As the manuals have it, by their numbers. */
static void build(void)
{
    uint64_t data =
        advanced() ? (uint64_t)PAYLOAD << 46 | UINT64_C(0x300a2300000) : UINT64_C(0x30026100000);
    uint32_t idx = FIRST;
    if (advanced()) {
        put(CONTEXT, 14 << 9 | 20, (uint64_t)MSS << 48 | UINT64_C(32) << 40 | 0x20200c00);
    } else {
        put(CONTEXT, UINT64_C(0x000032220021180e),
            (uint64_t)MSS << 48 | UINT64_C(66) << 40 | 0x27000000 | PAYLOAD);
    }
    for (const struct pkt *p = packet; p != NULL; p = p->frag) {
        bool last = p->frag == NULL;
        put(idx++, dma_bus_address(p->data), data | pkt_len(p) | (last ? 9u << 24 : 0));
    }
    assert_int_equal(idx, COUNT);
}

static void give(void)
{
    bare_poke(&b, 0x3818, COUNT);
}

static void end(void)
{
    pkt_put(packet);
    bare_end(&b);
}

static const uint16_t devices[] = {0x100e, 0x10d3, 0x10c9};

static void test_what_is_right(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        power_on(devices[d]);
        build();
        give();
        bare_expect_none(&b);
        assert_int_equal(b.sent, 3);
        assert_int_equal(b.sent_len, 66 + PAYLOAD - 2 * MSS);
        assert_int_equal(b.chip.reports_out, 1);
        end();
    }
}

/* Bits of one descriptor turned. */
static const struct broken {
    uint16_t device;
    uint32_t idx;
    int part;
    uint64_t turned;
    const char *fault;
} broken[] = {
    {0x100e, FIRST, WORD, W(24), "without a sentinel"}, /* EOP */
    {0x100e, FIRST, WORD, W(25), "command 0x24"},       /* no IFCS */
    {0x100e, FIRST, WORD, W(26), "unlike the first"},   /* no TSE */
    {0x100e, 2, WORD, W(27), "a report within"},        /* RS */
    {0x100e, 2, WORD, W(29), "command 0x06"},           /* a legacy one */
    {0x100e, 2, WORD, W(41), "unlike the first"},       /* no TXSM */
    {0x100e, 2, WORD, W(32), "stale"},                  /* DD */
    {0x100e, 2, WORD, MSS, "no bytes"},
    {0x100e, LAST, WORD, W(24) | W(27), "ends within a frame"},
    {0x100e, LAST, WORD, W(27), "never be reported"},
    {0x100e, LAST, WORD, 2, "PAYLEN"},
    {0x100e, CONTEXT, WORD, 1, "PAYLEN"},
    {0x100e, CONTEXT, WORD, W(24), "senseless context"},   /* no TCP */
    {0x100e, CONTEXT, WORD, W(25), "senseless context"},   /* no IPv4 */
    {0x100e, CONTEXT, WORD, W(27), "command 0x2f"},        /* RS */
    {0x100e, CONTEXT, WORD, W(26), "senseless context"},   /* MSS without TSE */
    {0x100e, CONTEXT, WORD, W(32), "stale"},               /* DD */
    {0x100e, CONTEXT, ADDRESS, 1, "senseless context"},    /* IPCSS */
    {0x100e, CONTEXT, ADDRESS, W(8), "senseless context"}, /* IPCSO */
    {0x100e, CONTEXT, ADDRESS, W(16), "senseless context"},
    {0x100e, CONTEXT, ADDRESS, W(40), "senseless context"},             /* TUCSO */
    {0x100e, CONTEXT, ADDRESS, W(48), "senseless context"},             /* TUCSE */
    {0x100e, CONTEXT, WORD, UINT64_C(0x3e) << 40, "senseless context"}, /* HDRLEN 124 */
    {0x10d3, CONTEXT, WORD, 1, "PAYLEN"},
    {0x10c9, FIRST, WORD, W(46), "unlike the first"},
    {0x10c9, FIRST, WORD, W(31), "unlike the first"}, /* no TSE */
    {0x10c9, 2, WORD, W(29), "command 0x82"},
    {0x10c9, 2, WORD, W(20), "a context within"},
    {0x10c9, 2, WORD, W(27), "a report within"},
    {0x10c9, LAST, WORD, W(24) | W(27), "ends within a frame"},
    {0x10c9, CONTEXT, WORD, W(11), "senseless context"}, /* no TCP */
    {0x10c9, CONTEXT, WORD, W(10), "senseless context"}, /* no IPv4 */
    {0x10c9, CONTEXT, WORD, W(27), "a context with command"},
    {0x10c9, CONTEXT, WORD, UINT64_C(0x38) << 40, "PAYLEN"}, /* L4LEN 24 */
    {0x10c9, CONTEXT, ADDRESS, W(9), "senseless context"},
};

static void test_what_is_wrong(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        const struct broken *c = &broken[i];
        power_on(c->device);
        b.chip.tx_manual = true;
        build();
        b.tx[2 * c->idx + c->part] ^= c->turned;
        give();
        bare_expect(&b, c->fault);
        end();
    }
}

/* A context that was never told, or told before a reset, or that is for another kind of packet. */
static void test_contexts(void **state)
{
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        power_on(devices[d]);
        build();
        memmove(b.tx, b.tx + 2, (COUNT - 1) * 16);
        bare_poke(&b, 0x3818, COUNT - 1);
        bare_expect(&b, "no context tells");
        bare_reset(&b);
        bare_setup(&b);
        build();
        give();
        bare_expect_none(&b);
        bare_reset(&b);
        bare_setup(&b);
        build();
        memmove(b.tx, b.tx + 2, (COUNT - 1) * 16);
        bare_poke(&b, 0x3818, COUNT - 1);
        bare_expect(&b, "no context tells");
        end();
    }
    power_on(0x100e);
    build();
    b.tx[WORD] = 0x23000000; /* for checksums */
    give();
    bare_expect(&b, "by a context that is not for it");
    end();
}

/* Where the headers are, what is in them, how long what is behind them. */
static void test_headers(void **state)
{
    static const struct {
        uint16_t device;
        size_t at; /* of the first buffer's bytes */
        const char *fault;
    } cases[] = {{0x100e, 13, "another frame"},      {0x100e, 14, "another frame"},
                 {0x100e, 23, "another frame"},      {0x100e, 27, "pseudo header"},
                 {0x100e, 51, "pseudo header"},      {0x100e, 17, "length or checksum of its own"},
                 {0x10c9, 25, "checksum of its own"}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        power_on(cases[i].device);
        build();
        packet->data[cases[i].at] ^= 1;
        give();
        bare_expect(&b, cases[i].fault);
        end();
    }
    for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
        power_on(devices[d]); /* the headers end in the second descriptor */
        build();
        b.tx[2 * FIRST + WORD] -= 101;
        b.tx[2 * (LAST - 1) + WORD] += 101;
        b.tx[4 + ADDRESS] = b.tx[2 * FIRST + ADDRESS] + 65;
        give();
        bare_expect(&b, "not in the first buffer");
        end();
        power_on(devices[d]); /* or with the first, which only the 82575 and later can take */
        build();
        b.tx[2 * FIRST + WORD] -= 100;
        b.tx[2 * (LAST - 1) + WORD] += 100;
        give();
        bare_expect(&b, advanced() ? "" : "nothing but headers");
        end();
    }
}

/* 8254x: the last descriptor is a short one, also in the packet behind. */
static void test_sentinel(void **state)
{
    power_on(0x100e);
    build();
    b.tx[2 * LAST + WORD] += 5;
    b.tx[2 * (LAST - 1) + WORD] -= 5;
    b.tx[2 * LAST + ADDRESS] = b.tx[2 * (LAST - 1) + ADDRESS];
    give();
    bare_expect(&b, "without a sentinel");
    b.tx_tail = COUNT;
    bare_send(&b);
    bare_expect(&b, "without a sentinel");
    bare_send(&b);
    bare_expect_none(&b);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_right), cmocka_unit_test(test_what_is_wrong),
        cmocka_unit_test(test_contexts),      cmocka_unit_test(test_headers),
        cmocka_unit_test(test_sentinel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
