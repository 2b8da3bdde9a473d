/*
 * The socket layer's part of struct net: the descriptor table, and the objects behind descriptors.
 * What net.c makes and ends; only the files of net/sock look inside, by the calls in int.h.
 */
#ifndef NET_SOCK_TABLE_H
#define NET_SOCK_TABLE_H

#include "kernel/list.h"
#include "kernel/pool.h"
#include "net/sock/sock.h"

struct net;
struct tcp_cb;
struct udp_cb;
struct epoll;

enum sock_kind {
    SOCK_KIND_TCP,
    SOCK_KIND_UDP,
    SOCK_KIND_EPOLL,
};

/* What a descriptor stands for. Lives in table.socks from open to close. */
struct sock {
    struct net *net; /* [I] */
    int fd;          /* [I] */
    enum sock_kind kind;
    union {
        struct tcp_cb *tcp;
        struct udp_cb *udp;
        struct epoll *epoll;
    };
    struct sock_watch *watches; /* who waits for this descriptor, besides epoll */
    struct list items;          /* struct epoll_item.sock_node: who watches it by epoll */
    uint64_t recv_timeout_ns;   /* SO_RCVTIMEO, 0: none */
    uint64_t send_timeout_ns;   /* SO_SNDTIMEO, 0: none */
    bool nonblock;              /* O_NONBLOCK; kept here, acted on by the blocking layer alone */
    bool reuse;                 /* SO_REUSEADDR */
    bool broadcast;             /* SO_BROADCAST */
    bool listening;
    bool closing; /* a lingering close waits: stale for everybody else */
    uint8_t shut; /* UDP: bits of enum tcp_shutdown_how */
};

/* One descriptor of an epoll instance's interest list. */
struct epoll_item {
    struct list sock_node;  /* in sock.items */
    struct list epoll_node; /* in epoll.items */
    struct list ready_node; /* in epoll.ready while it may have something to report */
    struct epoll *epoll;
    struct sock *sock;
    uint32_t events; /* enum epoll_flag and readiness bits asked for */
    uint32_t wanted; /* what is told of readiness; 0 once ONESHOT has fired, until the next MOD */
    uint64_t data;   /* the user's */
};

struct epoll {
    struct list items;
    struct list ready;    /* epoll_item.ready_node, the longest waiting first */
    uint32_t ready_count; /* length of ready: bounds one collection */
    struct sock *sock;    /* its own descriptor: whom to wake */
    bool told;            /* who waits was woken, and nobody has found the line empty since */
};

struct sock_table {
    struct pool socks;       /* struct sock */
    struct pool epolls;      /* struct epoll */
    struct pool epoll_items; /* struct epoll_item */
    struct sock **by_fd;     /* [I] fd_count entries, NULL: free; index is fd - SOCK_FD_FIRST */
    uint64_t *taken;         /* one bit a descriptor, for finding the lowest free one */
    uint32_t fd_count;       /* [I] cfg.limits.sockets */
    uint32_t free_hint;      /* words of taken below this one are full */
};

/* Carves the tables for n->cfg.limits. On a measuring arena only measures. */
enum status sock_table_init(struct net *n, struct arena *a) must_check;

/* Forgets every descriptor without touching the transports (they are destroyed on their own);
 * each watch is told that its descriptor was closed. */
void sock_table_destroy(struct net *n);

#endif
