/*
 * Strings copied into the heap: apart from string.c, which needs none.
 */
#include "kernel/libc/string.h"

#include "kernel/libc/stdlib.h"

char *strdup(const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = malloc(size);
    if (copy != NULL) {
        memcpy(copy, s, size);
    }
    return copy;
}
