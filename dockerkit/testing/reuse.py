"""Containers that stay for the next run, and are found again by the hash of their wish.

No lock is needed: an engine gives a name to one container only, starting one that runs does nothing, and everybody waits until
it is ready.
"""

from __future__ import annotations

import contextlib
import hashlib

from dockerkit.client.client import Client
from dockerkit.client.container import Container
from dockerkit.client.spec import ContainerSpec
from dockerkit.errors import Conflict, NotFound
from dockerkit.testing.making import make

HASH_LABEL = "dockerkit.reuse"
PLACE_LABEL = "dockerkit.reuse.fixture"
_TRIES = 5
_TAKEN_UP = frozenset({"running", "created"})


def wish_hash(spec: ContainerSpec) -> str:
    """Return twelve digits that equal wishes share; readiness is not part of what is made."""
    said = sorted((word, repr(value)) for word, value in spec.said.items() if word != "ready")
    return hashlib.sha256(repr((spec.image, said)).encode()).hexdigest()[:12]


class Reused:
    """It stays when its fixture ends. A changed wish replaces what the fixture had before.

    :param place: which fixture of which project, so that a changed wish finds its predecessor.
    """

    def __init__(self, client: Client, place: str) -> None:
        self._client = client
        self._place = place
        self._container: Container | None = None

    def create(self, spec: ContainerSpec, fixture: str) -> Container:
        """Return the container of this wish, made by whoever came first.

        :raises Conflict: the name belongs to something else.
        """
        digest = wish_hash(spec)
        name = spec.said.get("name") or f"dk-reuse-{fixture.strip('_')}-{digest}"
        labelled = spec.name(name).label({HASH_LABEL: digest, PLACE_LABEL: self._place})
        for _ in range(_TRIES):
            found = self._found(name, digest, labelled)
            if found is not None:
                self._container = found
                return found
            self._replace_former(digest)
            with contextlib.suppress(Conflict):  # somebody was quicker: take theirs
                self._container = make(self._client, labelled, alias=fixture, session=None)
                return self._container
        raise Conflict(
            f"container {name}, to be reused, comes and goes", hint="is another suite removing it? look with dk.events()"
        )

    def _found(self, name: str, digest: str, spec: ContainerSpec) -> Container | None:
        try:
            found = self._client.containers.get(name)
            theirs, status = found.labels.get(HASH_LABEL), found.status
        except NotFound:
            return None
        if theirs is None:
            raise Conflict(
                f"container {name} was not made to be reused", hint="rename or remove it, or give the fixture another name"
            )
        if theirs == digest and status in _TAKEN_UP:
            return Container(self._client, found.id, spec=spec)
        _remove(found)
        return None

    def _replace_former(self, digest: str) -> None:
        for former in self._client.containers.list(all=True, label={PLACE_LABEL: self._place}):
            with contextlib.suppress(NotFound):
                if former.labels.get(HASH_LABEL) != digest:
                    _remove(former)

    def end(self) -> None:
        """Leave it for the next run."""

    def discard(self) -> None:
        """Remove it: the next run shall not meet it."""
        if self._container is not None:
            _remove(self._container)

    def leave(self) -> None:
        """Leave it, as always."""


def _remove(container: Container) -> None:
    with contextlib.suppress(NotFound):
        container.remove(force=True, volumes=True)
