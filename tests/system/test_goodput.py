"""Goodput beside Linux's over a bad path (tools/compare_goodput.py), a few short downloads of it.
RINGSIDE_GOODPUT_S and RINGSIDE_GOODPUT_SEEDS make it longer; 25 and 5 with all losses is the full
comparison, which the tool runs by default."""
import os
import statistics
import sys

from machine import ROOT

sys.path.insert(0, os.path.join(ROOT, "tools"))

import compare_goodput  # noqa: E402

SECONDS = float(os.environ.get("RINGSIDE_GOODPUT_S", "8"))
SEEDS = int(os.environ.get("RINGSIDE_GOODPUT_SEEDS", "2"))
LOSSES = [0, 1, 5]
AT_ONCE = 12
TRIES = 3
# Of Linux's. Short downloads differ by chance; the full comparison shows 1.0 and more.
SHARE_MIN = 0.6


def shares(found):
    """{loss: median goodput of ours over Linux's}."""
    return {loss: statistics.median(found["ringside", loss]) /
            statistics.median(found["linux", loss]) for loss in LOSSES}


def test_goodput_is_not_far_from_linux():
    """Both over the same host, in turn; chance, a busy host's among it, is met with more seeds."""
    compare_goodput.prepare_client()
    found, seed = {}, 1
    for _ in range(TRIES):
        more = compare_goodput.measure(LOSSES, range(seed, seed + SEEDS), SECONDS, AT_ONCE)
        seed += SEEDS
        for key, rates in more.items():
            found.setdefault(key, []).extend(rates)
        if min(shares(found).values()) >= SHARE_MIN:
            break
    print(compare_goodput.table(found, LOSSES))
    assert min(shares(found).values()) >= SHARE_MIN, shares(found)
