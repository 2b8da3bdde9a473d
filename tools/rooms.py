#!/usr/bin/env python3
"""Rooms: which folder's code may use which, and who writes what. A part of `make check`.

Holds the folders against the tables below: what files include, what objects use of each other, that
no files use each other in a circle, that a part of a connection or a stack is written by its own
room alone, that docs/map.md tells the same, and that what it and PAGES name exists. Prints each
breach as file:line: what is wrong, and exits 1 when there is any; with --table it prints rooms,
arrows and circles instead.
"""
import collections
import concurrent.futures
import os
import re
import subprocess
import sys

from tree import Tree

# A room: the rooms of its area that it may use besides itself, all of which stand before it in the
# table (ABOVE: all of those); the headers that others may include (ANY: all it has); what it holds.
# A file belongs to the room with the longest name that its path begins with. A room may be a file.
Room = collections.namedtuple("Room", "uses public holds")
ABOVE = ("*",)
ANY = ("*",)


def x86(names):
    return tuple("arch/x86_64/" + name for name in names.split())


ROOMS = {
    "net": {
        "net/include": Room((), ANY, "the headers of POSIX, as they are installed"),
        "net/core": Room((), ANY, "random numbers, readiness, counters, limits, packets to send"),
        "net/wire": Room((), ANY, "codecs, checksums, sequence numbers: bytes and nothing else"),
        "net/bpf": Room(("net/core",), ("bpf.h",), "classic BPF, and filters of packets in words"),
        "net/link": Room(("net/core", "net/wire"), ("eth.h", "arp.h", "acd.h", "iface.h"),
                         "Ethernet, ARP, address conflicts, the interface's own address"),
        "net/ip": Room(("net/core", "net/wire", "net/link"),
                       ("ipv4.h", "icmp.h", "pmtu.h", "reass.h", "way.h"),
                       "IP in and out, fragments, ICMP, path MTUs"),
        "net/gro": Room(("net/core", "net/wire", "net/link", "net/ip"), ("gro.h",),
                        "of a batch of frames, the runs of segments of one flow"),
        "net/udp": Room(("net/core", "net/wire", "net/link", "net/ip"), ("udp.h",), "UDP"),
        "net/tcp/block": Room(("net/core", "net/wire"), ANY,
                              "the layout of a connection, the table of 4-tuples, ports, ISS"),
        "net/tcp/cc": Room(("net/tcp/block",), ("cc.h", "cubic.h", "ecn.h"),
                           "congestion control: NewReno, CUBIC, HyStart++, ECN"),
        "net/tcp/loss": Room(("net/tcp/block", "net/tcp/cc"), ("loss.h",),
                             "what is lost: round trip, RACK, scoreboard, recovery, undo"),
        "net/tcp/recv": Room(("net/core", "net/tcp/block"), ("recv.h",),
                             "checks, queue, out of order, window, timestamps, what our ACKs tell"),
        "net/tcp/send": Room(("net/core", "net/wire", "net/ip", "net/tcp/block", "net/tcp/cc",
                              "net/tcp/loss", "net/tcp/recv"), ("send.h",),
                             "the queue, segments and their size, retransmission"),
        "net/tcp/life": Room(("net/tcp/block", "net/tcp/cc", "net/tcp/loss", "net/tcp/recv",
                              "net/tcp/send"), ("life.h",),
                             "new, established, ended, TIME-WAIT, who gives way under pressure"),
        "net/tcp/open": Room(("net/core", "net/ip", "net/tcp/block", "net/tcp/cc", "net/tcp/recv",
                              "net/tcp/send", "net/tcp/life"), ("open.h",),
                             "listeners, half-open records, cookies, SYN-SENT"),
        "net/tcp": Room(("net/core", "net/wire", "net/link", "net/ip", "net/tcp/block",
                         "net/tcp/cc", "net/tcp/loss", "net/tcp/recv", "net/tcp/send",
                         "net/tcp/life", "net/tcp/open"), ("tcp.h",),
                        "input, acknowledgements, output, timers, the owner's calls"),
        "net/dhcp": Room(("net/core", "net/wire", "net/link", "net/ip", "net/udp"), ("dhcp.h",),
                         "the DHCP client"),
        "net/sock": Room(("net/core", "net/udp", "net/tcp"), ("sock.h", "epoll.h", "table.h"),
                         "descriptors and epoll"),
        "net": Room(ABOVE, ("net.h", "parts.h", "stack.h"),
                    "composes all of them: struct net, and what drives it"),
        "net/tap": Room(("net/core", "net/wire", "net/bpf", "net"), ANY,
                        "who sees every frame at a stack's edge; captures, pcapng"),
        "net/posix": Room(("net/include", "net/core", "net/udp", "net/tcp", "net/sock", "net"),
                          ("env.h",), "the calls of POSIX that wait"),
    },
    "kernel": {
        "kernel": Room((), ANY, "tasks, the loop, timers, packets, pools, libc"),
    },
    "boot": {
        "boot/info": Room((), ("info.h",), "from the boot loader's words to struct boot_info"),
        "boot": Room(ABOVE, (), "multiboot headers, the way to 64 bits"),
    },
    "drivers": {
        "drivers": Room((), ANY, "what a network controller is; between a device and a stack"),
        "drivers/e1000": Room(ABOVE, ("e1000.h", "selftest.h"), "Intel's network controllers"),
    },
    "arch/x86_64": {
        "arch/x86_64/cpu": Room((), ("canary.h", "cpu.h", "gdt.h", "vectors.h"),
                                "descriptor tables, vectors, threads' blocks"),
        "arch/x86_64/mm": Room(x86("cpu"), ("memory.h", "paging.h", "selfcheck.h"),
                               "RAM, page tables, registers mapped"),
        "arch/x86_64/console": Room(x86("cpu mm"), ("console.h", "framebuffer.h"),
                                    "serial line, VGA text, framebuffer"),
        "arch/x86_64/trap": Room(x86("cpu mm console"), ("trap.h",),
                                 "exceptions, their report, backtraces"),
        "arch/x86_64/acpi": Room(x86("cpu mm"), ("acpi.h",), "ACPI's tables, decoded"),
        "arch/x86_64/apic": Room(x86("cpu mm acpi"), ("apic.h", "ioapic.h"),
                                 "local APIC, IOAPICs, the 8259 switched off"),
        "arch/x86_64/time": Room(x86("cpu mm acpi apic"), ("clock.h", "timer.h"),
                                 "the clock and what it is measured by, the timer"),
        "arch/x86_64/entropy": Room(x86("cpu time"), ("entropy.h",), "random seeds"),
        "arch/x86_64/pci": Room(x86("cpu mm acpi time"), ("config.h", "iommu.h"),
                                "configuration space, the bus, IOMMUs"),
        "arch/x86_64/irq": Room(x86("cpu mm acpi apic time pci"), ("irq.h",),
                                "ways to interrupt: MSI-X, MSI, INTx, polling"),
        "arch/x86_64/power": Room(x86("cpu mm console acpi apic time pci irq"), ("power.h",),
                                  "reset, power off, the button"),
        "arch/x86_64": Room(ABOVE, ("arch.h",), "the order in which a machine is started"),
    },
    "apps/httpd": {
        "apps/httpd": Room((), ANY, "the HTTP server"),
    },
}
# Rooms whose headers are as their standard has them: some do not stand by themselves.
INSTALLED = ("net/include",)
# What is enforced by `make check`: areas, and MAP for the pages. The others are only reported.
MAP = "docs/map.md"
# Other pages whose files and functions are to be there, held with MAP.
PAGES = ("docs/connection.md", "docs/extending.md")
ENFORCED = ("net", "kernel", "boot", "drivers", "arch/x86_64", "apps/httpd", MAP)

