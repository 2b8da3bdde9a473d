"""Boards that lack what a PC has, or have more of it: processors, interrupt controllers, timers."""
import re
import subprocess

import pytest

from machine import ROOT, QemuGuest

pytestmark = pytest.mark.machine

TOOL_TIMEOUT_S = 60
# Switches x2APIC mode on, as the firmware of large machines and of some small ones does: an option
# ROM, which runs before the boot loader. EAX, ECX and EDX are kept.
X2APIC_ON = bytes.fromhex("6650 6651 6652"      # push eax, ecx, edx
                          "66b91b000000 0f32"   # mov ecx, IA32_APIC_BASE; rdmsr
                          "80cc04 0f30"         # or ah, 1 << 2 (bit 10); wrmsr
                          "665a 6659 6658 cb")  # pop edx, ecx, eax; retf
ROM_BYTES = 512


def boot(folder, machine, words="", **options):
    return QemuGuest(folder, user=True, machine=machine, append=f"ip=10.0.2.15/24 {words}",
                     **options)


def served(guest):
    """The console of a guest that has answered a request."""
    guest.wait_http()
    assert guest.get("/healthz")[0] == 200
    return guest.console()


@pytest.fixture(scope="module")
def newer_qemu():
    """QEMU 9 or later: the first with x2APIC without KVM, and that says when there is no 8259."""
    found = subprocess.run(["tools/get-qemu.sh", "--offline"], cwd=ROOT, capture_output=True,
                           text=True, timeout=TOOL_TIMEOUT_S)
    qemu = found.stdout.strip()
    if found.returncode == 0:
        said = subprocess.run([qemu, "--version"], capture_output=True, text=True,
                              timeout=TOOL_TIMEOUT_S).stdout
        if int(re.search(r"version (\d+)\.", said).group(1)) >= 9:
            return qemu
    pytest.skip("no QEMU 9 or later is here (tools/get-qemu.sh unpacks one)")


@pytest.mark.parametrize("machine, count, way, told", [
    ("pc", 2, "poll", r"timer poll every 100 us to 2 ms: asked for on the command line"),
    ("q35", 64, "intx", r"INTA on IOAPIC pin 22 level low, vector 0x56: asked for on the"),
])
def test_one_processor_of_many_serves(tmp_path, machine, count, way, told):
    """The others sleep as the firmware left them, whatever interrupts."""
    with boot(tmp_path, machine, f"irq={way}", extra=["-smp", str(count)]) as guest:
        console = served(guest)
        registers = guest.monitor("info registers -a")
    assert f" {count} processors, " in console, console
    assert re.search(rf"irq: 0:\d\.0 {told}", console), console
    halted = re.findall(r"^CPU#(\d+).*?HLT=(\d)", registers, re.M | re.S)
    assert len(halted) == count, registers
    assert all(hlt == "1" for n, hlt in halted if n != "0"), registers


def test_no_8259_no_pit_no_hpet(tmp_path):
    with boot(tmp_path, "q35,pic=off,pit=off,hpet=off", "irq=msix") as guest:
        console = served(guest)
    assert "clock: the PIT does not count" in console, console
    assert re.search(r"clock: TSC \d+\.\d+ MHz by PM timer alone", console), console
    assert "irq: the command line asks for MSI-X, which cannot be had" in console, console
    assert re.search(r"irq: .* on IOAPIC pin .*: no MSI-X, no MSI", console), console


def test_the_madt_denies_the_8259(tmp_path, newer_qemu):
    with boot(tmp_path, "q35,pic=off", qemu=newer_qemu) as guest:
        console = served(guest)
    assert re.search(r"apic: local APIC 0 in xAPIC mode, no 8259", console), console


def test_x2apic_left_on(tmp_path, newer_qemu):
    rom = bytearray(b"\x55\xaa\x01" + X2APIC_ON).ljust(ROM_BYTES, b"\0")
    rom[-1] = -sum(rom) & 0xff
    path = tmp_path / "x2apic.rom"
    path.write_bytes(rom)
    with boot(tmp_path, "q35", qemu=newer_qemu, cpu="max,+x2apic",
              extra=["-option-rom", str(path), "-smp", "2"]) as guest:
        console = served(guest)
    assert "apic: local APIC 0 in x2APIC mode" in console, console
    assert re.search(r"irq: .* on IOAPIC pin ", console), console
