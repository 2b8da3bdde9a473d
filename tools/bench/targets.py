"""What the measurements are held against: each row with what is wanted at least, what is aimed at,
and what a run reached."""
import collections

from numbers_of import count, median, ratio
from plan import KEEP_CONNECTIONS

# reached: text; met: whether it is what is wanted at least, None where that was not measured.
Row = collections.namedtuple("Row", "text least aim reached met")
NOT_MEASURED = "not measured"
REFLECTOR_MORE_US = 12


class Reached:
    """What a report's runs say of one NIC, medians."""

    def __init__(self, data, nic):
        self.data, self.nic = data, nic

    def of(self, load, peer, key):
        values = [r[key] for r in self.data["run"] if r["nic"] == self.nic and r["load"] == load
                  and r["peer"] == peer and key in r]
        return median(values) if values else None

    def over(self, load, key):
        """Ours over Linux's."""
        return ratio(self.of(load, "ringside", key), self.of(load, "linux", key))

    def pair(self, load, key):
        return tuple(self.of(load, peer, key) for peer in ("ringside", "linux"))


def _row(text, least, aim, parts, met):
    """parts: [(what, value as text or None)]."""
    known = [p for p in parts if p is not None]
    if not known:
        return Row(text, least, aim, NOT_MEASURED, None)
    return Row(text, least, aim, "; ".join(known), met if len(known) == len(parts) else None)


def _cost(reached, load, text, least, aim):
    ours, theirs = reached.pair(load, "vcpu_us")
    n = ratio(theirs, ours)
    return _row(text, f"Linux / {least}", f"Linux / {aim}", [
        n and f"Linux / {n:.1f} ({ours:.1f} us, {theirs:.1f} us)"], n is not None and n >= least)


def _times(reached, loads, text, least, aim):
    """Rates over Linux's, the worst of which decides; beside them how many times as much CPU time
    Linux takes, which a host that is busy elsewhere changes less."""
    found = {name: reached.over(name, "rate") for name in loads}
    parts = [n and f"{name} {n:.2f} (CPU time {1 / reached.over(name, 'vcpu_us'):.2f})"
             for name, n in found.items()]
    known = [n for n in found.values() if n]
    return _row(text, f"{least} times Linux", aim, parts, bool(known) and min(known) >= least)


def _latency(reached):
    ours, theirs = reached.pair("keep1", "p50_us")
    floor = reached.of("frames1", "reflect", "p50_us")
    more = f", reflector + {ours - floor:.0f}" if ours and floor else ""
    return _row("one connection, median", "70 us", f"reflector + {REFLECTOR_MORE_US} us", [
        ours and f"{ours:.0f} us (Linux {count(theirs)}{more})"], bool(ours) and ours <= 70)


def _idle(reached):
    before, beside, after = (reached.of("idle20k", "ringside", k)
                             for k in ("before_rate", "rate", "after_rate"))
    if not before:
        return _row("64 active beside 20,000 idle; after they went", "97%", "99%", [None], None)
    return _row("64 active beside 20,000 idle; after they went", "97%", "99%", [
        f"{100 * beside / before:.1f}%", f"{100 * after / before:.1f}%"],
        min(beside, after) >= 0.97 * before)


def _flat(reached):
    costs = [reached.of(f"keep{n}", "ringside", "vcpu_us") for n in KEEP_CONNECTIONS if n >= 16]
    if None in costs:
        return _row("cost of a request from 16 to 1,000 connections", "flat within 15%", "", [None],
                    None)
    more = max(costs) / min(costs) - 1
    return _row("cost of a request from 16 to 1,000 connections", "flat within 15%", "", [
        f"within {100 * more:.0f}% (" + ", ".join(f"{c:.1f}" for c in costs) + " us)"],
        more <= 0.15)


def _boot(reached):
    data = reached.data
    listening = [r["ms"] for r in data["listening"] if r["nic"] == reached.nic]
    parts = data.get("image_bytes") or {}
    image = sum(parts.values())
    small = [r for r in data["small"] if r["nic"] == reached.nic]
    served = bool(small) and all(r["errors"] == 0 for r in small)
    return [
        _row("kernel entry to listening", "30 ms", "", [
            f"{median(listening):.0f} ms" if listening else None],
            bool(listening) and median(listening) <= 30),
        _row("text, read-only data and data of the kernel", "256 KiB", "", [
            f"{image / 1024:.0f} KiB (" + ", ".join(f"{name} {size / 1024:.0f}" for name, size in
                                                    parts.items()) + ")" if image else None],
            0 < image <= 256 * 1024),
        _row("1,000 connections from 16 MiB", "served", "", [
            ("served" if served else "not served: " + str(small[0].get("why", "errors")))
            if small else None], served),
    ]


def of_runs(data, nic):
    """The rows that runs on one NIC answer."""
    r = Reached(data, nic)
    return [
        _cost(r, "keep64", "CPU time of the emulated processor, keep-alive at 64", 7, 10),
        _times(r, ("keep64", "keep1000"), "keep-alive requests/s at 64 and at 1,000", 5,
               "what wrk can send"),
        _latency(r),
        _cost(r, "new32", "a new connection each, CPU time", 9, 15),
        _times(r, ("send", "receive", "echo"), "bulk send, receive, echo", 1.5, "3 times"),
        _idle(r), _flat(r), *_boot(r)]


def _figure(figures, name, text, least, aim):
    value = figures.get(name)
    return _row(text, f"{least:,}", f"{aim:,}" if aim else "", [value and f"{value:,.0f}"],
                bool(value) and value <= least)


def of_figures(figures):
    """The rows that build/bench/figures.json answers: instructions, hosted."""
    return [
        _figure(figures, "echo", "64-byte echo with SACK and timestamps", 1700, 1200),
        _figure(figures, "ack", "pure ACK", 600, None),
        _figure(figures, "cycle", "connect-request-close", 9000, None),
        _figure(figures, "syn", "SYN of a flood", 1200, None),
        _figure(figures, "request", "one keep-alive HTTP request, all of it", 3800, 3000)]
