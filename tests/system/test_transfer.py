"""Bodies through /echo: every byte back, sized and chunked, over each way to serve."""
import hashlib
import os
import random
import socket
import subprocess
import threading

import pytest

SIZE_MIB = int(os.environ.get("RINGSIDE_TRANSFER_MIB", "32"))
TRANSFER_TIMEOUT_S = 600


@pytest.fixture(scope="session")
def random_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "random"
    digest = hashlib.sha256()
    with open(path, "wb") as f:
        for _ in range(SIZE_MIB):
            block = os.urandom(1 << 20)
            digest.update(block)
            f.write(block)
    return str(path), digest.hexdigest()


@pytest.mark.parametrize("framing", ["sized", "chunked"])
def test_curl_gets_every_byte_back(guest, random_file, tmp_path, framing):
    path, digest = random_file
    out = str(tmp_path / "answer")
    command = ["curl", "-sS", "--fail", "-o", out, "-T", path, "-X", "POST", "-H", "Expect:",
               "-H", "Content-Type: application/x-random", "-D", str(tmp_path / "headers"),
               guest.url + "/echo", "-w", "%{speed_upload}"]
    if framing == "chunked":
        command += ["-H", "Transfer-Encoding: chunked"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TRANSFER_TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    print(f"{framing}: {float(done.stdout) / 1e6:.1f} MB/s each way")
    answer = hashlib.sha256()
    with open(out, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            answer.update(block)
    assert answer.hexdigest() == digest
    headers = (tmp_path / "headers").read_text().lower()
    assert "content-type: application/x-random" in headers
    if framing == "sized":
        assert f"content-length: {SIZE_MIB << 20}" in headers
    else:
        assert "transfer-encoding: chunked" in headers
    os.unlink(out)


def test_small_windows_and_slow_reader(guest):
    """A client with a tiny receive buffer that dawdles still gets each byte."""
    body = random.Random(7).randbytes(1 << 20)
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(30)
    s.connect((guest.address, guest.port))
    sender = threading.Thread(target=s.sendall, args=(
        b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        % len(body) + body,), daemon=True)
    sender.start()
    answer = b""
    while True:
        piece = s.recv(3000)
        if not piece:
            break
        answer += piece
    sender.join(10)
    s.close()
    head, _, back = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200") and back == body


def test_one_byte_segments(guest):
    """Every byte of a request in a segment of its own (TCP_NODELAY)."""
    s = guest.connect()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
        s.sendall(bytes([byte]))
    answer = b""
    while piece := s.recv(4096):
        answer += piece
    s.close()
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"ok\n")
