"""Booting: what the console says, how long it takes, what a crash looks like, which machines do."""
import os
import re
import subprocess
import sys
import time

import pytest

from machine import (BOOT_GUEST_IP, BOOT_HOST_IP, BOOT_TIMEOUT_S, BUILD, QemuGuest, TapLink,
                     ip_command)

LISTEN_MS_MAX = 30
IMAGE_KIB_MAX = 448  # code and constants; a tenth more with what nothing refers to
NS_AN_INSTRUCTION = 2  # of virtual time, a power of two (QEMU's -icount)
IDLE_S = 5
IDLE_TURNS_S = 100
IDLE_SHARE_MAX = 0.2  # of a program that does not sleep


def stamps(console):
    """(seconds, text) of each log line."""
    return [(float(m.group(1)), m.group(2))
            for m in re.finditer(r"^\[ *(\d+\.\d+)\] (.*)$", console, re.M)]


def test_image_is_small(user_guest):
    """Of libc and of what others compiled, there is what this server uses."""
    text, rodata = re.search(r"text (\d+) KiB, rodata (\d+) KiB", user_guest.console()).groups()
    assert int(text) + int(rodata) <= IMAGE_KIB_MAX


@pytest.fixture
def link():
    with TapLink("rsboot", BOOT_HOST_IP) as tap:
        yield tap


def boot(folder, link, **options):
    return QemuGuest(folder, tap=link.name, address=BOOT_GUEST_IP, **options)


def test_console_tells_each_step(user_guest):
    console = user_guest.console()
    for pattern in [r"boot: .*RAM", r"cpu: ", r"clock: TSC ", r"pci: ", r"nic: .*82540EM.*MAC ",
                    r"irq: .*IOAPIC pin \d+", r"entropy: ", r"link: up",
                    r"net: address 10\.0\.2\.15/24, gateway 10\.0\.2\.2 \(DHCP\)",
                    r"serving: http://10\.0\.2\.15/"]:
        assert re.search(r"^\[ *\d+\.\d+\] " + pattern, console, re.M), \
            f"no line {pattern!r} in:\n{console}"


def test_listening_soon(link, tmp_path):
    """From the kernel's entry (time 0 of the log) to the server's listening socket, in virtual
    time: an instruction takes two nanoseconds, and a device what it takes. So it tells what the
    kernel does and waits for, and nothing of the host. tools/bench-boot.py tells of real time."""
    times = []
    for n in range(2):
        folder = tmp_path / str(n)
        folder.mkdir()
        with boot(folder, link, append=f"ip={BOOT_GUEST_IP}/24", extra=[
                "-icount", f"shift={NS_AN_INSTRUCTION.bit_length() - 1},sleep=off"]) as guest:
            guest.wait_console(r"serving: http://.*\n")
            [served_s] = [t for t, text in stamps(guest.console()) if "serving: http" in text]
            times.append(served_s * 1000)
    print("listening after virtual ms:", times)
    assert max(times) < LISTEN_MS_MAX, times


def test_polling_serves(link, tmp_path):
    with boot(tmp_path, link, append=f"ip={BOOT_GUEST_IP}/24 irq=poll") as guest:
        guest.wait_http()
        guest.wait_console(r"irq: .*poll")


def test_iso_boots_through_grub(tmp_path):
    with QemuGuest(tmp_path, user=True, iso=os.path.join(BUILD, "httpd.iso")) as guest:
        guest.wait_http()
        assert re.search(r"boot: .*multiboot 2", guest.console())


def test_without_serial_port_serves(link, tmp_path):
    guest = boot(tmp_path, link, append=f"ip={BOOT_GUEST_IP}/24")
    at = guest.command.index("-serial")
    guest.command[at + 1] = "none"
    with guest:
        guest.wait_http()


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_headless_guest_serves(link, tmp_path, machine):
    """Neither a serial port nor a display adapter: there is nothing to say anything on."""
    guest = boot(tmp_path, link, machine=machine, append=f"ip={BOOT_GUEST_IP}/24",
                 extra=["-vga", "none"])
    guest.command[guest.command.index("-serial") + 1] = "none"
    with guest:
        guest.wait_http()


