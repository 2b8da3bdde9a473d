/*
 * The socket layer's own calls: table.c (numbers and watches) below interest.c (what epoll
 * instances wait for) below sock.c (the object) below the calls.
 */
#ifndef NET_SOCK_INT_H
#define NET_SOCK_INT_H

#include "net/sock/epoll.h"
#include "net/sock/table.h"

/* The object behind fd; NULL with *err -EBADF (stale) or -ENOTSOCK (the console's). */
struct sock *sock_find(struct net *n, int fd, int *err);

/* The same, for calls on sockets: an epoll is -ENOTSOCK, too. */
struct sock *sock_find_inet(struct net *n, int fd, int *err);

/* The stream behind fd, or NULL where it is anything else: sock_find_inet then says what. */
static inline struct sock *sock_find_stream(const struct sock_table *t, int fd)
{
    uint32_t idx = (uint32_t)fd - SOCK_FD_FIRST;
    struct sock *s = likely(idx < t->fd_count) ? t->by_fd[idx] : NULL;
    return likely(s != NULL && s->kind == SOCK_KIND_TCP && !s->closing) ? s : NULL;
}

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
void sock_wake_watches(struct sock *s, uint32_t bits);
static inline void sock_wake(struct sock *s, uint32_t bits)
{
    if (s->watches != NULL) {
        sock_wake_watches(s, bits);
    }
}

/* sock_ready for an object; the second for one that is no epoll instance. */
uint32_t sock_bits(const struct sock *s);
uint32_t sock_inet_bits(const struct sock *s);

/* Interests, see interest.c. */
void epoll_forget(struct sock *s);   /* s is being closed: off every interest list */
void epoll_destroy(struct epoll *e); /* an instance is being closed */
void epoll_item_free(struct epoll_item *item);
/* There is nothing to read from s, no end and no error: who waits for these alone leaves the line,
 * for nothing more. */
void epoll_read_dry(struct sock *s);

#define READY_ALWAYS ((uint32_t)(NET_READY_ERR | NET_READY_HUP)) /* told unasked */

/* What of bits the interest asked for, in the terms that an interest may use. */
static inline uint32_t epoll_item_wants(const struct epoll_item *item, uint32_t bits)
{
    static_assert((int)EPOLL_FLAG_RDNORM == (int)NET_READY_IN << 6, "IN by another name");
    static_assert((int)EPOLL_FLAG_WRNORM == (int)NET_READY_OUT << 6, "OUT by another name");
    bits |= (bits & (NET_READY_IN | NET_READY_OUT)) << 6;
    return bits & item->wanted;
}

/* Into the line, when it is not there. One that is there keeps its place: an edge changes nothing.
 */
static inline void epoll_item_queue(struct epoll_item *item)
{
    if (!list_linked(&item->ready_node)) {
        list_push_back(&item->epoll->ready, &item->ready_node);
        item->epoll->ready_count++;
    }
}

/* Out of it, when it is there. */
static inline void epoll_item_unqueue(struct epoll_item *item)
{
    if (list_linked(&item->ready_node)) {
        assert(item->epoll->ready_count > 0);
        list_remove(&item->ready_node);
        item->epoll->ready_count--;
    }
}

/* Queues the item when what it wants is there already, and wakes who waits for the instance: once,
 * for it looks at all that is in line. */
static inline void epoll_item_offer(struct epoll_item *item, uint32_t bits)
{
    if (epoll_item_wants(item, bits) == 0) {
        return;
    }
    struct epoll *e = item->epoll;
    epoll_item_queue(item);
    if (!e->told) {
        e->told = true;
        sock_wake(e->sock, NET_READY_IN);
    }
}

#endif
