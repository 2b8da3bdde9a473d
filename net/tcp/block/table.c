/*
 * The keyed table of 4-tuples: finding what a segment is for. The hash is secret
 * (net/core/random.h), so nobody outside can aim at one bucket. Making and freeing what is in it is
 * life/'s business (control blocks, TIME-WAIT records) and open/'s (half-open records).
 */
#include "net/tcp/block/block.h"

#include "kernel/arena.h"

enum {
    TCP_BUCKETS_MIN = 64,
};

/* At most two entries a bucket when everything is full, for 8 to 16 bytes an entry, up to the end
 * that is set for the sake of machines with very high limits. */
static uint32_t bucket_count_for(const struct net_limits *l)
{
    uint32_t want = (l->tcp_connections + l->tcp_half_open + l->tcp_time_wait) / 2;
    uint32_t count = TCP_BUCKETS_MIN;
    while (count < want && count < (1u << 20)) {
        count *= 2;
    }
    return count;
}

enum status tcp_table_init(struct net *n, struct arena *a)
{
    struct tcp *tcp = &n->tcp;
    tcp->bucket_count = bucket_count_for(&n->cfg.limits);
    tcp->buckets = arena_alloc(a, tcp->bucket_count * sizeof(tcp->buckets[0]), sizeof(void *) * 2);
    if (arena_measuring(a)) {
        return STATUS_OK; /* hands out nothing: only the memory that a stack needs is sized */
    }
    if (tcp->buckets == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < tcp->bucket_count; i++) {
        list_init(&tcp->buckets[i]);
    }
    list_init(&tcp->all);
    return STATUS_OK;
}

/* Our address is in none of it: at any time all segments, and so to say all entries, have one. */
static struct list *bucket_of(struct net *n, const struct tcp_tuple *id)
{
    uint32_t ports = (uint32_t)id->lport << 16 | id->rport;
    uint32_t h = net_hash_bucket(&n->random, (uint64_t)id->raddr << 32 | ports);
    assert(is_power_of_two(n->tcp.bucket_count));
    return &n->tcp.buckets[h & (n->tcp.bucket_count - 1)];
}

/* The same for a tuple that is new: mostly the one that was just looked for in vain. */
static struct list *bucket_of_new(struct net *n, const struct tcp_tuple *id)
{
    const struct tcp *tcp = &n->tcp;
    bool missed = tcp->missed_in != NULL && tcp_same_tuple(&tcp->missed, id);
    return missed ? tcp->missed_in : bucket_of(n, id);
}

static struct tcp_node *find_in(const struct list *head, const struct tcp_tuple *id)
{
    struct list *it;
    list_for_each (it, head) {
        struct tcp_node *node = list_entry(it, struct tcp_node, bucket);
        if (tcp_same_tuple(&node->id, id)) {
            return node;
        }
    }
    return NULL;
}

struct tcp_node *tcp_lookup_bucket(struct net *n, const struct tcp_tuple *id)
{
    if (n->tcp.ports.users[id->lport] == 0) {
        return NULL; /* a closed port: nobody has it, in the table or out of it */
    }
    struct list *head = bucket_of(n, id);
    struct tcp_node *node = find_in(head, id);
    if (node != NULL) {
        n->tcp.recent = node;
    } else {
        n->tcp.missed = *id;
        n->tcp.missed_in = head;
    }
    return node;
}

void tcp_table_insert(struct net *n, struct tcp_node *node)
{
    struct list *head = bucket_of_new(n, &node->id);
    assert(!list_linked(&node->bucket));
    assert(find_in(head, &node->id) == NULL);
    /* In front: the newest is the likeliest to be asked for, old silent ones sink. */
    list_push_front(head, &node->bucket);
    tcp_port_hold(n, node->id.lport);
}

void tcp_table_remove(struct net *n, struct tcp_node *node)
{
    if (n->tcp.recent == node) {
        n->tcp.recent = NULL;
    }
    if (list_linked(&node->bucket)) { /* a closed block or a listener is in no bucket */
        list_remove(&node->bucket);
        tcp_port_release(n, node->id.lport);
    }
}

/* node, of the same tuple, takes the place of old in the table. */
static void replace(struct net *n, struct tcp_node *old, struct tcp_node *node)
{
    assert(list_linked(&old->bucket) && !list_linked(&node->bucket));
    assert(tcp_same_tuple(&old->id, &node->id));
    list_insert_after(&old->bucket, &node->bucket);
    list_remove(&old->bucket);
    if (n->tcp.recent == old) {
        n->tcp.recent = node;
    }
}

void tcp_cb_link(struct net *n, struct tcp_cb *t)
{
    t->node.kind = TCP_NODE_CB;
    list_init(&t->node.bucket);
    list_init(&t->bound);
    list_init(&t->all);
    list_push_back(&n->tcp.all, &t->all);
}

void tcp_cb_unlink(struct tcp_cb *t)
{
    tcp_table_leave(t);
    list_remove(&t->all);
}

void tcp_table_join(struct tcp_cb *t, const struct tcp_tuple *id)
{
    t->node.id = *id;
    tcp_table_insert(t->net, &t->node);
}

void tcp_table_succeed(struct tcp_cb *t, struct tcp_node *old)
{
    t->node.id = old->id;
    replace(t->net, old, &t->node);
}

void tcp_table_hand_over(struct tcp_cb *t, struct tcp_node *record)
{
    record->id = t->node.id;
    replace(t->net, &t->node, record);
}

void tcp_table_leave(struct tcp_cb *t)
{
    tcp_table_remove(t->net, &t->node);
    tcp_bound_remove(t);
}
