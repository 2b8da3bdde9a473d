/*
 * See fake_platform.h. Contexts are not here: tests of tasks link arch/host's.
 */
#include "tests/unit/fake_platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct fake_platform fake;

void fake_reset(size_t arena_bytes)
{
    free(fake.memory);
    memset(&fake, 0, sizeof(fake));
    fake.stacks_max = UINT32_MAX;
    void *mem = aligned_alloc(4096, align_up(arena_bytes, 4096));
    if (mem == NULL) {
        abort();
    }
    fake.memory = mem;
    arena_init(&fake.arena, mem, arena_bytes);
}

const char *fake_console(void)
{
    fake.console[fake.console_len] = '\0';
    fake.console_len = 0;
    return fake.console;
}

bool fake_aborts(void (*fn)(void *arg), void *arg)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        fn(arg);
        _exit(0);
    }
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
           WTERMSIG(status) == SIGABRT;
}

/* xorshift64*: Marsaglia 2003, Vigna 2016. */
uint64_t fake_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t fake_seed(void)
{
    const char *given = getenv("SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0)
                                  : (uint64_t)now.tv_sec * 1000003u + (uint64_t)now.tv_nsec;
    seed = seed == 0 ? 1 : seed;
    printf("seed %llu\n", (unsigned long long)seed);
    return seed;
}

uint64_t platform_now_ns(void)
{
    fake.clock_reads++;
    fake.now_ns += fake.step_ns;
    return fake.now_ns;
}

uint64_t platform_boot_unix_s(void)
{
    return fake.unix_s;
}

static void console_put(const char *text, size_t len)
{
    if (len >= sizeof(fake.console) - fake.console_len) {
        fake.console_len = 0;
    }
    memcpy(fake.console + fake.console_len, text, len);
    fake.console_len += len;
}

void platform_console_write(const char *text, size_t len)
{
    size_t half = len / 2;
    bool nested = fake.in_console;
    fake.console_nested += nested;
    fake.in_console = true;
    console_put(text, half);
    if (fake.on_console != NULL) {
        fake.on_console();
    }
    console_put(text + half, len - half);
    fake.in_console = nested;
}

enum entropy_quality platform_entropy(void *buf, size_t len)
{
    memset(buf, 0x5a, len);
    return ENTROPY_JITTER;
}

void platform_wait(uint64_t deadline_ns, bool (*idle)(void))
{
    fake.waits++;
    fake.wait_deadline = deadline_ns;
    if (!idle()) {
        return;
    }
    if (fake.on_wait != NULL) {
        fake.on_wait(deadline_ns);
        return;
    }
    assert(deadline_ns != DEADLINE_NONE); /* nothing will ever happen */
    fake.now_ns = max_u64(fake.now_ns, deadline_ns);
}

struct arena *platform_arena(void)
{
    return &fake.arena;
}

void *platform_stack_alloc(size_t size, void **top)
{
    if (fake.stacks == fake.stacks_max) {
        return NULL;
    }
    fake.stacks++;
    size_t bytes = size * 4; /* the sanitizers' frames are large */
    uint8_t *low = arena_alloc(&fake.arena, bytes, 16);
    assert(low != NULL);
    *top = low + bytes;
    return low;
}

uint64_t platform_irq_save(void)
{
    return fake.irq_depth++;
}

void platform_irq_restore(uint64_t saved)
{
    assert(fake.irq_depth == saved + 1);
    fake.irq_depth--;
}

void platform_backtrace(void)
{
    fake.backtraces++;
}

static noreturn_fn void end(enum fake_end how, int code)
{
    fake.end = how;
    fake.halt_code = code;
    if (fake.on_end == NULL) {
        abort();
    }
    longjmp(*fake.on_end, 1);
}

noreturn_fn void platform_reboot(void)
{
    end(FAKE_REBOOTED, 0);
}

noreturn_fn void platform_power_off(void)
{
    end(FAKE_OFF, 0);
}

noreturn_fn void platform_halt(int exit_code)
{
    end(FAKE_HALTED, exit_code);
}
