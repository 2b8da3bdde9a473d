/*
 * The sender: the queue of what is not acknowledged, segments onto the wire, their size, and the
 * timer that repeats them.
 */
#ifndef NET_TCP_SEND_SEND_H
#define NET_TCP_SEND_SEND_H

#include "net/tcp/block/block.h"
#include "net/tcp/loss/loss.h"

/* send/queue.c */
size_t tcp_sendq_append(struct tcp_cb *t, const uint8_t *bytes, size_t len);
bool tcp_sendq_split(struct tcp_cb *t, struct pkt *p, uint16_t len); /* p keeps len bytes */
void tcp_sendq_refill(struct tcp_cb *t, struct pkt *p, uint32_t len);
void tcp_sendq_init(struct tcp_cb *t);
void tcp_sendq_ack(struct tcp_cb *t, struct tcp_delivery *d);
void tcp_sendq_drop(struct tcp_cb *t);
size_t tcp_sendq_room(const struct tcp_cb *t);

/* send/emit.c: segments onto the wire. */
bool tcp_emit_bare(struct net *n, const struct tcp_out *out); /* without payload */
void tcp_emit_rst_for(struct net *n, const struct tcp_segment *seg, const struct tcp_choices *o);
void tcp_emit_rst(struct tcp_cb *t);
bool tcp_emit_ack(struct tcp_cb *t);
bool tcp_emit_syn(struct tcp_cb *t); /* SYN, or SYN-ACK in SYN-RECEIVED */
bool tcp_emit_packet(struct tcp_cb *t, struct pkt *p, bool fin);
bool tcp_emit_fin(struct tcp_cb *t);
void tcp_emit_keepalive(struct tcp_cb *t);

/* send/mtu.c: the size of segments. */
void tcp_pmtu_begin(struct tcp_cb *t, uint16_t peer_mss);
void tcp_pmtu_message(struct tcp_cb *t, uint16_t mtu, uint16_t quoted_bytes);
void tcp_pmtu_timeout(struct tcp_cb *t);
void tcp_pmtu_update_mss(struct tcp_cb *t);
void tcp_pmtu_acked(struct tcp_cb *t, uint32_t largest);
void tcp_pmtu_refresh(struct tcp_cb *t);

/* send/rtx.c: the retransmission and persist timer. */
timer_fn tcp_rtx_expired;
void tcp_syn_send(struct tcp_cb *t);
void tcp_rtx_timer_update(struct tcp_cb *t);
void tcp_rtx_timer_stop(struct tcp_cb *t);

#endif
