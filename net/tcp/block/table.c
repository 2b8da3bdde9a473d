/*
 * The keyed table of 4-tuples and the pool of control blocks: making, finding and freeing. The hash
 * is secret (net/core/random.h), so nobody outside can aim at one bucket. What is in a block while
 * it lives is the other files' business.
 */
#include "net/tcp/int.h"

#include <string.h>

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

static void init_lists(struct tcp *tcp)
{
    for (uint32_t i = 0; i < tcp->bucket_count; i++) {
        list_init(&tcp->buckets[i]);
    }
    for (uint32_t i = 0; i < TCP_BOUND_BUCKETS; i++) {
        list_init(&tcp->bound[i]);
    }
    list_init(&tcp->all);
    list_init(&tcp->orphans);
    list_init(&tcp->half_age);
    list_init(&tcp->time_wait_age);
    list_init(&tcp->holders);
    list_init(&tcp->starved);
    timer_init(&tcp->time_wait_timer, tcp_time_wait_expired);
    timer_init(&tcp->starved_timer, tcp_starved_expired);
    tcp->expired = tcp_timer_expired;
}

enum status tcp_init(struct net *n, struct arena *a)
{
    const struct net_limits *l = &n->cfg.limits;
    assert(l->tcp_connections > 0);
    struct tcp *tcp = &n->tcp;
    enum status st = pool_init(&tcp->cbs, a, "tcp_cb", sizeof(struct tcp_cb), l->tcp_connections);
    if (st == STATUS_OK) {
        st = pool_init(&tcp->halves, a, "tcp_half", sizeof(struct tcp_half), l->tcp_half_open);
    }
    if (st == STATUS_OK) {
        st = pool_init(&tcp->time_waits, a, "tcp_time_wait", sizeof(struct tcp_time_wait),
                       l->tcp_time_wait);
    }
    if (st != STATUS_OK) {
        return st;
    }
    /* A measuring arena hands out nothing: what follows only sizes the memory a stack needs. */
    tcp->bucket_count = bucket_count_for(l);
    tcp->buckets = arena_alloc(a, tcp->bucket_count * sizeof(tcp->buckets[0]), sizeof(void *) * 2);
    size_t ports_bytes = TCP_PORTS * sizeof(tcp->ports.users[0]);
    tcp->ports.users = arena_alloc(a, ports_bytes, sizeof(tcp->ports.users[0]));
    if (arena_measuring(a)) {
        return STATUS_OK;
    }
    if (tcp->buckets == NULL || tcp->ports.users == NULL) {
        return STATUS_NO_MEMORY;
    }
    memset(tcp->ports.users, 0, ports_bytes);
    init_lists(tcp);
    return STATUS_OK;
}

void tcp_destroy(struct net *n)
{
    struct tcp *tcp = &n->tcp;
    if (tcp->buckets == NULL) {
        return;
    }
    struct list *node;
    /* Half-open records first: they point to their listener, which is among "all". */
    while ((node = list_first(&tcp->half_age)) != NULL) {
        tcp_half_free(n, list_entry(node, struct tcp_half, age));
    }
    while ((node = list_first(&tcp->all)) != NULL) {
        struct tcp_cb *t = list_entry(node, struct tcp_cb, all);
        pkt_put(t->rcv.early); /* every other end goes through tcp_detach */
        tcp_cb_free(t);
    }
    while ((node = list_first(&tcp->time_wait_age)) != NULL) {
        tcp_time_wait_free(n, list_entry(node, struct tcp_time_wait, age));
    }
    timer_cancel(&n->wheel, &tcp->time_wait_timer);
    timer_cancel(&n->wheel, &tcp->starved_timer);
    assert(tcp->cbs.used == 0 && tcp->halves.used == 0 && tcp->time_waits.used == 0);
}

static struct list *bucket_of(struct net *n, const struct tcp_tuple *id)
{
    uint32_t h = net_hash_bucket(&n->random, (uint64_t)id->laddr << 32 | id->raddr,
                                 (uint32_t)id->lport << 16 | id->rport);
    assert(is_power_of_two(n->tcp.bucket_count));
    return &n->tcp.buckets[h & (n->tcp.bucket_count - 1)];
}

