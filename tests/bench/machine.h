/*
 * The machine of tests/bench/request.c: kernel/platform.h in virtual time, and a network device
 * that is memory. Frames that machine_give has put in are received in the next run; what is sent
 * meanwhile is there for machine_take after it.
 */
#ifndef TESTS_BENCH_MACHINE_H
#define TESTS_BENCH_MACHINE_H

#include "drivers/nic.h"
#include "kernel/base.h"

enum {
    MACHINE_FRAMES_MAX = 256, /* a ring of an e1000 */
};

/* Once, first of all: so many bytes of memory for platform_arena. */
void machine_init(size_t arena_bytes);

/* The device; its receive buffers come from rx_pool. */
struct nic *machine_nic(struct pkt_pool *rx_pool);

/* A frame for the device to receive: copied. */
void machine_give(const uint8_t *frame, size_t len);

/* The oldest frame that was sent and not taken yet, or NULL. The caller puts it. */
struct pkt *machine_take(void);

/*
 * Lets the loop run until it has done everything and goes to sleep, and the time pass that is
 * between two batches of frames: the wait is over so many ns later. Code of others runs in here and
 * in machine_init alone.
 */
void machine_run(uint64_t gap_ns);

#endif
