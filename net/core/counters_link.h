/*
 * Counters of the layers below TCP and of UDP, a drop reason each. Joined in counters.h.
 */
#ifndef NET_CORE_COUNTERS_LINK_H
#define NET_CORE_COUNTERS_LINK_H

#define NET_COUNTERS_ETH(X)                                                     \
    X(eth_rx, "frames received")                                                \
    X(eth_tx, "frames sent")                                                    \
    X(eth_rx_short, "dropped: frame shorter than an Ethernet header")           \
    X(eth_rx_other_host, "dropped: frame for another station")                  \
    X(eth_rx_multicast, "dropped: multicast frame, no group is joined")         \
    X(eth_rx_bad_source, "dropped: source address is a group, zero or our own") \
    X(eth_rx_length_frame, "dropped: 802.3 length instead of a type")           \
    X(eth_rx_vlan, "dropped: frame of a VLAN, or in too many tags")             \
    X(eth_rx_unknown_type, "dropped: type neither IPv4 nor ARP")                \
    X(link_tx_down, "dropped: sent while the link is down")

#define NET_COUNTERS_GRO(X)                                      \
    X(gro_runs, "packets made of segments that came one by one") \
    X(gro_segments, "segments that went on behind another's headers")

#define NET_COUNTERS_ARP(X)                                                            \
    X(arp_rx, "ARP packets received")                                                  \
    X(arp_rx_malformed, "dropped: ARP not Ethernet/IPv4, short, or unknown operation") \
    X(arp_rx_bad_sender, "dropped: ARP sender address impossible")                     \
    X(arp_rx_not_for_us, "dropped: ARP about others")                                  \
    X(arp_rx_unsolicited, "dropped: ARP reply nobody asked for")                       \
    X(arp_rx_doubted, "Claims to a live neighbour's address, which was asked instead") \
    X(arp_fell_silent, "Neighbours silent when another one claimed their address")     \
    X(arp_suspected, "Neighbours asked again because a transport hears nothing")       \
    X(arp_tx_request, "ARP requests sent")                                             \
    X(arp_tx_reply, "ARP replies sent")                                                \
    X(arp_tx_probe, "ARP probes sent (RFC 5227)")                                      \
    X(arp_tx_announcement, "ARP announcements and defences sent")                      \
    X(arp_tx_no_buffer, "ARP packets not sent for want of a buffer")                   \
    X(arp_resolved, "neighbours resolved")                                             \
    X(arp_unresolved, "neighbours that did not answer")                                \
    X(arp_evicted, "neighbours evicted from the full table")                           \
    X(arp_table_full, "neighbours not entered: table full of better ones")             \
    X(arp_drop_pending, "dropped: too many packets wait for a neighbour")              \
    X(arp_drop_unresolved, "dropped: neighbour did not answer")                        \
    X(arp_drop_flushed, "dropped: waiting when the address or the link changed")       \
    X(acd_conflicts, "address conflicts seen (RFC 5227)")                              \
    X(acd_defended, "address conflicts answered by an announcement")

#define NET_COUNTERS_IP(X)                                                                     \
    X(ip_rx, "IP packets received")                                                            \
    X(ip_delivered, "IP datagrams delivered to a transport")                                   \
    X(ip_tx, "IP packets sent")                                                                \
    X(ip_rx_short, "dropped: IP header cut short")                                             \
    X(ip_rx_bad_version, "dropped: IP version not 4")                                          \
    X(ip_rx_bad_header_len, "dropped: IP header length out of range")                          \
    X(ip_rx_bad_total_len, "dropped: IP total length out of range")                            \
    X(ip_rx_bad_checksum, "dropped: IP header checksum wrong")                                 \
    X(ip_rx_source_route, "dropped: source-routed (RFC 7126)")                                 \
    X(ip_rx_bad_option, "dropped: IP option length out of range")                              \
    X(ip_rx_bad_source, "dropped: IP source cannot be a host's")                               \
    X(ip_rx_own_source, "dropped: IP source is our own address")                               \
    X(ip_rx_other_host, "dropped: IP destination is not us")                                   \
    X(ip_rx_multicast, "dropped: IP destination is a group")                                   \
    X(ip_rx_link_broadcast, "dropped: link-level broadcast of an IP unicast (RFC 1122 3.3.6)") \
    X(ip_rx_unknown_protocol, "dropped: no such transport")                                    \
    X(ip_rx_tcp_broadcast, "dropped: TCP to a broadcast address")                              \
    X(ip_tx_no_route, "dropped: no route or no address to send from")                          \
    X(ip_tx_too_big, "dropped: larger than the MTU, and not to be fragmented")                 \
    X(ip_tx_fragments, "Fragments sent")                                                       \
    X(ip_tx_no_buffer, "dropped: no buffer for a fragment")                                    \
    X(frag_rx, "IP fragments received")                                                        \
    X(frag_reassembled, "datagrams reassembled")                                               \
    X(frag_drop_bad, "dropped: fragment empty, ragged or beyond 65535 bytes")                  \
    X(frag_drop_too_big, "dropped: datagram of several buffers, to a protocol of one")         \
    X(frag_drop_overlap, "dropped: datagram with overlapping fragments")                       \
    X(frag_drop_ecn, "dropped: fragments marked and unmarkable in one datagram")               \
    X(frag_drop_too_many, "dropped: datagram in too many fragments")                           \
    X(frag_drop_cap, "dropped: too many fragments held")                                       \
    X(frag_evicted, "dropped: incomplete datagram evicted by a newer one")                     \
    X(frag_evicted_source, "dropped: oldest incomplete datagram of a source at its share")     \
    X(frag_timeout, "dropped: datagram not completed in time")                                 \
    X(frag_duplicate, "dropped: fragment received before")

