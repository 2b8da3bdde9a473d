/*
 * How the machine sleeps. There is no periodic tick: the local APIC's timer
 * is armed for the one deadline that matters, and an idle machine stays halted until then.
 */
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/irq/poll.h"
#include "arch/x86_64/time/timer.h"
#include "kernel/platform.h"

void platform_wait(uint64_t deadline_ns, bool (*idle)(void))
{
    assert((cpu_flags() & CPU_RFLAGS_IF) != 0);
    cpu_cli();
    if (deadline_ns <= platform_now_ns() || !idle()) {
        cpu_sti();
        return;
    }
    apic_timer_arm(min_u64(deadline_ns, irq_next_poll_ns()));
    /* An interrupt since cli, the timer's too, is pending and ends the halt at once: none is lost.
     */
    cpu_sti_hlt();
}
