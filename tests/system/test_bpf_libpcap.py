"""Filters by our compiler and interpreter (net/bpf/) and by libpcap's own, over the same frames:
each takes the same text and wants the same frames. libpcap's optimiser is off: it leaves out loads
whose result does not matter, and so takes frames that are too short for them.

Left out is what libpcap does not do as it says: of bytes in the right operand of arithmetic it does
not look whether their header is there."""
import ctypes
import random
import struct

import pytest

from machine import BUILD

ETHERNET = 1  # DLT_EN10MB
SNAPLEN = 262144
INSNS_MAX = 4096
ERROR_MAX = 160
FILTERS = 4000
FRAMES = 20  # each filter is tried on
NETMASK_UNKNOWN = 0xffffffff

HOSTS = ["10.0.0.1", "10.0.0.9", "192.168.1.1", "10.255.3.4"]
NETS = ["10.0.0.0/8", "10", "192.168", "192.168.1.0/24", "10.0.0.0 mask 255.0.0.0", "0.0.0.0/0",
        "10.0.0.1/32"]
PORTS = [80, 443, 53, 0, 65535]
STATIONS = ["52:54:00:12:34:56", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"]
PROTOCOLS = ["ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "igmp", "esp", "ah"]
HEADERS = ["ether", "ip", "ip6", "arp", "rarp", "tcp", "udp", "icmp", "igmp", "sctp"]
OTHERS = ["ether broadcast", "ether multicast", "broadcast", "multicast", "ip multicast",
          "ip6 multicast", "ip proto \\tcp", "ip proto 17", "proto 6", "ip6 proto 6",
          "ether proto \\ip", "ether proto 0x0806", "ip proto \\icmp", "less 64", "greater 100"]


class Program(ctypes.Structure):
    """struct bpf_program"""
    _fields_ = [("count", ctypes.c_uint), ("insns", ctypes.c_void_p)]


class Pcap:
    """libpcap's compiler, and its interpreter."""

    def __init__(self):
        self.library = ctypes.CDLL("libpcap.so.0.8")
        self.library.pcap_open_dead.restype = ctypes.c_void_p
        self.library.pcap_geterr.restype = ctypes.c_char_p
        self.library.bpf_filter.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint,
                                            ctypes.c_uint]
        self.handle = ctypes.c_void_p(self.library.pcap_open_dead(ETHERNET, SNAPLEN))
        self.program = Program()

    def compile(self, text):
        """None, or what it says is wrong."""
        self.library.pcap_freecode(ctypes.byref(self.program))
        done = self.library.pcap_compile(self.handle, ctypes.byref(self.program), text.encode(), 0,
                                         NETMASK_UNKNOWN)
        return None if done == 0 else self.library.pcap_geterr(self.handle).decode()

    def wants(self, frame, have):
        return self.library.bpf_filter(self.program.insns, frame, len(frame), have) != 0


class Ours:
    """net/bpf/ as a library."""

    def __init__(self):
        self.library = ctypes.CDLL(f"{BUILD}/bpf.so")
        size = ctypes.c_size_t
        self.library.bpf_work_bytes.restype = size
        self.library.bpf_compile.restype = size
        self.library.bpf_compile.argtypes = [ctypes.c_void_p, ctypes.c_void_p, size,
                                             ctypes.c_char_p, ctypes.c_uint32, ctypes.c_char_p]
        self.library.bpf_check.restype = ctypes.c_bool
        self.library.bpf_check.argtypes = [ctypes.c_void_p, size]
        self.library.bpf_run.restype = ctypes.c_uint32
        self.library.bpf_run.argtypes = [ctypes.c_void_p, ctypes.c_char_p, size, size]
        self.work = ctypes.create_string_buffer(self.library.bpf_work_bytes())
        self.program = ctypes.create_string_buffer(8 * INSNS_MAX)
        self.error = ctypes.create_string_buffer(ERROR_MAX)

    def compile(self, text):
        count = self.library.bpf_compile(self.work, self.program, INSNS_MAX, text.encode(), SNAPLEN,
                                         self.error)
        if count == 0:
            return self.error.value.decode()
        assert self.library.bpf_check(self.program, count), text
        return None

    def wants(self, frame, have):
        return self.library.bpf_run(self.program, frame, have, len(frame)) != 0


class Maker:
    """Filters and frames at random, which meet often."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.choice = self.random.choice

    def number(self):
        return self.choice([str(self.choice([0, 1, 2, 4, 6, 8, 14, 20, 40, 80, 255, 1500, 65535])),
                            hex(self.random.randrange(1 << self.choice([4, 8, 16, 32])))])

    def index(self, depth):
        if depth > 0 and self.random.random() < 0.2:
            return self.choice(["(ip[0]&0xf)*4", "len - 60", "ip[9]"])
        return str(self.choice([0, 1, 2, 9, 12, 13, 16, 20, 33]))

    def arithmetic(self, depth):
        kind = self.random.randrange(8 if depth > 0 else 5)
        if kind == 0:
            return self.number()
        if kind == 1:
            return self.choice(["len", "tcpflags", "tcp-syn", "icmp-echo", "-1", "-len"])
        if kind < 5:
            size = self.choice(["", ":1", ":2", ":4"])
            return f"{self.choice(HEADERS)}[{self.index(depth)}{size}]"
        if kind == 5:
            return f"({self.arithmetic(depth - 1)})"
        if kind == 6:
            return f"{self.arithmetic(depth - 1)} {self.choice(['<<', '>>', '/'])} " \
                f"{self.choice(['1', '2', '31'])}"
        right = self.arithmetic(depth - 1)
        right = self.number() if "[" in right else right
        return f"{self.arithmetic(depth - 1)} {self.choice(['+', '-', '*', '&', '|'])} {right}"

    def primitive(self):
        way = self.choice(["", "", "src ", "dst ", "src or dst ", "src and dst "])
        ports = self.choice(["", "tcp ", "udp ", "sctp "])
        return self.choice([
            lambda: f"{self.choice(['', 'ip ', 'arp ', 'rarp '])}{way}host "
                    f"{self.choice(HOSTS + ['10.0'])}",
            lambda: f"{self.choice(['', 'ip ', 'arp '])}{way}net {self.choice(NETS)}",
            lambda: f"{ports}{way}port {self.choice(PORTS)}",
            lambda: f"{ports}{way}portrange {self.choice(PORTS)}-{self.choice(PORTS)}",
            lambda: self.choice(PROTOCOLS),
            lambda: f"ether {self.choice(['host', 'src', 'dst'])} {self.choice(STATIONS)}",
            lambda: self.choice(OTHERS),
            lambda: f"port {self.choice(PORTS)} or {self.choice(PORTS)}",
            lambda: f"host {self.choice(HOSTS)} and {self.choice(['', 'not '])}"
                    f"{self.choice(HOSTS)}",
            lambda: f"{self.arithmetic(2)} {self.choice(['=', '!=', '<', '>', '<=', '>='])} "
                    f"{self.arithmetic(2)}",
        ])()

    def filter(self, depth):
        if depth == 0:
            return self.primitive()
        if self.random.random() < 0.3:
            return f"{self.choice(['not ', '!'])}({self.filter(depth - 1)})"
        right = self.choice([f"({self.filter(depth - 1)})", self.primitive()])
        return f"{self.filter(depth - 1)} {self.choice(['and', 'or', '&&', '||'])} {right}"

    def frame(self):
        r = self.random
        b = bytearray(r.randbytes(self.choice([14, 20, 34, 54, 60, 80, 100, 1000])))

        def put(at, part):
            if at + len(part) <= len(b):
                b[at:at + len(part)] = part

        def station():
            return bytes.fromhex(self.choice(STATIONS + ["52:54:00:12:34:57"]).replace(":", ""))

        def host():
            return bytes(int(x) for x in self.choice(HOSTS + ["224.0.0.1"]).split("."))

        kind = self.choice([0x0800] * 5 + [0x0806, 0x8035, 0x86dd, 0x86dd, r.randrange(65536)])
        put(0, station() + station() + struct.pack(">H", kind))
        ports = struct.pack(">HH", self.choice(PORTS), self.choice(PORTS))
        if kind == 0x0800:
            header = self.choice([5, 5, 5, 6, 15, 0])
            put(14, bytes([0x40 | header]))
            put(20, struct.pack(">H", self.choice([0, 0, 0x4000, 0x2000, 0x10, 0x1fff])))
            put(23, bytes([self.choice([6, 6, 17, 1, 2, 132, 50, 51])]) + b"\0\0" + host() + host())
            put(14 + header * 4, ports)
            put(14 + header * 4 + 13, bytes([self.choice([2, 16, 18, 24, 1])]))
        elif kind in (0x0806, 0x8035):
            put(28, host())
            put(38, host())
        elif kind == 0x86dd:
            after = self.choice([6, 17, 44, 58, 132])
            put(20, bytes([after]))
            put(38, bytes([self.choice([0xff, 0xfe])]))
            put(54, bytes([self.choice([6, 17, 50])]) if after == 44 else ports)
        return bytes(b)


@pytest.fixture(scope="module")
def both():
    return Ours(), Pcap()


def test_random_filters(both):
    """Thousands of filters, each over frames whole and cut off."""
    ours, pcap = both
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    make = Maker(seed)
    wanted = 0
    for _ in range(FILTERS):
        text = make.filter(make.choice([0, 0, 1, 2, 3]))
        assert (pcap.compile(text), ours.compile(text)) == (None, None), text
        for _ in range(FRAMES):
            frame = make.frame()
            have = len(frame) if make.random.random() < 0.9 else make.random.randrange(len(frame))
            expected = pcap.wants(frame, have)
            wanted += expected
            assert ours.wants(frame, have) == expected, (text, frame.hex(), have)
    assert FILTERS < wanted < FILTERS * FRAMES / 2  # neither of them says the same to all


@pytest.mark.parametrize("text", [
    "tcp port", "port 65536", "net 10.0.0.1/8", "net 10/33", "(tcp", "tcp)", "tcp udp", "not",
    "udp host 10.0.0.1", "arp port 80", "ip[0:3] = 1", "ip[0 = 1", "foo[0] = 1",
    "len / 0 = 1", "len << 32 = 1", "len + 1", "10.0.0.1", "tcp and and udp",
])
def test_refused_by_both(both, text):
    ours, pcap = both
    assert pcap.compile(text) is not None
    assert ours.compile(text) is not None
