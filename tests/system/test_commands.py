"""What a person types: --help is answered, and a mistyped word is an error that names it and says
what is allowed, before anything is opened or started. Nothing here waits for a server."""
import os
import re
import shutil
import subprocess

import pytest

from machine import BOOT_GUEST_IP, BOOT_HOST_IP, BUILD, ROOT, QemuGuest, TapLink

ENDS_S = 60  # far more than it takes to say no; a server that started instead never ends
USAGE_ERROR = 2


def call(command, **environment):
    """(exit code, what it said on stdout, and on stderr)."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=ENDS_S,
                              stdin=subprocess.DEVNULL, env={**os.environ, **environment})
    except subprocess.TimeoutExpired as e:
        raise AssertionError(f"{command}: still runs after {ENDS_S} s:\n{e.stdout}") from None
    return done.returncode, done.stdout, done.stderr


def program(target, name):
    return os.path.join(BUILD, target, name)


@pytest.mark.parametrize("word", ["--help", "-h"])
@pytest.mark.parametrize("name", ["httpd", "echo"])
def test_hosted_help(name, word):
    code, out, err = call([program("host", name), "ip=dhcp", word])
    assert (code, err) == (0, "")
    assert out.startswith("usage: ")
    for key in ["ip=", "gw=", "tap=", "mem=", "congestion="]:
        assert re.search(rf"^ *{key} +\S", out, re.M), out


@pytest.mark.parametrize("words, named, allowed", [
    (["tpa=rsno"], "'tpa=rsno'", "tap="),
    (["--port", "81"], "'--port'", "--"),
    (["help"], "'help'", "known are"),
    (["ip=10.0.0.300/24"], "'ip=10.0.0.300/24'", "ADDRESS/LENGTH"),
    (["ip=10.0.0.0/24"], "'ip=10.0.0.0/24'", "a host's ADDRESS/LENGTH"),
    (["tap=rsno", "mem=lots"], "'mem=lots'", "16M to 4096M"),
    (["ip=boot"], "'ip=boot'", "no boot loader"),
    (["gw=192.0.2.1"], "gw=", "ip=ADDRESS/LENGTH"),
    (["ecn=maybe", "--", "--help"], "'ecn=maybe'", "off or on"),
])
def test_hosted_refuses_a_wrong_word(words, named, allowed):
    code, out, err = call([program("host", "httpd"), *words])
    assert code == USAGE_ERROR
    assert named in err and allowed in err and "usage: " in err
    assert out == "", "it had begun: the device comes after the first lines of the log"


def test_hosted_names_every_wrong_word():
    code, _, err = call([program("host", "httpd"), "log=loud", "colour=red", "irq=never"])
    assert code == USAGE_ERROR
    assert all(word in err for word in ["'log=loud'", "'colour=red'", "'irq=never'"]), err


@pytest.mark.parametrize("target, before", [("linux", []), ("host", ["tap=rscmd", "--"])])
@pytest.mark.parametrize("words, named", [
    (["--prot", "81"], "--prot"), (["--port", "0"], "--port 0"), (["--port"], "--port"),
    (["--port", "81x"], "81x"),
])
def test_server_refuses_a_wrong_option(target, before, words, named):
    code, out, err = call([program(target, "httpd"), *before, *words])
    assert code == USAGE_ERROR
    assert named in out + err  # the hosted program's stderr is its console


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_server_help(word):
    code, out, err = call([program("linux", "httpd"), word])
    assert (code, err) == (0, "") and "--max-connections" in out


@pytest.mark.parametrize("variable, value", [
    ("MEM", "64"), ("MEM", "8M"), ("MEM", "lots"), ("NIC", "e100"), ("BOOT", "cd"),
    ("MACHINE", "microvm"), ("MACHINE", "q34"), ("NIC", "igc"),
    ("PORT", "0"), ("PORT", "65536"), ("PORT", "http"),
])
def test_launcher_refuses_a_wrong_value(variable, value):
    code, _, err = call(["tools/run.sh", "check"], **{variable: value})
    assert code == USAGE_ERROR
    assert f"{variable}='{value}'" in err and "allowed" in err
    assert call(["tools/run.sh", "check"], MEM="2G", PORT="65535", BOOT="iso")[0] == 0
    assert call(["tools/run.sh", "check"], MACHINE="q35", NIC="igb", BOOT="uefi")[0] == 0


@pytest.mark.parametrize("words, named", [
    (["PROT=81", "help"], "PROT"), (["APP=apps/htpd", "help"], "apps/htpd"),
])
def test_make_refuses_a_wrong_variable(words, named):
    without = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", *words], cwd=ROOT, capture_output=True, text=True,
                          timeout=ENDS_S, env=without)
    assert done.returncode != 0 and named in done.stderr and "***" in done.stderr, done.stderr


@pytest.mark.parametrize("command, named", [
    (["build/relay"], "usage: "),
    (["build/relay", "if:rsno", "if:rsno", "--colour", "1"], "--colour"),
    (["build/relay", "if:rsno", "if:rsno", "--rate", "fast"], "fast"),
    (["build/attack/flood"], "usage: "),
    (["build/attack/flood", "lo", "2:0:0:0:0:1", "192.0.2.1", "80", "many", "1", "0"], "many"),
    (["build/attack/guess"], "usage: "),
    (["build/attack/guess", "lo", "2:0:0:0:0:1", "192.0.2.1", "80", "192.0.2.300", "1", "rst",
      "near", "1", "1"], "192.0.2.300"),
    (["build/attack/slow"], "usage: "),
    (["build/attack/slow", "lo", "2:0:0:0:0:1", "192.0.2.1", "80", "lazy", "1", "1", "1"], "lazy"),
    (["tools/mkiso.sh"], "usage: "),
    (["tools/mkiso.sh", "--tree", "build"], "usage: "),
    (["tools/mknetboot.sh", "build/httpd.elf"], "usage: "),
    (["tools/get-qemu.sh", "--newest"], "--newest"),
    (["tools/matrix.py", "e100"], "e100"),
    (["tools/deps.sh", "tset"], "tset"),
    (["tools/newcomer.sh", "tricksie"], "tricksie"),
])
def test_tools_refuse_wrong_words(command, named):
    code, out, err = call(command)
    assert code == USAGE_ERROR and named in err and out == "", (code, out, err)


def test_llhttp_that_is_not_there_is_named():
    code, _, err = call(["tools/get-llhttp.sh"], LLHTTP_DIR="/nowhere")
    assert code == 1 and "/nowhere" in err and "include/llhttp.h" in err


def test_guessable_keys_are_told_where_they_are(user_guest, tmp_path):
    """`make run` gives the guest a processor with RDRAND; QEMU's own default has no generator."""
    assert " -cpu max " in open(os.path.join(ROOT, "tools/run.sh"), encoding="utf-8").read()
    assert re.search(r"entropy: RD(RAND|SEED) passed", user_guest.console())
    assert "guessable" not in user_guest.console()
    with TapLink("rscmd", BOOT_HOST_IP) as link:
        with QemuGuest(tmp_path, tap=link.name, address=BOOT_GUEST_IP, cpu=None,
                       append=f"ip={BOOT_GUEST_IP}/24") as guest:
            guest.wait_http()
            assert re.search(r"entropy: no hardware generator.*guessable", guest.console())


def test_a_servers_folder_may_move(tmp_path):
    """What was built of a folder that is gone does not stand in the way of one of the same name."""
    for place in ("here", "there"):
        folder = tmp_path / place / "moved"
        folder.mkdir(parents=True)
        (folder / "main.c").write_text("int main(void) { return 0; }\n")
        code, out, err = call(["make", "-s", "--no-print-directory", "linux", f"APP={folder}"])
        assert code == 0, out + err
        shutil.rmtree(folder)
