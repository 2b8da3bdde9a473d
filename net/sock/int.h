/*
 * The socket layer's own calls: table.c (numbers and watches) below interest.c (what epoll
 * instances wait for) below sock.c (the object) below the calls.
 */
#ifndef NET_SOCK_INT_H
#define NET_SOCK_INT_H

#include "net/sock/table.h"

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

/* The parts of sock_detach and sock_free that the table knows of: tells the watches that the
 * descriptor is closed and takes them off; gives back what is watched by nobody any more. */
void sock_drop_watches(struct sock *s);
void sock_give_back(struct sock *s);

/* Tells watches and epolls that bits became ready: a net_ready_fn. */
void sock_notify(void *owner, uint32_t bits);

/* Tells the watches alone: what an epoll instance does for its own descriptor. */
void sock_wake(struct sock *s, uint32_t bits);

/* sock_ready for an object; the second for one that is no epoll instance. */
uint32_t sock_bits(const struct sock *s);
uint32_t sock_inet_bits(const struct sock *s);

/* interest.c */
void epoll_notify(struct sock *s, uint32_t bits); /* s became ready */
void epoll_forget(struct sock *s);                /* s is being closed: off every interest list */
void epoll_destroy(struct epoll *e);              /* an instance is being closed */
/* What of bits the interest asked for. */
uint32_t epoll_item_wants(const struct epoll_item *item, uint32_t bits);
void epoll_item_queue(struct epoll_item *item);   /* into the line, when it is not there */
void epoll_item_unqueue(struct epoll_item *item); /* out of it, when it is there */
void epoll_item_free(struct epoll_item *item);
/* Queues the item when what it wants is there already, and wakes who waits for the instance. */
void epoll_item_offer(struct epoll_item *item, uint32_t bits);

#endif
