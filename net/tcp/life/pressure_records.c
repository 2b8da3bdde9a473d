/*
 * Which record gives way when there is no room for a new one: of TIME-WAIT the oldest, of half-open
 * connections one that is hardly going to complete, or none. open/ and time_wait.c act on it. The
 * whole policy is a table in docs/tcp.md, "Who gives way".
 */
#include "net/tcp/life/life.h"

/* The one next to end: all last equally long, and it has served its purpose for the longest. */
struct tcp_time_wait *tcp_pressure_time_wait(struct net *n)
{
    const struct tcp *tcp = &n->tcp;
    if (tcp->time_waits.used < tcp->time_waits.count || list_empty(&tcp->time_wait_age)) {
        return NULL;
    }
    return list_entry(list_first(&tcp->time_wait_age), struct tcp_time_wait, age);
}

/* Records that l may have: its backlog, and never the whole of the table: when one listener is
 * flooded the others find room. */
static uint32_t half_limit(const struct tcp_cb *l)
{
    uint32_t count = l->net->tcp.halves.count;
    return min_u32(l->listener.backlog, count - count / TCP_HALF_OPEN_RESERVE);
}

/* What would have to go for a new record of l; NULL: nothing, or nothing is left. */
static struct tcp_half *in_the_way(const struct tcp_cb *l)
{
    const struct tcp *tcp = &l->net->tcp;
    if (l->listener.half_count >= half_limit(l)) { /* at least 1 */
        return list_entry(list_first(&l->listener.half_open), struct tcp_half, of_listener);
    }
    if (tcp->halves.used == tcp->halves.count && !list_empty(&tcp->half_age)) {
        return list_entry(list_first(&tcp->half_age), struct tcp_half, age);
    }
    return NULL;
}

/*
 * With cookies nobody is shut out. A SYN that would lose options by one gets the place of a record
 * whose SYN-ACK went unanswered for a first timeout. To one that loses nothing a record is worth
 * less than what it costs to have the whole table pass by in each second of a flood, with a SYN-ACK
 * again for every record: it gets the place of one that was silent for longer.
 *
 * Without cookies a record makes room as soon as its handshake can be presumed over, so that a
 * flood of less than ten backlogs a second cannot lock everybody out.
 */
static bool may_evict(const struct net *n, const struct tcp_half *old, bool lossless)
{
    if (!(n->cfg.tcp_off & NET_TCP_OFF_COOKIES)) {
        return old->retries >= (lossless ? TCP_HALF_OPEN_SILENT_RETRIES : 1);
    }
    return n->now_ns - tcp_half_born_ns(old) >= tcp_ms(TCP_HALF_OPEN_GRACE_MS);
}

bool tcp_pressure_half(const struct tcp_cb *l, bool lossless, struct tcp_half **victim)
{
    *victim = in_the_way(l);
    return *victim == NULL || may_evict(l->net, *victim, lossless);
}

bool tcp_pressure_half_near(const struct tcp_cb *l)
{
    const struct tcp *tcp = &l->net->tcp;
    return l->listener.half_count > half_limit(l) / 2 || tcp->halves.used > tcp->halves.count / 2;
}
