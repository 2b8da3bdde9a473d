"""selftest=nic: the report that a person with a box sends, on the devices that there are here."""
import functools
import os
import re
import subprocess

import pytest

from images import make_tree, run_mkiso, without_menu
from machine import BUILD, ROOT, QemuGuest, wait_for

pytestmark = pytest.mark.machine

DASHES = "-" * 78
FRAMES = 10000
MAC = "52:54:00:c0:ff:ee"


@functools.cache
def newer_qemu():
    """A QEMU that has igb: the system's or the one that tools/get-qemu.sh has unpacked; or None."""
    script = os.path.join(ROOT, "tools", "get-qemu.sh")
    if not os.path.exists(script):
        return None
    done = subprocess.run([script, "--offline"], capture_output=True, text=True, timeout=60)
    return done.stdout.strip() if done.returncode == 0 else None


def reports(guest):
    """The reports so far, each a list of lines without its dashes; at least one is waited for."""
    guest.wait_console(rf"(?m)^nic: \d+ of \d+ passed\r?\n{DASHES}")
    return reports_in(guest.console())


def reports_in(console):
    lines = console.replace("\r", "").split("\n")
    marks = [i for i, line in enumerate(lines) if line == DASHES]
    assert len(marks) % 2 == 0, console
    return [lines[a + 1:b] for a, b in zip(marks[::2], marks[1::2])]


def check_form(report):
    assert len(report) <= 22, report  # with its dashes it is on a screen of 25 lines, as a whole
    for line in report:
        assert len(line) <= 80 and line.isascii(), line


def passed(report, pattern):
    """The match of a line that passed."""
    found = [m for line in report if (m := re.fullmatch("  ok   " + pattern, line))]
    assert len(found) == 1, (pattern, report)
    return found[0]


def has(report, pattern):
    return any(re.fullmatch(pattern, line) for line in report)


# Which device: its line, its loopback, its ways to interrupt, whether EERD is there.
DEVICES = {
    "e1000": (r"e1000 82540EM \(8254x\), PCI 00:0\d\.0, 8086:100e, revision 03", "PHY",
              ["INTx"], "small"),
    "e1000e": (r"e1000 82574L \(82574\), PCI 00:0\d\.0, 8086:10d3, revision 00", "MAC",
               ["MSI-X", "MSI", "INTx"], "large"),
    "igb": (r"e1000 82576 \(82576\), PCI 00:0\d\.0, 8086:10c9, revision 01", "MAC",
            ["MSI-X", "MSI", "INTx"], "large"),
}

# QEMU's e1000 checks nothing that it receives; its e1000e leaves segmenting to the host's network,
# which is not behind a loopback.
OFFLOADS = {
    "e1000": "sums 24/24, segments 86/86, marked 0, wrong 0",
    "e1000e": r"sums 24/24, segments (86/86, marked 110|0/86 \(uncut\), marked 24), wrong 0",
    "igb": r"sums 24/24, segments 86/86, marked 110, wrong 0",
}


