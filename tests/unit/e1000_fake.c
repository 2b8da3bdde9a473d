/*
 * See e1000_fake.h.
 */
#include "tests/unit/e1000_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#undef assert
#include <cmocka.h>

#include "kernel/dma.h"
#include "kernel/time.h"

#define BUS_OFFSET UINT64_C(0x2000000000)

enum {
    ACCESS_NS = 100,
    PACKETS = 600,
    CONFIG_EXPRESS = 0xe0 - 0x20, /* where the PCI Express capability is */
};

struct fake_nic fake_nic;

static struct fake_nic *const f = &fake_nic;

static uint32_t *reg(uint32_t offset)
{
    assert_true(offset % 4 == 0 && offset < FAKE_REGS_BYTES);
    return &f->regs[offset / 4];
}

uint32_t fake_reg(uint32_t offset)
{
    return *reg(offset);
}

static void record(bool is_write, bool is_config, uint32_t offset, uint32_t value)
{
    assert_true(f->log_count < FAKE_LOG_COUNT);
    f->log[f->log_count++] = (struct fake_access){is_write, is_config, offset, value, f->now_ns};
}

size_t fake_find_write(uint32_t offset, uint32_t bits, size_t from)
{
    for (size_t i = from; i < f->log_count; i++) {
        const struct fake_access *a = &f->log[i];
        if (a->is_write && !a->is_config && a->offset == offset && (a->value & bits) == bits) {
            return i;
        }
    }
    return SIZE_MAX;
}

size_t fake_count_writes(uint32_t offset)
{
    size_t count = 0;
    for (size_t i = 0; i < f->log_count; i++) {
        count += f->log[i].is_write && !f->log[i].is_config && f->log[i].offset == offset;
    }
    return count;
}

/* --- registers ---------------------------------------------------------------------------- */

static void load_address(void)
{
    uint32_t low = 0, high = 0;
    memcpy(&low, f->mac, 4);
    memcpy(&high, f->mac + 4, 2);
    *reg(0x5400) = low;
    *reg(0x5404) = low == 0 && high == 0 ? 0 : high | 1u << 31;
}

static void begin_reset(void)
{
    uint32_t fwsm = fake_reg(0x5b54), owner = fake_reg(0xf00);
    f->resets++;
    if (!f->reset_noop) {
        memset(f->regs, 0, sizeof(f->regs));
        *reg(0x5b54) = fwsm;
        *reg(0xf00) = owner; /* shared with firmware: outlasts it */
        load_address();
    }
    f->quiet_until_ns = f->now_ns + e1000_family(f->e.id->gen)->quiet_us * (uint64_t)1000;
    f->reset_until_ns = f->now_ns + 3 * NS_PER_MS;
    f->read_until_ns = f->now_ns + 6 * NS_PER_MS;
}

static bool in_reset(void)
{
    if (f->now_ns < f->quiet_until_ns) {
        f->touched_in_quiet = true;
    }
    return f->reset_stuck ? f->resets > 0 : f->now_ns < f->reset_until_ns;
}

static uint32_t status(void)
{
    uint32_t value = f->port << 2;
    if (f->link && (fake_reg(0) & 0x40) != 0) {
        value |= (f->half_duplex ? 0x02 : 0x03) | f->speed << 6;
    }
    bool stopped = (fake_reg(0) & 0x04) != 0 && f->now_ns >= f->master_until_ns;
    return value | (stopped && !f->master_stuck ? 0 : 1u << 19);
}

static void eerd(uint32_t value)
{
    uint32_t addr = f->small_eerd ? value >> 8 & 0xff : value >> 2 & 0x3fff;
    uint32_t done = f->small_eerd ? 0x10 : 0x02;
    assert_true((value & 1) != 0);
    *reg(0x14) = value;
    if (!f->eerd_dead && addr < ARRAY_SIZE(f->nvm)) {
        *reg(0x14) = (value & 0xffff) | done | (uint32_t)f->nvm[addr] << 16;
    }
}

static void mdic(uint32_t value)
{
    uint32_t phy = value >> 21 & 31;
    uint32_t at = value >> 16 & 31;
    *reg(0x20) = value;
    if (f->mdic_dead) {
        return;
    }
    /* A PHY in SMBus mode is reached by a MAC in SMBus mode, and by no other. */
    bool mac_smbus = f->is_ich && (fake_reg(0x18) & 0x800) != 0;
    bool reached = !f->smbus_kept || mac_smbus == ((f->phy[0][23] & 1) != 0);
    if ((phy != 1 && phy != 2) || !reached) {
        *reg(0x20) = value | 5u << 28;
        return;
    }
    if ((value >> 26 & 3) == 1) {
        f->phy[phy - 1][at] = (uint16_t)value;
    } else {
        value = (value & ~0xffffu) | f->phy[phy - 1][at];
    }
    *reg(0x20) = value | 1u << 28;
}

static bool extcnf_held(void)
{
    return f->firmware_holds_extcnf || f->now_ns < f->extcnf_held_until_ns;
}

