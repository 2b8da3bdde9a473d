#!/usr/bin/env python3
"""Runs a folder of packetdrill scripts against build/packetdrill.so: run.py PACKETDRILL SCRIPTS.

Each script is one process in virtual time. Nothing on the host may be changed: sysctl, ip, tc and
ethtool are stubs, the helper in Python that writes to /proc/sys is replaced, what is written to
/sys goes nowhere, and root runs each script in a network namespace. A sysctl that a script sets and
the stack has a knob for becomes a flag of the library. The blocks %{ }% are Python that looks at
TCP_INFO; packetdrill runs them when all else of a script has passed. A script that fails only then
is shown as "info". The last line is "N passed, N only but for TCP_INFO, N failed"; exits 1 when any
failed."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SO = os.path.join(ROOT, "build/packetdrill.so")
STUBS = os.path.join(ROOT, "tests/packetdrill/stubs")
TIMEOUT_S = 20
# In place of common/set_sysctls.py: scripts run what it leaves, to restore what it changed.
NO_SYSCTLS = """#!/usr/bin/env python3
import os
path = "/tmp/sysctl_restore_%s.sh" % os.environ["PACKETDRILL_PID"]
with open(path, "w") as f:
    f.write("#!/bin/sh\\nrm -f " + path + "\\n")
os.chmod(path, 0o755)
"""
ADDRESS = "192.168.0.1"
NETWORK = ["--local_ip=" + ADDRESS, "--gateway_ip=" + ADDRESS, "--netmask_ip=255.255.0.0",
           "--remote_ip=192.0.2.1"]
# What scripts of Linux take for granted: 256 KiB to send, a window scale of 8, quick ACKs. PSH is
# not compared: it shows where Linux's segmentation offload cuts.
FLAGS = {"addr": ADDRESS, "wscale": "8", "sndbuf": "262144", "psh": "0", "quickack": "1",
         "double": "1"}
OFF = {"tcp_sack": "sack", "tcp_timestamps": "timestamps", "tcp_window_scaling": "wscale",
       "tcp_early_retrans": "tlp", "tcp_recovery": "rack", "tcp_frto": "frto",
       "tcp_syncookies": "cookies"}


def flags_for(text):
    """The library's flags that say what the script's sysctl lines say."""
    flags = dict(FLAGS)
    off = []
    for name, value in re.findall(r"net[./]ipv4[./](\w+)=\"?([\w ]+)", text):
        if name in OFF and value.strip() == "0":
            off.append(OFF[name])
        elif name == "tcp_congestion_control":
            flags["cc"] = {"reno": "newreno"}.get(value.strip(), value.strip())
        elif name == "tcp_ecn" and value.strip() in ("1", "2"):
            flags["ecn"] = "1"
    if off:
        flags["off"] = "+".join(sorted(set(off)))
    return ",".join(f"{k}={v}" for k, v in flags.items())


def prepare(text):
    """Without what would change the host, and without PSH in what is expected."""
    text = re.sub(r">\s*/sys/\S+", "> /dev/null", text)
    return re.sub(r"(?m)^([^<\n]*>\s*(?:\[\w+\]\s*)?)([A-Z]*)P([A-Z.]*\s)", r"\1\2\3", text)


def copy_scripts(folder, to):
    """The folder above too: scripts run `../common/defaults.sh`. Returns the scripts."""
    above = os.path.dirname(os.path.abspath(folder))
    found = []
    for where, dirs, names in os.walk(above):
        dirs[:] = [d for d in dirs if d != "packetdrill" and not d.startswith(".")]
        for name in names:
            if not name.endswith((".pkt", ".sh", ".py")):
                continue
            source = os.path.join(where, name)
            target = os.path.join(to, os.path.relpath(source, above))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(source, target)
            if name == "set_sysctls.py":
                with open(target, "w", encoding="utf-8") as f:
                    f.write(NO_SYSCTLS)
            if name.endswith(".pkt"):
                with open(source, encoding="utf-8", errors="replace") as f:
                    text = f.read()
                with open(target, "w", encoding="utf-8") as f:
                    f.write(prepare(text))
                if os.path.abspath(source).startswith(os.path.abspath(folder) + os.sep):
                    found.append(target)
    return sorted(found)


def remove_leftovers(before):
    """What a script that failed half way did not run."""
    for path in set(glob.glob("/tmp/sysctl_restore_*.sh")) - before:
        os.unlink(path)


def run(packetdrill, script, env):
    with open(script, encoding="utf-8") as f:
        flags = flags_for(f.read())
    # Preloaded, the library answers what %{ }% blocks ask the C library.
    command = ["env", "LD_PRELOAD=" + SO, packetdrill, "--so_filename=" + SO]
    command += ["--so_flags=" + flags] + NETWORK + [script]
    if os.geteuid() == 0:
        command = ["unshare", "--net"] + command
    try:
        done = subprocess.run(command, cwd=os.path.dirname(script), env=env, timeout=TIMEOUT_S,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace")
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired:
        return None, f"did not end within {TIMEOUT_S} s"


def judge(code, out):
    if code == 0:
        return "ok"
    return "info" if code is not None and "error executing code:" in out else "FAIL"


def main():
    if len(sys.argv) != 3 or not os.access(sys.argv[1], os.X_OK) or not os.path.isdir(sys.argv[2]):
        print("run.py PACKETDRILL SCRIPTS: a program and a folder of .pkt files", file=sys.stderr)
        return 2
    env = dict(os.environ, PATH=STUBS + ":" + os.environ["PATH"])
    counts = {"ok": 0, "info": 0, "FAIL": 0}
    before = set(glob.glob("/tmp/sysctl_restore_*.sh"))
    with tempfile.TemporaryDirectory() as folder:
        scripts = copy_scripts(sys.argv[2], folder)
        for script in scripts:
            code, out = run(os.path.abspath(sys.argv[1]), script, env)
            verdict = judge(code, out)
            print(f"{verdict:6}" + os.path.relpath(script, folder), flush=True)
            if code != 0:
                print("      " + "\n      ".join(out.strip().split("\n")[-4:]), flush=True)
            counts[verdict] += 1
    remove_leftovers(before)
    print("{ok} passed, {info} only but for TCP_INFO, {FAIL} failed".format(**counts))
    return 1 if counts["FAIL"] or not counts["ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
