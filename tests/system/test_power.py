"""The board around the program: how it is reset or switched off, by reboot(2) from the server;
several host bridges; IOMMUs."""
import os
import re

import pytest

from machine import (BOOT_GUEST_IP, BOOT_HOST_IP, BOOT_TIMEOUT_S, BUILD, GdbStub, HostedGuest,
                     QemuGuest, TapLink, wait_for)

pytestmark = pytest.mark.machine

BY_FADT = "power: reset by the register that the FADT names"
BY_KEYBOARD = "power: reset by the keyboard controller"
BY_CHIP_SET = "power: reset by the chip set"


def boot(folder, machine="pc", **kwargs):
    return QemuGuest(folder, user=True, machine=machine, app="ending",
                     append="ip=10.0.2.15/24 gw=10.0.2.2", **kwargs)


def tell(guest, letter):
    """The server's answer, and then the end of the connection, neither a RST nor silence."""
    with guest.connect() as client:
        client.settimeout(BOOT_TIMEOUT_S)
        client.sendall(letter.encode())
        answer = b""
        while got := client.recv(100):
            answer += got
        assert answer == b"bye\n"


def code_of_the_end(guest):
    wait_for("the machine to end", lambda: guest.process.poll() is not None, BOOT_TIMEOUT_S)
    return guest.process.returncode


@pytest.mark.parametrize("machine, ways", [
    ("q35", [BY_FADT]),
    ("pc", [BY_KEYBOARD]),  # its FADT is that of ACPI 1.0
    ("q35,acpi=off", [BY_KEYBOARD]),
    ("pc,i8042=off", [BY_KEYBOARD, BY_CHIP_SET]),
])
def test_the_server_reboots_the_machine(tmp_path, machine, ways):
    """-no-reboot: QEMU ends with 0 when the machine is reset, and not when it hangs."""
    with boot(tmp_path, machine) as guest:
        guest.wait_console("ending: listening")
        tell(guest, "x")
        tell(guest, "r")
        assert code_of_the_end(guest) == 0, guest.console()
        console = guest.console()
    assert "ending: reboot(1) gives -1, " in console
    assert re.search(r"power: the server ends the machine, 1 connections to end\n"
                     r".*power: reboot, 0 connections not acknowledged", console), console
    assert re.findall(r"^power: reset by .*(?<!\r)", console, re.M) == ways, console


def reduced_fadt():
    """A FADT without its header: hardware-reduced, with a reset register."""
    fadt = bytearray(268)
    fadt[112:116] = (1 << 20 | 1 << 10).to_bytes(4, "little")
    fadt[116:118] = 1, 8
    fadt[120:122] = 0xcf9.to_bytes(2, "little")
    fadt[128] = 6
    return bytes(fadt[36:])


def test_a_board_of_reduced_hardware(tmp_path):
    """What the first FADT says of a PM timer and a button is gone with the second."""
    table = tmp_path / "fadt"
    table.write_bytes(reduced_fadt())
    with boot(tmp_path, extra=["-acpitable", f"sig=FACP,rev=5,data={table}"]) as guest:
        guest.wait_console("ending: listening")
        tell(guest, "r")
        assert code_of_the_end(guest) == 0, guest.console()
        console = guest.console()
    assert "power: no button on fixed hardware" in console
    assert "PM timer" not in console
    assert re.findall(r"^power: reset by .*(?<!\r)", console, re.M) == [BY_FADT], console


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_the_server_switches_the_machine_off(tmp_path, machine):
    """-no-shutdown: QEMU would not end at a reset, and says what happened."""
    with boot(tmp_path, machine, extra=["-no-shutdown"]) as guest:
        guest.wait_console("ending: listening")
        tell(guest, "p")
        wait_for("the machine to be off", lambda: "paused (shutdown)" in
                 guest.monitor("info status"), BOOT_TIMEOUT_S)
        console = guest.console()
    assert "power: off, 0 connections not acknowledged" in console
    assert "reset by" not in console and "halted" not in console


