"""What may happen to a container now: everything in the engine that asks, asks here.

The table is :mod:`dockerkit.schema.lifecycle`'s, from which pictures are drawn as well.
"""

from __future__ import annotations

from dockerkit.errors import Conflict
from dockerkit.schema.lifecycle import ACTIVE, ALIVE, TABLE, Change, Phase, diagram

__all__ = ["ACTIVE", "ALIVE", "TABLE", "Change", "Phase", "after", "diagram"]


def after(phase: Phase, change: Change, subject: str) -> Phase:
    """Return the phase that `change` leads to.

    :param subject: the container's id or name, for the error.
    :raises Conflict: the table has no such change.
    """
    try:
        return TABLE[phase, change]
    except KeyError:
        raise Conflict(f"container {subject} is {phase.value}: it cannot {change.value} now") from None
