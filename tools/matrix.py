#!/usr/bin/env python3
"""Every NIC, machine, way to boot, way to interrupt and QEMU (tests/system/cells.py): each cell
that exists boots, gets its address by DHCP, echoes 16 MiB, has its link taken away and given back,
and serves again. `make matrix`, or with words that select: `make matrix CELLS="igb q35 msix"`.

What passed with the kernel as it is now is kept in build/matrix/results.json, and not done again
without --again: a run that was broken off goes on where it was. Consoles of what failed are beside
it. Ends with the table, and with status 1 when a cell failed."""
import argparse
import concurrent.futures
import hashlib
import json
import os
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))

import cells  # noqa: E402
from machine import BUILD  # noqa: E402

FOLDER = os.path.join(BUILD, "matrix")
RESULTS = os.path.join(FOLDER, "results.json")


def kernel_hash():
    with open(os.path.join(BUILD, "httpd.elf"), "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def allowed_words():
    return [*cells.qemus(), *cells.NICS, *cells.MACHINES, *cells.BOOTS, *cells.INTERRUPTS]


def is_selected(cell, words):
    """Words of one kind are alternatives; each kind that is named must fit."""
    for kind in (list(cells.qemus()), cells.NICS, cells.MACHINES, cells.BOOTS,
                 list(cells.INTERRUPTS)):
        named = [w for w in words if w in kind]
        if named and not any(w in cell for w in named):
            return False
    return True


class Results:
    """What each cell came to; kept in a file after each, for the kernel that it was."""

    def __init__(self, again):
        self.lock = threading.Lock()
        self.kernel = kernel_hash()
        self.of = {}
        try:
            with open(RESULTS, encoding="utf-8") as f:
                kept = json.load(f)
        except (OSError, ValueError):
            return
        if kept.get("kernel") == self.kernel and not again:
            self.of = kept["cells"]

    def put(self, cell, outcome):
        with self.lock:
            self.of[" ".join(cell)] = outcome
            with open(RESULTS + ".new", "w", encoding="utf-8") as f:
                json.dump({"kernel": self.kernel, "cells": self.of}, f, indent=1)
            os.replace(RESULTS + ".new", RESULTS)

    def get(self, cell):
        return self.of.get(" ".join(cell), "")


def run(cell, images, results):
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            cells.run_cell(cell, folder, images)
            outcome = "ok"
        except Exception as e:  # whatever it was: the next cell has its turn
            outcome = f"{type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}"
            with open(os.path.join(FOLDER, "-".join(cell) + ".log"), "w", encoding="utf-8") as f:
                f.write(str(e))
    results.put(cell, outcome)
    mark, why = ("ok  ", "") if outcome == "ok" else ("FAIL", ": " + outcome)
    print(f"{mark} {' '.join(cell)} {time.monotonic() - began:.0f} s{why}", flush=True)


def table(every, results):
    """A row for each QEMU, NIC and machine, a column for each boot and interrupt."""
    whys, rows = {}, {}
    columns = [(b, i) for b in cells.BOOTS for i in cells.INTERRUPTS]
    for cell, why in every:
        outcome = results.get(cell)
        text = "ok" if outcome == "ok" else "FAIL" if outcome else "?"
        if why:
            text = f"- [{whys.setdefault(why, len(whys) + 1)}]"
        rows.setdefault(cell[:3], {})[(cell.boot, cell.irq)] = text
    columns = [c for c in columns if any(c in row for row in rows.values())]
    heads = [("", "", "", [b for b, _ in columns]), ("QEMU", "NIC", "", [i for _, i in columns])]
    body = [(*key, [row.get(c, "") for c in columns]) for key, row in rows.items()]
    lines = [f"{q:5} {n:14} {m:4} " + " ".join(f"{t:6}" for t in texts)
             for q, n, m, texts in heads + body]
    lines += [f"[{n}] {why}" for why, n in whys.items()]
    return "\n".join(line.rstrip() for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="select: versions, NICs, machines, boots, irqs")
    parser.add_argument("--again", action="store_true", help="what passed before, too")
    parser.add_argument("--jobs", type=int, default=2, help="guests at once")
    args = parser.parse_args()
    for word in args.words:
        if word not in allowed_words():
            parser.error(f"{word} is not known; there are {' '.join(allowed_words())}")
    os.makedirs(FOLDER, exist_ok=True)
    results = Results(args.again)
    every = [(c, why) for c, why in cells.all_cells() if is_selected(c, args.words)]
    todo = [c for c, why in every if not why and results.get(c) != "ok"]
    there = sum(not why for _, why in every)
    print(f"{len(every)} cells, {there} of them exist, {there - len(todo)} passed before",
          flush=True)
    images = {irq: cells.image_of(irq) for irq in cells.INTERRUPTS}
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        list(pool.map(lambda c: run(c, images, results), todo))
    text = table(every, results)
    with open(os.path.join(FOLDER, "table.txt"), "w", encoding="utf-8") as f:
        f.write(text + "\n")
    failed = sum(results.get(c) != "ok" for c, why in every if not why)
    print(f"{text}\n{there - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
