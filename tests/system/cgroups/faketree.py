"""A unified hierarchy of plain files, for the limits a machine's own does not have: it takes what the kernel takes.

It knows which files a group has by its parent's ``cgroup.subtree_control``, keeps what is written as the kernel would show it,
and refuses what the kernel refuses in the tests. It has no processes.
"""

from __future__ import annotations

import errno
import os

from dockerkit.daemon.kernel.cgroups.files import Tree

CONTROLLERS = ("cpuset", "cpu", "io", "memory", "pids", "hugetlb")
FILES = {
    "": {
        "cgroup.procs": "",
        "cgroup.freeze": "0",
        "cgroup.events": "populated 0\nfrozen 0",
        "cgroup.kill": "",
        "cgroup.type": "domain",
    },
    "cpuset": {"cpuset.cpus": "", "cpuset.mems": ""},
    "cpu": {"cpu.max": "max 100000", "cpu.weight": "100", "cpu.idle": "0", "cpu.max.burst": "0"},
    "io": {"io.max": "", "io.weight": "default 100", "io.stat": ""},
    "memory": {
        "memory.max": "max",
        "memory.low": "0",
        "memory.swap.max": "max",
        "memory.current": "0",
        "memory.events": "oom 0\noom_kill 0",
    }
    | {"memory.stat": "anon 0\nfile 0", "memory.reclaim": ""},
    "pids": {"pids.max": "max", "pids.current": "0"},
    "hugetlb": {"hugetlb.2MB.max": "max", "hugetlb.2MB.rsvd.max": "max"},
}
CPU_STAT = "usage_usec 30\nuser_usec 20\nsystem_usec 10"
THROTTLING = "\nnr_periods 3\nnr_throttled 2\nthrottled_usec 7"
PROCESSORS = 8


class FakeTree(Tree):
    """A tree in which making a group makes its files too."""

    @classmethod
    def root(cls, directory: str) -> None:
        """Make the files of a real root, which holds processes and has no type."""
        for name, text in (
            ("cgroup.controllers", " ".join(CONTROLLERS)),
            ("cgroup.subtree_control", ""),
            ("cgroup.procs", "1"),
        ):
            _put(os.path.join(directory, name), text)
        _put(os.path.join(directory, "cpu.stat"), CPU_STAT)

    def make(self, path: str) -> None:
        """Make a group and the files its parent lets it have."""
        super().make(path)
        self._furnish(path)

    def unmake(self, path: str) -> None:
        """Remove a group with its files; not one with groups inside."""
        if self.nested(path):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), os.path.join(self.directory, path))
        if self.has(path):
            for name in os.listdir(self._at(path)):
                os.unlink(self._at(f"{path}/{name}"))
        super().unmake(path)

    def write(self, file: str, value: str) -> None:
        """Take a value as the kernel takes it."""
        group, name = os.path.split(file)
        self.read(file)  # ENOENT where there is no such file
        take = {
            "cgroup.subtree_control": self._give,
            "cpu.max": self._cpu_max,
            "io.max": self._io_max,
            "cgroup.freeze": self._freeze,
        }
        if name == "cpuset.cpus" and max(int(part) for part in value.replace("-", ",").split(",")) >= PROCESSORS:
            raise OSError(errno.ERANGE, os.strerror(errno.ERANGE), os.path.join(self.directory, file))
        take[name](group, value) if name in take else _put(self._at(file), value)

    def _give(self, group: str, value: str) -> None:
        file = self._at(os.path.join(group, "cgroup.subtree_control"))
        given = set(self.read(os.path.join(group, "cgroup.subtree_control")).split()) | {word[1:] for word in value.split()}
        _put(file, " ".join(sorted(given)))
        for child in self.nested(group or "."):
            self._furnish(child)

    def _furnish(self, path: str) -> None:
        above = os.path.join(os.path.dirname(path), "cgroup.subtree_control")
        controllers = self.read(above).split()
        files = {name: text for controller in ("", *controllers) for name, text in FILES[controller].items()}
        files["cgroup.controllers"] = " ".join(controllers)
        files |= {"cgroup.subtree_control": "", "cpu.stat": CPU_STAT + (THROTTLING if "cpu" in controllers else "")}
        for name, text in files.items():
            if name == "cgroup.controllers" or not self.has(f"{path}/{name}"):
                _put(self._at(f"{path}/{name}"), text)

    def _cpu_max(self, group: str, value: str) -> None:
        quota, _, period = value.partition(" ")
        before = self.read(f"{group}/cpu.max").split()
        if quota != "max" and int(quota) < 1000:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), os.path.join(self.directory, group, "cpu.max"))
        _put(self._at(f"{group}/cpu.max"), f"{quota} {period or before[1]}")

    def _io_max(self, group: str, value: str) -> None:
        device, limit = value.split(" ")
        lines = dict(line.split(" ", 1) for line in self.read(f"{group}/io.max").splitlines())
        words = dict(word.split("=") for word in lines.get(device, "rbps=max wbps=max riops=max wiops=max").split())
        key, number = limit.split("=")
        lines[device] = " ".join(f"{word}={text}" for word, text in (words | {key: number}).items())
        _put(self._at(f"{group}/io.max"), "\n".join(f"{name} {text}" for name, text in lines.items()))

    def _freeze(self, group: str, value: str) -> None:
        _put(self._at(f"{group}/cgroup.freeze"), value)
        _put(self._at(f"{group}/cgroup.events"), f"populated 0\nfrozen {value}")

    def _at(self, path: str) -> str:
        return os.path.join(self.directory, path)


def _put(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text + "\n")