def test_the_server_halts_the_machine(tmp_path):
    with boot(tmp_path, extra=["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]) as guest:
        guest.wait_console("ending: listening")
        tell(guest, "h")
        assert code_of_the_end(guest) == 1, guest.console()  # (0 << 1) | 1
        assert "power: halt, 0 connections not acknowledged" in guest.console()


def test_the_server_ends_the_hosted_program(tmp_path):
    with TapLink("rsending", BOOT_HOST_IP) as link:
        for letter, code in ("p", 0), ("r", 1):
            folder = tmp_path / letter
            folder.mkdir()
            with HostedGuest(folder, link.name, [f"ip={BOOT_GUEST_IP}/24"], BOOT_GUEST_IP,
                             app="ending") as guest:
                guest.wait_console("ending: listening")
                tell(guest, letter)
                assert code_of_the_end(guest) == code, guest.console()


def test_a_nic_behind_another_host_bridge(tmp_path):
    """On a bus that no bridge leads to: in the window that MCFG names, and by ports without it.
    Extended configuration space, which only the first way reaches, does no harm to the second."""
    q35 = ["-device", "pxb-pcie,id=px,bus_nr=80,bus=pcie.0", "-device",
           "pcie-root-port,id=rp,bus=px,chassis=1"]
    pc = ["-device", "pxb,id=px,bus_nr=80"]
    for machine, bridges, nic, way in (
            ("q35", q35, "e1000,bus=rp", r"pci: configuration space of buses 0 to 255 at 0x"),
            ("pc", pc, "e1000,bus=px,addr=1", r"pci: \d+ functions")):
        folder = tmp_path / machine
        folder.mkdir()
        guest = QemuGuest(folder, user=True, machine=machine, append="ip=10.0.2.15/24 gw=10.0.2.2")
        at = guest.command.index("e1000,netdev=n0,romfile=")
        guest.command[at] = f"{nic},netdev=n0,romfile="
        guest.command[at - 1:at - 1] = bridges
        with guest:
            guest.wait_http()
            console = guest.console()
        assert re.search(way, console), console
        assert re.search(r"pci: \d+ functions, 2 host bridges", console), console
        assert re.search(r"nic: .* at PCI 51:", console), console  # as nic= takes it


def test_configuration_space_that_is_not_where_mcfg_says(tmp_path):
    """In RAM, and where nothing is: neither is believed, and the ports do."""
    table = tmp_path / "mcfg"
    table.write_bytes(bytes(8) + b"".join(
        address.to_bytes(8, "little") + bytes([0, 0, 0, last, 0, 0, 0, 0])
        for address, last in ((0x1000000, 0), (0xd0000000, 255))))
    with QemuGuest(tmp_path, user=True, append="ip=10.0.2.15/24 gw=10.0.2.2",
                   extra=["-acpitable", f"sig=MCFG,data={table}"]) as guest:
        guest.wait_http()
        console = guest.console()
    for where in r"buses 0 to 0 at 0x1000000", r"buses 0 to 255 at 0xd0000000":
        assert re.search(f"pci: configuration space of {where}, says MCFG; it is not there: by "
                         r"ports", console), console


@pytest.mark.parametrize("options, units", [
    (["-device", "intel-iommu"], r"iommu: 1 VT-d unit, off"),
    (["-device", "amd-iommu"], r"iommu: AMD's unit at 0x\w+ is off"),
])
def test_an_iommu_that_is_off_is_named(tmp_path, options, units):
    with QemuGuest(tmp_path, user=True, machine="q35", append="ip=10.0.2.15/24 gw=10.0.2.2",
                   extra=options) as guest:
        guest.wait_http()
        assert re.search(units, guest.console()), guest.console()


def entry_of(app):
    """Of a 32-bit ELF file."""
    with open(os.path.join(BUILD, f"{app}.elf"), "rb") as f:
        return int.from_bytes(f.read(28)[24:], "little")


def test_an_iommu_that_the_firmware_left_on_is_turned_off(tmp_path):
    """Translation and interrupt remapping by tables that are not there: no DMA reaches memory, and
    no request an answer, until they are off."""
    command, status = 0xfed90018, 0xfed9001c
    stub = GdbStub(tmp_path)
    with QemuGuest(tmp_path, user=True, machine="q35,kernel-irqchip=split",
                   append="ip=10.0.2.15/24 gw=10.0.2.2",
                   extra=["-device", "intel-iommu,intremap=on", *stub.options]) as guest:
        with stub:
            stub.run_to(entry_of("httpd"))
            stub.write_physical(command, 1 << 31)
            stub.write_physical(command, 1 << 31 | 1 << 25)
            assert stub.read_physical(status) & (1 << 31 | 1 << 25) == 1 << 31 | 1 << 25
        guest.wait_http()
        console = guest.console()
    assert re.search(r"iommu: the firmware left on translation, interrupt remapping, in the unit "
                     r"at 0xfed90000: turned off", console), console
