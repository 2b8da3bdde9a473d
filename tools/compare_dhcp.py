#!/usr/bin/env python3
"""What our DHCP client makes of odd servers beside busybox's udhcpc and dhcpcd (Debian's packages
udhcpc and dhcpcd-base): each server of tests/dhcp/servers.txt, each client on a link of its own.

Prints a table: address and prefix, router and routes, lease. "same" is as ours; "=" marks servers
where the other two agree with each other and not with us. Exit code 1 when there is one of those,
or when ours is not what the file says. Runs in namespaces of its own:
    make host
    unshare --user --map-root-user --net --mount python3 tools/compare_dhcp.py
"""
import argparse
import concurrent.futures
import ipaddress
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))

from dhcp_servers import OddServerOnLink, read_servers  # noqa: E402
from machine import ip_command  # noqa: E402
from path import Namespace  # noqa: E402

ANSWER_S = 25  # longer than any client's third message needs
SETTLE_S = 0.5
PACKAGES = {"udhcpc": "udhcpc", "dhcpcd": "dhcpcd-base"}
DHCPCD_CONF = """noarp
noipv4ll
option subnet_mask, routers, classless_static_routes, ms_classless_static_routes
"""
# What the clients keep and write must be no file of this machine's; without its user dhcpcd does
# not try to give up rights that a user namespace has not got.
HIDE = """set -e
mount -t tmpfs none /run
mount -t tmpfs none /var/lib
mkdir -p /var/lib/dhcpcd /run/dhcpcd
mount --bind {folder}/passwd /etc/passwd
mount --bind {folder}/resolv /etc/resolv.conf
exec "$@"
"""


def outcome(address="none", router="none", lease="", routes=()):
    """As one text. A route to a router itself goes without saying."""
    if address == "none":
        return "none"
    routers = {router, *(r.split()[1] for r in routes)}
    more = sorted(r for r in routes if not (r.endswith("/32 link") and r[:-8] in routers))
    return " ".join([address, router, lease] + [f"+ {r}" for r in more])


