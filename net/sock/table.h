/*
 * The socket layer's part of struct net: the descriptor table, and the objects behind descriptors.
 * For net/sock*.c and net/sock/epoll.c only; the rest of the stack sees the three pools for
 * statistics.
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
    bool disarmed;   /* ONESHOT has fired: silent until the next MOD */
    uint64_t data;   /* the user's */
};

struct epoll {
    struct list items;
    struct list ready;    /* epoll_item.ready_node, the longest waiting first */
    uint32_t ready_count; /* length of ready: bounds one collection */
    struct sock *sock;    /* its own descriptor: whom to wake */
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
 * whoever waits is told that his descriptor was closed. */
void sock_table_destroy(struct net *n);

/* The object behind fd; NULL with *err -EBADF (stale) or -ENOTSOCK (the console's). */
struct sock *sock_find(struct net *n, int fd, int *err);

/* The same, for calls on sockets: an epoll is -ENOTSOCK, too. */
struct sock *sock_find_inet(struct net *n, int fd, int *err);

/* A fresh descriptor of the kind, or NULL with *err -EMFILE or -ENFILE. */
struct sock *sock_alloc(struct net *n, enum sock_kind kind, int *err);

/* The descriptor is being closed: tells its watches so and takes them and the epoll interests off.
 */
void sock_detach(struct sock *s);

/* sock_detach, then gives the descriptor back. The transport is gone before. */
void sock_free(struct sock *s);

/* Tells watches and epolls that bits became ready: a net_ready_fn. */
void sock_notify(void *owner, uint32_t bits);

/* Tells the watches alone: what an epoll instance does for its own descriptor. */
void sock_wake(struct sock *s, uint32_t bits);

/* sock_ready for an object. */
uint32_t sock_bits(const struct sock *s);

/* net/sock/epoll.c, called by sock*.c. */
void epoll_notify(struct sock *s, uint32_t bits); /* s became ready */
void epoll_forget(struct sock *s);                /* s is being closed: off every interest list */
void epoll_destroy(struct epoll *e);              /* an instance is being closed */
uint32_t epoll_bits(const struct epoll *e);       /* IN when a collection would find something */

#endif
