/*
 * Sorting, searching, and the end of the program for the metal.
 */
#include "kernel/libc/stdlib.h"

#include "kernel/base.h"
#include "kernel/libc/stdio.h"
#include "kernel/libc/string.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/platform.h"

int abs(int x)
{
    return x < 0 ? -x : x;
}

long labs(long x)
{
    return x < 0 ? -x : x;
}

static void swap(uint8_t *a, uint8_t *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = a[i];
        a[i] = b[i];
        b[i] = byte;
    }
}

struct sort {
    uint8_t *base;
    size_t size;
    libc_compare_fn *compare;
};

static uint8_t *item(const struct sort *s, size_t idx)
{
    return s->base + idx * s->size;
}

/* Lets the item at idx sink to where no child of its is greater, among the first count. */
static void sift_down(const struct sort *s, size_t idx, size_t count)
{
    for (size_t child = 2 * idx + 1; child < count; child = 2 * idx + 1) {
        if (child + 1 < count && s->compare(item(s, child), item(s, child + 1)) < 0) {
            child++;
        }
        if (s->compare(item(s, idx), item(s, child)) >= 0) {
            return;
        }
        swap(item(s, idx), item(s, child), s->size);
        idx = child;
    }
}

/* A heap sort: n log n at worst, no recursion, no memory. */
void qsort(void *base, size_t count, size_t size, libc_compare_fn *compare)
{
    assert(count == 0 || size <= SIZE_MAX / count);
    const struct sort s = {.base = base, .size = size, .compare = compare};
    for (size_t idx = count / 2; idx > 0; idx--) {
        sift_down(&s, idx - 1, count);
    }
    for (size_t left = count; left > 1; left--) {
        swap(item(&s, 0), item(&s, left - 1), size);
        sift_down(&s, 0, left - 1);
    }
}

void *bsearch(const void *key, const void *base, size_t count, size_t size,
              libc_compare_fn *compare)
{
    const uint8_t *low = base;
    while (count > 0) {
        const uint8_t *middle = low + count / 2 * size;
        int order = compare(key, middle);
        if (order == 0) {
            return (void *)(uintptr_t)middle;
        }
        if (order > 0) {
            low = middle + size;
            count--;
        }
        count /= 2;
    }
    return NULL;
}

char *getenv(const char *name)
{
    return NULL;
}

void exit(int code)
{
    (void)fflush(stdout);
    log_info("application: exit(%d)", code);
    platform_halt(code);
}

void abort(void)
{
    panic("application: abort()");
}
