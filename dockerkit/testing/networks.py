"""Networks for tests: one that goes with its fixture, one for all workers of a run, one that stays for the next run.

The three differ as those of containers do (``tenure``, ``sharing``, ``reuse``). A network has a name, which containers say in
their wish: so what is shared or used again is called the same everywhere, or its containers could not be.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from typing import Any, Protocol

from dockerkit.client.client import Client
from dockerkit.client.network import SESSIONS_WORD, Network
from dockerkit.client.networks import make, wished
from dockerkit.client.session import Session
from dockerkit.errors import Conflict, NotFound
from dockerkit.testing.meeting import NETWORKS, Meeting, Note, Run
from dockerkit.testing.processes import MARK_LABEL, mark
from dockerkit.testing.reuse import HASH_LABEL, PLACE_LABEL
from dockerkit.testing.tenure import disown

_TRIES = 5
Said = Mapping[str, Any]
"""A name, or None, and the words of ``networks.create``."""


class NetworkTenure(Protocol):
    """How long a network for tests lives, and who owns it."""

    def create(self, said: Said, fixture: str) -> Network:
        """Return a network: a new one, or one that is there."""

    def end(self) -> None:
        """Do what belongs to the end of its time; harmless when it has gone by itself."""


def network_hash(said: Said) -> str:
    """Return twelve digits that equal wishes share."""
    return hashlib.sha256(repr(sorted((word, repr(value)) for word, value in said.items())).encode()).hexdigest()[:12]


def end(network: Network, session: str, *, keep: bool) -> None:
    """Remove a network; with `keep` only if no container is on it: one that is has been kept, for a look inside.

    :param session: who owns it.
    """
    with contextlib.suppress(NotFound):
        if keep and network.client.containers.list(all=True, network=network.id):
            disown(network.client, session, network.id, NETWORKS)
        else:
            network.remove(force=True)


def _make(client: Client, said: Said, session: Session | None, marked: str = "") -> Network:
    request = wished(**said)
    if marked and client.engine.foreign:
        request.labels = {**request.labels, MARK_LABEL: marked}
    return make(client, request, session=session)


class OwnedNetwork:
    """It goes with its fixture, and with this process however that ends.

    :param keep: leave it when a container that was kept is on it.
    """

    def __init__(self, client: Client, *, keep: bool = False) -> None:
        self._client = client
        self._keep = keep
        self._network: Network | None = None

    def create(self, said: Said, fixture: str) -> Network:
        """Create a new one, owned from birth."""
        marked = "" if self._keep else mark()
        self._network = _make(self._client, said, self._client.session, marked)
        if not self._client.engine.foreign:
            self._client.session.own(self._network.id, SESSIONS_WORD)
        return self._network

    def end(self) -> None:
        """Take everybody off it, and remove it."""
        if self._network is None:
            return
        session = "" if self._client.engine.foreign else self._client.session.id()
        try:
            end(self._network, session, keep=self._keep)
        finally:
            self._client.session.released(self._network.id, SESSIONS_WORD)


class SharedNetwork:
    """It is there for every worker of the run, and goes with the run.

    :param keep: see :class:`OwnedNetwork`.
    """

    def __init__(self, client: Client, run: Run, *, keep: bool = False) -> None:
        self._client = client
        self._keep = keep
        self._marked = "" if keep else mark(run.process)
        self._run = hashlib.sha256(run.folder.encode()).hexdigest()[:8]
        self._meeting = Meeting(client, run)

    def create(self, said: Said, fixture: str) -> Network:
        """Return the run's network of this wish, made by whichever worker came first."""
        digest = network_hash(said)
        path = self._meeting.path(f"{digest}-{fixture}")
        with self._meeting.lock():
            note = Note.read(path)
            if note is not None and self._meeting.owned(note) and note.thing in self._client.networks:
                return Network(self._client, note.thing)
            owner = self._meeting.owner()
            name = said.get("name") or f"dk-{fixture.strip('_')}-{digest[:4]}-{self._run}"
            network = _make(self._client, {**said, "name": name}, owner, self._marked)
            Note(network.id, fixture, session=owner.id(), kind=NETWORKS, spare=self._keep).write(path)
        return network

    def end(self) -> None:
        """Leave it for the other workers."""


class ReusedNetwork:
    """It stays when its fixture ends. A changed wish replaces what the fixture had before.

    :param place: which fixture of which project, so that a changed wish finds its predecessor.
    """

    def __init__(self, client: Client, place: str) -> None:
        self._client = client
        self._place = place

    def create(self, said: Said, fixture: str) -> Network:
        """Return the network of this wish, made by whoever came first.

        :raises Conflict: the name belongs to something else.
        """
        digest = network_hash(said)
        name = said.get("name") or f"dk-reuse-{fixture.strip('_')}-{digest}"
        labels = {**(said.get("labels") or {}), HASH_LABEL: digest, PLACE_LABEL: self._place}
        for _ in range(_TRIES):
            if (found := self._found(name, digest)) is not None:
                return found
            self._replace_former(digest)
            with contextlib.suppress(Conflict):  # somebody was quicker: take theirs
                return _make(self._client, {**said, "name": name, "labels": labels}, None)
        raise Conflict(f"network {name}, to be reused, comes and goes", hint="is another suite removing it?")

    def _found(self, name: str, digest: str) -> Network | None:
        try:
            found = self._client.networks.get(name)
            theirs = found.labels.get(HASH_LABEL)
        except NotFound:
            return None
        if theirs is None:
            raise Conflict(
                f"network {name} was not made to be reused", hint="rename or remove it, or give the fixture another name"
            )
        if theirs == digest:
            return found
        _remove(found)
        return None

    def _replace_former(self, digest: str) -> None:
        for former in self._client.networks.list(label={PLACE_LABEL: self._place}):
            with contextlib.suppress(NotFound):
                if former.labels.get(HASH_LABEL) != digest:
                    _remove(former)

    def end(self) -> None:
        """Leave it for the next run."""


def _remove(network: Network) -> None:
    with contextlib.suppress(NotFound):
        network.remove(force=True)
