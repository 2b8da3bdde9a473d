"""The attacks that other stacks fell to, below TCP, over the wire at a QEMU guest and at the hosted
program with sanitizers: Ethernet, ARP, IPv4 and its fragments, ICMP, UDP, DHCP.

The comment of each test names what it is modelled on. The fixture checks the same after every one
(conftest.py): it still answers echo requests and serves new connections, the pools are back, no
sanitizer has spoken; peer.py checks every frame it sends. What concerns DHCP beyond surviving
needs a machine that asks for an address: tests/unit/test_dhcp.c, test_dhcp_wire.c, fuzz_dhcp.c.
"""
import os
import random
import socket
import struct

from peer import ETH_ARP, PEER, RST, SYN, checksum

ARP_SENDERS = int(os.environ.get("RINGSIDE_ARP_SENDERS", "5000"))
BROADCAST = b"\xff" * 6


def counted(wire, counter, *frames):
    """Each of the frames is dropped in silence and counted under that name."""
    before = wire.guest.stats()[counter]
    wire.silent(*frames)
    now = wire.guest.stats()[counter]
    assert now == before + len(frames), f"{counter}: {now - before} of {len(frames)}"


def echo(wire, data=b"ping", **more):
    return wire.icmp(8, more.pop("code", 0), struct.pack("!HH", 7, 9) + data, **more)


def echo_replies(wire, *frames):
    return [p for p in wire.play(*frames) if p.protocol == 1 and p.body[0] == 0]


def test_01_frames_too_short(wire):
    """CVE-2020-11906: lengths subtracted before they are compared."""
    for kind in [0x0800, 0x0806, 0x86dd, 0, 46]:
        wire.silent(*[wire.frame(bytes([0x45] * n), kind) for n in range(0, 20)])


def test_02_ip_lengths(wire):
    """CVE-2018-16601, CVE-2020-35683, CVE-2021-31401: header and total length are not believed."""
    syn = wire.segment(5000, 80, 1, 0, SYN)
    counted(wire, "ip_rx_bad_version", *[wire.ip(syn, 6, version=v) for v in (0, 5, 6, 15)])
    counted(wire, "ip_rx_bad_header_len", *[wire.ip(syn, 6, header=n) for n in range(5)])
    counted(wire, "ip_rx_bad_total_len", *[wire.ip(syn, 6, total=n) for n in (0, 19, 1501, 65535)])
    counted(wire, "ip_rx_bad_checksum", wire.ip(syn, 6, checksum=1))


def test_02_padding_is_not_delivered(wire):
    """CVE-2020-11907, 11909: what is behind the total length is nobody's."""
    frame = echo(wire, b"abcd") + b"LEAK" * 20
    assert [p.body[8:] for p in echo_replies(wire, frame)] == [b"abcd"]
    with wire.open() as c:
        request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
        c.take(c.play(c.make(24, request) + b"\r\n" + b"X" * 30))
        c.snd_nxt += len(request)
        c.request(b"\r\n", lambda r: r.endswith(b"\r\n\r\nok\n"))


def test_03_ip_options(wire):
    """CVE-2019-12256: options bent every way, on what is answered by an ICMP error."""
    options = [bytes([kind, length, 4] + [1] * 5) for kind in (7, 68, 130, 148, 30, 255)
               for length in (0, 1, 2, 3, 8, 9, 40, 255)]
    udp = struct.pack("!HHHH", 9, 9, 8, 0)
    for p in wire.play(*[wire.ip(udp, 17, options=o) for o in options]):
        assert p.protocol == 1 and p.body[:2] == b"\x03\x03", p
    sources = [bytes([kind, 7, 4, 192, 0, 2, 9, 0]) for kind in (131, 137)]
    counted(wire, "ip_rx_source_route", *[wire.ip(udp, 17, options=o) for o in sources])


def test_04_ip_in_ip(wire):
    """CVE-2020-11896, 11900: a packet in a packet, whole and in pieces, is never looked into."""
    inner = echo(wire)[14:]
    for p in wire.play(wire.ip(inner, 4), wire.ip(inner[:24], 4, fragment=0x2000, ident=5),
                       wire.ip(inner[24:], 4, fragment=3, ident=5)):
        assert p.protocol == 1 and p.body[:2] == b"\x03\x02", p


