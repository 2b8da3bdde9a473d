"""Crowds of slow and silent clients of every kind (tests/attack/slow.c) at the QEMU guest and the
hosted program, and a normal client among them, which is to be served all the while, and not much
later than without them.
RINGSIDE_SLOW_CLIENTS and RINGSIDE_SLOW_S make it bigger and longer; 10,000 and 15 are the full
size.

A client that is thrown out comes back a second later, so a machine without room for all of them
has to choose anew all the time."""
import os
import time

import pytest

from attackers import HonestClient, attacker, result, sent_again, slow_ms, told
from machine import (BOOT_GUEST_IP, BOOT_HOST_IP, ECHO_GUEST_IP, ECHO_HOST_IP, HostedGuest,
                     QemuGuest, TapLink)
from test_load import held, wait_back

CLIENTS = int(os.environ.get("RINGSIDE_SLOW_CLIENTS", "1000"))
SECONDS = int(os.environ.get("RINGSIDE_SLOW_S", "2"))
CALM_S = 0.5
TRIES = 3
SLOWER_MAX = 10  # nine of ten requests, than in calm and than a server that nobody else asks
AGAIN_MAX = 0.05
STATS_AFTER = 0.75  # of a crowd's time
OPENS_PER_S = 1000  # a crowd, not a flood
KINDS = ["silent", "header", "drip", "zero", "stop", "one", "half", "last"]
MEMORY = "64M"


@pytest.fixture(scope="module", params=["qemu", "hosted"])
def crowded(request, tmp_path_factory):
    """A machine with a link of its own: (machine, name of the link)."""
    folder = tmp_path_factory.mktemp("slow")
    if request.param == "qemu":
        link = TapLink("rsslowq", BOOT_HOST_IP)
        guest = QemuGuest(folder, tap=link.name, address=BOOT_GUEST_IP, memory=MEMORY,
                          append=f"ip={BOOT_GUEST_IP}/24 gw={BOOT_HOST_IP}", prealloc=True)
    else:
        link = TapLink("rsslowh", ECHO_HOST_IP)
        guest = HostedGuest(folder, link.name, [f"ip={ECHO_GUEST_IP}/24", f"gw={ECHO_HOST_IP}",
                                                f"mem={MEMORY}"], ECHO_GUEST_IP)
    with link, guest:
        guest.wait_http()
        yield guest, link.name


def crowd(guest, link, control_guest, kind):
    """One crowd; True when the normal client was in time. The control: the same client in calm
    before, and a server on plain Linux that nobody else asks, which says how late the
    host itself makes answers meanwhile. /stats, which takes many packets, is to be had in the
    middle of it, too."""
    with HonestClient(guest) as client, HonestClient(control_guest) as control:
        calm, _ = client.during(lambda: time.sleep(CALM_S))

        def attack():
            process = attacker("slow", link, guest, kind, CLIENTS, SECONDS, OPENS_PER_S)
            time.sleep(SECONDS * STATS_AFTER)
            return guest.stats(timeout=60), result(process, SECONDS + 120)

        beside, (amid, (stats, n)) = control.during(lambda: client.during(attack))
    assert stats["tcp_passive_opens"] > 0
    print(f"{kind}: {CLIENTS} clients, {n['opened']} times connected, {n['open_now']} believe they "
          f"are at the end\n  normal client in calm: {told(calm)}\n  among them: {told(amid)}\n"
          f"  at the other server: {told(beside)}")
    assert n["opened"] >= CLIENTS, n
    assert not client.failures, client.failures[:5]
    return (slow_ms(amid) <= SLOWER_MAX * (slow_ms(calm) + slow_ms(beside)) and
            sent_again(amid) <= sent_again(calm) + AGAIN_MAX)


@pytest.mark.parametrize("kind", KINDS)
def test_normal_client_among_slow_ones(crowded, linux_guest, kind):
    """An answer always, and in time; a host that is busy elsewhere may have up to three tries."""
    guest, link = crowded
    before = held(guest)
    assert any(crowd(guest, link, linux_guest, kind) for _ in range(TRIES)), "served too late"
    wait_back(guest, before, 150 if kind in ("half", "last") else 60)
