"""Frames that no well-behaved peer sends, by scapy and by a generator, at a guest on a TAP link:
afterwards it serves, holds nothing, and has not panicked. Answers are looked at where the RFCs
say what they must be."""
import os
import random
import re
import socket
import struct
import subprocess
import time

import pytest
from scapy.all import ARP, ICMP, IP, TCP, UDP, Ether, Raw, get_if_hwaddr, raw

from machine import GUEST_IP, HOST_IP, ip_command
from test_load import held, wait_back

RANDOM_FRAMES = int(os.environ.get("RINGSIDE_FRAMES", "100000"))
LINK = "rsqemu"
ETH_P_ALL = 3
FENCE_S = 30
LISTENER_BYTES = 4 << 20
SO_RCVBUFFORCE, SOL_PACKET, PACKET_IGNORE_OUTGOING = 33, 263, 23
PEER_IP = "192.0.2.77"


@pytest.fixture
def wire(tap_guest):
    """A raw socket on the link, and the guest's MAC address; the guest is checked afterwards."""
    before = held(tap_guest)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((LINK, 0))
    mac = bytes.fromhex(re.search(r"MAC ([0-9a-f:]{17})", tap_guest.console()).group(1)
                        .replace(":", ""))
    yield s, mac, tap_guest
    s.close()
    tap_guest.wait_http()
    assert "panic" not in tap_guest.console()
    wait_back(tap_guest, before, 70)


def send(wire, packet):
    wire[0].send(raw(packet))


def ether(wire):
    return Ether(src=get_if_hwaddr(LINK), dst=":".join(f"{b:02x}" for b in wire[1]))


def sent_by_guest(wire, packets):
    """Sends the packets; all that the guest has sent by the time it has dealt with them. It takes
    frames in their order: with the reply to an echo request behind them, everything is here."""
    mark = random.randbytes(16)
    guest, found = ether(wire).dst, []
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, LISTENER_BYTES)
        listener.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        listener.bind((LINK, ETH_P_ALL))
        listener.settimeout(FENCE_S)
        for packet in packets:
            send(wire, packet)
        send(wire, ether(wire) / IP(src=HOST_IP, dst=GUEST_IP) / ICMP(id=1) / Raw(mark))
        while True:
            p = Ether(listener.recv(65536))
            if p.src == guest and ICMP in p and mark in raw(p[ICMP].payload):
                return found
            if p.src == guest:
                found.append(p)


def answers(wire, packet, keep):
    """What the guest sends in answer, as far as keep() wants it."""
    return [p for p in sent_by_guest(wire, [packet]) if keep(p)]


def test_malformed_ip_is_dropped_and_counted(wire):
    """Each wrong in one thing only, and counted under its name."""
    cases = [("ip_rx_bad_version", {"version": 6}), ("ip_rx_bad_header_len", {"ihl": 4}),
             ("ip_rx_bad_total_len", {"len": 2000}), ("ip_rx_bad_total_len", {"len": 19}),
             ("ip_rx_bad_checksum", {"chksum": 0x1234})]
    for counter, wrong in cases:
        before = wire[2].stats()[counter]
        packet = IP(src=HOST_IP, dst=GUEST_IP, **wrong) / ICMP() / Raw(b"x" * 32)
        assert not answers(wire, ether(wire) / packet, lambda p: ICMP in p), wrong
        assert wire[2].stats()[counter] == before + 1, (counter, wrong)


def test_echo_request_is_answered_with_its_payload(wire):
    payload = bytes(range(256)) * 4
    found = answers(wire, ether(wire) / IP(src=HOST_IP, dst=GUEST_IP) / ICMP(id=7, seq=9) /
                    Raw(payload), lambda p: ICMP in p and p[ICMP].type == 0)
    assert len(found) == 1 and raw(found[0][ICMP].payload)[:len(payload)] == payload


def test_priority_tagged_frame_of_full_size_is_answered(wire):
    """VLAN 0 is no VLAN (IEEE 802.1Q 6.9), and no device on the way thinks the frame too long."""
    whole = raw(ether(wire) / IP(src=HOST_IP, dst=GUEST_IP) / ICMP(id=8, seq=1) /
                Raw(bytes(1472)))
    tagged = whole[:12] + struct.pack("!HH", 0x8100, 3 << 13) + whole[12:]
    assert len(tagged) == 1518
    found = answers(wire, Raw(tagged), lambda p: ICMP in p and p[ICMP].id == 8)
    assert len(found) == 1 and len(raw(found[0])) == 1514


def test_closed_port_resets_and_never_resets_a_reset(wire):
    syn = ether(wire) / IP(src=HOST_IP, dst=GUEST_IP) / TCP(sport=4000, dport=81, flags="S", seq=5)
    found = answers(wire, syn, lambda p: TCP in p and p[TCP].dport == 4000)
    assert len(found) == 1 and found[0][TCP].flags == "RA" and found[0][TCP].ack == 6
    rst = ether(wire) / IP(src=HOST_IP, dst=GUEST_IP) / TCP(sport=4001, dport=81, flags="R", seq=5)
    assert not answers(wire, rst, lambda p: TCP in p and p[TCP].dport == 4001)


def test_closed_udp_port_is_unreachable(wire):
    probe = ether(wire) / IP(src=HOST_IP, dst=GUEST_IP) / UDP(sport=4002, dport=9) / Raw(b"?")
    found = answers(wire, probe, lambda p: ICMP in p)
    assert len(found) == 1 and (found[0][ICMP].type, found[0][ICMP].code) == (3, 3)