@pytest.mark.parametrize("nic", list(DEVICES))
def test_report_of(tmp_path, nic):
    qemu = "qemu-system-x86_64" if nic != "igb" else newer_qemu()
    if qemu is None:
        pytest.skip("igb needs QEMU 8 or later, which tools/get-qemu.sh unpacks")
    name, loopback, ways, layout = DEVICES[nic]
    with QemuGuest(tmp_path, user=True, nic=f"{nic},mac={MAC}", machine="q35", qemu=qemu,
                   append="selftest=nic offload=all") as guest:
        [report] = reports(guest)
        guest.wait_http()  # it goes on serving
    check_form(report)
    assert report[0].startswith("Ringside "), report
    assert has(report, "  -    nic: " + name), report
    assert has(report, r"  -    quirks:( [a-z0-9-]+)+"), report
    passed(report, rf"mac: {MAC}, from the address registers \(RAL, RAH\)")
    passed(report, rf"nvm: 5452 c000 eeff .* sum baba, {layout} layout")
    passed(report, r"phy: [0-9a-f]{4}:[0-9a-f]{4} at 1, BMCR 1140, BMSR 79[46][9d]")
    passed(report, r"link: 1000 Mb/s full duplex in \d+ ms, CTRL [0-9a-f]{8} STATUS [0-9a-f]{8}")
    for way in ("MSI-X", "MSI", "INTx"):
        if way in ways:
            passed(report, rf"irq {way}: median \d+ us, worst \d+ us of 32")
        else:
            assert has(report, f"  -    irq {way}: not there"), report
    passed(report, r"irq poll: timer poll every 100 us to 2 ms")
    passed(report, rf"loopback \({loopback}\): {FRAMES} of {FRAMES} frames, 60 to 1514 bytes, "
                   r"in \d+ ms")
    passed(report, "offloads: " + OFFLOADS[nic])
    passed(report, r"dhcp: 10\.0\.2\.15/24 by 10\.0\.2\.2, lease 86400 s, after \d+ ms")
    assert has(report, r"  -    in use: (MSI-X|INT[A-D])\b.*"), report
    assert has(report, r"  -    received: [1-9]\d* frames, \d+ bytes; sent: [1-9]\d* frames, .*")
    count = 8 + len(ways)
    assert report[-1] == f"nic: {count} of {count} passed", report


def test_every_device_has_its_report(tmp_path):
    other = ["-netdev", "user,id=n1", "-device", f"e1000,netdev=n1,addr=7,mac={MAC}"]
    with QemuGuest(tmp_path, user=True, nic="e1000-82544gc,addr=5", extra=other,
                   append="selftest=nic offload=all") as guest:
        guest.wait_console(r"(?m)^Ringside .*: the network controller that is used")
        guest.wait_http()
        both = reports_in(guest.console())
    assert len(both) == 2, both
    assert "that is not used" in both[0][0] and "that is used" in both[1][0], both
    passed(both[0], rf"mac: {MAC}, .*")
    assert both[0][-1] == "nic: 8 of 8 passed", both
    assert has(both[1], "  -    nvm: not read by registers in this part"), both
    assert both[1][-1] == "nic: 8 of 8 passed", both


ENTRY = "Ringside: test of the network controllers, with a report"
VGA_TEXT, COLUMNS, ROWS = 0xb8000, 80, 25


def screen_lines(guest, path):
    """The rows of a VGA's text screen."""
    if os.path.exists(path):
        os.remove(path)
    guest.monitor(f'pmemsave {VGA_TEXT} {2 * COLUMNS * ROWS} "{path}"')  # else it divides by a path
    with open(path, "rb") as f:
        text = f.read()[0::2].decode("cp437")
    return [text[i:i + COLUMNS].rstrip(" \0") for i in range(0, len(text), COLUMNS)]


def test_from_the_menu(tmp_path):
    """The image's entry for it; the whole report is on a text screen to be photographed."""
    menu = without_menu()
    assert f'menuentry "{ENTRY}"' in menu
    tree, image = str(tmp_path / "tree"), str(tmp_path / "test.iso")
    make_tree(tree, menu.replace("set default=0\n", f'set default="{ENTRY}"\n'),
              {"boot/ringside.elf": os.path.join(BUILD, "httpd.elf")})
    run_mkiso("--tree", tree, image)
    with QemuGuest(tmp_path, user=True, nic="e1000e", iso=image) as guest:
        [report] = reports(guest)
        # The serial port is written to first.
        seen = wait_for("the report on the screen", lambda: (
            lines := screen_lines(guest, str(tmp_path / "screen"))) and lines.count(DASHES) == 2
            and lines, 30)
    start = seen.index(DASHES)
    assert seen[start + 1:start + 1 + len(report)] == report, seen
    assert report[-1] == "nic: 11 of 11 passed", report
