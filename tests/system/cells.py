"""The matrix of machines: which cells there are, and what is done in each. `make matrix` runs them
all (tools/matrix.py), test_matrix.py a part."""
import collections
import functools
import http.client
import os
import re
import subprocess
import threading

from images import make_image
from machine import BUILD, ROOT, QemuGuest

NICS = ["e1000", "e1000-82545em", "e1000-82544gc", "e1000e", "igb"]
MACHINES = ["pc", "q35"]
BOOTS = ["kernel", "iso", "uefi"]
# What the kernel says that it uses, of its words for irq=.
INTERRUPTS = {
    "msix": r"irq: \S+ MSI-X,",
    "msi": r"irq: \S+ MSI,",
    "intx": r"irq: \S+ INT[A-D] on IOAPIC pin",
    "poll": r"irq: .*poll",
}
ECHO_BYTES = 16 << 20
STEP_TIMEOUT_S = 120  # of each thing waited for, on a host that is busy elsewhere
PROBE_TIMEOUT_S = 60
CAPABILITIES = {0x05: "msi", 0x11: "msix"}  # PCI 3.0 appendix H

Cell = collections.namedtuple("Cell", "qemu nic machine boot irq")


@functools.cache
def qemus():
    """The QEMUs there are, {version: command}: the system's and, where that is older than 8,
    tools/get-qemu.sh's, if it has been unpacked."""
    commands = ["qemu-system-x86_64"]
    done = subprocess.run([os.path.join(ROOT, "tools", "get-qemu.sh"), "--offline"],
                          capture_output=True, text=True, timeout=PROBE_TIMEOUT_S)
    if done.returncode == 0:
        commands.append(done.stdout.strip())
    found = {}
    for command in commands:
        said = subprocess.run([command, "--version"], capture_output=True, text=True, check=True,
                              timeout=PROBE_TIMEOUT_S).stdout
        found.setdefault(re.search(r"version (\d+\.\d+)", said).group(1), command)
    return found


def newest_qemu():
    """One of 8 or later, which has igb, or None."""
    version, command = max(qemus().items(), key=lambda q: [int(n) for n in q[0].split(".")])
    return command if int(version.split(".")[0]) >= 8 else None


class Probe:
    """A machine that never starts, whose PCI configuration space is read: QEMU's qtest protocol."""

    def __init__(self, qemu, nic, machine):
        self.process = subprocess.Popen(
            [qemu, "-machine", f"{machine},accel=tcg", "-display", "none", "-nodefaults",
             "-qtest", "stdio", "-qtest-log", "none", "-S", "-netdev", "user,id=n0",
             "-device", f"{nic},netdev=n0,romfile=,addr=05.0"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def ask(self, line):
        """The answer's value; None when QEMU ended instead."""
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            return self.process.stdout.readline().split()[1:] or None
        except (OSError, IndexError):
            return None

    def read8(self, offset):
        """A byte of 00:05.0's configuration space, by the ports (PCI 3.0 3.2.2.3.2)."""
        self.ask(f"outl 0xcf8 0x{0x80002800 | (offset & ~3):x}")
        value = self.ask(f"inb 0x{0xcfc + (offset & 3):x}")
        return None if value is None else int(value[0], 16)


def interrupts_of(qemu, nic, machine):
    """(the ways there are for it, "") or ([], why it is not there): QEMU is asked."""
    with Probe(qemu, nic, machine) as probe:
        pin = probe.read8(0x3d)
        if pin is None:
            said = probe.process.communicate(timeout=PROBE_TIMEOUT_S)[1].strip()
            return [], said.split("\n")[-1].split(": ")[-1] or "QEMU did not say why"
        found = ["poll"] + (["intx"] if pin != 0 else [])
        at = probe.read8(0x34) if probe.read8(0x06) & 0x10 else 0  # status: capabilities list
        for _ in range(48):  # as many as there is room for
            if at == 0:
                break
            found.append(CAPABILITIES.get(probe.read8(at)))
            at = probe.read8(at + 1)
        return [i for i in INTERRUPTS if i in found], ""


def all_cells():
    """[(cell, "" or why there is none such)] of every combination."""
    cells = []
    for version, command in qemus().items():
        for nic in NICS:
            for machine in MACHINES:
                ways, why = interrupts_of(command, nic, machine)
                cells += [(Cell(version, nic, machine, boot, irq),
                           "" if irq in ways else why or f"the NIC has no {irq}")
                          for boot in BOOTS for irq in INTERRUPTS]
    return cells


def image_of(irq):
    """The image whose first entry has irq=, made anew."""
    os.makedirs(os.path.join(BUILD, "matrix"), exist_ok=True)
    return make_image(os.path.join(BUILD, "matrix", f"{irq}.iso"), f"irq={irq}")


def echo(guest, body):
    """POST /echo, sent and received at once: neither side holds all of it."""
    connection = http.client.HTTPConnection(guest.address, guest.port, timeout=STEP_TIMEOUT_S)
    connection.putrequest("POST", "/echo")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    sender = threading.Thread(target=connection.sock.sendall, args=(body,), daemon=True)
    sender.start()
    try:
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
        sender.join(STEP_TIMEOUT_S)


def run_cell(cell, folder, images):
    """Boots it; the address by DHCP, 16 MiB there and back, the link away and back, and again. The
    console's text. images: {irq: path}, of image_of(). Raises what went wrong."""
    options = {"append": f"irq={cell.irq}"} if cell.boot == "kernel" else \
        {"iso": images[cell.irq], "uefi": cell.boot == "uefi"}
    with QemuGuest(folder, user=True, qemu=qemus()[cell.qemu], nic=cell.nic, machine=cell.machine,
                   memory="128M", **options) as guest:
        guest.wait_console(r"net: address 10\.0\.2\.15/24, gateway 10\.0\.2\.2 \(DHCP\)",
                           STEP_TIMEOUT_S)
        guest.wait_http(STEP_TIMEOUT_S)
        assert re.search(INTERRUPTS[cell.irq], guest.console()), \
            f"not by {cell.irq}:\n{guest.console()}"
        body = os.urandom(1 << 20) * (ECHO_BYTES >> 20)
        status, got = echo(guest, body)
        assert status == 200 and got == body, \
            f"echo: status {status}, {len(got)} bytes, {'as' if got == body else 'not as'} sent"
        guest.monitor("set_link n0 off")
        guest.wait_console(r"link: down", STEP_TIMEOUT_S)
        guest.monitor("set_link n0 on")
        guest.wait_console(r"link: down(.|\n)*link: up", STEP_TIMEOUT_S)
        guest.wait_http(STEP_TIMEOUT_S)
        status, got = echo(guest, body[:1000])
        assert status == 200 and got == body[:1000], f"after the link's return: status {status}"
        return guest.console()
