/*
 * The stack protector's value and its alarm. Compiled like everything else: nothing here has an
 * array on its stack, so no function here is itself protected while the value changes.
 */
#include "arch/x86_64/canary.h"
#include "arch/x86_64/cpu.h"
#include "kernel/panic.h"

enum {
    CANARY_RDRAND_TRIES = 10, /* Intel's advice for a generator that is busy */
};

/* The names are the compiler's (-mstack-protector-guard=global). */
extern uintptr_t __stack_chk_guard;
noreturn_fn void __stack_chk_fail(void);

uintptr_t __stack_chk_guard = UINT64_C(0x6d5a56da2f3c1b00);

void canary_seed(void)
{
    uint64_t value = __stack_chk_guard ^ (rdtsc() * UINT64_C(0x9e3779b97f4a7c15));
    if ((cpuid(1, 0).ecx & CPUID_1_ECX_RDRAND) != 0) {
        uint64_t random = 0;
        for (int i = 0; i < CANARY_RDRAND_TRIES && !rdrand64(&random); i++) {
            cpu_pause();
        }
        value ^= random;
    }
    /* A zero byte first: a string function that runs over cannot write the value back. */
    __stack_chk_guard = value & ~UINT64_C(0xff);
}

noreturn_fn void __stack_chk_fail(void)
{
    panic("stack smashed: a function wrote beyond an array on its stack");
}
