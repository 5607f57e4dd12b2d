"""``--pid container:ID``: a container joins the process namespace of another. Its network is joined in ``networks``."""

from __future__ import annotations

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.record import Record
from dockerkit.errors import Conflict

_SHARED = "container:"


def joined(core: Core, record: Record) -> dict[str, str]:
    """Return the namespaces of others that a container joins: type → path, as the runtime spec has them.

    :raises NotFound: there is no such container; in Docker's words.
    :raises Conflict: it does not run; in Docker's words.
    """
    mode = record.host_config.pid_mode
    if not mode.startswith(_SHARED):
        return {}
    other = core.entries.resolve(mode.removeprefix(_SHARED))
    if not other.record.alive or other.keeper is None:
        raise Conflict(f"container {other.record.id} is not running")
    return {"pid": f"/proc/{other.keeper.pid}/ns/pid"}