# Headers of one room that put together what all rooms of the area have: any of these may include
# them, and they may include any header.
COMPOSITE = {
    "net/stack.h": "struct net holds each room's part; every function is told its struct net",
}

# Files that use each other in a circle, and what forces that: none does.
Circle = collections.namedtuple("Circle", "files reason")
CIRCLES = ()
# What everything may use, and makes no circle.
EVERYWHERE = {"assert_fail": "it does not return: what it goes on to use is not its caller's"}

# Where objects are, when it is not build/metal/FOLDER; which files of an area are not of the metal.
OBJECTS = {"apps/httpd/": "build/metal/app/httpd/"}
NOT_METAL = ("apps/httpd/linux_", "arch/x86_64/linker")

# Members marked in the headers `data` with a macro, which `header` defines as nothing. Each is
# written by the rooms that owners names for its mark alone ("net/tcp/*": the room and those below
# it). With a mark that hides, a room sees only what rooms it may use own.
#     TCP_PART(recv) struct tcp_receiver rcv;     struct pkt *TCP_PART(open) early;
#     NET_PART(tcp, struct tcp tcp);
Parts = collections.namedtuple("Parts", "header data hides owners")
PARTS = {
    "TCP_PART": Parts("net/tcp/block/parts.h", ("net/tcp/block/cb.h",), False, {
        "block": ("net/tcp/block",),
        "cc": ("net/tcp/cc",),
        "loss": ("net/tcp/loss",),
        "recv": ("net/tcp/recv",),
        "send": ("net/tcp/send",),
        "life": ("net/tcp/life",),
        "open": ("net/tcp/open",),
        "tcp": ("net/tcp", "net/tcp/block"),
    }),
    "NET_PART": Parts("net/parts.h", ("net/stack.h",), True, {
        "link": ("net/link",),
        "ip": ("net/ip",),
        "udp": ("net/udp",),
        "tcp": ("net/tcp/*",),
        "dhcp": ("net/dhcp",),
        "sock": ("net/sock",),
    }),
}

