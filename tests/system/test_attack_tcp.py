"""The attacks that other stacks fell to, in TCP and above it, over the wire at a QEMU guest and at
the hosted program with sanitizers. See test_attack_ip.py for how each is judged.

Simultaneous open and self-connect need a machine that connects: tests/unit/test_tcp_open.c. Wraps
of our own sequence numbers: the unit tests' fixture runs each test around the wrap. Floods and
crowds in their full size: test_flood.py, test_slow_clients.py, test_guesses.py.
"""
import os
import random
import struct
import time

import pytest

import http_cases
from machine import wait_for
from peer import ACK, ANSWER_S, FIN, MSS_1460, PEER, PSH, RST, SYN, URG

SYNS = int(os.environ.get("RINGSIDE_SYNS", "1000"))
BIG = b"GET /bytes/1000000 HTTP/1.1\r\nHost: a\r\n\r\n"
MSS_FLOOR = 88
QUIET_S = 0.05  # the initial window is out by then, and no timer has run off yet
CHALLENGE_LEAST_S = 0.5  # between challenge ACKs of a connection
CHALLENGE_S = 0.6  # after which there is one for certain
SACK_OK = b"\x04\x02"


def body_in_flight(c):
    """Has asked for a big body and acknowledged nothing of it: what came, by sequence number."""
    c.send(BIG)
    c.listen(lambda: len(c.received) > 500, acks=False)
    c.listen_all = c.wire.play()
    while p := c.wire.receive(QUIET_S):
        c.take([p] if p.dport == c.sport else [])
    return c.segments


def is_alive_with_body(c):
    """The body that was begun comes to its end."""
    def whole():
        head, _, body = c.received.partition(b"\r\n\r\n")
        return head and len(body) >= 1000000
    c.wire.send(c.make(ACK))
    c.listen(whole, 240)


def half_open_gone(wire):
    wait_for("half-open records to go", lambda: wire.guest.stats()["tcp_half_used"] == 0, 60)


def test_05_data_offset(wire):
    """CVE-2020-24341, CVE-2018-16603: a header shorter than a header, longer than the segment."""
    wire.silent(*[wire.tcp(6000, 80, 1, 0, SYN, offset=n) for n in (0, 1, 4, 6, 15)])
    with wire.open() as c:
        c.wire.silent(*[c.make(ACK | PSH, b"x" * 8, offset=n) for n in (0, 4, 8, 15)])
        c.serves()


def test_06_every_option_length_on_a_syn(wire):
    """CVE-2020-24337 (endless loop), CVE-2018-16524, CVE-2020-13988: each byte value as the length
    of each kind. Answered or dropped, never reset, and nothing is left."""
    for kind in (2, 3, 4, 5, 8, 34, 254):
        frames, resets = [], []
        for length in range(256):
            frames.append(wire.tcp(10000 + length, 80, 1, 0, SYN,
                                   options=bytes([kind, length]) + b"\x01" * 10))
            resets.append(wire.tcp(10000 + length, 80, 2, 0, RST))
        for start in range(0, 256, 64):
            heard = wire.play(*frames[start:start + 64])
            assert all(p.flags & 0x3f == SYN | ACK for p in heard), heard
            wire.silent(*resets[start:start + 64])
    half_open_gone(wire)


def test_06_bad_options_on_a_connection(wire):
    """CVE-2019-12258: VxWorks reset the connection."""
    with wire.open() as c:
        for kind in (2, 3, 4, 5, 8, 19, 29, 34, 254):
            for length in (0, 1, 2, 3, 9, 255):
                heard = c.play(c.make(ACK, options=bytes([kind, length]) + b"\x01" * 6))
                assert not [p for p in heard if p.flags & RST], (kind, length, heard)
        c.serves()


def test_07_option_values(wire):
    """MSS and window scale out of any sense; SACK-permitted where it does not belong."""
    for option in [struct.pack("!BBH", 2, 4, mss) for mss in (0, 1, 40, 88, 535, 65535)] + \
            [bytes([3, 3, shift, 0]) for shift in (0, 14, 15, 16, 31, 32, 64, 255)]:
        with wire.open(options=option) as c:
            c.play(c.make(ACK, options=SACK_OK + b"\1\1"))
            c.serves()


def sack(*blocks):
    return b"\1\1" + bytes([5, 2 + 8 * len(blocks)]) + b"".join(
        struct.pack("!II", a % 2**32, b % 2**32) for a, b in blocks)


