/*
 * Generic receive offload: of a batch of frames, those that carry the next segments of one TCP flow
 * go through the stack as one packet, a run. The first of them is as it came, headers and all; the
 * others hang behind it by frag, payload alone, with their headers still in front of it: what does
 * not take a run as a whole takes it apart again (tcp/run.c). Every buffer is one segment.
 *
 * A run is nothing but a shorter way to what would have come about without it. So nothing is
 * reordered or dropped here, a frame that is in doubt goes alone, and what a follower says differs
 * from what the first one says in its number and its bytes only:
 *
 *   - Ethernet addresses and type, IPv4 header without options or fragments: TOS with the ECN bits,
 *     TTL and DF, addresses (identification, total length and checksum are each one's own)
 *   - ports, acknowledgement, window, urgent pointer; timestamps or no options at all. TSval and
 *     TSecr are equal, too, and not only not older: so what PAWS and TS.Recent (RFC 7323 4.3, 5.3)
 *     see is the same whether they look at the first or at each; a run ends when a clock ticks,
 *     once a millisecond.
 *   - flags: ACK alone. PSH may stand in the last one: it says that a burst is over, and ends it
 *   - sequence numbers follow each other exactly; each has as many bytes as the first, the last one
 *     as many or fewer, none has none
 *   - each header's and each segment's checksum is right: looked at here, once, and marked
 *     (PKT_RX_CSUM_GOOD)
 */
#ifndef NET_GRO_GRO_H
#define NET_GRO_GRO_H

#include "kernel/base.h"
#include "kernel/pkt.h"

struct net;

enum {
    GRO_SEGMENTS_MAX = 32, /* of a run; with full segments less than what an IP packet can have */
};

/* Takes the batch, frames (l3 is ETH_HEADER_BYTES) or bare IP packets (l3 is 0), and hands all of
 * it on in its order before it returns. */
void gro_input(struct net *n, struct pkt *const *batch, size_t count, size_t l3);

#endif
