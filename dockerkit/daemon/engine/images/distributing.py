"""``pull``, ``push``, ``login``, ``search``: where the image store and the client of registries meet, who never do otherwise.

The client is made when it is first needed, for it brings HTTP and TLS with it. Never keeps credentials.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from dockerkit.daemon.engine import imageevents
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.images.arriving import Intake
from dockerkit.daemon.images.image import Image
from dockerkit.daemon.images.obtain import OutOfReach, mode
from dockerkit.daemon.registry.contract import (
    AuthResponse,
    Credentials,
    Distribution,
    DistributionInspect,
    SearchResult,
    Unreachable,
)
from dockerkit.errors import Invalid, NotFound
from dockerkit.schema.image import Descriptor
from dockerkit.schema.names import Reference, parse_reference

Progress = Callable[[dict[str, Any]], None]


def client() -> Distribution:
    """Return the client of all registries."""
    from dockerkit.daemon.registry.client import RegistryClient  # noqa: PLC0415 (HTTP and TLS: a daemon that pulls nothing needs none)

    return RegistryClient()


class Distributing:
    """The verbs that speak to registries.

    :param make: makes the client.
    """

    def __init__(self, core: Core, make: Callable[[], Distribution] = client) -> None:
        self._core, self._make = core, make

    @cached_property
    def registries(self) -> Distribution:
        """The client."""
        return self._make()

    def pull(self, reference: str, *, platform: str = "", progress: Progress, credentials: Credentials | None) -> str:
        """Obtain an image from its registry, or where none answers, make it; return its id.

        :param reference: without a tag: all tags of the repository.
        """
        bare = "@" not in reference and ":" not in reference.rpartition("/")[2]
        names = self._tags(reference, credentials) if bare else [reference]
        for name in names:
            image = self._core.images.obtain(
                name, platform=platform, progress=progress, pull=self._pull(credentials), who=credentials
            )
            imageevents.pulled(self._core, image, name)
        return image.id

    def push(self, name: str, tag: str, *, progress: Progress, credentials: Credentials | None) -> str:
        """Bring an image to the registry of its name; return its manifest's digest.

        :param tag: one tag, or ``""`` for all that the repository has here.
        :raises Invalid: no name. What fails later is what the registry's client raises.
        """
        wanted = _pushed(name, tag)
        progress({"status": f"The push refers to repository [{wanted.registry}/{wanted.repository}]"})
        digest = ""
        for reference, image in self._tagged(wanted, every=not tag and ":" not in name.rpartition("/")[2]):
            sent = self.registries.push(
                reference,
                image.manifest,
                credentials=credentials,
                blobs=self._core.images.blobs,
                progress=_after_first(progress),
            )
            digest = sent.digest
            self._core.images.pushed(reference, image)
            imageevents.happened(self._core, "push", image, id=str(reference), name=reference.familiar_name)
        return digest

    def login(self, registry: str, credentials: Credentials) -> AuthResponse:
        """Prove credentials to a registry."""
        return self.registries.login(registry, credentials)

    def describe(self, name: str, credentials: Credentials | None) -> DistributionInspect:
        """Return what a reference is on its registry."""
        return self.registries.describe(parse_reference(name), credentials)

    def search(
        self, term: str, *, limit: int, filters: Mapping[str, Sequence[str]], credentials: Credentials | None
    ) -> list[SearchResult]:
        """Find repositories by a word."""
        return self.registries.search(term, limit=limit, filters=filters, credentials=credentials)

    def _pull(self, credentials: Credentials | None) -> Callable[..., tuple[Descriptor, Descriptor | None]]:
        def pull(
            reference: Reference,
            *,
            platform: str,
            blobs: Intake,
            progress: Progress,
            arrived: Callable[[Descriptor, int], None],
        ) -> tuple[Descriptor, Descriptor | None]:
            try:
                pulled = self.registries.pull(
                    reference, platform=platform, credentials=credentials, blobs=blobs, progress=progress, arrived=arrived
                )
            except Unreachable as error:
                raise OutOfReach(error.message, hint=error.hint) from error
            return pulled.manifest, pulled.index

        return pull

    def _tags(self, reference: str, credentials: Credentials | None) -> list[str]:
        """Return all names of a repository; its ``latest`` where no registry can be asked."""
        wanted = parse_reference(reference)
        if mode() == "always":
            return [reference]
        try:
            found = [f"{wanted.registry}/{wanted.repository}:{tag}" for tag in self.registries.tags(wanted, credentials)]
        except Unreachable:
            return [reference]  # which says so, or makes it
        if not found:
            raise NotFound(f"manifest unknown: repository {wanted.familiar_name} has no tags")
        return found

    def _tagged(self, wanted: Reference, *, every: bool) -> list[tuple[Reference, Image]]:
        found = [
            (tag, image)
            for image in self._core.images.list()
            for tag in map(parse_reference, image.references)
            if tag == wanted or (every and (tag.registry, tag.repository) == (wanted.registry, wanted.repository))
        ]
        if not found:
            raise NotFound(f"An image does not exist locally with the tag: {wanted.familiar_name}")
        return sorted(found, key=lambda pair: pair[0].tag)


def _pushed(name: str, tag: str) -> Reference:
    wanted = parse_reference(name)
    if wanted.digest:
        raise Invalid("cannot push a digest reference")
    return Reference(wanted.registry, wanted.repository, tag or wanted.tag)


def _after_first(progress: Progress) -> Progress:
    """Leave out the line that was said already, before anything could go wrong."""

    def say(message: dict[str, Any]) -> None:
        if not str(message.get("status", "")).startswith("The push refers to repository"):
            progress(message)

    return say
