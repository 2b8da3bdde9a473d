"""`make bench`: Ringside beside Linux, nginx and a reflector of frames, in one run. See
docs/performance.md.

Guests of the same emulated machine stand beside each other, one of each peer, and are asked in
turn, load by load; each round boots them anew. Writes build/bench/report.json, and from it
report.md and the pictures. With --report only these, of a report.json that is there."""
import argparse
import functools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))

import loads  # noqa: E402
import peers  # noqa: E402
import plan  # noqa: E402
import report  # noqa: E402
from machine import BUILD, ip_command, raise_nofile  # noqa: E402
from path import write_proc  # noqa: E402

FOLDER = os.path.join(BUILD, "bench")
DOCS = os.path.join(ROOT, "docs", "performance")
SMALL_MEMORY = "16M"
SMALL_CONNECTIONS = 1000
INTERRUPTED = 130  # as a shell says of a program that Ctrl-C has ended


def say(text):
    print(f"[{time.monotonic() - STARTED:6.1f}] {text}", flush=True)


STARTED = time.monotonic()


def own_network():
    """Runs this program again in a network namespace of its own, where there is only loopback."""
    if {name for _, name in socket.if_nameindex()} == {"lo"}:
        return
    root = ["unshare", "--net"]
    command = root if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode != 0:
        command = ["sudo", *root]  # Ubuntu's AppArmor refuses the first to an ordinary user
    os.execvp(command[0], [*command, sys.executable, *sys.argv])


def set_up_network():
    ip_command("link", "set", "lo", "up")
    write_proc("ip_local_port_range", "1024 65535")
    write_proc("tcp_tw_reuse", "1")
    raise_nofile()


def first_line(command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).split("\n", 1)[0].strip()


def about(args):
    """Where and how this was measured."""
    return {"commit": first_line(["git", "describe", "--always", "--dirty"]),
            "qemu": first_line(["qemu-system-x86_64", "--version"]),
            "wrk": first_line(["wrk", "--version"]).split(" [")[0],
            "compiler": first_line(["gcc", "--version"]),
            "linux": linux_version(),
            "processors": os.cpu_count(),
            "memory": peers.MEMORY, "seconds": loads.SECONDS, "rounds": args.rounds,
            "runs_on_one_boot": plan.RUNS_ON_ONE_BOOT,
            "load_before": os.getloadavg()[0]}


def linux_version():
    """Of the guest's kernel, from its file."""
    path = os.path.join(peers.LINUX, "vmlinuz")
    if not os.path.exists(path):
        return None
    with open(path, "rb") as f:
        image = f.read()
    at = int.from_bytes(image[0x20e:0x210], "little") + 0x200  # x86 boot protocol: kernel_version
    return image[at:image.index(b"\0", at)].decode(errors="replace").split(" ")[0]


def measure(args, folder, keep):
    """Every load of each peer in turn, round by round. keep(cell, result) stores one run."""
    for number in range(1, args.rounds + 1):
        for nic in args.nics:
            say(f"round {number} of {args.rounds}, {nic}: booting {', '.join(args.peers)}")
            failed = functools.partial(fail, keep, nic, "boot")
            with peers.machines(args.peers, nic, folder, number, failed) as up:
                for peer in up:
                    if peer.listening_ms is not None:
                        keep("listening", {"nic": nic, "ms": peer.listening_ms})
                first = number % max(len(up), 1)  # none is always asked first
                for name in args.loads:
                    one_load(plan.LOADS[name], up[first:] + up[:first], folder, keep)
            if "ringside" in args.peers and args.small:
                small_memory(nic, folder, number, keep)


def fail(keep, nic, load, peer, error):
    say(f"{nic} {load} {peer}: FAILED: {type(error).__name__}: {error}")
    keep("failed", {"nic": nic, "load": load, "peer": peer, "why": reason(error)})


def reason(error):
    """The beginning of what it says, on one line."""
    return " ".join(str(error).split())[:200]


def one_load(load, up, folder, keep):
    for peer in up:
        if not plan.can(peer.name, load):
            continue
        try:
            with peer.awake():
                results = loads.runs(peer, load, folder, peers.MAC)
        except peers.FAILURES as e:
            fail(keep, peer.nic, load.name, peer.name, e)
            continue
        for result in results:
            keep("run", {"nic": peer.nic, "load": load.name, "peer": peer.name, **result})
        say(f"{peer.nic:7}{load.name:10}{peer.name:10}" + report.brief(load, results))


