"""What an idle guest costs its host, by each way to interrupt: guests beside each other at the same
time. `make bench-irq` tells how much it is."""
import contextlib
import re
import time

import pytest

from cells import INTERRUPTS
from machine import QemuGuest

pytestmark = pytest.mark.machine

CALM_S = 1  # the timers of the first requests
IDLE_S = 2
# Of the CPU time of the one by INTx. A guest that is woken every 100 us uses some hundred times as
# much, one that spins some thousand times.
TIMES_MAX = 20
POLLS_PER_S_MAX = 1200  # asleep every 2 ms, now and then every 100 us; 10,000 awake


def test_idle_in_every_way(tmp_path):
    with contextlib.ExitStack() as stack:
        guests = {}
        for way in INTERRUPTS:
            (tmp_path / way).mkdir()
            guests[way] = stack.enter_context(QemuGuest(
                tmp_path / way, user=True, nic="e1000e", machine="q35",
                append=f"ip=10.0.2.15/24 irq={way}"))
        for way, guest in guests.items():
            guest.wait_http()
            assert re.search(INTERRUPTS[way], guest.console()), guest.console()
        time.sleep(CALM_S)
        start = time.monotonic()
        polls = guests["poll"].stats()["irq_polls"]
        before = {way: guest.ran_seconds()[0] for way, guest in guests.items()}
        time.sleep(IDLE_S)
        used = {way: guest.ran_seconds()[0] - before[way] for way, guest in guests.items()}
        polls = guests["poll"].stats()["irq_polls"] - polls
        took = time.monotonic() - start  # a host that is busy lets it poll less, not more
        quiet = {way: guest.stats()["irq_polls"] for way, guest in guests.items() if way != "poll"}
    print(f"ms of CPU in {IDLE_S} s:", {way: round(s * 1e3, 1) for way, s in used.items()},
          f"; {polls} polls in {took:.1f} s")
    for way in ("msix", "msi"):
        assert used[way] < TIMES_MAX * used["intx"], used
    assert 0 < polls < POLLS_PER_S_MAX * took
    assert not any(quiet.values()), quiet
