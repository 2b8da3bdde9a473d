#!/usr/bin/env python3
"""How long a boot takes on this host, from the kernel's entry to the server's listening socket, by
the kernel's own clock: `make bench-boot`. Real time, and so the host's word too: `make test` holds
the same in virtual time (tests/system/test_boot.py)."""
import argparse
import os
import re
import statistics
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))

from machine import QemuGuest  # noqa: E402


def boot():
    """ms from the kernel's entry to the line of the listening socket."""
    with tempfile.TemporaryDirectory() as folder:
        with QemuGuest(folder, user=True, append="ip=10.0.2.15/24") as guest:
            line = guest.wait_console(r"\[ *(\d+\.\d+)\] serving: http://.*\n")
            assert re.search(r"irq: .*IOAPIC", guest.console()), guest.console()
            return float(line.group(1)) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boots", type=int, default=20)
    boots = parser.parse_args().boots
    if boots < 1:
        parser.error(f"--boots {boots}: at least 1 is allowed")
    times = [boot() for _ in range(boots)]
    print("listening after ms:", " ".join(f"{t:.0f}" for t in times))
    print(f"median {statistics.median(times):.1f}, fastest {min(times):.1f}, slowest "
          f"{max(times):.1f} of {boots}")


if __name__ == "__main__":
    main()
