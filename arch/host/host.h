/*
 * The target "Linux process": the same contracts as the machine's, on top of Linux. What the
 * hosted program's composition root may call besides kernel/platform.h.
 */
#ifndef ARCH_HOST_HOST_H
#define ARCH_HOST_HOST_H

#include "drivers/nic.h"
#include "kernel/base.h"

/*
 * Reserves bytes of memory for platform_arena and starts the clock. Once, first of all. Exits with
 * a message when Linux refuses.
 */
void host_init(size_t arena_bytes);

/*
 * Calls fn(arg) from platform_wait when fd is readable, in an interrupt's place. One descriptor, as
 * a program has one link. (While the loop is busy, the device is looked at by its poll.)
 */
void host_watch_fd(int fd, void (*fn)(void *arg), void *arg);

/*
 * A NIC over a Linux TAP device. `name` must be a TAP interface this process may open (made by
 * `ip tuntap add ... mode tap`, or created here with CAP_NET_ADMIN). The guest end's MAC address is
 * a local one derived from the name.
 */
struct tap_nic {
    struct nic nic;
    int fd;
    struct pkt_pool *rx_pool; /* [I] */
    struct pkt *stash;        /* a frame that rx_pending had to read to know */
};

/* False with a message on stderr that names the device and Linux's reason. */
bool tap_open(struct tap_nic *t, const char *name, struct pkt_pool *rx_pool);

#endif
