"""httpd on plain Linux sockets: the HTTP cases, and what needs a server of its own to be seen:
time-outs, the connection cap, running out of buffers and of descriptors, big bodies, many clients.

RINGSIDE_LINUX_HTTPD names the program (build/linux/httpd),
RINGSIDE_HTTP_PORT a port to use in place
of a free one.
"""

import concurrent.futures
import contextlib
import hashlib
import os
import pathlib
import random
import resource
import socket
import subprocess
import sys
import threading
import time

import pytest

import http_cases
from http_cases import CASES, Reader, connect, run_case

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("RINGSIDE_LINUX_HTTPD", str(ROOT / "build/linux/httpd"))
HOST = "127.0.0.1"
GET = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
START_S = 60
TRIES = 10
SERVER_DESCRIPTORS = 5  # stdin, stdout, stderr, epoll's, the listening socket
SPIN_S = 1
SPIN_SHARE_MAX = 0.2  # of a program that does not sleep


def free_port():
    if "RINGSIDE_HTTP_PORT" in os.environ:
        return int(os.environ["RINGSIDE_HTTP_PORT"])
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return sock.getsockname()[1]


class Server:
    def __init__(self, process, port):
        self.process = process
        self.port = port

    def connect(self):
        return connect(HOST, self.port)

    def stats(self):
        with self.connect() as sock:
            sock.sendall(b"GET /stats HTTP/1.0\r\n\r\n")
            text = Reader(sock).response().body.decode()
        return {name: int(value) for name, value in
                (line.split(" ") for line in text.splitlines() if not line.startswith("#"))}

    def healthy(self):
        with self.connect() as sock:
            sock.sendall(GET)
            return Reader(sock).response().body == b"ok\n"

    def wait_for(self, condition, seconds=60):
        deadline = time.monotonic() + seconds
        stats = None
        while time.monotonic() < deadline:
            # A full server may turn the asker away, too: it asks again.
            with contextlib.suppress(AssertionError, ConnectionError, EOFError):
                stats = self.stats()
                if condition(stats):
                    return
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {stats}")


@contextlib.contextmanager
def running(*options, descriptors=None):
    port = free_port()

    def limit():
        if descriptors:
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))

    process = subprocess.Popen([PROGRAM, "--port", str(port), *options], preexec_fn=limit,
                               stdout=subprocess.PIPE, text=True)
    try:
        assert "listening on port" in process.stdout.readline()
        yield Server(process, port)
        assert process.poll() is None, f"it ended with {process.returncode}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def server():
    with running("--max-connections", "1024") as one:
        yield one


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(server, case):
    run_case(HOST, server.port, case)


def test_cases_leave_nothing_behind(server):
    """After all cases, and with no one connected but the asker, the tables are empty."""
    server.wait_for(lambda s: s["httpd_connections"] == 1 and s["httpd_buffers_used"] == 0)


def echo(server, body, chunked, piece_max, seed):
    """Sends body in random pieces while reading; the response's body."""
    rng = random.Random(seed)
    with server.connect() as sock:
        def send():
            framing = b"Content-Length: %d" % len(body)
            if chunked:
                framing = b"Transfer-Encoding: chunked"
            sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n")
            at = 0
            while at < len(body):
                piece = body[at:at + rng.randint(1, piece_max)]
                at += len(piece)
                sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            if chunked:
                sock.sendall(b"0\r\n\r\n")

        sender = threading.Thread(target=send)
        sender.start()
        response = Reader(sock).response()
        sender.join()
        return response.body


@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
def test_echo_of_many_sizes(server, chunked):
    seed = 4711
    print(f"seed {seed}")
    rng = random.Random(seed)
    for size in [1, 32767, 32768, 32769, 65536] + [rng.randint(1, 500_000) for _ in range(10)]:
        body = rng.randbytes(size)
        assert echo(server, body, chunked, rng.choice([50, 5000, 100_000]) + size // 100,
                    size) == body


@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
def test_echo_of_64_mib(server, tmp_path, chunked):
    data = random.Random(1).randbytes(64 * 1024 * 1024)
    path = tmp_path / "data"
    path.write_bytes(data)
    framing = ["-H", "Transfer-Encoding: chunked"] if chunked else []
    done = subprocess.run(["curl", "-sS", "-f", "-m", "120", "-T", str(path), *framing,
                           f"http://{HOST}:{server.port}/echo"], capture_output=True, check=True)
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(data).digest()


