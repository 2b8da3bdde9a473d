/*
 * For the files of this room alone: what the files of loss use of each other.
 */
#ifndef NET_TCP_LOSS_INT_H
#define NET_TCP_LOSS_INT_H

#include "net/tcp/loss/loss.h"

/* loss/rtt.c */
void tcp_rtt_init(struct tcp_rtt *r);

/* loss/inflight.c: in the network or lost. */
void tcp_inflight_init(struct tcp_cb *t);
void tcp_inflight_arrived(struct tcp_cb *t, struct pkt *p);
void tcp_unmark_lost(struct tcp_cb *t); /* the FIN too */
struct pkt *tcp_oldest_in_flight(struct tcp_cb *t);
struct pkt *tcp_newest_in_flight(struct tcp_cb *t);

/* loss/scoreboard.c: what the peer told of by SACK. */
bool tcp_scoreboard_find_lost(struct tcp_cb *t);

/* loss/rack.c: loss found by time (RFC 8985). */
void tcp_rack_delivered(struct tcp_cb *t, const struct tcp_tx_note *note, struct tcp_delivery *d);
void tcp_rack_dsack(struct tcp_cb *t);
void tcp_rack_recovered(struct tcp_cb *t);
bool tcp_rack_detect(struct tcp_cb *t);
void tcp_rack_timeout(struct tcp_cb *t);

/* loss/tlp.c: tail loss probes (RFC 8985 7). */
bool tcp_tlp_due(const struct tcp_cb *t);
bool tcp_tlp_ack(struct tcp_cb *t, const struct tcp_delivery *d); /* true: it repaired a loss */

/* loss/undo.c: was it for nothing? (RFC 5682, 3522, 3708) */
void tcp_undo_begin(struct tcp_cb *t);
void tcp_undo_resent(struct tcp_cb *t, uint32_t bytes);
void tcp_frto_begin(struct tcp_cb *t);
void tcp_undo_check(struct tcp_cb *t, const struct tcp_delivery *d);

/* loss/newreno.c: loss without SACK (RFC 5681 3.2, RFC 6582). */
void tcp_newreno_acked(struct tcp_cb *t, const struct tcp_delivery *d);
void tcp_newreno_dupack(struct tcp_cb *t);

#endif
