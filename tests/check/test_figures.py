"""tools/figures.py: a figure that has risen is told, one that has not is not, of another compiler
nothing is said; and what callgrind writes is summed by the file in which each line of code is."""
import json
import os
import shutil
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools"))
import figures  # noqa: E402

STORED = {"echo": 1000, "request": 4000, "request.tcp": 1500, "request.httpd": 10}
KEY = "gcc 12.2.0, debian 12"


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "figures.json"
    path.write_text(json.dumps({KEY: STORED}))
    return str(path)


def now(**changed):
    return {**STORED, **{name.replace("_of_", "."): n for name, n in changed.items()}}


@pytest.mark.parametrize("changed", [
    {}, {"echo": 1020}, {"echo": 10}, {"request": 4080}, {"new": 99999},
    {"request_of_tcp": 1580, "request_of_httpd": 0},  # a layer: 2% of the request
])
def test_held(stored, capsys, changed):
    assert figures.check(stored, KEY, now(**changed)) == 0
    assert "4 held, 0 risen" in capsys.readouterr().out


@pytest.mark.parametrize("changed, told", [
    ({"echo": 1021}, "echo: 1021 instructions, 21 more than the 1000 stored (+2.1%)"),
    ({"request": 4081}, "request: 4081 instructions"),
    ({"request_of_tcp": 1581}, "request.tcp: 1581 instructions"),
    ({"request_of_httpd": 91}, "request.httpd: 91 instructions"),
])
def test_planted_rise(stored, capsys, changed, told):
    assert figures.check(stored, KEY, now(**changed)) == 1
    out = capsys.readouterr().out
    assert f"FAILED {told}" in out and "3 held, 1 risen" in out


def test_figure_that_went(stored, capsys):
    assert figures.check(stored, KEY, {"request": 4000}) == 1
    out = capsys.readouterr().out
    assert "echo: is not measured any more" in out and "request.tcp" not in out


def test_other_compiler(stored, capsys):
    assert figures.check(stored, "gcc 13.0.0, debian 12", now(echo=99999)) == figures.SKIPPED
    assert f"SKIPPED: no figures are stored for gcc 13.0.0, debian 12; there are those of ({KEY})" \
        in capsys.readouterr().out


def test_without_valgrind(monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["figures.py", "--check"])
    assert figures.main() == figures.SKIPPED
    assert "SKIPPED: valgrind is not installed" in capsys.readouterr().out


def test_stored_file_has_every_figure():
    with open(os.path.join(figures.ROOT, figures.STORED), encoding="utf-8") as f:
        for key, values in json.load(f).items():
            for name in [kind for kind, _ in figures.KINDS] + [r[0] for r in figures.REQUESTS]:
                assert values[name] > 0, (key, name)
            parts = sum(n for name, n in values.items() if name.startswith("request."))
            assert abs(parts - values["request"]) <= len(figures.LAYER_TEXTS), key


# As callgrind writes: two functions; the second has code of kernel/base.h and of net/sock inlined;
# numbers in place of names once told; a call with what it cost inside; libc by its object.
PROFILE = """\
version: 1
events: Ir

ob=(1) /somewhere/build/bench/request
fl=(1) ./net/tcp/input.c
fn=(1) tcp_input
10 100
+2 20
cfi=(2) ./apps/httpd/conn.c
cfn=(2) conn_input
calls=1 5
* 5000
+1 3

fl=(2)
fn=(2)
5 40
fi=(3) ././kernel/base.h
33 7
fi=(4) /elsewhere/net/sock/io.c
8 11
fe=(2)
-2 1
cob=(2) /usr/lib/x86_64-linux-gnu/libc.so.6
cfi=(5) ./string/../sysdeps/x86_64/multiarch/memmove-vec-unaligned-erms.S
cfn=(3) __memmove_sse2_unaligned
calls=2 1
6 64

ob=(2)
fl=(5)
fn=(3)
1 32

ob=(1)
fl=(6) ???
fn=(4) llhttp__internal__run
0 9

totals: 223
"""


def test_layers():
    layers, total = figures.sum_layers(PROFILE)
    assert total == 223
    assert layers == {"tcp": 123, "httpd": 48, "sockets": 11, "libc": 32, "llhttp": 9}


def test_lines_that_do_not_add_up():
    with pytest.raises(SystemExit):
        figures.sum_layers(PROFILE.replace("totals: 223", "totals: 224"))


@pytest.mark.parametrize("path, layer", [
    ("./net/wire/csum.c", "packets"), ("net/wire/tcp.c", "tcp"), ("./net/wire/ipv4.c", "ip"),
    ("./net/net.c", "ip"), ("./net/posix/io.c", "posix"), ("./net/sock/epoll.c", "sockets"),
    ("./kernel/timer.c", "packets"), ("./kernel/loop.c", "loop"), ("./drivers/netdev.c", "netdev"),
    ("./apps/root/stack.c", "netdev"), ("./arch/context/switch.S", "platform"),
    ("./apps/httpd/conn.c", "httpd"), ("/usr/share/llhttp/src/llhttp.c", "llhttp"),
    ("???", "other"),
])
def test_layer_of_file(path, layer):
    assert figures.layer_of("/x/request", path, path, "f") == layer
