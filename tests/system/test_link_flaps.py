"""A link that goes and comes back, again and again, under a transfer: it ends with every byte."""
import hashlib
import os
import random
import re
import subprocess
import threading

import pytest

from cells import INTERRUPTS, newest_qemu
from machine import BOOT_GUEST_IP, BOOT_HOST_IP, QemuGuest, TapLink, wait_for
from test_load import held, wait_back

pytestmark = pytest.mark.machine

FLAPS = int(os.environ.get("RINGSIDE_FLAPS", "0"))
SIZE = 16 << 20
STEP_S = 120  # for what hangs
PIECE = 1 << 16
HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"


class Echo:
    """A body on its way through /echo, as much of it as has been let go. What comes back is counted
    and hashed."""

    def __init__(self, guest, body):
        self.body = body
        self.let_go = self.sent = self.received = 0
        self.more = threading.Condition()
        self.digest = hashlib.sha256()
        self.socket = guest.connect(STEP_S)
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self.send, self.receive)]
        for thread in self.threads:
            thread.start()

    def send(self):
        self.socket.sendall(HEAD % len(self.body))
        while self.sent < len(self.body):
            with self.more:
                self.more.wait_for(lambda: self.sent < self.let_go, STEP_S)
                piece = self.body[self.sent:min(self.sent + PIECE, self.let_go)]
            self.socket.sendall(piece)
            self.sent += len(piece)

    def receive(self):
        answer = self.socket.makefile("rb")
        while answer.readline() not in (b"\r\n", b""):
            pass
        while piece := answer.read1(PIECE):
            self.digest.update(piece)
            self.received += len(piece)

    def let(self, upto):
        with self.more:
            self.let_go = upto
            self.more.notify()

    def end(self):
        """Waits for it; whether what came back is what was sent."""
        for thread in self.threads:
            thread.join(STEP_S)
            assert not thread.is_alive(), f"{self.sent} sent, {self.received} back after {STEP_S} s"
        self.socket.close()
        return self.digest.digest() == hashlib.sha256(self.body).digest()


def told(guest, what):
    return guest.console().count(f"] link: {what}")


def flap(guest, echo, let_go):
    """Takes the link away with bytes under way, and gives it back when the guest has seen that,
    with more bytes under way; until it has seen that, too. TCP may wait for its timer longer than
    that: nobody waits for it here."""
    downs, ups = told(guest, "down"), told(guest, "up")
    echo.let(echo.let_go + (let_go - echo.let_go) // 2)
    guest.monitor("set_link n0 off")
    wait_for("the guest to see that the link is gone", lambda: told(guest, "down") > downs, STEP_S)
    echo.let(let_go)
    assert echo.received < let_go, "nothing was under way while the link was down"
    guest.monitor("set_link n0 on")
    wait_for("the guest to see the link again", lambda: told(guest, "up") > ups, STEP_S)


def has_property(qemu, device, name):
    options = subprocess.run([qemu, "-device", f"{device},help"], capture_output=True, text=True,
                             timeout=STEP_S, check=True).stdout
    return f"  {name}=" in options


@pytest.mark.parametrize("nic, irq, flaps", [
    ("e1000", "intx", 100),
    ("e1000e", "msix", 3),
    ("igb", "msix", 3),
])
def test_a_transfer_outlives_its_links(tmp_path, nic, irq, flaps):
    qemu = newest_qemu() if nic == "igb" else "qemu-system-x86_64"
    if qemu is None:
        pytest.skip("no QEMU of 8 or later is here, which has igb (tools/get-qemu.sh)")
    # Without this its link is there at once: the others, and it in QEMU 10, negotiate for half a
    # second each time.
    if nic == "e1000" and has_property(qemu, "e1000", "autonegotiation"):
        nic += ",autonegotiation=off"
    elif nic == "e1000":
        flaps = 3
    flaps = FLAPS or flaps
    body = random.Random(8).randbytes(SIZE)
    with TapLink("rsflap", BOOT_HOST_IP) as link, \
            QemuGuest(tmp_path, tap=link.name, nic=nic, qemu=qemu, address=BOOT_GUEST_IP,
                      append=f"ip={BOOT_GUEST_IP}/24 irq={irq}") as guest:
        guest.wait_http()
        assert re.search(INTERRUPTS[irq], guest.console()), guest.console()
        before, changes = held(guest), guest.stats()["nic_link_changes"]
        echo = Echo(guest, body)
        for n in range(flaps):
            received = echo.received
            flap(guest, echo, (n + 1) * SIZE // (flaps + 1))
            # A link that is up for a moment between half seconds without one carries next to
            # nothing, and the server's patience with who takes nothing ends: bytes get through.
            if "autonegotiation=off" not in nic:
                wait_for("bytes to come back", lambda: echo.received > received, STEP_S)
        echo.let(SIZE)
        assert echo.end(), guest.console()
        after = guest.stats()
        wait_back(guest, before, STEP_S)
        console = guest.console()
    assert after["nic_link_changes"] - changes == 2 * flaps
    assert after["nic_tx_hangs"] == after["nic_rx_stalls"] == 0, console
