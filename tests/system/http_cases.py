"""HTTP cases as raw bytes, usable against any running httpd, on whatever target.

CASES is the list; run_case(host, port, case) plays one and raises AssertionError with what came
instead. Needs nothing but the standard library. Cases say nothing about time-outs and limits on
connections, for those depend on how the server was started.
"""

import dataclasses
import socket
import time

TIMEOUT_S = 60
PAUSE_S = 0.05  # between pieces: long enough for each to travel in a segment of its own


@dataclasses.dataclass(frozen=True)
class Response:
    status: int
    headers: dict  # names in lower case
    body: bytes


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    pieces: tuple  # of bytes, sent one after another
    statuses: tuple  # of the final responses, in order
    body: bytes | None = None  # of the last response; None: whatever
    closes: bool = False  # the server closes; otherwise the connection must still serve
    head: bool = False  # the last response is to a HEAD: no body whatever the length says
    fields: tuple = ()  # (name, value) that the last response has; value None: any
    interim: int = 0  # how many 100 Continue come before
    truncated: bool = False  # the last response's body ends before its end


class Reader:
    """Reads responses off a socket."""

    def __init__(self, sock):
        self.sock = sock
        self.data = b""

    def more(self):
        try:
            got = self.sock.recv(65536)
        except ConnectionResetError as error:
            raise AssertionError(f"reset after {self.data[:200]!r}") from error
        self.data += got
        return bool(got)

    def take(self, count):
        while len(self.data) < count:
            if not self.more():
                raise EOFError(f"{len(self.data)} of {count} bytes")
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def line(self):
        while b"\r\n" not in self.data:
            if not self.more():
                raise EOFError(f"no line in {self.data[:100]!r}")
        line, self.data = self.data.split(b"\r\n", 1)
        return line

    def chunks(self):
        body = b""
        while True:
            size = int(self.line().split(b";")[0], 16)
            if size == 0:
                assert self.line() == b"", "trailers"
                return body
            body += self.take(size)
            assert self.line() == b"", "no CRLF behind a chunk"

    def response(self, head=False):
        version, status, _ = self.line().split(b" ", 2)
        assert version == b"HTTP/1.1", version
        headers = {}
        while line := self.line():
            name, value = line.split(b":", 1)
            key = name.decode().lower()
            assert key not in headers, f"{key} twice"
            headers[key] = value.strip().decode()
        status = int(status)
        if head or status in (100, 204):
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            assert "content-length" not in headers
            body = self.chunks()
        elif "content-length" in headers:
            body = self.take(int(headers["content-length"]))
        else:
            assert headers.get("connection") == "close", headers
            while self.more():
                pass
            body, self.data = self.data, b""
        return Response(status, headers, body)

    def closed(self):
        """True when the server closes without another byte."""
        return not self.data and not self.more()


