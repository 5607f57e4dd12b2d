"""How long a container for tests lives, and who owns it: one object a container.

The story is always the same: ``create``, then whoever asked starts it; then one of ``end`` (its time is over), ``discard`` (it
never got ready) and ``leave`` (somebody wants to look at it).
"""

from __future__ import annotations

import contextlib
from typing import Protocol

from dockerkit.client.client import Client
from dockerkit.client.container import Container
from dockerkit.client.engine import segment
from dockerkit.client.spec import ContainerSpec
from dockerkit.errors import NotFound
from dockerkit.testing.making import make
from dockerkit.testing.processes import mark


class Tenure(Protocol):
    """The contract; nothing here starts a container."""

    def create(self, spec: ContainerSpec, fixture: str) -> Container:
        """Return a container of this wish: a new one, or one that is there."""

    def end(self) -> None:
        """Do what belongs to the end of its time; harmless when it has gone by itself."""

    def discard(self) -> None:
        """See that nobody meets it again: it did not get ready."""

    def leave(self) -> None:
        """Let it outlive this process, for a look inside."""


class Owned:
    """It goes with its fixture, and with this process however that ends.

    :param keep: on an engine without sessions, leave out the mark by which a later run would sweep it.
    """

    def __init__(self, client: Client, *, keep: bool = False) -> None:
        self._client = client
        self._marked = "" if keep else mark()
        self._stack = contextlib.ExitStack()
        self._id = ""

    def create(self, spec: ContainerSpec, fixture: str) -> Container:
        """Create a new one, owned from birth."""
        container = make(self._client, spec, alias=fixture, session=self._client.session, marked=self._marked)
        self._id = container.id
        return self._stack.enter_context(container)

    def end(self) -> None:
        """Kill and remove it."""
        self._stack.close()

    def discard(self) -> None:
        """Kill and remove it."""
        self._stack.close()

    def leave(self) -> None:
        """Take it out of the session."""
        self._stack.pop_all()
        disown(self._client, self._client.session.id() if not self._client.engine.foreign else "", self._id)
        self._client.session.released(self._id)


def disown(client: Client, session: str, thing: str, kind: str = "containers") -> None:
    """Take a container, or what else `kind` says, out of a session of our own engine; on a foreign one nobody owns it."""
    if not client.engine.foreign:
        path = f"/sessions/{session}/{kind}/{segment(thing)}"
        with contextlib.suppress(NotFound):  # removed meanwhile
            client.engine.delete(client.engine.extension(path, word="a session"))
