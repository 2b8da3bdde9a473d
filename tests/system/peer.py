"""A peer made of raw frames: builds what no well-behaved host sends, and hears all the answers.

No waiting by the clock: a machine takes frames in their order, so an ICMP echo request behind a
frame is a fence. When its reply is here, whatever the frame was to be answered with is here, too.
"""
import dataclasses
import itertools
import random
import select
import socket
import struct
import time

from attackers import mac_of

PEER = "10.66.0.9"  # nobody's: reached by way of the gateway, dropped by Linux there
FENCE_FROM = "10.66.0.1"
FENCE_S = 30
ANSWER_S = 30
MTU = 1500
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
MSS_1460 = b"\x02\x04\x05\xb4"
ETH_IP, ETH_ARP = 0x0800, 0x0806


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


@dataclasses.dataclass
class Packet:
    """What the machine sent; of ARP and unknown protocols only the raw bytes."""

    raw: bytes
    type: int = 0
    protocol: int = 0
    ident: int = 0
    dont_fragment: bool = False
    source: str = ""
    destination: str = ""
    body: bytes = b""  # of IP
    sport: int = 0
    dport: int = 0
    seq: int = 0
    ack: int = 0
    flags: int = 0
    window: int = 0
    options: bytes = b""
    data: bytes = b""
    at: float = 0.0

    def has(self, flags):
        return self.protocol == 6 and self.flags & flags == flags


