/*
 * How blocks of memory are copied: beside <string.h>, for the machine's start.
 */
#ifndef LIBC_MEMORY_H
#define LIBC_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Finds by trying from how many bytes on this machine is faster with its string instructions than
 * word by word, and has memcpy, memmove and memset keep to it. SIZE_MAX: never. ticks reads any
 * fine clock. Takes some 0.1 ms.
 */
size_t memory_choose(uint64_t (*ticks)(void));

#endif
