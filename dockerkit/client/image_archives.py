"""Images as files of this machine: save, load and import, streamed 1 MiB at a time. Never holds an archive in memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, BinaryIO

from dockerkit.client.archive import PIECE
from dockerkit.client.image_transfers import told
from dockerkit.errors import Failed, Invalid
from dockerkit.schema.names import parse_reference

if TYPE_CHECKING:
    from dockerkit.client.engine import Engine

File = str | os.PathLike[str] | BinaryIO
"""A path, or a file that is open."""
_LOADED = ("Loaded image: ", "Loaded image ID: ")


def saved(engine: Engine, names: Sequence[str], target: File) -> None:
    """Write images to an archive: one with docker's layout and the OCI's.

    :param target: a path, or a file open for writing; at a path nothing is seen of an archive that could not be finished.
    """
    if not names:
        raise Invalid("save: no image is named")
    with ExitStack() as stack:
        answer = stack.enter_context(engine.call("GET", "/images/get", query={"names": [*names]}))
        answer.patience(None)
        file = stack.enter_context(whole(target)) if isinstance(target, (str, os.PathLike)) else target
        for piece in answer:
            file.write(piece)


@contextmanager
def whole(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that is seen at its path when the block ends well, and not before; its mode is 0600, as docker has it.

    What is there and is no regular file (a pipe, a terminal) is written to itself.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:
            yield file
        return
    target = os.path.realpath(path)
    descriptor, beside = tempfile.mkstemp(prefix=f".{os.path.basename(target)}.", dir=os.path.dirname(target))
    try:
        with open(descriptor, "wb", buffering=PIECE) as file:
            yield file
        os.replace(beside, target)
    except BaseException:
        os.unlink(beside)
        raise


def loaded(engine: Engine, source: File) -> list[str]:
    """Read images from an archive, compressed or not; return their names, and the ids of those without.

    :raises Damaged: it is no archive of images, or a hostile one; nothing was changed.
    """
    with opened(source) as (pieces, headers):
        messages = engine.messages("/images/load", query={"quiet": True}, content=pieces, headers=headers)
        said = [str(message.get("stream") or "") for message in told(named(source), messages)]
    lines = [line for text in said for line in text.splitlines()]
    return [line.removeprefix(prefix) for line in lines for prefix in _LOADED if line.startswith(prefix)]


def imported(
    engine: Engine, source: File, *, ref: str | None, changes: Sequence[str], message: str, platform: str | None
) -> str:
    """Make an image of a file tree's archive: of a path, a file, or what is behind a URL; return its id."""
    wanted = parse_reference(ref) if ref else None
    url = isinstance(source, str) and source.startswith(("http://", "https://"))
    query = {
        "fromSrc": str(source) if url else "-",
        "repo": wanted.familiar_name if wanted else None,
        "tag": wanted.tag if wanted else None,
        "message": message or None,
        "platform": platform or None,
        "changes": [*changes],
    }
    with ExitStack() as stack:
        pieces, headers = (b"", None) if url else stack.enter_context(opened(source))
        kept = told(named(source), engine.messages("/images/create", query=query, content=pieces, headers=headers))
    ids = [str(one["status"]) for one in kept if str(one.get("status")).startswith("sha256:")]
    if not ids:
        raise Failed(f"import of {named(source)}: the engine made no image, and did not say why")
    return ids[-1]


@contextmanager
def opened(source: File) -> Iterator[tuple[Iterator[bytes], list[tuple[str, str]]]]:
    """Open an archive that is to be sent; yield its pieces, and the headers that go with them.

    :raises OSError: it cannot be opened.
    """
    headers = [("Content-Type", "application/x-tar")]
    if not isinstance(source, (str, os.PathLike)):
        yield _pieces(source), headers
        return
    with open(source, "rb", buffering=0) as file:
        size = [("Content-Length", str(os.fstat(file.fileno()).st_size))] if os.path.isfile(source) else []
        yield _pieces(file), headers + size


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def named(source: File) -> str:
    """Return what an archive is called, for people."""
    return os.path.basename(source) if isinstance(source, (str, os.PathLike)) else str(getattr(source, "name", "the archive"))
