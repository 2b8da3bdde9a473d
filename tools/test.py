#!/usr/bin/env python3
"""`make test`: every kind of test, quick ones first, each with a time-out. The last line is the
total: "N passed, N failed". Failing tests print what they printed.

Kinds: check (static rules, and some of them against breaches planted for them), build (the three
targets and the test programs), unit (cmocka), scripts (packet scripts; they run with unit, too),
sim (the simulator), figures (instructions against those stored for the compiler), system (pytest),
fuzz (libFuzzer, FUZZ seconds a target, two at once).
"""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
JOBS = 2
# For what hangs: a host that is busy elsewhere may take several times as long as an idle one.
UNIT_TIMEOUT_S = 600
SIM_TIMEOUT_S = 1200
BUILD_TIMEOUT_S = 1800
SYSTEM_TIMEOUT_S = 2400
PYTEST_NO_TESTS = 5  # pytest's exit code
FIGURES_SKIPPED = 77  # exit code of tools/figures.py
SYSTEM_STACKS_S = 300  # a test that takes longer has its stacks printed: where it waits
FUZZ_SLACK_S = 240
FUZZ_INPUT_S = 60
OPTIMISED = ["sim_goodput"]  # built without sanitizers: it measures many worlds

passed = 0
failed = 0
started = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - started:6.1f}] {text}", flush=True)


def count(good, bad):
    global passed, failed
    passed += good
    failed += bad


def run(command, timeout, env=None):
    """(exit code, output); the code is None when the time ran out."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", env=env, start_new_session=True)
    try:
        out, _ = process.communicate(timeout=timeout)
        return process.returncode, out
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        out, _ = process.communicate()
        return None, out + f"\ntimed out: waited {timeout} s for: {' '.join(command)}"


def report(name, code, out, good, bad):
    if code == 0 and bad == 0:
        say(f"ok    {name} ({good})")
    else:
        bad = max(bad, 1)
        say(f"FAIL  {name}: exit code {code}")
        print("\n".join("    " + line for line in out.rstrip().split("\n")[-80:]), flush=True)
    count(good, bad)


def step(name, command, timeout):
    code, out = run(command, timeout)
    report(name, code, out, 1 if code == 0 else 0, 0 if code == 0 else 1)
    for line in out.split("\n") if code == 0 else []:
        if "warning:" in line:  # no error here (WERROR=), but to be seen
            say("      " + line)
    return code == 0


def program(path, timeout):
    """A cmocka program: how many of its tests passed and failed, by its own closing lines."""
    code, out = run([path], timeout)
    good = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test\(s\)", out))
    bad = sum(int(n) for n in re.findall(r"\[  FAILED  \] (\d+) test\(s\)", out))
    if code == 0 and good == 0:
        out, bad = out + "\nno test was run", 1
    return path, code, out, good, bad


def planted():
    """The rules of `make check` that have tests of their own: each sees a breach planted for it."""
    code, out = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/check"],
                    UNIT_TIMEOUT_S)
    good, bad = (sum(int(n) for n in re.findall(rf"(\d+) (?:{word})", out))
                 for word in ("passed", "failed|error"))
    report("check, planted breaches", code, out, good, bad)


def figures():
    """What the stack and a request cost in instructions, each held against what is stored."""
    code, out = run([sys.executable, "tools/figures.py", "--check"], BUILD_TIMEOUT_S)
    if code == FIGURES_SKIPPED:
        say("      figures " + out.strip().split("\n")[-1])
        return
    m = re.search(r"^(\d+) held, (\d+) risen", out, re.M)
    good, bad = (int(m.group(1)), int(m.group(2))) if m else (0, 1)
    report("figures (instructions)", code, out, good, bad)


def programs(kind, timeout):
    names = sorted(glob.glob(os.path.join(ROOT, "tests", kind, ("test" if kind == "unit" else kind)
                                          + "_*.c")))
    paths = [("build/sim/" if os.path.basename(n)[:-2] in OPTIMISED else "build/test/")
             + os.path.basename(n)[:-2] for n in names]
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for path, code, out, good, bad in pool.map(lambda p: program(p, timeout), paths):
            report(f"{kind} {os.path.basename(path)}", code, out, good, bad)
            if kind == "sim":
                for line in out.split("\n"):
                    if line.startswith("sim:"):
                        say("      " + line)


def namespace():
    """The command that gives a network namespace with the right to make interfaces in it. Some
    systems (Ubuntu 24.04's AppArmor) refuse that to an ordinary user: there sudo is asked."""
    wanted = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user",
                                                            "--map-root-user", "--net"]
    code, _ = run(wanted + ["ip", "link", "set", "lo", "up"], 10)
    if code == 0:
        return wanted
    say("this user may not set up a network namespace: using sudo for the system tests")
    return ["sudo", "unshare", "--net"]


