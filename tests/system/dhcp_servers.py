"""The odd DHCP servers of tests/dhcp/servers.txt: reading them, and being one on a link."""
import dataclasses
import fcntl
import os
import select
import socket
import struct
import threading
import time

from machine import ROOT
from peer import checksum

FILE = os.path.join(ROOT, "tests", "dhcp", "servers.txt")
SERVER_IP, CLIENT_IP = "10.9.1.1", "10.9.1.77"
SERVER_MAC = bytes.fromhex("020000000101")
COOKIE, WRONG = b"\x63\x82\x53\x63", b"\xde\xad\xbe\xef"
FILE_AT, FILE_BYTES, SNAME_AT, SNAME_BYTES, OPTIONS_AT = 108, 128, 44, 64, 240
DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6
SIOCGIFFLAGS, IFF_RUNNING, RUNNING_S = 0x8913, 0x40, 5
FIELDS = {"ciaddr": 12, "yiaddr": 16, "siaddr": 20, "giaddr": 24}


@dataclasses.dataclass
class OddServer:
    name: str
    offer: list = None
    ack: list = None
    nak: list = None
    lease: str = "none"
    note: str = ""
    routes: list = dataclasses.field(default_factory=list)


def read_servers(path=FILE):
    servers = []
    with open(path, encoding="ascii") as f:
        for line in f:
            word, _, rest = line.strip().partition(" ")
            if word == "server":
                servers.append(OddServer(rest))
            elif word in ("offer", "ack", "nak", "all"):
                for kind in ("offer", "ack") if word == "all" else (word,):
                    setattr(servers[-1], kind, rest.split())
            elif word in ("lease", "note"):
                setattr(servers[-1], word, rest)
            elif word == "route":
                servers[-1].routes.append(rest)
            elif word and word[0] != "#":
                raise ValueError(f"{path}: {line!r}")
    return servers


def value_of(text):
    if text.startswith("0x"):
        return bytes.fromhex(text[2:].replace(".", ""))
    if "." in text:
        return b"".join(socket.inet_aton(a) for a in text.split(","))
    return struct.pack("!I", int(text)) if text else b""


@dataclasses.dataclass
class Reply:
    """A message in the making, and how it is to be sent."""

    fixed: bytearray
    areas: dict
    area: str = "options"
    type: str = ""
    ended: bool = False
    size: int = 0
    source: str = SERVER_IP
    to: str = ""
    port: int = 67
    checksum: bool = True

    def take(self, key, value):
        if key.isdigit():
            self.areas[self.area] += bytes([int(key), len(value_of(value))]) + value_of(value)
        elif key == "raw":
            self.areas[self.area] += value_of(value)
        elif key in ("file", "sname"):
            self.area = key
        elif key in ("end", "noend"):
            self.areas[self.area] += b"\xff" if key == "end" else b""
            self.ended = self.ended or self.area == "options"
        elif key in FIELDS:
            self.fixed[FIELDS[key]:FIELDS[key] + 4] = socket.inet_aton(value)
        elif key in ("type", "size", "port"):
            setattr(self, key, value if key == "type" else int(value))
        elif key in ("from", "to"):
            setattr(self, {"from": "source"}.get(key, key), value)
        elif key == "nosum":
            self.checksum = False
        elif key == "htype":
            self.fixed[1] = 6
        elif value == "wrong":
            at = {"xid": 4, "mac": 28, "cookie": 236}[key]
            self.fixed[at:at + 4] = WRONG
        elif key != "after":
            raise ValueError(f"{FILE}: unknown token {key}")

    def message(self):
        options = self.areas["options"]
        if self.type != "none":
            options = bytes([53, 1, int(self.type)]) + options
        if not self.ended:
            options += b"\xff"
        for area, at, size in (("file", FILE_AT, FILE_BYTES), ("sname", SNAME_AT, SNAME_BYTES)):
            self.fixed[at:at + size] = self.areas[area].ljust(size, b"\0")
        return (bytes(self.fixed) + options).ljust(self.size, b"\0")

    def frame(self, mac):
        message = self.message()
        to = socket.inet_aton(self.to) if self.to else bytes(self.fixed[16:20])
        source = socket.inet_aton(self.source)
        udp = struct.pack("!HHHH", self.port, 68, 8 + len(message), 0) + message
        if self.checksum:
            value = checksum(source + to + struct.pack("!HH", 17, len(udp)) + udp)
            udp = udp[:6] + struct.pack("!H", value or 0xffff) + udp[8:]
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, source, to)
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        dst = b"\xff" * 6 if to == b"\xff" * 4 else mac
        return dst + SERVER_MAC + b"\x08\0" + ip + udp


def reply_to(request, tokens, kind):
    """The frame with which a message (its BOOTP bytes) is answered."""
    fixed = bytearray(OPTIONS_AT)
    fixed[:3] = b"\2\1\6"
    fixed[4:8] = request[4:8]
    fixed[16:20] = socket.inet_aton(CLIENT_IP)
    fixed[28:44] = request[28:44]
    fixed[236:240] = COOKIE
    reply = Reply(fixed, {"options": b"", "file": b"", "sname": b""}, type=str(kind))
    for token in tokens:
        key, _, value = token.partition("=")
        reply.take(key, value)
    return reply.frame(request[28:34])


def message_of(frame):
    """(type, BOOTP bytes) when the frame is a client's message, else None."""
    if frame[12:14] != b"\x08\0" or frame[23] != 17:
        return None
    udp = frame[14 + (frame[14] & 15) * 4:]
    if udp[2:4] != b"\0\x43" or len(udp) < 8 + OPTIONS_AT:
        return None
    message, at = udp[8:], OPTIONS_AT
    while at + 2 < len(message) and message[at] != 255:
        if message[at] == 53:
            return message[at + 2], message
        at += 1 if message[at] == 0 else 2 + message[at + 1]
    return None


class OddServerOnLink(threading.Thread):
    """Answers on a link as an odd server would, until stop()."""

    def __init__(self, link, server):
        super().__init__(daemon=True)
        self.link, self.server, self.counts, self.running = link, server, {}, True
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((link, 3))
        self.socket.setsockopt(263, 23, 1)  # SOL_PACKET, PACKET_IGNORE_OUTGOING
        self.start()

    def run(self):
        while self.running:
            if select.select([self.socket], [], [], 0.1)[0]:
                self.hear(self.socket.recv(65536))

    def hear(self, frame):
        heard = message_of(frame)
        if heard is None or heard[0] not in (DISCOVER, REQUEST):
            return
        kind, message = heard
        count = self.counts[kind] = self.counts.get(kind, 0) + 1
        answer, tokens = OFFER, self.server.offer
        if kind == REQUEST:
            answer, tokens = ACK, self.server.ack
            if self.server.nak and count == 1:
                answer, tokens = NAK, self.server.nak
        after = [int(t[6:]) for t in tokens if t.startswith("after=")]
        if tokens != ["none"] and (not after or count >= after[0]):
            self.wait_running()
            self.socket.send(reply_to(message, tokens, answer))

    def wait_running(self):
        """Linux throws away what is sent on a link whose carrier came but just now, until its
        link watch has seen it, up to a second later."""
        end = time.monotonic() + RUNNING_S
        while time.monotonic() < end:
            request = struct.pack("16sH14x", self.link.encode(), 0)
            flags = struct.unpack_from("16xH", fcntl.ioctl(self.socket, SIOCGIFFLAGS, request))[0]
            if flags & IFF_RUNNING:
                return
            time.sleep(0.02)

    def stop(self):
        self.running = False
        self.join(5)
        self.socket.close()
