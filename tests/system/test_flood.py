"""Floods, guesses and fingerprints against the QEMU guest (tests/attack, nmap): what honest clients
notice of them. RINGSIDE_FLOOD, RINGSIDE_GUESSES make them longer."""
import os
import random
import re
import statistics
import subprocess
import threading
import time
import xml.etree.ElementTree
from typing import NamedTuple

import pytest

from attackers import HonestClient, attacker, result, sent_again, slow_ms, told
from machine import BOOT_GUEST_IP, BOOT_HOST_IP, QemuGuest, TapLink, ip_command
from path import write_proc
from test_load import held, wait_back

LINK = "rsflood"
LINK_QUEUE = 20000  # frames: a host that is busy elsewhere must not drop what the guest would take
FLOOD = int(os.environ.get("RINGSIDE_FLOOD", "30000"))
GUESSES = int(os.environ.get("RINGSIDE_GUESSES", "5000"))
STREAMS = 4
STREAM_BYTES_S = 500_000  # each: what it asks for
ROUNDS = 3
ROUNDS_MAX = 7
CALM_S = 1
ATTACK_S = 600
# What streams keep of their rate beside as many frames that leave nothing behind, and what a paced
# flood leaves them of the rate in calm: the median of the rounds. How much longer nine of ten
# requests of an honest client take than 19 of 20 without a flood or beside a closed port, those of
# all rounds together: on a busy host one round more or less waits for its processor, by a hundred
# times what a request takes.
KEEP_OF_CLOSED = 0.5
KEEP_OF_CALM = 0.5
SLOWER_MAX = 4
CONTROL_PERCENT = 95
AGAIN_MAX = 0.05
CHALLENGES_A_S = 2  # RFC 5961 7: one in half a second
NO_LISTENER = 81
PACED_SYNS_S = 5_000
PACED_S = 1.5
POOL_SLACK = 256  # what streams and clients hold at a moment


@pytest.fixture(scope="module")
def flooded(tmp_path_factory):
    """A guest of its own: what a flood leaves half open takes a minute to go."""
    with TapLink(LINK, BOOT_HOST_IP):
        ip_command("link", "set", LINK, "txqueuelen", str(LINK_QUEUE))
        with QemuGuest(tmp_path_factory.mktemp("flood"), tap=LINK, address=BOOT_GUEST_IP,
                       append=f"ip={BOOT_GUEST_IP}/24 gw={BOOT_HOST_IP}") as guest:
            guest.wait_http()
            yield guest


class Streams:
    """Established connections on which a request is made each 10 ms, of the size that gives their
    rate: how many bytes came, since reset()."""

    def __init__(self, guest):
        self.guest = guest

    def __enter__(self):
        self.stop = threading.Event()
        self.counts, self.errors = [0] * STREAMS, []
        self.threads = [threading.Thread(target=self.run, args=(n,), daemon=True)
                        for n in range(STREAMS)]
        for t in self.threads:
            t.start()
        return self

    def run(self, number):
        size = STREAM_BYTES_S // 100
        request = b"GET /bytes/%d HTTP/1.1\r\nHost: a\r\n\r\n" % size
        due = time.monotonic()
        try:
            with self.guest.connect() as s:
                while not self.stop.is_set():
                    s.sendall(request)
                    left = size
                    while left > 0 and (piece := s.recv(65536)):
                        left -= len(piece) - (piece.find(b"\r\n\r\n") + 4
                                              if piece.startswith(b"HTTP/") else 0)
                        self.counts[number] += len(piece)
                    due = max(due + 0.01, time.monotonic() - 0.1)
                    time.sleep(max(0, due - time.monotonic()))
        except OSError as e:
            self.errors.append(repr(e))

    def rate_while(self, action):
        """(bytes a second of all together while action() ran, what it returned)."""
        before, start = sum(self.counts), time.monotonic()
        answer = action()
        return (sum(self.counts) - before) / (time.monotonic() - start), answer

    def __exit__(self, *_):
        self.stop.set()
        for t in self.threads:
            t.join(10)


def flood(guest, port, rate, frames):
    return result(attacker("flood", LINK, guest, frames, random.randrange(2**32), rate, port=port),
                  ATTACK_S)


class Seen(NamedTuple):
    rate: float  # of the streams, bytes a second
    requests: list  # of the honest client


def one_round(guest, streams, client, pools):
    """{what went on: Seen}, one after the other; pools keeps the most that was held."""
    paced = round(PACED_S * PACED_SYNS_S)
    actions = {
        "calm": lambda: time.sleep(CALM_S),
        "paced": lambda: flood(guest, guest.port, PACED_SYNS_S, paced),
        "paced, closed port": lambda: flood(guest, NO_LISTENER, PACED_SYNS_S, paced),
        "full speed": lambda: flood(guest, guest.port, 0, FLOOD),
        "full speed, closed port": lambda: flood(guest, NO_LISTENER, 0, FLOOD),
    }
    seen = {}
    for name, action in actions.items():
        requests, (rate, n) = client.during(lambda a=action: streams.rate_while(a))
        seen[name] = Seen(rate, requests)
        print(f"{name}: streams {rate / 1e6:.2f} MB/s; honest client {told(requests)}; {n}")
        for pool, used in held(guest).items():
            pools[pool] = max(used, pools.get(pool, 0))
    return seen