def test_07_sack_blocks_that_cannot_be(wire):
    """CVE-2021-31889: left not before right, outside of what is in flight, half the space apart."""
    with wire.open(options=MSS_1460 + SACK_OK + b"\1\1") as c:
        body_in_flight(c)
        una, end = (c.syn_ack.seq + 1), c.rcv_nxt
        blocks = [(una + 10, una + 10), (una + 100, una + 50), (una - 5000, una - 1),
                  (end, end + 5000), (una, una + 2**31), (una + 2**31, una), (0, 2**32 - 1),
                  (una - 1, end + 1)]
        for b in blocks:
            c.take(c.play(c.make(ACK, ack=una, options=sack(b))))
        c.take(c.play(c.make(ACK, ack=una, options=sack(*blocks[:4]))))
        is_alive_with_body(c)


def test_12_urgent_pointers(wire):
    """URGENT/11 CVE-2019-12255, 12260, 12261, 12263, CVE-2020-17437: urgent data is data, and the
    pointer is no length."""
    body = b"0123456789"
    for urgent in (0, 1, 5, 10, 11, 100, 65535):
        with wire.open() as c:
            c.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n")
            later = c.make(ACK | URG, body, seq=10, urgent=urgent)
            c.take(c.play(later))  # out of order
            c.send(body, ACK | URG | PSH, urgent=urgent)
            c.snd_nxt += 10
            c.send(body, ACK | URG, urgent=urgent)
            c.listen(lambda: c.received.endswith(body * 3))
    assert all(p.flags & 0x3f == SYN | ACK for p in
               wire.play(wire.tcp(6100, 80, 1, 0, SYN | URG, urgent=65535)))
    wire.play(wire.tcp(6100, 80, 2, 0, RST))
    with wire.open() as c:  # an option of TCP-MD5 and of TCP-AO, cut short
        for option in (b"\x13\x12\0\0", b"\x1d\x04\0\0", b"\x13\x02\0\0", b"\x1d\x00\0\0"):
            c.play(c.make(ACK | URG, urgent=3, options=option))
        c.serves()


def test_13_sequence_numbers_and_idents(wire):
    """NUMBER:JACK. Numbers of different connections have nothing to do with each other; the same
    one's grow with time (RFC 6528). The IP ident is no count of packets (idle scan)."""
    isns, idents = [], []
    for n in range(SYNS):
        heard = [p for p in wire.play(wire.tcp(10000 + n % 50000, 80, 7 * n, 0, SYN))
                 if p.dport == 10000 + n % 50000]
        isns += [p.seq for p in heard]
        idents += [(p.ident, p.dont_fragment) for p in heard]
        wire.play(wire.tcp(10000 + n % 50000, 80, 7 * n + 1, 0, RST))
    assert len(isns) == SYNS and len(set(isns)) > SYNS * 0.99
    steps = [(b - a) % 2**32 for a, b in zip(isns, isns[1:])]
    near = sum(s < 2**24 or s > 2**32 - 2**24 for s in steps)
    assert near < 0.05 * SYNS + 10, f"{near} of {SYNS} are near the one before"
    same = []
    for n in range(20):
        heard = wire.play(wire.tcp(9999, 80, 7 * n, 0, SYN))
        same += [p.seq for p in heard]
        wire.play(wire.tcp(9999, 80, 7 * n + 1, 0, RST))
    assert all(0 < (b - a) % 2**32 < 2**28 for a, b in zip(same, same[1:])), same
    counted = sum((b - a) % 65536 in range(1, 20) for (a, _), (b, _) in zip(idents, idents[1:]))
    assert counted < 0.05 * SYNS + 10, "the ident counts packets"


def test_15_out_of_order_flood(wire):
    """SegmentSmack CVE-2018-5390: single bytes at every other place. What is kept is bounded, and
    the hole's filling is still taken."""
    with wire.open() as c:
        c.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n")
        before = wire.guest.stats()
        frames = [c.make(ACK, b"b", seq=at) for at in range(4999, 0, -2)]
        start = time.monotonic()
        for n in range(0, len(frames), 64):
            c.take(c.play(*frames[n:n + 64]))
        took = time.monotonic() - start
        held = wire.guest.stats()["pkt_rx_used"] - before["pkt_rx_used"]
        print(f"{len(frames)} segments in {took:.2f} s; {held} packets held")
        assert held <= 256
        c.received = b""
        c.send(b"a" * 1000)
        c.send(b"a" * 1000)
        c.send(b"a" * 1000)
        c.send(b"a" * 1000)
        c.send(b"a" * 1000)
        c.listen(lambda: len(c.received.partition(b"\r\n\r\n")[2]) >= 5000)
        c.serves()


