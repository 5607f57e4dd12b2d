"""One live volume, read fresh whenever asked: data that stays when containers go.

It outlives the program that made it, unless ``with`` owns it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dockerkit.client.archive import PIECE
from dockerkit.client.engine import segment
from dockerkit.errors import Conflict, DockerkitError, NotFound
from dockerkit.schema.volume import Volume as Document
from dockerkit.schema.volume import VolumeClone
from dockerkit.schema.wire import convert, decode

if TYPE_CHECKING:
    from dockerkit.client.client import Client

SESSIONS_WORD = "volumes"
"""What a session calls them."""


class Volume:
    """A volume of an engine. As a context manager it is owned: removed on leaving, or with this process, whatever happens."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    # what it is

    @property
    def name(self) -> str:
        """What it is called; 64 digits when nobody named it."""
        return self._name

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return self._read().labels or {}

    @property
    def driver(self) -> str:
        """Who keeps it: ``local``, or a plugin."""
        return self._read().driver

    @property
    def options(self) -> dict[str, str]:
        """The driver's options it was made with."""
        return self._read().options or {}

    @property
    def mountpoint(self) -> str:
        """Where its files are on the engine's host; of a clone, and of a volume with options, only while it is used."""
        return self._read().mountpoint

    def inspect(self) -> dict[str, Any]:
        """Return the engine's whole record, in Docker's own words.

        :raises NotFound: it has been removed.
        """
        record: dict[str, Any] = self._client.engine.get(self._path)
        return record

    def _read(self) -> Document:
        return convert(self.inspect(), Document)

    @property
    def _path(self) -> str:
        return f"/volumes/{segment(self._name)}"

    # what it does

    def clone(self, name: str | None = None, *, labels: Mapping[str, str] | None = None) -> Volume:
        """Return another volume that has the same content, and goes its own way from now on.

        Nothing is copied where the engine can share layers or blocks, so a prepared database is there at once.

        :param name: what it shall be called; without, nobody names it.
        :raises Conflict: something that runs has the volume, or there is one of this name.
        :raises Unsupported: the engine is not ours, or its driver keeps volumes elsewhere.
        """
        path = self._extension("clone", "volume.clone()")
        asked = VolumeClone(name=name or "", labels=dict(labels) if labels is not None else None)
        made = decode(self._client.engine.call("POST", path, json=asked, timeout=None).read(), Document)
        return Volume(self._client, made.name)

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Write all that is in it to a tar archive of this machine; nothing is left there when that fails.

        :raises Unsupported: the engine is not ours.
        """
        wanted = self._extension("archive", "volume.backup()")
        with self._client.engine.follow(wanted) as answer, open(path, "wb", buffering=PIECE) as file:
            try:
                for piece in answer:
                    file.write(piece)
            except BaseException:
                os.unlink(path)
                raise

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Unpack a tar archive of this machine, compressed or not, into it: what it names is replaced, the rest stays.

        :raises Invalid: it is no archive, or leads out of the volume.
        :raises Unsupported: the engine is not ours.
        """
        target = self._extension("archive", "volume.restore()")
        headers = [("Content-Type", "application/x-tar"), ("Content-Length", str(os.stat(path).st_size))]
        self._client.engine.call("PUT", target, content=_pieces(path), headers=headers, timeout=None).read()

    def remove(self, *, force: bool = False) -> None:
        """Remove it, with all that is in it.

        :param force: do not complain when it is gone already.
        :raises Conflict: a container has it, running or not.
        """
        self._client.engine.delete(self._path, force=force)

    def _extension(self, verb: str, word: str) -> str:
        return self._client.engine.extension(f"/volumes/{segment(self._name)}/{verb}", word=word)

    # being owned

    def __enter__(self) -> Self:
        """Own it from now on: it ends with the block, or with this process, whichever comes first."""
        if not self._client.engine.foreign:
            self._client.session.own(self._name, SESSIONS_WORD)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Remove it; when a container still has it, it goes with that one, where the engine is ours."""
        try:
            self.remove()
        except NotFound:
            pass  # removed inside the block
        except DockerkitError as second:
            if isinstance(second, Conflict) and not self._client.engine.foreign:
                return  # the session ends its life when the container is gone
            if error is None:
                raise
            error.add_note(f"and the volume {self._name} could not be removed: {second}")
        finally:
            self._client.session.released(self._name, SESSIONS_WORD)

    # being a value

    def __eq__(self, other: object) -> bool:
        """Tell whether it is the same volume of the same engine."""
        ours = self._client.engine.url
        return isinstance(other, Volume) and (self._name, ours) == (other._name, other._client.engine.url)

    def __hash__(self) -> int:
        """Agree with :meth:`__eq__`."""
        return hash((self._name, self._client.engine.url))

    def __str__(self) -> str:
        """Return the name, so that a volume can be given where one is expected."""
        return self._name

    def __repr__(self) -> str:
        """Show its name."""
        return f"<Volume {self._name}>"

    def _repr_html_(self) -> str:
        """Show what it is now where HTML is shown."""
        from dockerkit.notebook.views import volume_card  # noqa: PLC0415 (only its readers pay for it)

        return volume_card(self).html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the same as text where IPython asks."""
        from dockerkit.notebook.views import volume_card  # noqa: PLC0415 (only its readers pay for it)

        printer.text(volume_card(self).text())


def _pieces(path: str | os.PathLike[str]) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            yield piece
