"""Floating point on the metal under a storm of interrupts (tests/float), and what the processor's
floating-point exceptions look like when a program asks for them."""
import re

import pytest

from machine import QemuGuest


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
