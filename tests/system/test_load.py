"""Load: wrk in repeated runs on one boot, many connections in a row and at once, and everything
back where it was afterwards. RINGSIDE_LOAD_S and RINGSIDE_CONNECTIONS make it longer."""
import os
import re
import selectors
import socket
import subprocess
import time

from machine import raise_nofile, wait_for

RUN_S = int(os.environ.get("RINGSIDE_LOAD_S", "2"))
RUNS = 5
RUNS_MAX = 25
IN_A_ROW = int(os.environ.get("RINGSIDE_CONNECTIONS", "10000"))
AT_ONCE = 2000
SLOWEST_SHARE_MIN = 0.70
BEST_SHARE_MIN = 0.50
FIN_WAIT_2_S = 60
# Frames that wait in QEMU for a full RX ring are let in as far as it has room, and what is left of
# them is dropped (hw/net/e1000.c); slirp sends them again together, with the same end. So behind
# user networking a burst is kept well below the ring's 256 descriptors.
PACE_REQUESTS = 25
PACE_S = 0.02
# What must come back to where it was: objects held, not counts of what has happened.
HELD = re.compile(r".*_used$")
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def wrk(url, seconds, extra=()):
    """(requests a second, socket errors) of one run."""
    out = subprocess.run(["wrk", "-t1", "-c64", f"-d{seconds}", "--timeout", "5s", *extra, url],
                         capture_output=True, text=True, timeout=seconds + 30).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    assert "Non-2xx" not in out, out
    return rate, sum(int(n) for n in errors.groups()) if errors else 0, out


def five_runs(guest, extra=()):
    """Five runs in a row on one boot, the slowest at least 70% of the fastest. A host that is busy
    elsewhere slows a run as well as a collapse does, so there may be more runs until five in a row
    are even, and not far below the best of all: a guest that wears out gets worse with each, and
    then stays even. Behind user networking two connections: of a burst of 64 SYNs Linux drops all
    that QEMU's backlog of 1 has no room for, and wrk counts them as time-outs."""
    if guest.address == "127.0.0.1":
        extra = [*extra, "-c2"]
    rates = []
    while len(rates) < RUNS_MAX:
        rate, errors, out = wrk(guest.url + "/healthz", RUN_S, extra)
        assert errors == 0, out
        rates.append(rate)
        last = rates[-RUNS:]
        even = len(last) == RUNS and min(last) >= SLOWEST_SHARE_MIN * max(last)
        if even and max(last) >= BEST_SHARE_MIN * max(rates):
            print("requests/s:", " ".join(f"{r:.0f}" for r in rates))
            return
    raise AssertionError(f"no {RUNS} runs in a row were even and as good as before: {rates}")


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


def test_wrk_keep_alive(guest):
    five_runs(guest)


def test_wrk_new_connection_for_each_request(guest):
    five_runs(guest, ["-H", "Connection: close"])


def one_request(guest):
    with socket.create_connection((guest.address, guest.port), 10) as s:
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
    wait_back(guest, before, 20)


def open_in_a_burst(guest):
    """Every SYN before the first answer is looked at."""
    selector = selectors.DefaultSelector()
    for _ in range(AT_ONCE):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((guest.address, guest.port))
        selector.register(s, selectors.EVENT_WRITE)
    opened, end = [], time.monotonic() + 30
    while len(opened) < AT_ONCE and time.monotonic() < end:
        for key, _ in selector.select(1):
            error = key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            assert error == 0, os.strerror(error)
            opened.append(key.fileobj)
            selector.unregister(key.fileobj)
    assert len(opened) == AT_ONCE, f"{len(opened)} of {AT_ONCE} connections opened in 30 s"
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
    waiting, end = list(opened), time.monotonic() + 90
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
    wait_back(guest, before, 20)
