"""The packet scripts of tests/scripts against Linux's own TCP, each in a namespace with a TUN
device, in real time. A script that fails here and does not say why (differs-on-linux, only-ours)
is a difference that nobody has explained: docs/conformance.md, "Where Linux differs"."""
import os
import re
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = "build/test/scripts"
TIMEOUT_S = 180


@pytest.fixture(scope="module")
def program():
    subprocess.run(["make", "-s", "--no-print-directory", PROGRAM], cwd=ROOT, check=True,
                   timeout=600)
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as e:
        pytest.skip(f"no TUN device can be made here: /dev/net/tun: {e.strerror}")
    return PROGRAM


def test_packet_scripts_against_linux(program):
    done = subprocess.run([program, "--linux"], cwd=ROOT, capture_output=True, text=True,
                          timeout=TIMEOUT_S)
    lines = done.stdout.split("\n")
    failed = [i for i, line in enumerate(lines) if line.startswith("[   FAILED ]")]
    told = "\n".join("\n".join(lines[i:i + 4]) for i in failed)
    passed = re.search(r"\[  PASSED  \] (\d+) test", done.stdout)
    assert not failed, f"differ from Linux and do not say why:\n{told}"
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert passed and int(passed.group(1)) >= 20


def test_every_difference_is_explained():
    with open(os.path.join(ROOT, "docs/conformance.md"), encoding="utf-8") as f:
        told = set(re.findall(r"^\| `([\w/.]+\.ps)` \|", f.read(), re.M))
    differ = set()
    folder = os.path.join(ROOT, "tests/scripts")
    for where, _, names in os.walk(folder):
        for name in (n for n in names if n.endswith(".ps")):
            path = os.path.join(where, name)
            with open(path, encoding="utf-8") as f:
                if re.search(r"^(differs-on-linux|linux|ours):", f.read(), re.M):
                    differ.add(os.path.relpath(path, folder))
    assert differ == told, f"not explained: {differ - told}; explained but equal: {told - differ}"
