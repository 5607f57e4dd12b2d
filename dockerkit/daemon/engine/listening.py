"""Which TCP ports a container listens on: its own socket table, read through its init. Published or not; enters nothing."""

from __future__ import annotations

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.pausing import check_running
from dockerkit.errors import Conflict

_LISTEN = "0A"
_LISTENERS_SHOWN = ("tcp", "tcp6")


def listening(core: Core, entry: Entry) -> dict[str, list[int]]:
    """Return the ports, sorted, on any address of the container's network namespace; source: proc_net(5).

    :raises Conflict: it is not running.
    """
    check_running(entry)
    record = entry.record
    found: set[int] = set()
    for table in _LISTENERS_SHOWN:
        try:
            with open(f"/proc/{record.state.pid}/net/{table}", encoding="ascii") as file:
                found |= ports_in(file.read())
        except FileNotFoundError:  # no IPv6 on this host; or it ended
            continue
        except OSError as error:  # ESRCH: it ended between
            raise Conflict(f"container {record.id} is not running") from error
    check_running(entry)
    return {"Ports": sorted(found)}


def ports_in(table: str) -> set[int]:
    """Return the local ports of the listening sockets in the text of ``/proc/net/tcp`` or ``tcp6``."""
    rows = (line.split() for line in table.splitlines()[1:])
    return {int(row[1].rpartition(":")[2], 16) for row in rows if len(row) > 3 and row[3] == _LISTEN}