# ---- the engine: nothing below knows a room by name --------------------------------------------
JOBS = 2
DEFINES = "build/rooms"
Rules = collections.namedtuple("Rules", "rooms composite circles everywhere parts map_page "
                                        "installed objects not_metal pages", defaults=((),))
THE_RULES = Rules(ROOMS, COMPOSITE, CIRCLES, EVERYWHERE, PARTS, MAP, INSTALLED, OBJECTS, NOT_METAL,
                  PAGES)


def inside(path, folder):
    return path == folder or path.startswith(folder + "/")


def area_of(rules, path):
    return max((a for a in rules.rooms if inside(path, a)), key=len, default=None)


def room_of(rooms, path):
    return max((r for r in rooms if inside(path, r)), key=len, default=None)


def uses(rooms, room):
    """The rooms that room may use besides itself."""
    before = list(rooms)[:list(rooms).index(room)]
    return before if rooms[room].uses == ABOVE else rooms[room].uses


def check_table(tree, rules):
    """A room names rooms that stand before it: so the table itself has no circle."""
    for area, rooms in rules.rooms.items():
        for at, room in enumerate(rooms):
            for other in uses(rooms, room):
                if other not in list(rooms)[:at]:
                    tree.problem("tools/rooms.py", 1, f"{area}: {room} may use {other}, which does "
                                                      "not stand before it")


def check_folders(tree, rules, area):
    """A folder inside of a room that holds rooms is one, too: it says what it may use."""
    rooms, told = rules.rooms[area], set()
    for path in sources(tree, rules, area, (".c", ".h", ".S")):
        room, folder = room_of(rooms, path), os.path.dirname(path)
        if any(other != room and inside(other, room) for other in rooms) and \
                folder != room and folder not in told:
            told.add(folder)
            tree.problem(path, 1, f"{folder}/ is no room in tools/rooms.py, as all in {room}/ are")


def check_named(tree, rules, area):
    """What the tables name is there: rooms with files, headers, owners."""
    rooms = rules.rooms[area]
    full = {room_of(rooms, f) for f in sources(tree, rules, area, (".c", ".h", ".S"))}
    for room in rooms:
        if room not in full:
            tree.problem("tools/rooms.py", 1, f"{room} holds no file")
        for header in () if rooms[room].public == ANY else rooms[room].public:
            if not tree.exists(os.path.join(room, header)):
                tree.problem("tools/rooms.py", 1, f"{header} is to be public in {room}, which has "
                                                  "no such header")
    for header in rules.composite:
        if area_of(rules, header) == area and not tree.exists(header):
            tree.problem("tools/rooms.py", 1, f"COMPOSITE names {header}, which does not exist")
    for macro, parts in rules.parts.items():
        for owner in sum(parts.owners.values(), ()) if inside(parts.header, area) else ():
            if owner.removesuffix("/*") not in rooms:
                tree.problem("tools/rooms.py", 1, f"{owner} owns parts by {macro}, and is no room")


