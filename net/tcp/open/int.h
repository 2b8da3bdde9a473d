/*
 * For the files of this room alone: what the files of opens use of each other.
 */
#ifndef NET_TCP_OPEN_INT_H
#define NET_TCP_OPEN_INT_H

#include "net/tcp/open/open.h"

/* open/record.c: half-open records. */
void tcp_half_describe(struct tcp_half *half, struct tcp_cb *l, const struct tcp_segment *seg);
void tcp_half_begin(struct tcp_half *half);
void tcp_half_never_lived(struct tcp_half *half);
void tcp_half_send_syn_ack(struct net *n, const struct tcp_half *half);
void tcp_half_send_ack(struct net *n, struct tcp_half *half);
bool tcp_half_defers(const struct tcp_half *half, uint64_t now_ns);
struct tcp_cb *tcp_half_complete(struct net *n, struct tcp_half *half) must_check;

/* open/cookie.c: SYN cookies (RFC 4987 3.6). */
bool tcp_cookie_possible(const struct tcp_half *half);
uint32_t tcp_cookie_make(const struct net *n, const struct tcp_half *half);
uint32_t tcp_cookie_timestamp(const struct tcp_half *half, uint32_t ts);
void tcp_cookie_out(struct net *n);
void tcp_cookie_choose(struct tcp_half *half);
bool tcp_cookie_expected(const struct net *n);
bool tcp_cookie_recover(struct tcp_half *half, const struct tcp_segment *seg);

#endif
