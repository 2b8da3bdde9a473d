"""Each kind of load at one peer: what came of it, as a flat dict.

rate: requests, frames or MB (10^6 bytes) a second. vcpu_us, main_us: CPU time of the thread that is
the emulated processor, and of QEMU's main loop, for one request (or frame, or MB). p50_us to
p999_us: latency. errors: requests that failed. starved: of the time in which the processor's thread
had something to do, the share in which it waited for a core of the host."""
import time

import clients
from plan import IDLE_ACTIVE, RUNS_ON_ONE_BOOT

SECONDS = 2
BODY_SECONDS = 2
BULK_S = 120
WARM_S = 0.3  # when all connections stand, until the emulator has its translations
WINDOW_MIN_S = 0.5
TAIL_S = 0.15  # before the end, when clients stop asking
OTHERS_S = 1.0  # from the last idle connection opened or closed to what its peer does about it


def _cost(before, after, units):
    ran, waited = after[1] - before[1], after[4] - before[4]
    return {"vcpu_us": ran / units * 1e6, "main_us": (after[2] - before[2]) / units * 1e6,
            "starved": waited / (ran + waited) if ran + waited > 0 else 0.0}


def _answered(peer, said):
    if said["requests"] == 0:
        raise clients.ClientFailed(f"{peer.name}: nothing was answered in {said['seconds']:.1f} s")
    return said


def _established():
    """TCP connections of this namespace that stand."""
    with open("/proc/self/net/snmp", encoding="ascii") as f:
        names, values = (line.split() for line in f if line.startswith("Tcp:"))
    return int(values[names.index("CurrEstab")])


def _until(end_ns, condition=lambda: False):
    """Sleeps until then, or the condition."""
    while time.monotonic_ns() < end_ns and not condition():
        time.sleep(min(0.02, max(0.0, (end_ns - time.monotonic_ns()) / 1e9)))


def wrk(peer, folder, connections, pipeline=None):
    """One run. Rate and cost are those of a window in which all connections stand: what it costs to
    make them belongs to another load. How many requests were in the window follows from the
    bytes that the guest sent then, for each response has as many."""
    seconds = SECONDS + connections // 500
    peer.settle()
    stood = _established()
    first = peer.sample()
    end_ns = first[0] + int((seconds - TAIL_S) * 1e9)
    process = clients.start_wrk(peer.guest.url + "/healthz", folder, connections, seconds, pipeline)
    try:
        _until(end_ns - int(WINDOW_MIN_S * 1e9),
               lambda: _established() >= stood + connections)
        time.sleep(WARM_S)
        before = peer.sample()
        _until(end_ns)
        after = peer.sample()
    except BaseException:
        process.kill()
        process.communicate()
        raise
    said = clients.parse_wrk(clients.finish(process, seconds))
    last = peer.sample()
    share = (after[3] - before[3]) / (last[3] - first[3])
    requests = said["requests"] * share
    if requests < 1:
        raise clients.ClientFailed(f"{peer.name}: nothing was answered in the middle of a run")
    if pipeline:  # wrk corrects them by the mean time between answers, not between writes
        said = {key: value for key, value in said.items() if not key.startswith("p")}
    return {**said, "rate": requests / ((after[0] - before[0]) / 1e9),
            **_cost(before, after, requests)}


def new(peer, options):
    g = peer.guest
    peer.settle()
    before = peer.sample()
    said = _answered(peer, clients.run("load", [g.address, g.port, "get", 0, "new",
                                                options["connections"], SECONDS, 0], SECONDS))
    cost = _cost(before, peer.sample(), said["requests"])
    return {**said, "rate": said["requests"] / said["seconds"], **cost}


def body(peer, options, seconds, requests):
    """Of bytes in MB, 10^6 of them; an echo's are counted once."""
    g = peer.guest
    peer.settle()
    before = peer.sample()
    said = _answered(peer, clients.run("load", [g.address, g.port, options["direction"],
                                                options["bytes"], "keep", options["connections"],
                                                seconds, requests], seconds))
    megabytes = said["requests"] * options["bytes"] / 1e6
    return {**said, "rate": megabytes / said["seconds"],
            **_cost(before, peer.sample(), megabytes)}


def idle(peer, folder, options):
    """The active ones before, beside, and after the idle ones: the rate is that beside them."""
    def active(when):
        try:
            return wrk(peer, folder, IDLE_ACTIVE)
        except clients.ClientFailed as e:
            raise clients.ClientFailed(f"{when} the idle ones: {e}") from None
    before = active("before")
    with clients.Idle(peer.guest, options["idle"]):
        time.sleep(OTHERS_S)
        beside = active("beside")
    time.sleep(OTHERS_S)
    after = active("after")
    return {**beside, "before_rate": before["rate"], "before_vcpu_us": before["vcpu_us"],
            "after_rate": after["rate"], "after_vcpu_us": after["vcpu_us"],
            "errors": before["errors"] + beside["errors"] + after["errors"]}


def frames(peer, mac, options):
    before = peer.sample()
    said = _answered(peer, clients.run("frames", [peer.link, mac, options["in_flight"], SECONDS,
                                                  clients.FRAME_WAIT_S],
                                       SECONDS + clients.FRAME_WAIT_S))
    return {**said, "rate": said["requests"] / said["seconds"],
            **_cost(before, peer.sample(), said["requests"])}


def runs(peer, load, folder, mac):
    """The results of one load at one peer: three in a row of those with wrk, else one."""
    options = load.options
    if load.kind == "http":
        return [wrk(peer, folder, **options) for _ in range(RUNS_ON_ONE_BOOT)]
    if load.kind == "new":
        return [new(peer, options)]
    if load.kind == "body":
        return [body(peer, options, BODY_SECONDS, 0)]
    if load.kind == "bulk":
        return [body(peer, options, BULK_S, 1)]
    if load.kind == "idle":
        return [idle(peer, folder, options)]
    return [frames(peer, mac, options)]