def sources(tree, rules, area, suffixes):
    return [f for f in tree.tracked() if f.endswith(suffixes) and area_of(rules, f) == area]


# ---- includes ----------------------------------------------------------------------------------
def resolve(tree, path, target):
    beside = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return beside if not tree.exists(target) and tree.exists(beside) else target


def includes(tree, rules, area):
    """(file, line, header) of each header of the area that a file of the area includes."""
    for path in sources(tree, rules, area, (".c", ".h", ".S")):
        for number, line in enumerate(tree.read(path), 1):
            if m := re.match(r'\s*#\s*include\s+"([^"]+)"', line):
                target = resolve(tree, path, m.group(1))
                if area_of(rules, target) == area:
                    yield path, number, target


def is_public(rooms, room, header):
    return rooms[room].public == ANY or os.path.relpath(header, room) in rooms[room].public


def may(names):
    return ", ".join(names) or "no other room"


def check_includes(tree, rules, area):
    rooms = rules.rooms[area]
    for path, number, target in includes(tree, rules, area):
        mine, theirs = room_of(rooms, path), room_of(rooms, target)
        if mine == theirs or path in rules.composite or target in rules.composite:
            continue
        if theirs not in uses(rooms, mine):
            tree.problem(path, number, f'includes "{target}" of {theirs}; {mine} may use '
                                       + may(uses(rooms, mine)))
        elif not is_public(rooms, theirs, target):
            tree.problem(path, number, f'includes "{target}", which is private to {theirs}; others '
                                       f"may include its {may(rooms[theirs].public)}")


def check_from_outside(tree, rules, area):
    """Of an area's headers, the rest of the project includes public ones; tests look inside."""
    rooms = rules.rooms[area]
    for path in tree.tracked():
        if not path.endswith((".c", ".h")) or path.startswith("tests/") or inside(path, area):
            continue
        for number, line in enumerate(tree.read(path), 1):
            m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            target = m.group(1) if m else ""
            if area_of(rules, target) != area or not tree.exists(target):
                continue
            room = room_of(rooms, target)
            if target in rules.composite or not is_public(rooms, room, target):
                tree.problem(path, number, f'includes "{target}", which is private to {area}/; '
                                           f"public in {room} are {may(rooms[room].public)}")


# ---- symbols and circles -----------------------------------------------------------------------
def object_of(rules, source):
    for folder, objects in rules.objects.items():
        if source.startswith(folder):
            return objects + source[len(folder):-2] + ".o"
    return f"build/metal/{source[:-2]}.o"


def metal(tree, rules, area):
    return [f for f in sources(tree, rules, area, (".c", ".S"))
            if not f.startswith(rules.not_metal)]


def build(tree, rules, areas):
    """True when all objects are there; one make for all of them."""
    return tree.build([object_of(rules, f) for a in areas for f in metal(tree, rules, a)])


def arrows(tree, rules, area):
    """{file: {file it uses: the symbols it uses}}, both of the area."""
    source_of = {object_of(rules, f): f for f in metal(tree, rules, area)}
    defined, wanted = {}, []
    for name, kind, symbol in tree.symbols(list(source_of)) if source_of else []:
        if kind in "Uwv":
            wanted.append((source_of[name], symbol))
        elif kind.isupper():
            defined[symbol] = source_of[name]
    graph = {f: {} for f in source_of.values()}
    for user, symbol in wanted:
        if defined.get(symbol, user) != user and symbol not in rules.everywhere:
            graph[user].setdefault(defined[symbol], []).append(symbol)
    return graph


def line_of(tree, path, symbol):
    for number, line in enumerate(tree.read(path), 1):
        if re.search(rf"\b{re.escape(symbol)}\b", line) and not line.startswith((" *", "/*")):
            return number
    return 1  # by way of a header's inline function, or a macro


