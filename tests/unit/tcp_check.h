/*
 * What must hold of a stack's TCP whenever it is at rest, that is between two entries from outside
 * (net.h, sock.h): for fuzz targets, the simulator and exhaustion tests, to be called after each
 * step. A breach is a failed assertion with its place. The cost is a look at every record and
 * every queued packet.
 *
 *   - sequence space: SND.UNA <= SND.NXT, RCV.NXT <= the window's edge, the queues are what lies
 *     between them: the send queue begins at SND.UNA, has no gap, its unsent part begins at SND.NXT
 *   - sums: bytes, packets, lost and out-of-order counts equal what is in the queues; the packets
 *     queued are not more than the pools have given out
 *   - scoreboard: each packet sent is in the network, lost or with the peer, once; sums, edge and
 *     hints are what the packets' notes say; the first is not with the peer; the pipe is not
 * negative
 *   - windows: cwnd is a segment at least and not beyond the largest window there is
 *   - ranges: ordered, disjoint, a gap in front of each, inside the advertised window
 *   - nothing can hang: what is out, waits for a window, is unacknowledged or half-open has a timer
 *   - records: every list's length equals its counter and its pool's, everything the wire may reach
 *     is found by its 4-tuple
 */
#ifndef TESTS_UNIT_TCP_CHECK_H
#define TESTS_UNIT_TCP_CHECK_H

#include "net/net.h"

void tcp_check_invariants(const struct net *n);

#endif
