#!/usr/bin/env python3
"""The static rules of `make check`: what the house style says and a tool can see.

include direction, #if and mutable state in net and drivers, undefined symbols of net and drivers,
length of functions, files and lines, formatting, leftovers, what docs/conformance.md names, and
that every entry of a stack is tried with a late clock; and rooms (tools/rooms.py).
Prints each breach as file:line: what is wrong and what is allowed; exits 1 when there is any.
"""
import os
import re
import shutil
import subprocess
import sys

import rooms
from tree import Tree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 800
COLUMNS_MAX = 100

# Which folders a folder's files may include from, besides their own. Longest prefix wins.
ALLOWED = {
    "boot/": ["boot/"],
    "kernel/": ["kernel/"],
    "kernel/libc/": ["kernel/"],
    "net/": ["kernel/base.h", "kernel/bytes.h", "kernel/list.h", "kernel/arena.h",
             "kernel/pool.h", "kernel/pkt.h", "kernel/timer.h", "net/"],
    # The blocking calls park tasks and write to the console: they stand on the kernel.
    "net/posix/": ["kernel/", "net/"],
    "drivers/": ["kernel/", "drivers/"],
    "arch/context/": ["kernel/", "arch/context/"],
    "arch/x86_64/": ["kernel/", "boot/info/info.h", "arch/context/", "arch/x86_64/"],
    "arch/host/": ["kernel/", "drivers/nic.h", "arch/context/", "arch/host/"],
    "apps/root/": ["kernel/", "net/", "drivers/", "arch/", "boot/info/info.h",
                   "apps/root/", "version.h"],
    "apps/httpd/": ["apps/httpd/", "kernel/include/ringside/", "ringside/"],
    "apps/echo/": ["apps/echo/"],
    "apps/mandel/": ["apps/mandel/"],
    "apps/reflect/": ["apps/root/", "kernel/"],
}
# Symbols that the objects of a part may need from outside of it.
SYMBOLS = {
    "net": r"(pool|pkt|timer|list|arena)_\w+|assert_fail|mem(cpy|set|cmp|move)|strlen|"
           r"__errno_location|rs_errno|__stack_chk_\w+",
    "net/posix": r".*_task_\w+|task_\w+|wait_\w+|wake_\w+|log_write|log_console_write|"
                 r"loop_timers|timer_\w+|str\w+|snprintf|vsnprintf|mem\w+|assert_fail|pkt_\w+|"
                 r"pool_\w+|__errno_location|rs_errno|__stack_chk_\w+|malloc|free",
    "drivers": r"(mmio|dma|pci|irq|time|log|pkt|pool|napi|softirq|loop|timer)_\w+|assert_fail|"
               r"mem(cpy|set|cmp|move)|strlen|__stack_chk_\w+",
}
BANNED = {
    r"\b(strcpy|strcat|sprintf|gets|alloca)\s*\(":
        "unbounded: use a function that is told the size",
    r"\bTODO\b(?!\(#\d+\))|\bFIXME\b|\bXXX\b": "a leftover: finish it, or TODO(#issue)",
}

tree = Tree(ROOT)
problem, tracked, read = tree.problem, tree.tracked, tree.read
objects, nm = tree.objects, tree.nm


def check_includes(path, lines):
    rules = [p for p in ALLOWED if path.startswith(p)]
    if not rules:
        if path.startswith("arch/"):
            problem(path, 1, f"ALLOWED in tools/check.py has no row for {os.path.dirname(path)}/")
        return
    allowed = ALLOWED[max(rules, key=len)]
    for number, line in enumerate(lines, 1):
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not m:
            continue
        target = m.group(1)
        if not any(target == a or (a.endswith("/") and target.startswith(a)) for a in allowed):
            beside = os.path.normpath(os.path.join(os.path.dirname(path), target))
            if os.path.exists(os.path.join(ROOT, beside)) and (
                    "/" not in target or path.startswith("net/include/")):
                continue  # public headers find each other wherever they are installed
            if path.startswith("apps/httpd/") and target == "llhttp.h":
                continue
            problem(path, number,
                    f'includes "{target}"; files here may include {", ".join(allowed)}')