def system_half(unshared, marker, pytest_arguments):
    with tempfile.TemporaryDirectory() as folder:
        xml_path = os.path.join(folder, "report.xml")
        # A network of its own: loopback and the TAP devices that the tests make, nothing else.
        code, out = run(unshared + [sys.executable, "-m", "pytest", "-q", "-p",
                                    "no:cacheprovider", "--junitxml", xml_path, "-o",
                                    f"faulthandler_timeout={SYSTEM_STACKS_S}", "-m", marker,
                                    "tests/system"] + pytest_arguments, SYSTEM_TIMEOUT_S)
        code = 0 if code == PYTEST_NO_TESTS and pytest_arguments else code
        good = bad = 0
        try:
            for suite in xml.etree.ElementTree.parse(xml_path).getroot().iter("testsuite"):
                bad += int(suite.get("failures")) + int(suite.get("errors"))
                good += int(suite.get("tests")) - int(suite.get("failures")) - \
                    int(suite.get("errors")) - int(suite.get("skipped"))
                for case in suite.iter("testcase"):
                    say(f"      {case.get('name')} {float(case.get('time')):.1f} s"
                        + (" SKIPPED" if case.find("skipped") is not None else ""))
        except (OSError, xml.etree.ElementTree.ParseError):
            bad += 1
        report(f"system (pytest -m '{marker}')", code, out, good, bad)


def system(pytest_arguments):
    """Those that boot machines of their own wait for firmware and time-outs most of the time: the
    others, which talk to a few machines that stay, run beside them."""
    unshared = namespace()
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for half in [pool.submit(system_half, unshared, marker, pytest_arguments)
                     for marker in ("machine", "not machine")]:
            half.result()


def fuzz_one(path, seconds):
    name = os.path.basename(path)
    corpus = os.path.join(ROOT, "build", "corpus", name)
    os.makedirs(corpus, exist_ok=True)
    # What is committed is where it starts from; what it finds goes below build/.
    kept = os.path.join(ROOT, "tests", "fuzz", "corpus", name)
    # entropic: searches thousands of rare features for each feature of an input. For the stack that
    # took as long as running it.
    command = [path, f"-max_total_time={seconds}", "-print_final_stats=1", "-entropic=0",
               f"-timeout={FUZZ_INPUT_S}", "-rss_limit_mb=2048", "-artifact_prefix=build/", corpus]
    command += [kept] if os.path.isdir(kept) else []
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=1")
    code, out = run(command, seconds + FUZZ_SLACK_S, env)
    return path, code, out


def fuzz(seconds):
    names = sorted(glob.glob(os.path.join(ROOT, "tests", "fuzz", "fuzz_*.c")))
    paths = ["build/fuzz/" + os.path.basename(n)[:-2] for n in names]
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for path, code, out in pool.map(lambda p: fuzz_one(p, seconds), paths):
            m = re.search(r"stat::number_of_executed_units:\s+(\d+)", out)
            runs = int(m.group(1)) if m else 0
            if code == 0 and runs == 0:
                code = 1
            report(f"fuzz {os.path.basename(path)}: {runs} inputs in {seconds} s", code, out,
                   1 if code == 0 else 0, 0 if code == 0 else 1)


def make(target):
    return step(f"build {target}", ["make", "-s", "--no-print-directory", f"-j{JOBS}"] +
                target.split(), BUILD_TIMEOUT_S)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["check", "unit", "scripts", "sim", "figures", "system",
                                           "fuzz"])
    parser.add_argument("--fuzz-seconds", type=int, default=15)
    parser.add_argument("--pytest", default="", help="more arguments for pytest, as '-k boot'")
    args = parser.parse_args()
    wants = lambda kind: args.only in (None, kind)
    if wants("unit") or wants("scripts") or wants("sim"):
        if make("unit-programs"):
            if wants("unit"):
                programs("unit", UNIT_TIMEOUT_S)
                report("unit test_adapter (packetdrill)",
                       *program("build/test/test_adapter", UNIT_TIMEOUT_S)[1:])
            if wants("unit") or wants("scripts"):
                report("packet scripts", *program("build/test/scripts", UNIT_TIMEOUT_S)[1:])
            if wants("sim"):
                programs("sim", SIM_TIMEOUT_S)
    if wants("figures"):
        if make("host build/bench/echo build/bench/request"):
            figures()
    if wants("check"):
        planted()
        step("check", ["make", "-s", "--no-print-directory", "check"], BUILD_TIMEOUT_S)
    if wants("system"):
        if (make("all host host-asan linux iso relay attackers bench-programs bpf-library")
                and make("APP=apps/echo all host linux")
                and make("APP=apps/mandel all host linux")
                and make("APP=apps/reflect all host")
                and make("APP=tests/float all")
                and make("APP=tests/memory all")
                and make("APP=tests/ending all host linux")):
            system(args.pytest.split())
    if wants("fuzz"):
        if make("fuzz-programs"):
            fuzz(args.fuzz_seconds)
    say(f"took {time.monotonic() - started:.0f} s")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