def test_echo_to_a_client_that_reads_late(server):
    """Nothing is lost when the client reads only after the server had to stop."""
    body = random.Random(2).randbytes(8 * 1024 * 1024)
    with server.connect() as sock:
        def send():
            sock.sendall(b"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body))
            sock.sendall(body)

        sender = threading.Thread(target=send)
        sender.start()
        server.wait_for(lambda s: s["httpd_buffers_used"] > 0)
        assert server.healthy()
        assert Reader(sock).response().body == body
        sender.join()
    server.wait_for(lambda s: s["httpd_buffers_used"] == 0)


def test_half_closed_client_is_answered(server):
    with server.connect() as sock:
        sock.sendall(GET + GET)
        sock.shutdown(socket.SHUT_WR)
        reader = Reader(sock)
        assert [reader.response().status for _ in range(2)] == [200, 200]
        assert reader.closed()
    with server.connect() as sock:
        sock.sendall(GET[:-2])
        sock.shutdown(socket.SHUT_WR)
        assert Reader(sock).response().status == 400


def test_error_reaches_a_client_that_goes_on_sending(server):
    """RFC 9112, 9.6: without the lingering close a RST would destroy the 413."""
    for _ in range(20):
        with server.connect() as sock:
            sock.sendall(b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(20):
                    sock.sendall(bytes(10_000))
            assert Reader(sock).response().status == 405


def test_two_thousand_connections_at_once():
    with running("--max-connections", "2500") as server:
        socks = [server.connect() for _ in range(2000)]
        for sock in socks:
            sock.sendall(GET)
        assert all(Reader(sock).response().body == b"ok\n" for sock in socks)
        stats = server.stats()
        assert stats["httpd_connections"] == 2001 and stats["httpd_buffers_used"] == 0
        for sock in socks:
            sock.close()
        server.wait_for(lambda s: s["httpd_connections"] == 1)


def test_many_clients_mixed(server):
    def client(seed):
        rng = random.Random(seed)
        for _ in range(5):
            body = rng.randbytes(rng.randint(1, 200_000))
            assert echo(server, body, rng.random() < 0.5, 50_000, seed) == body
            run_case(HOST, server.port, rng.choice(CASES))

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(client, range(32)))


def expect_response_then_close(sock, status):
    reader = Reader(sock)
    if status:
        assert reader.response().status == status
    assert reader.closed()


def test_timeouts():
    with running("--header-timeout", "1", "--body-timeout", "1", "--idle-timeout", "1") as server:
        with server.connect() as sock:  # idle from the start: closed without a word
            expect_response_then_close(sock, None)
        with server.connect() as sock:  # idle after a request
            sock.sendall(GET)
            assert Reader(sock).response().status == 200
            expect_response_then_close(sock, None)
        with server.connect() as sock:  # a head that dribbles: no byte renews its time
            start = time.monotonic()
            sock.settimeout(0.2)
            reader = Reader(sock)
            while not reader.data:
                assert time.monotonic() - start < START_S, "no 408"
                sock.sendall(b"G")
                with contextlib.suppress(TimeoutError):
                    reader.more()
            sock.settimeout(START_S)
            assert reader.response().status == 408
        with server.connect() as sock:  # a body that stalls before its first byte, and after
            sock.sendall(b"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
            expect_response_then_close(sock, 408)
        with server.connect() as sock:
            sock.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhi")
            expect_response_then_close(sock, 408)
        with server.connect() as sock:  # a client that does not read what it asked for
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(0.5)
            with contextlib.suppress(TimeoutError, ConnectionError):
                sock.sendall(b"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n")
                sock.sendall(bytes(50_000_000))
            server.wait_for(lambda s: s["httpd_timeouts_write"] == 1)
            with pytest.raises(ConnectionResetError):  # no FIN: a part is not the whole
                while sock.recv(65536):
                    pass
        stats = server.stats()
        assert stats["httpd_timeouts_idle"] == 2
        assert stats["httpd_timeouts_head"] == 1
        assert stats["httpd_timeouts_body"] == 2
        server.wait_for(lambda s: s["httpd_connections"] == 1 and s["httpd_buffers_used"] == 0)


def test_cap_evicts_the_longest_idle():
    with running("--max-connections", "16") as server:
        socks = [server.connect() for _ in range(16)]
        readers = [Reader(sock) for sock in socks]
        for sock, reader in zip(socks, readers):
            sock.sendall(GET)
            assert reader.response().status == 200
        socks[0].sendall(GET)  # no longer the longest idle
        assert readers[0].response().status == 200
        assert server.healthy()
        assert readers[1].closed()
        socks[0].sendall(GET)
        assert readers[0].response().status == 200
        for sock in socks:
            sock.close()


def test_cap_answers_503_when_nobody_can_go():
    """Bodies that have just begun keep their places; a host that is busy elsewhere may take more
    than the second that they do, and has another try."""
    def refusal(server):
        with contextlib.ExitStack() as stack:
            for _ in range(16):
                sock = stack.enter_context(server.connect())
                sock.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")
            sock = stack.enter_context(server.connect())
            sock.sendall(GET)
            response = Reader(sock).response()
            for _ in range(100):  # beyond even those who are told
                stack.enter_context(server.connect())
            return response if response.status == 503 else None

    with running("--max-connections", "16") as server:
        response = next(filter(None, (refusal(server) for _ in range(TRIES))))
        assert response.headers["retry-after"] == "1"
        server.wait_for(lambda s: s["httpd_connections"] == 1)
        assert server.stats()["httpd_refused_full"] >= 1


def test_heads_that_dribble_do_not_keep_the_places():
    with running("--max-connections", "16") as server:
        busy = [server.connect() for _ in range(16)]
        for sock in busy:
            sock.sendall(b"GET / HTTP/1.1\r\n")
        assert server.healthy()
        assert Reader(busy[0]).closed()
        server.wait_for(lambda s: s["httpd_evicted_head"] >= 1)
        for sock in busy:
            sock.close()


def test_heads_that_dribble_do_not_keep_the_buffers():
    with running("--max-connections", "256", "--buffers", "16") as server:
        slow = [server.connect() for _ in range(100)]
        for sock in slow:
            sock.sendall(b"GET / HTTP/1.1\r\n")
        server.wait_for(lambda s: s["httpd_evicted_head"] >= 80)
        assert server.stats()["httpd_buffers_used"] <= 16
        with server.connect() as sock:
            sock.sendall(GET[:10])
            time.sleep(0.2)
            sock.sendall(GET[10:])
            assert Reader(sock).response().status == 200
        for sock in slow:
            sock.close()


def test_echoes_that_failed_do_not_keep_the_buffers():
    with running("--buffers", "16") as server, contextlib.ExitStack() as stack:
        def begin():
            sock = stack.enter_context(server.connect())
            sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                         b"3\r\nabc\r\n")
            return sock, Reader(sock)

        for _ in range(15):
            sock, reader = begin()
            assert reader.line() == b"HTTP/1.1 200 OK"
            sock.sendall(b"oops\r\n")
            while reader.more():  # its FIN
                pass
        sock, reader = begin()
        sock.sendall(b"0\r\n\r\n")
        response = reader.response()
        assert (response.status, response.body) == (200, b"abc")
        assert server.stats()["httpd_buffers_used"] == 0


def test_bodies_that_drip_do_not_keep_the_places():
    """A byte now and then renews a body's time-out; who is silent between two goes when another
    needs the place or the buffer."""
    with running("--max-connections", "32", "--buffers", "16") as server:
        slow = [server.connect() for _ in range(32)]
        for sock in slow:
            sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")
        time.sleep(2.5)
        with contextlib.ExitStack() as stack:
            fresh = [stack.enter_context(server.connect()) for _ in range(4)]
            for sock in fresh:
                sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na")
            time.sleep(0.2)
            for sock in fresh:
                sock.sendall(b"b")
                response = Reader(sock).response()
                assert (response.status, response.body) == (200, b"ab")
        assert server.stats()["httpd_evicted_silent"] >= 1
        for sock in slow:
            sock.close()


def test_running_out_of_descriptors_costs_the_longest_at_a_head():
    with running("--max-connections", "256", descriptors=40) as server:
        busy = [server.connect() for _ in range(100)]
        for sock in busy:
            with contextlib.suppress(ConnectionError):
                sock.sendall(b"GET / HTTP/1.1\r\n")
        assert server.healthy()
        for sock in busy:
            sock.close()


def test_running_out_of_descriptors_does_not_spin():
    """With no descriptor held by a client there is none to be won by closing one."""
    with running("--max-connections", "256", descriptors=SERVER_DESCRIPTORS) as server:
        busy = [server.connect() for _ in range(100)]
        path = f"/proc/{server.process.pid}/stat"

        def cpu_s():
            fields = pathlib.Path(path).read_text().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        before = cpu_s()
        spinning = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        time.sleep(SPIN_S)
        used = cpu_s() - before
        spinning.kill()
        control = os.wait4(spinning.pid, 0)[2].ru_utime
        assert used < control * SPIN_SHARE_MAX, f"{used} s of CPU, one that spins {control} s"
        for sock in busy:
            sock.close()
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (40, hard))
        assert server.healthy()
        assert server.stats()["httpd_accept_errors"] >= 1


@pytest.mark.parametrize("options", [["--port", "0"], ["--port", "x"], ["--nonsense"], ["--port"],
                                     ["--max-connections", "99999999999"]])
def test_bad_options(options):
    done = subprocess.run([PROGRAM, *options], capture_output=True, text=True, timeout=START_S)
    assert done.returncode == 2
    assert options[0] in done.stderr and "--idle-timeout N" in done.stderr and done.stdout == ""


def test_http_cases_have_names_of_their_own():
    names = [case.name for case in http_cases.CASES]
    assert len(names) == len(set(names))
