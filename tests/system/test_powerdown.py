"""The power button under a transfer, whatever tells the guest of its frames: the peer sees the end
of the stream, not a reset nor silence, and the machine is off soon."""
import random
import re
import threading

import pytest

from cells import INTERRUPTS, newest_qemu
from machine import (BOOT_GUEST_IP, BOOT_HOST_IP, BOOT_TIMEOUT_S, QemuGuest, TapLink, wait_for)

pytestmark = pytest.mark.machine

SIZE = 64 << 20
UNDER_WAY = 1 << 20  # bytes that are back when the button is pressed
OFF_S = 5  # by the guest's clock
HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"


def send_until_refused(client, body):
    try:
        client.sendall(HEAD % SIZE + body)
    except OSError:
        pass  # the guest reads no more, and then is gone


def press_under_way(guest, body):
    """Presses it in the middle of an echo; how many bytes the client had got at the end."""
    with guest.connect(BOOT_TIMEOUT_S) as client:
        threading.Thread(target=send_until_refused, args=(client, body), daemon=True).start()
        got = 0
        while got < UNDER_WAY:
            got += len(client.recv(1 << 16))
        guest.monitor("system_powerdown")
        while piece := client.recv(1 << 16):  # a reset raises
            got += len(piece)
        return got


@pytest.mark.parametrize("nic, irq", [
    ("e1000", "intx"), ("e1000", "poll"), ("e1000e", "msix"), ("e1000e", "msi"), ("igb", "msix"),
])
def test_button_under_a_transfer(tmp_path, nic, irq):
    qemu = newest_qemu() if nic == "igb" else "qemu-system-x86_64"
    if qemu is None:
        pytest.skip("no QEMU of 8 or later is here, which has igb (tools/get-qemu.sh)")
    body = random.Random(8).randbytes(1 << 20) * (SIZE >> 20)
    with TapLink("rspower", BOOT_HOST_IP) as link, \
            QemuGuest(tmp_path, tap=link.name, nic=nic, qemu=qemu, address=BOOT_GUEST_IP,
                      machine="q35", append=f"ip={BOOT_GUEST_IP}/24 irq={irq}") as guest:
        guest.wait_http()
        assert re.search(INTERRUPTS[irq], guest.console()), guest.console()
        got = press_under_way(guest, body)
        wait_for("the machine to be off", lambda: guest.process.poll() is not None, BOOT_TIMEOUT_S)
        console = guest.console()
    assert guest.process.returncode == 0, console
    assert UNDER_WAY <= got < SIZE, "nothing was under way"
    pressed, off = (float(re.search(rf"\[ *([\d.]+)\] power: {what}", console).group(1))
                    for what in ("button pressed, 1 connections", "off, 0 connections"))
    assert off - pressed < OFF_S, console