/* The peer's side first: it is what differs, our address and the server's port seldom do. */
static bool same_tuple(const struct tcp_tuple *a, const struct tcp_tuple *b)
{
    return a->raddr == b->raddr && a->rport == b->rport && a->lport == b->lport &&
           a->laddr == b->laddr;
}

struct tcp_node *tcp_lookup(struct net *n, const struct tcp_tuple *id)
{
    /* Segments come in runs: mostly the one found last is wanted again, and costs no hash. */
    struct tcp_node *recent = n->tcp.recent;
    if (recent != NULL && same_tuple(&recent->id, id)) {
        return recent;
    }
    struct list *head = bucket_of(n, id);
    struct list *it;
    list_for_each (it, head) {
        struct tcp_node *node = list_entry(it, struct tcp_node, bucket);
        if (same_tuple(&node->id, id)) {
            n->tcp.recent = node;
            return node;
        }
    }
    return NULL;
}

void tcp_table_insert(struct net *n, struct tcp_node *node)
{
    assert(!list_linked(&node->bucket));
    assert(tcp_lookup(n, &node->id) == NULL);
    /* In front: the newest is the likeliest to be asked for, old silent ones sink. */
    list_push_front(bucket_of(n, &node->id), &node->bucket);
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
void tcp_table_replace(struct net *n, struct tcp_node *old, struct tcp_node *node)
{
    assert(list_linked(&old->bucket) && !list_linked(&node->bucket));
    assert(same_tuple(&old->id, &node->id));
    list_insert_after(&old->bucket, &node->bucket);
    list_remove(&old->bucket);
    if (n->tcp.recent == old) {
        n->tcp.recent = node;
    }
}

/* The pool hands out zeroed blocks; here is what is not zero at the start of a life. */
static void cb_init(struct net *n, struct tcp_cb *t)
{
    t->net = n;
    t->node.kind = TCP_NODE_CB;
    list_init(&t->node.bucket);
    list_init(&t->all);
    list_init(&t->bound);
    list_init(&t->place);
    list_init(&t->press.starved);
    list_init(&t->press.holding);
    list_init(&t->listener.half_open);
    list_init(&t->listener.accept);
    tcp_timers_init(t);
    t->state = TCP_CLOSED;
    t->rcv.buf_bytes = n->cfg.limits.tcp_rcvbuf_bytes;
    t->rcv.mss = TCP_MSS_DEFAULT;
    tcp_choices_init(t);
    tcp_cc_init(t);
    tcp_loss_init(t);
    tcp_snd_init(t);
}

struct tcp_cb *tcp_cb_new(struct net *n)
{
    struct tcp_cb *t = pool_get(&n->tcp.cbs);
    /* Those whose owner has gone make room first: nobody waits for them but the peer. */
    if (t == NULL && tcp_evict_orphan(n)) {
        t = pool_get(&n->tcp.cbs);
    }
    if (t == NULL) {
        return NULL;
    }
    cb_init(n, t);
    list_push_back(&n->tcp.all, &t->all);
    return t;
}

/* A block is in some of the lists below, which ones depends on how far it got. */
static void unlink_if_linked(struct list *node)
{
    if (list_linked(node)) {
        list_remove(node);
    }
}

void tcp_cb_free(struct tcp_cb *t)
{
    struct net *n = t->net;
    tcp_timers_cancel(t);
    tcp_table_remove(n, &t->node);
    tcp_bound_remove(t);
    unlink_if_linked(&t->press.starved);
    unlink_if_linked(&t->press.holding);
    if (t->orphan) {
        assert(n->tcp.orphan_count > 0);
        n->tcp.orphan_count--;
    }
    if (t->parent != NULL) {
        assert(t->parent->listener.accept_count > 0);
        t->parent->listener.accept_count--;
    }
    /* Only at the end of the whole stack does a listener go in front of its children. */
    struct list *it;
    list_for_each (it, &t->listener.accept) {
        list_entry(it, struct tcp_cb, place)->parent = NULL;
    }
    unlink_if_linked(&t->listener.accept);
    unlink_if_linked(&t->place);
    list_remove(&t->all);
    tcp_sendq_drop(t);
    tcp_recvq_drop(t);
    pool_put(&n->tcp.cbs, t);
}
