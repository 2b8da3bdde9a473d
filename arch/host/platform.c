/*
 * kernel/platform.h for a Linux process: clock, entropy, console, waiting, memory, the end.
 * There are no interrupts: a readable descriptor takes their place, looked at by platform_wait.
 */
#include <errno.h>
#include <execinfo.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "arch/host/host.h"
#include "kernel/platform.h"

enum {
    HOST_PAGE_BYTES = 4096,
    BACKTRACE_MAX = 64,
};

static struct host {
    struct arena arena;
    uint64_t start_ns; /* CLOCK_MONOTONIC at host_init */
    int fd;            /* the watched descriptor, -1 none */
    void (*fd_fn)(void *arg);
    void *fd_arg;
} host = {.fd = -1};

static uint64_t monotonic_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

void host_init(size_t arena_bytes)
{
    assert(host.start_ns == 0);
    host.start_ns = monotonic_ns();
    void *mem = mmap(NULL, arena_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mem == MAP_FAILED) {
        fprintf(stderr, "host: cannot reserve %zu bytes of memory: %s\n", arena_bytes,
                strerror(errno));
        exit(1);
    }
    arena_init(&host.arena, mem, arena_bytes);
}

uint64_t platform_now_ns(void)
{
    return monotonic_ns() - host.start_ns;
}

uint64_t platform_boot_unix_s(void)
{
    return (uint64_t)time(NULL) - platform_now_ns() / NS_PER_S;
}

void platform_console_write(const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, text, len);
        if (n < 0 && errno != EINTR) {
            return; /* nobody reads the console: not a reason to stop serving */
        }
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        }
    }
}

enum entropy_quality platform_entropy(void *buf, size_t len)
{
    /* getrandom(2): up to 256 bytes are never cut short. */
    assert(len <= 256);
    if (getrandom(buf, len, 0) != (ssize_t)len) {
        fprintf(stderr, "host: getrandom failed: %s\n", strerror(errno));
        exit(1);
    }
    return ENTROPY_HARDWARE;
}

/* Waits up to timeout for the descriptor and serves it. */
static void poll_fd(const struct timespec *timeout)
{
    struct pollfd p = {.fd = host.fd, .events = POLLIN};
    if (ppoll(&p, 1, timeout, NULL) > 0 && (p.revents & POLLIN) != 0) {
        host.fd_fn(host.fd_arg);
    }
}

void platform_wait(uint64_t deadline_ns, bool (*idle)(void))
{
    if (!idle()) {
        return;
    }
    uint64_t now = platform_now_ns();
    uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
    struct timespec ts = {.tv_sec = (time_t)(left / NS_PER_S), .tv_nsec = (long)(left % NS_PER_S)};
    poll_fd(deadline_ns == DEADLINE_NONE ? NULL : &ts);
}

void host_watch_fd(int fd, void (*fn)(void *arg), void *arg)
{
    assert(host.fd == -1 && fd >= 0);
    host.fd = fd;
    host.fd_fn = fn;
    host.fd_arg = arg;
}

struct arena *platform_arena(void)
{
    return &host.arena;
}

void *platform_stack_alloc(size_t size, void **top)
{
    size = align_up(size, HOST_PAGE_BYTES);
    uint8_t *low = mmap(NULL, size + HOST_PAGE_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (low == MAP_FAILED) {
        return NULL;
    }
    if (mprotect(low, HOST_PAGE_BYTES, PROT_NONE) != 0) {
        munmap(low, size + HOST_PAGE_BYTES);
        return NULL;
    }
    *top = low + HOST_PAGE_BYTES + size;
    return low + HOST_PAGE_BYTES;
}

uint64_t platform_irq_save(void)
{
    return 0;
}

void platform_irq_restore(uint64_t saved)
{
    assert(saved == 0);
}

void platform_backtrace(void)
{
    void *frames[BACKTRACE_MAX];
    int count = backtrace(frames, BACKTRACE_MAX);
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
}

noreturn_fn void platform_reboot(void)
{
    platform_halt(1); /* a process is restarted from outside */
}

noreturn_fn void platform_power_off(void)
{
    platform_halt(0);
}

noreturn_fn void platform_halt(int exit_code)
{
    fflush(NULL);
    _exit(exit_code);
}
