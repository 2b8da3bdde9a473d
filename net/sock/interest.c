/*
 * The interests of epoll instances: which descriptors each has, and which of them are in line to be
 * looked at (epoll.c says by which rules). Each readiness edge of a descriptor comes by here, and
 * so does the end of a descriptor and of an instance.
 */
#include "net/sock/epoll.h"
#include "net/sock/int.h"
#include "net/stack.h"

#define READY_ALWAYS ((uint32_t)(NET_READY_ERR | NET_READY_HUP)) /* told unasked */

/* The readiness of s in the terms an interest may use. */
static uint32_t with_aliases(uint32_t bits)
{
    return bits | (bits & NET_READY_IN ? (uint32_t)EPOLL_FLAG_RDNORM : 0) |
           (bits & NET_READY_OUT ? (uint32_t)EPOLL_FLAG_WRNORM : 0);
}

uint32_t epoll_item_wants(const struct epoll_item *item, uint32_t bits)
{
    return item->disarmed ? 0 : with_aliases(bits) & (item->events | READY_ALWAYS);
}

/* An edge of one that is in line already changes nothing: it keeps its place. */
void epoll_item_queue(struct epoll_item *item)
{
    if (!list_linked(&item->ready_node)) {
        list_push_back(&item->epoll->ready, &item->ready_node);
        item->epoll->ready_count++;
    }
}

void epoll_item_unqueue(struct epoll_item *item)
{
    if (list_linked(&item->ready_node)) {
        assert(item->epoll->ready_count > 0);
        list_remove(&item->ready_node);
        item->epoll->ready_count--;
    }
}

void epoll_item_offer(struct epoll_item *item, uint32_t bits)
{
    if (epoll_item_wants(item, bits) != 0) {
        epoll_item_queue(item);
        sock_wake(item->epoll->sock, NET_READY_IN);
    }
}

void epoll_item_free(struct epoll_item *item)
{
    struct net *n = item->sock->net;
    epoll_item_unqueue(item);
    list_remove(&item->sock_node);
    list_remove(&item->epoll_node);
    pool_put(&n->socks.epoll_items, item);
}

void epoll_notify(struct sock *s, uint32_t bits)
{
    struct list *node;
    list_for_each (node, &s->items) {
        epoll_item_offer(list_entry(node, struct epoll_item, sock_node), bits);
    }
}

void epoll_forget(struct sock *s)
{
    struct list *node;
    struct list *tmp;
    list_for_each_safe (node, tmp, &s->items) {
        epoll_item_free(list_entry(node, struct epoll_item, sock_node));
    }
}

void epoll_destroy(struct epoll *e)
{
    struct list *node;
    struct list *tmp;
    list_for_each_safe (node, tmp, &e->items) {
        epoll_item_free(list_entry(node, struct epoll_item, epoll_node));
    }
    assert(e->ready_count == 0 && list_empty(&e->ready));
    pool_put(&e->sock->net->socks.epolls, e);
}
