"""A runtime of one's own, and a root file system of nothing but busybox."""

from __future__ import annotations

import functools
import gc
import itertools
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dockerkit.daemon.kernel import capabilities, cgroups
from dockerkit.daemon.kernel.cgroups.hierarchies import read_mounts
from dockerkit.daemon.runtime.runtime import Attachment, Exit, Keeper, Launch, Rootfs, Runtime
from tests.leftovers import mounts_of

BUSYBOX = next((path for path in ("/bin/busybox", "/usr/bin/busybox") if os.path.exists(path)), "")
APPLETS = sorted(
    {"cat", "dd", "echo", "env", "false", "head", "hostname", "id", "kill", "ls", "mkdir", "mount", "ps", "sh", "sleep"}
    | {"chmod", "grep", "ln", "mkfifo", "readlink", "rm", "sort"}
    | {"stat", "stty", "tail", "test", "touch", "true", "tty", "wc", "yes"}
)
PARENT = f"dockerkit-test-{os.getpid()}"

MOUNTS: list[dict[str, Any]] = [
    {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
    {
        "destination": "/dev",
        "type": "tmpfs",
        "source": "tmpfs",
        "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
        "destination": "/dev/pts",
        "type": "devpts",
        "source": "devpts",
        "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
    {
        "destination": "/sys/fs/cgroup",
        "type": "cgroup",
        "source": "cgroup",
        "options": ["nosuid", "noexec", "nodev", "ro"],
    },
    {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
    {
        "destination": "/dev/shm",
        "type": "tmpfs",
        "source": "shm",
        "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"],
    },
]
MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/nosuch", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


@dataclass
class Box:
    """One container, before, during and after."""

    launch: Launch
    client: socket.socket | None
    ended: threading.Event = field(default_factory=threading.Event)
    exit: Exit | None = None
    keeper: Keeper | None = None

    @property
    def spec(self) -> dict[str, Any]:
        """The OCI spec, to be changed before the start."""
        return self.launch.spec

    def output(self) -> str:
        """Read what it wrote, to the end."""
        assert self.client is not None
        data = b""
        while chunk := self.client.recv(1 << 16):
            data += chunk
        return data.decode()

    def read_until(self, text: str) -> str:
        """Read until `text` has come."""
        assert self.client is not None
        data = b""
        while text.encode() not in data:
            chunk = self.client.recv(1 << 16)
            assert chunk, f"{text!r} never came, only {data!r}"
            data += chunk
        return data.decode()

    def wait(self) -> Exit:
        """Wait for its end and for everything of it to be gone."""
        assert self.keeper is not None
        assert self.ended.wait(30)
        self.keeper.gone.result(30)
        assert self.exit is not None
        return self.exit


class Boxes:
    """Makes containers of one image under one runtime."""

    def __init__(self, place: Path, image: Path) -> None:
        self.place, self.image = place, image
        self._boxes: dict[str, Box] = {}
        self._numbers = itertools.count(1)
        self.runtime = Runtime(str(place / "run"), on_exit=self._on_exit)
        self.runtime.start()

    def _on_exit(self, id: str, ended: Exit) -> None:
        box = self._boxes[id]
        box.exit = ended
        box.ended.set()

    def make(self, *args: str, client: bool = True, framed: bool = False, log: bool = True, **options: Any) -> Box:
        """Prepare a container that runs `args`; `options` are Launch's."""
        id = f"{next(self._numbers):064x}"
        directory = self.place / id
        for name in ("upper", "work"):
            (directory / name).mkdir(parents=True)
        ours = theirs = None
        if client:
            ours, theirs = socket.socketpair()
        attachments = [Attachment(theirs.detach(), stdin=True, stdout=True, stderr=True, framed=framed)] if theirs else []
        defaults: dict[str, Any] = {"stdin_once": True, "log": str(directory / "log") if log else None}
        launch = Launch(
            id=id,
            directory=str(directory),
            spec=spec(args, f"{PARENT}/confined/{id}"),
            rootfs=Rootfs((str(self.image),), str(directory / "upper"), str(directory / "work"), volatile=True),
            attachments=attachments,
            **{**defaults, **options},
        )
        box = Box(launch, ours)
        self._boxes[id] = box
        return box

    def start(self, box: Box) -> Box:
        """Start what :meth:`make` prepared."""
        box.keeper = self.runtime.spawn(box.launch)
        return box

    def run(self, *args: str, **options: Any) -> tuple[int, str]:
        """Run a container to its end; returns exit code and output."""
        box = self.start(self.make(*args, **options))
        output = box.output()
        return box.wait().exit_code, output

    def sh(self, script: str, **options: Any) -> str:
        """Return the output of a shell script, which must succeed."""
        code, output = self.run("sh", "-c", script, **options)
        assert code == 0, output
        return output

    def close(self) -> None:
        """Kill what still runs, and wait until all of it is gone."""
        for box in tuple(self._boxes.values()):
            if box.keeper is not None and not box.keeper.gone.done():
                box.keeper.kill(9)
                assert box.ended.wait(30)
                box.keeper.release()
                box.keeper.gone.result(30)
            if box.client is not None:
                box.client.close()
        self.runtime.close()


@functools.cache
def kept() -> frozenset[str]:
    """Return which limits this host keeps: with ``DOCKERKIT_CGROUPS=2`` there may be none."""
    groups = cgroups.detect(PARENT)
    features = groups.features()
    groups.close()
    return features


def limits() -> dict[str, Any]:
    """Return the limits every container has, of those this host keeps."""
    wished: dict[str, Any] = {"memory.limit": {"limit": 256 << 20}, "pids": {"limit": 200}}
    return {name.split(".")[0]: limit for name, limit in wished.items() if name in kept()}


def spec(args: tuple[str, ...], cgroup: str) -> dict[str, Any]:
    """Return an OCI spec like Docker's."""
    granted = list(capabilities.DEFAULT)
    return {
        "ociVersion": "1.2.0",
        "process": {
            "terminal": False,
            "args": list(args),
            "env": ["PATH=/usr/bin:/bin", "MODE=test"],
            "cwd": "/",
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), granted),
            "noNewPrivileges": False,
            "oomScoreAdj": 0,
        },
        "root": {"path": "rootfs", "readonly": False},
        "hostname": "box",
        "mounts": [dict(entry) for entry in MOUNTS],
        "linux": {
            "namespaces": [{"type": kind} for kind in ("mount", "pid", "uts", "ipc", "network", "cgroup")],
            "cgroupsPath": cgroup,
            "resources": limits(),
            "maskedPaths": list(MASKED),
            "readonlyPaths": list(READ_ONLY),
        },
    }


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A root file system: busybox, its links, two users."""
    root = tmp_path / "image"
    for name in ("bin", "etc", "proc", "sys", "dev", "tmp", "root"):
        (root / name).mkdir(parents=True)
    shutil.copy(BUSYBOX, root / "bin/busybox")
    for applet in APPLETS:
        (root / "bin" / applet).symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1000::/home/bob:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nbob:x:1000:\nextra:x:2000:bob\n")
    return root


@pytest.fixture(scope="session", autouse=True)
def no_cgroups_left() -> Iterator[None]:
    """The parent group is the session's; it can only be removed when no container's is left."""
    yield
    mounted = read_mounts()
    for version in (1,) * bool(mounted.version1) + (2,) * bool(mounted.version2):
        cgroups.detect(PARENT, version=version).discard()


@pytest.fixture
def boxes(tmp_path: Path, image: Path) -> Iterator[Boxes]:
    """Containers; afterwards no process, mount, descriptor or cgroup of theirs is there."""
    gc.collect()  # what other tests forgot to close is not to be counted
    descriptors = len(os.listdir("/proc/self/fd"))
    made = Boxes(tmp_path, image)
    yield made
    made.close()
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert mounts_of(str(tmp_path)) == []
    groups = cgroups.detect(PARENT)
    assert groups.list() == []
    groups.close()
