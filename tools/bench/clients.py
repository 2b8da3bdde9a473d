"""The programs that ask: wrk, and those of tests/bench. Each has an end, and says what it waited
for when that does not come."""
import json
import os
import re
import subprocess

from machine import BUILD
from plan import PIPELINE

GRACE_S = 90  # beyond the seconds that a program measures
FRAME_WAIT_S = 60
PIPELINE_LUA = f"""
init = function(args)
    local each = {{}}
    for i = 1, {PIPELINE} do
        each[i] = wrk.format()
    end
    all = table.concat(each)
end
request = function()
    return all
end
"""
# wrk prints no percentile beyond the 99th; this runs once, when all is over.
RESULT_LUA = """
done = function(summary, latency, requests)
    local e = summary.errors
    io.write(string.format('result {"requests": %d, "seconds": %.6f, "errors": %d',
        summary.requests, summary.duration / 1e6,
        e.connect + e.read + e.write + e.status + e.timeout))
    for name, part in pairs({p50_us = 50, p90_us = 90, p99_us = 99, p999_us = 99.9}) do
        io.write(string.format(', "%s": %.2f', name, latency:percentile(part)))
    end
    io.write("}\\n")
end
"""


class ClientFailed(Exception):
    """A load came to nothing: which, and what it said."""


def program(name):
    return os.path.join(BUILD, "bench", name)


def parse_wrk(text):
    """{requests, seconds, errors, p50_us, ...} of what wrk printed with RESULT_LUA."""
    line = re.search(r"^result (\{.*\})$", text, re.M)
    if not line:
        raise ClientFailed(f"wrk printed no result:\n{text}")
    result = json.loads(line.group(1))
    if result["requests"] == 0:
        raise ClientFailed(f"wrk had no answer:\n{text}")
    # 0: wrk, which adds samples for what a stall kept from being asked, lost count of them.
    return {key: value for key, value in result.items() if value or not key.startswith("p")}


def start_wrk(url, folder, connections, seconds, pipeline=None):
    """wrk, running; finish() has what it says."""
    path = os.path.join(folder, "pipeline.lua" if pipeline else "wrk.lua")
    with open(path, "w", encoding="ascii") as f:
        f.write(RESULT_LUA + (PIPELINE_LUA if pipeline else ""))
    return subprocess.Popen(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s",
                             "-s", path, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)


def finish(process, seconds):
    """What a program printed; it is ended when it does not end."""
    try:
        out, _ = process.communicate(timeout=seconds + GRACE_S)
    except subprocess.TimeoutExpired:
        raise ClientFailed(f"waited {seconds + GRACE_S} s for the end of: "
                           f"{' '.join(process.args)}") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode != 0:
        raise ClientFailed(f"{' '.join(process.args)}: status {process.returncode}:\n{out}")
    return out


def run(name, words, seconds):
    """The JSON that a program of tests/bench prints."""
    command = [program(name), *(str(w) for w in words)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    out = finish(process, seconds)
    try:
        return json.loads(out)
    except ValueError:
        raise ClientFailed(f"{' '.join(command)} printed no result:\n{out}") from None


class Idle:
    """Connections that are open, from here to there. Several processes have them, for each may have
    only so many descriptors."""

    OPEN_S = 180  # of each process
    EACH = 5000

    def __init__(self, server, count):
        self.commands = [[program("idle"), server.address, str(server.port),
                          str(min(self.EACH, count - at)), str(self.OPEN_S)]
                         for at in range(0, count, self.EACH)]
        self.processes = []

    def __enter__(self):
        try:
            for command in self.commands:
                self._open(command)
        except BaseException:
            for process in self.processes:
                process.kill()
            self.__exit__()
            raise
        return self

    def _open(self, command):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        self.processes.append(process)
        line = process.stdout.readline()  # it ends by itself after OPEN_S
        if not line.startswith("open "):
            raise ClientFailed(f"{' '.join(command)}: {line}")

    def __exit__(self, *_):
        for process in self.processes:
            try:
                process.communicate("", timeout=GRACE_S)
            except (subprocess.TimeoutExpired, BrokenPipeError):
                process.kill()
                process.communicate()
