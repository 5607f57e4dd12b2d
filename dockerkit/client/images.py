"""The images of an engine: list, find, obtain, and bring in and out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec.json import decode as decode_json

from dockerkit.client.collection import filters_json
from dockerkit.client.engine import image_segment
from dockerkit.client.image import Image
from dockerkit.client.image_archives import File, imported, loaded, saved
from dockerkit.client.image_search import search
from dockerkit.client.image_transfers import pulled, told
from dockerkit.client.rows import Row, Rows
from dockerkit.errors import NotFound
from dockerkit.schema.image import ImageSummary
from dockerkit.schema.names import parse_reference
from dockerkit.schema.units import human_size
from dockerkit.schema.wire import convert

if TYPE_CHECKING:
    from dockerkit.client.engine import Engine

__all__ = ["Image", "Images", "is_missing", "pull"]

_COLUMNS = ("tags", "id", "created", "size")


class Images:
    """The images of an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, all: bool = False, **filters: Any) -> Rows[Image]:
        """Return the images, the latest first.

        :param all: the steps between, too, which only other engines have.
        :param filters: docker's: ``reference="busy*"``, ``label={"a": "b"}``, ``dangling=True``, ``before=image``,
            ``since=image``, ``until="24h"``.
        """
        rows = self._rows(all=all, filters=filters_json(filters))
        images = [Image(self._engine, row.id, reference=(_names(row) or [row.id])[0]) for row in rows]
        return _table(images, rows)

    def _rows(self, **query: Any) -> Sequence[ImageSummary]:
        return [convert(entry, ImageSummary) for entry in self._engine.get("/images/json", **query)]

    def get(self, name: str) -> Image:
        """Return the image of this reference or id.

        :raises NotFound: there is none here; nothing is pulled.
        """
        record = self._engine.get(f"/images/{image_segment(name)}/json")
        return Image(self._engine, record["Id"], reference=name)

    def __getitem__(self, name: str) -> Image:
        """Return :meth:`get`."""
        return self.get(name)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is an image of this name."""
        try:
            self.get(str(name))
        except NotFound:
            return False
        return True

    def __iter__(self) -> Iterator[Image]:
        """Iterate over :meth:`list`."""
        return iter(self.list())

    def prune(self, *, all: bool = False, **filters: Any) -> dict[str, Any]:
        """Remove the images that nothing names and nothing uses; return what the engine says it did.

        :param all: those with names too, if no container uses them.
        :param filters: docker's: ``label=…``, ``until="24h"``.
        """
        said = {"dangling": False, **filters} if all else filters
        answer = self._engine.call("POST", "/images/prune", query={"filters": filters_json(said)}, timeout=None)
        told: dict[str, Any] = decode_json(answer.read())
        return told

    def bootstrap(self, name: str, *, packages: Sequence[str] = (), programs: Sequence[str] = ()) -> Image:
        """Make a first image without a registry: ``"busybox"``, ``"debian"``, or ``"host"`` from the host's own programs.

        :param packages: of the host's distribution, to be installed.
        :param programs: of the host, to be included with their libraries.
        :raises Unsupported: a name that cannot be made, or a foreign engine.
        """
        path = self._engine.extension("/images/bootstrap", word="images.bootstrap")
        wanted = {"Name": name, "Programs": list(programs), "Packages": list(packages)}
        kept = told(name, self._engine.messages(path, json=wanted))
        ids = [str(message["aux"]["ID"]) for message in kept if message.get("aux")]
        return Image(self._engine, ids[-1], reference=name) if ids else self.get(name)

    # archives

    def load(self, path: File) -> Rows[Image]:
        """Read images from an archive, as docker, podman and skopeo write them, compressed or not; return them.

        A name that another image has moves to the loaded one.

        :param path: where it is, or a file open for reading.
        :raises Damaged: it is no archive of images, or a hostile one; nothing was changed.
        """
        names = loaded(self._engine, path)
        return _table([self.get(name) for name in names], self._rows(all=True))

    def save(self, names: str | Image | Sequence[str | Image], path: File) -> None:
        """Write images to one archive, with their names; layers that several have are in it once.

        :param path: where, or a file open for writing. Nothing is seen at a path of what could not be finished.
        :raises NotFound: one is not here.
        """
        wanted = [names] if isinstance(names, (str, Image)) else names
        saved(self._engine, [name.reference if isinstance(name, Image) else name for name in wanted], path)

    def import_(
        self,
        path: File,
        ref: str | None = None,
        *,
        changes: Sequence[str] = (),
        message: str = "",
        platform: str | None = None,
    ) -> Image:
        """Make an image of one layer from a file tree's archive, such as ``container.export`` writes.

        :param path: where it is, or a file open for reading, or a URL that the engine fetches.
        :param ref: what it shall be called; without, nothing names it.
        :param changes: lines of a Dockerfile: ``["CMD sh", "ENV A=1"]``.
        :raises Invalid: a name or a change that cannot be; nothing was made.
        :raises Damaged: no archive, or a hostile one.
        """
        id = imported(self._engine, path, ref=ref, changes=changes, message=message, platform=platform)
        return Image(self._engine, id, reference=str(parse_reference(ref)) if ref else "")

    # registries

    def search(self, term: str, *, limit: int = 25, **filters: Any) -> Rows[Row]:
        """Find repositories by a word: on Docker Hub, or with ``"host/word"`` on that registry.

        :param limit: 1 to 100.
        :param filters: docker's: ``stars=3``, ``is_official=True``.
        :raises Unsupported: the registry has no search (`Failed` by Docker's engine).
        :raises Unavailable: it does not answer.
        """
        return search(self._engine, term, limit=limit, filters=filters)


def pull(engine: Engine, reference: str, *, platform: str | None = None) -> Image:
    """Obtain an image from wherever the engine gets it, with the login docker keeps, telling a person who watches.

    :raises NotFound: nobody has it.
    :raises NotAllowed: the registry wants a login, or another one.
    :raises Unavailable: the registry does not answer.
    """
    name = pulled(engine, reference, platform=platform)
    return Image(engine, engine.get(f"/images/{image_segment(name)}/json")["Id"], reference=name)


def is_missing(error: NotFound) -> bool:
    """Tell whether an engine's refusal means that the image has to be obtained first."""
    return "no such image" in error.message.lower()


def _table(images: Sequence[Image], rows: Sequence[ImageSummary]) -> Rows[Image]:
    cells = {row.id: _cells(row) for row in rows}
    return Rows(images, columns=_COLUMNS, cells=lambda image: cells.get(image.id, {"id": image.short_id}))


def _cells(row: ImageSummary) -> dict[str, Any]:
    return {
        "tags": _names(row) or ["<none>"],
        "id": row.id.removeprefix("sha256:")[:12],
        "created": f"{datetime.fromtimestamp(row.created).astimezone():%Y-%m-%d %H:%M}",
        "size": human_size(row.size),
    }


def _names(row: ImageSummary) -> list[str]:
    """Return its names; old engines call one that has none ``<none>:<none>``."""
    return [name for name in row.repo_tags or () if name != "<none>:<none>"]
