/*
 * Panics and failed assertions of the kernel. Relies on as little as it can: no log, no heap, no
 * interrupts, and a clock only with a bound on how often it is asked.
 */
#include "kernel/panic.h"

#include <stdio.h>
#include <string.h>

#include "kernel/log.h"
#include "kernel/platform.h"

enum {
    PANIC_PAUSE_S = 5,         /* between the message and the reboot: to read or photograph it */
    PANIC_MESSAGE_BYTES = 384, /* a longer message is cut */
    PANIC_LOG_BYTES = 1024,    /* how much of the log is repeated: about the last ten lines */
};
#define PANIC_PAUSE_READS_MAX UINT64_C(1000000000) /* of the clock, should it stand still */

enum panic_stage {
    PANIC_NONE,
    PANIC_MESSAGE,
    PANIC_FINISH,
};

static struct {
    bool halt; /* the action is PANIC_HALT */
    volatile enum panic_stage stage;
    char message[PANIC_MESSAGE_BYTES];
    char log[PANIC_LOG_BYTES];
} panics;

static void say(const char *text)
{
    platform_console_write(text, strlen(text));
}

void panic_set_action(enum panic_action action)
{
    assert(action == PANIC_HALT || action == PANIC_REBOOT);
    panics.halt = action == PANIC_HALT;
}

void panic(const char *fmt, ...)
{
    (void)platform_irq_save();
    if (panics.stage != PANIC_NONE) {
        platform_halt(1);
    }
    panics.stage = PANIC_MESSAGE;
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(panics.message, sizeof(panics.message), fmt, ap);
    va_end(ap);
    say("\npanic: ");
    say(len < 0 ? fmt : panics.message);
    say("\n");
    panic_finish();
}

/* Bounded twice: by time, and by how often a clock that broke is read. */
static void pause_before_reboot(void)
{
    uint64_t start_ns = platform_now_ns();
    for (uint64_t reads = 0; reads < PANIC_PAUSE_READS_MAX; reads++) {
        if (platform_now_ns() - start_ns >= PANIC_PAUSE_S * NS_PER_S) {
            return;
        }
    }
}

void panic_finish(void)
{
    (void)platform_irq_save();
    if (panics.stage == PANIC_FINISH) {
        platform_halt(1);
    }
    panics.stage = PANIC_FINISH;
    platform_backtrace();
    size_t len = log_read(panics.log, sizeof(panics.log));
    say("the last lines of the log:\n");
    platform_console_write(panics.log, len);
    if (panics.halt) {
        say("halted\n");
        platform_halt(1);
    }
    say("rebooting in 5 s\n");
    pause_before_reboot();
    platform_reboot();
}

noreturn_fn void assert_fail(const char *expr, const char *file, int line, const char *func)
{
    const char *colon = func != NULL ? ": " : "";
    panic("%s:%d%s%s: assertion failed: %s", file, line, colon, func != NULL ? func : "", expr);
}
