"""Where engines that are compared keep their data: an empty file system of their own, the same for both.

On the machine's own, what is measured is often its past: ext4 without a journal looks, for each new file, at all that were
deleted in the last minutes, and ten thousand files then take one second or four.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator

_SIZE = 12 << 30
"""Bytes, of which the file takes only what is used."""


@contextlib.contextmanager
def fresh_ground() -> Iterator[str]:
    """Give a directory on a new ext4, or an ordinary temporary one, with a line that says so, where none can be mounted."""
    with tempfile.TemporaryDirectory(prefix="dkb-") as top:
        if not _mounted(top):
            print("no file system of its own could be mounted: times depend on what else the disk has seen")
            yield top
            return
        try:
            yield f"{top}/on"
        finally:
            subprocess.run(["umount", f"{top}/on"], check=True)


def _mounted(top: str) -> bool:
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        return False
    os.mkdir(f"{top}/on")
    with open(f"{top}/disk", "wb") as disk:
        disk.truncate(_SIZE)
    steps = (
        ["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", f"{top}/disk"],
        ["mount", "-o", "loop", f"{top}/disk", f"{top}/on"],
    )
    return all(subprocess.run(step, check=False, capture_output=True).returncode == 0 for step in steps)
