/*
 * Plain Linux tells nobody how often it interrupts: each question counts as one.
 */
#include <stdint.h>

uint64_t vectors_taken_count(void);

uint64_t vectors_taken_count(void)
{
    static uint64_t count;
    return __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
}
