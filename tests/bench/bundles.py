"""An OCI bundle of busybox for the bare runtimes, and the one thing crun wants of the machine."""

from __future__ import annotations

import ctypes
import io
import json
import os
import subprocess
import tarfile

from tests.parity.reference_image import rootfs_tar

CLONE_NEWNS, MS_REC, MS_PRIVATE, MNT_DETACH = 0x00020000, 0x4000, 1 << 18, 2
UNIFIED = "/sys/fs/cgroup/unified"


def make_bundle(root: str, program: str) -> str:
    """Make a bundle that echoes ``hi``, from the runtime's own default spec; return its directory."""
    bundle = f"{root}/bundle"
    os.makedirs(f"{bundle}/rootfs")
    with tarfile.open(fileobj=io.BytesIO(rootfs_tar())) as tar:
        tar.extractall(f"{bundle}/rootfs", filter="fully_trusted")
    subprocess.run([program, "spec"], cwd=bundle, check=True)
    with open(f"{bundle}/config.json", encoding="utf-8") as file:
        spec = json.load(file)
    spec["process"]["args"], spec["process"]["terminal"] = ["echo", "hi"], False
    with open(f"{bundle}/config.json", "w", encoding="utf-8") as file:
        json.dump(spec, file)
    return bundle


def hide_unified() -> None:
    """Leave the caller without the empty v2 hierarchy beside v1, in a mount namespace of its own: crun refuses such a pair."""
    if not os.path.ismount(UNIFIED):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    calls = (
        lambda: libc.unshare(CLONE_NEWNS),
        lambda: libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None),
        lambda: libc.umount2(UNIFIED.encode(), MNT_DETACH),
    )
    for call in calls:
        if call() != 0:
            raise OSError(ctypes.get_errno(), f"hide {UNIFIED}: {os.strerror(ctypes.get_errno())}")
