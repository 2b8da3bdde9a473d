/*
 * TCP's part of the list of counters (see counters.h). One for each reason to drop a segment, one
 * for each eviction and give-up, and the few totals a person looks at first.
 */
#ifndef NET_CORE_COUNTERS_TCP_H
#define NET_CORE_COUNTERS_TCP_H

#define NET_COUNTERS_TCP(X)                                                                     \
    X(tcp_rx_segments, "segments received with a good header and checksum")                     \
    X(tcp_rx_drop_short, "segments dropped: shorter than a header")                             \
    X(tcp_rx_drop_offset, "segments dropped: data offset outside the segment")                  \
    X(tcp_rx_drop_checksum, "segments dropped: wrong checksum")                                 \
    X(tcp_rx_drop_address, "segments dropped: source or destination not one host")              \
    X(tcp_rx_drop_port_zero, "segments dropped: a port is 0")                                   \
    X(tcp_rx_bad_option, "segments whose options end malformed; the rest of them ignored")      \
    X(tcp_rx_drop_flags, "segments dropped: no flag that means anything in the state")          \
    X(tcp_rx_drop_closed, "segments to a port nobody listens on, or to no connection")          \
    X(tcp_rx_drop_out_of_window, "segments dropped: sequence number outside the window")        \
    X(tcp_rx_drop_ack_range, "segments dropped: acknowledgement outside what was sent")         \
    X(tcp_rx_drop_paws, "segments dropped: timestamp older than the last one (PAWS)")           \
    X(tcp_rx_no_timestamp, "segments taken without the timestamp agreed on")                    \
    X(tcp_rx_drop_rst_range, "RSTs not believed: sequence number not exactly the next")         \
    X(tcp_rx_drop_syn_synchronized, "SYNs into a live connection, answered by a challenge ACK") \
    X(tcp_rx_drop_listen, "segments to a listener dropped: neither SYN nor ACK")                \
    X(tcp_rx_drop_syn_sent, "segments dropped while waiting for the SYN-ACK")                   \
    X(tcp_rx_drop_duplicate, "data segments dropped: all of it was there already")              \
    X(tcp_rx_drop_past_fin, "data segments dropped: behind the peer's FIN")                     \
    X(tcp_rx_drop_ranges, "out-of-order data dropped: too many ranges, the farthest goes")      \
    X(tcp_rx_drop_packets, "data dropped: the connection holds too many packets")               \
    X(tcp_rx_drop_pressure, "data dropped: the packet pool is nearly used up")                  \
    X(tcp_rx_drop_shut, "data discarded: the owner reads no more")                              \
    X(tcp_rx_drop_table_full, "handshakes held up: table of connections full")                  \
    X(tcp_rx_drop_accept_full, "segments dropped: accept queue full")                           \
    X(tcp_rx_drop_no_route, "handshakes held up: no way back to the peer")                      \
    X(tcp_accepts_deferred, "bare ACKs of handshakes that must bring data")                     \
    X(tcp_rx_drop_half_open_full, "SYNs dropped: no half-open record to be had")                \
    X(tcp_rx_drop_half_ack, "segments to a half-open connection with a wrong acknowledgement")  \
    X(tcp_rx_ooo_evicted, "out-of-order ranges dropped to make room for data in order")         \
    X(tcp_rx_out_of_order, "data segments that came out of order and were kept")                \
    X(tcp_rx_coalesced, "data segments copied into the packet in front of them")                \
    X(tcp_fast_hits, "segments that went the short way (tcp/fast.c)")                           \
    X(tcp_fast_miss_state, "others: not ESTABLISHED, or a direction is about to end")           \
    X(tcp_fast_miss_flags, "others: flags besides ACK and PSH")                                 \
    X(tcp_fast_miss_ecn, "others: marks of congestion count (RFC 3168)")                        \
    X(tcp_fast_miss_options, "others: SACK blocks, or timestamps not as agreed on")             \
    X(tcp_fast_miss_sequence, "others: not the next sequence number")                           \
    X(tcp_fast_miss_timestamp, "others: a timestamp older than the last one")                   \
    X(tcp_fast_miss_ack, "others: an old, an impossible or a duplicate acknowledgement")        \
    X(tcp_fast_miss_window, "others: a window that is shut, or was, or is exceeded")            \
    X(tcp_fast_miss_loss, "others: something is, or was not long ago, lost or probed for")      \
    X(tcp_fast_miss_order, "others: data waits out of order, or a duplicate is to be told of")  \
    X(tcp_fast_miss_room, "others: packets are short, or the connection holds many")            \
    X(tcp_rx_bytes, "bytes received in order")                                                  \
    X(tcp_tx_segments, "segments sent, of all kinds")                                           \
    X(tcp_tx_anew, "of open connections, with a header built anew and not by their template")   \
    X(tcp_tx_runs, "packets for the device to cut into segments")                               \
    X(tcp_tx_bytes, "payload bytes sent for the first time")                                    \
    X(tcp_tx_retransmits, "data and FIN segments sent again")                                   \
    X(tcp_tx_rst, "RSTs sent")                                                                  \
    X(tcp_tx_challenge_ack, "challenge and out-of-window ACKs sent (RFC 5961)")                 \
    X(tcp_tx_challenge_limited, "challenge and out-of-window ACKs held back by the rate limit") \
    X(tcp_tx_busy, "retransmissions put off: the packet is still on its way down")              \
    X(tcp_tx_no_buffer, "segments not sent: no packet buffer")                                  \
    X(tcp_tx_no_split, "segments put off: no packet buffer to cut a larger one in two")         \
    X(tcp_tx_failed, "segments IP could not send")                                              \
    X(tcp_tx_dsacks, "duplicates told of by DSACK (RFC 2883)")                                  \
    X(tcp_rx_dsacks, "duplicates the peer told of by DSACK (RFC 2883)")                         \
    X(tcp_rx_bad_sack, "SACK blocks ignored: outside what is out, or empty")                    \
    X(tcp_rx_sack_reneged, "times the peer dropped what it had acknowledged selectively")       \
    X(tcp_tx_tail_probes, "tail loss probes sent (RFC 8985)")                                   \
    X(tcp_tx_window_probes, "zero-window probes sent")                                          \
    X(tcp_tx_keepalives, "keepalive probes sent")                                               \
    X(tcp_timeouts, "retransmission timeouts")                                                  \
    X(tcp_fast_retransmits, "entries into fast retransmit")                                     \
    X(tcp_hystart_exits, "first slow starts left because the round trip grew (RFC 9406)")       \
    X(tcp_ecn_opens, "connections that use ECN (RFC 3168)")                                     \
    X(tcp_ecn_fallbacks, "SYNs sent again without asking for ECN")                              \
    X(tcp_ecn_ce_received, "data segments received that a router had marked")                   \
    X(tcp_ecn_reductions, "reductions of the congestion window because of an echoed mark")      \
    X(tcp_spurious_timeouts, "timeouts found to be spurious (F-RTO, timestamps, DSACK)")        \
    X(tcp_spurious_recoveries, "fast retransmits found to be spurious (timestamps, DSACK)")     \
    X(tcp_tail_repairs, "losses that a tail loss probe repaired")                               \
    X(tcp_cwnd_undone, "reductions of the congestion window undone: nothing had been lost")     \
    X(tcp_active_opens, "connections opened by us")                                             \
    X(tcp_port_looks, "ports looked at for connections of ours and bind")                       \
    X(tcp_passive_opens, "connections opened by peers")                                         \
    X(tcp_resets_received, "connections ended by a RST")                                        \
    X(tcp_aborts, "connections ended by us with a RST")                                         \
    X(tcp_r1_advice, "Times IP was told that nothing is acknowledged (RFC 9293 R1)")            \
    X(tcp_give_ups, "connections ended because the peer stayed silent")                         \
    X(tcp_create_full, "connections refused to the program: table full")                        \
    X(tcp_orphans_evicted, "closed but unfinished connections evicted for room")                \
    X(tcp_stalled_evicted, "connections ended for holding packets the peer did not take")       \
    X(tcp_half_open_evicted, "half-open connections evicted for newer ones")                    \
    X(tcp_half_open_expired, "half-open connections never completed")                           \
    X(tcp_half_open_reset, "half-open connections ended by a RST")                              \
    X(tcp_cookies_sent, "SYN-ACKs sent without keeping a record (SYN cookies)")                 \
    X(tcp_cookies_accepted, "connections opened by the ACK of a SYN cookie")                    \
    X(tcp_cookies_rejected, "ACKs that could have carried a SYN cookie, and did not")           \
    X(tcp_time_wait_recycled, "TIME-WAIT records recycled before their time")                   \
    X(tcp_time_wait_reopened, "TIME-WAIT connections opened anew by a SYN")                     \
    X(tcp_time_wait_reset, "TIME-WAIT records ended by a RST")                                  \
    X(tcp_time_wait_reused, "TIME-WAIT connections opened anew by us (RFC 6191)")               \
    X(tcp_icmp_ignored, "ICMP errors not believed: no such segment on its way")                 \
    X(tcp_icmp_soft, "ICMP errors noted without ending the connection")                         \
    X(tcp_icmp_hard, "ICMP errors that ended a connection attempt")                             \
    X(tcp_icmp_frag_needed, "ICMP fragmentation needed: segments made smaller")                 \
    X(tcp_pmtu_plateaus, "of these, sizes rounded down to a plateau: there had been too many")  \
    X(tcp_black_holes, "segments made smaller because large ones vanished")                     \
    X(tcp_pmtu_raised, "times the link's segment size was tried again")                         \
    X(tcp_memory_waits, "times a writer found no packet buffer and was woken later")

#endif
