/*
 * How fast the TSC is: at first a rough idea, then measured against two counters that must agree,
 * or as the processor states it. Also measures the local APIC's timer, over the same intervals.
 * Intel SDM volume 3, 18.17 (TSC); volume 2, CPUID leaves 15h and 16h.
 */
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/time/calc.h"
#include "arch/x86_64/time/clock.h"
#include "arch/x86_64/time/guard.h"
#include "arch/x86_64/time/internal.h"
#include "arch/x86_64/time/ref.h"
#include "arch/x86_64/time/timer.h"
#include "kernel/log.h"
#include "kernel/panic.h"

enum {
    SAMPLES = 3,      /* their median: one may be hit by a firmware interrupt or by the host */
    SAMPLE_US = 2000, /* the references are read to within 0.3 us: 0.02 % */
    WAIT_READS_MAX = 1000000, /* of a reference during a sample: 0.1 s at the very least */
    ROUGH_US = 250,           /* of the first measurement: about 300 ticks of the PIT */
    ROUGH_READS = 4,
    ROUGH_WAIT_READS_MAX = 2500, /* three port accesses of 100 ns or more each: over 0.7 ms */
    EDGE_READS_MAX = 1000,       /* for a reference known to move */
    AGREE_MAX_PPM = 5000,        /* 0.5 % */
    BASE_SPREAD_PERCENT = 2,     /* of a base frequency: a counter that is steadier knows better */
    PPM_PER_HUNDREDTH_PERCENT = 100,
    HZ_PER_MHZ = 1000000,
    HZ_PER_KHZ = 1000,
    CPUID_TSC_CRYSTAL = 0x15,
    CPUID_BASE_MHZ = 0x16,
    CPUID_HYPERVISOR_TSC_KHZ = 0x40000010,
};

#define GUESSED_HZ UINT64_C(2000000000) /* until the board's clocks are found */

struct mark { /* a counter and the TSC at one moment */
    uint64_t ticks;
    uint64_t tsc;
};

/* At a step of the counter: a coarse one is then read as exactly as a fine one. */
static struct mark mark_reference(const struct clock_ref *r)
{
    uint32_t first = r->read(r);
    struct mark m = {first, rdtsc()};
    for (uint32_t i = 0; i < EDGE_READS_MAX && m.ticks == first; i++) {
        uint64_t before = rdtsc();
        m.ticks = r->read(r);
        m.tsc = before + (rdtsc() - before) / 2;
    }
    return m;
}

static struct mark mark_apic_timer(void)
{
    uint64_t before = rdtsc();
    uint64_t ticks = UINT32_MAX - apic_timer_count(); /* it counts down */
    return (struct mark){ticks, before + (rdtsc() - before) / 2};
}

/* Until the reference has moved by SAMPLE_US, or for as many reads as it may take at most. */
static void wait_sample(const struct clock_ref *r, uint64_t from)
{
    uint64_t ticks = r->hz * SAMPLE_US / (US_PER_MS * MS_PER_S);
    for (uint32_t i = 0; i < WAIT_READS_MAX; i++) {
        if (clock_ticks_between(from, r->read(r), r->mask) >= ticks) {
            return;
        }
    }
}

/* What SAMPLES samples gave: by each reference, and the local APIC's timer by the TSC. */
struct samples {
    uint64_t tsc_hz[CLOCK_REF_MAX][SAMPLES];
    uint64_t apic_ticks[SAMPLES];
    uint64_t apic_tsc[SAMPLES];
};

