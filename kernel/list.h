/*
 * An intrusive, circular, doubly linked list. A node is in at most one list; list_remove leaves it
 * self-linked, so that list_linked() tells whether it is in one.
 */
#ifndef KERNEL_LIST_H
#define KERNEL_LIST_H

#include "kernel/base.h"

struct list {
    struct list *next;
    struct list *prev;
};

#define list_entry(node, type, member) container_of(node, type, member)
#define list_for_each(it, head)        for (it = (head)->next; it != (head); it = it->next)
/* The current node may be removed while iterating. */
#define list_for_each_safe(it, tmp, head) \
    for (it = (head)->next, tmp = it->next; it != (head); it = tmp, tmp = it->next)

static inline void list_init(struct list *l)
{
    l->next = l;
    l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline bool list_linked(const struct list *node)
{
    return node->next != node;
}

static inline void list_insert_after(struct list *at, struct list *node)
{
    assert(!list_linked(node));
    node->next = at->next;
    node->prev = at;
    at->next->prev = node;
    at->next = node;
}

static inline void list_push_back(struct list *head, struct list *node)
{
    list_insert_after(head->prev, node);
}

static inline void list_push_front(struct list *head, struct list *node)
{
    list_insert_after(head, node);
}

static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

static inline struct list *list_first(const struct list *head)
{
    return list_empty(head) ? NULL : head->next;
}

static inline struct list *list_pop_front(struct list *head)
{
    struct list *node = list_first(head);
    if (node != NULL) {
        list_remove(node);
    }
    return node;
}

#endif
