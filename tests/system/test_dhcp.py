"""Addresses as clouds give them, over the hosted program: a /32 and a router that no prefix covers.
All odd servers, in virtual time: tests/unit/test_dhcp_servers.c; beside other clients:
tools/compare_dhcp.py."""
import contextlib
import re

import pytest

from dhcp_servers import CLIENT_IP, OddServerOnLink, read_servers
from machine import HostedGuest, ip_command

LINK, ROUTER = "rsdhcp", "172.31.1.1"


@contextlib.contextmanager
def cloud(router):
    """A TAP device whose Linux end is the router: it reaches the client by a host route only."""
    ip_command("tuntap", "add", LINK, "mode", "tap")
    try:
        ip_command("addr", "add", router + "/32", "dev", LINK)
        ip_command("link", "set", LINK, "up", "addrgenmode", "none")
        ip_command("route", "add", CLIENT_IP, "dev", LINK, "src", router)
        yield
    finally:
        ip_command("link", "del", LINK)


@pytest.mark.parametrize("name, router", [
    ("a /32, and a router outside of it", ROUTER),
    ("a /32 with classless routes, Google's", "10.9.1.1"),
    ("a server identifier of 0.0.0.0", "10.9.1.1"),
])
def test_odd_lease_serves(name, router, tmp_path):
    (server,) = (s for s in read_servers() if s.name == name)
    address, gateway, lease = server.lease.split()
    with cloud(router):
        on_link = OddServerOnLink(LINK, server)
        with HostedGuest(tmp_path, LINK, ["ip=dhcp"], CLIENT_IP) as guest:
            guest.wait_console(rf"net: address {address}, gateway {gateway} \(DHCP\)")
            guest.wait_console(rf"lease {lease} s")
            guest.wait_http()
        on_link.stop()


@pytest.mark.parametrize("name, line", [
    ("a loopback address", "an offer of 127.0.0.5 by DHCP server 10.9.1.1 is refused: no host can"),
    ("routes that Microsoft's option tells", "net: route 10.10.1.0/24 by 10.9.1.5"),
    ("a lease without end", "net: DHCP server 10.9.1.1, lease without end"),
    ("no server identifier", "net: DHCP server unnamed, lease 3600 s"),
])
def test_console_says_what_became_of_it(name, line, tmp_path):
    (server,) = (s for s in read_servers() if s.name == name)
    with cloud("10.9.1.1"):
        on_link = OddServerOnLink(LINK, server)
        with HostedGuest(tmp_path, LINK, ["ip=dhcp"], CLIENT_IP) as guest:
            guest.wait_console(re.escape(line))
        on_link.stop()


def test_static_host_prefix_serves(tmp_path):
    words = [f"ip={CLIENT_IP}/32", f"gw={ROUTER}"]
    with cloud(ROUTER), HostedGuest(tmp_path, LINK, words, CLIENT_IP) as guest:
        guest.wait_console(rf"net: address {CLIENT_IP}/32, gateway {ROUTER} \(static\)")
        guest.wait_http()
        assert "config:" not in guest.console()
