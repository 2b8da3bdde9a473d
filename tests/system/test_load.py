"""Load: wrk in repeated runs on one boot, many connections in a row and at once, and everything
back where it was afterwards. RINGSIDE_LOAD_S and RINGSIDE_CONNECTIONS make it longer."""
import os
import re
import selectors
import socket
import statistics
import subprocess
import time

import pytest

from machine import raise_nofile, wait_for

RUN_S = int(os.environ.get("RINGSIDE_LOAD_S", "1"))
CONTROL_S = 1
ROUNDS = 5
ROUNDS_MAX = 15
# Of each way to serve and each load: how many times the CPU time of the same server on Linux's own
# stack a request may take, two to three times what was seen; and what share of that server's
# requests a second there must be, a third or less of the lowest median that was seen, at a load of
# 17 on two cores. The first does not depend on how busy the host is, and shows work that is done
# too often. The second does, for all its being measured in turn, and shows only waits that creep
# into each request.
COST_MAX = {
    ("tap_guest", "keep-alive"): 27,
    ("user_guest", "keep-alive"): 45,
    ("hosted_guest", "keep-alive"): 3,
    ("tap_guest", "new"): 18,
    ("user_guest", "new"): 36,
    ("hosted_guest", "new"): 3,
}
SHARE_MIN = {
    ("tap_guest", "keep-alive"): 0.02,
    ("user_guest", "keep-alive"): 0.005,
    ("hosted_guest", "keep-alive"): 0.05,
    ("tap_guest", "new"): 0.03,
    ("user_guest", "new"): 0.005,
    ("hosted_guest", "new"): 0.05,
}
WORN_MAX = 2.0  # CPU time a request: the later rounds over the first ones
IN_A_ROW = int(os.environ.get("RINGSIDE_CONNECTIONS", "10000"))
AT_ONCE = 2000
OPEN_S = 120
ANSWER_S = 240
FIN_WAIT_2_S = 60
# Frames that wait in QEMU for a full RX ring are let in as far as it has room, and what is left of
# them is dropped (hw/net/e1000.c); slirp sends them again together, with the same end. So behind
# user networking a burst is kept well below the ring's 256 descriptors.
PACE_REQUESTS = 25
PACE_S = 0.02
# What must come back to where it was: objects held, not counts of what has happened.
HELD = re.compile(r".*_used$")
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def wrk(server, seconds, extra):
    """(requests a second, CPU seconds of the server's process a request) of one run."""
    before = server.cpu_seconds()
    out = subprocess.run(["wrk", "-t1", "-c64", f"-d{seconds}", "--timeout", "30s", *extra,
                          server.url + "/healthz"], capture_output=True, text=True,
                         timeout=seconds + 90).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    assert "Non-2xx" not in out and "Socket errors" not in out and requests > 0, out
    return rate, (server.cpu_seconds() - before) / requests


def complaint(key, shares, costs, theirs):
    """What the rounds so far say against the guest; None when nothing."""
    worn, ratio = min(costs[-2:]) / min(costs[:2]), min(costs) / min(theirs)
    if ratio > COST_MAX[key]:
        return f"a request costs {ratio:.1f} of the control's, at most {COST_MAX[key]} is allowed"
    if worn > WORN_MAX:
        return f"a request costs {worn:.1f} times what it did, at most {WORN_MAX} is allowed"
    if statistics.median(shares[-ROUNDS:]) < SHARE_MIN[key]:
        return f"not {SHARE_MIN[key]} of the control's requests a second"
    return None


def rounds_beside_linux(guest, control, key, extra=()):
    """Rounds in a row on one boot, the same load at the same server on Linux before each; more of
    them while they say something against the guest, as long as a guest that wears out gets only
    worse with each. Behind user networking two connections: of a burst of 64 SYNs Linux drops all
    that QEMU's backlog of 1 has no room for, and wrk counts them as time-outs."""
    if guest.address == "127.0.0.1":
        extra = [*extra, "-c2"]
    shares, costs, theirs = [], [], []
    while len(costs) < ROUNDS or (len(costs) < ROUNDS_MAX and
                                  complaint(key, shares, costs, theirs)):
        control_rate, control_cost = wrk(control, CONTROL_S, extra)
        rate, cost = wrk(guest, RUN_S, extra)
        shares.append(rate / control_rate)
        costs.append(cost)
        theirs.append(control_cost)
    print("CPU us a request:", " ".join(f"{c * 1e6:.1f}" for c in costs), "; the control:",
          " ".join(f"{c * 1e6:.1f}" for c in theirs), "; share of the control's requests/s:",
          " ".join(f"{s:.3f}" for s in shares))
    assert not complaint(key, shares, costs, theirs)


