"""apps/echo, the RFC 862 service in a blocking style: over TCP and UDP, on each target."""
import random
import socket
import threading

import pytest

from machine import ECHO_GUEST_IP, ECHO_HOST_IP, app_server


@pytest.fixture(scope="module", params=["qemu", "hosted", "linux"])
def echo(request, tmp_path_factory):
    with app_server(request.param, tmp_path_factory.mktemp("echo"), "echo", ECHO_HOST_IP,
                    ECHO_GUEST_IP, linux_port=8097, port=7, serving="serving: udp") as server:
        yield server


def exchange(echo, data):
    s = echo.connect(20)
    sender = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)),
                              daemon=True)
    sender.start()
    answer = bytearray()
    while piece := s.recv(65536):
        answer += piece
    sender.join(20)
    s.close()
    return bytes(answer)


def test_tcp_gives_back_what_it_gets_and_closes(echo):
    data = random.Random(1).randbytes(2 << 20)
    assert exchange(echo, data) == data
    assert exchange(echo, b"") == b""


def test_tcp_serves_many_at_once(echo):
    data = [random.Random(n).randbytes(20000) for n in range(50)]
    answers = [None] * len(data)

    def one(n):
        answers[n] = exchange(echo, data[n])
    threads = [threading.Thread(target=one, args=(n,)) for n in range(len(data))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    assert answers == data


def test_udp_gives_back_each_datagram(echo):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect((echo.address, echo.port))
        for size in [0, 1, 512, 1472]:
            data = random.Random(size).randbytes(size)
            s.send(data)
            assert s.recv(2000) == data