static void take_sample(const struct clock_ref *refs, size_t count, struct samples *s, size_t n)
{
    struct mark from[CLOCK_REF_MAX];
    assert(count >= 1 && count <= CLOCK_REF_MAX && n < SAMPLES);
    for (size_t i = 0; i < count; i++) {
        from[i] = mark_reference(&refs[i]);
    }
    struct mark apic_from = mark_apic_timer();
    wait_sample(&refs[0], from[0].ticks);
    for (size_t i = 0; i < count; i++) {
        struct mark to = mark_reference(&refs[i]);
        uint64_t ticks = clock_ticks_between(from[i].ticks, to.ticks, refs[i].mask);
        /* TSC ticks by reference ticks: the product fits, 5e7 * 1e8 at most. */
        s->tsc_hz[i][n] = clock_measure_hz(to.tsc - from[i].tsc, ticks, refs[i].hz);
    }
    struct mark apic_to = mark_apic_timer();
    s->apic_ticks[n] = apic_to.ticks - apic_from.ticks;
    s->apic_tsc[n] = apic_to.tsc - apic_from.tsc;
}

/* The TSC's own frequency as the processor or the hypervisor states it, or 0. */
static uint64_t stated_exactly_hz(void)
{
    struct cpuid_regs crystal = cpuid(CPUID_TSC_CRYSTAL, 0);
    if (crystal.eax != 0 && crystal.ebx != 0 && crystal.ecx != 0) {
        return (uint64_t)crystal.ecx * crystal.ebx / crystal.eax;
    }
    if ((cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR) != 0) {
        return (uint64_t)cpuid(CPUID_HYPERVISOR_TSC_KHZ, 0).eax * HZ_PER_KHZ;
    }
    return 0;
}

/*
 * Processors that leave out the crystal's frequency (leaf 15h, ECX) have their base frequency
 * taken, which is rounded: off by 0.3 % most often, by 1.3 % where it is 900 MHz.
 */
static uint64_t stated_hz(void)
{
    uint64_t exactly = stated_exactly_hz();
    return exactly != 0 ? exactly : (uint64_t)(cpuid(CPUID_BASE_MHZ, 0).eax & 0xffff) * HZ_PER_MHZ;
}

static void log_frequency(const struct clock_verdict *v, const struct clock_opinion *opinions)
{
    uint64_t hz = opinions[v->chosen].hz;
    unsigned mhz = (unsigned)(hz / HZ_PER_MHZ);
    unsigned hundredths = (unsigned)(hz / (HZ_PER_MHZ / 100) % 100);
    const char *name = opinions[v->chosen].name;
    if (v->other == v->chosen) {
        log_warn("clock: TSC %u.%02u MHz by %s alone: nothing to compare it with", mhz, hundredths,
                 name);
        return;
    }
    unsigned percent_100 =
        (v->difference_ppm + PPM_PER_HUNDREDTH_PERCENT - 1) / PPM_PER_HUNDREDTH_PERCENT;
    if (v->agree) {
        log_info("clock: TSC %u.%02u MHz (%s and %s agree to %u.%02u%%)", mhz, hundredths, name,
                 opinions[v->other].name, percent_100 / 100, percent_100 % 100);
        return;
    }
    log_warn("clock: %s and %s differ by %u.%02u%%, more than is allowed; "
             "taking the %s, which is steadier: TSC %u.%02u MHz",
             name, opinions[v->other].name, percent_100 / 100, percent_100 % 100, name, mhz,
             hundredths);
}

static uint32_t read_tsc(const struct clock_ref *r)
{
    (void)r;
    return (uint32_t)rdtsc();
}

/*
 * A board without a counter, whose processor states what its TSC does: that is the reference of the
 * local APIC's timer, and of nothing else.
 */
static struct clock_ref stated_reference(void)
{
    uint64_t hz = stated_hz();
    if (hz == 0) {
        panic("clock: neither HPET nor PM timer nor PIT counts, and CPUID does not tell what the "
              "TSC does");
    }
    return (struct clock_ref){.name = "CPUID", .hz = hz, .mask = UINT32_MAX, .read = read_tsc};
}

