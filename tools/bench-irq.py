#!/usr/bin/env python3
"""What each way to interrupt costs on this host: how long one request takes on a connection that
stays open, and what share of a core QEMU uses while nobody asks. `make bench-irq`. Real time, and
so the host's word too: the ways are measured in turn, in rounds, and the medians compared.

It makes a link of its own in a network namespace of its own."""
import argparse
import os
import re
import socket
import statistics
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))

from cells import newest_qemu  # noqa: E402
from machine import GUEST_IP, HOST_IP, QemuGuest, TapLink, ip_command  # noqa: E402

WAYS = ("msix", "msi", "intx", "poll")
NICS = ("e1000", "e1000e", "igb")
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
CALM_S = 1.0  # the timers of the requests, and what a boot left to do
PAUSE_S = 0.05  # before a lone request: the guest sleeps again


def ask(s):
    """How long an answer took, in us."""
    start = time.perf_counter_ns()
    s.sendall(REQUEST)
    answer = b""
    while not answer.endswith(b"\r\n\r\nok\n"):
        piece = s.recv(4096)
        assert piece, f"ended after {answer!r}"
        answer += piece
    return (time.perf_counter_ns() - start) / 1000


def latencies(guest, row, lone):
    """us of requests one upon the other, and of such that find the guest asleep."""
    with guest.connect() as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(20):
            ask(s)
        dense = [ask(s) for _ in range(row)]
        sparse = []
        for _ in range(lone):
            time.sleep(PAUSE_S)
            sparse.append(ask(s))
    return dense, sparse


def measure(folder, qemu, nic, way, args):
    """(the route, us in a row, us alone, share of the vCPU's thread, of the whole process), or None
    where there is no such way."""
    with TapLink("rsirq", HOST_IP) as link:
        with QemuGuest(folder, tap=link.name, nic=nic, qemu=qemu, machine=args.machine,
                       append=f"ip={GUEST_IP}/24 irq={way}") as guest:
            guest.wait_http()
            if "which cannot be had" in guest.console():
                return None
            route = re.search(r"irq: \S+ (.*?): ", guest.console()).group(1)
            dense, sparse = latencies(guest, args.row, args.lone)
            time.sleep(CALM_S)
            before, start = guest.ran_seconds(), time.monotonic()
            time.sleep(args.idle)
            after, took = guest.ran_seconds(), time.monotonic() - start
            return route, dense, sparse, *((b - a) / took for a, b in zip(before, after))


def spread(values):
    """Median, and the tenth and ninetieth of a hundred."""
    values = sorted(values)
    return (f"{statistics.median(values):7.0f} ({values[len(values) // 10]:.0f} to "
            f"{values[len(values) * 9 // 10]:.0f})")


def shares(values):
    return f"{100 * statistics.median(values):5.2f}"


def bench(nics, args):
    cells = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(args.rounds):
            for nic, qemu in nics:
                for way in WAYS:
                    cell = cells.setdefault((nic, way), [None, [], [], [], []])
                    got = measure(folder, qemu, nic, way, args)
                    if got is not None:
                        cell[0] = got[0]
                        cell[1] += got[1]
                        cell[2] += got[2]
                        cell[3].append(got[3])
                        cell[4].append(got[4])
    return cells


def show(cells):
    print(f"{'NIC':7}{'irq=':6}{'us, one upon the other':26}{'us, alone':26}"
          f"{'idle: vCPU %':>13}{'QEMU %':>8}  route")
    for (nic, way), (route, dense, sparse, vcpu, whole) in cells.items():
        if route is None:
            print(f"{nic:7}{way:6}-")
        else:
            print(f"{nic:7}{way:6}{spread(dense):26}{spread(sparse):26}{shares(vcpu):>13}"
                  f"{shares(whole):>8}  {route}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nics", default=",".join(NICS))
    parser.add_argument("--machine", default="q35")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--row", type=int, default=1000, help="requests one upon the other")
    parser.add_argument("--lone", type=int, default=40, help="requests that find it asleep")
    parser.add_argument("--idle", type=float, default=3.0, help="seconds of each look at idleness")
    args = parser.parse_args()
    if {name for _, name in socket.if_nameindex()} != {"lo"}:
        os.execvp("unshare", ["unshare", "--user", "--map-root-user", "--net", sys.executable,
                              *sys.argv])
    ip_command("link", "set", "lo", "up")
    newer = newest_qemu()
    nics = [(nic, newer if nic == "igb" else "qemu-system-x86_64") for nic in args.nics.split(",")]
    for nic, _ in (n for n in nics if n[1] is None):
        print(f"{nic}: left out, no QEMU 8 or later is here (tools/get-qemu.sh unpacks one)")
    show(bench([n for n in nics if n[1] is not None], args))


if __name__ == "__main__":
    main()
