"""What an engine tells of an image's making, as tables: its history, and its layers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from dockerkit.client.rows import Row, Rows
from dockerkit.schema.units import human_size

_HISTORY = ("Id", "Created", "CreatedBy", "Size", "Comment")
_LAYERS = ("layer", "size", "created_by", "diff_id")
_WIDEST = 60


def history(steps: Sequence[Mapping[str, Any]]) -> Rows[Row]:
    """Return the steps, the latest first, as the engine has them; shown as docker's command shows them."""
    shown: dict[str, Callable[[Any], str]] = {"Id": short, "Created": _day, "CreatedBy": command, "Size": human_size}
    return Rows([Row(step) for step in steps], columns=_HISTORY, shown=shown)


def layers(digests: Sequence[str], steps: Sequence[Mapping[str, Any]]) -> Rows[Row]:
    """Return the layers, lowest first; size and command only where it is sure which step made which layer.

    :param digests: of the uncompressed archives, lowest first.
    :param steps: the history, the latest first.
    """
    made = [step for step in reversed(steps) if len(steps) == len(digests) or step["Size"]]
    known = made if len(made) == len(digests) else [{}] * len(digests)
    rows = [
        Row(layer=at, size=step.get("Size"), created_by=step.get("CreatedBy", ""), diff_id=digest)
        for at, (digest, step) in enumerate(zip(digests, known, strict=True))
    ]
    return Rows(rows, columns=_LAYERS, shown={"size": size, "created_by": command})


def short(digest: str) -> str:
    """Return the twelve digits by which an id is shown."""
    return str(digest).removeprefix("sha256:")[:12]


def command(text: str) -> str:
    """Return what made a layer, as much of it as a table has room for."""
    line = " ".join(str(text or "").split())
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"


def size(number: int | None) -> str:
    """Return a size for people; nothing when it is not known."""
    return "" if number is None else human_size(number)


def _day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M}" if seconds > 0 else ""