def held(guest):
    """What the pools hold, less what /stats itself takes: one connection."""
    return {k: v for k, v in guest.stats().items() if HELD.match(k)}


def wait_back(guest, before, timeout):
    """Waits until no pool holds more than before; TIME-WAIT records end after their 2 MSL."""
    def back():
        now = held(guest)
        more = {k: (before[k], v) for k, v in now.items() if v > before[k] + 1
                and "time_wait" not in k}
        back.more = more
        return not more
    if guest.address == "127.0.0.1":
        timeout += FIN_WAIT_2_S  # slirp may never send its FIN: then ours ends by its own timer
    try:
        wait_for("every pool back where it was", back, timeout)
    except TimeoutError as e:
        raise AssertionError(f"{e}: {back.more}") from None


@pytest.mark.parametrize("name", ["tap_guest", "user_guest", "hosted_guest"])
def test_wrk_keep_alive(request, linux_guest, name):
    guest = request.getfixturevalue(name)
    rounds_beside_linux(guest, linux_guest, (name, "keep-alive"))


@pytest.mark.parametrize("name", ["tap_guest", "user_guest", "hosted_guest"])
def test_wrk_new_connection_for_each_request(request, linux_guest, name):
    guest = request.getfixturevalue(name)
    rounds_beside_linux(guest, linux_guest, (name, "new"), ["-H", "Connection: close"])


def one_request(guest):
    with guest.connect() as s:
        s.sendall(REQUEST)
        answer = b""
        while piece := s.recv(4096):
            answer += piece
        return answer.startswith(b"HTTP/1.1 200")


def test_connections_in_a_row(guest):
    before = held(guest)
    start = time.monotonic()
    served = sum(one_request(guest) for _ in range(IN_A_ROW))
    print(f"{IN_A_ROW} connections in {time.monotonic() - start:.1f} s")
    assert served == IN_A_ROW
    wait_back(guest, before, 60)


def open_in_a_burst(guest):
    """Every SYN before the first answer is looked at."""
    selector = selectors.DefaultSelector()
    for _ in range(AT_ONCE):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((guest.address, guest.port))
        selector.register(s, selectors.EVENT_WRITE)
    opened, end = [], time.monotonic() + OPEN_S
    while len(opened) < AT_ONCE and time.monotonic() < end:
        for key, _ in selector.select(1):
            error = key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            assert error == 0, os.strerror(error)
            opened.append(key.fileobj)
            selector.unregister(key.fileobj)
    assert len(opened) == AT_ONCE, f"{len(opened)} of {AT_ONCE} connections opened in {OPEN_S} s"
    return opened


def open_one_by_one(guest):
    """For user networking: QEMU listens with a backlog of 1, so in a burst Linux drops SYNs and
    retries after a second, before a single frame has reached the guest. An exchange on each
    connection sees to it that QEMU has taken it."""
    opened = []
    for _ in range(AT_ONCE):
        s = guest.connect()
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert s.recv(4096).startswith(b"HTTP/1.1 200")
        opened.append(s)
    return opened


def test_connections_at_once(guest):
    """All open before the first one asks."""
    raise_nofile()
    before = held(guest)
    opened = open_one_by_one(guest) if guest.address == "127.0.0.1" else open_in_a_burst(guest)
    selector = selectors.DefaultSelector()
    answers = dict.fromkeys(opened, b"")
    # QEMU's e1000 drops what does not fit its ring, and its user networking sends a lost request
    # again after 1.6, 3.3, 6.6, 13 and 26 s: one lost four times is answered after 51.
    waiting, end = list(opened), time.monotonic() + ANSWER_S
    while (waiting or selector.get_map()) and time.monotonic() < end:
        burst = PACE_REQUESTS if guest.address == "127.0.0.1" else AT_ONCE
        for s in waiting[:burst]:
            s.send(REQUEST)
            selector.register(s, selectors.EVENT_READ)
        del waiting[:burst]
        for key, _ in selector.select(PACE_S):
            piece = key.fileobj.recv(4096)
            answers[key.fileobj] += piece
            if not piece:
                selector.unregister(key.fileobj)
                key.fileobj.close()
    assert sum(a.startswith(b"HTTP/1.1 200") for a in answers.values()) == AT_ONCE
    wait_back(guest, before, 60)
