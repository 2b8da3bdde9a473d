/*
 * The C library for the metal: numbers, memory, sorting, the end of the program (C11 7.22).
 */
#ifndef LIBC_STDLIB_H
#define LIBC_STDLIB_H

#include <stddef.h>
#include <stdint.h>

#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1

int atoi(const char *s);
long atol(const char *s);
long long atoll(const char *s);
long strtol(const char *restrict s, char **restrict end, int base);
long long strtoll(const char *restrict s, char **restrict end, int base);
unsigned long strtoul(const char *restrict s, char **restrict end, int base);
unsigned long long strtoull(const char *restrict s, char **restrict end, int base);

#ifdef __SSE2__ /* the kernel is compiled without floating point */
double strtod(const char *restrict s, char **restrict end);
float strtof(const char *restrict s, char **restrict end);
double atof(const char *s);
#endif

int abs(int x);
long labs(long x);

/* From the heap of fixed size; NULL and ENOMEM when it is used up. 16-aligned. */
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *p, size_t size);
void *aligned_alloc(size_t align, size_t size); /* align: a power of two */
void free(void *p);

typedef int libc_compare_fn(const void *a, const void *b);
void qsort(void *base, size_t count, size_t size, libc_compare_fn *compare);
void *bsearch(const void *key, const void *base, size_t count, size_t size,
              libc_compare_fn *compare);

char *getenv(const char *name); /* there is no environment: NULL */

/* The end of the application is the end of the run: there is nobody to return to. */
__attribute__((noreturn)) void exit(int code);
__attribute__((noreturn)) void abort(void);

/* Not C11: for the target's start-up code, and for the page of counters. */

/* The heap is mem, for ever. Once, before the first malloc, which until then finds no memory. */
void libc_heap_init(void *mem, size_t size);

struct libc_heap_stats {
    size_t total_bytes;
    size_t used_bytes; /* blocks in use, with their headers */
    size_t high_bytes; /* the most there ever was */
    uint64_t refused;  /* requests that found no memory */
};
const struct libc_heap_stats *libc_heap_stats(void);

#endif