#define NET_COUNTERS_PMTU(X)                                 \
    X(pmtu_lowered, "path MTUs remembered below the link's") \
    X(pmtu_evicted, "path MTUs forgotten early for another host's")

#define NET_COUNTERS_ICMP(X)                                                 \
    X(icmp_rx, "ICMP messages received")                                     \
    X(icmp_rx_short, "dropped: ICMP message cut short")                      \
    X(icmp_rx_bad_checksum, "dropped: ICMP checksum wrong")                  \
    X(icmp_rx_broadcast, "dropped: ICMP message to a broadcast address")     \
    X(icmp_rx_echo, "echo requests answered")                                \
    X(icmp_rx_error, "ICMP errors handed to a transport")                    \
    X(icmp_rx_bad_quote, "dropped: ICMP error quoting what we did not send") \
    X(icmp_rx_redirect, "dropped: ICMP redirect")                            \
    X(icmp_rx_source_quench, "dropped: ICMP source quench (RFC 6633)")       \
    X(icmp_rx_ignored, "dropped: ICMP type not served")                      \
    X(icmp_tx_error, "ICMP errors sent")                                     \
    X(icmp_tx_limited, "ICMP errors not sent: rate limit")                   \
    X(icmp_tx_no_buffer, "ICMP errors not sent for want of a buffer")

#define NET_COUNTERS_UDP(X)                                                 \
    X(udp_rx, "UDP datagrams received")                                     \
    X(udp_tx, "UDP datagrams sent")                                         \
    X(udp_rx_bad_length, "dropped: UDP length out of range")                \
    X(udp_rx_bad_checksum, "dropped: UDP checksum wrong")                   \
    X(udp_rx_bad_port, "dropped: UDP destination port 0")                   \
    X(udp_rx_no_socket, "dropped: no UDP socket on the port")               \
    X(udp_rx_queue_full, "dropped: UDP receive queue full")                 \
    X(udp_rx_no_buffer, "dropped: receive buffers too scarce to queue UDP") \
    X(udp_tx_no_buffer, "UDP datagrams not sent for want of a buffer")

#define NET_COUNTERS_DHCP(X)                                                               \
    X(dhcp_tx, "DHCP messages sent")                                                       \
    X(dhcp_tx_no_buffer, "DHCP messages not sent for want of a buffer")                    \
    X(dhcp_rx, "DHCP messages received")                                                   \
    X(dhcp_rx_malformed, "dropped: DHCP message cut short, or no server's")                \
    X(dhcp_rx_not_for_us, "dropped: DHCP message of another exchange")                     \
    X(dhcp_rx_unexpected, "dropped: DHCP message that fits no state, or another server's") \
    X(dhcp_rx_bad_lease, "dropped: DHCP address or options that cannot be used")           \
    X(dhcp_bad_router, "DHCP routers and routes ignored: no neighbour's, or too many")     \
    X(dhcp_nak, "DHCP requests refused")                                                   \
    X(dhcp_expired, "DHCP leases that ran out")                                            \
    X(dhcp_declined, "DHCP addresses declined for a conflict")

#define NET_COUNTERS_LINK(X) \
    NET_COUNTERS_ETH(X)      \
    NET_COUNTERS_GRO(X)      \
    NET_COUNTERS_ARP(X)      \
    NET_COUNTERS_IP(X)       \
    NET_COUNTERS_PMTU(X)     \
    NET_COUNTERS_ICMP(X)     \
    NET_COUNTERS_UDP(X)      \
    NET_COUNTERS_DHCP(X)

#endif
