"""apps/mandel: doubles and Debian's zlib in an application, on each target from one source."""
import struct
import threading
import zlib

import pytest

from machine import FLOAT_GUEST_IP, FLOAT_HOST_IP, app_server

COLUMNS, ROWS, STEPS_MAX = 128, 96, 255
VIEWS = [(-0.5, 0.0, 3.0), (-0.743643887037151, 0.131825904205330, 1e-3)]


@pytest.fixture(scope="module", params=["qemu", "hosted", "linux"])
def mandel(request, tmp_path_factory):
    with app_server(request.param, tmp_path_factory.mktemp("mandel"), "mandel", FLOAT_HOST_IP,
                    FLOAT_GUEST_IP, linux_port=8096, serving="serving: http") as server:
        yield server


def steps(cx, cy):
    x = y = 0.0
    for n in range(1, STEPS_MAX + 1):
        x, y = x * x - y * y + cx, 2.0 * x * y + cy
        if x * x + y * y > 4.0:
            return n
    return 0


def picture(x, y, width):
    """The same computation in Python's doubles: the same bits, step for step."""
    step = width / COLUMNS
    rows = []
    for row in range(ROWS):
        cy = y - (row + 0.5 - ROWS / 2.0) * step
        rows.append(bytes(steps(x + (column + 0.5 - COLUMNS / 2.0) * step, cy)
                          for column in range(COLUMNS)))
    return rows


@pytest.fixture(scope="module")
def pictures():
    return {view: picture(*view) for view in VIEWS}


def decode(png):
    """The rows of a grey PNG without filters; every chunk's CRC is looked at."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, []
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        data = png[at + 8:at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length:at + 12 + length]) == \
            (zlib.crc32(kind + data),), kind
        chunks.append((kind, data))
        at += 12 + length
    assert chunks[0] == (b"IHDR", struct.pack(">IIBBBBB", COLUMNS, ROWS, 8, 0, 0, 0, 0))
    assert chunks[-1] == (b"IEND", b"")
    raw = zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT"))
    rows = [raw[at:at + COLUMNS + 1] for at in range(0, len(raw), COLUMNS + 1)]
    assert all(row[0] == 0 for row in rows)
    return [row[1:] for row in rows]


def test_pictures_are_the_same_to_the_last_bit(mandel, pictures):
    for (x, y, width), rows in pictures.items():
        status, body = mandel.get(f"/?x={x!r}&y={y!r}&width={width!r}", timeout=30)
        assert status == 200
        assert decode(body) == rows


def test_numbers_are_read_and_printed(mandel):
    with mandel.connect(30) as s:
        s.sendall(b"GET /?x=-7.43643887037151e-1&y=0x1p-3&width=.001 HTTP/1.1\r\n\r\n")
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = s.recv(4096)
            assert piece, answer
            answer += piece
    assert f"\r\nX-View: x={-7.43643887037151e-1:.17g} y=0.125 width=0.001\r\n".encode() in answer
    for query in ["x=up", "width=-1", "width=nan", "y=1e999"]:
        assert mandel.get(f"/?{query}")[0] == 400


def test_clients_computing_at_once_get_their_own(mandel, pictures):
    """A task a client, which yields between two rows: none finds another's numbers in its own."""
    answers = [None] * 6

    def fetch(n):
        x, y, width = VIEWS[n % 2]
        answers[n] = mandel.get(f"/?x={x!r}&y={y!r}&width={width!r}", timeout=60)[1]
    threads = [threading.Thread(target=fetch, args=(n,)) for n in range(len(answers))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    for n, answer in enumerate(answers):
        assert decode(answer) == pictures[VIEWS[n % 2]]
