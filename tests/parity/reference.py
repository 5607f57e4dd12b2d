"""A real dockerd, kept apart from everything else on the machine, for tests to learn from.

It has its own data root, exec root, socket, mount and network namespaces and cgroup parent; ``close`` ends every process it
or its containers started and removes every file and cgroup. It never touches another engine's state, and reaches no network.

By hand: ``python tests/parity/reference.py DIRECTORY`` serves ``DIRECTORY/docker.sock`` until it gets SIGTERM.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import select
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))  # when run by hand

from tests.parity.reference_image import load_busybox, static_busybox
from tests.parity.wire import Api

PROGRAMS = ("dockerd", "containerd", "runc", "ip")
CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_PRIVATE, MS_SHARED = 0x4000, 1 << 18, 1 << 20
PR_SET_PDEATHSIG = 1
PRIVATE = ("/run", "/opt", "/etc/docker")
"""What dockerd and containerd write to whatever their options say: hidden under tmpfs in the private mount namespace."""
LINKS = (
    "link set lo up",
    "link add eth0 type veth peer name eth0up",
    "link set eth0up up",
    "addr add 198.51.100.2/24 dev eth0",
    "link set eth0 up",
)
"""An address that leads nowhere: dockerd wants one to choose its networks by."""
READY_WITHIN = 60.0
STEP = 0.05

_libc = ctypes.CDLL(None, use_errno=True)


def why_not() -> str:
    """Say why no reference can run here; empty when it can."""
    if os.geteuid() != 0:
        return "a reference dockerd needs root"
    absent = [name for name in PROGRAMS if not shutil.which(name)]
    if absent:
        return f"no reference dockerd: {', '.join(absent)} not installed (apt-get install docker.io iproute2)"
    if not static_busybox():
        return "no reference image: no static busybox (apt-get install busybox-static)"
    return ""


class Reference:
    """One private dockerd with ``busybox:latest``; a context manager.

    :param directory: holds everything it writes; made here, removed by :meth:`close`.
    """

    def __init__(self, directory: str) -> None:
        self.directory = os.path.abspath(directory)
        self.socket = f"{self.directory}/docker.sock"
        self.url = f"unix://{self.socket}"
        self.group = f"dockerkit-reference-{os.getpid()}-{os.path.basename(self.directory)}"
        self.process: subprocess.Popen[bytes] | None = None
        self._groups: list[str] = []

    def __enter__(self) -> Reference:
        """Start dockerd, wait until it answers, load the image."""
        try:
            self.start()
            load_busybox(Api(self.socket))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End and remove everything."""
        self.close()

    def start(self) -> None:
        """Start dockerd and return when it answers.

        :raises RuntimeError: it died or did not answer within a minute; the message holds its last lines.
        """
        os.makedirs(self.directory, mode=0o700)
        self._groups = [f"{hierarchy}/{self.group}" for hierarchy in _hierarchies()]
        os.makedirs(f"{self._groups[0]}/daemon")
        entry = [sys.executable, os.path.abspath(__file__), "--inside", f"{self._groups[0]}/daemon", str(os.getpid())]
        with open(f"{self.directory}/log", "wb") as log:
            self.process = subprocess.Popen(
                entry + self._arguments(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._await_answer(self.process)

    def _arguments(self) -> list[str]:
        return [
            "dockerd",
            f"--data-root={self.directory}/data",
            f"--exec-root={self.directory}/exec",
            f"--pidfile={self.directory}/pid",
            f"--host={self.url}",
            f"--cgroup-parent=/{self.group}/containers",
            *os.environ.get("DOCKERD_FLAGS", "").split(),
        ]

    def _await_answer(self, process: subprocess.Popen[bytes]) -> None:
        pidfd = os.pidfd_open(process.pid)
        try:
            for _ in range(int(READY_WITHIN / STEP)):
                with contextlib.suppress(OSError):  # not listening yet
                    if Api(self.socket, timeout=5).get("/_ping").status == 200:
                        return
                if select.select([pidfd], [], [], STEP)[0]:
                    break
        finally:
            os.close(pidfd)
        raise RuntimeError(f"dockerd did not answer on {self.socket}\n{self.last_lines()}")

    def last_lines(self, count: int = 20) -> str:
        """Return the end of dockerd's log."""
        with open(f"{self.directory}/log", encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-count:])

    def close(self) -> None:
        """End dockerd, its containerd, its shims and containers; remove cgroups and files. Idempotent."""
        if self.process is not None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):  # the kill below is for that
                self.process.wait(timeout=30)
        for group in self._groups[:1]:
            _kill_all(group)
        if self.process is not None:
            self.process.wait()
            self.process = None
        for group in self._groups:
            _remove_group(group)
        self._groups = []
        if os.path.isdir(self.directory):
            shutil.rmtree(self.directory)


def _hierarchies() -> list[str]:
    """Return where writable cgroup hierarchies are mounted; the first is one any process can enter (v1 freezer, or v2)."""
    found: list[str] = []
    with open("/proc/self/mountinfo", encoding="utf-8") as mountinfo:
        for line in mountinfo:
            left, _, right = line.partition(" - ")
            if right.split()[0] in ("cgroup", "cgroup2"):
                found.append(left.split()[4])
    writable = [path for path in found if os.access(path, os.W_OK)]
    return sorted(writable, key=lambda path: not path.endswith(("/freezer", "/sys/fs/cgroup")))


def _inside(group: str, parent: int, command: list[str]) -> None:
    """Become dockerd: enter the cgroup and private namespaces, ask to die with the parent, exec."""
    with open(f"{group}/cgroup.procs", "w", encoding="ascii") as procs:
        procs.write("0")
    _checked(_libc.unshare(CLONE_NEWNS | CLONE_NEWNET), "unshare")
    _checked(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "make mounts private")
    _checked(_libc.mount(b"none", b"/", None, MS_REC | MS_SHARED, None), "make mounts shared")
    for path in PRIVATE:
        os.makedirs(path, exist_ok=True)
        _checked(_libc.mount(b"tmpfs", path.encode(), b"tmpfs", 0, b"mode=755"), f"mount tmpfs on {path}")
    for line in LINKS:
        subprocess.run(["ip", *line.split()], check=True)
    _checked(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0), "ask for a parent-death signal")
    if os.getppid() != parent:
        os._exit(1)
    os.execvp(command[0], command)


def _checked(result: int, step: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{step}: {os.strerror(number)}")


def _kill_all(group: str) -> None:
    """Kill every process in a cgroup and below, until there is none."""
    while pids := [pid for path in glob.glob(f"{group}/**/cgroup.procs", recursive=True) for pid in _pids(path)]:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # it was quicker
                pidfd = os.pidfd_open(pid)
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                select.select([pidfd], [], [], 5)
                os.close(pidfd)


def _pids(path: str) -> list[int]:
    try:
        with open(path, encoding="ascii") as procs:
            return [int(line) for line in procs]
    except OSError:  # the cgroup was removed meanwhile
        return []


def _remove_group(group: str) -> None:
    for directory, _, _ in os.walk(group, topdown=False):
        os.rmdir(directory)


def _serve(directory: str) -> None:
    """Run a reference until SIGTERM or SIGINT."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Reference(directory) as reference:
        print(reference.url, flush=True)
        while True:
            signal.pause()


if __name__ == "__main__":
    if sys.argv[1] == "--inside":
        _inside(sys.argv[2], int(sys.argv[3]), sys.argv[4:])
    if reason := why_not():
        sys.exit(reason)
    _serve(sys.argv[1])
