"""Floods, guesses and fingerprints against the QEMU guest (tests/attack, nmap): what honest clients
notice of them. RINGSIDE_FLOOD, RINGSIDE_GUESSES make them longer."""
import os
import random
import re
import subprocess
import threading
import time
import xml.etree.ElementTree

import pytest

from attackers import HonestClient, attacker, result
from machine import BOOT_GUEST_IP, BOOT_HOST_IP, QemuGuest, TapLink
from path import write_proc
from test_load import held, wait_back

LINK = "rsflood"
FLOOD = int(os.environ.get("RINGSIDE_FLOOD", "30000"))
GUESSES = int(os.environ.get("RINGSIDE_GUESSES", "5000"))
STREAMS = 4
STREAM_BYTES_S = 500_000  # each: what it has to keep
KEEP_SHARE = 0.9
CONNECT_MS = 1000
CALM_S = 2
ATTACK_S = 600
CHALLENGES_A_S = 2  # RFC 5961 7: one in half a second
NO_LISTENER = 81
PACED_SYNS_S = 5_000
PACED_MAX_S = 10
POOL_SLACK = 256  # what streams and clients hold at a moment


@pytest.fixture(scope="module")
def flooded(tmp_path_factory):
    """A guest of its own: what a flood leaves half open takes a minute to go."""
    with TapLink(LINK, BOOT_HOST_IP):
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
    n = result(attacker("flood", LINK, guest, frames, random.randrange(2**32), rate, port=port),
               ATTACK_S)
    return n, held(guest)


def test_syn_flood(flooded):
    """Random sources, paced and as fast as the emulated machine takes them: streams keep their
    rate, an honest client connects in time all the while, and only half-open records are taken.
    Calm seconds before and after each flood say what the machine would have given at that time;
    the same flood at a port without a listener, what the frames cost by themselves."""
    before = held(flooded)
    runs, calm = {}, []
    with Streams(flooded) as streams, HonestClient(flooded) as client:
        time.sleep(0.5)
        for name, port, rate, frames in (
                ("paced", flooded.port, PACED_SYNS_S, min(FLOOD, PACED_MAX_S * PACED_SYNS_S)),
                ("full speed", flooded.port, 0, FLOOD), ("closed port", NO_LISTENER, 0, FLOOD)):
            calm.append(streams.rate_while(lambda: time.sleep(CALM_S))[0])
            runs[name] = streams.rate_while(
                lambda p=port, r=rate, f=frames: flood(flooded, p, r, f))
        calm.append(streams.rate_while(lambda: time.sleep(CALM_S))[0])
    rates = {name: rate for name, (rate, _) in runs.items()}
    pools = {}
    for name, (rate, (n, used)) in runs.items():
        print(f"{name}: streams {rate / 1e6:.2f} MB/s, {n['sent']} frames in "
              f"{n['seconds']:.2f} s ({n['sent'] / n['seconds']:.0f}/s), "
              f"{n['syn_acks']} SYN-ACKs, {n['resets']} RSTs")
        pools.update({k: (before[k], v) for k, v in used.items() if v != before.get(k)})
    print("calm in between:", [f"{rate / 1e6:.2f}" for rate in calm])
    print("honest client:", client)
    print("pools before, and at the end of a flood:", pools)
    assert not streams.errors and not client.failures, (streams.errors, client.failures[:5])
    assert max(client.took_ms) < CONNECT_MS
    assert rates["paced"] >= KEEP_SHARE * (calm[0] + calm[1]) / 2, (rates, calm)
    assert rates["full speed"] >= KEEP_SHARE * (calm[1] + calm[2]) / 2, (rates, calm)
    for name in ("tcp_cb_used", "sock_used", "pkt_tx_used", "pkt_rx_used"):
        assert pools.get(name, (0, 0))[1] <= before[name] + POOL_SLACK, (name, pools)
    wait_back(flooded, {**before, "tcp_half_used": FLOOD}, 20)


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
                         timeout=120).stdout
    host = xml.etree.ElementTree.fromstring(out).find("host")
    tcp, ident = host.find("tcpsequence"), host.find("ipidsequence")
    print(tcp.attrib if tcp is not None else None, ident.attrib if ident is not None else None)
    assert tcp.get("difficulty") == "Good luck!", tcp.attrib
    assert int(tcp.get("index")) >= 200, tcp.attrib
    assert not re.search("Incremental", ident.get("class")), ident.attrib
