/*
 * The descriptor table: numbers to objects, lowest free number first, and the watches of an object.
 * It knows of no transport and of no epoll instance.
 */
#include "net/sock/int.h"

#include <errno.h>
#include <string.h>

#include "net/stack.h"

enum {
    TAKEN_WORD_BITS = 64,
};

static uint32_t taken_words(const struct sock_table *t)
{
    return (t->fd_count + TAKEN_WORD_BITS - 1) / TAKEN_WORD_BITS;
}

static enum status table_init_pools(struct net *n, struct arena *a)
{
    struct sock_table *t = &n->socks;
    const struct net_limits *l = &n->cfg.limits;
    enum status st = pool_init(&t->socks, a, "sock", sizeof(struct sock), l->sockets);
    if (st == STATUS_OK) {
        st = pool_init(&t->epolls, a, "epoll", sizeof(struct epoll), l->epolls);
    }
    if (st == STATUS_OK) {
        st = pool_init(&t->epoll_items, a, "epoll_item", sizeof(struct epoll_item), l->epoll_items);
    }
    return st;
}

enum status sock_table_init(struct net *n, struct arena *a)
{
    struct sock_table *t = &n->socks;
    memset(t, 0, sizeof(*t));
    t->fd_count = n->cfg.limits.sockets;
    enum status st = table_init_pools(n, a);
    if (st != STATUS_OK) {
        return st;
    }
    size_t fds_bytes = t->fd_count * sizeof(t->by_fd[0]);
    size_t taken_bytes = taken_words(t) * sizeof(t->taken[0]);
    t->by_fd = arena_alloc(a, fds_bytes, sizeof(void *));
    t->taken = arena_alloc(a, taken_bytes, sizeof(uint64_t));
    if (arena_measuring(a)) {
        return STATUS_OK;
    }
    if (t->by_fd == NULL || t->taken == NULL) {
        return STATUS_NO_MEMORY;
    }
    memset(t->by_fd, 0, fds_bytes);
    memset(t->taken, 0, taken_bytes);
    /* Numbers behind the last one count as taken for ever. */
    uint32_t tail = t->fd_count % TAKEN_WORD_BITS;
    if (tail != 0) {
        t->taken[taken_words(t) - 1] = ~UINT64_C(0) << tail;
    }
    return STATUS_OK;
}

/* The object at a number, closing ones too, or NULL. */
static struct sock *table_at(const struct sock_table *t, int fd)
{
    int64_t idx = (int64_t)fd - SOCK_FD_FIRST;
    return idx >= 0 && idx < (int64_t)t->fd_count ? t->by_fd[idx] : NULL;
}

struct sock *sock_find(struct net *n, int fd, int *err)
{
    struct sock *s = table_at(&n->socks, fd);
    if (s != NULL && !s->closing) {
        assert(s->net == n && s->fd == fd);
        return s;
    }
    /* The numbers of the standard streams are valid descriptors, only not ours to serve. */
    if (fd >= 0 && fd < SOCK_FD_FIRST) {
        *err = -ENOTSOCK;
        return NULL;
    }
    NET_COUNT(n, sock_stale_fd);
    *err = -EBADF;
    return NULL;
}

struct sock *sock_find_inet(struct net *n, int fd, int *err)
{
    struct sock *s = sock_find(n, fd, err);
    if (s != NULL && s->kind == SOCK_KIND_EPOLL) {
        *err = -ENOTSOCK;
        return NULL;
    }
    return s;
}

/* POSIX: the lowest number that is free. The hint keeps the search from starting over. */
static bool table_take_lowest(struct sock_table *t, uint32_t *idx)
{
    uint32_t words = taken_words(t);
    /* Every word before the hint is full: closing moves it back, so the sum of all walks is bounded
     * by what was closed. */
    while (t->free_hint < words && t->taken[t->free_hint] == ~UINT64_C(0)) {
        t->free_hint++;
    }
    if (t->free_hint == words) {
        return false;
    }
    uint32_t bit = (uint32_t)__builtin_ctzll(~t->taken[t->free_hint]);
    t->taken[t->free_hint] |= UINT64_C(1) << bit;
    *idx = t->free_hint * TAKEN_WORD_BITS + bit;
    assert(*idx < t->fd_count && t->by_fd[*idx] == NULL);
    return true;
}

static void free_number(struct sock_table *t, uint32_t idx)
{
    uint32_t word = idx / TAKEN_WORD_BITS;
    uint64_t bit = UINT64_C(1) << (idx % TAKEN_WORD_BITS);
    assert(t->taken[word] & bit);
    t->taken[word] &= ~bit;
    t->by_fd[idx] = NULL;
    t->free_hint = min_u32(t->free_hint, word);
}

struct sock *sock_alloc(struct net *n, enum sock_kind kind, int *err)
{
    struct sock_table *t = &n->socks;
    uint32_t idx;
    if (!table_take_lowest(t, &idx)) {
        NET_COUNT(n, sock_table_full);
        *err = -EMFILE;
        return NULL;
    }
    struct sock *s = pool_get(&t->socks);
    if (s == NULL) {
        /* Not the table's limit but the pool's: one object each, so only a test sees this. */
        free_number(t, idx);
        *err = -ENFILE;
        return NULL;
    }
    s->net = n;
    s->fd = (int)idx + SOCK_FD_FIRST;
    s->kind = kind;
    list_init(&s->items);
    t->by_fd[idx] = s;
    return s;
}

void sock_give_back(struct sock *s)
{
    struct sock_table *t = &s->net->socks;
    assert(list_empty(&s->items) && s->watches == NULL);
    free_number(t, (uint32_t)(s->fd - SOCK_FD_FIRST));
    pool_put(&t->socks, s);
}

void sock_wake_watches(struct sock *s, uint32_t bits)
{
    struct sock_watch *next; /* read first: the woken may take its watch away */
    for (struct sock_watch *w = s->watches; w != NULL; w = next) {
        next = w->next;
        w->fn(w, bits);
    }
}

void sock_drop_watches(struct sock *s)
{
    /* The list is taken away whole before the first call: a watcher that closes or watches
     * something else in its answer must find a socket that has no watchers. */
    struct sock_watch *w = s->watches;
    s->watches = NULL;
    while (w != NULL) {
        struct sock_watch *next = w->next;
        w->next = NULL;
        w->fn(w, SOCK_WATCH_CLOSED);
        w = next;
    }
}

int sock_watch_add(struct net *n, int fd, struct sock_watch *w)
{
    int err = 0;
    struct sock *s = sock_find(n, fd, &err);
    if (s == NULL) {
        return -EBADF;
    }
    assert(w->fn != NULL);
    w->next = s->watches;
    s->watches = w;
    if (s->kind == SOCK_KIND_EPOLL) {
        s->epoll->told = false; /* this one was not */
    }
    return 0;
}

void sock_watch_remove(struct net *n, int fd, struct sock_watch *w)
{
    /* Not sock_find: a waiter takes its watch back also from a socket that closes meanwhile. */
    struct sock *s = table_at(&n->socks, fd);
    if (s == NULL) {
        return;
    }
    for (struct sock_watch **at = &s->watches; *at != NULL; at = &(*at)->next) {
        if (*at == w) {
            *at = w->next;
            w->next = NULL;
            return;
        }
    }
}
