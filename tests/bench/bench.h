/*
 * What the programs of `make bench` share: a clock, words of a command line, and percentiles of
 * what was measured.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_S UINT64_C(1000000000)

uint64_t now_ns(void);

/* Says what failed with errno's text, and ends with status 1. */
_Noreturn void die(const char *what);

/* Else a message that begins with the program's name and says what is allowed; exit status 2. */
uint64_t number_or_die(const char *program, const char *text, uint64_t min, uint64_t max);
struct sockaddr_in address_or_die(const char *program, const char *address, const char *port);

/* Every time that was measured, up to a number; of more, the first ones. */
struct samples {
    uint32_t *us100; /* hundredths of a us */
    size_t count;
    size_t room;
};

void samples_add(struct samples *s, uint64_t ns);

/* The end of a JSON object: "p50_us", p90, p99 and p999, } and a new line. */
void samples_print(struct samples *s);

#endif