static void extcnf(uint32_t value)
{
    if (extcnf_held() && f->is_ich && (value & 0x20) != 0) {
        f->swflag_stolen = true; /* it reads as the driver's, and is not */
    }
    *reg(0xf00) = extcnf_held() ? value & ~0x20u : value;
}

static bool has_swsm(void)
{
    return !f->is_ich; /* there 0x5b50 is H2ME */
}

static void swsm(uint32_t value)
{
    f->smbi = f->smbi_always || (f->smbi && (value & 1) != 0);
    f->smbi_stuck = f->smbi_stuck && (value & 1) != 0;
    *reg(0x5b50) = value & ~(f->firmware_holds_swsm ? 3u : 1u);
}

static void control(uint32_t value)
{
    assert_int_equal(value & 1u << 31, 0); /* never a PHY reset */
    if ((value & ~fake_reg(0) & 0x04) != 0) {
        f->master_until_ns = f->now_ns + 2 * NS_PER_MS;
    }
    *reg(0) = value & ~(1u << 26);
    if ((value & 1u << 26) != 0) {
        begin_reset();
    }
}

static void tail(uint32_t offset, uint32_t value)
{
    if (f->tail_deaf) {
        return;
    }
    *reg(offset) = value;
    if (offset == 0x3818 && (fake_reg(0x400) & 2) != 0 && f->bus_master) {
        *reg(0x3810) = value; /* sent */
        f->flush_required = f->flush_required && f->flush_by_rx;
    }
}

void mmio_write32(const struct mmio *m, uint32_t offset, uint32_t value)
{
    assert_true(offset + 4 <= m->size_bytes);
    f->now_ns += ACCESS_NS;
    record(true, false, offset, value);
    if (in_reset()) {
        return;
    }
    if (offset == 0x00) {
        control(value);
    } else if (offset == 0x14) {
        eerd(value);
    } else if (offset == 0x20) {
        mdic(value);
    } else if (offset == 0xf00) {
        extcnf(value);
    } else if (offset == 0x5b50 && has_swsm()) {
        swsm(value);
    } else if (offset == 0x2818 || offset == 0x3818) {
        tail(offset, value);
    } else if (offset == 0xd0) {
        *reg(0xd0) |= value;
    } else if (offset == 0xd8) {
        *reg(0xd0) &= ~value;
    } else if (offset != 0xc8) {
        if (offset == 0x100 && (value & 2) != 0) {
            f->flush_required = f->flush_required && !f->flush_by_rx;
        }
        *reg(offset) = value;
    }
}

static uint32_t read_reg(uint32_t offset)
{
    if (offset == 0x08) {
        return status();
    }
    if (offset == 0x10 && !f->is_ich) {
        bool done = !f->no_auto_read && f->now_ns >= f->read_until_ns;
        return fake_reg(0x10) | (done ? 1u << 9 : 0);
    }
    if (offset == 0x5b5c) {
        return fake_reg(0x5b5c) | f->sync_held;
    }
    if (offset == 0x5b54 && f->engine_busy) {
        return fake_reg(0x5b54) | 1u << 24;
    }
    if (offset == 0xf00 && extcnf_held() && f->is_ich) {
        return fake_reg(0xf00) | 0x20;
    }
    if (offset == 0x5b50 && has_swsm()) {
        uint32_t value = fake_reg(0x5b50) | (f->smbi || f->smbi_stuck || f->smbi_always);
        f->smbi = true;
        return value;
    }
    if (offset == 0x5b54 && f->is_ich && (fake_reg(0x5b50) & 0x1000) != 0 && !f->ulp_stuck) {
        *reg(0x5b54) &= ~0x400u; /* the engine does as it is told */
    }
    return fake_reg(offset);
}

uint32_t mmio_read32(const struct mmio *m, uint32_t offset)
{
    assert_true(offset + 4 <= m->size_bytes);
    f->now_ns += ACCESS_NS;
    uint32_t value = in_reset() || f->gone ? UINT32_MAX : read_reg(offset);
    record(false, false, offset, value);
    return value;
}

enum status mmio_map(struct mmio *m, uint64_t physical, size_t size_bytes)
{
    assert_int_equal(physical, 0xfebc0000);
    m->base = (volatile uint8_t *)f->regs;
    m->size_bytes = size_bytes;
    return STATUS_OK;
}

/* --- the rest of the machine -------------------------------------------------------------- */

uint64_t time_now_ns(void)
{
    return f->now_ns;
}

void time_delay_us(uint32_t us)
{
    f->now_ns += (uint64_t)us * NS_PER_US;
}

uint64_t dma_bus_address(const void *virt)
{
    return (uint64_t)(uintptr_t)virt + BUS_OFFSET;
}

void *dma_alloc(size_t size, size_t align, uint64_t *bus)
{
    void *virt = arena_alloc(&f->arena, size, align);
    *bus = dma_bus_address(virt);
    return virt;
}