/* Frequency of the TSC; what the references say is weighed with what CPUID states. */
static uint64_t judge(const struct clock_ref *refs, size_t ref_count, struct samples *s)
{
    struct clock_opinion opinions[CLOCK_REF_MAX + 1];
    size_t count = 0;
    for (size_t i = 0; i < ref_count; i++) {
        uint64_t median = clock_median(s->tsc_hz[i], SAMPLES); /* sorts */
        uint64_t spread = s->tsc_hz[i][SAMPLES - 1] - s->tsc_hz[i][0];
        if (median != 0) {
            opinions[count++] = (struct clock_opinion){refs[i].name, median, spread};
        }
    }
    uint64_t stated = stated_hz();
    if (stated != 0) {
        uint64_t spread = stated_exactly_hz() != 0 ? 0 : stated * BASE_SPREAD_PERCENT / 100;
        opinions[count++] = (struct clock_opinion){"CPUID", stated, spread};
    }
    if (count == 0) {
        panic("clock: the TSC could not be measured");
    }
    struct clock_verdict v = clock_judge(opinions, count, AGREE_MAX_PPM);
    log_frequency(&v, opinions);
    return opinions[v.chosen].hz;
}

static uint64_t apic_timer_hz(const struct samples *s, uint64_t tsc_hz)
{
    uint64_t hz[SAMPLES];
    for (size_t n = 0; n < SAMPLES; n++) {
        hz[n] = clock_measure_hz(s->apic_ticks[n], s->apic_tsc[n], tsc_hz);
    }
    return clock_median(hz, SAMPLES);
}

/* By the PIT, for nothing of the board is known yet; 0 when it does not count. */
static uint64_t measure_roughly(void)
{
    struct clock_ref pit = {0};
    clock_ref_start_pit(&pit);
    struct clock_reading from = clock_read_narrow(&pit, ROUGH_READS);
    uint64_t wanted = pit.hz * ROUGH_US / (US_PER_MS * MS_PER_S);
    for (uint32_t i = 0; i < ROUGH_WAIT_READS_MAX; i++) {
        if (clock_ticks_between(from.ticks, pit.read(&pit), pit.mask) >= wanted) {
            break;
        }
    }
    struct clock_reading to = clock_read_narrow(&pit, ROUGH_READS);
    return clock_rough_hz(&from, &to, pit.hz, (uint32_t)pit.mask);
}

void clock_start(uint64_t entry_tsc)
{
    uint64_t hz = stated_hz();
    if (hz == 0) {
        hz = measure_roughly();
    }
    clock_begin(entry_tsc, hz != 0 ? hz : GUESSED_HZ);
}

/* The first reference that agrees with what was decided and does not wrap too soon, or NULL. */
static const struct clock_ref *find_watcher(const struct clock_ref *refs, size_t count,
                                            const struct samples *s, uint64_t tsc_hz)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t median = s->tsc_hz[i][SAMPLES / 2]; /* sorted by judge() */
        if (clock_guard_suits(refs[i].hz, refs[i].mask) &&
            clock_difference_ppm(median, tsc_hz) <= AGREE_MAX_PPM) {
            return &refs[i];
        }
    }
    return NULL;
}

void clock_init(void)
{
    struct clock_ref refs[CLOCK_REF_MAX];
    struct samples s = {0};
    size_t ref_count = clock_ref_find(refs);
    size_t sampled = ref_count;
    if (ref_count == 0) {
        refs[0] = stated_reference();
        sampled = 1;
    }
    apic_timer_count_start();
    for (size_t n = 0; n < SAMPLES; n++) {
        take_sample(refs, sampled, &s, n);
    }
    uint64_t tsc_hz = judge(refs, ref_count, &s);
    clock_set_pace(tsc_hz);
    bool invariant = clock_tsc_is_invariant();
    apic_timer_init(apic_timer_hz(&s, tsc_hz), invariant ? tsc_hz : 0);
    if (!invariant && clock_watch_start(find_watcher(refs, ref_count, &s, tsc_hz))) {
        clock_keep_told();
    }
}