def check_conditionals(path, lines):
    if not path.startswith(("net/", "drivers/")):
        return
    guard = None
    for number, line in enumerate(lines, 1):
        m = re.match(r"\s*#\s*(if|ifdef|ifndef|elif|else)\b\s*(\w*)", line)
        if not m:
            continue
        if path.endswith(".h") and m.group(1) == "ifndef" and guard is None:
            guard = m.group(2)
            continue
        problem(path, number, "conditional compilation: vary by file instead")


def check_functions(path, lines):
    """A function starts at a line that is only '{' and ends at one that is only '}'."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            length = number - start + 1
            if length > FUNCTION_LINES_MAX:
                problem(path, start, f"a function of {length} lines; {FUNCTION_LINES_MAX} at most")
            start = None


def check_text(path, lines):
    if len(lines) - 1 > FILE_LINES_MAX:
        problem(path, len(lines) - 1, f"{len(lines) - 1} lines; {FILE_LINES_MAX} at most")
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX:
            problem(path, number, f"{len(line)} columns; {COLUMNS_MAX} at most")
        if line != line.rstrip():
            problem(path, number, "white space at the end of the line")
        if path == "tools/check.py":
            continue
        for pattern, why in BANNED.items():
            if path.startswith("kernel/libc/") and "unbounded" in why:
                continue  # the library that defines them
            if path.endswith((".c", ".h", ".S")) and re.search(pattern, line):
                problem(path, number, why)
    if path.endswith(".c") and not lines[0].startswith(("/*", "// LINK")):
        problem(path, 1, "no comment that says what the file owns")
    if path.endswith(".h") and path.startswith(("net/", "drivers/", "kernel/", "boot/", "arch/")):
        if not any(line.startswith("#ifndef") for line in lines[:40]):
            problem(path, 1, "no include guard")


def check_format(files):
    tool = shutil.which("clang-format-14") or shutil.which("clang-format")
    if tool is None:
        problem(".clang-format", 1, "clang-format is not installed: make deps-test")
        return
    version = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout
    if " version 14." not in version:
        # Another version breaks lines elsewhere; the verdict would say nothing of the code.
        print(f"check: format not judged: needs clang-format 14, here is {version.strip()}")
        return
    files = list(files)
    done = subprocess.run([tool, "--dry-run", "--Werror"] + files, cwd=ROOT, capture_output=True,
                          text=True)
    first = {}
    for path, line in re.findall(r"^(\S+?):(\d+):\d+: error", done.stderr, re.MULTILINE):
        first.setdefault(path, line)
    for path, line in first.items():
        problem(path, line, "not as clang-format 14 has it")
    if done.returncode != 0 and not first:
        problem(".clang-format", 1, f"clang-format failed: {done.stderr.strip()[:300]}")


def folders(*tops):
    """These and all below them."""
    return sorted({os.path.dirname(f) for f in tracked()
                   if f.startswith(tuple(top + "/" for top in tops))})


def check_symbols(part, where):
    names = objects(where)
    if not names:
        return
    defined, wanted = set(), {}
    for current, kind, symbol in tree.symbols(names):
        if kind == "U":
            wanted.setdefault(symbol, current)
        elif kind in "TRDBV":
            defined.add(symbol)
        if kind in "dDbBC":
            problem(current, 0, f"mutable file-scope state: {symbol} ({kind})")
    inside = re.compile(SYMBOLS[part] + (r"|(net|sock|epoll|tcp|udp|ipv4|csum|siphash)\w*"
                                         if part == "net/posix" else ""))
    for symbol, where in sorted(wanted.items()):
        if symbol not in defined and not inside.fullmatch(symbol):
            problem(where, 0, f"needs {symbol}, which is not on the allow-list of {part}")


FLOAT = "kernel/libc/float"
FLOAT_ALLOWED = {"fninit", "fnclex", "fldcw", "fnstcw", "fnstsw", "fwait"}


def check_float():
    """An interrupt saves the general registers alone, and the kernel's are compiled without others:
    only applications and FLOAT use those of x87 and SSE. Looks at what was compiled; what sets the
    units up and switches their modes has no operand among the registers."""
    parts = ["kernel", "kernel/libc", "apps/root"]
    parts += folders("boot", "arch/context", "arch/x86_64", "drivers", "net")
    names = objects(parts, exclude=("apps/root/host.c",), suffixes=(".c", ".S"))
    out = subprocess.run(["objdump", "-d", "--no-show-raw-insn"] + names, cwd=ROOT,
                         capture_output=True, text=True).stdout
    current = function = ""
    for line in out.split("\n"):
        if m := re.match(r"(\S+):\s+file format", line):
            current = m.group(1)
        elif m := re.match(r"[0-9a-f]+ <(\S+)>:", line):
            function = m.group(1)
        elif m := re.match(r"\s+[0-9a-f]+:\s+(\S+)(.*)", line):
            x87 = m.group(1).startswith("f") and m.group(1) not in FLOAT_ALLOWED
            if x87 or re.search(r"%([xyz]?mm\d|st\b|k\d)", m.group(2)):
                problem(current, 0, f"{function} uses floating-point registers: "
                                    + m.group(0).strip())
    defined = {line.split()[-1] for line in nm(["--defined-only", "-g"], objects([FLOAT])) if line}
    for line in nm(["-A", "-u"], names):
        m = re.match(r"(\S+?):\s+U (\S+)$", line)
        if m and m.group(2) in defined:
            problem(m.group(1), 0, f"calls {m.group(2)} of {FLOAT}, which is for applications")


CONFORMANCE = "docs/conformance.md"
CONFORMANCE_FOLDERS = ((r"test_\w+\.c", "tests/unit/"), (r"test_\w+\.py", "tests/system/"),
                       (r"sim_\w+\.c", "tests/sim/"), (r"fuzz_\w+\.c", "tests/fuzz/"),
                       (r".+\.ps", "tests/scripts/"), (r"[\w/]+\.[ch]", "net/"))


def conformance_reference(number, text):
    """A file, or a file and a function in it, as a row has it in back quotes. True for a test."""
    name, _, function = text.partition(":")
    folder = next((f for pattern, f in CONFORMANCE_FOLDERS if re.fullmatch(pattern, name)), None)
    if folder is None:
        return False  # a word of C, not a place
    path = folder + name
    if not os.path.exists(os.path.join(ROOT, path)):
        problem(CONFORMANCE, number, f"names {path}, which does not exist")
    elif function and not re.search(rf"(?:^|\W){function}\(", "\n".join(read(path))):
        problem(CONFORMANCE, number, f"names {function} in {path}, which has no such function")
    return folder.startswith("tests/")


def check_conformance():
    """Each row: a requirement, code that exists, and a test that exists or a reason."""
    seen = set()
    for number, line in enumerate(read(CONFORMANCE), 1):
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 2 and "`" in cells[1]:  # assertions
            if not any([conformance_reference(number, t)
                        for t in re.findall(r"`([^`]+)`", cells[1])]):
                problem(CONFORMANCE, number, "an assertion that names no test")
            continue
        if not line.startswith("|") or len(cells) != 4 or cells[0] in ("", "---", "section"):
            continue
        if cells[0].endswith(".ps`"):  # the table of what Linux does
            continue
        seen.add(cells[0])
        for text in re.findall(r"`([^`]+)`", cells[2]):
            conformance_reference(number, text)
        tests = [conformance_reference(number, t) for t in re.findall(r"`([^`]+)`", cells[3])]
        reason = re.search(r"\b(n/a|declined|not done|differs): \w", cells[3])
        if not any(tests) and not reason:
            problem(CONFORMANCE, number,
                    "names no test, and none of n/a:, declined:, not done:, differs:")
        if not re.search(r"`[\w/]+\.[ch](:\w+)?`", cells[2]):
            problem(CONFORMANCE, number, "names no code")
    numbered = [f"MUST-{i}" for i in range(1, 70)] + [f"SHLD-{i}" for i in range(1, 32)]
    for name in numbered:
        if name not in seen:
            problem(CONFORMANCE, 1, f"{name} of RFC 9293 is missing")


def check_clock():
    """Every entry of a stack takes the time last, or the test shows that it needs none."""
    test = "tests/unit/test_sock_clock.c"
    told = "\n".join(read(test))
    for path in ("net/net.h", "net/sock/sock.h", "net/sock/epoll.h"):
        text = "\n".join(read(path))
        for m in re.finditer(r"^\w[\w \*]*?(\w+)\(struct net \*n\b([^;]*)\)", text, re.M):
            number = text.count("\n", 0, m.start()) + 1
            if not re.search(r"\b" + m.group(1) + r"\b", told):
                problem(path, number, f"{m.group(1)}: an entry that {test} does not go through")


BLOCK = "net/tcp/block/cb.h"
# Which tests know how struct tcp_cb and struct tcp are laid out, and why they do.
INSIDE = {
    "tests/unit/tcp_see.h": "what every other test sees and sets up goes through it",
    "tests/unit/tcp_check.c": "the invariants are of every member of every block",
    "tests/sim/account.c": "counts the buffers in each queue one by one",
    "tests/bench/where.c": "tells which bytes of memory the block is",
}


def layout_breaches(path, lines, block):
    """[(line, text)] where a test reaches into a connection, past INSIDE. block: BLOCK's text."""
    if not path.startswith("tests/") or not path.endswith((".c", ".h")) or path in INSIDE:
        return []
    parts = re.search(r"^struct tcp_cb \{\n(.*?)^\};", block, re.M | re.S).group(1)
    parts = "|".join(re.findall(r"^ +(?:TCP_PART\(\w+\) )?struct tcp_(?!node)\w+ (\w+);", parts,
                                re.M))
    # Pointers to a block: those this file declares, and the fixture's connection and listener. A
    # record of half-open or TIME-WAIT has a tcp_node, too.
    names = "|".join(re.findall(r"struct tcp_cb \*(?:const )?(\w+)\b(?!\()", "\n".join(lines)) +
                     [r"tt(?:\.|->)t", r"tt(?:\.|->)listener"])
    inside = re.compile(rf"\b(?:{names})->\w+|->(?:{parts}|tcp)\.\w+|&\w+(?:->\w+)*->tcp\b")
    return [(number, m.group(0)) for number, line in enumerate(lines, 1)
            for m in [inside.search(line)] if m]