void pci_enable(const struct pci_device *d, bool bus_master)
{
    assert_ptr_equal(d, &f->dev);
    record(true, true, 0x04, bus_master ? 6 : 2);
    f->bus_master = bus_master;
}

uint32_t pci_read32(const struct pci_device *d, uint16_t offset)
{
    assert_ptr_equal(d, &f->dev);
    uint32_t value = offset == 0xe4                    ? (f->flush_required ? 0x100 : 0)
                     : offset == CONFIG_EXPRESS + 0x10 ? f->aspm
                                                       : 0;
    record(false, true, offset, value);
    return value;
}

void pci_write32(const struct pci_device *d, uint16_t offset, uint32_t value)
{
    assert_ptr_equal(d, &f->dev);
    record(true, true, offset, value);
    assert_int_equal(offset, CONFIG_EXPRESS + 0x10);
    assert_int_equal(value >> 16, 0); /* status: cleared by writing 1 */
    f->aspm = (f->aspm & 0xffff0000) | value;
}

uint8_t pci_find_capability(const struct pci_device *d, uint8_t id)
{
    assert_ptr_equal(d, &f->dev);
    return id == 0x10 ? CONFIG_EXPRESS : 0;
}

/* --- life --------------------------------------------------------------------------------- */

void fake_on(uint16_t device)
{
    static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    memset(f, 0, sizeof(*f));
    const struct e1000_id *id = e1000_match(0x8086, device);
    assert_non_null(id);
    f->small_eerd = id->gen == E1000_GEN_8254X;
    f->is_ich = id->gen >= E1000_GEN_ICH8 && id->gen <= E1000_GEN_SPT;
    f->dev = (struct pci_device){.slot = 3, .vendor = 0x8086, .device = device, .irq_pin = 1};
    f->dev.bars[0] = (struct pci_bar){.address = 0xfebc0000, .size_bytes = FAKE_REGS_BYTES};
    memcpy(f->mac, mac, 6);
    load_address();
    f->nvm[0] = 0x5452;
    f->nvm[1] = 0x1200;
    f->nvm[2] = 0x7834;
    f->phy[0][2] = f->phy[1][2] = 0x0154;
    f->phy[0][0] = f->phy[1][0] = 0x1140;
    f->link = true;
    f->speed = 2;
    *reg(0x5b54) = 0x8040; /* firmware is there, and allows a power cycle of the PHY */

    struct arena measure;
    arena_init(&measure, NULL, 0);
    assert_int_equal(pkt_pool_init(&f->pool, &measure, "fake", PACKETS, NULL), STATUS_OK);
    size_t size = align_up(measure.used_bytes + 65536, 4096);
    f->memory = aligned_alloc(4096, size);
    assert_non_null(f->memory);
    memset(f->memory, 0, size);
    arena_init(&f->arena, f->memory, size);
    enum status st = pkt_pool_init(&f->pool, &f->arena, "fake", PACKETS, dma_bus_address);
    assert_int_equal(st, STATUS_OK);
}

enum status fake_open(void)
{
    struct e1000_config config = {.pool = &f->pool};
    return e1000_open(&f->e, &f->dev, &config);
}

void fake_start(void)
{
    assert_int_equal(fake_open(), STATUS_OK);
    e1000_start(&f->e);
    f->log_count = 0;
}

void fake_off(void)
{
    e1000_close(&f->e);
    assert_false(f->bus_master);
    assert_int_equal(f->pool.used, 0);
    assert_false(f->touched_in_quiet);
    assert_false(f->swflag_stolen);
    free(f->memory);
    f->memory = NULL;
}

void fake_watchdog(void)
{
    struct nic *nic = &f->e.nic;
    do {
        uint64_t before_ns = f->now_ns;
        uint64_t next_ns = nic->ops->watchdog(nic, before_ns);
        f->longest_call_ns = max_u64(f->longest_call_ns, f->now_ns - before_ns);
        f->now_ns = max_u64(f->now_ns, f->e.state == E1000_RESETTING ? next_ns : f->now_ns);
    } while (f->e.state == E1000_RESETTING);
}

void fake_hang(void)
{
    struct nic *nic = &f->e.nic;
    f->tail_deaf = true;
    struct pkt *p = pkt_alloc(&f->pool, PKT_HEADROOM);
    assert_non_null(p);
    memset(pkt_append(p, 60), 0, 60);
    assert_int_equal(nic->ops->tx(nic, &p, 1), 1);
    nic->ops->tx_flush(nic);
    f->tail_deaf = false;
    for (int i = 0; i < 20 && nic->stats.tx_hangs == 0 && f->resets < 2; i++) {
        f->now_ns += NIC_WATCHDOG_NS;
        uint64_t before_ns = f->now_ns;
        (void)nic->ops->watchdog(nic, before_ns);
        f->longest_call_ns = max_u64(f->longest_call_ns, f->now_ns - before_ns);
    }
    assert_int_equal(f->e.state, E1000_RESETTING);
}
