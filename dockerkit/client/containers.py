"""The containers of an engine: list, find, create."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Unpack

import msgspec

from dockerkit.client.collection import filters_json
from dockerkit.client.container import Container
from dockerkit.client.creation import create, request_for
from dockerkit.client.engine import segment
from dockerkit.client.images import Image
from dockerkit.client.options import ContainerOptions, wish
from dockerkit.client.rows import Rows
from dockerkit.client.spec import ContainerSpec
from dockerkit.errors import DockerkitError, NotFound
from dockerkit.schema.container import ContainerSummary
from dockerkit.schema.units import human_duration
from dockerkit.schema.wire import convert

if TYPE_CHECKING:
    from dockerkit.client.client import Client

__all__ = ["Container", "Containers", "wished"]
_COLUMNS = ("id", "image", "command", "created", "status", "ports", "name")


class Containers:
    """The containers of an engine."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._engine = client.engine

    def list(self, all: bool = False, **filters: Any) -> Rows[Container]:
        """Return the running containers, the latest first; `all` others too.

        Filters are docker's: ``status="exited"``, ``label="a=b"``, ``name=…``, ``ancestor=…``.
        """
        found = self._engine.get("/containers/json", all=all, filters=filters_json(filters))
        rows = [convert(entry, ContainerSummary) for entry in found]
        cells = {row.id: _cells(row) for row in rows}
        return Rows([Container(self._client, row.id) for row in rows], columns=_COLUMNS, cells=lambda c: cells[c.id])

    def get(self, name: str) -> Container:
        """Return the container of this name, id, or unambiguous beginning of an id.

        :raises NotFound: there is none.
        """
        return Container(self._client, self._engine.get(f"/containers/{segment(name)}/json")["Id"])

    def create(self, image: str | Image, *command: str, **options: Unpack[ContainerOptions]) -> Container:
        """Create a container, not started; see ``ContainerSpec.create``."""
        return self._client.container(image, *command, **options).create()

    def __getitem__(self, name: str) -> Container:
        """Return :meth:`get`."""
        return self.get(name)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a container of this name or id."""
        try:
            self.get(name.id if isinstance(name, Container) else str(name))
        except NotFound:
            return False
        return True

    def __iter__(self) -> Iterator[Container]:
        """Iterate over :meth:`list`: those that run."""
        return iter(self.list())

    def prune(self, **filters: Any) -> dict[str, Any]:
        """Remove all that do not run; return what the engine says it did: ``ContainersDeleted``, ``SpaceReclaimed``.

        Filters are docker's: ``until="24h"``, ``label=…``.
        """
        query = {"filters": filters_json(filters)}
        answer: dict[str, Any] = msgspec.json.decode(
            self._engine.call("POST", "/containers/prune", query=query, timeout=None).read()
        )
        return answer

    def create_from(self, spec: ContainerSpec) -> Container:
        """Create what `spec` wishes; see ``ContainerSpec.create``."""
        container = self._born(spec)
        self._let_live(container)
        return container

    def start_from(self, spec: ContainerSpec) -> Container:
        """Create and start what `spec` wishes, and wait until it is ready; see ``ContainerSpec.start``."""
        container = self._born(spec)
        try:
            container._begin(lasting=True)
            self._let_live(container)
        except BaseException as error:
            try:
                container.remove(force=True, volumes=True)
            except NotFound:
                pass  # auto_remove did it
            except DockerkitError as second:
                error.add_note(f"and the container {container.short_id} could not be removed: {second}")
            raise
        finally:
            self._client.session.released(container.id)
        return container

    def _born(self, spec: ContainerSpec) -> Container:
        """Create what goes with us as long as nobody has it in hands; a foreign engine has no word for that."""
        session = None if self._engine.foreign else self._client.session
        made = create(self._engine, spec, request_for(self._engine, spec), session=session)
        if session is not None and spec.said.get("ready") is not None:
            session.watch(made.id)  # getting ready may take longer than a lost session is waited for
        return Container(self._client, made.id, spec=spec, warnings=tuple(made.warnings))

    def _let_live(self, container: Container) -> None:
        if not self._engine.foreign:
            self._client.session.disown(container.id)


def wished(client: Client, image: str | Image, command: tuple[Any, ...], options: Mapping[str, Any]) -> ContainerSpec:
    """Return the wish of ``container(image, *command, **options)``.

    :raises TypeError: an unknown word.
    """
    spec = ContainerSpec(str(image), client=client)
    return wish(spec.command(*command) if command else spec, options)


def _cells(row: ContainerSummary) -> dict[str, Any]:
    return {
        "id": row.id[:12],
        "image": row.image,
        "command": row.command,
        "created": f"{human_duration(max(0.0, time.time() - row.created))} ago",
        "status": row.status or row.state,
        "ports": _ports(row),
        "name": ", ".join(name.removeprefix("/") for name in row.names),
    }


def _ports(row: ContainerSummary) -> str:
    shown = []
    for port in row.ports:
        inside = f"{port.private_port}/{port.type}"
        shown.append(f"{port.ip or ''}:{port.public_port}->{inside}" if port.public_port else inside)
    return ", ".join(shown)
