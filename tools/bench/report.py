"""The report of a run, from its JSON: tables as Markdown, and pictures."""
import glob
import json
import os

import svg
import targets
from numbers_of import count, median, ratio, spread
from plan import KEEP_CONNECTIONS, LOADS, NICS, PEERS

STARVED_MAX = 0.15  # client, guest and main loop need less than two cores together
PERCENTS = (("50", "p50_us"), ("90", "p90_us"), ("99", "p99_us"), ("99.9", "p999_us"))
SHORT = {"ringside": "Ringside", "linux": "Linux", "nginx": "nginx", "reflect": "reflector"}


def brief(load, results):
    """A line of progress."""
    def of(key):
        values = [r[key] for r in results if key in r]
        return median(values) if values else None
    text = (f"{count(of('rate')):>9} {load.unit}, {of('vcpu_us'):.1f} + {of('main_us'):.1f} us, "
            f"p50 {count(of('p50_us'))} p99 {count(of('p99_us'))} us")
    errors = sum(r["errors"] for r in results)
    return text + (f", {errors} ERRORS" if errors else "")


class View:
    """The runs of a report, by NIC, load and peer."""

    def __init__(self, data):
        self.data = data
        self.cells = {}
        for row in data["run"]:
            self.cells.setdefault((row["nic"], row["load"], row["peer"]), []).append(row)

    def nics(self):
        return [n for n in NICS if any(key[0] == n for key in self.cells)]

    def loads(self, nic, frames=False):
        return [name for name, load in LOADS.items() if (load.kind == "frames") == frames
                and any(key[:2] == (nic, name) for key in self.cells)]

    def peers(self, nic, frames=False):
        names = self.loads(nic, frames)
        return [p for p in PEERS if any((nic, name, p) in self.cells for name in names)]

    def values(self, nic, load, peer, key):
        return [r[key] for r in self.cells.get((nic, load, peer), []) if key in r]

    def median(self, nic, load, peer, key):
        values = self.values(nic, load, peer, key)
        return median(values) if values else None


def _table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head),
            *("| " + " | ".join(row) + " |" for row in rows), ""]


def _with_spread(values):
    if not values:
        return "-"
    share = spread(values)
    return count(median(values)) + (f" ±{100 * share:.0f}%" if share >= 0.005 else "")


def rates(view, nic):
    peers = view.peers(nic)
    rows = []
    for name in view.loads(nic):
        load = LOADS[name]
        ours, theirs = (view.median(nic, name, p, "rate") for p in ("ringside", "linux"))
        times = ratio(ours, theirs)
        rows.append([f"{load.text}, {load.unit}",
                     *(_with_spread(view.values(nic, name, p, "rate")) for p in peers),
                     f"**{times:.2f}**" if times else "-"])
    return _table(["load", *(SHORT[p] for p in peers), "Ringside / Linux"], rows)


def costs(view, nic):
    peers = view.peers(nic)
    rows = []
    for name in view.loads(nic):
        ours, theirs = (view.median(nic, name, p, "vcpu_us") for p in ("ringside", "linux"))
        less = ratio(theirs, ours)
        unit = "MB" if LOADS[name].unit == "MB/s" else "request"
        cells = [_with_spread(view.values(nic, name, p, "vcpu_us")) + " + "
                 + count(view.median(nic, name, p, "main_us"))
                 if view.values(nic, name, p, "vcpu_us") else "-" for p in peers]
        rows.append([f"{name}, one {unit}", *cells, f"**{less:.1f}**" if less else "-"])
    return _table(["load, CPU time in us: processor + QEMU's main loop",
                   *(SHORT[p] for p in peers), "Linux / Ringside"], rows)


def latencies(view, nic):
    peers = view.peers(nic)
    rows = [[name, *(" / ".join(count(view.median(nic, name, p, key))
                                for key in ("p50_us", "p99_us", "p999_us"))
                     if view.values(nic, name, p, "p50_us") else "-" for p in peers)]
            for name in view.loads(nic) if LOADS[name].kind not in ("bulk",)]
    return _table(["load, latency in us: p50 / p99 / p99.9", *(SHORT[p] for p in peers)], rows)


