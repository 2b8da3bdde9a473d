"""The machine around the program: which network devices it knows, and its power button."""
import re

import pytest

from machine import QemuGuest


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
                         r"supported: 8086:100c 8086:100d 8086:100e 8086:100f ", console), console
