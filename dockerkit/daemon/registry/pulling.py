"""The order of a pull: what is it, for which platform, config and layers at the same time, and each layer handed on when whole.

Says everything dockerd says up to ``Download complete``; when all layers are here already it says nothing of them, as dockerd.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dockerkit.daemon.registry import platforms, saying
from dockerkit.daemon.registry.claims import Claims
from dockerkit.daemon.registry.contract import Arrived, Blobs, Credentials, Progress, Pulled
from dockerkit.daemon.registry.crew import Crew
from dockerkit.daemon.registry.downloading import Download
from dockerkit.daemon.registry.errand import Errand
from dockerkit.daemon.registry.greeting import Greeter
from dockerkit.daemon.registry.memory import Memory
from dockerkit.daemon.registry.refusals import told
from dockerkit.daemon.registry.resolving import resolve
from dockerkit.daemon.registry.session import Session
from dockerkit.errors import Damaged, Invalid, NotAllowed, NotFound, Unavailable, Unsupported
from dockerkit.schema.image import Descriptor, Manifest, Platform
from dockerkit.schema.names import Reference

_MIRROR_MAY_LACK = (Unavailable, NotFound, NotAllowed, Damaged, Invalid, Unsupported)
"""What a mirror may be wrong about: the registry itself is asked then."""


@dataclass(frozen=True, slots=True)
class Pull:
    """One pull under way."""

    reference: Reference
    platform: Platform
    blobs: Blobs
    arrived: Arrived
    errand: Errand
    claims: Claims
    memory: Memory

    def run(self, session: Session) -> Pulled:
        """Pull from one place."""
        found = lambda: self.errand.say(saying.pulling_from(self.reference))  # noqa: E731
        with Crew[tuple[Pulled, Manifest]](self.errand, 1) as crew:
            pulled, manifest = crew.only(lambda: resolve(session, self.reference, self.platform, self.blobs, found))
        if not session.endpoint.mirror:
            self.memory.note(self.reference, [manifest.config, *manifest.layers])
        self._fetch(session, manifest)
        return pulled

    def _fetch(self, session: Session, manifest: Manifest) -> None:
        positions: dict[str, list[int]] = {}
        for position, layer in enumerate(manifest.layers):
            positions.setdefault(layer.digest, []).append(position)
        layers = {layer.digest: layer for layer in manifest.layers}
        here = {digest for digest in layers if self.blobs.has(digest)}
        missing = [layer for digest, layer in layers.items() if digest not in here]
        self._announce(layers, here, missing, session.settings.downloads, quiet=self.blobs.has(manifest.config.digest))
        pieces: list[Callable[[], Descriptor]] = [_bound(self._layer, session, layer) for layer in missing]
        if not self.blobs.has(manifest.config.digest):
            pieces.insert(0, lambda: self._config(session, manifest.config))
        with Crew[Descriptor](self.errand, session.settings.downloads) as crew:
            coming = crew.results(pieces)
            for digest in sorted(here, key=lambda digest: positions[digest]):
                self._hand_on(layers[digest], positions[digest])
            for whole in coming:
                self._hand_on(layers.get(whole.digest, whole), positions.get(whole.digest, []))

    def _announce(
        self, layers: dict[str, Descriptor], here: set[str], missing: list[Descriptor], at_once: int, *, quiet: bool
    ) -> None:
        if quiet and not missing:
            return
        for digest in layers:
            text = "Already exists" if digest in here else "Pulling fs layer"
            self.errand.say(saying.status(text, saying.short(digest)))
        for layer in missing[at_once:]:
            self.errand.say(saying.status("Waiting", saying.short(layer.digest)))

    def _hand_on(self, layer: Descriptor, positions: list[int]) -> None:
        for position in positions:
            self.errand.check()
            self.arrived(layer, position)

    def _config(self, session: Session, config: Descriptor) -> Descriptor:
        with self.claims.claim((id(self.blobs), config.digest), self.errand):
            if not self.blobs.has(config.digest):
                Download(session, self.reference.repository, config, lambda _: None).into(self.blobs, lambda: None)
        return config

    def _layer(self, session: Session, layer: Descriptor) -> Descriptor:
        name = saying.short(layer.digest)
        figures = saying.Figures("Downloading", name, layer.size)

        def moved(current: int) -> None:
            if message := figures.at(current):
                self.errand.say(message)

        with self.claims.claim((id(self.blobs), layer.digest), self.errand):
            if not self.blobs.has(layer.digest):
                download = Download(session, self.reference.repository, layer, moved)
                download.into(self.blobs, lambda: self.errand.say(saying.status("Verifying Checksum", name)))
        self.errand.say(saying.status("Download complete", name))
        return layer


class Puller:
    """Pulls, from the mirrors that answer or from the registry itself. Thread-safe."""

    def __init__(self, greeter: Greeter, memory: Memory) -> None:
        self._greeter = greeter
        self._memory = memory
        self._claims = Claims()

    def pull(
        self,
        reference: Reference,
        *,
        platform: str,
        credentials: Credentials | None,
        blobs: Blobs,
        progress: Progress,
        arrived: Arrived,
        cancelled: threading.Event | None,
    ) -> Pulled:
        """See :class:`.contract.Distribution`."""
        errand = self._greeter.begin(progress, cancelled)
        wanted, failure = platforms.wanted(platform), None
        with told(reference, pulling=True):
            places = self._greeter.each(reference.registry, credentials, errand)
            while (session := _next(places, errand)) is not None:
                here = errand.again()
                pull = Pull(reference, wanted, blobs, arrived, here, self._claims, self._memory)
                try:
                    with told(reference, pulling=True):
                        return pull.run(session.during(here))
                except _MIRROR_MAY_LACK as error:
                    if not session.endpoint.mirror:
                        raise
                    failure = error
        raise failure or Unavailable(f"registry {reference.registry} has no place to be asked at")


def _next(places: Iterator[Session], errand: Errand) -> Session | None:
    """Greet the next place, in a thread that can be given up."""
    with Crew[Session | None](errand, 1) as crew:
        return crew.only(lambda: next(places, None))


def _bound(act: Callable[[Session, Descriptor], Descriptor], session: Session, layer: Descriptor) -> Callable[[], Descriptor]:
    return lambda: act(session, layer)