def decode(frame):
    """Checks what must hold of everything a machine sends, whatever it was sent."""
    p = Packet(raw=frame, type=struct.unpack_from("!H", frame, 12)[0], at=time.monotonic())
    if p.type != ETH_IP:
        return p
    header = (frame[14] & 15) * 4
    total, p.ident, fragment = struct.unpack_from("!HHH", frame, 16)
    assert frame[14] >> 4 == 4 and header >= 20 and total <= len(frame) - 14 and total <= MTU, frame
    assert checksum(frame[14:14 + header]) == 0, frame
    p.dont_fragment, p.protocol = bool(fragment & 0x4000), frame[23]
    p.source, p.destination = (socket.inet_ntoa(frame[i:i + 4]) for i in (26, 30))
    p.body = frame[14 + header:14 + total]
    if p.protocol == 6:
        pseudo = frame[26:34] + struct.pack("!HH", 6, len(p.body))
        assert checksum(pseudo + p.body) == 0, frame
        p.sport, p.dport, p.seq, p.ack, offset, p.flags, p.window = struct.unpack_from(
            "!HHIIBBH", p.body)
        p.options, p.data = p.body[20:offset // 16 * 4], p.body[offset // 16 * 4:]
    elif p.protocol == 1:
        assert checksum(p.body) == 0, frame
    return p


class Wire:
    """The raw end of a link to a machine."""

    def __init__(self, link, guest):
        self.guest, self.link = guest, link
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((link, 3))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 1 << 23)  # SO_RCVBUFFORCE
        self.socket.setsockopt(263, 23, 1)  # SOL_PACKET, PACKET_IGNORE_OUTGOING
        self.own_mac = self.socket.getsockname()[4]
        self.mac = bytes.fromhex(mac_of(guest).replace(":", ""))
        self.holds_fragments = False  # which are given up only after a while
        self.fences = itertools.count(1)
        self.ports = itertools.count(random.randrange(2000, 50000))

    def close(self):
        self.socket.close()

    def frame(self, payload, kind=ETH_IP, to=None, source=None):
        return (to or self.mac) + (source or self.own_mac) + struct.pack("!H", kind) + payload

    def ip(self, payload, protocol, source=PEER, to=None, options=b"", fragment=0x4000, ident=0,
           tos=0, **wrong):
        """wrong: version, header (length in words), total (length), checksum."""
        header_len = wrong.get("header", 5 + len(options) // 4)
        total = wrong.get("total", 20 + len(options) + len(payload))
        header = struct.pack("!BBHHHBBH4s4s", wrong.get("version", 4) << 4 | header_len, tos, total,
                             ident, fragment, 64, protocol, 0, socket.inet_aton(source),
                             socket.inet_aton(to or self.guest.address)) + options
        value = wrong.get("checksum", checksum(header))
        return self.frame(header[:10] + struct.pack("!H", value) + header[12:] + payload)

    def segment(self, sport, dport, seq, ack, flags, data=b"", window=65535, options=b"", urgent=0,
                source=PEER, reserved=0, **wrong):
        """A TCP segment's bytes, checksum and all. wrong: offset (in words), checksum."""
        offset = wrong.get("offset", 5 + len(options) // 4)
        body = struct.pack("!HHIIBBHHH", sport, dport, seq % 2**32, ack % 2**32,
                           offset << 4 | reserved, flags, window, 0, urgent) + options + data
        pseudo = socket.inet_aton(source) + socket.inet_aton(self.guest.address)
        value = wrong.get("checksum", checksum(pseudo + struct.pack("!HH", 6, len(body)) + body))
        return body[:16] + struct.pack("!H", value) + body[18:]

    def tcp(self, *args, source=PEER, **more):
        return self.ip(self.segment(*args, source=source, **more), 6, source)

    def udp(self, sport, dport, data, source=PEER, length=None, to=None):
        length = 8 + len(data) if length is None else length
        return self.ip(struct.pack("!HHHH", sport, dport, length, 0) + data, 17, source, to)

    def icmp(self, kind, code, rest, source=PEER, **more):
        body = struct.pack("!BBH", kind, code, 0) + rest
        return self.ip(body[:2] + struct.pack("!H", checksum(body)) + body[4:], 1, source, **more)

    def send(self, *frames):
        for f in frames:
            for _ in range(1000):
                try:
                    self.socket.send(f)
                    break
                except OSError:  # no room for the moment
                    time.sleep(0.001)

    def receive(self, timeout):
        """The next frame from the machine, or None."""
        end = time.monotonic() + timeout
        while select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
            frame = self.socket.recv(65536)
            if frame[6:12] == self.mac:
                return decode(frame)
        return None

    def play_all(self, *frames):
        """Sends the frames; everything the machine has sent by the time it has dealt with them,
        ARP among it: it asks for neighbours, and whether they are still there, when it likes."""
        heard = []
        for start in range(0, len(frames), 64):
            self.send(*frames[start:start + 64])
            mark = struct.pack("!HH", 0x7466, next(self.fences) & 0xffff)
            self.send(self.icmp(8, 0, mark, source=FENCE_FROM))
            end = time.monotonic() + FENCE_S
            while True:
                p = self.receive(max(0, end - time.monotonic()))
                assert p is not None, "the machine does not answer an echo request"
                if p.protocol == 1 and p.destination == FENCE_FROM:
                    if p.body[4:8] == mark:
                        break
                else:
                    heard.append(p)
        return [p for p in heard if p.destination == PEER or p.type != ETH_IP]

    def play(self, *frames):
        """What came in answer to the peer over IP, for tests that do not ask about ARP."""
        return [p for p in self.play_all(*frames) if p.type == ETH_IP]

    def silent(self, *frames):
        """Nothing must come in answer."""
        heard = self.play(*frames)
        assert not heard, heard

    def open(self, **more):
        return Connection(self, **more)


class Connection:
    """A TCP connection by hand. Acknowledges nothing by itself."""

    def __init__(self, wire, isn=None, window=65535, options=MSS_1460, port=80, sport=None):
        self.wire, self.port = wire, port
        self.sport = sport or 1024 + next(wire.ports) % 60000
        self.snd_nxt = random.randrange(2**32) if isn is None else isn
        self.window = window
        heard = self.play(self.make(SYN, options=options, ack=0))
        assert len(heard) == 1 and heard[0].flags == SYN | ACK, heard
        self.syn_ack = heard[0]
        self.snd_nxt = (self.snd_nxt + 1) % 2**32
        assert self.syn_ack.ack == self.snd_nxt
        self.rcv_nxt = (self.syn_ack.seq + 1) % 2**32
        self.segments = []
        self.received = b""
        assert not self.play(self.make(ACK))

    def make(self, flags, data=b"", seq=0, ack=None, **more):
        """A frame of this connection; seq is relative to what comes next."""
        more.setdefault("window", self.window)
        return self.wire.tcp(self.sport, self.port, self.snd_nxt + seq,
                             self.rcv_nxt if ack is None else ack, flags, data, **more)

    def play(self, *frames):
        return [p for p in self.wire.play(*frames) if p.protocol == 6 and p.dport == self.sport]

    def send(self, data, flags=ACK | PSH, **more):
        """Data in order. Returns what was heard at once; what is in order is taken."""
        f = self.make(flags, data, **more)
        self.snd_nxt = (self.snd_nxt + len(data)) % 2**32
        return self.take(self.play(f))

    def take(self, heard):
        for p in heard:
            assert not p.flags & RST, "reset"
            self.segments.append(p)
            skip = (self.rcv_nxt - p.seq) % 2**32
            if skip <= len(p.data) + bool(p.flags & FIN) and p.flags & SYN == 0:
                self.received += p.data[skip:]
                self.rcv_nxt = (p.seq + len(p.data) + bool(p.flags & FIN)) % 2**32
        return heard

    def listen(self, condition, seconds=ANSWER_S, acks=True):
        """Takes what comes, acknowledging data, until the condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            p = self.wire.receive(max(0, end - time.monotonic()))
            assert p is not None, f"waited {seconds} s; {self.received[-100:]!r} so far"
            if p.protocol == 6 and p.dport == self.sport and p.destination == PEER:
                self.take([p])
                if acks and (p.data or p.flags & FIN):
                    self.wire.send(self.make(ACK))
        return self.received

    def request(self, text, until):
        self.received = b""
        self.send(text)
        return self.listen(lambda: until(self.received))

    def serves(self):
        """The connection is alive: a request on it is answered."""
        answer = self.request(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
                              lambda r: r.endswith(b"\r\n\r\nok\n"))
        assert answer.startswith(b"HTTP/1.1 200 "), answer

    def reset(self):
        """An exact RST: nothing is left, and it is not answered."""
        heard = self.play(self.make(RST | ACK))
        assert not [p for p in heard if p.flags & RST], heard

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reset()
