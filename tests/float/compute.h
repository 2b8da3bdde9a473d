/*
 * Computations whose result, to the last bit, says whether anything disturbed them.
 */
#ifndef FLOAT_COMPUTE_H
#define FLOAT_COMPUTE_H

#include <stdint.h>

/* Rounding and precision of both units (Intel SDM volume 1, tables 8-2 and 10-1). */
struct modes {
    uint32_t mxcsr;
    uint16_t x87_control;
};

void modes_set(const struct modes *m);

/* A hash of every intermediate result. pause() is called often. */
uint64_t compute_sse(void (*pause)(void));
uint64_t compute_x87(void (*pause)(void));

/*
 * A function without calls, as compilers write them: keeps what it needs in the 128 bytes below the
 * stack pointer and in all SSE registers, counts to spins, and looks whether all of it is there.
 */
int leaf_is_undisturbed(uint64_t pattern, uint64_t spins);

#endif
