"""The life of a container as one table: which change leads from which phase to which.

The daemon asks it what may happen now; documentation and notebooks draw their pictures from it. Pure.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType


class Phase(StrEnum):
    """Where a container is; the words are the Engine API's ``State.Status``."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    EXITED = "exited"
    REMOVING = "removing"
    DEAD = "dead"


class Change(StrEnum):
    """What can happen to a container."""

    START = "start"
    FAIL = "fail to start"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    DIE = "die"
    AWAIT = "die and await its restart"
    GIVE_UP = "give up its restart"
    REMOVE = "remove"
    STICK = "fail to be removed"


TABLE = MappingProxyType(
    {
        (Phase.CREATED, Change.START): Phase.RUNNING,
        (Phase.CREATED, Change.FAIL): Phase.CREATED,
        (Phase.CREATED, Change.REMOVE): Phase.REMOVING,
        (Phase.RUNNING, Change.PAUSE): Phase.PAUSED,
        (Phase.RUNNING, Change.DIE): Phase.EXITED,
        (Phase.RUNNING, Change.AWAIT): Phase.RESTARTING,
        (Phase.PAUSED, Change.UNPAUSE): Phase.RUNNING,
        (Phase.PAUSED, Change.DIE): Phase.EXITED,
        (Phase.PAUSED, Change.AWAIT): Phase.RESTARTING,
        (Phase.RESTARTING, Change.START): Phase.RUNNING,
        (Phase.RESTARTING, Change.FAIL): Phase.EXITED,
        (Phase.RESTARTING, Change.GIVE_UP): Phase.EXITED,
        (Phase.RESTARTING, Change.REMOVE): Phase.REMOVING,
        (Phase.EXITED, Change.START): Phase.RUNNING,
        (Phase.EXITED, Change.FAIL): Phase.EXITED,
        (Phase.EXITED, Change.REMOVE): Phase.REMOVING,
        (Phase.REMOVING, Change.STICK): Phase.DEAD,
        (Phase.DEAD, Change.REMOVE): Phase.REMOVING,
    }
)

ALIVE = frozenset({Phase.RUNNING, Phase.PAUSED})
"""There is a process."""
ACTIVE = ALIVE | {Phase.RESTARTING}
"""What Docker calls running: ``State.Running``, ``docker ps`` without ``-a``; between two lives it has no process."""


def diagram() -> str:
    """Return the table as a Mermaid state diagram: that of ``docs/container-lifecycle.md``, which a test compares with it."""
    lines = ["stateDiagram-v2", f"    [*] --> {Phase.CREATED}: create"]
    lines += [f"    {phase} --> {then}: {change}" for (phase, change), then in TABLE.items()]
    return "\n".join([*lines, f"    {Phase.REMOVING} --> [*]"])
