"""The clients of `make bench` (tests/bench) at the plain Linux server: that each asks what it says,
counts what came, and ends; and that it says why it cannot."""
import itertools
import os
import socket
import subprocess
import sys
import threading

import pytest

from machine import ROOT, LinuxServer, free_port, ip_command, wait_for

sys.path.insert(0, os.path.join(ROOT, "tools", "bench"))
import clients  # noqa: E402

TIMEOUT_S = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One that nobody else asks: connections are counted."""
    with LinuxServer(tmp_path_factory.mktemp("bench"), free_port()) as server:
        server.wait_http()
        yield server


def load(server, *words):
    """Words behind the address; SECONDS long enough for all REQUESTS."""
    return clients.run("load", [server.address, server.port, *words], TIMEOUT_S)


@pytest.mark.parametrize("words", [("get", 0), ("get", 1 << 20), ("put", 0), ("put", 3 << 20),
                                   ("echo", 1), ("echo", 2 << 20)])
@pytest.mark.parametrize("connection", ["new", "keep"])
def test_requests_that_were_wanted_are_answered(server, words, connection):
    before = server.stats()
    said = load(server, *words, connection, 4, TIMEOUT_S, 25)
    after = server.stats()
    assert said["requests"] == 25 and said["errors"] == 0
    assert 0 < said["p50_us"] <= said["p99_us"] <= said["p999_us"]
    assert after["httpd_requests"] - before["httpd_requests"] == 25 + 1  # and /stats
    connections = after["httpd_accepted"] - before["httpd_accepted"] - 1
    assert connections == (25 if connection == "new" else 4)
    if words[0] == "echo":
        assert after["httpd_echo_bytes"] - before["httpd_echo_bytes"] == 25 * words[1]


def test_idle_connections_stay_until_they_are_closed(server, monkeypatch):
    def wait_connections(count):
        """The one that asks is among them; of those before it some may be on their way out."""
        wait_for(f"{count} connections",
                 lambda: server.stats()["httpd_connections"] == count, TIMEOUT_S)
    monkeypatch.setattr(clients.Idle, "EACH", 200)  # 200, 200 and 100
    wait_connections(1)
    with clients.Idle(server, 500):
        wait_connections(501)
        wait_connections(501)
    wait_connections(1)


def test_no_server():
    class Nobody:
        address, port = "127.0.0.1", free_port()
    with pytest.raises(clients.ClientFailed, match="refused"):
        load(Nobody, "get", 0, "new", 1, 1, 0)
    with pytest.raises(clients.ClientFailed, match="idle"):
        clients.Idle(Nobody, 1).__enter__()


@pytest.mark.parametrize("words, said", [
    (["load", "x", "80", "get", "0", "new", "1", "1", "0"], "x: an IPv4 address is wanted"),
    (["load", "127.0.0.1", "0", "get", "0", "new", "1", "1", "0"], "0: a number from 1 to 65535"),
    (["load", "127.0.0.1", "80", "take", "0", "new", "1", "1", "0"], "get, put and echo"),
    (["load", "127.0.0.1", "80", "get", "0", "old", "1", "1", "0"], "new and keep"),
    (["idle", "127.0.0.1", "80", "0", "1"], "0: a number from 1 to"),
    (["frames", "lo", "here", "1", "1", "1"], "here: a MAC address is wanted"),
    (["frames", "nolink", "02:00:00:00:00:01", "1", "1", "1"], "the interface"),
])
def test_wrong_words(words, said):
    done = subprocess.run([clients.program(words[0]), *words[1:]], capture_output=True, text=True,
                          timeout=TIMEOUT_S)
    assert done.returncode != 0 and said in done.stderr


class Mirror(threading.Thread):
    """The other end of a link, which turns frames round as apps/reflect does, but one in seven."""

    def __init__(self, name):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b5))
        self.socket.bind((name, 0x88b5))
        self.socket.settimeout(0.2)
        self.over = False

    def run(self):
        for number in itertools.count():
            try:
                frame = self.socket.recv(2000)
            except TimeoutError:
                if self.over:
                    return
                continue
            if number % 7:
                self.socket.send(frame[6:12] + frame[:6] + frame[12:])


def test_frames_that_are_turned_round():
    ip_command("link", "add", "rsfr0", "type", "veth", "peer", "name", "rsfr1")
    try:
        for name in ("rsfr0", "rsfr1"):
            ip_command("link", "set", name, "up")
        mirror = Mirror("rsfr1")
        mirror.start()
        mac = mirror.socket.getsockname()[4].hex(":")
        said = clients.run("frames", ["rsfr0", mac, 4, 2, 30], TIMEOUT_S)
        mirror.over = True
        mirror.join(TIMEOUT_S)
        assert said["requests"] > 4 and said["errors"] > 0, said  # what is lost is sent again
        assert 0 < said["p50_us"] <= said["p99_us"]
    finally:
        ip_command("link", "del", "rsfr0")


def test_frames_that_nobody_returns():
    with pytest.raises(clients.ClientFailed, match="waited 1 s for the first frame"):
        clients.run("frames", ["lo", "02:00:00:00:00:01", 1, 1, 1], TIMEOUT_S)