def check_symbols(tree, rules, area, graph):
    rooms = rules.rooms[area]
    for user, used in graph.items():
        mine = room_of(rooms, user)
        for path, symbols in used.items():
            theirs = room_of(rooms, path)
            if theirs == mine or theirs in uses(rooms, mine):
                continue
            for symbol in symbols:
                tree.problem(user, line_of(tree, user, symbol),
                             f"uses {symbol} of {path}, in {theirs}; {mine} may use "
                             + may(uses(rooms, mine)))


def reach(graph, start):
    seen, left = set(), [start]
    while left:
        for other in graph[left.pop()]:
            if other not in seen:
                seen.add(other)
                left.append(other)
    return seen


def circles(graph):
    """The strongly connected components of more than one file, largest first."""
    reached = {f: reach(graph, f) for f in graph}
    found = {frozenset(g for g in reached[f] if f in reached[g]) for f in graph}
    return sorted((c for c in found if len(c) > 1), key=lambda c: (-len(c), sorted(c)))


def shortest_cycle(graph, files, through):
    """Files of which each uses the next and the last the first, one of `through` among them."""
    best = None
    for start in sorted(through):
        ways, left = {start: [start]}, collections.deque([start])
        while left and (best is None or len(ways[left[0]]) < len(best)):
            at = left.popleft()
            if start in graph[at]:
                best = ways[at]
                break
            for other in sorted(graph[at]):
                if other in files and other not in ways:
                    ways[other] = ways[at] + [other]
                    left.append(other)
    return best


def tell_cycle(graph, cycle):
    steps = zip(cycle, cycle[1:] + cycle[:1])
    return cycle[0] + "".join(f" -> {to} ({graph[at][to][0]})" for at, to in steps)


def check_circles(tree, rules, area, graph):
    listed = [c for c in rules.circles if any(area_of(rules, f) == area for f in c.files)]
    found = circles(graph)
    for circle in found:
        near = next((c for c in listed if c.files & circle), None)
        if near is not None and circle <= near.files:
            continue  # the other loop judges it
        more = sorted(circle - near.files if near is not None else circle)
        cycle = shortest_cycle(graph, circle, more)
        text = (f"a circle of {len(circle)} files; the shortest way round: "
                if near is None else
                f"the circle that CIRCLES lists ({near.reason}) has grown by {', '.join(more)}: ")
        at, to = cycle[0], (cycle + cycle)[1]
        tree.problem(at, line_of(tree, at, graph[at][to][0]), text + tell_cycle(graph, cycle))
    for circle in listed:
        if not any(circle.files & c for c in found):
            tree.problem(min(circle.files), 1, "CIRCLES lists a circle of "
                         f"{', '.join(sorted(circle.files))}, which is gone: take it from the list")
        elif any(c < circle.files for c in found):
            left = sorted(set().union(*(c for c in found if c < circle.files)))
            tree.problem(min(circle.files), 1, "a circle that CIRCLES lists has shrunk to "
                         f"{', '.join(left)}: shorten the list")


# ---- who writes what: the compiler is asked ----------------------------------------------------
Mark = collections.namedtuple("Mark", "macro tag name")


def owns(parts, tag, room):
    return any(inside(room, o[:-2]) if o.endswith("/*") else room == o for o in parts.owners[tag])


def sees(rooms, parts, tag, room):
    folders = [o[:-2] if o.endswith("/*") else o for o in parts.owners[tag]]
    return owns(parts, tag, room) or any(inside(r, o) for r in uses(rooms, room)
                                         for o in folders)


def declared(text):
    """The names that a declaration without its semicolon declares."""
    text = re.sub(r"\{.*\}|\[[^]]*\]", " ", text, flags=re.S)
    each = [re.findall(r"[A-Za-z_]\w*", re.sub(r":.*", " ", d)) for d in text.split(",")]
    return [names[-1] for names in each if names]


