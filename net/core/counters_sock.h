/*
 * Counters of the socket layer: X(name, help). The refusals of the pools themselves are counted by
 * the pools.
 */
#ifndef NET_CORE_COUNTERS_SOCK_H
#define NET_CORE_COUNTERS_SOCK_H

#define NET_COUNTERS_SOCK(X)                                                               \
    X(sock_opened, "sockets made by socket()")                                             \
    X(sock_accepted, "connections handed to the application by accept()")                  \
    X(sock_closed, "descriptors closed, epoll instances among them")                       \
    X(sock_table_full, "calls refused with EMFILE: no descriptor left")                    \
    X(sock_no_transport, "sockets refused with ENOBUFS: no TCP or UDP control block left") \
    X(sock_stale_fd, "calls refused with EBADF")                                           \
    X(epoll_table_full, "epoll_create refused with EMFILE")                                \
    X(epoll_items_full, "epoll_ctl ADD refused with ENOSPC")                               \
    X(epoll_events, "events that epoll handed out")

#endif