def test_08_udp_lengths(wire):
    """CVE-2021-31345. A checksum of 0 is none (RFC 768), so an unused port says so."""
    wire.silent(*[wire.udp(99, 9, b"abc", length=n) for n in (0, 1, 7, 12, 65535)])
    heard = wire.play(wire.udp(99, 9, b"abc"))
    assert [p.body[:2] for p in heard] == [b"\x03\x03"], heard


def test_09_icmp_sizes_and_kinds(wire):
    """CVE-2020-11911: of all requests only the echo is answered, with its bytes and no others."""
    short = [wire.ip(b"\x08\x00\xf7\xff\x00\x00\x00\x00"[:n], 1) for n in range(8)]
    wire.silent(*short)
    for size in (0, 1, 7, 1000, 1472):
        data = random.randbytes(size)
        assert [p.body[8:] for p in echo_replies(wire, echo(wire, data))] == [data]
    wire.silent(*[wire.icmp(kind, 0, b"\0" * 16) for kind in (9, 10, 13, 15, 17, 18, 42, 255)])


def test_09_oversized_echo_in_fragments(wire):
    """65507 bytes of echo request: more than is ever put together here."""
    whole = bytes(8) + bytes(65507)
    wire.silent(*[wire.ip(whole[at:at + 1480], 1, ident=77, fragment=at // 8 | 0x2000 *
                          (at + 1480 < len(whole))) for at in range(0, len(whole), 1480)])


def test_10_icmp_error_with_a_bent_quotation(wire):
    """CVE-2020-11910: the quoted header is cut, or says it is longer than what is there."""
    with wire.open() as c:
        quoted = wire.ip(c.make(16)[34:], 6, source=wire.guest.address, to=PEER)[14:]
        for code in (1, 2, 3, 4):
            wire.silent(*[wire.icmp(3, code, b"\0" * 4 + quoted[:n]) for n in range(0, 28)])
            wire.silent(*[wire.icmp(3, code, b"\0" * 4 + bytes([0x40 | n]) + quoted[1:28])
                          for n in range(16)])
        c.serves()


def arp(wire, op, sender_mac, sender_ip, target_ip, to=None, lengths=(6, 4)):
    body = struct.pack("!HHBBH", 1, 0x0800, *lengths, op) + sender_mac + \
        socket.inet_aton(sender_ip) + bytes(6) + socket.inet_aton(target_ip)
    return wire.frame(body, ETH_ARP, to, source=sender_mac if sender_mac[0] & 1 == 0 else None)


def arp_replies(heard):
    return [p for p in heard if p.type == ETH_ARP and p.raw[20:22] == b"\0\2"]


def test_11_arp_malformed(wire):
    """CVE-2020-11914: lengths that are not Ethernet's and IPv4's, cut short."""
    good = arp(wire, 1, wire.own_mac, wire.gateway, wire.guest.address, BROADCAST)
    assert arp_replies(wire.play_all(good))
    bad = [arp(wire, 1, wire.own_mac, wire.gateway, wire.guest.address, BROADCAST, lengths)
           for lengths in ((0, 0), (255, 255), (6, 16), (8, 4), (5, 4))]
    bad += [good[:n] for n in range(14, 42)]
    assert not arp_replies(wire.play_all(*bad))


def test_11_arp_does_not_learn_what_it_did_not_ask(wire):
    """Unsolicited replies, impossible senders, and a claim to our own address."""
    net = wire.gateway.rsplit(".", 1)[0]
    strange = b"\x02\x66\x66\x66\x66\x66"
    for mac in (bytes(6), BROADCAST, b"\x01\x00\x5e\x00\x00\x01", wire.mac, strange):
        wire.play(arp(wire, 2, mac, net + ".99", wire.guest.address),
                  arp(wire, 2, mac, wire.guest.address, net + ".99", BROADCAST))
    asked = [p for p in wire.play_all(wire.tcp(5010, 80, 1, 0, SYN, source=net + ".99"))
             if p.type == ETH_ARP and p.raw[38:42] == socket.inet_aton(net + ".99")]
    wire.play(wire.tcp(5010, 80, 2, 0, RST, source=net + ".99"))
    assert asked, "a neighbour was learnt from what nobody had asked for"
    assert wire.guest.get("/healthz")[0] == 200