def test_land_and_martians_are_not_answered(wire):
    for source in [GUEST_IP, "127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "192.0.2.255"]:
        before = wire[2].stats()
        packet = ether(wire) / IP(src=source, dst=GUEST_IP) / TCP(sport=80, dport=80, flags="S")
        assert not answers(wire, packet, lambda p: TCP in p and p[TCP].dport == 80), \
            source
        after = wire[2].stats()
        counters = ["ip_rx_own_source", "ip_rx_bad_source"]
        assert sum(after[k] - before[k] for k in counters) == 1, source


def test_every_tcp_option_length_is_survived(wire):
    """Kinds 2, 3, 4, 5, 8, 34, 254 with many length bytes, on a SYN: a SYN-ACK, no RST."""
    ip_command("addr", "add", PEER_IP + "/32", "dev", LINK)  # so that answers can be delivered
    packets = []
    port = 10000
    for kind in [2, 3, 4, 5, 8, 34, 254]:
        for length in range(0, 256, 5):
            port += 1
            options = bytes([kind, length]) + b"\x01" * 10
            segment = bytearray(raw(TCP(sport=port, dport=80, flags="S", seq=1)) + options)
            segment[12] = (20 + len(options)) // 4 << 4
            segment[16:18] = b"\0\0"
            packet = IP(src=PEER_IP, dst=GUEST_IP, proto=6) / Raw(
                fix_checksum(bytes(segment), PEER_IP))
            packets.append(ether(wire) / packet)
    found = [p for p in sent_by_guest(wire, packets) if TCP in p and p[TCP].sport == 80
             and p[IP].dst == PEER_IP]
    # Linux, which knows nothing of these SYNs, resets each SYN-ACK: nothing stays half open.
    ip_command("addr", "del", PEER_IP + "/32", "dev", LINK)
    assert not [p for p in found if "R" in str(p[TCP].flags)]
    answered = {p[TCP].dport for p in found if p[TCP].flags == "SA"}
    assert len(answered) > (port - 10000) / 2, f"{len(answered)} of {port - 10000} answered"


def fix_checksum(segment, source):
    pseudo = socket.inet_aton(source) + socket.inet_aton(GUEST_IP) + struct.pack("!BBH", 0, 6,
                                                                               len(segment))
    data = pseudo + segment + (b"\0" if len(segment) % 2 else b"")
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return segment[:16] + struct.pack("!H", ~total & 0xffff) + segment[18:]


def random_frames(seed, mac, count):
    """Frames from noise to nearly right: a valid frame of some protocol with some bytes bent."""
    rng = random.Random(seed)
    source = bytes.fromhex("0252aabbccdd")
    models = [raw(Ether(src="02:52:aa:bb:cc:dd", dst="ff:ff:ff:ff:ff:ff") / p) for p in [
        ARP(op=1, psrc="192.0.2.9", pdst=GUEST_IP), ARP(op=2, psrc="192.0.2.9", pdst=GUEST_IP),
        IP(src="192.0.2.9", dst=GUEST_IP) / ICMP() / Raw(b"a" * 40),
        IP(src="192.0.2.9", dst=GUEST_IP) / UDP(sport=67, dport=68) / Raw(b"\2\1\6" + b"\0" * 300),
        IP(src="192.0.2.9", dst=GUEST_IP) / TCP(sport=99, dport=80, flags="S"),
        IP(src="192.0.2.9", dst=GUEST_IP) / TCP(sport=99, dport=80, flags="A", seq=1, ack=1) /
        Raw(b"GET / HTTP/1.1\r\n\r\n"),
        IP(src="192.0.2.9", dst=GUEST_IP, flags="MF", id=3) / Raw(b"f" * 64)]]
    for _ in range(count):
        if rng.random() < 0.1:
            frame = bytearray(rng.randbytes(rng.randrange(14, 1500)))
        else:
            frame = bytearray(rng.choice(models))
            for _ in range(rng.randrange(0, 6)):
                frame[rng.randrange(12, len(frame))] = rng.randrange(256)
            if rng.random() < 0.2:
                del frame[rng.randrange(14, len(frame)):]
        frame[0:6] = mac
        frame[6:12] = source
        yield bytes(frame)


def test_random_frames(wire):
    seed = int(os.environ.get("RINGSIDE_SEED", random.randrange(1 << 32)))
    print("seed", seed)
    for number, frame in enumerate(random_frames(seed, wire[1], RANDOM_FRAMES)):
        while True:
            try:
                wire[0].send(frame)
                break
            except OSError:  # the TAP's queue is full: the guest catches up
                time.sleep(0.001)
        if number % 20000 == 19999:
            wire[2].wait_http()


def test_ping_flood(wire):
    out = subprocess.run(["ping", "-f", "-c", "20000", "-w", "200", "-q", GUEST_IP],
                         capture_output=True, text=True, timeout=240).stdout
    loss = float(re.search(r"([\d.]+)% packet loss", out).group(1))
    print(out.strip().split("\n")[-2])
    assert loss < 1, out


def test_ping_sizes(wire):
    for size in [0, 1, 7, 8, 1000, 1472, 1473, 1900]:
        done = subprocess.run(["ping", "-c", "2", "-i", "0.2", "-W", "20", "-s", str(size),
                               GUEST_IP], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"size {size}: {done.stdout}"


def test_nmap_syn_scan(wire):
    out = subprocess.run(["nmap", "-sS", "-p-", "-n", "-Pn", "--max-retries", "2", "--host-timeout",
                          "900s", "-oG", "-", GUEST_IP], capture_output=True, text=True,
                         timeout=960).stdout
    assert re.search(r"Ports: 80/open/tcp//http", out), out
    assert len(re.findall(r"/open/", out)) == 1, out
