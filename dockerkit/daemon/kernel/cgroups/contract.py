"""The two protocols every cgroup version fulfils; the package's docstring tells the story. Never touches a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from dockerkit.daemon.kernel.cgroups.hierarchies import Hierarchy

CONFINED, OPEN = "confined", "open"
"""The two device policies below a data root's parent."""

Resources = Mapping[str, Any]
"""OCI ``linux.resources``; absent keys leave the kernel's default."""


class Cgroup(Protocol):
    """One container's group, in every hierarchy at once."""

    path: str
    skipped: tuple[str, ...]
    """Files of limits that were asked for and that this kernel does not have (of swap only)."""

    def join(self) -> None:
        """Move the calling, single-threaded process into the group; its later children are born there.

        :raises OSError: ESRCH or ENOENT when the group is gone, EPERM, ENOSPC (a cpuset without processors).
        """

    def birthplace(self) -> int:
        """Return a new descriptor of the group for a process to be born into (clone3(2), ``CLONE_INTO_CGROUP``), which
        spares it :meth:`join`; -1 where nobody can be (version 1).

        :raises OSError: ENOENT when the group is gone.
        """

    def pids(self) -> list[int]:
        """Return the processes inside, nested groups included; none when the group is gone."""

    def kill(self) -> None:
        """Send SIGKILL to every process inside, also to those being forked, frozen or not. Does not wait for their end."""

    def freeze(self) -> None:
        """Stop every process until :meth:`thaw`; returns when all have stopped.

        :raises OSError: ETIMEDOUT when a process would not stop within two seconds (the group is thawed again).
        """

    def thaw(self) -> None:
        """Let the processes go on."""

    def update(self, resources: Resources) -> None:
        """Write the limits given and leave the others.

        :raises OSError: EBUSY when the group already uses more memory than the new limit, EINVAL, EOPNOTSUPP.
        """

    def oom_kills(self) -> int:
        """Return how many processes of this group the kernel killed for lack of memory."""

    def stats(self) -> dict[str, Any]:
        """Return the kernel's counters, raw: bytes, nanoseconds, counts; keys in the package's ``statistics`` module."""

    def remove(self) -> None:
        """Remove the group and groups nested in it; waits up to five seconds for killed processes to leave it.

        :raises OSError: EBUSY when processes are still inside. Succeeds when it was gone already.
        """


class Cgroups(Protocol):
    """The groups of one data root."""

    version: int
    reason: str
    """Why this implementation was chosen, in one sentence."""
    parent: str
    controllers: frozenset[str]
    hierarchies: tuple[Hierarchy, ...]
    """The trees in which each group is one directory."""

    def prepare(self) -> None:
        """Make the parent and its two policies and open the hierarchies; repeating it changes nothing."""

    def create(self, path: str, resources: Resources) -> Cgroup:
        """Make the group ``<parent>/<policy>/<name>`` with these limits. An existing one is taken over.

        :raises OSError: a limit was refused, or its controller is not mounted (EOPNOTSUPP); nothing is left behind.
        """

    def open(self, path: str) -> Cgroup:
        """Return a handle for a group that may exist already; creates nothing."""

    def list(self) -> list[str]:
        """Return the paths of all containers' groups of this data root, sorted."""

    def features(self) -> frozenset[str]:
        """Return the limits this host can keep, as names of :data:`~dockerkit.daemon.kernel.cgroups.limits.FEATURES`."""

    def close(self) -> None:
        """Close the hierarchies; groups stay. They are opened again when next needed."""

    def discard(self) -> None:
        """Remove the parent, when no container's group is left, and close the hierarchies.

        :raises OSError: EBUSY when a container's group is still there.
        """
