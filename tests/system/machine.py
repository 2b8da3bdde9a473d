"""Machines under test: QEMU guests, the hosted program, the plain Linux server, TAP links."""
import contextlib
import http.client
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
# Documentation and benchmark networks (RFC 5737, RFC 2544), one for each link up at once.
HOST_IP, GUEST_IP = "192.0.2.1", "192.0.2.2"
HOSTED_HOST_IP, HOSTED_GUEST_IP = "198.51.100.1", "198.51.100.2"
BOOT_HOST_IP, BOOT_GUEST_IP = "203.0.113.1", "203.0.113.2"
ASAN_HOST_IP, ASAN_GUEST_IP = "198.18.9.1", "198.18.9.2"
ECHO_HOST_IP, ECHO_GUEST_IP = "198.18.7.1", "198.18.7.2"
FLOAT_HOST_IP, FLOAT_GUEST_IP = "198.18.6.1", "198.18.6.2"
CUT_HOST_IP, CUT_GUEST_IP = "198.18.4.1", "198.18.4.2"
BOOT_TIMEOUT_S = 120
OVMF = "/usr/share/OVMF"
NOFILE = 65536
# More words for the command line of every guest, as "selftest=wrap" or "congestion=newreno".
MORE_WORDS = os.environ.get("RINGSIDE_WORDS", "").split()


def raise_nofile():
    """Thousands of connections at once need as many descriptors."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = min(NOFILE, hard) if hard != resource.RLIM_INFINITY else NOFILE
    resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))


def ip_command(*args):
    done = subprocess.run(["ip", *args], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(args)}: {done.stderr.strip()}")


def wait_for(what, condition, timeout):
    """Waits until condition() is true; a failure says what was waited for."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise TimeoutError(f"waited {timeout} s for {what}")


class TapLink:
    """A TAP device with an address on our side; gone at exit."""

    def __init__(self, name, address):
        self.name, self.address = name, address

    def __enter__(self):
        ip_command("tuntap", "add", self.name, "mode", "tap")
        ip_command("addr", "add", self.address + "/24", "dev", self.name)
        ip_command("link", "set", self.name, "up")
        return self

    def __exit__(self, *_):
        ip_command("link", "del", self.name)