def complaints(rounds):
    """What is worse in the floods than in their controls, in most rounds."""
    found = []

    def held_against(what, one, control, bad):
        values = [one(r) / max(control(r), 1e-6) for r in rounds]
        if bad(statistics.median(values)):
            found.append((what, values))
    for name in ("paced", "full speed"):
        closed = name + ", closed port"
        held_against(f"{name}: rate of streams, of that beside a closed port",
                     lambda r: r[name].rate, lambda r: r[closed].rate,
                     lambda share: share < KEEP_OF_CLOSED)
        amid, beside, calm = ([q for r in rounds for q in r[n].requests]
                              for n in (name, closed, "calm"))
        slow, limit = slow_ms(amid), SLOWER_MAX * slow_ms(beside + calm, CONTROL_PERCENT)
        if slow > limit:
            found.append((f"{name}: ms of nine in ten requests, and the limit", slow, limit))
        again, control = sent_again(amid), sent_again(beside)
        if again > control + AGAIN_MAX:
            found.append((f"{name}: share of requests with segments sent again", again, control))
    held_against("paced: rate of streams, of that in calm", lambda r: r["paced"].rate,
                 lambda r: r["calm"].rate, lambda share: share < KEEP_OF_CALM)
    return found


def test_syn_flood(flooded):
    """Random sources, paced and as fast as the emulated machine takes them: streams keep their
    rate, an honest client is served as fast, and only half-open records are taken. The control is
    the same flood at a port without a listener, for what the frames cost by themselves, and calm;
    all in turn, so that each sees the same host, and in more rounds if the first do not agree."""
    before = held(flooded)
    rounds, pools = [], {}
    with Streams(flooded) as streams, HonestClient(flooded) as client:
        client.during(lambda: time.sleep(0.5))
        while len(rounds) < ROUNDS or (len(rounds) < ROUNDS_MAX and complaints(rounds)):
            rounds.append(one_round(flooded, streams, client, pools))
    print("pools before, and at most:", {k: (before.get(k), v) for k, v in pools.items()})
    assert not streams.errors and not client.failures, (streams.errors, client.failures[:5])
    assert not complaints(rounds)
    for name in ("tcp_cb_used", "sock_used", "pkt_tx_used", "pkt_rx_used"):
        assert pools[name] <= before[name] + POOL_SLACK, (name, pools)
    wait_back(flooded, {**before, "tcp_half_used": FLOOD}, 60)


@pytest.fixture(params=["0", "1"], ids=["plain", "timestamps"])
def timestamps(request):
    """Without timestamps a guess needs less luck: those without one are dropped unanswered."""
    write_proc("tcp_timestamps", request.param)
    yield request.param == "1"
    write_proc("tcp_timestamps", "1")


@pytest.mark.parametrize("where", ["far", "near"])
@pytest.mark.parametrize("kind", ["rst", "syn", "ack", "data"])
def test_blind_guesses(flooded, timestamps, kind, where):
    """RFC 5961: the connection lives, and answers at the permitted rate only."""
    with flooded.connect() as s:
        def serves():
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = b""
            while not answer.endswith(b"\r\n\r\nok\n"):
                piece = s.recv(4096)
                assert piece, answer
                answer += piece
        serves()
        process = attacker("guess", LINK, flooded, BOOT_HOST_IP, s.getsockname()[1], kind, where,
                           GUESSES, 1)
        assert process.stdout.readline() == "ready\n"
        serves()
        n = result(process, ATTACK_S)
        print(f"{kind} {where}: {n['sent']} in {n['seconds']:.2f} s, {n['answers']} answers")
        assert n["resets"] == 0
        assert n["answers"] > 0 or timestamps or (kind, where) == ("rst", "far"), n
        assert n["answers"] <= 2 + CHALLENGES_A_S * n["seconds"], n
        serves()


def test_nmap_fingerprint(flooded):
    """Sequence numbers are hard to guess, and the IP ident counts nothing for all to see."""
    command = ["nmap", "-O", "-p", "80,81", "-n", "-Pn", "--max-os-tries", "1", "-oX", "-"]
    out = subprocess.run([*command, flooded.address], capture_output=True, text=True,
                         timeout=600).stdout
    host = xml.etree.ElementTree.fromstring(out).find("host")
    tcp, ident = host.find("tcpsequence"), host.find("ipidsequence")
    print(tcp.attrib if tcp is not None else None, ident.attrib if ident is not None else None)
    assert tcp.get("difficulty") == "Good luck!", tcp.attrib
    assert int(tcp.get("index")) >= 200, tcp.attrib
    assert not re.search("Incremental", ident.get("class")), ident.attrib
