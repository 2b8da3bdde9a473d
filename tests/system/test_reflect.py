"""apps/reflect: what is sent to the station's own address comes back with the two addresses changed
round and nothing else, in order and of every size; nothing else is sent at all. On the machine and
hosted."""
import os
import select
import socket
import time

import pytest

from machine import BOOT_GUEST_IP, BOOT_HOST_IP, HostedGuest, QemuGuest, TapLink

pytestmark = pytest.mark.machine

LINK = "rsrefl"
ETH_P_ALL = 3
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
US = bytes.fromhex("02aabbccdd01")
EXPERIMENT = b"\x88\xb5"  # IEEE 802a: for local experiments
ETH_BYTES, FRAME_MIN, FRAME_MAX = 14, 60, 1514
BURST = 100
WAIT_S = 30
QUIET_S = 0.5


@pytest.fixture(params=["qemu", "hosted"])
def wire(request, tmp_path):
    """A raw socket on the link, and the reflector's MAC address."""
    with TapLink(LINK, BOOT_HOST_IP) as link:
        guest = (QemuGuest(tmp_path, tap=link.name, app="reflect", address=BOOT_GUEST_IP)
                 if request.param == "qemu" else
                 HostedGuest(tmp_path, link.name, [], BOOT_GUEST_IP, app="reflect"))
        with guest, socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as s:
            told = guest.wait_console(r"reflecting: frames to ([0-9a-f:]{17})\n")
            guest.wait_console(r"link: up")
            s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            s.bind((LINK, ETH_P_ALL))
            yield s, bytes.fromhex(told.group(1).replace(":", ""))
            assert guest.process.poll() is None and "panic" not in guest.console()


def frame(to, number, length):
    body = number.to_bytes(4, "big") + os.urandom(length - ETH_BYTES - 4)
    return to + US + EXPERIMENT + body


def received(s, count):
    """So many frames, or those that came in time."""
    frames, end = [], time.monotonic() + WAIT_S
    while len(frames) < count and select.select([s], [], [], max(0, end - time.monotonic()))[0]:
        frames.append(s.recv(2048))
    return frames


def turned(f):
    return f[6:12] + f[:6] + f[12:]


def test_comes_back(wire):
    s, mac = wire
    for length in [FRAME_MIN, FRAME_MIN + 1, 128, 1000, FRAME_MAX - 1, FRAME_MAX]:
        sent = frame(mac, length, length)
        s.send(sent)
        assert received(s, 1) == [turned(sent)]
    burst = [frame(mac, n, FRAME_MIN + 7 * n) for n in range(BURST)]
    for f in burst:
        s.send(f)
    assert received(s, BURST) == [turned(f) for f in burst]


def test_nothing_else_does(wire):
    """Frames and ARP requests to everybody, to a group, to another station; then a frame that does
    come back, before which and after which nothing has."""
    s, mac = wire
    arp = bytes.fromhex("0001080006040001") + US + socket.inet_aton(BOOT_HOST_IP) + bytes(6) + \
        socket.inet_aton(BOOT_GUEST_IP)
    for to in [b"\xff" * 6, bytes.fromhex("01005e000001"), bytes.fromhex("02aabbccdd02")]:
        s.send(frame(to, 0, 100))
        s.send((to + US + b"\x08\x06" + arp).ljust(FRAME_MIN, b"\0"))
    last = frame(mac, 1, 100)
    s.send(last)
    assert received(s, 1) == [turned(last)]
    assert not select.select([s], [], [], QUIET_S)[0]
