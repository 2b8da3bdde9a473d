/*
 * The interests of epoll instances: which descriptors each has, and which of them are in line to be
 * looked at (epoll.c says by which rules). Each readiness edge of a descriptor comes by here, and
 * so does the end of a descriptor and of an instance.
 */
#include "net/sock/int.h"
#include "net/stack.h"

void epoll_item_free(struct epoll_item *item)
{
    struct net *n = item->sock->net;
    epoll_item_unqueue(item);
    list_remove(&item->sock_node);
    list_remove(&item->epoll_node);
    pool_put(&n->socks.epoll_items, item);
}

void epoll_read_dry(struct sock *s)
{
    const uint32_t others = NET_READY_OUT | EPOLL_FLAG_WRNORM;
    struct list *node;
    list_for_each (node, &s->items) {
        struct epoll_item *item = list_entry(node, struct epoll_item, sock_node);
        if (!(item->events & others)) {
            epoll_item_unqueue(item);
        }
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