def test_idle_guest_sleeps(tap_guest):
    """With nothing to do it turns its loop only for what is due, and leaves the processor alone.
    The control is a program that does not sleep, beside it for as long."""
    time.sleep(2)  # the busy poll and TIME-WAIT timers of the tests before calm down
    before, start = tap_guest.stats(), tap_guest.cpu_seconds()
    spinning = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    time.sleep(IDLE_S)
    used, after = tap_guest.cpu_seconds() - start, tap_guest.stats()
    spinning.kill()
    _, _, control = os.wait4(spinning.pid, 0)
    turns, waits = (after[k] - before[k] for k in ("loop_turns", "loop_waits"))
    print(f"idle for {IDLE_S} s: {turns} turns, {waits} times asleep, {used:.2f} s of CPU; "
          f"the control used {control.ru_utime:.2f} s")
    assert 0 < waits and turns < IDLE_TURNS_S * IDLE_S
    assert used < control.ru_utime * IDLE_SHARE_MAX


def test_fault_prints_backtrace_with_names(tmp_path):
    with QemuGuest(tmp_path, user=True, append="selftest=fault panic=halt") as guest:
        guest.wait_console(r"halted")
        console = guest.console()
        assert re.search(r"page fault.*0x0*10\b", console), console
        assert re.search(r"cr2.*0*10\b", console, re.I), console
        names = re.findall(r"\b(selftest_fault_inner|selftest_fault|selftest_run|kernel_main)\b",
                           console)
        wanted = ["selftest_fault_inner", "selftest_fault", "selftest_run", "kernel_main"]
        assert [n for n in wanted if n in names] == wanted, console


def test_kernel_is_without_sse():
    """What is optimised as one with the kernel keeps its flags: interrupts save no SSE register."""
    core = subprocess.run(["objdump", "-d", os.path.join(BUILD, "metal", "core.o")],
                          capture_output=True, text=True, check=True).stdout
    assert "<tcp_input>:" in core and not re.search(r"%[xyz]?mm\d", core)


def test_stack_overflow_is_named(tmp_path):
    with QemuGuest(tmp_path, user=True, append="selftest=stack panic=halt") as guest:
        guest.wait_console(r"halted")
        assert "selftest_stack_overflow" in guest.console()
        assert re.search(r"page fault.*guard page below a stack", guest.console(), re.S), \
            guest.console()


def test_panic_reboots_by_default(tmp_path):
    with QemuGuest(tmp_path, user=True, append="selftest=assert") as guest:
        guest.wait_console(r"assertion failed: what == SELFTEST_NONE")
        guest.process.wait(BOOT_TIMEOUT_S)  # -no-reboot: QEMU ends instead


def test_selftest_passes(tmp_path):
    with QemuGuest(tmp_path, user=True, append="selftest=all") as guest:
        m = guest.wait_console(r"selftest: (\d+) passed, (\d+) failed")
        assert int(m.group(1)) >= 9 and m.group(2) == "0", guest.console()


def test_wrong_configuration_is_named(link, tmp_path):
    with boot(tmp_path, link, append=f"ip={BOOT_GUEST_IP}/24 gw=300.1.1.1 colour=red "
                   "log=loud") as guest:
        guest.wait_http()
        console = guest.console()
        for word in ["gw=300.1.1.1", "colour=red", "log=loud"]:
            assert re.search(rf"config: '{re.escape(word)}' .*", console), console


def test_link_down_and_up(link, tmp_path):
    with boot(tmp_path, link, append=f"ip={BOOT_GUEST_IP}/24") as guest:
        guest.wait_http()
        guest.monitor("set_link n0 off")
        guest.wait_console(r"link: down")
        guest.monitor("set_link n0 on")
        guest.wait_console(r"link: down(.|\n)*link: up")
        guest.wait_http()


def test_no_dhcp_server_falls_back_to_link_local(link, tmp_path):
    """RFC 3927: nobody answers, an address of 169.254/16 serves; the asking goes on."""
    with boot(tmp_path, link) as guest:
        m = guest.wait_console(r"net: address (169\.254\.\d+\.\d+)/16.*link-local")
        ip_command("addr", "add", "169.254.0.1/16", "dev", link.name)
        guest.address = m.group(1)
        guest.wait_http()
