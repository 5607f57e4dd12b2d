"""The version 1 counters of a group, read raw. Judges nothing and converts no units.

Keys of :func:`read_statistics`, present when the controller is mounted:

``memory``  ``usage``, ``max_usage``, ``limit`` (bytes), ``failcnt``, ``stat`` (every line of ``memory.stat``)
``pids``    ``current``, ``limit`` (0 = none)
``cpu``     ``periods``, ``throttled_periods``, ``throttled_time`` (ns)
``cpuacct`` ``usage``, ``user``, ``system`` (ns), ``percpu`` (list of ns)
``blkio``   a list a file of ``{"major", "minor", "op", "value"}`` (bytes or operations)
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from dockerkit.daemon.kernel.cgroups.files import Tree

UNLIMITED = 2**63 - 4096
"""How version 1 says "no memory limit"."""
_BLKIO = {
    "io_service_bytes_recursive": ("blkio.bfq.io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive"),
    "io_serviced_recursive": ("blkio.bfq.io_serviced_recursive", "blkio.throttle.io_serviced_recursive"),
}


def read_statistics(trees: Mapping[str, Tree], path: str) -> dict[str, Any]:
    """Return the counters of the group `path` in the hierarchies `trees` (controller → tree).

    :raises OSError: ENOENT, the group is gone.
    """
    return {controller: read(trees[controller], path) for controller, read in _READERS.items() if controller in trees}


def read_pairs(text: str) -> dict[str, int]:
    """Return ``name number`` lines as a mapping."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].lstrip("-").isdigit()}


def _memory(tree: Tree, path: str) -> dict[str, Any]:
    files = {"usage": "usage_in_bytes", "max_usage": "max_usage_in_bytes", "limit": "limit_in_bytes", "failcnt": "failcnt"}
    numbers: dict[str, Any] = {key: int(tree.read(f"{path}/memory.{file}")) for key, file in files.items()}
    return numbers | {"stat": read_pairs(tree.read(f"{path}/memory.stat"))}


def _pids(tree: Tree, path: str) -> dict[str, Any]:
    limit = tree.read(f"{path}/pids.max")
    return {"current": int(tree.read(f"{path}/pids.current")), "limit": 0 if limit == "max" else int(limit)}


def _cpu(tree: Tree, path: str) -> dict[str, Any]:
    found = read_pairs(tree.read(f"{path}/cpu.stat"))
    names = {"periods": "nr_periods", "throttled_periods": "nr_throttled", "throttled_time": "throttled_time"}
    return {key: found.get(name, 0) for key, name in names.items()}


def _cpuacct(tree: Tree, path: str) -> dict[str, Any]:
    numbers: dict[str, Any] = {"usage": int(tree.read(f"{path}/cpuacct.usage"))}
    for key in ("user", "system"):
        file = f"{path}/cpuacct.usage_{'sys' if key == 'system' else key}"
        numbers[key] = int(tree.read(file)) if tree.has(file) else 0
    percpu = [int(number) for number in tree.read(f"{path}/cpuacct.usage_percpu").split()]
    return numbers | {"percpu": percpu}


def _blkio(tree: Tree, path: str) -> dict[str, Any]:
    return {key: _first_with_lines(tree, path, files) for key, files in _BLKIO.items()}


def _first_with_lines(tree: Tree, path: str, files: tuple[str, ...]) -> list[dict[str, Any]]:
    for file in files:
        # which of them exist depends on the disk's scheduler
        with contextlib.suppress(FileNotFoundError):
            if entries := [entry for line in tree.read(f"{path}/{file}").splitlines() if (entry := _device_line(line))]:
                return entries
    return []


def _device_line(line: str) -> dict[str, Any] | None:
    fields = line.split()
    if len(fields) != 3 or ":" not in fields[0]:
        return None
    major, minor = fields[0].split(":")
    return {"major": int(major), "minor": int(minor), "op": fields[1], "value": int(fields[2])}


_READERS = {"memory": _memory, "pids": _pids, "cpu": _cpu, "cpuacct": _cpuacct, "blkio": _blkio}