def test_17_small_mss_and_holes(wire):
    """SACK Panic CVE-2019-11477, -11478, -11479: a tiny MSS is not obeyed below a floor, and holes
    in its many segments break nothing."""
    with wire.open(options=struct.pack("!BBH", 2, 4, 48) + SACK_OK + b"\1\1") as c:
        segments = body_in_flight(c)
        full = [len(p.data) for p in segments if p.data]
        assert max(full) >= MSS_FLOOR - 40, full[:5]
        una = c.syn_ack.seq + 1
        data = [p for p in segments if p.data]
        for p in data[1::2]:
            c.take(c.play(c.make(ACK, ack=una, options=sack((p.seq, p.seq + len(p.data))))))
        c.wire.send(c.make(ACK))
        c.listen(lambda: len(c.received) > 20000)


def test_18_scoreboard_is_bounded(wire):
    """CVE-2019-5599: thousands of small SACK blocks, each another one."""
    with wire.open(options=MSS_1460 + SACK_OK + b"\1\1") as c:
        body_in_flight(c)
        una = c.syn_ack.seq + 1
        length = (c.rcv_nxt - una) % 2**32
        for n in range(20):
            blocks = [c.make(ACK, ack=una, options=sack(*[
                (una + at, una + at + 1) for at in random.sample(range(1, length - 1), 4)]))
                for _ in range(64)]
            c.take(c.play(*blocks))
        is_alive_with_body(c)


def test_19_zero_window_is_probed_and_opens_again(wire):
    """A request, then a window of 0: probed, kept while it answers, and served when it opens."""
    with wire.open(window=0) as c:
        c.send(BIG)
        c.window = 0
        c.listen(lambda: len([p for p in c.segments if p.ack == c.snd_nxt]) >= 3, acks=False)
        sizes = [len(p.data) for p in c.segments]
        assert max(sizes) <= 1, sizes
        c.window = 65535
        is_alive_with_body(c)


def test_20_ack_division(wire):
    """Each byte acknowledged alone: the congestion window grows by what was acknowledged
    (RFC 3465), not by how often."""
    with wire.open() as c:
        body_in_flight(c)
        una = c.syn_ack.seq + 1
        first = (c.rcv_nxt - una) % 2**32
        for start in range(0, 1460, 64):
            c.take(c.play(*[c.make(ACK, ack=una + n) for n in
                            range(start + 1, min(start + 65, 1461))]))
        in_flight = (c.rcv_nxt - una) % 2**32 - 1460
        assert in_flight <= first + 2 * 1460, f"{first} bytes at first, {in_flight} after"
        is_alive_with_body(c)


def test_20_optimistic_ack(wire):
    """What was not sent cannot be acknowledged: not believed, answered by an ACK (RFC 9293)."""
    with wire.open() as c:
        body_in_flight(c)
        beyond = c.rcv_nxt + 100000
        before = c.rcv_nxt
        heard = c.play(c.make(ACK, ack=beyond))
        assert len(heard) <= 1 and not [p for p in heard if p.flags & RST], heard
        assert c.rcv_nxt == before
        is_alive_with_body(c)


def test_22_time_wait_is_bounded(wire):
    """Connections opened and closed in a row leave records, as many as there is room for."""
    for _ in range(200):
        wire.guest.get("/healthz")
    stats = wire.guest.stats()
    assert stats["tcp_time_wait_used"] <= stats["tcp_time_wait_count"]


def test_23_resets_of_half_open_connections(wire):
    """picoTCP #53: a RST after the SYN-ACK frees the place at once."""
    for start in range(0, 2048, 64):
        heard = wire.play(*[wire.tcp(20000 + start + n, 80, 1, 0, SYN) for n in range(64)])
        assert len(heard) == 64
        wire.silent(*[wire.tcp(20000 + start + n, 80, 2, 0, RST) for n in range(64)])
    half_open_gone(wire)


def challenges_since(start):
    """As many as a connection may have been sent since then, however long that took."""
    return 1 + int((time.monotonic() - start) / CHALLENGE_LEAST_S)


def test_24_blind_resets_and_syns(wire):
    """RFC 5961 3 and 4: in the window but not exact is challenged, outside is dropped."""
    with wire.open() as c:
        assert not c.play(c.make(RST, seq=100000), c.make(RST, seq=-1))
        heard = c.play(c.make(RST, seq=1))
        assert [p.flags for p in heard] == [ACK] and heard[0].ack == c.snd_nxt, heard
        time.sleep(CHALLENGE_S)
        heard = c.play(c.make(SYN, ack=0))
        assert [p.flags for p in heard] == [ACK] and heard[0].ack == c.snd_nxt, heard
        time.sleep(CHALLENGE_S)
        heard = c.play(c.make(SYN, seq=2**31, ack=0))
        assert [p.flags for p in heard] in ([], [ACK]), heard
        c.serves()
        c.reset()
        heard = wire.play(c.make(ACK))
        assert [p.flags for p in heard] == [RST], "the exact RST was not believed"


