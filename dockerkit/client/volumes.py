"""The volumes of an engine: list, find, create, prune."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from dockerkit.client.collection import filters_json
from dockerkit.client.creation import MARKS
from dockerkit.client.rows import Rows
from dockerkit.client.volume import SESSIONS_WORD, Volume
from dockerkit.errors import NotFound
from dockerkit.schema.endpoint import SESSION_HEADER
from dockerkit.schema.volume import Volume as Document
from dockerkit.schema.volume import VolumeCreateRequest, VolumeList
from dockerkit.schema.wire import convert, decode

if TYPE_CHECKING:
    from dockerkit.client.client import Client

_COLUMNS = ("name", "driver", "labels", "created", "mountpoint")


class Volumes:
    """The volumes of an engine."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(
        self,
        name: str | None = None,
        *,
        driver: str = "local",
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Volume:
        """Make a volume, or return the one of this name; it outlives the program, unless ``with`` owns it.

        :param name: without, nobody names it.
        :param options: the driver's; of ``local``: ``type``, ``device`` and ``o``, as mount(8) takes them.
        :raises Invalid: a name or an option that cannot be.
        :raises NotFound: no such driver.
        """
        request = VolumeCreateRequest(
            name=name or "",
            driver=driver,
            driver_opts=dict(options or {}) or None,
            labels={**MARKS, **(labels or {})} or None,
        )
        if self._client.engine.foreign:
            return self._made(request)
        session = self._client.session
        try:
            made = self._made(request, session.id())  # goes with us as long as nobody has it in hands
        except NotFound as error:
            if not session.lost(error):
                raise
            made = self._made(request, session.id())
        if not session.watches(made.name, SESSIONS_WORD):
            session.disown(made.name, SESSIONS_WORD)
        return made

    def _made(self, request: VolumeCreateRequest, session: str = "") -> Volume:
        headers = [(SESSION_HEADER, session)] if session else []
        return Volume(
            self._client, decode(self._client.engine.post("/volumes/create", json=request, headers=headers), Document).name
        )

    def list(self, all: bool = False, **filters: Any) -> Rows[Volume]:
        """Return the volumes by name; filters as docker's: ``name="db"``, ``label=…``, ``driver=…``, ``dangling=True``.

        :param all: of no meaning here: every volume is listed.
        """
        found = convert(self._client.engine.get("/volumes", filters=filters_json(filters)), VolumeList).volumes or []
        found = sorted(found, key=lambda row: row.name)
        cells = {row.name: _cells(row) for row in found}
        return Rows([Volume(self._client, row.name) for row in found], columns=_COLUMNS, cells=lambda v: cells[v.name])

    def get(self, name: str) -> Volume:
        """Return the volume of this name.

        :raises NotFound: there is none.
        """
        volume = Volume(self._client, str(name))
        volume.inspect()
        return volume

    def __getitem__(self, name: str) -> Volume:
        """Return :meth:`get`."""
        return self.get(name)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a volume of this name."""
        try:
            self.get(str(name))
        except NotFound:
            return False
        return True

    def __iter__(self) -> Iterator[Volume]:
        """Iterate over :meth:`list`."""
        return iter(self.list())

    def prune(self, *, all: bool = False, **filters: Any) -> dict[str, Any]:
        """Remove those that no container has and nobody named; return what the engine says it did.

        :param all: named ones too.
        """
        said = {**filters, "all": True} if all else filters
        answer = self._client.engine.call("POST", "/volumes/prune", query={"filters": filters_json(said)}, timeout=None)
        told: dict[str, Any] = msgspec.json.decode(answer.read())
        return told


def _cells(row: Document) -> dict[str, Any]:
    return {
        "name": row.name,
        "driver": row.driver,
        "labels": ", ".join(f"{name}={value}" for name, value in sorted((row.labels or {}).items())),
        "created": row.created_at,
        "mountpoint": row.mountpoint,
    }
