/*
 * A program that asks for one block of so many MiB as its argument says, writes a word of its own
 * to the first and the last eight bytes and to many between, and reads them again after all are
 * written: memory that is not there, or is there twice, does not say the same any more. It touches
 * few pages, for a host finds memory for those that are touched. Built and run by
 * tests/system/test_memory.py.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MIB      ((size_t)1 << 20)
#define STRIDE   (7 * MIB + 8) /* no multiple of a page: every sort of offset comes */
#define MARK     UINT64_C(0x9e3779b97f4a7c15)
#define MIB_MOST 65536

static uint64_t mark_of(size_t at)
{
    return (at + 1) * MARK;
}

/* Offsets of the words: each STRIDE, and the last. */
static size_t after(size_t at, size_t last)
{
    return at < last && last - at < STRIDE ? last : at + STRIDE;
}

static size_t count_wrong(const uint64_t *block, size_t last)
{
    size_t wrong = 0;
    for (size_t at = 0; at <= last; at = after(at, last)) {
        wrong += block[at / sizeof(*block)] != mark_of(at);
    }
    return wrong;
}

int main(int argc, char **argv)
{
    unsigned long mib = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    if (mib == 0 || mib > MIB_MOST) {
        printf("memory: FAILED: argument: how many MiB\n");
        return 1;
    }
    size_t last = mib * MIB - sizeof(uint64_t);
    uint64_t *block = malloc(mib * MIB);
    if (block == NULL) {
        printf("memory: FAILED: no block of %lu MiB\n", mib);
        return 1;
    }
    for (size_t at = 0; at <= last; at = after(at, last)) {
        block[at / sizeof(*block)] = mark_of(at);
    }
    size_t wrong = count_wrong(block, last);
    void *second = malloc(mib * MIB);
    printf("memory: %s: %lu MiB at %p, %zu words wrong, a second block %s\n",
           wrong == 0 ? "ok" : "FAILED", mib, (void *)block, wrong,
           second == NULL ? "refused" : "given");
    free(second);
    free(block);
    block = malloc(mib * MIB); /* the free neighbours are one again */
    printf("memory: %s\n", block != NULL ? "done" : "FAILED: the block does not come back");
    free(block);
    return 0;
}
