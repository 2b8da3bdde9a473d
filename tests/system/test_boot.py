"""Booting: what the console says, how long it takes, what a crash looks like, which machines do."""
import os
import re
import statistics
import time

import pytest

from machine import BOOT_GUEST_IP, BOOT_HOST_IP, BUILD, QemuGuest, TapLink, ip_command

LISTEN_MS_MAX = 100
BOOTS = 5
BOOTS_MAX = 15
IDLE_CPU_MAX = 0.05


def stamps(console):
    """(seconds, text) of each log line."""
    return [(float(m.group(1)), m.group(2))
            for m in re.finditer(r"^\[ *(\d+\.\d+)\] (.*)$", console, re.M)]


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


def in_time(times):
    return statistics.median(times[-BOOTS:]) < LISTEN_MS_MAX


def test_listening_within_100_ms(link, tmp_path):
    """From the kernel's entry (time 0 of the log) to the server's listening socket: the median of
    five boots, for the host may take the emulator's processor away at any moment. One that is busy
    with something else may have more boots, until the median of the last five is in time: what it
    takes away never makes a boot faster."""
    times = []
    while len(times) < BOOTS or (len(times) < BOOTS_MAX and not in_time(times)):
        folder = tmp_path / str(len(times))
        folder.mkdir()
        with boot(folder, link, append=f"ip={BOOT_GUEST_IP}/24") as guest:
            guest.wait_console(r"serving: http://.*\n")
            [served_s] = [t for t, text in stamps(guest.console()) if "serving: http" in text]
            times.append(served_s * 1000)
    print("listening after ms:", " ".join(f"{t:.0f}" for t in times))
    assert in_time(times), times


@pytest.mark.parametrize("nic", ["e1000-82545em", "e1000-82544gc"])
def test_other_nics_serve(link, tmp_path, nic):
    with boot(tmp_path, link, nic=nic, append=f"ip={BOOT_GUEST_IP}/24") as guest:
        guest.wait_http()


def test_q35_serves(link, tmp_path):
    with boot(tmp_path, link, machine="q35", append=f"ip={BOOT_GUEST_IP}/24") as guest:
        guest.wait_http()


def test_polling_serves(link, tmp_path):
    with boot(tmp_path, link, append=f"ip={BOOT_GUEST_IP}/24 irq=poll") as guest:
        guest.wait_http()
        guest.wait_console(r"irq: .*poll")


@pytest.mark.parametrize("memory", ["16M", "4G"])
def test_memory_sizes_serve(link, tmp_path, memory):
    with boot(tmp_path, link, memory=memory, append=f"ip={BOOT_GUEST_IP}/24") as guest:
        guest.wait_http()
        body = os.urandom(300000)
        assert echo(guest, body) == body


def echo(guest, body):
    import http.client
    connection = http.client.HTTPConnection(guest.address, guest.port, timeout=20)
    connection.request("POST", "/echo", body)
    answer = connection.getresponse().read()
    connection.close()
    return answer


def test_iso_boots_through_grub(tmp_path):
    with QemuGuest(tmp_path, user=True, iso=os.path.join(BUILD, "httpd.iso")) as guest:
        guest.wait_http(60)
        assert re.search(r"boot: .*multiboot 2", guest.console())


def test_without_serial_port_serves(link, tmp_path):
    guest = boot(tmp_path, link, append=f"ip={BOOT_GUEST_IP}/24")
    at = guest.command.index("-serial")
    guest.command[at + 1] = "none"
    with guest:
        guest.wait_http()


def test_idle_guest_sleeps(tap_guest):
    time.sleep(2)  # the busy poll and TIME-WAIT timers of the tests before calm down
    before, start = tap_guest.cpu_seconds(), time.monotonic()
    time.sleep(5)
    share = (tap_guest.cpu_seconds() - before) / (time.monotonic() - start)
    print(f"idle: {share * 100:.2f}% of one core")
    assert share < IDLE_CPU_MAX


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


def test_stack_overflow_is_named(tmp_path):
    with QemuGuest(tmp_path, user=True, append="selftest=stack panic=halt") as guest:
        guest.wait_console(r"halted")
        assert "selftest_stack_overflow" in guest.console()
        assert re.search(r"page fault.*guard page below a stack", guest.console(), re.S), \
            guest.console()


def test_panic_reboots_by_default(tmp_path):
    with QemuGuest(tmp_path, user=True, append="selftest=assert") as guest:
        guest.wait_console(r"assertion failed: what == SELFTEST_NONE")
        guest.process.wait(20)  # -no-reboot: QEMU ends instead


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
        m = guest.wait_console(r"net: address (169\.254\.\d+\.\d+)/16.*link-local", 40)
        ip_command("addr", "add", "169.254.0.1/16", "dev", link.name)
        guest.address = m.group(1)
        guest.wait_http()
