"""Several network devices in one box: which is used, and what is said of the others."""
import re

import pytest

from machine import QemuGuest

pytestmark = pytest.mark.machine

OTHER_MAC = "52:54:00:aa:bb:cc"
# The one that is forwarded to stands behind the other on the bus.
SERVING = "e1000,addr=7"
OTHER = ("-netdev", "user,id=n1", "-device", f"e1000-82545em,netdev=n1,addr=5,mac={OTHER_MAC}")


def two(tmp_path, append="", extra=()):
    return QemuGuest(tmp_path, user=True, nic=SERVING, append=append, extra=(*OTHER, *extra))


def test_the_first_with_a_link_is_used(tmp_path):
    with two(tmp_path, extra=("-S",)) as guest:
        guest.monitor("set_link n1 off")
        guest.monitor("cont")
        guest.wait_http()
        console = guest.console()
        assert "nic: 00:05.0 8086:100f passed over: no link" in console, console
        assert "nic: e1000 82540EM at PCI 00:07.0" in console, console


def test_without_any_link_the_first_is_used(tmp_path):
    with two(tmp_path, extra=("-S",)) as guest:
        guest.monitor("set_link n0 off")
        guest.monitor("set_link n1 off")
        guest.monitor("cont")
        guest.wait_console("nic: none has a link: the first is used")
        guest.wait_console("nic: e1000 82545EM at PCI 00:05.0")
        guest.wait_console("httpd: listening")


@pytest.mark.parametrize("words", ["nic=0:7.0", "nic=52:54:00:12:34:56"])
def test_the_named_one_is_used(tmp_path, words):
    with two(tmp_path, append=words) as guest:
        guest.wait_http()
        console = guest.console()
        assert "nic: 00:05.0 8086:100f passed over: nic= names another" in console, console


@pytest.mark.parametrize("words", ["nic=52:54:00:00:00:00"])
def test_a_name_of_none_is_told(tmp_path, words):
    with two(tmp_path, append=words) as guest:
        guest.wait_console("nic: nic= names none that can be used; the default stands")
        guest.wait_console("nic: e1000 82545EM at PCI 00:05.0")
        assert re.search("nic: 00:07.0 8086:100e passed over: ", guest.console())


def test_foreign_devices_are_listed(tmp_path):
    foreign = ("-device", "rtl8139", "-device", "virtio-net-pci")
    with QemuGuest(tmp_path, user=True, extra=foreign) as guest:
        guest.wait_http()
        console = guest.console()
        for device in ("10ec:8139", "1af4:1000"):
            assert re.search(rf"nic: 00:\d\d\.0 {device} passed over: no driver", console), console
