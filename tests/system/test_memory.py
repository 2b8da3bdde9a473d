"""All the RAM there is: guests of many sizes on boards with different holes, what they do with it,
a thousand connections in the smallest, one block that no 32 bits count, and packets above 4 GiB. No
guest touches what it does not use."""
import http.client
import os
import re

import pytest

from machine import BOOT_GUEST_IP, BOOT_HOST_IP, BUILD, QemuGuest, TapLink, raise_nofile

pytestmark = pytest.mark.machine

MIB = 1 << 20
CONNECTIONS = 1000
ROUNDS = 3
SIZES = [  # MiB, board: pc has its hole at 3 GiB, q35 at 2 GiB
    (16, "pc"), (64, "q35"), (3072, "pc"), (3072, "q35"), (5120, "pc"), (8192, "q35"),
    (65536, "pc")]
FIRMWARE_BYTES = 4 * MIB  # of its own, with the image
NS_AN_INSTRUCTION = 2     # of virtual time, a power of two (QEMU's -icount)


@pytest.fixture
def link():
    with TapLink("rsboot", BOOT_HOST_IP) as tap:
        yield tap


def boot(folder, link, mib, machine, words="", extra=()):
    return QemuGuest(folder, tap=link.name, address=BOOT_GUEST_IP, memory=f"{mib}M",
                     machine=machine, append=f"ip={BOOT_GUEST_IP}/24 {words}", extra=extra)


def echo(guest, body):
    connection = http.client.HTTPConnection(guest.address, guest.port, timeout=120)
    connection.request("POST", "/echo", body)
    answer = connection.getresponse().read()
    connection.close()
    return answer


@pytest.mark.parametrize("mib, machine", SIZES)
def test_memory_is_used_whole(link, tmp_path, mib, machine):
    with boot(tmp_path, link, mib, machine, "selftest=all") as guest:
        guest.wait_http()
        body = os.urandom(300000)
        assert echo(guest, body) == body
        stats, console = guest.stats(), guest.console()
        print(*re.findall(r".*memory: .*", console), sep="\n")
        assert stats["memory_bytes"] >= mib * MIB - FIRMWARE_BYTES
        assert stats["memory_bytes"] <= mib * MIB
        # What packets and tables have no use for is the server's, and nothing lies idle.
        assert stats["memory_left_bytes"] <= max(45 * MIB, stats["memory_bytes"] / 4)
        assert stats["heap_bytes"] >= stats["memory_bytes"] / 100 * 20 - 64
        assert stats["heap_bytes"] >= stats["memory_bytes"] - 1300 * MIB
        assert re.search(r"selftest: \d+ passed, 0 failed", console), console


def read_answer(connection):
    answer = b""
    while b"\r\n\r\nok\n" not in answer:
        got = connection.recv(4096)
        assert got, f"ended by the server, after {answer!r}"
        answer += got
    return answer


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_1000_connections_in_16_mib(link, tmp_path, machine):
    """All open at once and kept: each asks, and none is answered before all have asked."""
    raise_nofile()
    with boot(tmp_path, link, 16, machine) as guest:
        guest.wait_http()
        connections = [guest.connect(timeout=120) for _ in range(CONNECTIONS)]
        for _ in range(ROUNDS):
            for c in connections:
                c.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            for c in connections:
                assert read_answer(c).startswith(b"HTTP/1.1 200 ")
        stats = guest.stats()
        assert stats["httpd_connections"] == CONNECTIONS + 1
        assert stats["tcp_cb_used"] >= CONNECTIONS
        for c in connections:
            c.close()
        guest.wait_http()


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_a_block_of_5_gib(tmp_path, machine):
    """pc has 3 and 5 GiB of the 8, q35 2 and 6: on neither would the block and what else the heap
    has fit one of the two."""
    with QemuGuest(tmp_path, user=True, app="memory", memory="8G", machine=machine,
                   append="ip=10.0.2.15/24 -- 5120") as guest:
        m = guest.wait_console(r"memory: (ok|FAILED).*\n")
        assert re.match(r"memory: ok: 5120 MiB at \w+, 0 words wrong, a second block refused",
                        m.group(0)), guest.console()
        guest.wait_console(r"memory: done")


def test_packets_above_4_gib(link, tmp_path):
    """A board with 32 MiB below 4 GiB: the buffers that the NIC reads and writes lie above."""
    with boot(tmp_path, link, 2048, "pc,max-ram-below-4g=32M", "log=debug") as guest:
        guest.wait_http()
        m = guest.wait_console(r"they lie at 0x(\w+) and 0x(\w+)")
        assert all(int(at, 16) >= 1 << 32 for at in m.groups()), m.group(0)
        for _ in range(10):  # more than the rings hold, both ways
            body = os.urandom(300000)
            assert echo(guest, body) == body


def test_more_memory_takes_no_longer_to_boot(link, tmp_path):
    """In virtual time, an instruction two nanoseconds: 64 GiB beside 1 GiB, which has nearly as
    many connections and so as large a hash table."""
    served_ms = {}
    for mib in (64, 1024, 65536):
        folder = tmp_path / str(mib)
        folder.mkdir()
        shift = NS_AN_INSTRUCTION.bit_length() - 1
        with boot(folder, link, mib, "pc",
                  extra=["-icount", f"shift={shift},sleep=off"]) as guest:
            line = guest.wait_console(r"\[ *(\d+\.\d+)\] serving: http://.*\n")
            served_ms[mib] = float(line.group(1)) * 1000
    print("listening after virtual ms:", served_ms)
    assert served_ms[65536] <= served_ms[1024] * 1.5, served_ms
