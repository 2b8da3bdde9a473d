/*
 * The stack protector's value and its alarm. Compiled like everything else: nothing here has an
 * array on its stack, so no function here is itself protected while the value changes.
 */
#include "arch/x86_64/cpu/canary.h"
#include "arch/x86_64/cpu/cpu.h"
#include "kernel/panic.h"

enum {
    CANARY_RDRAND_TRIES = 10, /* Intel's advice for a generator that is busy */
};

/*
 * What FS points to (entry.S): of a thread's block as the ABI and the compiler know it, the two
 * words that code compiled by anybody may use. All tasks share it; there is no thread-local storage
 * in front of it, which linker.ld makes sure of. System V ABI, 6.4.1; GCC,
 * -mstack-protector-guard=tls.
 */
struct thread_block {
    struct thread_block *self;
    uint64_t unused[4];
    uintptr_t canary;
};
static_assert(offsetof(struct thread_block, canary) == 0x28, "the compiler reads %fs:0x28");

extern struct thread_block thread_block;
struct thread_block thread_block = {
    .self = &thread_block,
    .canary = UINT64_C(0x6d5a56da2f3c1b00),
};

/* The name is the compiler's. */
noreturn_fn void __stack_chk_fail(void);

void canary_seed(void)
{
    uint64_t value = thread_block.canary ^ (rdtsc() * UINT64_C(0x9e3779b97f4a7c15));
    if ((cpuid(1, 0).ecx & CPUID_1_ECX_RDRAND) != 0) {
        uint64_t random = 0;
        for (int i = 0; i < CANARY_RDRAND_TRIES && !rdrand64(&random); i++) {
            cpu_pause();
        }
        value ^= random;
    }
    /* A zero byte first: a string function that runs over cannot write the value back. */
    thread_block.canary = value & ~UINT64_C(0xff);
}

noreturn_fn void __stack_chk_fail(void)
{
    panic("stack smashed: a function wrote beyond an array on its stack");
}
