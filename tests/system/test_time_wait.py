"""The server closed first, and the same port of the same address comes back: real Linux clients,
whose clock or numbers lie below those of the connection before, as those of other hosts behind one
address do. An ACK tells them of TIME-WAIT, their RST ends it, and their SYN, sent again by its
timer, opens. Counted in SYNs sent again, beside Linux's own server in the same run."""
import errno
import select
import socket
import struct
import time

import pytest

from machine import wait_for
from path import write_proc

WAIT_S = 20
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21  # linux/tcp.h
REPAIR_ON, REPAIR_OFF, SEND_QUEUE = 1, -1, 2
TOTAL_RETRANS_AT = 100  # of struct tcp_info
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
FIRST_ISN = 3_000_000_000
LOWER, HIGHER = 1_000_000_000, 3_500_000_000
# tcp_timestamps: a start of its own for each pair of hosts, none at all, the same for all.
OWN, NONE, COMMON = 1, 0, 2
RETURNS = [(OWN, LOWER), (OWN, HIGHER), (COMMON, LOWER), (COMMON, HIGHER),
           (NONE, LOWER), (NONE, LOWER - 1000), (NONE, LOWER + 1000), (NONE, HIGHER)]
HARD = [i for i, (clock, isn) in enumerate(RETURNS) if clock == NONE and isn < FIRST_ISN]


def bound(port):
    """A socket of this port; waits while the one before is still closing."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def free():
        try:
            s.bind(("", port))
        except OSError as e:
            assert e.errno == errno.EADDRINUSE
            return False
        return True
    wait_for(f"port {port} to be free", free, WAIT_S)
    return s


def begin(server, port, isn):
    """A connect that has begun, with a sequence number of our choice."""
    s = bound(port)
    s.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_ON)
    s.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, SEND_QUEUE)
    s.setsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, struct.pack("I", isn))
    s.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF)
    s.setblocking(False)
    assert s.connect_ex((server.address, server.port)) == errno.EINPROGRESS
    return s


def finish(s):
    """Waits for the connection, is served, sees the server close first. SYNs sent again."""
    assert select.select([], [s], [], WAIT_S)[1], f"no connection within {WAIT_S} s"
    assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TOTAL_RETRANS_AT + 4)
    s.settimeout(WAIT_S)
    s.sendall(REQUEST)
    got = b""
    while piece := s.recv(4096):
        got += piece
    s.close()
    assert got.endswith(b"\r\nok\n"), got
    return struct.unpack_from("I", info, TOTAL_RETRANS_AT)[0]


@pytest.fixture
def clock():
    """Sets tcp_timestamps of this namespace."""
    yield lambda mode: write_proc("tcp_timestamps", str(mode))
    write_proc("tcp_timestamps", "1")


def test_a_port_comes_back(tap_guest, hosted_guest, linux_guest, clock):
    servers = [tap_guest, hosted_guest, linux_guest]
    ports = range(20000, 20000 + len(servers) * len(RETURNS))
    clients = [(server, i) for server in servers for i in range(len(RETURNS))]
    clock(OWN)
    for port, (server, _) in zip(ports, clients):
        finish(begin(server, port, FIRST_ISN))
    again = {}
    for mode in (OWN, COMMON, NONE):
        clock(mode)
        start = time.monotonic()
        begun = [(server, i, begin(server, port, RETURNS[i][1]))
                 for port, (server, i) in zip(ports, clients) if RETURNS[i][0] == mode]
        for server, i, s in begun:
            again.setdefault(server, [0] * len(RETURNS))[i] = finish(s)
        print(f"timestamps {mode}: all connected after {time.monotonic() - start:.2f} s")
    for server in servers:
        print(server.url, "SYNs sent again:", again[server])
    control = again[linux_guest]
    assert all(control[i] > 0 for i in HARD), control
    for server in (tap_guest, hosted_guest):
        for i, (clock_mode, isn) in enumerate(RETURNS):
            assert again[server][i] <= max(1, control[i]), (
                f"{server.url}: timestamps {clock_mode}, ISN {isn}: SYN sent {again[server][i]} "
                f"times again, to Linux {control[i]}")
        assert all(again[server][i] > 0 for i in HARD), again[server]
