"""What a container changed in its image's files, and how to keep it: diff, commit, export."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from dockerkit.client.archive import PIECE
from dockerkit.client.engine import Engine
from dockerkit.client.images import Image
from dockerkit.client.rows import Rows
from dockerkit.schema.names import parse_reference

_KINDS = ("modified", "added", "deleted")


class Change(NamedTuple):
    """One path that differs."""

    kind: str
    """``added``, ``modified`` or ``deleted``."""
    path: str


def diff(engine: Engine, path: str) -> Rows[Change]:
    """Return what a container changed, by path.

    :param path: of the container's routes.
    """
    found = engine.get(f"{path}/changes") or []
    changes = [Change(_KINDS[entry["Kind"]], entry["Path"]) for entry in found]
    return Rows(changes, columns=Change._fields, cells=lambda change: change._asdict())


def commit(
    engine: Engine, container: str, ref: str | None, *, message: str, author: str, changes: Sequence[str], pause: bool
) -> Image:
    """Make an image of a container; return it, got by its new name."""
    wanted = None if ref is None else parse_reference(ref)
    answer = engine.call(
        "POST",
        "/commit",
        query={
            "container": container,
            "repo": wanted.familiar_name if wanted else None,
            "tag": wanted.tag if wanted else None,
            "comment": message or None,
            "author": author or None,
            "changes": "\n".join(changes) or None,
            "pause": "1" if pause else "0",
        },
        timeout=None,
    )
    id = str(msgspec.json.decode(answer.read())["Id"])
    return Image(engine, id, reference=str(wanted) if wanted else "")


def export(engine: Engine, path: str, target: str | os.PathLike[str]) -> None:
    """Write a container's files as a tar archive to `target`; a file that could not be finished is removed."""
    with engine.follow(f"{path}/export") as answer, open(target, "wb", buffering=PIECE) as file:
        try:
            for piece in answer:
                file.write(piece)
        except BaseException:
            os.unlink(target)
            raise
