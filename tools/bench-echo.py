#!/usr/bin/env python3
"""`make bench-echo`: how many instructions the stack spends on an established 64-byte echo, on a
pure ACK, and on a whole connection, counted by callgrind in tests/bench/echo.c.

With --lines it says instead which cache lines of the connection's control block one of them reads
and writes (lackey traces every access).

With --against COMMIT the same program is also built against that commit's stack, in a work tree of
its own below a temporary folder, and both counts are printed side by side. Instructions are of one
build of the host's gcc: the counts compare trees on one machine, not machines.
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BENCH = "tests/bench/echo.c"
COUNT = 1000
TIMEOUT_S = 300
LINE_BYTES = 64
KINDS = (("echo", "an established 64-byte echo"), ("ack", "a pure ACK"),
         ("cycle", "a connect-request-close"), ("syn", "a SYN of a flood"),
         ("closed", "a SYN to a closed port"))


def call(command, cwd, may_fail=False):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_S)
    if done.returncode != 0 and not may_fail:
        sys.exit(f"bench-echo: {' '.join(command[:6])} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def build(tree, name="echo", extra=(), flags=()):
    """The benchmark of a tree, from the objects of its own hosted build."""
    sources = sorted(f for f in glob.glob(os.path.join(tree, "net", "**", "*.c"), recursive=True)
                     if os.sep + "posix" + os.sep not in f)
    names = [os.path.relpath(s, tree) for s in sources]
    names += ["kernel/pkt.c", "kernel/pool.c", "kernel/timer.c", BENCH, *extra]
    objects = ["build/host/" + n[:-2] + ".o" for n in names]
    call(["make", "-s", "--no-print-directory", "-j2"] + objects, tree)
    os.makedirs(os.path.join(tree, "build", "bench"), exist_ok=True)
    program = os.path.join("build", "bench", name)
    call(["gcc", *flags, "-flto=2", "-flto-partition=one", "-o", program] + objects, tree)
    return os.path.join(tree, program)


def measure(tree, may_fail=False):
    """(instructions for one, whether timestamps were in use) by kind. may_fail: of a tree that may
    not be able to do each kind."""
    program = build(tree)
    result = {}
    for kind, _ in KINDS:
        out = call(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                    "--toggle-collect=measured", program, kind, str(COUNT)], tree, may_fail)
        collected = re.search(r"Collected : (\d+)", out)
        said = re.search(rf"^{kind} (\d+) timestamps (\d)$", out, re.M)
        if may_fail and not said:
            continue
        if not collected or not said or int(collected.group(1)) < COUNT:
            sys.exit(f"bench-echo: callgrind counted nothing:\n{out}")
        result[kind] = int(collected.group(1)) / COUNT, said.group(2) == "1"
    return result


def measure_commit(commit):
    with tempfile.TemporaryDirectory(prefix="bench-echo-") as folder:
        tree = os.path.join(folder, "tree")
        call(["git", "worktree", "add", "--detach", tree, commit], ROOT)
        try:
            os.makedirs(os.path.join(tree, os.path.dirname(BENCH)), exist_ok=True)
            shutil.copy(os.path.join(ROOT, BENCH), os.path.join(tree, BENCH))
            return measure(tree, may_fail=True)
        finally:
            call(["git", "worktree", "remove", "--force", tree], ROOT)


def lines_of(program, kind):
    """(bytes of the block, lines it lies on, those one of a kind touches, those it writes)."""
    at = {}
    for line in call(["nm", "-S", program], ROOT).split("\n"):
        m = re.match(r"([0-9a-f]+) ([0-9a-f]+) t (measured|step|peer_closes|one_\w+)$", line)
        if m:
            at[m.group(3)] = int(m.group(1), 16), int(m.group(2), 16)
    begin = at.pop("measured")[0]
    out = call(["valgrind", "--tool=lackey", "--trace-mem=yes", "--basic-counts=no", program, kind,
                "1"], ROOT)
    block = size = 0
    touched = None  # of the step that is under way, then of the last
    inside = False
    for line in out.split("\n"):
        if m := re.match(r"block (0x[0-9a-f]+) (\d+)$", line):
            block, size = int(m.group(1), 16), int(m.group(2))
        elif m := re.match(r"(I | S| L| M) +([0-9a-f]+),(\d+)$", line):
            what, where, length = m.group(1).strip(), int(m.group(2), 16), int(m.group(3))
            if what == "I" and where == begin:
                touched, inside = {}, True
            elif what == "I" and any(a <= where < a + n for a, n in at.values()):
                inside = False
            elif what != "I" and inside and block <= where < block + size:
                for n in range(where // LINE_BYTES, (where + length - 1) // LINE_BYTES + 1):
                    touched[n] = touched.get(n, False) or what != "L"
    if not touched:
        sys.exit("bench-echo: lackey saw no access to the block")
    count = (block + size - 1) // LINE_BYTES - block // LINE_BYTES + 1
    return size, count, len(touched), sum(touched.values())


def print_lines():
    program = build(ROOT, "lines", ["tests/bench/where.c"], ["-no-pie"])
    for kind, text in KINDS[:2]:
        size, count, touched, written = lines_of(program, kind)
        print(f"{text}: {touched} of the {count} cache lines of a block of {size} bytes, "
              f"{written} of them written")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", metavar="COMMIT", help="the tree to compare with")
    parser.add_argument("--lines", action="store_true", help="cache lines of the control block")
    args = parser.parse_args()
    if shutil.which("valgrind") is None:
        sys.exit("bench-echo: valgrind is not installed: apt-get install valgrind")
    if args.lines:
        print_lines()
        return
    before = measure_commit(args.against) if args.against else None
    now = measure(ROOT)
    for kind, text in KINDS:
        count, timestamps = now[kind]
        line = f"{count:.0f} instructions for {text}"
        line += " with timestamps" if timestamps else ""
        if before is not None and kind not in before:
            line += f"; {args.against} cannot"
        elif before is not None:
            line += (f"; {before[kind][0]:.0f} at {args.against}"
                     f" ({100 * (count / before[kind][0] - 1):+.1f}%)")
        print(line)


if __name__ == "__main__":
    main()
