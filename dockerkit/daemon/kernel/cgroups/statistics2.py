"""The version 2 counters of a group, read raw, under the keys of version 1's ``statistics``. Judges nothing.

What version 2 does not count is left out: ``memory.max_usage``, ``cpuacct.percpu``, operations of block I/O. Its microseconds
become nanoseconds; ``memory.failcnt`` is how often memory was out (``oom`` of ``memory.events``); ``blkio`` knows bytes, with
``read`` and ``write`` in lower case, as Docker shows them.

Source: Linux Documentation/admin-guide/cgroup-v2; moby ``daemon/stats_unix.go``.
"""

from __future__ import annotations

import contextlib
from typing import Any

from dockerkit.daemon.kernel.cgroups.files import Tree
from dockerkit.daemon.kernel.cgroups.statistics import UNLIMITED, read_pairs

_BYTES = {"rbytes": "read", "wbytes": "write"}


def read_statistics(tree: Tree, path: str) -> dict[str, Any]:
    """Return the counters of the group `path`; those of a controller it does not have are absent.

    :raises OSError: ENOENT, the group is gone.
    """
    # the processor's time is counted in every group; so this one tells whether the group is there
    found = _cpu(read_pairs(tree.read(f"{path}/cpu.stat")))
    for controller, read in _READERS.items():
        with contextlib.suppress(FileNotFoundError):
            found[controller] = read(tree, path)
    return found


def _cpu(stat: dict[str, int]) -> dict[str, Any]:
    used = {key: stat.get(f"{key}_usec", 0) * 1000 for key in ("usage", "user", "system")}
    if "nr_periods" not in stat:
        return {"cpuacct": used}
    throttled = {"periods": stat["nr_periods"], "throttled_periods": stat.get("nr_throttled", 0)}
    return {"cpuacct": used, "cpu": throttled | {"throttled_time": stat.get("throttled_usec", 0) * 1000}}


def _memory(tree: Tree, path: str) -> dict[str, Any]:
    limit = tree.read(f"{path}/memory.max")
    return {
        "usage": int(tree.read(f"{path}/memory.current")),
        "limit": UNLIMITED if limit == "max" else int(limit),
        "failcnt": read_pairs(tree.read(f"{path}/memory.events")).get("oom", 0),
        "stat": read_pairs(tree.read(f"{path}/memory.stat")),
    }


def _pids(tree: Tree, path: str) -> dict[str, Any]:
    limit = tree.read(f"{path}/pids.max")
    return {"current": int(tree.read(f"{path}/pids.current")), "limit": 0 if limit == "max" else int(limit)}


def _io(tree: Tree, path: str) -> dict[str, Any]:
    lines = tree.read(f"{path}/io.stat").splitlines()
    return {"io_service_bytes_recursive": [entry for line in lines for entry in _device_line(line)]}


def _device_line(line: str) -> list[dict[str, Any]]:
    device, *counts = line.split()
    major, colon, minor = device.partition(":")
    if not colon:
        return []
    values = dict(count.split("=", 1) for count in counts if "=" in count)
    found = {word: int(values[key]) for key, word in _BYTES.items() if key in values}
    return [{"major": int(major), "minor": int(minor), "op": word, "value": value} for word, value in found.items()]


_READERS = {"memory": _memory, "pids": _pids, "blkio": _io}
