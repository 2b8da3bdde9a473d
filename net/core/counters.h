/*
 * Every counter of a stack, from one list: X(name, help). Each reason to drop a packet has one.
 * The list is kept in parts, one for each group of files, and joined here. A counter is bumped
 * with NET_COUNT(net, name).
 */
#ifndef NET_CORE_COUNTERS_H
#define NET_CORE_COUNTERS_H

#include "kernel/base.h"
#include "net/core/counters_link.h"
#include "net/core/counters_sock.h"
#include "net/core/counters_tcp.h"

#define NET_COUNTERS(X)  \
    NET_COUNTERS_LINK(X) \
    NET_COUNTERS_TCP(X)  \
    NET_COUNTERS_SOCK(X)

struct net_counters {
#define NET_COUNTER_FIELD(name, help) uint64_t name;
    NET_COUNTERS(NET_COUNTER_FIELD)
#undef NET_COUNTER_FIELD
};

#define NET_COUNT(net, name) ((void)(net)->counters.name++)

#endif