def test_24_blind_acks_and_data(wire):
    """RFC 5961 5: data whose acknowledgement cannot be is not taken."""
    with wire.open() as c:
        for ack in (2**31, 100000, 1 - 2**30):
            heard = c.play(c.make(ACK | PSH, b"GET /nothing HTTP/1.1\r\n", ack=c.rcv_nxt + ack))
            assert [p.flags for p in heard] in ([], [ACK]), heard
            assert all(p.ack == c.snd_nxt for p in heard), heard
        c.serves()


def test_25_challenges_are_counted_for_each_connection(wire):
    """CVE-2016-5696: probing one connection must not tell anything about another."""
    with wire.open() as a, wire.open() as b:
        start = time.monotonic()
        heard = a.play(*[a.make(RST, seq=n) for n in range(1, 60)])
        assert 1 <= len(heard) <= challenges_since(start), heard
        heard = b.play(b.make(RST, seq=1))
        assert len(heard) == 1, "another connection's challenge was used up"
        a.serves()
        b.serves()


def quoted(c, seq):
    """The first 28 bytes of a packet that the machine might have sent on the connection."""
    body = struct.pack("!HHI", c.port, c.sport, seq % 2**32)
    return c.wire.ip(body, 6, source=c.wire.guest.address, to=PEER, total=1500)[14:]


def test_26_icmp_errors_do_not_end_connections(wire):
    """RFC 5927: hard errors are soft for what is established; quench and redirect are nothing."""
    with wire.open() as c:
        body_in_flight(c)
        seqs = [c.syn_ack.seq + 1, c.rcv_nxt - 1, c.rcv_nxt + 10000, 0]
        for kind, code in ((3, 0), (3, 1), (3, 2), (3, 3), (3, 13), (4, 0), (5, 1), (11, 0),
                           (12, 0)):
            heard = wire.play(*[wire.icmp(kind, code, bytes(4) + quoted(c, s)) for s in seqs])
            assert not [p for p in heard if p.protocol == 1], heard
            c.take([p for p in heard if p.dport == c.sport])
        is_alive_with_body(c)


def test_27_path_mtu_attacks(wire):
    """CVE-2005-0065 and kin: no MTU below the floor is believed, nor one for what is not in
    flight."""
    with wire.open() as c:
        body_in_flight(c)
        for seq in (c.syn_ack.seq + 1 - 2**20, c.rcv_nxt + 2**20, c.rcv_nxt + 2**31):
            for mtu in (0, 28, 68, 552):
                wire.play(wire.icmp(3, 4, struct.pack("!HH", 0, mtu) + quoted(c, seq)))
        c.segments.clear()
        c.wire.send(c.make(ACK))
        c.listen(lambda: len(c.segments) > 20)
        assert max(len(p.data) for p in c.segments) == 1460, "a forged error lowered the MTU"
        for mtu in (0, 28, 68, 1499, 1501, 65535):
            c.take([p for p in wire.play(wire.icmp(3, 4, struct.pack("!HH", 0, mtu)
                                                   + quoted(c, c.rcv_nxt - 1)))
                    if p.dport == c.sport])
        c.segments.clear()
        c.wire.send(c.make(ACK))
        c.listen(lambda: len(c.segments) > 20)
        assert max(len(p.data) for p in c.segments) >= 552 - 40
        is_alive_with_body(c)


def server_closes_first(wire):
    """A connection in TIME-WAIT there; snd_nxt is behind our FIN."""
    c = wire.open(isn=1000)
    c.request(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
              lambda r: r.endswith(b"ok\n"))
    c.listen(lambda: any(p.flags & FIN for p in c.segments))
    c.take(c.play(c.make(ACK | FIN)))
    c.snd_nxt += 1
    return c


def test_28_time_wait_assassination(wire):
    """RFC 9293 3.10.7.4, RFC 5961: guesses do not end TIME-WAIT, and one of them in 500 ms gets an
    answer; a newer SYN reopens; only the RST at exactly RCV.NXT ends it."""
    c = server_closes_first(wire)
    assert not c.play(c.make(RST, seq=-1), c.make(RST | ACK, seq=2**20), c.make(RST, seq=2**31))
    start = time.monotonic()
    heard = c.play(c.make(RST, seq=1), c.make(RST | ACK, seq=2), c.make(ACK | PSH, b"old", seq=-10))
    assert 1 <= len(heard) <= challenges_since(start), heard
    assert all(p.flags == ACK and p.ack == c.snd_nxt for p in heard), heard
    heard = c.play(c.make(SYN, seq=1000, ack=0))
    assert [p.flags & 0x3f for p in heard] == [SYN | ACK], heard
    wire.silent(c.make(RST, seq=1001))
    c = server_closes_first(wire)
    assert not c.play(c.make(RST))
    heard = c.play(c.make(ACK))
    assert [p.flags for p in heard] == [RST], heard


