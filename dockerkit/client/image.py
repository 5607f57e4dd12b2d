"""One image of an engine. It reads fresh whenever asked; only its id is fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.json import decode as decode_json

from dockerkit.client.engine import image_segment
from dockerkit.client.explore import Explored
from dockerkit.client.image_archives import File, saved
from dockerkit.client.image_steps import history, layers
from dockerkit.client.image_transfers import pushed
from dockerkit.client.rows import Row, Rows
from dockerkit.errors import Invalid
from dockerkit.schema.image import ImageInspect
from dockerkit.schema.names import parse_reference
from dockerkit.schema.wire import convert

if TYPE_CHECKING:
    from dockerkit.client.engine import Engine


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
    def reference(self) -> str:
        """What it was got by: ``push``, ``save`` and ``remove`` are about that."""
        return self._reference

    @property
    def tags(self) -> list[str]:
        """The references that name it now."""
        return self._read().repo_tags

    @property
    def digests(self) -> list[str]:
        """What registries know it by, ``name@sha256:…``: from where it was pulled, to where it was pushed."""
        return self._read().repo_digests

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

    def push(self) -> str:
        """Send it to its registry under the name it was got by, with the login docker keeps; return its digest there.

        :raises Invalid: it was got by its id, by which no registry knows it.
        :raises NotAllowed: the registry wants a login, or another one; see :func:`dockerkit.login`.
        :raises Unavailable: it does not answer.
        """
        if self._id.removeprefix("sha256:").startswith(self._reference.removeprefix("sha256:")):
            names = ", ".join(self.tags) or "none"
            raise Invalid(f"push: {self.short_id} was got by its id", hint=f"its names: {names}; image.tag(…).push() gives one")
        return pushed(self._engine, self._reference)

    def save(self, path: File) -> None:
        """Write it to an archive that ``images.load``, docker and skopeo read, with the name it was got by.

        :param path: where, or a file open for writing. Nothing is seen at a path of what could not be finished.
        """
        saved(self._engine, [self._reference], path)

    # looking inside

    def history(self) -> Rows[Row]:
        """Return how it came to be, the latest step first."""
        return history(self._engine.get(f"/images/{image_segment(self._id)}/history"))

    def layers(self) -> Rows[Row]:
        """Return its layers, lowest first: their bytes and what made them where the history tells, and their digests."""
        return layers(self._read().root_fs.layers, self.history())

    def explore(self) -> Explored:
        """Look into its layers: the files each adds, changes and removes, and the bytes that nobody can see any more.

        :raises Unsupported: the engine is not ours; save it, and load it into ours.
        """
        path = self._engine.extension(f"/images/{image_segment(self._id)}/explore", word="image.explore()")
        return Explored(decode_json(self._engine.call("GET", path, timeout=None).read()))

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
