"""The attackers of tests/attack against a machine on a TAP link, and the honest client beside
them."""
import os
import re
import statistics
import subprocess
import threading
import time

from machine import BUILD

START_S = 10


def mac_of(guest):
    """As a guest's console says it; of the hosted program as the neighbour table knows it."""
    found = re.search(r"MAC ([0-9a-f:]{17})", guest.console())
    if found:
        return found.group(1)
    out = subprocess.run(["ip", "neigh", "show", guest.address], capture_output=True, text=True,
                         check=True).stdout
    return re.search(r"lladdr ([0-9a-f:]{17})", out).group(1)


def attacker(program, link, guest, *arguments, port=None):
    """A running attacker; result() waits for what it prints at its end."""
    return subprocess.Popen([os.path.join(BUILD, "attack", program), link, mac_of(guest),
                             guest.address, str(port or guest.port), *map(str, arguments)],
                            stdout=subprocess.PIPE, text=True)


def result(process, timeout):
    """{name: number} of the attacker's last line."""
    try:
        out, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert process.returncode == 0, out
    words = out.splitlines()[-1].split()
    return {k: float(v) if "." in v else int(v) for k, v in zip(words[::2], words[1::2])}


class HonestClient:
    """Asks again and again on new connections, and notes how long each answer took."""

    def __init__(self, guest, every_s=0.1, timeout_s=5):
        self.guest, self.every_s, self.timeout_s = guest, every_s, timeout_s
        self.took_ms, self.failures = [], []

    def __enter__(self):
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def run(self):
        while not self.stop.is_set():
            start = time.monotonic()
            try:
                status, body = self.guest.get("/healthz", timeout=self.timeout_s)
                assert (status, body) == (200, b"ok\n"), (status, body)
            except (OSError, AssertionError) as e:
                self.failures.append(f"after {time.monotonic() - start:.3f} s: {e!r}")
            self.took_ms.append((time.monotonic() - start) * 1000)
            self.stop.wait(max(0, self.every_s - (time.monotonic() - start)))

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(self.timeout_s + START_S)

    def __str__(self):
        return (f"{len(self.took_ms)} requests, median {statistics.median(self.took_ms):.1f} ms, "
                f"worst {max(self.took_ms):.1f} ms, {len(self.failures)} failed")
