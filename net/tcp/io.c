/*
 * The calls that move data, and what a connection is ready for (RFC 9293 3.9.1, 3.10.2, 3.10.3).
 * Contract in tcp.h.
 */
#include "net/tcp/tcp.h"

#include "net/tcp/life/life.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/root.h"
#include "net/tcp/send/send.h"

#include <errno.h>

/* A block that never was nor will be connected unless something is done about it. */
static bool never_connected(const struct tcp_cb *t)
{
    return t->state == TCP_LISTEN || (t->state == TCP_CLOSED && t->node.id.raddr == 0);
}

int tcp_take_error(struct tcp_cb *t)
{
    return tcp_fetch_error(t);
}

/* Queues as much as there is room for. For want of packets closed connections give way that hold
 * some for nothing; and then the owner is told when there are some again. */
static size_t queue(struct tcp_cb *t, const uint8_t *bytes, size_t len)
{
    bool no_packet = false;
    size_t done = tcp_sendq_append(t, bytes, len, &no_packet);
    while (unlikely(no_packet) && tcp_pressure_reclaim(t->net)) {
        done += tcp_sendq_append(t, bytes + done, len - done, &no_packet);
    }
    if (unlikely(no_packet)) {
        tcp_pressure_wait(t);
    }
    tcp_pressure_queued(t);
    return done;
}

/* Why nothing can be sent: an error waits, or t is in no state to. */
static ptrdiff_t send_refused(struct tcp_cb *t)
{
    if (t->error != 0) {
        return -tcp_take_error(t);
    }
    if (never_connected(t)) {
        return -ENOTCONN;
    }
    bool opening = t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECEIVED;
    return opening && !t->snd.fin_queued ? -EAGAIN : -EPIPE;
}

ptrdiff_t tcp_send(struct tcp_cb *t, const void *buf, size_t len, uint32_t flags)
{
    assert(!t->orphan && (buf != NULL || len == 0));
    if (unlikely(t->error != 0 || !tcp_can_queue(t))) {
        return send_refused(t);
    }
    if (len == 0) {
        return 0;
    }
    tcp_snd_more(t, (flags & TCP_SEND_MORE) != 0);
    size_t done = queue(t, buf, len);
    if (done < len) {
        /* Until the owner is told of room: a smaller send that fits in between is no news. */
        tcp_snd_block(t);
    }
    tcp_output(t);
    return done > 0 ? (ptrdiff_t)done : -EAGAIN;
}

static bool stream_ended(const struct tcp_cb *t)
{
    return t->rcv.fin_received || t->rcv.shut || t->state == TCP_CLOSED ||
           t->state == TCP_TIME_WAIT;
}

/* Is there nothing to tell a reader but what waits to be read? */
static bool only_waits(const struct tcp_cb *t)
{
    return t->state == TCP_ESTABLISHED && !t->rcv.shut && t->error == 0;
}

/* Some of what waits, which is more than nothing. */
static ptrdiff_t take(struct tcp_cb *t, void *buf, size_t len, bool peek)
{
    if (peek) {
        return (ptrdiff_t)tcp_recvq_peek(t, buf, len);
    }
    size_t done = tcp_recvq_read(t, buf, len);
    if (tcp_window_update_due(t) && tcp_synchronized(t)) {
        (void)tcp_emit_ack(t); /* RFC 9293 3.8.6.2.2: the window moves by a worthwhile step */
    }
    return (ptrdiff_t)done;
}

ptrdiff_t tcp_recv(struct tcp_cb *t, void *buf, size_t len, uint32_t flags)
{
    assert(!t->orphan && (buf != NULL || len == 0));
    if (likely(t->rcv.queue.bytes > 0 && len > 0)) {
        return take(t, buf, len, (flags & TCP_RECV_PEEK) != 0);
    }
    if (likely(only_waits(t) && len > 0)) {
        return -EAGAIN;
    }
    if (never_connected(t)) {
        return t->error != 0 ? -tcp_take_error(t) : -ENOTCONN;
    }
    if (len == 0) {
        return 0;
    }
    if (t->error != 0) {
        return -tcp_take_error(t);
    }
    return stream_ended(t) ? 0 : -EAGAIN;
}

size_t tcp_readable_bytes(const struct tcp_cb *t)
{
    return t->rcv.queue.bytes;
}

static uint32_t ready_connected(const struct tcp_cb *t)
{
    uint32_t bits = 0;
    bool ended = stream_ended(t);
    if (t->rcv.queue.bytes > 0 || ended) {
        bits |= NET_READY_IN;
    }
    if (ended) {
        bits |= NET_READY_RDHUP;
    }
    /* After shutdown, writing does not wait either: it says EPIPE. */
    if (!tcp_can_queue(t) || (!t->snd.blocked && tcp_sendq_room(t) > 0)) {
        bits |= NET_READY_OUT;
    }
    if (ended && !tcp_can_queue(t)) {
        bits |= NET_READY_HUP;
    }
    return bits;
}

uint32_t tcp_ready(const struct tcp_cb *t)
{
    uint32_t bits = t->error != 0 ? NET_READY_ERR : 0;
    switch ((enum tcp_state)t->state) {
    case TCP_LISTEN:
        return bits | (list_empty(&t->listener.accept) ? 0 : NET_READY_IN);
    case TCP_SYN_SENT:
    case TCP_SYN_RECEIVED:
        return bits;
    case TCP_CLOSED:
        if (never_connected(t)) {
            return bits | NET_READY_OUT | NET_READY_HUP;
        }
        return bits | NET_READY_IN | NET_READY_OUT | NET_READY_HUP | NET_READY_RDHUP;
    default:
        return bits | ready_connected(t);
    }
}

uint32_t tcp_ready_to_read(const struct tcp_cb *t)
{
    if (likely(only_waits(t))) {
        return t->rcv.queue.bytes > 0 ? NET_READY_IN : 0;
    }
    return tcp_ready(t);
}

bool tcp_drained(const struct tcp_cb *t)
{
    if (t->state == TCP_CLOSED || t->state == TCP_TIME_WAIT || t->state == TCP_LISTEN) {
        return true;
    }
    return t->snd.queue.bytes == 0 && t->snd.una == t->snd.nxt &&
           t->snd.fin_queued == t->snd.fin_sent;
}
