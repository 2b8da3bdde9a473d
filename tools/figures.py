#!/usr/bin/env python3
"""`make figures`: what the stack and one HTTP request cost in instructions, counted by callgrind.

The stack alone (tests/bench/echo.c): an established 64-byte echo, a pure ACK, a whole connection,
a SYN of a flood, a SYN to a closed port. All of the hosted program over a machine of memory
(tests/bench/request.c): one keep-alive request, with 8 requests in the device each time it is
looked at, and that by layer; and one alone, on one connection.

It writes build/bench/figures.json, a name and a number each. With --write they become the stored
ones of this compiler (tests/bench/figures.json), with --check they are held against them: exit code
1 when one has risen by more than RISE_PERCENT, SKIPPED where nothing can be said.

With --lines it says instead which cache lines of the connection's control block an echo and an ACK
read and write (lackey traces every access). With --against COMMIT the stack alone is also built
of that commit, in a work tree of its own below a temporary folder, and both counts are printed side
by side. Instructions are of one compiler and one libc: the counts compare trees, not machines.
"""
import argparse
import collections
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
STORED = "tests/bench/figures.json"
WRITTEN = "build/bench/figures.json"
BENCH = ["tests/bench/echo.c", "tests/bench/peer.c", "tests/bench/peer.h"]
COUNT = 1000
TIMEOUT_S = 600
LINE_BYTES = 64
RISE_PERCENT = 2
SKIPPED = 77  # exit code, as automake's
KINDS = (("echo", "an established 64-byte echo"), ("ack", "a pure ACK"),
         ("cycle", "a connect-request-close"), ("syn", "a SYN of a flood"),
         ("closed", "a SYN to a closed port"))
# (name, requests in the device when it is looked at, connections, microseconds from batch to batch,
# text). With 64 connections of wrk a busy host lets QEMU and wrk take turns, and a batch is up to
# all 64; where each has a core it is a few. With 8 the turn of the loop, which they share, still is
# in the figure. The times are those of a machine at that load.
REQUESTS = (("request", 8, 64, 140, "a keep-alive HTTP request, 8 at a time on 64 connections"),
            ("request_alone", 1, 1, 150, "the same on one connection, one at a time"))
# libc chooses its copies by the processor. These take the choice away, so that the counts are of
# the compiler and of libc alone; names that a version does not know it passes over.
CHOICES = ("AVX", "AVX2", "AVX512F", "AVX512VL", "AVX512BW", "BMI1", "BMI2", "ERMS", "FSRM", "RTM",
           "SSE4_1", "SSE4_2", "SSSE3", "MOVBE", "LZCNT", "POPCNT")
TUNABLES = "glibc.cpu.hwcaps=" + ",".join(f"-{word},-{word}_Usable" for word in CHOICES)

# The layer of a file, the first that fits. None: of the one that it was inlined into.
LAYERS = (
    (r"kernel/(base|bytes|list|arena|platform)\.h|net/core/[\w/]*\.h", None),
    (r"arch/|tests/bench/", "platform"),
    (r"(.*/)?llhttp/", "llhttp"),
    (r"apps/root/|drivers/", "netdev"),
    (r"apps/", "httpd"),
    (r"net/wire/csum|kernel/(pkt|pool|timer)", "packets"),
    (r"net/(tcp/|wire/(tcp|seq))", "tcp"),
    (r"net/udp/|net/(ip|link|wire|core)/|net/\w+\.[ch]", "ip"),
    (r"net/posix/|net/include/", "posix"),
    (r"net/sock/", "sockets"),
    (r"kernel/", "loop"),
)
LAYER_TEXTS = {
    "tcp": "TCP", "ip": "IP, Ethernet, ARP", "packets": "packets, pools, timers, checksums",
    "sockets": "sockets and epoll", "posix": "POSIX calls", "loop": "loop, softirqs, tasks",
    "netdev": "netdev, and how it is joined to the stack", "platform": "clock, stacks, device",
    "httpd": "httpd", "llhttp": "llhttp", "libc": "libc: copies, comparisons, searches",
    "other": "anything else"}


