"""What a data root left on the machine, or in its private network: processes, mounts, cgroups, sockets, links, rules."""

from __future__ import annotations

import contextlib
import os
import pathlib
import select
import signal
import subprocess

from dockerkit.daemon.kernel import nftables
from dockerkit.daemon.kernel.netlink import Channel, interfaces
from dockerkit.daemon.networks.identity import group
from dockerkit.schema.endpoint import root_id, socket_path
from tests.privatenet import NETWORKS


def left_behind(roots: list[str]) -> list[str]:
    """Return a line for everything that the daemons of these roots left."""
    ids = [f"dockerkit-{root_id(root)}" for root in roots]
    here = [*processes(roots, ids), *_mounts(roots), *_cgroups(ids), *_files(roots), *_network(roots)]
    return here + [line for network in NETWORKS.values() for line in network.inside(lambda: _network(roots))]


def take_away(roots: list[str]) -> None:
    """Kill, unmount and remove what the daemons of these roots left, as far as that goes; networks go with the last process."""
    ids = [f"dockerkit-{root_id(root)}" for root in roots]
    for _ in range(3):  # some have others come in their place
        for pid in _pids(roots, ids):
            _killed(pid)
    for line in reversed(_mounts(roots)):
        subprocess.run(["umount", "-l", line.split()[5]], check=False, capture_output=True)
    for line in _cgroups(ids):
        for directory, _, _ in os.walk(line.removeprefix("cgroup: "), topdown=False):
            with contextlib.suppress(OSError):  # somebody is in it: it has been said
                os.rmdir(directory)
    for root in roots:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(socket_path(root))


def _killed(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it was quicker
        pidfd = os.pidfd_open(pid)
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        select.select([pidfd], [], [], 5)
        os.close(pidfd)


def processes(roots: list[str], ids: list[str]) -> list[str]:
    """Return a line for every process that is called with one of these roots, or is in a control group of theirs."""
    return [f"process {pid}: {command}" for pid, command in _pids(roots, ids).items()]


def _pids(roots: list[str], ids: list[str]) -> dict[int, str]:
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            cgroup = pathlib.Path(f"/proc/{pid}/cgroup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(pid) != os.getpid() and (any(f"{root}" in command for root in roots) or any(id in cgroup for id in ids)):
            found[int(pid)] = command
    return found


def _mounts(roots: list[str]) -> list[str]:
    return [f"mount: {line}" for root in roots for line in mounts_of(root)]


def mounts_of(words: str) -> list[str]:
    """Return the lines of this process's mounts in which the words occur: others mount where it sees it, too."""
    return [line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if words in line]


def _cgroups(ids: list[str]) -> list[str]:
    found = []
    for top, folders, _ in os.walk("/sys/fs/cgroup"):
        found += [f"cgroup: {os.path.join(top, folder)}" for folder in folders if folder in ids]
    return found


def _files(roots: list[str]) -> list[str]:
    return [f"file: {path}" for path in [*roots, *map(socket_path, roots)] if os.path.lexists(path)]


def _network(roots: list[str]) -> list[str]:
    """Look in the network namespace of the calling thread."""
    identities = [root_id(root) for root in roots]
    groups = {group(identity) for identity in identities}
    channel = Channel()
    try:
        links = [interfaces.read(answer) for answer in channel.dump(interfaces.every())]
    finally:
        channel.close()
    found = [f"link: {link.name}" for link in links if link.group in groups]
    with contextlib.suppress(OSError), nftables.Channel() as rules:  # OSError: a kernel without nf_tables holds no rules
        names = {f"dockerkit-{identity}" for identity in identities}
        found += [f"table: {table}" for table in nftables.tables(rules) if table.name in names]
    return found
