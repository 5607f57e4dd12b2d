"""Images: the collection, one image, and how a missing one is obtained.

An :class:`Image` reads fresh whenever asked; only its id is fixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dockerkit.client.collection import filters_json
from dockerkit.client.engine import image_segment
from dockerkit.client.progress import reporter
from dockerkit.client.rows import Rows
from dockerkit.errors import NotFound, Unsupported
from dockerkit.schema.image import ImageInspect, ImageSummary
from dockerkit.schema.names import parse_reference
from dockerkit.schema.units import human_size
from dockerkit.schema.wire import convert

if TYPE_CHECKING:
    from dockerkit.client.engine import Engine

_COLUMNS = ("tags", "id", "created", "size")
_BOOTSTRAPPED = 'pulling is not offered here; dk.images.bootstrap("busybox") or dk.images.bootstrap("host") make an image'


class Image:
    """One image of an engine.

    :param reference: what it was got by; ``remove`` removes that.
    """

    def __init__(self, engine: Engine, id: str, *, reference: str = "") -> None:
        self._engine = engine
        self._id = id
        self._reference = reference or id

    @property
    def id(self) -> str:
        """The image's id: the digest of its configuration, ``sha256:…``."""
        return self._id

    @property
    def short_id(self) -> str:
        """Twelve digits of the id, as docker prints it."""
        return self._id.removeprefix("sha256:")[:12]

    @property
    def tags(self) -> list[str]:
        """The references that name it now."""
        return self._read().repo_tags

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its configuration."""
        return self._read().config.labels or {}

    @property
    def size(self) -> int:
        """Bytes of its layers, uncompressed."""
        return self._read().size

    def inspect(self) -> dict[str, Any]:
        """Return the engine's whole record, in Docker's own words."""
        record: dict[str, Any] = self._engine.get(f"/images/{image_segment(self._id)}/json")
        return record

    def tag(self, ref: str) -> Image:
        """Give it a further name; return the image got by that name.

        :raises Invalid: not a reference.
        """
        wanted = parse_reference(ref)
        self._engine.post(f"/images/{image_segment(self._id)}/tag", repo=wanted.familiar_name, tag=wanted.tag)
        return Image(self._engine, self._id, reference=str(wanted))

    def remove(self, *, force: bool = False) -> None:
        """Remove the reference it was got by, and the image with its last one.

        :raises Conflict: a container uses it; `force` removes it all the same where Docker would.
        """
        self._engine.delete(f"/images/{image_segment(self._reference)}", force=force)

    def history(self) -> Rows[dict[str, Any]]:
        """Return how it came to be, the latest step first."""
        steps = self._engine.get(f"/images/{image_segment(self._id)}/history")
        return Rows(steps, columns=("Id", "Created", "CreatedBy", "Size", "Comment"))

    def layers(self) -> Rows[dict[str, Any]]:
        """Return the digests of its layers' uncompressed archives, lowest first."""
        digests = self._read().root_fs.layers
        return Rows([{"layer": n, "diff_id": digest} for n, digest in enumerate(digests)], columns=("layer", "diff_id"))

    def explore(self) -> Any:
        """Look into its layers.

        :raises Unsupported: for now.
        """
        raise Unsupported("image.explore() is not offered yet", hint="layers() and history() are")

    def save(self, path: str) -> None:
        """Write it as an archive.

        :raises Unsupported: for now.
        """
        raise Unsupported("image.save() is not offered yet")

    def push(self) -> None:
        """Send it to its registry.

        :raises Unsupported: for now.
        """
        raise Unsupported("image.push() is not offered yet")

    def _read(self) -> ImageInspect:
        return convert(self.inspect(), ImageInspect)

    def __eq__(self, other: object) -> bool:
        """Tell whether it is the same image of the same engine."""
        return isinstance(other, Image) and (self._id, self._engine.url) == (other._id, other._engine.url)

    def __hash__(self) -> int:
        """Agree with :meth:`__eq__`."""
        return hash((self._id, self._engine.url))

    def __str__(self) -> str:
        """Return the id, so that an image can be named where a reference is expected."""
        return self._id

    def __repr__(self) -> str:
        """Show what it was got by, and its id."""
        return f"<Image {self._reference if self._reference != self._id else ''} {self.short_id}>".replace("  ", " ")

    def _repr_html_(self) -> str:
        """Show what it is now where HTML is shown."""
        from dockerkit.notebook.views import image_card  # noqa: PLC0415 (only its readers pay for it)

        return image_card(self).html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the same as text where IPython asks."""
        from dockerkit.notebook.views import image_card  # noqa: PLC0415 (only its readers pay for it)

        printer.text(image_card(self).text())


class Images:
    """The images of an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, all: bool = False, **filters: Any) -> Rows[Image]:
        """Return the images, the latest first; filters as docker's: ``reference="busy*"``, ``label=…``, ``dangling=True``."""
        found = self._engine.get("/images/json", all=all, filters=filters_json(filters))
        rows = [convert(entry, ImageSummary) for entry in found]
        cells = {row.id: _cells(row) for row in rows}
        images = [Image(self._engine, row.id, reference=(row.repo_tags or [row.id])[0]) for row in rows]
        return Rows(images, columns=_COLUMNS, cells=lambda image: cells[image.id])

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

    def prune(self) -> dict[str, Any]:
        """Remove the images that nothing names and nothing uses; return what the engine says it did."""
        answer: dict[str, Any] = self._engine.json("POST", "/images/prune")
        return answer

    def bootstrap(self, name: str, *, packages: Sequence[str] = (), programs: Sequence[str] = ()) -> Image:
        """Make a first image without a registry: ``"busybox"``, or ``"host"`` from the host's own programs.

        :param programs: of the host, to be included with their libraries.
        :raises Unsupported: a name that cannot be made, or a foreign engine.
        """
        path = self._engine.extension("/images/bootstrap", word="images.bootstrap")
        wanted = {"Name": name, "Programs": list(programs), "Packages": list(packages)}
        return _follow(self._engine, name, path, wanted)

    def load(self, path: str) -> Rows[Image]:
        """Read images from an archive.

        :raises Unsupported: for now.
        """
        raise Unsupported("images.load() is not offered yet", hint=_BOOTSTRAPPED)

    def import_(self, path: str) -> Image:
        """Make an image of a file tree's archive.

        :raises Unsupported: for now.
        """
        raise Unsupported("images.import_() is not offered yet", hint=_BOOTSTRAPPED)


