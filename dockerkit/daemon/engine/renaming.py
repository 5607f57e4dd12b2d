"""``rename``: a container gets another name; it never has two, and no two have the same."""

from __future__ import annotations

from msgspec.structs import replace

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.networks import naming
from dockerkit.errors import Conflict, Invalid
from dockerkit.schema.names import check_container_name

_SUBJECT = "Error when allocating new name"


def rename(core: Core, entry: Entry, name: str) -> None:
    """Give a container another name, running or not.

    :param name: the new one; a leading slash is allowed.
    :raises Invalid: no name, no admissible name, or the one it has; in Docker's words.
    :raises Conflict: the name is taken.
    """
    if not name:
        raise Invalid("Neither old nor new names may be empty")
    with entry.lock:
        if name.removeprefix("/") == entry.record.name:
            raise Invalid("Renaming a container with the same name as its current name")
        if entry.removal is not None:
            raise Conflict("container is marked for removal and cannot be renamed")
        _rename(core, entry, _taken(core, entry, name))


def _taken(core: Core, entry: Entry, name: str) -> str:
    """Check and reserve the new name."""
    try:
        bare = check_container_name(f"/{name.removeprefix('/')}")
        core.entries.reserve(bare, entry.record.id)
    except (Invalid, Conflict) as error:
        raise type(error)(f"{_SUBJECT}: {error.message}", hint=error.hint) from None
    return bare


def _rename(core: Core, entry: Entry, bare: str) -> None:
    old = entry.record.name
    try:
        core.commit(entry, replace(entry.record, name=bare), Happening("rename", {"oldName": f"/{old}"}))
    except BaseException:
        core.entries.release(bare)
        raise
    core.entries.release(old)
    if entry.record.alive:
        naming.tell(core, entry.record)
