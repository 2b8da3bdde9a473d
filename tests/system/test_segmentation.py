"""What a device makes of packets that it is to cut (TSO), seen on the wire: segments as if TCP had
made them one by one. And every byte arrives, whatever the device is asked to do."""
import hashlib
import re
import socket
import threading

import pytest

from machine import CUT_GUEST_IP, CUT_HOST_IP, QemuGuest, TapLink
from peer import FIN, PSH, Wire, decode

pytestmark = pytest.mark.machine

LINK = "rsseg"
MSS = 1448
SIZE = 300000
QUIET_S = 1

# QEMU's e1000 cuts by itself. Its 82574 leaves it to the host, which has no need to: on a TAP a
# run stays whole, and its checksum open.
CUTS = {"e1000": True, "e1000e": False}


@pytest.fixture(params=[(nic, offload) for nic in CUTS for offload in ("off", "csum", "all")],
                ids="-".join)
def offloading(request, tmp_path):
    nic, offload = request.param
    with TapLink(LINK, CUT_HOST_IP):
        with QemuGuest(tmp_path, tap=LINK, nic=nic, address=CUT_GUEST_IP,
                       append=f"ip={CUT_GUEST_IP}/24 gw={CUT_HOST_IP} offload={offload}") as guest:
            guest.wait_http()
            yield nic, offload, guest


def download(guest, size):
    s = guest.connect()
    s.sendall(f"GET /bytes/{size} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = b""
    while piece := s.recv(1 << 16):
        answer += piece
    port = s.getsockname()[1]
    s.close()
    return port, answer


def uncut(frame):
    """A packet whose lengths and checksums the device has left to the host."""
    total = int.from_bytes(frame[16:18], "big") or len(frame) - 14
    tcp = frame[34:14 + total]
    return int.from_bytes(tcp[4:8], "big"), tcp[tcp[12] // 16 * 4:], tcp[13]


def data_segments(wire, port, cut):
    """Sequence number, payload and flags of all data to port, in the order they came."""
    wire.socket.settimeout(QUIET_S)
    found, idents = [], []
    while True:
        try:
            frame = wire.socket.recv(1 << 17)
        except socket.timeout:
            return found, idents
        is_tcp = frame[6:12] == wire.mac and frame[12:14] == b"\x08\x00" and frame[23] == 6
        if not is_tcp or int.from_bytes(frame[36:38], "big") != port:
            continue
        if cut:
            p = decode(frame)  # lengths and checksums are good, or it fails
            seq, data, flags = p.seq, p.data, p.flags
            assert p.dont_fragment
            idents.append(p.ident)
        else:
            seq, data, flags = uncut(frame)
        if data or flags & FIN:
            found.append((seq, data, flags))


def test_segments_on_the_wire(offloading):
    nic, offload, guest = offloading
    cut = CUTS[nic] or offload != "all"
    wire = Wire(LINK, guest)
    port, answer = download(guest, SIZE)
    checked = CUTS[nic] or offload == "off"
    found, idents = data_segments(wire, port, cut and checked)
    wire.close()
    stream, expected, pushes = b"", found[0][0], 0
    for seq, data, flags in found:
        if (seq - expected) % 2**32 >= 2**31:
            continue  # again, for an ACK came late
        assert seq == expected, "a gap"
        stream += data
        expected = (seq + len(data)) % 2**32
        assert len(data) <= MSS or not cut
        assert not flags & FIN or len(stream) == len(answer), "a FIN ahead of data"
        pushes += bool(flags & PSH)
    assert stream == answer
    assert pushes < len(found) // 2 or not cut, "a PSH is the last segment's alone"
    runs = guest.stats()["tcp_tx_runs"]
    assert (runs > 0) == (offload == "all"), runs
    if offload == "all" and cut:
        assert max(idents) > 0 and min(idents) == 0  # counts up in a run, from TCP's 0
    if offload != "all":
        assert set(idents) <= {0}
    assert not re.search("panic|reset", guest.console())


def test_every_byte_comes_back(offloading):
    """Both ways at once, more than any window."""
    _, _, guest = offloading
    body = bytes(i * 7 % 251 for i in range(1 << 16)) * 64
    s = guest.connect()
    s.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
              % len(body))
    answer = b""
    sender = threading.Thread(target=s.sendall, args=(body,), daemon=True)
    sender.start()
    while piece := s.recv(1 << 16):
        answer += piece
    sender.join(30)
    s.close()
    back = answer.partition(b"\r\n\r\n")[2]
    assert len(back) == len(body)
    assert hashlib.sha256(back).digest() == hashlib.sha256(body).digest()
