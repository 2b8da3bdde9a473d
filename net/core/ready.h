/*
 * Readiness of a socket, as bits with the values of poll(2) and epoll(7), and the way a transport
 * tells its owner that they may have changed.
 */
#ifndef NET_CORE_READY_H
#define NET_CORE_READY_H

#include "kernel/base.h"

enum net_ready {
    NET_READY_IN = 0x001,
    NET_READY_OUT = 0x004,
    NET_READY_ERR = 0x008,
    NET_READY_HUP = 0x010,
    NET_READY_RDHUP = 0x2000,
};

/*
 * Called when bits became ready (edges: new data, room for more, an accepted connection, an error).
 * May be called from input, timers and socket calls of the same stack. It must not call back into
 * the transport; it marks and wakes.
 */
typedef void net_ready_fn(void *owner, uint32_t bits);

#endif