def idles(view, nic):
    rows = []
    for name in (n for n in view.loads(nic) if LOADS[n].kind == "idle"):
        for peer in view.peers(nic):
            found = [(view.median(nic, name, peer, rate), view.median(nic, name, peer, cost))
                     for rate, cost in (("before_rate", "before_vcpu_us"), ("rate", "vcpu_us"),
                                        ("after_rate", "after_vcpu_us"))]
            if None not in found[0]:
                rows.append([name, SHORT[peer],
                             *(f"{count(r)}/s, {count(c)} us" for r, c in found)])
    return _table(["64 active ones and", "peer", "none", "the idle ones", "after they went"],
                  rows) if rows else []


def frames(view, nic):
    rows = [[LOADS[name].text, _with_spread(view.values(nic, name, "reflect", "rate")),
             *(count(view.median(nic, name, "reflect", k)) for k in ("vcpu_us", "main_us", "p50_us",
                                                                     "p99_us", "p999_us"))]
            for name in view.loads(nic, True)]
    if not rows:
        return ["The reflector was not measured.", ""]
    return _table(["reflector", "frames/s", "processor us", "main loop us", "p50 us", "p99 us",
                   "p99.9 us"], rows)


def reached(view):
    lines = []
    said = {True: "yes", False: "**no**", None: ""}
    judged = said if not is_starved(view.data["run"]) else dict.fromkeys(said, "host busy")
    rows = [[f"{r.text} ({nic})", r.least, r.aim, r.reached, judged[r.met]]
            for nic in view.nics() for r in targets.of_runs(view.data, nic)]
    rows += [[f"hosted, instructions: {r.text}", r.least, r.aim, r.reached, said[r.met]]
             for r in targets.of_figures(view.data.get("figures", {}))]
    lines += _table(["load", "at least", "aim", "reached", "met"], rows)
    return lines


def layers(figures):
    """The parts of a request, which figures.json has as request.LAYER."""
    rows = [[name.split(".", 1)[1], f"{value:,.0f}", f"{100 * value / figures['request']:.0f}%"]
            for name, value in figures.items() if name.startswith("request.")]
    if not rows or not figures.get("request"):
        return []
    return ["## A keep-alive request by layer, hosted", "",
            *_table(["layer", "instructions", "share"], rows)]


def starved(runs):
    return [r["starved"] for r in runs if "starved" in r]


def is_starved(runs):
    shares = starved(runs)
    return bool(shares) and median(shares) > STARVED_MAX


def busy(runs):
    """How much the emulated processors had to share the host's cores, and what that means."""
    shares = starved(runs)
    if not shares:
        return []
    text = (f"The thread of an emulated processor that had something to do waited for a core of "
            f"the host {100 * median(shares):.0f}% of the time (median of the runs; at most "
            f"{100 * max(shares):.0f}%).")
    if is_starved(runs):
        text += (" **The host was busy with something else**: guests heard of few requests at a "
                 "time, and each cost more, of Linux's far more than of ours. These figures say "
                 "little.")
    return [text, ""]


def header(about):
    return ["# What `make bench` measured", "",
            f"Commit {about['commit']}; {about['qemu']}, TCG, TAP, {about['memory']} a guest, one "
            f"processor each; the guest's Linux is {about['linux']}, with mitigations off and "
            f"queues for many connections; {about['compiler']}; {about['wrk']}; on "
            f"{about['processors']} processors, whose load was "
            f"{about['load_before']:.1f} before it began.", "",
            f"Rounds, each with fresh boots: {about['rounds']}; runs of {about['seconds']} s, of "
            f"the keep-alive loads {about['runs_on_one_boot']} on each boot. Medians, with half "
            "the distance between the quarters. docs/performance.md says how it is measured.", ""]


