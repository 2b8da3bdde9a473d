/*
 * epoll instances (epoll(7)). Each has the list of its interests and the list of those that may be
 * ready. A readiness edge links an interest into the second; a collection looks at each of them,
 * reports what is ready still, and keeps the level-triggered ones at the end of the line. So
 *
 * - an interest that is ready and armed is always in the ready list (one that is there need not be
 *   ready any more: it is looked at before it is reported);
 * - level-triggered interests leave the list when a collection finds them not ready, or a read has
 *   taken all there was (epoll_read_dry); edge-triggered and one-shot ones when they are reported.
 */
#include "net/sock/epoll.h"

#include <errno.h>

#include "net/sock/int.h"
#include "net/stack.h"
#include "net/tcp/tcp.h"

/* What may be asked for: the bits of poll(2), urgent and band data (which never come) included. */
#define EVENTS_KNOWN \
    (UINT32_C(0x7df) | NET_READY_RDHUP | EPOLL_FLAG_ET | (uint32_t)EPOLL_FLAG_ONESHOT)

int epoll_open(struct net *n, uint64_t now_ns)
{
    net_enter(n, now_ns);
    int err = 0;
    struct sock *s = sock_alloc(n, SOCK_KIND_EPOLL, &err);
    if (s == NULL) {
        return err;
    }
    struct epoll *e = pool_get(&n->socks.epolls);
    if (e == NULL) {
        NET_COUNT(n, epoll_table_full);
        sock_free(s);
        return -EMFILE;
    }
    list_init(&e->items);
    list_init(&e->ready);
    e->told = false;
    e->sock = s;
    s->epoll = e;
    return s->fd;
}

static struct epoll *find_epoll(struct net *n, int fd, int *err)
{
    struct sock *s = sock_find(n, fd, err);
    if (s != NULL && s->kind == SOCK_KIND_EPOLL) {
        return s->epoll;
    }
    if (s != NULL || *err == -ENOTSOCK) {
        *err = -EINVAL; /* a descriptor, but no epoll */
    }
    return NULL;
}

/* A descriptor is in few instances, mostly one: its own list is the short one to search. */
static struct epoll_item *find_item(const struct epoll *e, const struct sock *s)
{
    struct list *node;
    list_for_each (node, &s->items) {
        struct epoll_item *item = list_entry(node, struct epoll_item, sock_node);
        if (item->epoll == e) {
            return item;
        }
    }
    return NULL;
}

/* (Re)arms: from now on `want` counts, and what is ready already is an edge. */
static void item_arm(struct epoll_item *item, const struct epoll_report *want)
{
    item->events = want->events;
    item->data = want->data;
    item->wanted = want->events | READY_ALWAYS;
    epoll_item_unqueue(item);
    epoll_item_offer(item, sock_inet_bits(item->sock));
}

static int control_add(struct epoll *e, struct sock *s, const struct epoll_report *want)
{
    struct net *n = s->net;
    if (find_item(e, s) != NULL) {
        return -EEXIST;
    }
    struct epoll_item *item = pool_get(&n->socks.epoll_items);
    if (item == NULL) {
        NET_COUNT(n, epoll_items_full);
        return -ENOSPC;
    }
    item->epoll = e;
    item->sock = s;
    list_init(&item->sock_node);
    list_init(&item->epoll_node);
    list_init(&item->ready_node);
    list_push_back(&s->items, &item->sock_node);
    list_push_back(&e->items, &item->epoll_node);
    item_arm(item, want);
    return 0;
}

/* MOD and DEL; want is NULL for DEL. */
static int control_existing(struct epoll *e, struct sock *s, const struct epoll_report *want)
{
    struct epoll_item *item = find_item(e, s);
    if (item == NULL) {
        return -ENOENT;
    }
    if (want == NULL) {
        epoll_item_free(item);
    } else {
        item_arm(item, want);
    }
    return 0;
}

/* The descriptor an interest is to be about, or NULL with *err. */
static struct sock *find_target(struct net *n, int ep, int fd, int *err)
{
    struct sock *s = sock_find(n, fd, err);
    if (s == NULL) {
        *err = *err == -ENOTSOCK ? -EPERM : *err; /* the console cannot be waited for */
        return NULL;
    }
    if (s->kind == SOCK_KIND_EPOLL) {
        *err = fd == ep ? -EINVAL : -ELOOP;
        return NULL;
    }
    return s;
}

int epoll_control(struct net *n, int ep, enum epoll_op op, int fd, const struct epoll_report *want)
{
    int err = 0;
    int err_ep = 0;
    struct sock *s = find_target(n, ep, fd, &err);
    struct epoll *e = find_epoll(n, ep, &err_ep);
    if (err_ep == -EBADF || err == -EBADF) {
        return -EBADF; /* a stale number comes before what is wrong with the other one */
    }
    if (e == NULL || s == NULL) {
        return e == NULL ? err_ep : err;
    }
    if (op == EPOLL_OP_DEL) {
        return control_existing(e, s, NULL);
    }
    if (op != EPOLL_OP_ADD && op != EPOLL_OP_MOD) {
        return -EINVAL;
    }
    assert(want != NULL);
    if (want->events & ~EVENTS_KNOWN) {
        return -EINVAL;
    }
    return op == EPOLL_OP_ADD ? control_add(e, s, want) : control_existing(e, s, want);
}

/* What the interest may ask for: an OUT that it does not need not be found out. */
static uint32_t ready_bits(const struct epoll_item *item)
{
    const struct sock *s = item->sock;
    bool wants_out = (item->events & (NET_READY_OUT | EPOLL_FLAG_WRNORM)) != 0;
    return s->kind == SOCK_KIND_TCP && !wants_out ? tcp_ready_to_read(s->tcp) : sock_inet_bits(s);
}

/* Reports the item, which is in line, or takes it out of it. True when *out was filled. */
static bool collect_one(struct epoll_item *item, struct epoll_report *out)
{
    uint32_t bits = epoll_item_wants(item, ready_bits(item));
    if (bits == 0) {
        epoll_item_unqueue(item);
        return false;
    }
    out->events = bits;
    out->data = item->data;
    if (unlikely(item->events & (EPOLL_FLAG_ET | EPOLL_FLAG_ONESHOT))) {
        if (item->events & EPOLL_FLAG_ONESHOT) {
            item->wanted = 0;
        }
        epoll_item_unqueue(item);
    }
    return true;
}

/* The line begins with node from now on: what stood before it stands at its end. */
static void line_begins_with(struct epoll *e, struct list *node)
{
    if (node != &e->ready && node != e->ready.next) {
        list_remove(&e->ready);
        list_push_back(node, &e->ready);
    }
}

int epoll_collect(struct net *n, int ep, struct epoll_report *out, int max)
{
    int err = 0;
    struct epoll *e = find_epoll(n, ep, &err);
    if (e == NULL) {
        return err;
    }
    if (max <= 0) {
        return -EINVAL;
    }
    int filled = 0;
    struct list *node = e->ready.next;
    while (node != &e->ready && filled < max) {
        struct list *next = node->next;
        filled += collect_one(list_entry(node, struct epoll_item, ready_node), &out[filled]);
        node = next;
    }
    line_begins_with(e, node);
    if (filled == 0) {
        e->told = false;
    }
    n->counters.epoll_events += (uint64_t)filled;
    return filled;
}
