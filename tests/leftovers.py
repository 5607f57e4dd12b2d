"""What a data root left on the machine: processes, mounts, cgroups, sockets."""

from __future__ import annotations

import os
import pathlib

from dockerkit.schema.endpoint import root_id, socket_path


def left_behind(roots: list[str]) -> list[str]:
    """Return a line for everything that the daemons of these roots left."""
    ids = [f"dockerkit-{root_id(root)}" for root in roots]
    return [*_processes(roots, ids), *_mounts(roots), *_cgroups(ids), *_files(roots)]


def _processes(roots: list[str], ids: list[str]) -> list[str]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            cgroup = pathlib.Path(f"/proc/{pid}/cgroup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(pid) != os.getpid() and (any(f"{root}" in command for root in roots) or any(id in cgroup for id in ids)):
            found.append(f"process {pid}: {command}")
    return found


def _mounts(roots: list[str]) -> list[str]:
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return [f"mount: {line}" for line in lines if any(root in line for root in roots)]


def _cgroups(ids: list[str]) -> list[str]:
    found = []
    for top, folders, _ in os.walk("/sys/fs/cgroup"):
        found += [f"cgroup: {os.path.join(top, folder)}" for folder in folders if folder in ids]
    return found


def _files(roots: list[str]) -> list[str]:
    return [f"file: {path}" for path in [*roots, *map(socket_path, roots)] if os.path.lexists(path)]