def connect(host, port):
    sock = socket.create_connection((host, port), timeout=TIMEOUT_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def send_pieces(sock, pieces):
    for number, piece in enumerate(pieces):
        if number:
            time.sleep(PAUSE_S)
        try:
            sock.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            return  # the server has answered and gone: what it said is still to be read


def check_last(case, response):
    assert "server" in response.headers
    for name, value in case.fields:
        got = response.headers.get(name)
        assert got is not None if value is None else got == value, f"{name}: {got!r}, not {value!r}"
    if case.body is not None:
        assert response.body == case.body, f"body {response.body[:200]!r}, not {case.body[:200]!r}"
    if case.closes:
        assert response.headers.get("connection") == "close" or case.truncated, response.headers


def run_case(host, port, case):
    """Plays the case on a connection of its own."""
    with connect(host, port) as sock:
        send_pieces(sock, case.pieces)
        reader = Reader(sock)
        for _ in range(case.interim):
            assert reader.response().status == 100
        response = None
        for number, status in enumerate(case.statuses):
            is_last = number == len(case.statuses) - 1
            try:
                response = reader.response(head=case.head and is_last)
            except EOFError:
                assert case.truncated and is_last, f"the connection ended before response {number}"
                return
            assert response.status == status, f"{response.status}, not {status}: {response}"
        assert not case.truncated, f"whole: {response}"
        if response is not None:
            check_last(case, response)
        if case.closes:
            assert reader.closed(), f"more came: {reader.data[:200]!r}"
            return
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert reader.response().body == b"ok\n", "the connection no longer serves"


def _request(line, *fields, body=b"", host=True):
    lines = [line] + ([b"Host: a"] if host else []) + list(fields)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _one(name, request, status, **more):
    return Case(name, (request,), (status,), **more)


def _bad(name, request, status=400):
    """Framing is lost or cannot be trusted: one error, the close, and nothing of what follows."""
    return _one(name, request + b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", status, closes=True)


def _has(name, value=None):
    return ((name, value),)


_GET = _request(b"GET /healthz HTTP/1.1")
_BIG = bytes(range(256)) * 400  # more than any one buffer
_CHUNKED = b"Transfer-Encoding: chunked"


def _chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def _echo(*fields, body=b""):
    return _request(b"POST /echo HTTP/1.1", *fields, body=body)


_RESOURCES = [
    _one("root", _request(b"GET / HTTP/1.1"), 200,
         fields=_has("content-type", "text/html; charset=utf-8")),
    _one("healthz", _GET, 200, body=b"ok\n", fields=_has("content-length", "3")),
    _one("query is ignored", _request(b"GET /healthz?a=b%20c HTTP/1.1"), 200, body=b"ok\n"),
    _one("absolute form", _request(b"GET http://a.example:80/healthz HTTP/1.1"), 200, body=b"ok\n"),
    _one("head", _request(b"HEAD /healthz HTTP/1.1"), 200, head=True,
         fields=_has("content-length", "3")),
    _one("head of stats", _request(b"HEAD /stats HTTP/1.1"), 200, head=True),
    _one("bytes", _request(b"GET /bytes/6400 HTTP/1.1"), 200, fields=_has("content-length", "6400"),
         body=b"ringside 0123456789 abcdefghijklmnopqrstuvwxyz 0123456789 abcde\n" * 100),
    _one("bytes without a number", _request(b"GET /bytes/ HTTP/1.1"), 404),
    _one("stats", _request(b"GET /stats HTTP/1.1"), 200,
         fields=_has("transfer-encoding", "chunked")),
    _one("headers", _request(b"GET /headers?x HTTP/1.1", b"a:1", b"B:  two \t", b"a:2"), 200,
         body=_request(b"GET /headers?x HTTP/1.1", b"a:1", b"B:  two \t", b"a:2")),
    _one("not found", _request(b"GET /nothing HTTP/1.1"), 404),
    _one("encoded path is another", _request(b"GET /%68ealthz HTTP/1.1"), 404),
    _one("not allowed", _request(b"DELETE /healthz HTTP/1.1"), 405,
         fields=_has("allow", "GET, HEAD, OPTIONS")),
    _one("not allowed with a body", _request(b"POST /stats HTTP/1.1", b"Content-Length: 3",
                                             body=b"abc"),
         405),
    _one("options of all", _request(b"OPTIONS * HTTP/1.1"), 204, fields=_has("allow")),
    _one("options of one", _request(b"OPTIONS /echo HTTP/1.1"), 204,
         fields=_has("allow", "GET, HEAD, POST, PUT, OPTIONS")),
    _one("get of echo", _request(b"GET /echo HTTP/1.1"), 200),
    _one("empty lines first", b"\r\n\r\n" + _GET, 200, body=b"ok\n"),
]

_ECHOES = [
    _one("echo sized", _echo(b"Content-Length: 5", b"Content-Type: x/y; z=1", body=b"hello"), 200,
         body=b"hello", fields=(("content-type", "x/y; z=1"), ("content-length", "5"))),
    _one("echo of nothing", _echo(b"Content-Length: 0"), 200, body=b"",
         fields=_has("content-length", "0")),
    _one("echo without a length", _echo(), 200, body=b""),
    _one("echo big", _echo(b"Content-Length: %d" % len(_BIG), body=_BIG), 200, body=_BIG),
    _one("echo chunked", _echo(_CHUNKED, body=_chunk(b"abc") + _chunk(_BIG) + b"0\r\n\r\n"), 200,
         body=b"abc" + _BIG, fields=_has("transfer-encoding", "chunked")),
    _one("echo with extensions and trailers",
         _echo(_CHUNKED, body=b'3;a="b;\tc";d\r\nabc\r\n00\r\nT: v\r\n\r\n'), 200, body=b"abc"),
    _one("discard", _request(b"PUT /discard HTTP/1.1", b"Content-Length: %d" % len(_BIG),
                             body=_BIG),
         200, body=b"%d\n" % len(_BIG)),
    _one("discard chunked", _request(b"POST /discard HTTP/1.1", _CHUNKED, body=_chunk(b"abc") +
                                     _chunk(_BIG) + b"0\r\n\r\n"),
         200, body=b"%d\n" % (len(_BIG) + 3)),
    Case("echo in pieces", (b"PUT /ec", b"ho HTTP/1.1\r\nHost: a\r\nContent-",
                            b"Length: 6\r\n\r\n", b"abc",
                            b"def"), (200,), body=b"abcdef"),
    Case("echo chunked in pieces", (_echo(_CHUNKED), b"3", b"\r\nab", b"c\r", b"\n0\r\n", b"\r\n"),
         (200,),
         body=b"abc"),
    Case("continue", (_echo(b"Content-Length: 2", b"Expect: 100-continue"), b"hi"), (200,),
         body=b"hi",
         interim=1),
    _one("continue not waited for", _echo(b"Content-Length: 2", b"Expect: 100-continue",
                                          body=b"hi"), 200,
         body=b"hi"),
    _one("continue for what is not allowed",
         _request(b"POST /healthz HTTP/1.1", b"Content-Length: 2", b"Expect: 100-continue"), 405,
         closes=True),
    _one("other expectation", _echo(b"Content-Length: 2", b"Expect: more"), 417, closes=True),
    Case("bad chunk after a good one", (_echo(_CHUNKED, body=_chunk(b"abc")), b"oops\r\n"), (200,),
         closes=True, truncated=True),
]

_CONNECTIONS = [
    Case("pipelined", (_GET * 100,), (200,) * 100, body=b"ok\n"),
    Case("pipelined with bodies",
         ((_echo(b"Content-Length: 2", body=b"hi") +
           _echo(_CHUNKED, body=_chunk(b"ho") + b"0\r\n\r\n")) * 20,), (200,) * 40, body=b"ho"),
    _one("close", _request(b"GET /healthz HTTP/1.1", b"Connection: close"), 200, body=b"ok\n",
         closes=True),
    _one("1.0", b"GET /healthz HTTP/1.0\r\n\r\n", 200, body=b"ok\n", closes=True),
    _one("1.0 keep-alive", b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200,
         body=b"ok\n",
         fields=_has("connection", "keep-alive")),
    _one("1.0 stats until close", b"GET /stats HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200,
         closes=True),
    _one("1.0 echo", b"POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", 200, body=b"hi",
         closes=True),
]

_LIMITS = [
    _one("request line of 8 KiB", _request(b"GET /healthz?" + b"a" * (8192 - 24) + b" HTTP/1.1"),
         200,
         body=b"ok\n"),
    _bad("request line over 8 KiB", _request(b"GET /healthz?" + b"a" * (8192 - 23) + b" HTTP/1.1"),
         414),
    _one("fields of 16 KiB", _request(b"GET /healthz HTTP/1.1", b"A: " + b"b" * (16384 - 14)), 200,
         body=b"ok\n"),
    _bad("fields over 16 KiB", _request(b"GET /healthz HTTP/1.1", b"A: " + b"b" * (16384 - 13)),
         431),
    _one("a hundred fields", _request(b"GET /healthz HTTP/1.1", *[b"A: b"] * 99), 200,
         body=b"ok\n"),
    _bad("a hundred and one fields", _request(b"GET /healthz HTTP/1.1", *[b"A: b"] * 100), 431),
    _one("unwanted body", _request(b"GET /healthz HTTP/1.1", b"Content-Length: 65536",
                                   body=bytes(65536)),
         200, body=b"ok\n"),
    _one("unwanted body too long",
         _request(b"GET /healthz HTTP/1.1", b"Content-Length: 100000", body=bytes(100000)), 413,
         closes=True),
    _one("unwanted chunks too long",
         _request(b"GET /healthz HTTP/1.1", _CHUNKED, body=_chunk(bytes(60000)) * 2), 413,
         closes=True),
]

_BAD_FIELDS = [
    ("both lengths", b"Content-Length: 3\r\n" + _CHUNKED),
    ("two lengths", b"Content-Length: 3\r\nContent-Length: 4"),
    ("list of lengths", b"Content-Length: 3, 3"),
    ("negative length", b"Content-Length: -1"),
    ("signed length", b"Content-Length: +3"),
    ("hex length", b"Content-Length: 0x3"),
    ("huge length", b"Content-Length: 99999999999999999999"),
    ("empty length", b"Content-Length:"),
    ("blank before the colon", b"Content-Length : 3"),
    ("folded field", b"A: b\r\n c"),
    ("folded first field", b"A: b\r\n\tc"),
    ("bare CR", b"A: b\rB: c"),
    ("bare LF", b"A: b\nB: c"),
    ("NUL", b"A: b\0c"),
    ("no colon", b"A"),
    ("empty name", b": b"),
    ("name not a token", b"A(: b"),
    ("not chunked at last", b"Transfer-Encoding: chunked, identity"),
    ("unknown coding", b"Transfer-Encoding: xchunked"),
    ("second host", b"Host: b"),
]

_BAD = [_bad(name, _echo(field, body=b"0\r\n\r\n")) for name, field in _BAD_FIELDS] + [
    _bad("gzip before chunked", _echo(b"Transfer-Encoding: gzip, chunked"), 501),
    _bad("chunked in 1.0", b"POST /echo HTTP/1.0\r\n" + _CHUNKED + b"\r\n\r\n0\r\n\r\n"),
    _bad("no host", _request(b"GET / HTTP/1.1", host=False)),
    _bad("bad host", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    _bad("unknown method", _request(b"BREW / HTTP/1.1"), 501),
    _bad("connect", _request(b"CONNECT a:80 HTTP/1.1"), 501),
    _bad("version 2.0", _request(b"GET / HTTP/2.0"), 505),
    _bad("version 0.9", b"GET /\r\n\r\n"),
    _bad("no version", _request(b"GET / HTTP")),
    _bad("two blanks", _request(b"GET  / HTTP/1.1")),
    _bad("not a target", _request(b"GET healthz HTTP/1.1")),
    _bad("fragment", _request(b"GET /#a HTTP/1.1")),
    _bad("line ended by LF", b"GET / HTTP/1.1\nHost: a\n\n"),
    _bad("not HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"),
] + [
    _bad("bad chunk " + repr(body), _echo(_CHUNKED, body=body))
    for body in (b"g\r\n", b"-1\r\n", b"0x1\r\na\r\n", b" 1\r\na\r\n", b"1\na\r\n", b"1\rXa\r\n",
                 b"1\r\nab\r\n", b"1\r\na\n", b"0\r\n\n", b"f" * 17 + b"\r\n")
]

_HOSTS = [
    _one(f"host {host.decode()}", b"GET /healthz HTTP/1.1\r\nHost: " + host + b"\r\n\r\n", 200,
         body=b"ok\n")
    for host in (b"", b"A.example:8080", b"127.0.0.1:", b"[::1]:80", b"[fe80::1%25eth0]", b"%61_b")
] + [
    _bad(f"no host {host.decode()}", b"GET /healthz HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
    for host in (b"a:b", b"a:80:80", b"[::1", b"a[b]", b"%zz", b"[zz::1]", b"[::1]80", b"a\\b")
] + [
    _one("another host in the target", _request(b"GET http://b/healthz HTTP/1.1"), 200,
         body=b"ok\n"),
    _bad("no host in the target", _request(b"GET http:///healthz HTTP/1.1")),
    _bad("user in the target", _request(b"GET http://u@a/healthz HTTP/1.1")),
]

# White space is blanks and tabs; lists may have empty elements (RFC 9110, 5.6.1 and 5.6.3).
_FIELDS = [
    _one(f"close {field!r}", _request(b"GET /healthz HTTP/1.1", field), 200, body=b"ok\n",
         closes=True)
    for field in (b"Connection: close\t", b"Connection:\tclose", b"Connection: ,close,",
                  b"Connection: a\t,\tclose")
] + [
    _one("length and a tab", _echo(b"Content-Length:\t2\t", body=b"hi"), 200, body=b"hi"),
    _one("coding and a tab", _echo(_CHUNKED + b"\t", body=_chunk(b"hi") + b"0\r\n\r\n"), 200,
         body=b"hi"),
    _one("coding in a list", _echo(b"Transfer-Encoding: ,chunked ,",
                                   body=_chunk(b"hi") + b"0\r\n\r\n"), 200,
         body=b"hi"),
    _one("expectation in a list", _echo(b"Content-Length: 2", b"Expect: 100-continue,",
                                        body=b"hi"), 200,
         body=b"hi"),
    _one("no expectation in 1.0", b"PUT /echo HTTP/1.0\r\nContent-Length: 2\r\n"
         b"Expect: 100-continue\r\n\r\nhi", 200, body=b"hi", closes=True),
    _one("version 1.2", _request(b"GET /healthz HTTP/1.2"), 200, body=b"ok\n"),
    _one("chunk extensions", _echo(_CHUNKED, body=b'2 ; a = "\\";" ;\tb ; c=d\r\nhi\r\n'
                                   b"0;e\r\nT: v\r\n\r\n"), 200, body=b"hi"),
    _bad("folded trailer", _echo(_CHUNKED, body=b"0\r\nA: b\r\n c\r\n\r\n")),
    _bad("lengths in a list", _echo(b"Content-Length: 2,2", body=b"hi")),
    _bad("two codings that are chunked", _echo(_CHUNKED, _CHUNKED, body=b"0\r\n\r\n")),
    _bad("empty coding", _echo(b"Transfer-Encoding: ,", body=b"0\r\n\r\n")),
    _bad("endless empty lines", b"\r\n" * 100 + _GET),
]

# Not a byte more is needed to see that these are no requests.
_ELSE = [
    _one(f"not HTTP {data!r}", data, 400, closes=True)
    for data in (b"\x16\x03\x01", b"\0", b"SSH-2.0-x\r", b"GET /\r")
] + [_one("method too long", b"A" * 33, 501, closes=True)]

CASES = _RESOURCES + _ECHOES + _CONNECTIONS + _LIMITS + _BAD + _HOSTS + _FIELDS + _ELSE