@pytest.mark.parametrize("port", [80, 81])
def test_30_flags_without_a_connection(wire, port):
    """RFC 9293 3.10.7: to LISTEN and to CLOSED. No RST answers a RST."""
    def flags_of(flags, data=b""):
        n = next(wire.ports)
        heard = wire.play(wire.tcp(n, port, 5, 77, flags, data))
        if [p for p in heard if p.has(SYN)]:
            wire.silent(wire.tcp(n, port, 6, 0, RST))
        return [p.flags & 0x3f for p in heard]
    for flags in (RST, RST | ACK, RST | SYN, RST | FIN, 63):
        assert flags_of(flags) == [], flags
    assert flags_of(ACK) == flags_of(ACK | FIN) == flags_of(SYN | ACK) == [RST]
    for flags in (0, FIN, PSH, URG, FIN | PSH | URG):
        assert flags_of(flags, b"x") in ([], [RST | ACK]), flags
    for flags in (SYN | FIN, SYN | FIN | PSH | URG):
        assert flags_of(flags) in ([], [SYN | ACK], [RST | ACK]), flags


def test_30_flags_on_a_connection(wire):
    """packetimpact: what has no ACK is dropped, on what is established."""
    with wire.open() as c:
        for flags in (0, FIN, PSH, URG, FIN | PSH | URG):
            assert not c.play(c.make(flags, b"x")), flags
        c.serves()


def test_32_sequence_wrap(wire):
    """The peer's numbers pass 2^32 in the middle of everything."""
    for back in (1, 2, 40, 100, 2000):
        with wire.open(isn=2**32 - back) as c:
            c.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n")
            c.take(c.play(c.make(ACK, b"b" * 1000, seq=1000)))
            c.send(b"a" * 1000)
            c.snd_nxt = (c.snd_nxt + 1000) % 2**32
            c.send(b"c" * 1000)
            c.listen(lambda: c.received.endswith(b"a" * 1000 + b"b" * 1000 + b"c" * 1000))
            c.serves()


def test_armis_syn_probes(wire):
    """The detectors of URGENT/11: a malformed window scale gets a SYN-ACK or nothing; on a live
    connection nothing ends."""
    options = MSS_1460 + b"\x01\x03\x02\x03\x00\x01\x01\x01"
    heard = wire.play(wire.tcp(6200, 80, 1, 0, SYN, options=options))
    assert [p.flags & 0x3f for p in heard] in ([], [SYN | ACK]), heard
    wire.play(wire.tcp(6200, 80, 2, 0, RST))
    with wire.open() as c:
        heard = c.play(wire.tcp(c.sport, 80, 0x4141, 0, SYN, options=options))
        assert not [p for p in heard if p.flags & RST], heard
        c.serves()


def test_http_cases_under_sanitizers(asan_guest):
    """INFRA:HALT CVE-2021-31226, 31227, 27565 and the rest: every HTTP case there is."""
    pause, http_cases.PAUSE_S = http_cases.PAUSE_S, 0.005
    try:
        for case in http_cases.CASES:
            http_cases.run_case(asan_guest.address, asan_guest.port, case)
    finally:
        http_cases.PAUSE_S = pause


def test_http_pipelined_ten_thousand(wire):
    """Each of 10,000 requests sent at once is answered, in order."""
    import socket
    request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    with socket.create_connection((wire.guest.address, wire.guest.port), ANSWER_S * 4) as s:
        import threading
        sender = threading.Thread(target=s.sendall, args=(request * 10000,), daemon=True)
        sender.start()
        count, tail = 0, b""
        while count < 10000:
            piece = s.recv(1 << 16)
            assert piece, f"closed after {count}"
            text = tail + piece
            count += text.count(b"\r\n\r\nok\n")
            tail = text[-6:] if not text.endswith(b"\r\n\r\nok\n") else b""
        sender.join(ANSWER_S)


def test_everything_is_back(wire):
    """The last: fragments that waited for others are given up, the pools are whole."""
    wait_for("fragments to be given up", lambda: wire.guest.stats()["reass_used"] == 0, 120)