def markdown(data, pictures=()):
    view = View(data)
    lines = header(data["about"]) + busy(data["run"]) + ["## What to reach", ""] + reached(view)
    for nic in view.nics():
        lines += [f"## {nic} ({NICS[nic]})", "", *rates(view, nic), *costs(view, nic),
                  *latencies(view, nic), *idles(view, nic), *frames(view, nic)]
        lines += [f"![{name[:-4]}]({name})" for name in pictures if f"-{nic}." in name] + [""]
    lines += layers(data.get("figures", {}))
    if data["failed"]:
        lines += ["## Loads that came to nothing", "",
                  *(f"* {f['nic']}, {f['load']}, {f['peer']}: {f['why']}" for f in data["failed"]),
                  ""]
    errors = [r for r in data["run"] if r["errors"]]
    if errors:
        lines += ["## Runs in which requests failed", "",
                  *(f"* {r['nic']}, {r['load']}, {r['peer']}: {r['errors']} of {r['requests']}"
                    for r in errors), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def table(data):
    """For the console: rates and costs, then what was to be reached."""
    view = View(data)
    lines = []
    for nic in view.nics():
        lines += [f"{nic:<24}{'peer':<11}{'rate':>9} {'':11}{'CPU us':>9}{'+ main':>8}"
                  f"{'p50 us':>10}{'p99 us':>11}{'p99.9 us':>11}"]
        for name in view.loads(nic) + view.loads(nic, True):
            for peer in PEERS:
                if (nic, name, peer) in view.cells:
                    of = lambda key: count(view.median(nic, name, peer, key))
                    lines.append(f"  {name:<22}{SHORT[peer]:<11}{of('rate'):>9} "
                                 f"{LOADS[name].unit:<11}{of('vcpu_us'):>9}{of('main_us'):>8}"
                                 f"{of('p50_us'):>10}{of('p99_us'):>11}{of('p999_us'):>11}")
    lines += ["", *busy(data["run"])]
    for nic in view.nics():
        lines += ["", f"to reach, {nic}:"]
        lines += _verdicts(targets.of_runs(data, nic), not is_starved(data["run"]))
    lines += _verdicts(targets.of_figures(data.get("figures", {})), True)
    return "\n".join(lines)


def _verdicts(rows, may_judge):
    said = {True: "yes", False: "NO", None: "?"} if may_judge else {}
    return [f"  {said.get(r.met, '?'):<4}{r.text}: {r.reached}; at least {r.least}"
            for r in rows if r.reached != targets.NOT_MEASURED]


def _against_connections(view, nic, key):
    return {PEERS[p]: {str(n): view.values(nic, f"keep{n}", p, key) for n in KEEP_CONNECTIONS}
            for p in view.peers(nic)}


def _latency_series(view, nic, load):
    return {PEERS[p]: {text: view.values(nic, load, p, key) for text, key in PERCENTS}
            for p in view.peers(nic)}


def pictures(view):
    """{file name: text}."""
    connections = [str(n) for n in KEEP_CONNECTIONS]
    found = {}
    for nic in view.nics():
        found[f"throughput-{nic}.svg"] = svg.picture(
            f"Keep-alive requests a second, {nic}", "connections", "requests/s", connections,
            _against_connections(view, nic, "rate"))
        found[f"cost-{nic}.svg"] = svg.picture(
            f"CPU time of the emulated processor for a request, {nic}", "connections", "us",
            connections, _against_connections(view, nic, "vcpu_us"))
        for load in ("keep1", "keep64"):
            found[f"latency-{load}-{nic}.svg"] = svg.picture(
                f"Latency, {LOADS[load].text}, {nic}", "percentile", "us",
                [text for text, _ in PERCENTS], _latency_series(view, nic, load), log=True)
    return {name: text for name, text in found.items() if text}


def write(data, folder):
    """Writes report.md, report.json and the pictures, in place of older ones; returns their
    names."""
    drawn = pictures(View(data))
    for old in glob.glob(os.path.join(folder, "*.svg")):
        os.unlink(old)
    files = {**drawn, "report.md": markdown(data, sorted(drawn)),
             "report.json": json.dumps(data, indent=1) + "\n"}
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)
    return list(files)
