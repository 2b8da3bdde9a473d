"""Datagrams larger than a frame, up to the largest there are: `ping -s 65507` and a UDP echo of
65507 bytes, over a clean link and over one that loses fragments and brings them in disorder."""
import contextlib
import random
import re
import socket
import subprocess

import pytest

from machine import HostedGuest, QemuGuest, app_server, ip_command
from path import WITHOUT_ADDRESS, ClientSide, Relay
from test_load import held, wait_back

LARGEST = 65507
SIZES = [1472, 1473, 2000, 2952, 2953, 9000, 40001, LARGEST]
NUMBER = 57  # of the link with the relay: 10.99.57.0/24
COUNT = 60


def ping(address, size, count, interval="0.02"):
    """How many of count echo requests were answered; their bytes are ping's to compare."""
    command = ["ping", "-n", "-c", str(count), "-i", interval, "-W", "3", "-s", str(size), address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "wrong data" not in done.stdout and "DUP" not in done.stdout, done.stdout
    return int(re.search(r"(\d+) received", done.stdout).group(1))


@pytest.mark.parametrize("name", ["tap_guest", "hosted_guest"])
def test_ping(request, name):
    guest = request.getfixturevalue(name)
    before = held(guest)
    for size in SIZES:
        assert ping(guest.address, size, 5) == 5, size
    assert ping(guest.address, LARGEST, COUNT) == COUNT
    wait_back(guest, before, 30)


def udp_echo(address, size, count, timeout):
    """How many of count datagrams came back; none of them changed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.connect((address, 7))
        answered = 0
        sent = {}
        for n in range(count):
            data = n.to_bytes(4, "big") + random.Random(n).randbytes(size - 4)
            sent[n] = data
            s.send(data)
            with contextlib.suppress(TimeoutError):
                heard = s.recv(70000)
                assert heard == sent[int.from_bytes(heard[:4], "big")]
                answered += 1
        return answered


@pytest.fixture(params=["qemu", "hosted"])
def echo(request, tmp_path):
    with app_server(request.param, tmp_path, "echo", "198.18.5.1", "198.18.5.2", 0,
                    serving="serving: udp", port=7) as server:
        yield server


@pytest.mark.machine
def test_udp_echo(echo):
    for size in SIZES:
        assert udp_echo(echo.address, size, 3, 5) == 3, size
    assert udp_echo(echo.address, LARGEST, COUNT, 5) == COUNT


@contextlib.contextmanager
def far_echo(target, folder, **bad):
    """apps/echo behind build/relay; its address."""
    tap, address = f"rsps{NUMBER}", f"10.99.{NUMBER}.2"
    words = f"ip={address}/24"
    ip_command("tuntap", "add", tap, "mode", "tap")
    ip_command("link", "set", tap, "up", *WITHOUT_ADDRESS)
    try:
        server = QemuGuest(folder, tap=tap, app="echo", forward=7, address=address, append=words) \
            if target == "qemu" else HostedGuest(folder, tap, [words], address, app="echo", port=7)
        with server, ClientSide(NUMBER) as client:
            server.wait_console("serving: udp")
            with Relay(client.end, "if:" + tap, delay_us=3000, seed=1, **bad) as relay:
                client.connected()
                yield address
            ways = relay.directions.values()
            assert all(way["reordered"] > 0 for way in ways), relay.directions
            assert all((way["lost"] > 0) == ("loss_ab" in bad) for way in ways), relay.directions
    finally:
        ip_command("link", "del", tap)


@pytest.mark.machine
@pytest.mark.parametrize("target", ["qemu", "hosted"])
def test_disorder_loses_nothing(target, tmp_path):
    with far_echo(target, tmp_path, reorder=300000) as address:
        assert ping(address, 56, 3) == 3
        assert ping(address, LARGEST, COUNT, "0.05") == COUNT
        assert udp_echo(address, LARGEST, COUNT, 5) == COUNT


@pytest.mark.machine
@pytest.mark.parametrize("target", ["qemu", "hosted"])
def test_loss_and_disorder(target, tmp_path):
    """Of 45 fragments each way each is there with a chance of 0.998: 5 of 6 datagrams come back."""
    with far_echo(target, tmp_path, reorder=300000, loss_ab=2000, loss_ba=2000) as address:
        assert ping(address, 56, 3) > 0
        assert ping(address, LARGEST, COUNT, "0.05") >= COUNT / 2
        assert udp_echo(address, LARGEST, COUNT, 0.5) >= COUNT / 2
