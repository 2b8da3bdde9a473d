"""What the system tests share: a network namespace of their own, and machines under test.

Run by `make test` (tools/test.py) inside `unshare --user --map-root-user --net`: the only
interfaces are loopback and the TAP devices made here, so nothing can reach another network.
"""
import re
import socket

import pytest

from machine import (ASAN_GUEST_IP, ASAN_HOST_IP, GUEST_IP, HOST_IP, HOSTED_GUEST_IP,
                     HOSTED_HOST_IP, HostedGuest, LinuxServer, QemuGuest, TapLink, ip_command)
from peer import Wire
from test_load import held, wait_back


def _own_namespace():
    links = [name for _, name in socket.if_nameindex()]
    return all(name == "lo" or name.startswith("rs") for name in links)


def pytest_configure(config):
    config.addinivalue_line("markers", "machine: boots machines of its own (tools/test.py)")


def pytest_sessionstart(session):
    if not _own_namespace():
        pytest.exit("tests/system makes interfaces and sends hostile frames: it runs only in a "
                    "network namespace of its own; use `make test`, or "
                    "`unshare --user --map-root-user --net python3 -m pytest tests/system`", 2)
    ip_command("link", "set", "lo", "up")


@pytest.fixture(scope="session")
def tap_guest(tmp_path_factory):
    """httpd in QEMU on a TAP link, static address; one boot for all tests of a session."""
    with TapLink("rsqemu", HOST_IP) as link:
        with QemuGuest(tmp_path_factory.mktemp("tap"), tap=link.name,
                       append=f"ip={GUEST_IP}/24 gw={HOST_IP}") as guest:
            guest.wait_http()
            yield guest


@pytest.fixture(scope="session")
def user_guest(tmp_path_factory):
    """httpd in QEMU behind user networking, address by DHCP, forwarded to a loopback port."""
    with QemuGuest(tmp_path_factory.mktemp("user"), user=True, prealloc=True) as guest:
        guest.wait_http()
        yield guest


@pytest.fixture(scope="session")
def hosted_guest(tmp_path_factory):
    """httpd on our stack as a Linux process over TAP, static address."""
    with TapLink("rshost", HOSTED_HOST_IP) as link:
        with HostedGuest(tmp_path_factory.mktemp("hosted"), link.name,
                         [f"ip={HOSTED_GUEST_IP}/24", f"gw={HOSTED_HOST_IP}"],
                         HOSTED_GUEST_IP) as guest:
            guest.wait_http()
            yield guest


@pytest.fixture(scope="session")
def linux_guest(tmp_path_factory):
    """The same httpd on plain Linux sockets."""
    with LinuxServer(tmp_path_factory.mktemp("linux"), 8091) as server:
        server.wait_http()
        yield server


@pytest.fixture(scope="session")
def asan_guest(tmp_path_factory):
    """The hosted program with the sanitizers in it."""
    with TapLink("rsasan", ASAN_HOST_IP) as link:
        with HostedGuest(tmp_path_factory.mktemp("asan"), link.name,
                         [f"ip={ASAN_GUEST_IP}/24", f"gw={ASAN_HOST_IP}"], ASAN_GUEST_IP,
                         build="host-asan") as guest:
            guest.wait_http()
            yield guest


@pytest.fixture(params=["qemu", "sanitized"])
def wire(request):
    """The raw end of a link (peer.py) to the guest in QEMU, and to the hosted program with
    sanitizers. Afterwards the machine is as well as before, whatever it was sent."""
    fixture, link, gateway = {"qemu": ("tap_guest", "rsqemu", HOST_IP),
                              "sanitized": ("asan_guest", "rsasan", ASAN_HOST_IP)}[request.param]
    guest = request.getfixturevalue(fixture)
    before = held(guest)
    w = Wire(link, guest)
    w.gateway = gateway
    yield w
    w.play()  # answers an echo request
    w.close()
    assert guest.process.poll() is None, f"it ended:\n{guest.console()}"
    assert guest.get("/healthz") == (200, b"ok\n")
    assert not re.search("panic|Sanitizer|runtime error", guest.console()), guest.console()
    if not w.holds_fragments:
        wait_back(guest, before, 60)


@pytest.fixture(params=["tap_guest", "user_guest", "hosted_guest"])
def guest(request):
    """Each of our three ways to serve."""
    return request.getfixturevalue(request.param)
