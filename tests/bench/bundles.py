"""An OCI bundle of busybox for the bare runtimes, and the one thing crun wants of the machine."""

from __future__ import annotations

import contextlib
import ctypes
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator

from tests.parity.reference_image import rootfs_tar

CLONE_NEWNS, MS_REC, MS_PRIVATE, MNT_DETACH = 0x00020000, 0x4000, 1 << 18, 2
UNIFIED = "/sys/fs/cgroup/unified"

_libc = ctypes.CDLL(None, use_errno=True)


def make_bundle(root: str, program: str, command: tuple[str, ...] = ("echo", "hi")) -> str:
    """Make a bundle that runs `command`, from the runtime's own default spec; return its directory."""
    bundle = f"{root}/bundle"
    os.makedirs(f"{bundle}/rootfs")
    with tarfile.open(fileobj=io.BytesIO(rootfs_tar())) as tar:
        tar.extractall(f"{bundle}/rootfs", filter="fully_trusted")
    subprocess.run([program, "spec"], cwd=bundle, check=True)
    with open(f"{bundle}/config.json", encoding="utf-8") as file:
        spec = json.load(file)
    spec["process"]["args"], spec["process"]["terminal"] = list(command), False
    with open(f"{bundle}/config.json", "w", encoding="utf-8") as file:
        json.dump(spec, file)
    return bundle


@contextlib.contextmanager
def hidden_unified() -> Iterator[None]:
    """Hide the empty v2 hierarchy beside v1 from the calling thread and its children: crun refuses such a pair."""
    if not os.path.ismount(UNIFIED):
        yield
        return
    here = os.getcwd()
    home = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call("unshare", CLONE_NEWNS)
        _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
        _call("umount2", UNIFIED.encode(), MNT_DETACH)
        yield
    finally:
        _call("setns", home, CLONE_NEWNS)
        os.close(home)
        os.chdir(here)  # setns(2) leaves the caller at the root


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
