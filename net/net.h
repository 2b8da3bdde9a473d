/*
 * The contract of a network stack instance. A stack is a value: `struct net` holds all of it, a
 * program may have many, and none knows the time, the machine or another one. It is a state
 * machine: packets, time and socket calls go in; packets and events come out by callbacks. It does
 * no I/O and does not allocate from anything but the arena and packet pool handed in.
 *
 * Time is ns on any monotonic clock, the same one for every call on an instance, never going back.
 * Addresses are IPv4 in host order (10.0.2.15 = 0x0a00020f), ports in host order.
 * Input from the wire never returns an error: what is wrong is counted under a name (counters.h)
 * and dropped. Not thread-safe, not for irq context, never sleeps.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "kernel/arena.h"
#include "kernel/base.h"
#include "kernel/pkt.h"
#include "net/core/config.h"

struct net;

/* Limits for a memory budget. */
void net_limits_default(struct net_limits *l, size_t budget_bytes);

/*
 * Makes a stack in memory from a (a measuring arena: only measures, returns NULL with STATUS_OK).
 * STATUS_NO_MEMORY when the arena is too small, STATUS_BAD_INPUT when the configuration is out of
 * its ranges. The configuration is copied. Addressing starts when net_set_link(up) is called.
 */
enum status net_create(struct net **out, struct arena *a, const struct net_config *cfg,
                       uint64_t now_ns) must_check;

/* Takes the received frame (or, for net_input_ip, the bare IPv4 packet). */
void net_input(struct net *n, struct pkt *p, uint64_t now_ns);
void net_input_ip(struct net *n, struct pkt *p, uint64_t now_ns);

/* Takes a batch that the device has handed over at once, frames or bare packets as the link has
 * them: the same as one by one, with fewer passes through the stack (net/gro/gro.h). */
void net_input_batch(struct net *n, struct pkt *const *batch, size_t count, uint64_t now_ns);

enum {
    NET_POLL_TIMERS = 256, /* looked at in one poll: when thousands expire together, frames get in
                              between */
};

/*
 * Does what is due, up to NET_POLL_TIMERS. Returns when it must be called next at the latest, or
 * DEADLINE_NONE; a time that is not after now_ns means that more is due already.
 */
uint64_t net_poll(struct net *n, uint64_t now_ns);

/* Carrier. Down: timers go on, nothing is sent. Up: addresses are announced or asked for again. */
void net_set_link(struct net *n, bool up, uint64_t now_ns);

/*
 * The device has other abilities from now on (enum net_offload), as it may when the link is another
 * one. Only NET_OFFLOAD_TSO changes: who sums what is settled by net_config. What was handed to
 * output before keeps its requests.
 */
void net_set_offload(struct net *n, uint32_t offload);

/* The address in use, or 0. */
uint32_t net_address(const struct net *n);

/* Counters, by position; false behind the last. Then pools: tables of this instance. */
bool net_counter(const struct net *n, size_t idx, const char **name, const char **help,
                 uint64_t *value);
const struct pool *net_pool(const struct net *n, size_t idx); /* NULL behind the last */

/* One line for each table and connection in a human's form, for /stats and debugging. */
typedef void net_listener_fn(void *ctx, bool is_tcp, uint32_t address, uint16_t port);
void net_walk_listeners(const struct net *n, net_listener_fn *fn, void *ctx);

/*
 * Ends the service in order, before the machine is switched off: listeners refuse, every
 * connection gets a FIN behind what is queued for it. The stack goes on, and so do the sockets.
 * net_unfinished says how many connections' peers have not acknowledged everything yet.
 */
void net_finish(struct net *n, uint64_t now_ns);
uint32_t net_unfinished(const struct net *n);

/*
 * Closes everything at once without a word on the wire and frees every packet held: for ends of
 * tests and restarts. The stack must not be used afterwards.
 */
void net_destroy(struct net *n);

#endif
