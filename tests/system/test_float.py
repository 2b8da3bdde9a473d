"""Floating point on the metal under a storm of interrupts (tests/float), and what the processor's
floating-point exceptions look like when a program asks for them."""
import re
import subprocess

import pytest

from machine import ROOT, QemuGuest

pytestmark = pytest.mark.machine

MAKE_TIMEOUT_S = 120


def test_two_tasks_compute_undisturbed_under_interrupts(tmp_path):
    """irq=poll: the timer interrupts every 100 us, whatever runs. No traffic is needed."""
    with QemuGuest(tmp_path, user=True, app="float", append="irq=poll ip=10.0.2.15/24") as guest:
        m = guest.wait_console(r"float: (ok|FAILED).*\n", 60)
        assert m.group(1) == "ok", guest.console()
        taken = int(re.search(r"under (\d+) interrupts", m.group(0)).group(1))
        assert taken >= 3000, m.group(0)


@pytest.mark.parametrize("which,name,cause", [
    ("simd", "SIMD floating-point error", "division by 0"),
    ("x87", "floating-point error", "division by 0"),
    ("avx", "invalid opcode", None)])
def test_exceptions_are_named(tmp_path, which, name, cause):
    with QemuGuest(tmp_path, user=True, app="float", extra=["-cpu", "max"],
                   append=f"panic=halt ip=10.0.2.15/24 -- {which}") as guest:
        guest.wait_console("halted")
        console = guest.console()
        assert f"*** {name}, at rip " in console, console
        assert cause is None or f"unmasked by the program: {cause}\n" in console.replace("\r", "")
        assert re.search(r"#\d+ 0x[0-9a-f]+ raise_exception", console), console


@pytest.mark.parametrize("source,libraries,said", [
    ("static __thread int t; int main(void) { return t++; }", "", "thread-local variables"),
    ("__attribute__((section(\".odd\"))) int odd = 1; int main(void) { return odd; }", "",
     "unplaced orphan section `.odd'"),
    ("#include <nosuch.h>\nint main(void) { return 0; }", "APP_LIBS := -lnosuch\n"
     "APP_DEPS := libnosuch-dev\n",
     "APP_LIBS wants libnosuch.a, which is not there: make deps APP=")])
def test_what_the_machine_has_not_is_refused_by_name(tmp_path, source, libraries, said):
    folder = tmp_path / "refused"
    folder.mkdir()
    (folder / "main.c").write_text(source)
    (folder / "app.mk").write_text(libraries)
    done = subprocess.run(["make", "-s", "--no-print-directory", f"APP={folder}"], cwd=ROOT,
                          capture_output=True, text=True, timeout=MAKE_TIMEOUT_S)
    assert done.returncode != 0
    assert said in done.stderr, done.stderr
