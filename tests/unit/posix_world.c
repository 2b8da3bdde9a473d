/*
 * The machine of the POSIX tests: see posix_world.h. Stands in for arch/host and the loop.
 */
#include "tests/unit/posix_world.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/platform.h"
#include "kernel/task.h"
#include "net/include/unistd.h"
#include "net/stack.h"

enum {
    WORLD_TASKS = 16,
    WORLD_ARENA_BYTES = 64 * 1024,
    WORLD_STACK_FACTOR = 4, /* the sanitizers' frames are larger */
    WORLD_TURNS_MAX = 2000000,
};

struct world world;

static uint8_t arena_memory[WORLD_ARENA_BYTES] __attribute__((aligned(4096)));
static struct arena arena;
static struct timer_wheel wheel;

uint64_t platform_now_ns(void)
{
    return world.pair.now_ns;
}

struct arena *platform_arena(void)
{
    return &arena;
}

void *platform_stack_alloc(size_t size, void **top)
{
    size *= WORLD_STACK_FACTOR;
    char *low = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(low != MAP_FAILED);
    *top = low + size;
    return low;
}

void log_console_write(const char *text, size_t len)
{
    size_t part = min_size(len, sizeof(world.console) - world.console_len);
    memcpy(world.console + world.console_len, text, part);
    world.console_len += part;
}

struct timer_wheel *loop_timers(void)
{
    return &wheel;
}

int world_setup(void **state)
{
    struct net_limits l = pair_limits();
    memset(&world, 0, sizeof(world));
    pair_init(&world.pair, &l);
    for (int i = 0; i < 2; i++) {
        posix_env_init(&world.env[i], world.pair.net[i], platform_now_ns);
    }
    static bool tasks_ready; /* stacks are never given back: one table for all tests */
    if (!tasks_ready) {
        arena_init(&arena, arena_memory, sizeof(arena_memory));
        task_init(WORLD_TASKS, loop_timers());
        tasks_ready = true;
    }
    timer_wheel_init(&wheel, world.pair.now_ns);
    *state = &world;
    return 0;
}

int world_teardown(void **state)
{
    (void)state;
    assert(task_stats()->count == 0);
    for (int i = 0; i < 2; i++) {
        assert(world.pair.net[i]->socks.socks.used == 0);
    }
    pair_advance(&world.pair, 300 * NS_PER_S); /* closes finish, TIME-WAIT runs out */
    pair_destroy(&world.pair);
    return 0;
}

void world_spawn(int side, void (*fn)(void *arg), void *arg)
{
    void *before = task_env();
    task_set_env(&world.env[side]);
    enum status st = task_create("test", fn, arg);
    assert(st == STATUS_OK);
    task_set_env(before);
}

void world_run(void)
{
    while (task_stats()->count > 0) {
        assert(++world.turns < WORLD_TURNS_MAX);
        (void)timer_run(&wheel, world.pair.now_ns);
        uint64_t next_ns = pair_deadline(&world.pair);
        if (pair_run(&world.pair)) {
            continue;
        }
        if (task_any_ready()) {
            task_run_ready();
            continue;
        }
        next_ns = min_u64(next_ns, timer_next(&wheel));
        assert(next_ns != DEADLINE_NONE); /* every task waits for something that never comes */
        world.pair.now_ns = max_u64(next_ns, world.pair.now_ns + 1);
    }
}

uint64_t world_now_ms(void)
{
    return world.pair.now_ns / NS_PER_MS;
}

void expect_error(ptrdiff_t result, int want_errno)
{
    if (result != -1 || errno != want_errno) {
        fprintf(stderr, "result %td, errno %d (%s), not -1 and %d (%s)\n", result, errno,
                strerror(errno), want_errno, strerror(want_errno));
    }
    assert(result == -1 && errno == want_errno);
}

struct sockaddr_in addr_of(uint32_t host, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(host),
    };
}

const struct sockaddr *as_addr(const struct sockaddr_in *in)
{
    return (const struct sockaddr *)in;
}

int open_listener(uint16_t port)
{
    struct sockaddr_in any = addr_of(INADDR_ANY, port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert(fd >= 0);
    int err = bind(fd, as_addr(&any), sizeof(any));
    assert(err == 0);
    err = listen(fd, SOMAXCONN);
    assert(err == 0);
    return fd;
}

int open_connection(uint16_t port)
{
    struct sockaddr_in to = addr_of(PAIR_HOST_1, port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert(fd >= 0);
    int err = connect(fd, as_addr(&to), sizeof(to));
    assert(err == 0);
    return fd;
}