def call(command, cwd, may_fail=False):
    env = dict(os.environ, GLIBC_TUNABLES=TUNABLES)
    if "MAKEFLAGS" in env:  # as `make figures` was called, but an older Makefile does not know it
        env["MAKEFLAGS"] = re.sub(r"\bWRITE=\S*", "", env["MAKEFLAGS"])
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_S,
                          env=env)
    if done.returncode != 0 and not may_fail:
        sys.exit(f"figures: {' '.join(command[:6])} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def build(tree, name):
    """A benchmark of a tree, from the objects of its own hosted build."""
    program = os.path.join("build", "bench", name)
    call(["make", "-s", "--no-print-directory", "-j2", "APP=apps/httpd", program], tree)
    return os.path.join(tree, program)


# ---- the stack alone ---------------------------------------------------------------------------
def measure_stack(tree, may_fail=False):
    """(instructions for one, whether timestamps were in use) by kind. may_fail: of a tree that may
    not be able to do each kind."""
    program = build(tree, "echo")
    result = {}
    for kind, _ in KINDS:
        out = call(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                    "--toggle-collect=measured*", program, kind, str(COUNT)], tree, may_fail)
        collected = re.search(r"Collected : (\d+)", out)
        said = re.search(rf"^{kind} (\d+) timestamps (\d)$", out, re.M)
        if may_fail and not said:
            continue
        if not collected or not said or int(collected.group(1)) < COUNT:
            sys.exit(f"figures: callgrind counted nothing:\n{out}")
        result[kind] = int(collected.group(1)) / COUNT, said.group(2) == "1"
    return result


def measure_commit(commit):
    """The same at a commit. Its objects are made by its own Makefile with its own flags; of ours
    are the benchmark and the rule that links it."""
    with tempfile.TemporaryDirectory(prefix="figures-") as folder:
        tree = os.path.join(folder, "tree")
        call(["git", "worktree", "add", "--detach", tree, commit], ROOT)
        try:
            os.makedirs(os.path.join(tree, "tests", "bench"), exist_ok=True)
            for name in BENCH:
                shutil.copy(os.path.join(ROOT, name), os.path.join(tree, name))
            with open(os.path.join(tree, "Makefile"), "a", encoding="utf-8") as makefile:
                makefile.write(
                    "\n.PHONY: their-echo\n"
                    "their-echo: $(call objs,host,tests/bench/echo.c tests/bench/peer.c "
                    "kernel/pkt.c kernel/pool.c kernel/timer.c "
                    "$(filter-out net/posix/%,$(NET_SRC)))\n"
                    "\tmkdir -p build/bench && $(HOSTCC) $(HOST_EXTRA) $(if $(LTO),$(ONE)) "
                    "-o build/bench/echo $^\n")
            call(["make", "-s", "--no-print-directory", "-j2", "their-echo"], tree)
            return measure_stack(tree, may_fail=True)
        finally:
            call(["git", "worktree", "remove", "--force", tree], ROOT)


# ---- a request by layer ------------------------------------------------------------------------
@functools.cache
def in_tree(path):
    """A path as the tree has it: a compiler that optimises at link time tells whole ones, those of
    another tree even when a cache has the object from there."""
    parts = os.path.normpath(path).split(os.sep)
    ends = (os.path.join(*parts[i:]) for i in range(len(parts)))
    return next((end for end in ends if not os.path.isabs(end)
                 and os.path.isfile(os.path.join(ROOT, end))), path)


def layer_of_file(path):
    """(whether the file has a layer of its own, which)."""
    path = in_tree(path)
    for pattern, layer in LAYERS:
        if re.match(pattern, path):
            return layer is not None, layer
    return True, "other"


