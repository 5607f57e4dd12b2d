"""One container for all worker processes of a run: the first makes it, the others find it, it goes when the run does.

They find it where ``meeting`` says; networks that are shared are with the other ``networks``.
"""

from __future__ import annotations

import contextlib

from dockerkit.client.client import Client
from dockerkit.client.container import Container
from dockerkit.client.spec import ContainerSpec
from dockerkit.errors import NotFound
from dockerkit.testing.making import make
from dockerkit.testing.meeting import Meeting, Note, Run
from dockerkit.testing.processes import mark
from dockerkit.testing.reuse import wish_hash


class Shared:
    """It is there for every worker of the run, and goes with the run.

    :param keep: see :class:`~dockerkit.testing.tenure.Owned`.
    """

    def __init__(self, client: Client, run: Run, *, keep: bool = False) -> None:
        self._client = client
        self._marked = "" if keep else mark(run.process)
        self._meeting = Meeting(client, run)
        self._path = ""
        self._container: Container | None = None

    def create(self, spec: ContainerSpec, fixture: str) -> Container:
        """Return the run's container of this wish, made by whichever worker came first."""
        self._path = self._meeting.path(f"{wish_hash(spec)}-{fixture}")
        with self._meeting.lock():
            self._container = self._found(spec) or self._made(spec, fixture)
        return self._container

    def _found(self, spec: ContainerSpec) -> Container | None:
        """Return the container that another worker made, if its owner and it are there."""
        note = Note.read(self._path)
        if note is None or not self._meeting.owned(note):
            return None
        container = Container(self._client, note.thing, spec=spec)
        try:
            there = container.status in ("running", "created")  # whoever comes starts it
        except NotFound:
            return None
        return container if there else None

    def _made(self, spec: ContainerSpec, fixture: str) -> Container:
        owner = self._meeting.owner()
        container = make(self._client, spec, alias=fixture, session=owner, marked=self._marked)
        Note(container.id, fixture, session=owner.id()).write(self._path)
        return container

    def end(self) -> None:
        """Leave it for the other workers."""

    def discard(self) -> None:
        """Remove it; the next worker makes another."""
        if self._container is not None:
            self._meeting.forget(self._path, self._container.id)
            with contextlib.suppress(NotFound):
                self._container.remove(force=True, volumes=True)

    def leave(self) -> None:
        """Tell the holder to leave it when it ends."""
        self._meeting.keep(self._path)
