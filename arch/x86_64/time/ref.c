/*
 * The reference counters of ref.h. Nothing here waits without a bound: on recent boards the
 * PIT may be clock-gated and a PM timer may be named that does not count.
 */
#include "arch/x86_64/time/ref.h"

#include "arch/x86_64/acpi/acpi.h"
#include "arch/x86_64/cpu/cpu.h"
#include "kernel/log.h"

enum {
    ALIVE_READS_MAX = 10000, /* at least a millisecond; the slowest counter moves each 0.84 us */

    /* IA-PC HPET 1.0a, 2.3 */
    HPET_REGISTERS_BYTES = 0x400,
    HPET_PERIOD_FS = 0x004, /* upper half of the capabilities register */
    HPET_CONFIG = 0x010,
    HPET_COUNTER = 0x0f0,
    HPET_CONFIG_ENABLE = 1 << 0,
    HPET_CONFIG_LEGACY_ROUTE = 1 << 1,
    HPET_PERIOD_MAX_FS = 0x05f5e100, /* 2.3.4: 100 ns */
    HPET_PERIOD_MIN_FS = 100000,     /* 10 GHz: no such thing */

    PM_TIMER_HZ = 3579545, /* ACPI 6.5, 4.8.2.1 */

    /* Intel 8254 */
    PIT_HZ = 1193182,
    PIT_CHANNEL2_PORT = 0x42,
    PIT_COMMAND_PORT = 0x43,
    PIT_CHANNEL2_RATE = 0xb4, /* channel 2, low then high byte, mode 2, binary */
    PIT_CHANNEL2_LATCH = 0x80,
    SPEAKER_PORT = 0x61,
    SPEAKER_GATE2 = 1 << 0,
    SPEAKER_ON = 1 << 1,
};
#define FS_PER_S UINT64_C(1000000000000000)

static uint32_t hpet_read(const struct clock_ref *r)
{
    return mmio_read32(&r->regs, HPET_COUNTER);
}

/*
 * Firmware may leave it stopped. Its legacy route would put its timers' interrupts in the place of
 * the PIT's and the CMOS clock's (2.3.5): off.
 */
static bool hpet_init(struct clock_ref *r)
{
    uint64_t address = acpi_info()->hpet_address;
    if (address == 0 || mmio_map(&r->regs, address, HPET_REGISTERS_BYTES) != STATUS_OK) {
        return false;
    }
    uint32_t period_fs = mmio_read32(&r->regs, HPET_PERIOD_FS);
    if (period_fs < HPET_PERIOD_MIN_FS || period_fs > HPET_PERIOD_MAX_FS) {
        log_warn("clock: the HPET's period of %u fs is outside its specification",
                 (unsigned)period_fs);
        return false;
    }
    uint32_t config = mmio_read32(&r->regs, HPET_CONFIG);
    config = (config | HPET_CONFIG_ENABLE) & ~(uint32_t)HPET_CONFIG_LEGACY_ROUTE;
    mmio_write32(&r->regs, HPET_CONFIG, config);
    r->name = "HPET";
    r->hz = FS_PER_S / period_fs;
    r->mask = UINT32_MAX; /* its lower half is enough for a few milliseconds */
    r->read = hpet_read;
    return true;
}

static uint32_t pm_timer_read(const struct clock_ref *r)
{
    return in32(r->port);
}

static bool pm_timer_init(struct clock_ref *r)
{
    const struct acpi_info *board = acpi_info();
    if (board->pm_timer_port == 0) {
        return false;
    }
    r->name = "PM timer";
    r->hz = PM_TIMER_HZ;
    r->mask = board->pm_timer_32bit ? UINT32_MAX : 0xffffff;
    r->read = pm_timer_read;
    r->port = board->pm_timer_port;
    return true;
}

/*
 * It counts down from 65536, again and again. Latched, so that both bytes are of one moment: it
 * goes on counting between two reads.
 */
static uint32_t pit_read(const struct clock_ref *r)
{
    (void)r;
    out8(PIT_COMMAND_PORT, PIT_CHANNEL2_LATCH);
    uint32_t low = in8(PIT_CHANNEL2_PORT);
    uint32_t count = low | ((uint32_t)in8(PIT_CHANNEL2_PORT) << 8);
    return (0U - count) & 0xffff;
}

/* Channel 2 counts while its gate is open, which is the speaker's; the speaker itself stays silent.
 */
void clock_ref_start_pit(struct clock_ref *r)
{
    uint8_t speaker = in8(SPEAKER_PORT);
    out8(SPEAKER_PORT, (uint8_t)((speaker | SPEAKER_GATE2) & ~SPEAKER_ON));
    out8(PIT_COMMAND_PORT, PIT_CHANNEL2_RATE);
    out8(PIT_CHANNEL2_PORT, 0); /* 0 in both bytes: from 65536 */
    out8(PIT_CHANNEL2_PORT, 0);
    r->name = "PIT";
    r->hz = PIT_HZ;
    r->mask = 0xffff;
    r->read = pit_read;
}

/* Boards without the PC's fixed hardware say so (ACPI 6.5, 4.1): the ports may be anything's. */
static bool pit_init(struct clock_ref *r)
{
    if (acpi_info()->hardware_reduced) {
        return false;
    }
    clock_ref_start_pit(r);
    return true;
}

/* What a table names need not be there; and a coarse counter may read the same twice. */
static bool is_moving(const struct clock_ref *r)
{
    uint32_t first = r->read(r);
    for (uint32_t i = 0; i < ALIVE_READS_MAX; i++) {
        if (r->read(r) != first) {
            return true;
        }
    }
    log_warn("clock: the %s does not count", r->name);
    return false;
}

size_t clock_ref_find(struct clock_ref refs[CLOCK_REF_MAX])
{
    static bool (*const inits[])(struct clock_ref *) = {hpet_init, pm_timer_init, pit_init};
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(inits) && count < CLOCK_REF_MAX; i++) {
        refs[count] = (struct clock_ref){0};
        if (inits[i](&refs[count]) && is_moving(&refs[count])) {
            assert(is_power_of_two(refs[count].mask + 1));
            count++;
        }
    }
    return count;
}

static struct clock_reading read_reference(const struct clock_ref *r)
{
    struct clock_reading got = {.before = rdtsc()};
    got.ticks = r->read(r);
    got.after = rdtsc();
    return got;
}

struct clock_reading clock_read_narrow(const struct clock_ref *r, uint32_t count)
{
    struct clock_reading best = read_reference(r);
    for (uint32_t i = 1; i < count; i++) {
        struct clock_reading next = read_reference(r);
        if (next.after - next.before < best.after - best.before) {
            best = next;
        }
    }
    return best;
}
