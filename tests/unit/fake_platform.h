/*
 * kernel/platform.h for unit tests: a clock that only the test moves, a console that is a buffer,
 * memory from malloc, and ends of the run that come back to the test.
 */
#ifndef TESTS_FAKE_PLATFORM_H
#define TESTS_FAKE_PLATFORM_H

#include <setjmp.h>

#include "kernel/platform.h"

enum fake_end {
    FAKE_RUNNING,
    FAKE_HALTED,
    FAKE_REBOOTED,
    FAKE_OFF,
};

struct fake_platform {
    uint64_t now_ns;
    uint64_t step_ns; /* what every look at the clock adds */
    uint64_t clock_reads;
    uint64_t unix_s;
    char console[1 << 16]; /* the newest output; starts anew when full */
    size_t console_len;
    /* An "interrupt" in the middle of every write to the console. May be NULL. */
    void (*on_console)(void);
    bool in_console;         /* a write to the console is under way */
    uint32_t console_nested; /* writes into the middle of another */
    struct arena arena;
    uint8_t *memory;        /* the arena's one range */
    uint32_t irq_depth;     /* platform_irq_save calls not restored */
    uint32_t stacks;        /* handed out */
    uint32_t stacks_max;    /* then NULL */
    uint32_t waits;         /* platform_wait calls */
    uint64_t wait_deadline; /* of the last one */
    /* Instead of just moving the clock to the deadline. May be NULL. */
    void (*on_wait)(uint64_t deadline_ns);
    uint32_t backtraces;
    enum fake_end end;
    int halt_code;
    jmp_buf *on_end; /* where platform_halt, _reboot and _power_off continue */
};
extern struct fake_platform fake;

/* Everything anew, with arena_bytes of memory. */
void fake_reset(size_t arena_bytes);
/* The console's output as text, and forgotten. */
const char *fake_console(void);

/* Whether fn(arg), run in a process of its own, ends with an abort: a failed assertion. */
bool fake_aborts(void (*fn)(void *arg), void *arg);

/* A small generator for tests that print their seed. */
uint64_t fake_random(uint64_t *state);
uint64_t fake_seed(void); /* from the environment's SEED, or new; printed */

#endif