def declaration(text, start):
    """From start to the semicolon that ends it, those in braces passed by."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if text[at] == ";" and depth == 0:
            return text[start:at]
    return text[start:]


def marks(tree, rules):
    """The marked members of all headers of data; a mark that cannot work is a problem."""
    found = []
    for macro, parts in rules.parts.items():
        for path in parts.data:
            text = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group(0)),
                          "\n".join(tree.read(path)), flags=re.S)
            for m in re.finditer(rf"\b{macro}\(\s*(\w+)\s*([,)])", text):
                line = text.count("\n", 0, m.start()) + 1
                if text[text.rfind("\n", 0, m.start()) + 1:].lstrip().startswith("#"):
                    continue
                rest = declaration(text, m.end())
                if m.group(2) == ",":
                    rest = rest[:rest.rindex(")")]
                names = declared(rest)
                if m.group(1) not in parts.owners:
                    tree.problem(path, line, f"{macro}({m.group(1)}): no such mark in "
                                             "tools/rooms.py")
                    continue
                if "*" in re.sub(r"\{.*\}", "", rest, flags=re.S):
                    tree.problem(path, line, f"{macro} of `{names[0]}` guards what it points to: "
                                             "write it behind the last *, as in "
                                             f"T *{macro}(r) name")
                found += [Mark(macro, m.group(1), name) for name in names]
            if not any(m.macro == macro for m in found):
                tree.problem(path, 1, f"marks nothing with {macro}, which PARTS in "
                                      "tools/rooms.py says")
    return found


def guard_of(tree, header):
    return next((line.split()[1] for line in tree.read(header) if line.startswith("#ifndef")), None)


def defines(tree, rules, area, room):
    """What stands in for the headers of the macros when a file of room is compiled."""
    lines = []
    for macro, parts in rules.parts.items():
        lines.append(f"#define {guard_of(tree, parts.header)}")
        if not parts.hides:
            lines.append(f"#define {macro}(room) {macro}_##room")
            lines += [f"#define {macro}_{tag}" + ("" if owns(parts, tag, room) else " const")
                      for tag in parts.owners]
            continue
        lines.append(f"#define {macro}(room, member) {macro}_##room(member)")
        for tag in parts.owners:
            if owns(parts, tag, room):
                member = "member"
            elif sees(rules.rooms[area], parts, tag, room):
                member = "const member"
            else:  # where it was, for the sake of sizes, and not to be had
                member = f"struct {{ member; }} hidden_{tag}"
            lines.append(f"#define {macro}_{tag}(member) {member}")
    return "\n".join(lines) + "\n"


# Of a bit-field that is const gcc 12 only warns.
REFUSED = re.compile(r"^(\S+?):(\d+):(\d+): (?:(?:fatal )?error: |warning: (?=.*read-only))(.*)$",
                     re.M)
WRITES = re.compile(r"read-only|discards|different qualifiers|qualifiers are incompatible")


def statement(lines, number):
    """[(line, text)] of the statement in which line number is."""
    first = last = number
    while first > 1 and number - first < 8 and not re.search(r"[;{}]\s*$", lines[first - 2]):
        first -= 1
    while last < len(lines) and last - number < 8 and not re.search(r"[;{}]\s*$", lines[last - 1]):
        last += 1
    return [(n, lines[n - 1]) for n in range(first, last + 1)]


def nearest(lines, number, column, names):
    """Of names, the member whose name stands nearest to a place in the statement, or None."""
    found = []
    for at, text in statement(lines, number):
        for m in re.finditer(r"(?:->|\.)\s*(\w+)\b", text):
            if m.group(1) in names:
                found.append((abs(at - number), abs(m.start() + 1 - column), m.group(1)))
    return min(found)[2] if found else None


def owner_of(rules, mark):
    return rules.parts[mark.macro].owners[mark.tag][0].removesuffix("/*")


def judge(tree, rules, room, members, path, line, column, text):
    """What an error of the compiler means: None when it is nothing of ours."""
    hidden = re.search(r"has no member named .(\w+)", text)
    if hidden and hidden.group(1) in members:
        owner = owner_of(rules, members[hidden.group(1)])
        return f"uses `{hidden.group(1)}`, which {owner}/ owns and {room} may not see"
    if not WRITES.search(text):
        return f"does not compile with other rooms' parts read-only: {text}"
    name = nearest(tree.read(path), line, column, members)
    if name is None:
        # A cast of something else that is const. All other errors come of the parts.
        return None if "cast discards" in text else f"writes another room's part: {text}"
    advice = "point to const, or " if "qualifier" in text else ""
    return (f"writes `{name}`, which {owner_of(rules, members[name])}/ owns; {advice}call a "
            f"function of that room ({text})")


def compiles(tree, rules, area):
    """(room, command, what it reads from its input) for each file of the area, and for each room's
    headers together: their own code is judged there."""
    command = tree.compiler() + [
        "-fsyntax-only", "-fno-diagnostics-show-caret", "-fdiagnostics-color=never",
        "-ftrack-macro-expansion=0", "-Werror=discarded-qualifiers",
        "-Werror=discarded-array-qualifiers", "-Werror=cast-qual"]
    os.makedirs(tree.path(DEFINES), exist_ok=True)
    for room in rules.rooms[area]:
        name = f"{DEFINES}/{room.replace('/', '_')}.h"
        with open(tree.path(name), "w", encoding="utf-8") as f:
            f.write(defines(tree, rules, area, room))
        mine = [f for f in sources(tree, rules, area, (".c", ".h"))
                if room_of(rules.rooms[area], f) == room]
        for path in mine:
            if path.endswith(".c"):
                yield room, command + ["-include", name, path], None
        text = "".join(f'#include "{f}"\n' for f in mine if f.endswith(".h"))
        if text and room not in rules.installed:
            yield room, command + ["-include", name, "-x", "c", "-"], text


def compile_one(tree, work):
    return subprocess.run(work[1], cwd=tree.root, capture_output=True, text=True, input=work[2],
                          env=dict(os.environ, LC_ALL="C"))


def tell_refused(tree, rules, area, room, members, errors):
    for m in REFUSED.finditer(errors):
        path, line, column = os.path.normpath(m.group(1)), int(m.group(2)), int(m.group(3))
        if area_of(rules, path) == area and room_of(rules.rooms[area], path) != room:
            continue  # an inline function of another room's header, judged with that room
        text = judge(tree, rules, room, members, path, line, column, m.group(4))
        if text is not None and f"{path}:{line}: {text}" not in tree.problems:
            tree.problem(path, line, text)


def check_writes(tree, rules, area):
    """Each file is compiled with the parts of other rooms const: what the compiler refuses is a
    write, or a pointer through which one could be made."""
    missing = [h for p in rules.parts.values() for h in (p.header, *p.data) if not tree.exists(h)]
    for header in missing:
        tree.problem(header, 1, "does not exist; PARTS in tools/rooms.py names it")
    found = [] if missing else marks(tree, rules)
    if not found:
        return
    work = list(compiles(tree, rules, area))
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        told = list(pool.map(lambda w: compile_one(tree, w), work))
    for (room, command, _), done in zip(work, told):
        if done.returncode != 0 and not REFUSED.search(done.stderr):
            tree.problem("Makefile", 1, f"{' '.join(command)} fails: {done.stderr.strip()[:300]}")
        members = {m.name: m for m in found if not owns(rules.parts[m.macro], m.tag, room)}
        tell_refused(tree, rules, area, room, members, done.stderr)


# ---- the page ----------------------------------------------------------------------------------
def map_rows(lines):
    """(line, cells) of each row of the page's tables, headings left out."""
    for number, line in enumerate(lines, 1):
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if line.startswith("|") and not set("".join(cells)) <= set("-: ") and "`" in line:
            yield number, cells