def small_memory(nic, folder, number, keep):
    """Whether so many connections are served from so little memory."""
    with peers.machine("small", nic, folder, number, SMALL_MEMORY) as peer:
        try:
            peer.bring_up()
            with peer.awake():
                result = loads.wrk(peer, folder, SMALL_CONNECTIONS)
        except peers.FAILURES as e:
            result = {"errors": -1, "why": reason(e)}
        room = re.search(r"httpd: listening on port 80, (\d+) connections", peer.guest.console())
        if result["errors"] > 0 and room:
            result["why"] = f"{result['errors']} errors, httpd has room for {room.group(1)}"
        keep("small", {"nic": nic, "memory": SMALL_MEMORY, "connections": SMALL_CONNECTIONS,
                       **result})
        say(f"{nic}: {SMALL_CONNECTIONS} connections from {SMALL_MEMORY}: "
            f"{result.get('rate', 0):,.0f} requests/s, {result['errors']} errors")


def image_bytes():
    """Of the kernel's text, read-only data and data: {section: bytes}."""
    path = os.path.join(BUILD, "httpd.elf64")
    done = subprocess.run(["size", "-A", path], capture_output=True, text=True, check=False)
    return {name: int(size) for name, size in re.findall(r"^\.(text|rodata|data) +(\d+) ",
                                                         done.stdout, re.M)}


def parse(words):
    parser = argparse.ArgumentParser(prog="bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", default="5")
    for name, allowed in (("peers", plan.PEERS), ("loads", plan.LOADS), ("nics", plan.NICS)):
        parser.add_argument(f"--{name}", default="", help=", ".join(allowed))
    parser.add_argument("--report", action="store_true", help="only write it, from its JSON")
    parser.add_argument("--docs", action="store_true", help="and copy it into docs/performance")
    parser.add_argument("--check", action="store_true", help="only look at these words")
    args = parser.parse_args(words)
    try:
        args.rounds = plan.rounds(args.rounds)
        args.small = not args.loads or "all" in args.loads
        args.peers = plan.chosen("PEERS", args.peers, plan.PEERS)
        args.loads = plan.chosen("LOADS", args.loads, plan.LOADS)
        args.nics = plan.chosen("NICS", args.nics, plan.NICS)
    except ValueError as e:
        sys.exit(f"bench: {e}")
    return args


def write_report(args):
    path = os.path.join(FOLDER, "report.json")
    if not os.path.exists(path):
        sys.exit(f"bench: {path} is not there: make bench writes it")
    with open(path, encoding="utf-8") as f:
        data = json.load(f)
    figures = os.path.join(FOLDER, "figures.json")
    if os.path.exists(figures):
        with open(figures, encoding="utf-8") as f:
            data["figures"] = json.load(f)
    names = report.write(data, FOLDER)
    if args.docs:
        shutil.rmtree(DOCS, ignore_errors=True)
        os.makedirs(DOCS)
        for name in names:
            if not name.endswith(".json"):
                shutil.copyfile(os.path.join(FOLDER, name), os.path.join(DOCS, name))
        say("the report and its pictures are in docs/performance")
    return data


def run(args):
    """The exit status: whether every load came to something."""
    for name in list(args.peers):
        why = peers.missing(name)
        if why:
            say(f"{name}: left out: {why}")
            args.peers.remove(name)
    args.peers = [p for p in args.peers
                  if any(plan.can(p, plan.LOADS[name]) for name in args.loads)]
    if not args.peers:
        sys.exit("bench: none of the peers can do any of the loads")
    data = {"about": about(args), "run": [], "listening": [], "small": [], "failed": [],
            "image_bytes": image_bytes()}

    def store():
        with open(os.path.join(FOLDER, "report.json"), "w", encoding="utf-8") as f:
            json.dump(data, f, indent=1)

    def keep(kind, row):
        data[kind].append(row)
        store()

    store()  # of an older run nothing is left, however this one ends
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        try:
            measure(args, folder, keep)
        except KeyboardInterrupt:
            say("broken off: the report is of what was measured until then")
            return INTERRUPTED
    return 1 if data["failed"] else 0


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    args = parse(sys.argv[1:])
    if args.check:
        return
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C: every guest is ended
        signal.signal(number, interrupt)
    os.makedirs(FOLDER, exist_ok=True)
    status = 0
    if not args.report:
        own_network()
        set_up_network()
        status = run(args)
    data = write_report(args)
    print(report.table(data))
    say(f"written: {os.path.join('build', 'bench', 'report.md')}, report.json and the pictures")
    sys.exit(status)


if __name__ == "__main__":
    main()
