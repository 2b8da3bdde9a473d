"""What `make bench` can measure, and what of it is asked for: peers, NICs and loads by name."""
import collections

# kind: who makes it. http: wrk; new, bulk, body: build/bench/load; idle: build/bench/idle and wrk;
# frames: build/bench/frames.
Load = collections.namedtuple("Load", "name kind text unit options")

MIB = 1 << 20
BULK_BYTES = 128 * MIB
KEEP_CONNECTIONS = (1, 16, 64, 256, 1000)
IDLE_COUNTS = (10000, 20000)
IDLE_ACTIVE = 64
NEW_AT_ONCE = 32
PIPELINE = 16
BODY_CONNECTIONS = {"1k": 16, "64k": 8, "1m": 4}
BODY_BYTES = {"1k": 1024, "64k": 65536, "1m": MIB}
IN_FLIGHT = (1, 8, 64)
RUNS_ON_ONE_BOOT = 3  # of the keep-alive loads


def _plan():
    loads = []
    for n in KEEP_CONNECTIONS:
        loads.append(Load(f"keep{n}", "http", f"keep-alive /healthz, {n} connection"
                          + ("s" if n > 1 else ""), "requests/s", {"connections": n}))
    loads.append(Load("new32", "new", f"a new connection each, {NEW_AT_ONCE} at a time",
                      "requests/s", {"connections": NEW_AT_ONCE}))
    loads.append(Load("pipe16", "http", f"pipelined {PIPELINE}, 16 connections", "requests/s",
                      {"connections": 16, "pipeline": PIPELINE}))
    for direction, text in (("get", "download"), ("put", "upload")):
        for size, count in BODY_BYTES.items():
            loads.append(Load(f"{direction}{size}", "body",
                              f"{text} of {size.upper()}iB, {BODY_CONNECTIONS[size]} connections",
                              "MB/s", {"direction": direction, "bytes": count,
                                       "connections": BODY_CONNECTIONS[size]}))
    for name, direction, text in (("send", "get", "bulk send"), ("receive", "put", "bulk receive"),
                                  ("echo", "echo", "bulk echo")):
        loads.append(Load(name, "bulk", f"{text} of {BULK_BYTES // MIB} MiB, one connection",
                          "MB/s", {"direction": direction, "bytes": BULK_BYTES, "connections": 1}))
    for n in IDLE_COUNTS:
        loads.append(Load(f"idle{n // 1000}k", "idle", f"{IDLE_ACTIVE} connections beside {n:,} "
                          "idle ones: before, with, after", "requests/s",
                          {"connections": IDLE_ACTIVE, "idle": n}))
    for n in IN_FLIGHT:
        loads.append(Load(f"frames{n}", "frames", f"L2 frames, {n} in flight", "frames/s",
                          {"in_flight": n}))
    return {load.name: load for load in loads}


LOADS = _plan()
PEERS = {
    "ringside": "Ringside, apps/httpd",
    "linux": "Linux, the same httpd",
    "nginx": "Linux, nginx",
    "reflect": "apps/reflect, frames turned round at the driver",
}
NICS = {"e1000": "82540EM", "e1000e": "82574L"}
ROUNDS_MAX = 100
# What a peer cannot: nginx returns no body of a request.
CANNOT = {("nginx", "echo")}


def can(peer, load):
    return (load.kind == "frames") == (peer == "reflect") and (peer, load.name) not in CANNOT


def chosen(name, text, allowed):
    """The words of a list, as LOADS="keep64 new32" or with commas; empty or "all" is all of them.
    Raises ValueError that names a word that there is not, and what is allowed."""
    words = text.replace(",", " ").split()
    if not words or words == ["all"]:
        return list(allowed)
    for word in words:
        if word not in allowed:
            raise ValueError(f"{name}={text}: {word} is not there; allowed are all, "
                             f"{', '.join(allowed)}")
    return [word for word in allowed if word in words]  # the order is the table's


def rounds(text):
    if not text.isdigit() or not 1 <= int(text) <= ROUNDS_MAX:
        raise ValueError(f"ROUNDS={text}: a whole number from 1 to {ROUNDS_MAX} is allowed")
    return int(text)