def check_map_rooms(tree, rules, rows):
    seen = set()
    every = {room: rooms for rooms in rules.rooms.values() for room in rooms}
    for number, cells in rows:
        m = re.fullmatch(r"`([\w/.]+?)/?`", cells[0])
        if m is None or len(cells) != 3:
            continue
        room = m.group(1)
        seen.add(room)
        if room not in every:
            tree.problem(rules.map_page, number, f"{room}/ is no room in tools/rooms.py")
            continue
        told = [name.rstrip("/") for name in re.findall(r"`([^`]+)`", cells[2])]
        allowed = uses(every[room], room)
        if every[room][room].uses == ABOVE and cells[2] == "all above":
            continue
        if sorted(told) != sorted(allowed):
            tree.problem(rules.map_page, number,
                         f"{room}/ may use {may(allowed)}, by tools/rooms.py")
    for room in every:
        if room not in seen:
            tree.problem(rules.map_page, 1, f"has no row for {room}/")


def place_of(tree, function):
    """Where a function is, as a hint: it may have moved."""
    defined = re.compile(rf"^\w[\w \*]*\b{function}\([^;]*$|^{function}:", re.M)
    places = [f for f in tree.tracked() if function and f.endswith((".c", ".h", ".S"))
              and defined.search("\n".join(tree.read(f)))]
    return f"; {function} is in {', '.join(places)}" if places else ""


