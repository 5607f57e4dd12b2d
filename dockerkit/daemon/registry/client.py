"""The client of all registries: every verb of :class:`.contract.Distribution`, put together from the modules that do them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from dockerkit.daemon.registry import listing, login, manifests, searching
from dockerkit.daemon.registry.breaks import Garbled
from dockerkit.daemon.registry.challenges import repository_scope
from dockerkit.daemon.registry.contract import (
    Arrived,
    AuthResponse,
    Blobs,
    Credentials,
    Distribution,
    DistributionInspect,
    Progress,
    Pulled,
    Referrer,
    SearchResult,
    Sources,
)
from dockerkit.daemon.registry.greeting import Greeter
from dockerkit.daemon.registry.memory import Memory
from dockerkit.daemon.registry.pulling import Puller
from dockerkit.daemon.registry.pushing import Pusher
from dockerkit.daemon.registry.refusals import told
from dockerkit.daemon.registry.resolving import fetch
from dockerkit.daemon.registry.session import Session
from dockerkit.daemon.registry.settings import Settings
from dockerkit.schema.image import Descriptor, Platform
from dockerkit.schema.names import Reference


class RegistryClient:
    """One daemon's client; see :class:`.contract.Distribution` for what each verb promises. Cheap to make, thread-safe.

    :param settings: the operator's; read from the environment by default.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._greeter = Greeter(settings or Settings.from_environment())
        memory = Memory()
        self._puller = Puller(self._greeter, memory)
        self._pusher = Pusher(self._greeter, memory)

    def pull(
        self,
        reference: Reference,
        *,
        platform: str = "",
        credentials: Credentials | None = None,
        blobs: Blobs,
        progress: Progress,
        arrived: Arrived,
        cancelled: threading.Event | None = None,
    ) -> Pulled:
        """Bring an image into the store."""
        return self._puller.pull(
            reference,
            platform=platform,
            credentials=credentials,
            blobs=blobs,
            progress=progress,
            arrived=arrived,
            cancelled=cancelled,
        )

    def push(
        self,
        reference: Reference,
        manifest: Descriptor,
        *,
        credentials: Credentials | None = None,
        blobs: Blobs,
        progress: Progress,
        sources: Sources | None = None,
        cancelled: threading.Event | None = None,
    ) -> Descriptor:
        """Bring an image to a registry."""
        return self._pusher.push(
            reference,
            manifest,
            credentials=credentials,
            blobs=blobs,
            progress=progress,
            sources=sources,
            cancelled=cancelled,
        )

    def login(self, registry: str, credentials: Credentials) -> AuthResponse:
        """Prove credentials to a registry."""
        name = login.server(registry)
        with told(_whole(name)):
            return login.login(self._greeter, name, credentials)

    def describe(self, reference: Reference, credentials: Credentials | None = None) -> DistributionInspect:
        """Return what a reference is on its registry."""
        with told(reference):
            session = self._session(reference, credentials)
            document = fetch(session, reference)
            if document.media_type in manifests.INDEXES:
                listed = manifests.read_index(document.content).manifests
                platforms = [one.platform for one in listed if one.platform is not None]
            else:
                platforms = [_platform(session, reference, manifests.read_manifest(document.content).config)]
            return DistributionInspect(descriptor=document.descriptor, platforms=platforms)

    def tags(self, reference: Reference, credentials: Credentials | None = None) -> Iterator[str]:
        """Iterate over a repository's tags."""
        with told(reference):
            yield from listing.tags(self._session(reference, credentials), reference)

    def catalog(self, registry: str, credentials: Credentials | None = None) -> Iterator[str]:
        """Iterate over a registry's repositories."""
        reference = _whole(login.server(registry))
        with told(reference):
            yield from listing.catalog(self._session(reference, credentials))

    def delete(self, reference: Reference, credentials: Credentials | None = None) -> str:
        """Delete the manifest a reference resolves to."""
        with told(reference):
            return listing.delete(self._session(reference, credentials), reference)

    def referrers(
        self, reference: Reference, credentials: Credentials | None = None, *, artifact_type: str = ""
    ) -> list[Referrer]:
        """Return the manifests that name this one as their subject."""
        with told(reference):
            return listing.referrers(self._session(reference, credentials), reference, artifact_type)

    def search(
        self,
        term: str,
        *,
        limit: int = 25,
        filters: Mapping[str, Sequence[str]] | None = None,
        credentials: Credentials | None = None,
    ) -> list[SearchResult]:
        """Find repositories by a word."""
        return searching.search(self._greeter, term, limit, filters or {}, credentials)

    def close(self) -> None:
        """End every verb under way (it raises ``Cancelled``), and close all connections."""
        self._greeter.close()

    def _session(self, reference: Reference, credentials: Credentials | None) -> Session:
        return self._greeter.open(reference.registry, credentials, self._greeter.begin())


if TYPE_CHECKING:
    _KEEPS_THE_CONTRACT: Distribution = RegistryClient()


def _whole(registry: str) -> Reference:
    """A registry as the subject of an error."""
    return Reference(registry, "")


def _platform(session: Session, reference: Reference, config: Descriptor) -> Platform:
    scope = repository_scope(reference.repository, "pull")
    with session.call("GET", f"{reference.repository}/blobs/{config.digest}", scopes=[scope]) as answer:
        content = answer.document(manifests.LIMIT, session.settings.document_within)
    try:
        return msgspec.json.decode(content, type=Platform)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Garbled(f"config {config.digest} cannot be read: {error}") from None
