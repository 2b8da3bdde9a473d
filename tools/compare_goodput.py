#!/usr/bin/env python3
"""Goodput of our stack beside Linux's: the hosted httpd and the plain Linux one send to the same
Linux client over the same emulated path, with the same frames lost, in turn.

Prints a table: median kbit/s of each and the ratio. Runs in a network namespace of its own:
    make relay host linux
    unshare --user --map-root-user --net python3 tools/compare_goodput.py
"""
import argparse
import concurrent.futures
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))

from path import HostedSide, LinuxSide, download, write_proc  # noqa: E402

RATE_BIT_S = 10_000_000
DELAY_US = 50_000  # each way
QUEUE_BYTES = 128 * 1024  # about one product of bandwidth and delay
LOSSES_PERCENT = [0, 0.1, 1, 2, 5, 10]
SIDES = {"ringside": HostedSide, "linux": LinuxSide}


def prepare_client():
    """The client's window must not be what limits."""
    write_proc("tcp_rmem", "4096 4194304 33554432")


def one(job):
    """kbit/s of one download; job is (number of the link, side, loss, seed, seconds, capture)."""
    number, name, loss, seed, seconds, capture = job
    with tempfile.TemporaryDirectory() as folder:
        rate, directions = download(SIDES[name](folder, number), seconds, capture, rate=RATE_BIT_S,
                                    delay_us=DELAY_US, queue=QUEUE_BYTES, seed=seed,
                                    loss_ab=round(loss * 10_000))
    assert directions["ab"]["no_room"] == directions["ab"]["write_errors"] == 0, directions
    return name, loss, rate, directions


def measure(losses, seeds, seconds, at_once, captures=None):
    """{(side, loss): [kbit/s, ...]}; the two sides take turns, so that both see the same host."""
    jobs = []
    for seed in seeds:
        for loss in losses:
            for name in SIDES:
                capture = captures and os.path.join(captures, f"{name}-{loss}-{seed}.pcap")
                jobs.append((len(jobs) % 250 + 1, name, loss, seed, seconds, capture))
    found = {}
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for name, loss, rate, _ in pool.map(one, jobs):
            found.setdefault((name, loss), []).append(rate)
    return found


def table(found, losses):
    rows = [f"{'loss %':>7} {'ringside':>9} {'linux':>9} {'ratio':>6}   each run, kbit/s"]
    for loss in losses:
        ours, theirs = found["ringside", loss], found["linux", loss]
        a, b = statistics.median(ours), statistics.median(theirs)
        rows.append(f"{loss:>7} {a:>9.0f} {b:>9.0f} {a / b:>6.2f}   "
                    + " ".join(f"{r:.0f}" for r in ours) + " | "
                    + " ".join(f"{r:.0f}" for r in theirs))
    return "\n".join(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--losses", type=float, nargs="+", default=LOSSES_PERCENT,
                        metavar="PERCENT")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each, from seed 1 on")
    parser.add_argument("--seconds", type=float, default=25)
    parser.add_argument("--at-once", type=int, default=6, help="downloads at the same time")
    parser.add_argument("--captures", help="a folder for a pcap file of each download")
    args = parser.parse_args()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    prepare_client()
    print(f"{RATE_BIT_S / 1e6:g} Mbit/s, {DELAY_US * 2 / 1000:g} ms round trip, queue of "
          f"{QUEUE_BYTES} bytes, {args.seconds:g} s each, seeds 1 to {args.seeds}", flush=True)
    start = time.monotonic()
    found = measure(args.losses, range(1, args.seeds + 1), args.seconds, args.at_once,
                    args.captures)
    print(table(found, args.losses))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = time.monotonic() - start
    print(f"{wall:.0f} s; the processes used {(used.ru_utime + used.ru_stime) / wall:.2f} CPUs "
          f"of {os.cpu_count()}")


if __name__ == "__main__":
    main()