def check_page(tree, page):
    """Each file and function named is there."""
    if not tree.exists(page):
        tree.problem(page, 1, "does not exist")
        return
    for number, line in enumerate(tree.read(page), 1):
        for path, function in re.findall(r"`([\w./-]+\.(?:[chS]|py|md|ld))(?::(\w+))?`", line):
            if not tree.exists(path):
                tree.problem(page, number, f"names {path}, which does not exist"
                                           + place_of(tree, function))
            elif function and not re.search(rf"(?:^|\W){function}(\(|:$)",
                                            "\n".join(tree.read(path)), re.M):
                tree.problem(page, number, f"names {function} in {path}, which has no such function"
                                           + place_of(tree, function))


def check_map(tree, rules):
    """Each row of a room says what the table says."""
    if tree.exists(rules.map_page):
        check_map_rooms(tree, rules, list(map_rows(tree.read(rules.map_page))))


# ---- all of it ---------------------------------------------------------------------------------
def check(tree, rules, enforced):
    """Adds to tree.problems what breaks the rules of the areas enforced, and of the page."""
    check_table(tree, rules)
    areas = [a for a in rules.rooms if a in enforced]
    if areas and build(tree, rules, areas):
        for area in areas:
            graph = arrows(tree, rules, area)
            check_folders(tree, rules, area)
            check_named(tree, rules, area)
            check_includes(tree, rules, area)
            check_from_outside(tree, rules, area)
            check_symbols(tree, rules, area, graph)
            check_circles(tree, rules, area, graph)
            if any(inside(p.header, area) for p in rules.parts.values()):
                check_writes(tree, rules, area)
    if rules.map_page in enforced:
        check_map(tree, rules)
        for page in (rules.map_page, *rules.pages):
            check_page(tree, page)


def table(tree, rules):
    """Rooms with lines; arrows between rooms; those against the direction; circles."""
    if not build(tree, rules, rules.rooms):
        return
    for area, rooms in rules.rooms.items():
        graph, between = arrows(tree, rules, area), {}
        for path, _, target in includes(tree, rules, area):
            if path not in rules.composite and target not in rules.composite:
                key = room_of(rooms, path), room_of(rooms, target)
                between.setdefault(key, [0, 0])[0] += 1
        for path, used in graph.items():
            for other in used:
                key = room_of(rooms, path), room_of(rooms, other)
                between.setdefault(key, [0, 0])[1] += 1
        print(f"{area}/: room, files, lines")
        for room in rooms:
            mine = [f for f in sources(tree, rules, area, (".c", ".h", ".S"))
                    if room_of(rooms, f) == room]
            lines = sum(len(tree.read(f)) - 1 for f in mine)
            print(f"  {room:16} {len(mine):4} {lines:6}  {rooms[room].holds}")
        print("  arrows: includes + files used by their symbols")
        for (mine, theirs), (included, used) in sorted(between.items()):
            if mine != theirs:
                back = "" if theirs in uses(rooms, mine) else "  AGAINST THE DIRECTION"
                print(f"  {mine:16} -> {theirs:16} {included:4} + {used}{back}")
        print("  circles of files, listed or not: "
              + ("; ".join(f"{len(c)} ({', '.join(os.path.relpath(f, area) for f in sorted(c))})"
                           for c in circles(graph)) or "none"))


def main():
    tree = Tree(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if sys.argv[1:] == ["--table"]:
        table(tree, THE_RULES)
    elif not sys.argv[1:]:
        check(tree, THE_RULES, (*ROOMS, MAP))
    else:
        sys.exit(f"{' '.join(sys.argv[1:])}: only --table is known")
    for text in tree.problems:
        print(text)
    if not sys.argv[1:]:
        print(f"rooms: {len(tree.problems)} problems, in {', '.join(ROOMS)}; "
              f"enforced by make check: {', '.join(ENFORCED) or 'none'}")
    return 1 if tree.problems else 0


if __name__ == "__main__":
    sys.exit(main())