class Linux:
    """A client that sets up a veth of Linux's; what it has set up is asked of the kernel."""

    def __init__(self, number, folder):
        self.link, self.own = f"s{self.letter}{number}", f"c{self.letter}{number}"
        self.folder = folder
        for name, text in (("passwd", "root:x:0:0:root:/root:/bin/sh\n"), ("resolv", ""),
                           ("conf", DHCPCD_CONF)):
            with open(os.path.join(folder, name), "w", encoding="ascii") as f:
                f.write(text)

    def __enter__(self):
        self.namespace = Namespace()
        self.namespace.__enter__()
        ip_command("link", "add", self.link, "type", "veth", "peer", self.own, "netns",
                   str(self.namespace.holder.pid))
        ip_command("link", "set", self.link, "up", "addrgenmode", "none")
        self.namespace.run("ip", "link", "set", self.own, "up", "addrgenmode", "none")
        return self

    def start(self, log):
        hide = ["unshare", "--mount", "sh", "-c", HIDE.format(folder=self.folder), "hide"]
        self.process = subprocess.Popen([*self.namespace.enter, *hide, *self.command()],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def ask(self, *what):
        done = subprocess.run([*self.namespace.enter, "ip", "-4", "-j", *what, "dev", self.own],
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout or "[]")

    def result(self, text):
        leased = re.findall(self.pattern, text)
        if not leased:
            return None
        time.sleep(SETTLE_S)
        addresses = [a for link in self.ask("addr", "show") for a in link.get("addr_info", ())]
        if not addresses:
            return None
        routes = [r for r in self.ask("route", "show") if r.get("protocol") != "kernel"]
        default = [r["gateway"] for r in routes if r["dst"] == "default" and "gateway" in r]
        own = ipaddress.ip_interface(f"{addresses[0]['local']}/{addresses[0]['prefixlen']}")
        more = [f"{r['dst']}{'' if '/' in r['dst'] else '/32'} {r.get('gateway', 'link')}"
                for r in routes if r["dst"] not in ("default", str(own.network))]
        return outcome(f"{addresses[0]['local']}/{addresses[0]['prefixlen']}",
                       default[0] if default else "none", self.lease(leased[-1]), more)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        ip_command("link", "del", self.link)
        self.namespace.__exit__()


class Udhcpc(Linux):
    name, letter = "udhcpc", "u"
    pattern = r"lease of \S+ obtained from \S+, lease time (\d+)"

    def command(self):
        return ["udhcpc", "-i", self.own, "-f", "-t", "5", "-T", "3", "-A", "60",
                "-s", "/etc/udhcpc/default.script"]

    def lease(self, text):
        return "infinity" if int(text) == 0xffffffff else text


class Dhcpcd(Linux):
    name, letter = "dhcpcd", "d"
    pattern = r"leased \S+ for (\d+|infinity)"

    def command(self):
        return ["dhcpcd", "-4", "--nobackground", "--config", f"{self.folder}/conf", "--script",
                "/bin/true", "--timeout", "0", self.own]

    def lease(self, text):
        return text


class Ringside:
    name, letter = "ringside", "r"

    def __init__(self, number, folder):
        self.link = f"sr{number}"

    def __enter__(self):
        ip_command("tuntap", "add", self.link, "mode", "tap")
        ip_command("link", "set", self.link, "up", "addrgenmode", "none")
        return self

    def start(self, log):
        self.process = subprocess.Popen([os.path.join(ROOT, "build/host/httpd"), "mem=16M",
                                         f"tap={self.link}", "ip=dhcp"],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def result(self, text):
        got = re.search(r"net: address (\S+), gateway (\S+) \(DHCP\)", text)
        if not got:
            return None
        time.sleep(SETTLE_S)
        lease = re.search(r"net: DHCP server .*, lease (?:(\d+) s|(without end))", text)
        routes = re.findall(r"net: route (\S+) (?:by|on) (\S+)", text)
        return outcome(got[1], got[2], lease[1] or "infinity", [f"{a} {b}" for a, b in routes])

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        ip_command("link", "del", self.link)


CLIENTS = [Ringside, Udhcpc, Dhcpcd]


def one(job):
    """((server's name, client's name), outcome, what the client wrote)."""
    number, server, kind = job
    with tempfile.TemporaryDirectory() as folder, kind(number, folder) as client:
        on_link = OddServerOnLink(client.link, server)
        path = os.path.join(folder, "log")
        found = None
        with open(path, "wb") as log:
            client.start(log)
            end = time.monotonic() + ANSWER_S
            while found is None and time.monotonic() < end and client.process.poll() is None:
                time.sleep(0.2)
                with open(path, encoding="utf-8", errors="replace") as f:
                    text = f.read()
                found = client.result(text)
        on_link.stop()
    return (server.name, kind.name), found or "none", text


def expected(server):
    if server.lease == "none":
        return "none"
    return outcome(*server.lease.split(), routes=server.routes)


def judge(server, found):
    """A mark for the table, and whether it is against us."""
    ours, *others = [found[server.name, kind.name] for kind in CLIENTS]
    if ours != expected(server):
        return "!", True
    if others[0] == others[1] != ours:
        return "=", not server.note
    return " ", False


def table(servers, found):
    bad = 0
    for server in servers:
        mark, against = judge(server, found)
        bad += against
        ours = found[server.name, "ringside"]
        print(f"{mark} {server.name}\n      ringside  {ours}")
        if ours != expected(server):
            print(f"      expected  {expected(server)}")
        for kind in CLIENTS[1:]:
            theirs = found[server.name, kind.name]
            print(f"      {kind.name:9} {'same' if theirs == ours else theirs}")
        if server.note:
            print(f"      note: {server.note}")
    print(f"{len(servers)} servers, {bad} where ours is wrong or stands alone")
    return bad


def missing():
    """What is to be installed first."""
    lacks = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    if lacks:
        print(f"compare_dhcp: missing: {' and '.join(lacks)} (apt-get install {' '.join(lacks)})")
    if not os.path.exists(os.path.join(ROOT, "build/host/httpd")):
        print("compare_dhcp: missing: build/host/httpd (make host)")
        return True
    return bool(lacks)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="servers with this in their name")
    parser.add_argument("--at-once", type=int, default=12, help="clients at the same time")
    parser.add_argument("--logs", action="store_true", help="what each client wrote, too")
    options = parser.parse_args()
    if [name for _, name in socket.if_nameindex()] != ["lo"]:
        print("compare_dhcp: it makes links and answers on them, in a namespace of its own only: "
              "see --help")
        return 2
    if missing():
        return 2
    servers = [s for s in read_servers() if options.only in s.name]
    jobs = [(i, server, kind) for i, server in enumerate(servers) for kind in CLIENTS]
    found = {}
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        for key, result, text in pool.map(one, jobs):
            found[key] = result
            if options.logs:
                print(f"--- {key[1]}, {key[0]}: {result}\n{text}")
    return 1 if table(servers, found) else 0


if __name__ == "__main__":
    sys.exit(main())
