/*
 * The receive window: the one place where what we advertise is computed (RFC 9293 3.8.6, RFC 7323
 * 2). The right edge never moves back (3.8.6, SHLD-14) and forward only by a worthwhile step
 * (3.8.6.2.2). Out-of-order data lies inside the window and so within the receive buffer's bytes.
 */
#include "net/tcp/recv/int.h"

/* RFC 7323 2.2: said once, in the handshake, so it must do for all the buffer may grow to. */
uint8_t tcp_pick_wscale(const struct tcp_cb *t)
{
    uint32_t most = tcp_rcvbuf_most(t);
    uint8_t scale = 0;
    while (scale < TCP_WSCALE_MAX && (most >> scale) > TCP_WINDOW_FIELD_MAX) {
        scale++;
    }
    return scale;
}

/*
 * The window field of a SYN or SYN-ACK, which is never scaled (RFC 7323 2.2): whole units of the
 * scale, so that an ACK between two SYN-ACKs can say the same (2.4).
 */
uint16_t tcp_syn_window(uint32_t rcvbuf_bytes, uint8_t wscale)
{
    uint32_t most = min_u32(rcvbuf_bytes, TCP_WINDOW_FIELD_MAX);
    uint32_t whole = most >> wscale << wscale;
    return (uint16_t)(whole != 0 ? whole : most);
}

/* Until the handshake is over the SYN-ACK may have to go again, which can say no more. */
static inline uint32_t most_bytes(const struct tcp_cb *t)
{
    if (unlikely(t->state == TCP_SYN_RECEIVED)) {
        return tcp_syn_window(t->rcv.buf_bytes, t->rcv.wscale);
    }
    return (uint32_t)TCP_WINDOW_FIELD_MAX << t->rcv.wscale;
}

static inline uint32_t free_bytes(const struct tcp_cb *t)
{
    uint32_t used = t->rcv.queue.bytes;
    uint32_t room = t->rcv.buf_bytes > used ? t->rcv.buf_bytes - used : 0;
    if (unlikely(t->opt.window_clamp != 0)) {
        room = min_u32(room, t->opt.window_clamp);
    }
    return min_u32(room, most_bytes(t));
}

/* RFC 9293 3.8.6.2.2: min(Fr * RCV.BUFF, Eff.snd.MSS) with Fr = 1/2. With TCP_WINDOW_CLAMP that is
 * all the buffer there is: a step it has no room for would never be made. */
static inline uint32_t worthwhile_step(const struct tcp_cb *t)
{
    uint32_t buffer = t->rcv.buf_bytes;
    if (unlikely(t->opt.window_clamp != 0)) {
        buffer = min_u32(buffer, t->opt.window_clamp);
    }
    return min_u32(buffer / 2, t->rcv.mss);
}

/* The window that may be advertised now. */
static inline uint32_t select_window(const struct tcp_cb *t)
{
    uint32_t current = seq_ahead(t->rcv.nxt, t->rcv.adv);
    uint32_t room = free_bytes(t);
    /* Keeps the edge. RFC 7323 2.4: rounding to the scale's unit must not pull it back; nor must a
     * step that is smaller than the unit. */
    uint32_t below = (1u << t->rcv.wscale) - 1;
    uint32_t keep = (current + below) & ~below;
    return room < current + worthwhile_step(t) ? keep : max_u32(room, keep);
}

uint16_t tcp_window_choose(struct tcp_cb *t)
{
    uint32_t field = min_u32(select_window(t) >> t->rcv.wscale, TCP_WINDOW_FIELD_MAX);
    tcp_window_went(t, field << t->rcv.wscale);
    return (uint16_t)field;
}

bool tcp_window_update_due(const struct tcp_cb *t)
{
    uint32_t current = seq_ahead(t->rcv.nxt, t->rcv.adv);
    /* While half of the buffer is still open to the peer the next ACK will carry the news. */
    return unlikely(current <= t->rcv.buf_bytes / 2) &&
           free_bytes(t) >= current + worthwhile_step(t);
}