def layer_of(obj, path, own_path, function):
    """The layer of a line of code: that of the file it is written in, also where it was inlined
    into a function of another file, own_path; but for the small change of the kernel's common
    headers, which is of the function around it. libc is known by its object, and llhttp that came
    compiled, without the names of files, by its functions."""
    if re.search(r"/(libc|ld-linux)[\w.-]*\.so", obj):
        return "libc"
    if function.startswith("llhttp_"):
        return "llhttp"
    known, layer = layer_of_file(path)
    if not known:
        known, layer = layer_of_file(own_path)
    return layer if known else "packets"


def sum_layers(text):
    """Instructions by layer, and of all of them, of what callgrind has written (its manual,
    "Callgrind Format Specification"): cost lines below the names of object, function and file (fl),
    with other files in between where code of theirs was inlined (fi, fe). A name is told once, with
    a number that stands for it from then on. Below a call stands what it cost inside: not ours."""
    names = collections.defaultdict(dict)
    kinds = {"ob": "ob", "cob": "ob", "fl": "fl", "fi": "fl", "fe": "fl", "cfi": "fl", "cfl": "fl",
             "fn": "fn", "cfn": "fn"}
    now = {"ob": "", "fl": "", "fi": "", "fn": ""}
    layers = collections.Counter()
    after_call = False
    for line in text.split("\n"):
        if m := re.match(r"(c?ob|fl|c?f[ie]|cfl|c?fn)=\((\d+)\)(?: (.*))?$", line):
            key, number, name = m.groups()
            table = names[kinds[key]]
            if name is not None:
                table[number] = name
            if key in ("fl", "fi", "fe"):
                now["fi"] = table[number]
            if key in ("ob", "fl", "fn"):
                now[key] = table[number]
        elif line.startswith("calls="):
            after_call = True
        elif m := re.match(r"(?:\+\d+|-\d+|\*|\d+) (\d+)$", line):
            if not after_call:
                layers[layer_of(now["ob"], now["fi"], now["fl"], now["fn"])] += int(m.group(1))
            after_call = False
        elif m := re.match(r"(?:totals|summary): (\d+)$", line):
            total = int(m.group(1))
    if sum(layers.values()) != total:
        sys.exit(f"figures: callgrind counted {total}, its lines are {sum(layers.values())}")
    return layers, total


def measure_request(name, *sizes):
    """The figures of a request: as a whole and, of the first, by layer."""
    program = build(ROOT, "request")
    out_path = os.path.join(ROOT, "build", "bench", name + ".callgrind")
    out = call(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out_path}",
                "--collect-atstart=no", program, str(COUNT), *map(str, sizes)], ROOT)
    said = re.search(r"^request (\d+) timestamps 1$", out, re.M)
    if not said:
        sys.exit(f"figures: no request was counted:\n{out}")
    count = int(said.group(1))
    with open(out_path, encoding="utf-8") as f:
        layers, total = sum_layers(f.read())
    figures = {name: total / count}
    if name == REQUESTS[0][0]:
        figures.update({f"{name}.{layer}": layers[layer] / count for layer in LAYER_TEXTS
                        if layers[layer] > 0})
    return figures


def measure():
    """(all figures, the kinds that had timestamps)."""
    stack = measure_stack(ROOT)
    figures = {kind: count for kind, (count, _) in stack.items()}
    for name, *sizes, _ in REQUESTS:
        figures.update(measure_request(name, *sizes))
    return ({name: round(count) for name, count in figures.items()},
            [kind for kind, (_, timestamps) in stack.items() if timestamps])


# ---- stored figures ----------------------------------------------------------------------------
def compiler():
    """What figures are of: the compiler, and the system whose libc is counted with."""
    release = {}
    try:
        with open("/etc/os-release", encoding="utf-8") as f:
            release = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', f.read(), re.M))
    except OSError:
        pass
    version = call(["gcc", "-dumpfullversion"], ROOT).strip()
    return f"gcc {version}, {release.get('ID', 'unknown')} {release.get('VERSION_ID', '')}".strip()


def read_stored(path):
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return {}


