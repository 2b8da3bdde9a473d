/*
 * The local APIC's timer, one-shot: by its own counter, or by deadlines of the TSC.
 * Intel SDM volume 3, section 11.5.4; section numbers below are of that chapter.
 */
#include "arch/x86_64/time/timer.h"

#include "arch/x86_64/apic/apic.h"
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/cpu/vectors.h"
#include "arch/x86_64/time/calc.h"
#include "kernel/panic.h"
#include "kernel/platform.h"

enum {
    LVT_TSC_DEADLINE = 2 << 17,
    TIMER_DIVIDE_BY_16 = 3, /* figure 11-10 */
    /* Re-arming once a minute costs nothing and keeps every conversion far from overflow. */
    TIMER_MAX_S = 60,
};

static struct {
    bool tsc_deadline;
    struct clock_scale ns_to_ticks; /* of the timer or, with tsc_deadline, of the TSC */
    uint64_t max_ns;                /* as far as the timer can count */
    uint64_t deadline_ns;           /* what it is set for; DEADLINE_NONE: nothing */
    uint64_t armed_ns;              /* for how long it was set last */
    uint64_t expired_ns;            /* the sum of those that it counted to the end */
    void (*tick)(void);
} timer;

static void on_timer(uint8_t vector)
{
    assert(vector == VECTOR_TIMER);
    timer.expired_ns += timer.armed_ns;
    timer.armed_ns = 0;
    timer.deadline_ns = DEADLINE_NONE;
    if (timer.tick != NULL) {
        timer.tick();
    }
    apic_eoi();
}

void apic_timer_count_start(void)
{
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR_TIMER);
    apic_write(APIC_TIMER_DIVIDE, TIMER_DIVIDE_BY_16);
    apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
}

uint32_t apic_timer_count(void)
{
    return apic_read(APIC_TIMER_CURRENT);
}

void apic_timer_init(uint64_t timer_hz, uint64_t tsc_hz)
{
    vectors_set_handler(VECTOR_TIMER, on_timer);
    timer.max_ns = TIMER_MAX_S * NS_PER_S;
    timer.deadline_ns = DEADLINE_NONE;
    timer.tsc_deadline = tsc_hz != 0 && (cpuid(1, 0).ecx & CPUID_1_ECX_TSC_DEADLINE) != 0;
    apic_write(APIC_TIMER_INITIAL, 0); /* stops the calibration's count */
    if (timer.tsc_deadline) {
        timer.ns_to_ticks = clock_scale_make(tsc_hz, NS_PER_S);
        apic_write(APIC_LVT_TIMER, LVT_TSC_DEADLINE | VECTOR_TIMER);
        /* 11.5.4.1: in xAPIC mode the memory write must be done before the first arming MSR write.
         */
        cpu_mfence();
        return;
    }
    if (timer_hz == 0) {
        panic("apic: the timer of the local APIC does not count");
    }
    timer.ns_to_ticks = clock_scale_make(timer_hz, NS_PER_S);
    timer.max_ns = min_u64(timer.max_ns, (uint64_t)UINT32_MAX * NS_PER_S / timer_hz);
    apic_write(APIC_TIMER_DIVIDE, TIMER_DIVIDE_BY_16);
    apic_write(APIC_LVT_TIMER, VECTOR_TIMER); /* mode bits 0: one-shot */
}

void apic_timer_arm(uint64_t deadline_ns)
{
    assert(timer.max_ns != 0);
    if (deadline_ns == timer.deadline_ns) {
        return; /* a write that a hypervisor would have to emulate */
    }
    timer.deadline_ns = deadline_ns;
    uint64_t now_ns = platform_now_ns();
    uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    timer.armed_ns = min_u64(left_ns, timer.max_ns);
    uint64_t ticks = clock_scale_apply(timer.ns_to_ticks, timer.armed_ns);
    if (deadline_ns == DEADLINE_NONE) {
        timer.armed_ns = 0;
        ticks = 0; /* 0 disarms in both modes */
    } else if (!timer.tsc_deadline) {
        ticks = min_u64(ticks + 1, UINT32_MAX); /* never 0, and never early by rounding */
    } else {
        ticks += rdtsc() + 1;
    }
    if (timer.tsc_deadline) {
        wrmsr(MSR_TSC_DEADLINE, ticks);
    } else {
        apic_write(APIC_TIMER_INITIAL, (uint32_t)ticks);
    }
}

uint64_t apic_timer_expired_ns(void)
{
    return timer.expired_ns;
}

void apic_timer_set_tick(void (*tick)(void))
{
    timer.tick = tick;
}
