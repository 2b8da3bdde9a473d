"""tools/check.py's rule of what a folder's files may include: a breach is told with its line, and a
target's folder of which nothing is said is one."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools"))
from check import check_includes, tree  # noqa: E402


def breaches(path, *lines):
    before = len(tree.problems)
    check_includes(path, list(lines))
    found = tree.problems[before:]
    del tree.problems[before:]
    return found


def test_include_that_is_not_allowed():
    assert breaches("net/planted.c", '#include "kernel/pkt.h"', '#include "kernel/task.h"')[0] \
        .startswith('net/planted.c:2: includes "kernel/task.h"; files here may include ')
    assert breaches("arch/host/planted.c", '#include "net/net.h"')[0].startswith(
        'arch/host/planted.c:1: includes "net/net.h"')


def test_target_without_a_row():
    assert breaches("arch/planted/a.c", '#include "kernel/platform.h"') == [
        "arch/planted/a.c:1: ALLOWED in tools/check.py has no row for arch/planted/"]


def test_what_is_as_it_should_be():
    assert breaches("arch/host/planted.c", '#include "drivers/nic.h"') == []
    assert breaches("apps/planted/main.c", "#include <stdio.h>") == []
