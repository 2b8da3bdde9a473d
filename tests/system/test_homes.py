"""The domain file of docs/: a guest of what its elements stand for boots the image and serves."""
import os
import xml.etree.ElementTree

import pytest

from machine import BUILD, ROOT, QemuGuest

pytestmark = pytest.mark.machine

# What libvirt makes of an element is known for these alone: a new one wants to be written here.
WITHOUT_MEANING_HERE = {"name", "vcpu", "features", "on_poweroff", "on_reboot", "on_crash"}


def elements(domain):
    """The guest's options, by what the elements of a domain file say."""
    options = {"extra": ["-nodefaults"]}
    for e in domain:
        if e.tag == "memory":
            assert e.get("unit") == "MiB"
            options["memory"] = e.text + "M"
        elif e.tag == "os":
            options["machine"] = e.find("type").get("machine")
            assert e.find("boot").get("dev") == "cdrom"
        elif e.tag == "cpu":
            assert e.get("mode") == "host-passthrough"
            options["cpu"] = "max"  # an emulated processor's equivalent
        elif e.tag == "devices":
            devices(e, options)
        else:
            assert e.tag in WITHOUT_MEANING_HERE, e.tag
    return options


def devices(parent, options):
    for e in parent:
        if e.tag == "disk":
            assert (e.get("device"), e.find("target").get("bus")) == ("cdrom", "sata")
            options["iso"] = os.path.join(BUILD, "httpd.iso")
        elif e.tag == "interface":
            options["nic"] = e.find("model").get("type")
        elif e.tag == "video":
            options["extra"] += ["-vga", {"vga": "std"}[e.find("model").get("type")]]
        else:  # the serial port is there; a picture that nobody looks at needs no server
            assert e.tag in ("serial", "console", "graphics", "memballoon"), e.tag


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_libvirt_domain_serves(tmp_path, firmware):
    domain = xml.etree.ElementTree.parse(os.path.join(ROOT, "docs", "libvirt.xml")).getroot()
    options = elements(domain)
    with QemuGuest(tmp_path, user=True, uefi=firmware == "uefi", **options) as guest:
        guest.wait_http()
        assert "multiboot 2" in guest.console(), guest.console()