def write_json(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump(value, f, indent=1)
        f.write("\n")
    os.replace(path + ".new", path)


def allowed(name, stored):
    """The most that a figure may be. A part of a request may rise by so much of the whole: work
    that moves from one layer to another is no loss."""
    return stored[name] + stored.get(name.split(".")[0], stored[name]) * RISE_PERCENT / 100


def judge(stored, now):
    """What is wrong with the figures measured, held against those stored: a line each."""
    wrong = []
    for name, before in stored.items():
        if name not in now:
            if "." not in name:
                wrong.append(f"{name}: is not measured any more; it was {before}")
        elif now[name] > allowed(name, stored):
            wrong.append(f"{name}: {now[name]} instructions, {now[name] - before} more than the "
                         f"{before} stored ({100 * (now[name] / max(before, 1) - 1):+.1f}%)")
    return wrong


def check(path, key, now):
    """Holds figures against the stored ones of a compiler; the exit code."""
    stored = read_stored(path)
    if key not in stored:
        print(f"SKIPPED: no figures are stored for {key}; there are those of "
              + (" and ".join(f"({k})" for k in stored) or "none"))
        return SKIPPED
    wrong = judge(stored[key], now)
    for line in wrong:
        print(f"FAILED {line}")
    if wrong:
        print(f"At most {RISE_PERCENT}% are let pass. If the rise is meant, `make figures WRITE=1` "
              "stores it, and the commit says why.")
    print(f"{len(stored[key]) - len(wrong)} held, {len(wrong)} risen, against those of {key}")
    return 1 if wrong else 0


# ---- cache lines -------------------------------------------------------------------------------
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
        sys.exit("figures: lackey saw no access to the block")
    count = (block + size - 1) // LINE_BYTES - block // LINE_BYTES + 1
    return size, count, len(touched), sum(touched.values())


def print_lines():
    program = build(ROOT, "lines")
    for kind, text in KINDS[:2]:
        size, count, touched, written = lines_of(program, kind)
        print(f"{text}: {touched} of the {count} cache lines of a block of {size} bytes, "
              f"{written} of them written")


# ---- the command -------------------------------------------------------------------------------
def print_figures(now, timestamps, before, commit):
    for name, text in [*KINDS, *((r[0], r[-1]) for r in REQUESTS)]:
        line = f"{now[name]} instructions for {text}"
        line += " with timestamps" if name in timestamps else ""
        if before is not None and name in before:
            line += (f"; {before[name][0]:.0f} at {commit}"
                     f" ({100 * (now[name] / before[name][0] - 1):+.1f}%)")
        elif before is not None:
            line += f"; {commit} cannot"
        print(line)
        for layer, of_layer in LAYER_TEXTS.items():
            if f"{name}.{layer}" in now:
                print(f"    {now[f'{name}.{layer}']:6} {of_layer}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", metavar="COMMIT", help="the tree to compare with")
    parser.add_argument("--lines", action="store_true", help="cache lines of the control block")
    parser.add_argument("--write", action="store_true", help="store the figures of this compiler")
    parser.add_argument("--check", action="store_true", help="hold them against the stored ones")
    args = parser.parse_args()
    if shutil.which("valgrind") is None:
        print(("SKIPPED: " if args.check else "figures: ")
              + "valgrind is not installed: apt-get install valgrind")
        return SKIPPED if args.check else 1
    if args.lines:
        print_lines()
        return 0
    key, stored = compiler(), os.path.join(ROOT, STORED)
    before = measure_commit(args.against) if args.against else None
    now, timestamps = measure()
    write_json(os.path.join(ROOT, WRITTEN), now)
    print_figures(now, timestamps, before, args.against)
    if args.write:
        write_json(stored, dict(sorted({**read_stored(stored), key: now}.items())))
        print(f"stored in {STORED} as those of {key}")
    return check(stored, key, now) if args.check else 0


if __name__ == "__main__":
    sys.exit(main())