def test_11_arp_flood_does_not_displace_the_gateway(wire):
    """A gratuitous flood of many senders: the table is bounded, and what is in use stays."""
    net = wire.gateway.rsplit(".", 1)[0]
    frames = []
    for n in range(ARP_SENDERS):
        mac = b"\x02" + n.to_bytes(5, "big")
        frames.append(arp(wire, 1, mac, f"{net}.{3 + n % 250}", wire.guest.address, BROADCAST))
    with wire.open() as c:
        wire.play(*frames)
        resolved = wire.guest.stats()["arp_resolved"]
        c.serves()
        assert wire.guest.get("/healthz")[0] == 200
        assert wire.guest.stats()["arp_resolved"] == resolved, "the gateway had been displaced"


def fragments(wire, ident, pieces, source=PEER):
    """pieces: (offset in bytes, data, more to come)."""
    return [wire.ip(data, 1, source=source, ident=ident, fragment=at // 8 | 0x2000 * more)
            for at, data, more in pieces]


def test_16_fragments_that_fit_are_answered(wire):
    """In order, out of order, and with a duplicate: an echo reply. packetimpact's
    ipv4_fragment_reassembly."""
    whole = bytes.fromhex("0800") + b"\0\0" + struct.pack("!HH", 7, 9) + random.randbytes(1000)
    whole = whole[:2] + struct.pack("!H", checksum(whole)) + whole[4:]
    a, b = (0, whole[:504], True), (504, whole[504:], False)
    for ident, pieces in enumerate([[a, b], [b, a], [a, a, b]], 100):
        replies = echo_replies(wire, *fragments(wire, ident, pieces))
        assert [p.body[8:] for p in replies] == [whole[8:]], (pieces, replies)


def test_16_overlapping_fragments(wire):
    """Teardrop, bonk, and RFC 5722's rule: with an overlap all of the datagram goes."""
    whole = bytes.fromhex("0800f7ff00000000") + bytes(56)
    for ident, (at, length) in enumerate([(24, 40), (8, 8), (16, 24), (32, 8), (0, 8)], 200):
        wire.silent(*fragments(wire, ident, [(0, whole[:40], True), (at, whole[:length], at == 0),
                                             (40, whole[40:], False)]))
    wire.holds_fragments = True


def test_16_fragments_beyond_the_end(wire):
    """Ping of death: offset and length beyond 65535; empty and ragged pieces."""
    wire.silent(*fragments(wire, 300, [(65528, bytes(1480), False), (65528, bytes(100), True),
                                       (0, b"", True), (8, b"", False), (0, bytes(13), True)]))


def test_16_fragments_that_never_complete(wire):
    """FragmentSmack CVE-2018-5391: many datagrams, many sources, many small pieces. Memory is
    bounded, and fresh datagrams still get through."""
    frames = []
    for n in range(2000):
        source = f"10.67.{n // 250}.{n % 250}"
        frames += fragments(wire, n, [(0, bytes(1480), True)], source)
        frames += fragments(wire, n, [(8 * (n % 1000 + 200), bytes(8), True)])
    frames += fragments(wire, 7, [(8 * n, bytes(8), True) for n in range(1, 1000)])
    wire.play(*frames)
    stats = wire.guest.stats()
    assert stats["pkt_rx_used"] < stats["pkt_rx_count"] / 2, stats["pkt_rx_used"]
    wire.guest.get("/healthz")
    wire.holds_fragments = True


def test_26_errors_are_not_answered_by_errors(wire):
    """RFC 1122 3.2.2: none about an error, a broadcast, a group, or a piece that is not the
    first."""
    udp = struct.pack("!HHHH", 9, 9, 8, 0)
    network = wire.guest.address.rsplit(".", 1)[0] + ".255"
    wire.silent(wire.icmp(3, 3, bytes(4) + wire.udp(1, 9, b"")[14:]),
                wire.udp(9, 9, b"", to=network), wire.udp(9, 9, b"", to="255.255.255.255"),
                wire.udp(9, 9, b"", to="224.0.0.1"), wire.ip(udp, 17, fragment=1),
                BROADCAST + wire.udp(9, 9, b"")[6:],
                wire.udp(9, 9, b"", source="255.255.255.255"),
                wire.udp(9, 9, b"", source="0.0.0.0"))


def test_29_land_and_martians(wire):
    """LAND, and sources and destinations that are no host: dropped, not answered."""
    own = wire.guest.address
    network = own.rsplit(".", 1)[0] + ".255"
    for source in (own, "127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", network):
        before = wire.guest.stats()
        wire.silent(wire.tcp(80, 80, 1, 0, SYN, source=source))
        after = wire.guest.stats()
        assert sum(after[k] - before[k] for k in ("ip_rx_own_source", "ip_rx_bad_source")) == 1
    for to in (network, "255.255.255.255", "224.0.0.1", "127.0.0.1", "0.0.0.0"):
        wire.silent(wire.ip(wire.segment(5001, 80, 1, 0, SYN), 6, to=to))
    wire.silent(BROADCAST + wire.tcp(5002, 80, 1, 0, SYN)[6:],
                b"\x01\x00\x5e\x00\x00\x01" + wire.tcp(5003, 80, 1, 0, SYN)[6:])


def test_31_options_and_bits_that_mean_no_harm(wire):
    """Any type of service, the reserved bits of IP and TCP, harmless IP options: accepted."""
    syn = wire.segment(5100, 80, 1, 0, SYN)
    frames = [wire.ip(syn, 6, tos=tos) for tos in (0x10, 0xb8, 0x02)]
    frames += [wire.ip(syn, 6, fragment=0x8000), wire.ip(syn, 6, fragment=0xc000),
               wire.ip(syn, 6, options=b"\x01\x01\x01\x00"),
               wire.ip(syn, 6, options=b"\x94\x04\x00\x00"),
               wire.tcp(5100, 80, 1, 0, SYN, reserved=0xe)]
    for f in frames:
        heard = wire.play(f)
        assert [p.flags & 0x3f for p in heard] == [SYN | 16], (f, heard)
        wire.play(wire.tcp(5100, 80, 2, 0, RST))


def test_armis_icmp_probes(wire):
    """An echo request with code 0x41, as the detectors of URGENT/11 send it, is dropped or
    answered, the same each time; a truncated timestamp request is not answered."""
    answered = [len(wire.play(echo(wire, code=0x41))) for _ in range(3)]
    assert answered in ([0] * 3, [1] * 3), answered
    wire.silent(wire.ip(bytes.fromhex("0d00f2ff00000000"), 1))


def test_forescout_icmp_probes(wire):
    """AMNESIA:33's detectors: an ICMP header of 4 bytes or 1, and two bad checksums."""
    wire.silent(wire.ip(b"\x08\x00\xf7\xff", 1), wire.ip(b"\x08", 1),
                wire.ip(b"\x08\x00\xbe\xef" + bytes(4), 1, checksum=0xdead))


def test_dhcp_frames_nobody_asked_for(wire):
    """URGENT/11 CVE-2019-12257, Ripple20 11903: replies bent every way, at a machine that has not
    asked: no answer, no other address."""
    head = bytes([2, 1, 6, 0]) + bytes(24) + wire.mac + bytes(202) + b"\x63\x82\x53\x63"
    options = [b"", b"\x35\x01\x05", b"\x35\xff\x05", b"\x35\x01\x05\x01\x04\0\0\0\0\xff",
               b"\x34\x01\x03" * 20, b"\x35\x01\x02\x33\x04\xff\xff\xff\xff\x36\x02\x01",
               b"\0" * 300]
    frames = [wire.udp(67, 68, head + o, source=wire.gateway) for o in options]
    frames += [wire.udp(67, 68, head[:n], source=wire.gateway) for n in range(0, 240, 16)]
    heard = [p for p in wire.play(*frames) if p.protocol != 1]
    assert not heard, heard
