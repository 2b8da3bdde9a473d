"""The attackers of tests/attack against a machine on a TAP link, and the honest client beside
them."""
import os
import re
import socket
import statistics
import struct
import subprocess
import threading
import time
from typing import NamedTuple

from machine import BUILD, wait_for

START_S = 10
HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
TCP_INFO_TOTAL_RETRANS = 100  # struct tcp_info of linux/tcp.h


def mac_of(guest):
    """As a guest's console says it; of the hosted program as the neighbour table knows it."""
    found = re.search(r"MAC ([0-9a-f:]{17})", guest.console())
    if found:
        return found.group(1)
    out = subprocess.run(["ip", "neigh", "show", guest.address], capture_output=True, text=True,
                         check=True).stdout
    return re.search(r"lladdr ([0-9a-f:]{17})", out).group(1)


def attacker(program, link, guest, *arguments, port=None):
    """A running attacker; result() waits for what it prints at its end."""
    return subprocess.Popen([os.path.join(BUILD, "attack", program), link, mac_of(guest),
                             guest.address, str(port or guest.port), *map(str, arguments)],
                            stdout=subprocess.PIPE, text=True)


def result(process, timeout):
    """{name: number} of the attacker's last line."""
    try:
        out, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert process.returncode == 0, out
    words = out.splitlines()[-1].split()
    return {k: float(v) if "." in v else int(v) for k, v in zip(words[::2], words[1::2])}


class Request(NamedTuple):
    took_ms: float
    again: int  # segments that Linux sent again for it, the SYN first of all


class HonestClient:
    """Asks again and again on new connections, and notes of each request how long it took and
    whether anything had to be sent again."""

    def __init__(self, guest, every_s=0.02, timeout_s=30):
        self.guest, self.every_s, self.timeout_s = guest, every_s, timeout_s
        self.requests, self.failures = [], []

    def __enter__(self):
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def ask(self):
        start = time.monotonic()
        with self.guest.connect(self.timeout_s) as s:
            s.sendall(HEALTHZ)
            answer = b""
            while piece := s.recv(4096):
                answer += piece
            again = struct.unpack_from("I", s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104),
                                       TCP_INFO_TOTAL_RETRANS)[0]
        assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"\r\n\r\nok\n"), answer
        return Request((time.monotonic() - start) * 1000, again)

    def run(self):
        while not self.stop.is_set():
            start = time.monotonic()
            try:
                self.requests.append(self.ask())
            except (OSError, AssertionError) as e:
                self.failures.append(f"after {time.monotonic() - start:.3f} s: {e!r}")
            self.stop.wait(max(0, self.every_s - (time.monotonic() - start)))

    def during(self, action):
        """(the requests answered while action() ran, what it returned). At least one is waited
        for."""
        first = len(self.requests)
        answer = action()
        wait_for("an honest client's request to end",
                 lambda: len(self.requests) > first or self.failures, 2 * self.timeout_s)
        return self.requests[first:], answer

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(self.timeout_s + START_S)


def slow_ms(requests, percent=90):
    """What nine of ten requests, or so many of a hundred, take at most."""
    took = sorted(r.took_ms for r in requests)
    return took[(len(took) * percent - 1) // 100]


def sent_again(requests):
    """The share of requests for which something had to be sent again."""
    return sum(r.again > 0 for r in requests) / len(requests)


def told(requests):
    took = [r.took_ms for r in requests]
    return (f"{len(took)} requests, median {statistics.median(took):.1f} ms, nine of ten "
            f"{slow_ms(requests):.1f} ms, worst {max(took):.1f} ms, "
            f"{100 * sent_again(requests):.0f}% with segments sent again")
