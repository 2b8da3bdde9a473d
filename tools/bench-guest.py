#!/usr/bin/env python3
"""`make bench-guest`: instructions that the emulated machine executes for a request, driver and
interrupts included, as a plugin of QEMU counts them (tests/bench/qemu_count.c): keep-alive /healthz
by wrk, at each of some numbers of connections, in turn, each round after one that is not counted.

Unlike time this is not the host's word, but how many frames there are each time the device is
looked at is: rounds differ by some 1%, hosts by more. It makes a link of its own in a network
namespace of its own."""
import argparse
import os
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))

from machine import BUILD, GUEST_IP, HOST_IP, QemuGuest, TapLink, ip_command  # noqa: E402

QEMU = "qemu-system-x86_64"
PLUGIN = os.path.join(BUILD, "bench", "qemu_count.so")
CONNECTIONS = (1, 64)
ROUNDS = 5
WARM_S, RUN_S = 1, 2
NEW_PLUGINS = 9  # from this QEMU on
VERSIONS = {False: 1, True: 2}  # of the plugins' interface


def build_plugin():
    told = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True).stdout
    version = VERSIONS[int(re.search(r"version (\d+)", told).group(1)) >= NEW_PLUGINS]
    os.makedirs(os.path.dirname(PLUGIN), exist_ok=True)
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", f"-DPLUGIN_VERSION={version}", "-o", PLUGIN,
                    os.path.join(ROOT, "tests", "bench", "qemu_count.c")], check=True)


def load(guest, connections, seconds):
    """How many requests wrk has had answered."""
    done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s",
                           guest.url + "/healthz"], capture_output=True, text=True, check=True)
    return int(re.search(r"(\d+) requests in", done.stdout).group(1))


def measure(counter, guest, connections):
    """(instructions a request, requests each time the device was looked at)."""
    def now():
        with open(counter, "rb") as f:
            return struct.unpack("Q", f.read(8))[0]
    load(guest, connections, WARM_S)
    stats, before = guest.stats(), now()
    count = load(guest, connections, RUN_S)
    executed = now() - before
    looks = guest.stats()["softirq_net_rx_runs"] - stats["softirq_net_rx_runs"]
    return executed / count, count / looks


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--nic", default="e1000")
    args = parser.parse_args()
    if {name for _, name in socket.if_nameindex()} != {"lo"}:
        os.execvp("unshare", ["unshare", "--user", "--map-root-user", "--net", sys.executable,
                              *sys.argv])
    ip_command("link", "set", "lo", "up")
    build_plugin()
    seen = {connections: [] for connections in CONNECTIONS}
    with tempfile.TemporaryDirectory() as folder, TapLink("rsqemu", HOST_IP) as tap:
        counter = os.path.join(folder, "counter")
        with QemuGuest(folder, tap=tap.name, append=f"ip={GUEST_IP}/24", nic=args.nic, qemu=QEMU,
                       prealloc=True, extra=["-plugin", f"{PLUGIN},counter={counter}"]) as guest:
            guest.wait_http()
            for _ in range(args.rounds):
                for connections in CONNECTIONS:
                    seen[connections].append(measure(counter, guest, connections))
    for connections, rounds in seen.items():
        costs, batches = zip(*rounds)
        print(f"{statistics.median(costs):.0f} guest instructions a keep-alive HTTP request, "
              f"{connections} connection{'s' if connections > 1 else ''} ({args.nic}; "
              f"{min(costs):.0f} to {max(costs):.0f} in {len(costs)} rounds, "
              f"{statistics.median(batches):.1f} requests a look at the device)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
