/*
 * How the memory that is there is divided, on the metal and hosted: see divide.c. Start-up only.
 */
#ifndef APPS_ROOT_DIVIDE_H
#define APPS_ROOT_DIVIDE_H

#include "kernel/pkt.h"

enum {
    DIVIDE_TASKS_MAX = 1024,
};

/*
 * Carves the two packet pools, before anything else of a: they lie lowest then. STATUS_NO_MEMORY is
 * named in the log.
 */
enum status divide_packets(struct arena *a, struct pkt_pool *rx, struct pkt_pool *tx,
                           pkt_bus_fn *bus) must_check;

/* The budget of the stack's tables, none of which is larger than what a has in one piece. */
size_t divide_tables_bytes(const struct arena *a);

/* The server's heap has so much at least, and leaves so much for what comes later. */
size_t divide_heap_least_bytes(const struct arena *a);
size_t divide_heap_keep_bytes(void);

#endif
