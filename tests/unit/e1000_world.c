/*
 * The driver tests' fixture.
 */
#include "tests/unit/e1000_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#undef assert
#include <cmocka.h>

#include "kernel/bytes.h"
#include "kernel/dma.h"

static void on_wire(void *arg, const uint8_t *frame, size_t len)
{
    struct world *w = arg;
    w->sent_count++;
    w->sent_len = len;
    memcpy(w->sent, frame, len);
    if (w->check_sequence) {
        world_check_frame(frame, len, w->sent_next++);
    }
}

void world_power_on(struct world *w, uint16_t device, uint32_t packets)
{
    memset(w, 0, sizeof(*w));
    chip_power_on(&w->chip, device);
    w->chip.sent = on_wire;
    w->chip.sent_arg = w;
    struct arena measure;
    arena_init(&measure, NULL, 0);
    assert_int_equal(pkt_pool_init(&w->pool, &measure, "test", packets, NULL), STATUS_OK);
    size_t size = measure.used_bytes + 4096;
    arena_init(&w->arena, chip_memory(&w->chip, size), size);
    enum status st = pkt_pool_init(&w->pool, &w->arena, "test", packets, dma_bus_address);
    assert_int_equal(st, STATUS_OK);
    w->dev = chip_pci_device(device);
    w->nic = &w->e.nic;
    chip_set_link(&w->chip, true, 1000, true);
}

enum status world_open(struct world *w)
{
    struct e1000_config config = {.pool = &w->pool, .offload = w->offload};
    return e1000_open(&w->e, &w->dev, &config);
}

void world_start(struct world *w)
{
    assert_int_equal(world_open(w), STATUS_OK);
    e1000_start(&w->e);
    w->chip.reads = 0;
    w->chip.writes = 0;
    w->chip.rdt_writes = 0;
    w->chip.tdt_writes = 0;
}

void world_end(struct world *w)
{
    e1000_close(&w->e);
    assert_int_equal(w->pool.used, 0);
    assert_string_equal(w->chip.fault, "");
    assert_int_equal(w->chip.fault_count, 0);
    chip_power_off(&w->chip);
}

static uint8_t content(uint32_t number, size_t i)
{
    return (uint8_t)((number * 2654435761u + i * 40503u) >> 7);
}

size_t world_frame(const struct world *w, uint8_t *frame, size_t len, uint32_t number)
{
    static const uint8_t from[6] = {0x02, 0, 0, 0, 0, 1};
    assert_true(len >= 18);
    memcpy(frame, w->chip.eeprom_mac, 6);
    memcpy(frame + 6, from, 6);
    store_be16(frame + 12, 0x88b5); /* for local experiments */
    store_be32(frame + 14, number);
    for (size_t i = 18; i < len; i++) {
        frame[i] = content(number, i);
    }
    return len;
}

void world_check_frame(const uint8_t *frame, size_t len, uint32_t number)
{
    assert_int_equal(load_be32(frame + 14), number);
    for (size_t i = 18; i < len; i++) {
        if (frame[i] != content(number, i)) {
            fail_msg("frame %u of %zu bytes differs at %zu", number, len, i);
        }
    }
}

bool world_receive(struct world *w, size_t len, uint32_t number)
{
    uint8_t frame[CHIP_FRAME_MAX];
    world_frame(w, frame, len, number);
    return chip_receive(&w->chip, frame, len, 0);
}

struct pkt *world_packet(struct world *w, size_t len, uint32_t number)
{
    struct pkt *p = pkt_alloc(&w->pool, PKT_HEADROOM);
    assert_non_null(p);
    memset(p->head, 0xee, PKT_BUF_BYTES); /* old bytes that must not leave the machine */
    world_frame(w, pkt_append(p, len), len, number);
    return p;
}

void world_send(struct world *w, size_t len, uint32_t number)
{
    struct pkt *p = world_packet(w, len, number);
    assert_int_equal(w->nic->ops->tx(w->nic, &p, 1), 1);
}

uint64_t world_watchdog(struct world *w)
{
    uint64_t before_ns = w->chip.now_ns;
    uint64_t next_ns = w->nic->ops->watchdog(w->nic, before_ns);
    w->longest_ns = max_u64(w->longest_ns, w->chip.now_ns - before_ns);
    assert_true(next_ns >= before_ns);
    return next_ns;
}

void world_watchdog_tick(struct world *w)
{
    w->chip.now_ns += NIC_WATCHDOG_NS;
    uint64_t next_ns = world_watchdog(w);
    while (w->e.state == E1000_RESETTING || next_ns <= w->chip.now_ns) {
        w->chip.now_ns = max_u64(w->chip.now_ns, next_ns);
        next_ns = world_watchdog(w);
    }
}

/* xorshift64*, never 0. */
uint64_t world_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}
