"""A part of the matrix of machines in which each NIC, machine, boot, interrupt and QEMU comes up;
`make matrix` runs all of it."""
import functools

import pytest

from cells import Cell, all_cells, image_of, qemus, run_cell

pytestmark = pytest.mark.machine

OLD, NEW = 0, -1  # of the QEMUs there are; they may be the same one


@functools.cache
def existing():
    return dict(all_cells())


@pytest.fixture(scope="module")
def images():
    return {irq: image_of(irq) for irq in ("msix", "intx")}


@pytest.mark.parametrize("qemu, nic, machine, boot, irq", [
    (OLD, "e1000", "pc", "uefi", "intx"),
    (OLD, "e1000-82544gc", "pc", "iso", "intx"),
    (NEW, "e1000-82545em", "q35", "kernel", "poll"),
    (OLD, "e1000e", "q35", "uefi", "msix"),
    (NEW, "e1000e", "pc", "kernel", "msi"),
    (NEW, "e1000e", "q35", "kernel", "intx"),
    (NEW, "igb", "q35", "iso", "msix"),
])
def test_cell(tmp_path, images, qemu, nic, machine, boot, irq):
    cell = Cell(list(qemus())[qemu], nic, machine, boot, irq)
    if existing()[cell]:
        # No QEMU of 8 or later: tools/get-qemu.sh knows one for Debian 12, and needs a network.
        assert nic == "igb", existing()[cell]
        pytest.skip(f"{cell}: {existing()[cell]}")
    run_cell(cell, tmp_path, images)
