"""The machine around the program: which network devices it knows, and its power button."""
import re
import subprocess
import time

import pytest

from machine import (BOOT_GUEST_IP, BOOT_HOST_IP, BOOT_TIMEOUT_S, ROOT, QemuGuest, TapLink,
                     wait_for)

pytestmark = pytest.mark.machine

MAKE_TIMEOUT_S = 120


def without_nic(guest):
    """The guest without any network device."""
    for option in ("-netdev", "-device"):
        at = guest.command.index(option)
        del guest.command[at:at + 2]
    guest.command += ["-nic", "none"]
    return guest


@pytest.mark.parametrize("nic, there", [
    ("virtio-net-pci", r" 00:\d\d\.0 1af4:1000"),
    ("rtl8139", r" 00:\d\d\.0 10ec:8139"),
    (None, " none"),
])
def test_an_unsupported_nic_is_named(tmp_path, nic, there):
    guest = QemuGuest(tmp_path, user=True, nic=nic or "e1000", append="panic=halt")
    with guest if nic else without_nic(guest):
        guest.wait_console(r"halted")
        console = guest.console()
        assert re.search(rf"panic: no supported network device .*there:{there}; "
                         r"supported: Intel's of 1 Gb/s, .*\(docs/hardware.md\)", console), console


@pytest.mark.parametrize("cpu, why", [
    ("pentium3", "no 64-bit long mode"),
    ("qemu64,-sse2", "no SSE2"),
])
def test_a_processor_that_will_not_do_is_named(tmp_path, cpu, why):
    with QemuGuest(tmp_path, user=True, cpu=cpu) as guest:
        guest.wait_console(rf"Ringside: the processor has {why}; .*Halted", 20)


@pytest.fixture
def link():
    with TapLink("rsboot", BOOT_HOST_IP) as tap:
        yield tap


def code_of_the_end(guest):
    """Long before TCP would give up a connection by itself, but no matter how slow the host is."""
    wait_for("the machine to be off", lambda: guest.process.poll() is not None, BOOT_TIMEOUT_S)
    return guest.process.returncode


@pytest.mark.parametrize("machine, words, heard", [
    ("pc", "", r"power: button on IOAPIC pin 9 "),
    ("q35", "", r"power: button on IOAPIC pin 9 "),
    ("pc", "irq=poll", r"power: button polled"),
])
def test_power_button_ends_the_machine_in_order(link, tmp_path, machine, words, heard):
    """A client in the middle of a request and one that says nothing get a FIN, neither a RST nor
    silence; then the machine is off, by itself."""
    with QemuGuest(tmp_path, tap=link.name, address=BOOT_GUEST_IP, machine=machine,
                   append=f"ip={BOOT_GUEST_IP}/24 {words}") as guest:
        guest.wait_http()
        assert re.search(heard, guest.console()), guest.console()
        with guest.connect() as silent, guest.connect() as asking:
            for client in (silent, asking):  # once answered, their handshakes are over for certain
                client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
                assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
            asking.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
            guest.monitor("system_powerdown")
            assert silent.recv(100) == b""
            while asking.recv(1000):
                pass  # what was answered before; then the end, not an error
            code = code_of_the_end(guest)
        assert code == 0, guest.console()
        assert re.search(r"power: button pressed, 2 connections to end\n"
                         r".*power: off, 0 connections", guest.console()), guest.console()


def test_power_button_does_not_wait_for_a_dead_peer(link, tmp_path):
    with QemuGuest(tmp_path, tap=link.name, address=BOOT_GUEST_IP,
                   append=f"ip={BOOT_GUEST_IP}/24") as guest:
        guest.wait_http()
        with guest.connect() as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
            guest.monitor("set_link n0 off")
            guest.monitor("system_powerdown")
            assert code_of_the_end(guest) == 0
        assert re.search(r"power: off, 1 connections not acknowledged", guest.console())


def test_second_press_ends_a_machine_whose_server_never_waits(tmp_path):
    """The loop, which would see the first, has no turn any more; the interrupt has. Two presses
    that the machine takes at one look are one, so it is pressed until it has an effect."""
    folder = tmp_path / "spinner"
    folder.mkdir()
    (folder / "main.c").write_text("#include <stdio.h>\n"
                                   "int main(void) { puts(\"spinning\"); for (;;) { } }\n")
    subprocess.run(["make", "-s", "--no-print-directory", f"APP={folder}"], cwd=ROOT, check=True,
                   timeout=MAKE_TIMEOUT_S)
    with QemuGuest(tmp_path, user=True, app="spinner", append="ip=10.0.2.15/24") as guest:
        guest.wait_console("spinning")

        def off():
            guest.monitor("system_powerdown")
            time.sleep(0.2)
            return guest.process.poll() is not None
        wait_for("the machine to switch itself off", off, 20)
        assert guest.process.returncode == 0
        assert "power: pressed again, and the server does not wait: off" in guest.console()


def test_serves_by_the_boards_clock(link, tmp_path):
    """The TSC that QEMU emulates is not said to be invariant: it is watched. The self-test makes
    it hurry, which must be found out; time, timers and service go on by the board's clock."""
    with QemuGuest(tmp_path, tap=link.name, address=BOOT_GUEST_IP,
                   append=f"ip={BOOT_GUEST_IP}/24 selftest=all") as guest:
        m = guest.wait_console(r"clock: the TSC does not keep its pace: (\d+) us by it, (\d+) by "
                               r"the HPET, which tells the time")
        assert int(m.group(1)) > 1.5 * int(m.group(2))
        guest.wait_http()
        guest.monitor("set_link n0 off")
        guest.wait_console(r"link: down")
        console = guest.console()
        assert "clock: the TSC is not known to be invariant: watched by the HPET" in console
        stamps = [float(s) for s in re.findall(r"^\[ *(\d+\.\d+)\]", console, re.M)]
        assert stamps == sorted(stamps), console
