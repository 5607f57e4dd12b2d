"""``top``: the processes of a container, as the host sees them. Read from /proc here; no ``ps`` is run."""

from __future__ import annotations

import contextlib
from typing import Any

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.pausing import check_running
from dockerkit.daemon.engine.processfacts import Host, ProcessFacts
from dockerkit.daemon.engine.psarguments import columns_of
from dockerkit.errors import Invalid

DEFAULT = "-ef"


def top(core: Core, entry: Entry, arguments: str = "") -> dict[str, Any]:
    """Return the processes of a container in Docker's shape: titles, and a list of texts for each process, by pid.

    :param arguments: of ps, as ``"aux"`` or ``"-o pid,user,args"``; empty is ``-ef``.
    :raises Conflict: it is not running; in Docker's words.
    :raises Invalid: arguments that are not offered.
    """
    columns = columns_of(arguments.strip() or DEFAULT)
    if not any(column.title == "PID" for column in columns):
        raise Invalid("Couldn't find PID field in ps output", hint="ask for the column pid, too")
    check_running(entry)
    host = Host.now()
    rows = []
    for pid in sorted(core.cgroup(entry.record).pids()):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            facts = ProcessFacts.read(pid, host)
            rows.append([column.text(facts) for column in columns])
    core.note(entry.record, Happening("top"))
    return {"Titles": [column.title for column in columns], "Processes": rows}
