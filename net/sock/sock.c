/*
 * The object behind a descriptor: how ready it is, who hears of that, and its end. What the calls
 * do with it is in call.c, io.c and opt.c, and in epoll.c for instances.
 */
#include "net/sock/sock.h"

#include "net/sock/int.h"
#include "net/stack.h"
#include "net/tcp/tcp.h"
#include "net/udp/udp.h"

/* As Linux's poll: reading that was shut down is at its end, both directions together hang up. */
static uint32_t udp_bits(const struct sock *s)
{
    uint32_t bits = udp_ready(s->udp);
    if (s->shut & TCP_SHUT_RD) {
        bits |= NET_READY_IN | NET_READY_RDHUP;
    }
    if (s->shut == (TCP_SHUT_RD | TCP_SHUT_WR)) {
        bits |= NET_READY_HUP;
    }
    return bits;
}

uint32_t sock_inet_bits(const struct sock *s)
{
    assert(s->kind != SOCK_KIND_EPOLL);
    return s->kind == SOCK_KIND_TCP ? tcp_ready(s->tcp) : udp_bits(s);
}

/* IN when a collection would find something. */
static uint32_t epoll_bits(struct epoll *e)
{
    struct list *node;
    list_for_each (node, &e->ready) {
        const struct epoll_item *item = list_entry(node, struct epoll_item, ready_node);
        if (epoll_item_wants(item, sock_inet_bits(item->sock)) != 0) {
            return NET_READY_IN;
        }
    }
    e->told = false; /* who asked may wait now */
    return 0;
}

uint32_t sock_bits(const struct sock *s)
{
    return s->kind == SOCK_KIND_EPOLL ? epoll_bits(s->epoll) : sock_inet_bits(s);
}

void sock_notify(void *owner, uint32_t bits)
{
    struct sock *s = owner;
    /* A transport that tells a freed socket would be found here, not by what has its memory now. */
    assert(s->net->socks.by_fd[s->fd - SOCK_FD_FIRST] == s);
    struct list *node;
    list_for_each (node, &s->items) {
        epoll_item_offer(list_entry(node, struct epoll_item, sock_node), bits);
    }
    sock_wake(s, bits);
}

void sock_detach(struct sock *s)
{
    sock_drop_watches(s);
    epoll_forget(s);
}

void sock_free(struct sock *s)
{
    sock_detach(s);
    sock_give_back(s);
}

void sock_table_destroy(struct net *n)
{
    struct sock_table *t = &n->socks;
    for (uint32_t i = 0; i < t->fd_count; i++) {
        struct sock *s = t->by_fd[i];
        if (s == NULL) {
            continue;
        }
        if (s->kind == SOCK_KIND_EPOLL) {
            epoll_destroy(s->epoll);
        }
        sock_free(s);
    }
    assert(t->socks.used == 0 && t->epolls.used == 0 && t->epoll_items.used == 0);
}
