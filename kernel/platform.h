/*
 * What a target must provide, and all that the kernel asks of it. Implemented by arch/x86_64 (the
 * machine) and arch/host (a Linux process). One core; "irq context" is a hard interrupt handler on
 * the machine and does not exist on the host.
 */
#ifndef KERNEL_PLATFORM_H
#define KERNEL_PLATFORM_H

#include "kernel/arena.h"
#include "kernel/base.h"

/* Monotonic time in ns; 0 is near the kernel's entry. Any context. Never goes back. */
uint64_t platform_now_ns(void);

/* Wall-clock seconds since 1970 at monotonic time 0 (from the RTC; 0 when there is none). */
uint64_t platform_boot_unix_s(void);

/* Bytes to every console. '\n' starts a new line. Any context, never blocks without a bound. */
void platform_console_write(const char *text, size_t len);

/*
 * Fills buf with bytes fit for seeding keys. Returns the source's quality: what was claimed at
 * boot.
 */
enum entropy_quality {
    ENTROPY_HARDWARE, /* RDSEED or RDRAND passed its health test, jitter mixed in */
    ENTROPY_JITTER,   /* timing jitter only: an observer on the machine might guess */
};
enum entropy_quality platform_entropy(void *buf, size_t len);

/*
 * Sleeps until an interrupt (or, on the host, input on a registered descriptor) or until
 * deadline_ns. idle() is asked with interrupts disabled just before halting; when it says false the
 * call returns at once, so that a softirq raised meanwhile is not slept over. Task context: none
 * (the loop calls it).
 */
void platform_wait(uint64_t deadline_ns, bool (*idle)(void));

/* The memory that is handed out at start. Never shrinks; not for the data path. */
struct arena *platform_arena(void);

/*
 * A stack of at least size bytes with an unmapped guard page below it: returns its lowest usable
 * address, *top its end (16-aligned), or NULL when memory is used up. Never given back: tasks
 * reuse.
 */
void *platform_stack_alloc(size_t size, void **top);

/* Disables interrupts and returns what to give to restore. Nests. */
uint64_t platform_irq_save(void);
void platform_irq_restore(uint64_t saved);

/*
 * Saves the callee-saved registers on the current stack, stores its pointer in *from and continues
 * on the stack to. platform_context_init prepares a fresh stack that starts in entry(arg), which
 * must not return; stack_low is what platform_stack_alloc returned.
 */
struct platform_context {
    void *sp;
    void *stack_low; /* NULL: the boot stack */
    size_t stack_bytes;
    void *hosted; /* for arch/host's sanitizer bookkeeping */
};
void platform_context_init(struct platform_context *ctx, void *stack_low, void *top,
                           noreturn_fn void (*entry)(void *arg), void *arg);
void platform_context_switch(struct platform_context *from, struct platform_context *to);

/* Writes the call chain to the console, function names where known. For panics. */
void platform_backtrace(void);

/* Quiets the devices' DMA (handlers registered by drivers with irq.h), then ends the run. */
noreturn_fn void platform_reboot(void);
noreturn_fn void platform_power_off(void); /* halts, and says so, where the power stays on */
noreturn_fn void platform_halt(int exit_code);

/*
 * The other direction: what the machine's start-up code calls, once, on the boot stack, when the
 * platform stands (memory, traps, clocks, interrupts, PCI). The composition root implements it.
 */
noreturn_fn void kernel_main(const char *cmdline);

#endif
