/*
 * The computations. What they begin with is volatile: the compiler must not do them, in its modes.
 */
#include "tests/float/compute.h"

#include <string.h>

enum {
    TERMS = 400,
    TERMS_BETWEEN_PAUSES = 10,
    X87_BYTES = 10, /* of the 16 that a long double takes */
};

static volatile double one = 1.0;

/* FNV-1a */
static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
    const uint8_t *b = bytes;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ b[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

void modes_set(const struct modes *m)
{
    __asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(m->mxcsr), "m"(m->x87_control) : "memory");
}

uint64_t compute_sse(void (*pause)(void))
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    double sum = 0.0;
    double root = one;
    float small = (float)one;
    for (int k = 1; k <= TERMS; k++) {
        sum += one / k;
        root = (root + sum / root) * 0.5;
        small = small * 1.0009765f + (float)root / 3.0f;
        hash = mix(hash, &sum, sizeof(sum));
        hash = mix(hash, &root, sizeof(root));
        hash = mix(hash, &small, sizeof(small));
        if (k % TERMS_BETWEEN_PAUSES == 0) {
            pause();
        }
    }
    return hash;
}

uint64_t compute_x87(void (*pause)(void))
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    long double sum = 0.0L;
    long double root = (long double)one;
    for (int k = 1; k <= TERMS; k++) {
        sum += (long double)one / k;
        root = (root + sum / root) * 0.5L;
        hash = mix(hash, &sum, X87_BYTES);
        hash = mix(hash, &root, X87_BYTES);
        if (k % TERMS_BETWEEN_PAUSES == 0) {
            pause();
        }
    }
    return hash;
}

/* clang-format off */
__asm__(
    "        .text\n"
    "        .globl leaf_is_undisturbed\n"
    "        .type leaf_is_undisturbed, @function\n"
    "leaf_is_undisturbed:\n"
    "        .irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
    "        leaq \\i(%rdi), %rax\n"
    "        movq %rax, -8 * (\\i + 1)(%rsp)\n"
    "        movq %rax, %xmm\\i\n"
    "        .endr\n"
    "1:      decq %rsi\n"
    "        jnz 1b\n"
    "        xorl %eax, %eax\n"
    "        .irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
    "        leaq \\i(%rdi), %rcx\n"
    "        cmpq %rcx, -8 * (\\i + 1)(%rsp)\n"
    "        jne 2f\n"
    "        movq %xmm\\i, %rdx\n"
    "        cmpq %rcx, %rdx\n"
    "        jne 2f\n"
    "        .endr\n"
    "        incl %eax\n"
    "2:      ret\n"
    "        .size leaf_is_undisturbed, . - leaf_is_undisturbed\n");
/* clang-format on */
