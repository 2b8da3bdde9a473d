"""A bad path between a server and a Linux client, made of namespaces, TAP devices and build/relay,
and how fast a server sends over it."""
import os
import subprocess
import time

from machine import BUILD, HostedGuest, LinuxServer, ip_command, wait_for

READY_S = 60
WITHOUT_ADDRESS = ["arp", "off", "addrgenmode", "none"]
PROC_NET = "/proc/sys/net/ipv4/"


def write_proc(name, value):
    with open(PROC_NET + name, "w", encoding="ascii") as f:
        f.write(value)


class Namespace:
    """A network namespace of its own, held by a process that waits."""

    def __enter__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo in; exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"in\n"
        self.enter = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--"]
        self.run("ip", "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        self.holder.stdin.close()
        self.holder.wait(READY_S)

    def run(self, *command):
        subprocess.run([*self.enter, *command], check=True, timeout=READY_S)


class Relay:
    """build/relay between two ends; statistics() after it has ended."""

    def __init__(self, end_a, end_b, **options):
        self.command = [os.path.join(BUILD, "relay"), end_a, end_b]
        for name, value in options.items():
            self.command += ["--" + name.replace("_", "-"), str(value)]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "relay: ready\n", self.command
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        out, _ = self.process.communicate(timeout=READY_S)
        self.directions = {}
        for line in out.splitlines():
            name, *words = line.split()
            self.directions[name] = dict(zip(words[::2], map(int, words[1::2])))


class HostedSide:
    """Our stack as a process; its TAP device has no address, the relay listens on it."""

    def __init__(self, folder, number):
        self.number, self.tap = number, f"rsps{number}"
        self.address = f"10.99.{number}.2"
        self.end = "if:" + self.tap
        self.server = HostedGuest(folder, self.tap, [f"ip={self.address}/24"], self.address)

    def __enter__(self):
        ip_command("tuntap", "add", self.tap, "mode", "tap")
        ip_command("link", "set", self.tap, "up", *WITHOUT_ADDRESS)
        self.server.__enter__()
        self.server.wait_console("serving")
        return self

    def connected(self):
        """Called when the relay is there."""

    def __exit__(self, *_):
        self.server.__exit__()
        ip_command("link", "del", self.tap)


class LinuxSide:
    """Linux's stack with the same server, in a namespace of its own, its TAP held by the relay.
    CUBIC; SACK, timestamps and buffers as the kernel has them by default; no offloads on a TAP."""

    def __init__(self, folder, number):
        self.number, self.tap = number, f"rsps{number}"
        self.address = f"10.99.{number}.2"
        self.end = "tap:" + self.tap
        self.namespace = Namespace()
        self.server = LinuxServer(folder, 80)

    def __enter__(self):
        self.namespace.__enter__()
        self.server.command = self.namespace.enter + self.server.command
        self.server.address = self.address
        ip_command("tuntap", "add", self.tap, "mode", "tap")
        self.server.__enter__()
        self.server.wait_console("listening")
        return self

    def connected(self):
        ip_command("link", "set", self.tap, "netns", str(self.namespace.holder.pid))
        self.namespace.run("ip", "addr", "add", self.address + "/24", "dev", self.tap)
        self.namespace.run("ip", "link", "set", self.tap, "up", "addrgenmode", "none")
        # By the route: a namespace may choose by sysctl only among what its parent allows.
        self.namespace.run("ip", "route", "change", f"10.99.{self.number}.0/24", "dev", self.tap,
                           "src", self.address, "congctl", "cubic")

    def __exit__(self, *_):
        self.server.__exit__()
        self.namespace.__exit__()  # and its TAP with it


class ClientSide:
    """The Linux client's end: a TAP device in this namespace."""

    def __init__(self, number):
        self.tap, self.number = f"rspc{number}", number
        self.end = "tap:" + self.tap

    def __enter__(self):
        ip_command("tuntap", "add", self.tap, "mode", "tap")
        ip_command("addr", "add", f"10.99.{self.number}.1/24", "dev", self.tap)
        return self

    def connected(self):
        ip_command("link", "set", self.tap, "up", "addrgenmode", "none")

    def __exit__(self, *_):
        ip_command("link", "del", self.tap)


def receive(server, seconds):
    """Bytes a second of a download that is cut off after so many seconds, connecting included."""
    start = time.monotonic()
    total = 0
    with server.connect(timeout=seconds) as s:
        s.sendall(b"GET /bytes/1000000000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        while (left := start + seconds - time.monotonic()) > 0:
            s.settimeout(left)
            try:
                piece = s.recv(1 << 16)
            except TimeoutError:
                break
            assert piece, "the server closed"
            total += len(piece)
    return total / (time.monotonic() - start)


def download(side, seconds, capture=None, **path):
    """kbit/s of goodput over a path, and what the relay saw. capture: a file for tcpdump."""
    client = ClientSide(side.number)
    with side, client:
        with Relay(side.end, client.end, **path) as relay:
            client.connected()
            side.connected()
            tcpdump = capture and subprocess.Popen(
                ["tcpdump", "-i", client.tap, "-w", capture, "-s", "128", "-q"],
                stderr=subprocess.DEVNULL)
            if tcpdump:
                wait_for("tcpdump", lambda: os.path.exists(capture), READY_S)
            rate = receive(side.server, seconds)
            if tcpdump:
                tcpdump.terminate()
                tcpdump.wait(READY_S)
    return rate * 8 / 1000, relay.directions