class Server:
    """A process that serves HTTP at (address, port) and writes a console."""

    address = "127.0.0.1"
    port = 80
    process = None

    def __init__(self, folder):
        self.console_path = os.path.join(str(folder), "console.log")

    def start(self, command, **kwargs):
        self.console_file = open(self.console_path, "wb")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        stdout=self.console_file, stderr=subprocess.STDOUT,
                                        preexec_fn=raise_nofile, cwd=ROOT, **kwargs)

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.console_file.close()

    @property
    def url(self):
        return f"http://{self.address}:{self.port}"

    def console(self):
        with open(self.console_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_console(self, pattern, timeout=BOOT_TIMEOUT_S):
        """The match of a pattern in the console, waited for."""
        try:
            return wait_for(f"console line {pattern!r}",
                            lambda: re.search(pattern, self.console()), timeout)
        except TimeoutError as e:
            raise TimeoutError(f"{e}; the console so far:\n{self.console()}") from None

    def wait_http(self, timeout=BOOT_TIMEOUT_S):
        def answers():
            assert self.process.poll() is None, f"ended:\n{self.console()}"
            try:
                return self.get("/healthz", timeout=2)[0] == 200
            except OSError:
                return False
            except http.client.HTTPException:
                return False
        try:
            wait_for(f"{self.url}/healthz", answers, timeout)
        except TimeoutError as e:
            raise TimeoutError(f"{e}; the console:\n{self.console()}") from None

    def get(self, path, timeout=30):
        """(status, body) of a GET on a new connection."""
        connection = http.client.HTTPConnection(self.address, self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def connect(self, timeout=30):
        return socket.create_connection((self.address, self.port), timeout)

    def stats(self, timeout=30):
        """The counters of /stats as a dict."""
        status, body = self.get("/stats", timeout)
        assert status == 200
        values = {}
        for line in body.decode().split("\n"):
            if line and not line.startswith("#"):
                name, value = line.split()
                values[name] = int(value)
        return values

    def cpu_seconds(self):
        """User and system time the process has used."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class QemuGuest(Server):
    """A kernel in QEMU (TCG), with user networking or on a TAP device. prealloc: all of its RAM is
    there from the start, as in a PC; else the host finds each page when it is first touched, which
    boots sooner and makes the first of many connections slow. cpu: as tools/run.sh has it, so that
    there are random numbers to make keys of; None is QEMU's default, which has none. An iso is put
    in as one of MEDIA, below BIOS or uefi; qemu: another one to run it. netboot: nothing is put in,
    and the firmware is left its NIC's option ROM."""

    MEDIA = {
        "cd": ["-drive", "if=none,id=medium,media=cdrom,readonly=on,format=raw,file={}",
               "-device", "ide-cd,drive=medium,bootindex=1"],
        "disk": ["-drive", "if=none,id=medium,snapshot=on,format=raw,file={}",
                 "-device", "ide-hd,drive=medium,bootindex=1"],
        "usb": ["-drive", "if=none,id=medium,readonly=on,format=raw,file={}",
                "-device", "qemu-xhci", "-device", "usb-storage,drive=medium,bootindex=1"],
    }

    def __init__(self, folder, tap=None, user=False, append="", memory=None, nic="e1000",
                 machine="pc", iso=None, app="httpd", forward=80, address=GUEST_IP, extra=(),
                 prealloc=False, cpu="max", medium="cd", uefi=False, qemu="qemu-system-x86_64",
                 netboot=False):
        super().__init__(folder)
        # OVMF of 2025 leaves GRUB too little of 64M.
        memory = memory or ("256M" if uefi else "64M")
        self.monitor_path = os.path.join(str(folder), "monitor")
        if user:
            self.port = free_port()
            netdev = f"user,id=n0,hostfwd=tcp:127.0.0.1:{self.port}-:{forward}"
        else:
            self.address, self.port = address, forward
            netdev = f"tap,id=n0,ifname={tap},script=no,downscript=no"
        self.command = [
            qemu, "-accel", "tcg", "-m", memory, "-object",
            f"memory-backend-memfd,id=ram,size={memory}{',prealloc=on' if prealloc else ''}",
            "-machine",
            f"{machine},memory-backend=ram", "-display", "none", "-no-reboot", "-serial", "stdio",
            "-monitor", f"unix:{self.monitor_path},server=on,wait=off", "-netdev", netdev,
            "-device", f"{nic},netdev=n0" + (",bootindex=1" if netboot else ",romfile="), *extra]
        if cpu is not None:
            self.command += ["-cpu", cpu]
        if uefi:
            self.command += firmware_drives(str(folder))
        if iso is not None:
            self.command += [word.format(iso) for word in self.MEDIA[medium]]
        elif not netboot:
            self.command += ["-kernel", os.path.join(BUILD, f"{app}.elf"), "-append",
                             " ".join([*MORE_WORDS, append])]

    def __enter__(self):
        self.start(self.command)
        return self

    def vcpu_thread(self):
        """The thread that is its first processor."""
        return int(re.search(r"thread_id=(\d+)", self.monitor("info cpus")).group(1))

    def ran_seconds(self):
        """How long the thread of its first processor has run, and how long all of its threads:
        seconds of CPU time, exact to far less than a tick."""
        vcpu = self.vcpu_thread()
        ran = self.threads_seconds()
        return ran[vcpu], sum(ran.values())

    def threads_seconds(self):
        """CPU time of each of its threads, in seconds: {thread: s}. The main loop's has the number
        of the process."""
        ran = {}
        for thread in os.listdir(f"/proc/{self.process.pid}/task"):
            path = f"/proc/{self.process.pid}/task/{thread}/schedstat"
            with open(path, encoding="ascii") as f:
                ran[int(thread)] = int(f.read().split()[0]) / 1e9
        return ran

    def monitor(self, line):
        """One line to QEMU's monitor; returns what it answered, or could before it ended."""
        def up_to_prompt(s):
            answer = b""
            while b"(qemu) " not in answer and (got := s.recv(4096)):
                answer += got
            return answer
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            # A guest that waits for "cont" may be asked before QEMU has come so far.
            wait_for(self.monitor_path, lambda: os.path.exists(self.monitor_path), 20)
            s.connect(self.monitor_path)
            up_to_prompt(s)
            s.sendall(line.encode() + b"\n")
            return up_to_prompt(s).decode(errors="replace")


def firmware_drives(folder):
    """OVMF, with a copy of its variables in a folder: it writes there what it booted last."""
    variables = os.path.join(folder, "ovmf-vars.fd")
    shutil.copyfile(os.path.join(OVMF, "OVMF_VARS_4M.fd"), variables)
    return ["-drive", "if=pflash,unit=0,format=raw,readonly=on,file="
            + os.path.join(OVMF, "OVMF_CODE_4M.fd"),
            "-drive", f"if=pflash,unit=1,format=raw,file={variables}"]


class HostedGuest(Server):
    """Our stack as a Linux process on a TAP device."""

    def __init__(self, folder, tap, arguments, address, app="httpd", port=80, app_arguments=(),
                 build="host"):
        super().__init__(folder)
        self.address, self.port = address, port
        self.command = [os.path.join(BUILD, build, app), f"tap={tap}", *MORE_WORDS, *arguments]
        if app_arguments:
            self.command += ["--", *app_arguments]

    def __enter__(self):
        self.start(self.command)
        return self


class LinuxServer(Server):
    """The server's plain Linux build."""

    def __init__(self, folder, port, app="httpd"):
        super().__init__(folder)
        self.port = port
        self.command = [os.path.join(BUILD, "linux", app), "--port", str(port)]

    def __enter__(self):
        self.start(self.command)
        return self


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def app_server(target, folder, app, host_ip, guest_ip, linux_port, serving, port=80):
    """An application of this tree that serves on a target: qemu, hosted or linux, there on
    linux_port. serving: what our stack's console says when it does."""
    if target == "linux":
        with LinuxServer(folder, linux_port, app=app) as server:
            server.wait_console("listening|serving")
            yield server
        return
    words = f"ip={guest_ip}/24"
    with TapLink(f"rs{app}", host_ip) as link:
        if target == "qemu":
            server = QemuGuest(folder, tap=link.name, app=app, forward=port, address=guest_ip,
                               append=words)
        else:
            server = HostedGuest(folder, link.name, [words], guest_ip, app=app, port=port)
        with server:
            server.wait_console(serving)
            yield server


class GdbStub:
    """QEMU's stub for debuggers, as far as it takes to change a machine before it runs. Has a guest
    started with `options` stand still at its first instruction."""

    def __init__(self, folder):
        self.path = os.path.join(str(folder), "gdb")
        self.options = ["-S", "-chardev", f"socket,path={self.path},server=on,wait=off,id=gdb",
                        "-gdb", "chardev:gdb"]

    def __enter__(self):
        wait_for("QEMU's debugger stub", lambda: os.path.exists(self.path), BOOT_TIMEOUT_S)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(BOOT_TIMEOUT_S)
        self.socket.connect(self.path)
        return self

    def __exit__(self, *_):
        """The machine goes on alone."""
        self.ask("D")
        self.socket.close()

    def ask(self, text):
        """What the stub answers to a packet; one that makes the machine go: when it stops."""
        self.socket.sendall(f"${text}#{sum(text.encode()) % 256:02x}".encode())
        answer = b""
        while not re.search(rb"#..$", answer):
            got = self.socket.recv(4096)
            assert got, f"the stub hung up after {text!r}"
            answer += got
        self.socket.sendall(b"+")
        return re.search(r"\$(.*)#..$", answer.decode()).group(1)

    def run_to(self, address):
        assert self.ask(f"Z1,{address:x},1") == "OK"
        assert self.ask("c").startswith("T05")
        assert self.ask(f"z1,{address:x},1") == "OK"

    def write_physical(self, address, value):
        assert self.ask("Qqemu.PhyMemMode:1") == "OK"
        assert self.ask(f"M{address:x},4:{value.to_bytes(4, 'little').hex()}") == "OK"
        assert self.ask("Qqemu.PhyMemMode:0") == "OK"

    def read_physical(self, address):
        assert self.ask("Qqemu.PhyMemMode:1") == "OK"
        value = int.from_bytes(bytes.fromhex(self.ask(f"m{address:x},4")), "little")
        assert self.ask("Qqemu.PhyMemMode:0") == "OK"
        return value
