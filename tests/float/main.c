/*
 * Two tasks that compute, yield to each other and are interrupted (tests/system/test_float.py has
 * the timer interrupt every 100 us): one rounds to nearest with all of the x87's 64 bits, the other
 * up with 24. Each result must be the one that a calm machine had, to the last bit.
 */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/float/compute.h"

enum {
    TASKS = 2,
    INTERRUPTS = 3000, /* how many have to come before it is said that nothing happened */
    ROUNDS_MIN = 20,
    SPINS = 5000,
};

/* Of the machine's (arch/x86_64/cpu/vectors.h); for plain Linux there is one in linux_interrupts.c.
 */
uint64_t vectors_taken_count(void);

struct task {
    struct modes modes;
    uint64_t sse; /* the results */
    uint64_t x87;
    unsigned rounds;
    volatile bool done;
    bool ok;
};

/* From plain Linux, where this program runs, too: make linux APP=tests/float */
static struct task tasks[TASKS] = {
    {.modes = {0x1f80, 0x37f},
     .sse = UINT64_C(0x2393cc0168b6ca77),
     .x87 = UINT64_C(0x5a2656b0586e0d02)},
    {.modes = {0x5f80, 0x87f},
     .sse = UINT64_C(0xd16aefd262e7543b),
     .x87 = UINT64_C(0x84f07e822225a0d4)},
};

static bool constructed;

/* As libraries have them. */
static __attribute__((constructor)) void construct(int argc, char **argv)
{
    constructed = argc > 0 && argv[argc] == NULL;
}

static void yield(void)
{
    (void)sched_yield();
}

static bool expect(const char *what, int n, uint64_t is, uint64_t wanted)
{
    if (is != wanted) {
        printf("float: FAILED: task %d, %s: %016llx is not %016llx\n", n, what,
               (unsigned long long)is, (unsigned long long)wanted);
    }
    return is == wanted;
}

/* Of the library's, which was compiled elsewhere. All are good to the last bit or nearly so. */
static bool library_computes(void)
{
    static const double e = 2.71828182845904523536;
    volatile double x = 1.0;
    double error = fabs(sin(x) - 0.84147098480789650665) + fabs(exp(x) / e - 1.0) +
                   fabs(log(x + 1.0) - 0.69314718055994530942) +
                   fabs(pow(x + 1.0, -0.5) - sqrt(0.5));
    if (!(error < 1e-15)) {
        printf("float: FAILED: the library's functions are wrong by %g\n", error);
    }
    return error < 1e-15;
}

static void *task_main(void *arg)
{
    struct task *t = arg;
    int n = (int)(t - tasks);
    uint64_t end = vectors_taken_count() + INTERRUPTS;
    modes_set(&t->modes);
    bool ok = true;
    while (ok && (vectors_taken_count() < end || t->rounds < ROUNDS_MIN)) {
        ok = expect("SSE", n, compute_sse(yield), t->sse);
        ok = expect("x87", n, compute_x87(yield), t->x87) && ok;
        ok = expect("red zone", n, (uint64_t)leaf_is_undisturbed(t->rounds << 8, SPINS), 1) && ok;
        t->rounds++;
    }
    t->ok = ok;
    t->done = true;
    return NULL;
}

/* What is masked at the start gives inf, without a word; unmasked it is a panic with a name. */
static __attribute__((noinline)) void raise_exception(const char *which)
{
    volatile double zero = 0.0;
    volatile long double long_zero = 0.0L;
    printf("float: masked: %g %Lg\n", 1.0 / zero, 1.0L / long_zero);
    modes_set(&(struct modes){0x1d80, 0x37b}); /* a division by zero is an exception */
    if (strcmp(which, "simd") == 0) {
        zero = 1.0 / zero;
        __asm__ volatile("int $19"); /* QEMU notes the flag, and raises nothing */
    } else if (strcmp(which, "x87") == 0) {
        long_zero = 1.0L / long_zero;
        yield(); /* at the next instruction of the unit: the switch's, in the name of this task */
    } else {
        __asm__ volatile("vxorps %ymm0, %ymm0, %ymm0");
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        raise_exception(argv[1]);
        return 1;
    }
    if (!constructed) {
        printf("float: FAILED: no constructor was run\n");
        return 1;
    }
    if (!library_computes()) {
        return 1;
    }
    uint64_t start = vectors_taken_count();
    for (int i = 0; i < TASKS; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, task_main, &tasks[i]) != 0) {
            printf("float: FAILED: no thread\n");
            return 1;
        }
        pthread_detach(thread);
    }
    while (!tasks[0].done || !tasks[1].done) {
        (void)usleep(10000);
    }
    if (!tasks[0].ok || !tasks[1].ok) {
        return 1;
    }
    printf("float: ok: %u and %u rounds under %llu interrupts\n", tasks[0].rounds, tasks[1].rounds,
           (unsigned long long)(vectors_taken_count() - start));
    return 0;
}
