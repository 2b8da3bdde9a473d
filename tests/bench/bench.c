/*
 * Clock, command line and percentiles for the programs of `make bench`.
 */
#include "tests/bench/bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SAMPLES_MAX = 16 * 1024 * 1024,
    SAMPLES_FIRST = 4096,
    NS_PER_US100 = 10,
};

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

uint64_t number_or_die(const char *program, const char *text, uint64_t min, uint64_t max)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || n < min || n > max) {
        fprintf(stderr, "%s: %s: a number from %llu to %llu is wanted\n", program, text,
                (unsigned long long)min, (unsigned long long)max);
        exit(2);
    }
    return n;
}

struct sockaddr_in address_or_die(const char *program, const char *address, const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_port = htons((uint16_t)number_or_die(program, port, 1, 65535));
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1) {
        fprintf(stderr, "%s: %s: an IPv4 address is wanted\n", program, address);
        exit(2);
    }
    return to;
}

void samples_add(struct samples *s, uint64_t ns)
{
    if (s->count == s->room) {
        if (s->room == SAMPLES_MAX) {
            return;
        }
        s->room = s->room == 0 ? SAMPLES_FIRST : s->room * 2;
        s->us100 = realloc(s->us100, s->room * sizeof(*s->us100));
        if (s->us100 == NULL) {
            die("no memory for samples");
        }
    }
    uint64_t us100 = ns / NS_PER_US100;
    s->us100[s->count++] = us100 < UINT32_MAX ? (uint32_t)us100 : UINT32_MAX;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double percentile(const struct samples *s, double part)
{
    return s->count == 0 ? 0 : s->us100[(size_t)((double)(s->count - 1) * part)] / 100.0;
}

void samples_print(struct samples *s)
{
    qsort(s->us100, s->count, sizeof(*s->us100), compare);
    printf("\"p50_us\": %.2f, \"p90_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f}\n",
           percentile(s, 0.5), percentile(s, 0.9), percentile(s, 0.99), percentile(s, 0.999));
}