def check_layout(files):
    """So that the layout of a connection can change without the tests."""
    block = "\n".join(read(BLOCK))
    for path in files:
        for number, text in layout_breaches(path, read(path), block):
            problem(path, number, f"{text} is the inside of a connection: "
                                  "by way of tests/unit/tcp_see.h")
    for path in INSIDE:
        if path not in files:
            problem("tools/check.py", 1, f"INSIDE names {path}, which does not exist")


def main():
    files = tracked()
    sources = [f for f in files if f.endswith((".c", ".h"))]
    for path in files:
        if not path.endswith((".c", ".h", ".S", ".py", ".sh")):
            continue
        lines = read(path)
        check_text(path, lines)
        if path in sources:
            check_includes(path, lines)
            check_conditionals(path, lines)
            check_functions(path, lines)
    check_conformance()
    check_clock()
    check_layout(sources)
    check_format(sources)
    check_symbols("net", [f for f in folders("net") if f != "net/posix"])
    check_symbols("net/posix", ["net/posix"])
    check_symbols("drivers", folders("drivers"))
    check_float()
    rooms.check(tree, rooms.THE_RULES, rooms.ENFORCED)
    for text in tree.problems:
        print(text)
    print(f"check: {len(files)} files, {len(tree.problems)} problems")
    return 1 if tree.problems else 0


if __name__ == "__main__":
    sys.exit(main())