def pull(engine: Engine, reference: str, *, platform: str | None = None) -> Image:
    """Obtain an image from wherever the engine gets it, telling a person who watches; return it.

    :raises NotFound: nobody has it.
    :raises Unavailable: the registry does not answer.
    """
    wanted = parse_reference(reference)
    asked = {"fromImage": wanted.familiar_name, "tag": wanted.digest or wanted.tag, "platform": platform or None}
    return _follow(engine, str(wanted), "/images/create", None, **asked)


def _follow(engine: Engine, name: str, path: str, json: Any, **query: str | None) -> Image:
    """Post and follow the progress to its end; return the image that came of it."""
    shown = reporter(name)
    id = ""
    try:
        for message in engine.messages(path, json=json, **query):
            id = (message.get("aux") or {}).get("ID") or id
            shown.say(message)
    finally:
        shown.done()
    if not id:
        id = engine.get(f"/images/{image_segment(name)}/json")["Id"]
    return Image(engine, id, reference=name)


def is_missing(error: NotFound) -> bool:
    """Tell whether an engine's refusal means that the image has to be obtained first."""
    return "no such image" in error.message.lower()


def _cells(row: ImageSummary) -> dict[str, Any]:
    return {
        "tags": row.repo_tags or ["<none>"],
        "id": row.id.removeprefix("sha256:")[:12],
        "created": f"{datetime.fromtimestamp(row.created).astimezone():%Y-%m-%d %H:%M}",
        "size": human_size(row.size),
    }
