"""The machines that are measured: QEMU guests of one kind, each on a link of its own. One that is
not being asked stands still, so that it takes nothing from the one that is."""
import contextlib
import os
import re
import time

import clients
from machine import BUILD, QemuGuest, TapLink, ip_command
from plan import PEERS

MEMORY = "512M"
# All that the emulator has but fast string instructions: TCG moves byte by byte what their flags
# call fast, and a Linux that believes them pays a sixth of a request for it.
CPU = "max,erms=off,fsrm=off"
CONNECTIONS_MAX = 24576
SMALL_CONNECTIONS_MAX = 1024
IDLE_TIMEOUT_S = 3600
SETTLE_MAX_S = 60  # a busy host, and twenty thousand connections to be closed
SETTLE_LOOKS = 10
SETTLE_LOOK_S = 0.01
LINK_QUEUE_FRAMES = 10000  # what a burst of clients sends before the guest has run is not lost
MAC = "52:54:00:12:34:56"  # QEMU's first
LINUX = os.path.join(BUILD, "bench", "linux")
# What a guest that ended, or never served, shows itself as.
FAILURES = (clients.ClientFailed, OSError, AssertionError, AttributeError, KeyError)
NETWORKS = {"ringside": 1, "linux": 2, "nginx": 3, "reflect": 4, "small": 5}


def addresses(peer, round_number):
    """(ours, the guest's) on its link. Of each round others: what is left of connections to an
    older guest must not meet a new one."""
    net = f"10.{64 + NETWORKS[peer]}.{round_number % 250}"
    return f"{net}.1", f"{net}.2"


class LinuxGuest(QemuGuest):
    """A Linux of one process (tools/get-linux.sh)."""

    def __init__(self, folder, server, **options):
        super().__init__(folder, **options)
        words = ["console=ttyS0", "quiet", "mitigations=off", "tsc=reliable", "rs_tuned=1",
                 f"rs_driver={options['nic']}", f"rs_address={self.address}", f"rs_server={server}",
                 f"rs_options=--max-connections,{CONNECTIONS_MAX},--idle-timeout,{IDLE_TIMEOUT_S}"]
        self.command[self.command.index("-kernel"):] = [
            "-kernel", os.path.join(LINUX, "vmlinuz"), "-initrd",
            os.path.join(LINUX, "initrd.img"), "-append", " ".join(words)]


def _guest(peer, folder, options):
    """Not started yet. small: with room for what it is asked, if that is to be had."""
    if peer in ("linux", "nginx"):
        return LinuxGuest(folder, "httpd" if peer == "linux" else "nginx", **options)
    words = f"ip={options['address']}/24"
    if peer == "reflect":
        return QemuGuest(folder, app="reflect", append=words, **options)
    count = SMALL_CONNECTIONS_MAX if peer == "small" else CONNECTIONS_MAX
    return QemuGuest(folder, append=f"{words} -- --max-connections {count} "
                     f"--idle-timeout {IDLE_TIMEOUT_S}", **options)


def missing(peer):
    """Why a peer cannot be measured; None when it can."""
    if peer == "reflect" and not os.path.exists(os.path.join(BUILD, "reflect.elf")):
        return "build/reflect.elf is not there (make APP=apps/reflect)"
    return None


class Peer:
    """A guest with its link, and what its threads have run."""

    def __init__(self, name, nic, guest, link):
        self.name, self.nic, self.guest, self.link = name, nic, guest, link
        self.listening_ms = None

    def bring_up(self):
        """Until it serves; then it stands still."""
        if self.name == "reflect":
            clients.run("frames", [self.link, MAC, 1, 1, clients.FRAME_WAIT_S],
                        clients.FRAME_WAIT_S)
        else:
            self.guest.wait_http()
        self.vcpu = self.guest.vcpu_thread()
        if self.name == "ringside":
            line = re.search(r"\[ *(\d+\.\d+)\] httpd: listening", self.guest.console())
            self.listening_ms = float(line.group(1)) * 1000 if line else None
        self.settle()
        self.guest.monitor("stop")

    @contextlib.contextmanager
    def awake(self):
        """Running; standing still again behind it, with nothing left to do for the next load."""
        self.guest.monitor("cont")
        try:
            yield self
            self.settle()
        finally:
            if self.guest.process.poll() is None:
                self.guest.monitor("stop")

    def settle(self):
        """Waits until its processor is mostly halted: connections that were closed are gone. A
        guest that never is goes on."""
        path = f"/proc/{self.guest.process.pid}/task/{self.vcpu}/stat"
        end = time.monotonic() + SETTLE_MAX_S
        while time.monotonic() < end:
            ran = 0
            for _ in range(SETTLE_LOOKS):
                time.sleep(SETTLE_LOOK_S)
                with open(path, encoding="ascii") as f:
                    ran += f.read().rsplit(") ", 1)[1].startswith("R")  # or would, had it a core
            if ran <= SETTLE_LOOKS // 5:
                return

    def sample(self):
        """(ns of the clock, s of the processor's thread, s of the main loop's, bytes that the guest
        has sent, s that the processor's thread has waited for a core)."""
        ran = self.guest.threads_seconds()
        with open(f"/proc/{self.guest.process.pid}/task/{self.vcpu}/schedstat",
                  encoding="ascii") as f:
            waited = int(f.read().split()[1]) / 1e9
        with open("/proc/self/net/dev", encoding="ascii") as f:
            sent = int(re.search(rf"^\s*{self.link}:\s*(\d+)", f.read(), re.M).group(1))
        return time.monotonic_ns(), ran[self.vcpu], ran[self.guest.process.pid], sent, waited


@contextlib.contextmanager
def machine(name, nic, folder, round_number, memory=MEMORY):
    """A peer, started; it has not come up yet."""
    ours, guest_address = addresses(name, round_number)
    where = os.path.join(folder, f"{name}-{nic}")
    os.makedirs(where, exist_ok=True)
    with TapLink(f"rsb{name}"[:15], ours) as link:
        ip_command("link", "set", link.name, "txqueuelen", str(LINK_QUEUE_FRAMES))
        options = {"tap": link.name, "nic": nic, "memory": memory, "address": guest_address,
                   "prealloc": True, "cpu": CPU}
        with _guest(name, where, options) as guest:
            yield Peer(name, nic, guest, link.name)


@contextlib.contextmanager
def machines(names, nic, folder, round_number, failed):
    """[Peer] of those names, each up and standing still. failed(name, error) of one that did not
    come up. Ours boots alone, for its boot is a figure; then the others, at once."""
    with contextlib.ExitStack() as stack:
        up = []
        for group in (["ringside"], [name for name in PEERS if name != "ringside"]):
            started = [stack.enter_context(machine(name, nic, folder, round_number))
                       for name in group if name in names]
            for peer in started:
                try:
                    peer.bring_up()
                    up.append(peer)
                except FAILURES as e:
                    failed(peer.name, e)
        yield up
