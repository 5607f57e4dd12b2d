"""``explain``: how a running container came to be, step by step, as its child noted it on the way."""

from __future__ import annotations

import inspect
from typing import Any

from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.runtime.child.steps import STEPS
from dockerkit.errors import Conflict


def explain(entry: Entry) -> list[dict[str, Any]]:
    """Return a row for each step from the fork to the program: its name, what it did, and how long it took.

    The last step, ``exec``, has no end that anybody could see.

    :raises Conflict: it does not run, or this daemon did not start it.
    """
    begun = entry.keeper.steps if entry.keeper is not None and entry.record.alive else ()
    if not begun:
        raise Conflict(
            f"there is no record of the start of container {entry.record.name}",
            hint="there is one while it runs, from the daemon that started it",
        )
    ends = [*begun[1:], None]
    return [
        {"Step": step.name, "Did": _first_line(step.act), "Microseconds": None if end is None else (end - start) // 1000}
        for step, start, end in zip(STEPS, begun, ends, strict=False)
    ]


def _first_line(act: object) -> str:
    return (inspect.getdoc(act) or "").partition("\n")[0]
