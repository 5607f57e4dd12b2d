"""The order of a push: every blob the registry lacks, several at a time, each once; then manifests, an index last.

So a name on the registry never points at what is not there. Says every message dockerd says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from dockerkit.daemon.registry import manifests, saying
from dockerkit.daemon.registry.challenges import repository_scope
from dockerkit.daemon.registry.contract import Blobs, Credentials, Progress, Sources
from dockerkit.daemon.registry.crew import Crew
from dockerkit.daemon.registry.errand import Errand
from dockerkit.daemon.registry.greeting import Greeter
from dockerkit.daemon.registry.memory import Memory
from dockerkit.daemon.registry.refusals import told
from dockerkit.daemon.registry.session import Session
from dockerkit.daemon.registry.uploading import Upload
from dockerkit.errors import Damaged, NotFound
from dockerkit.schema.image import Descriptor, Manifest, RootFS
from dockerkit.schema.names import Reference


class _Config(msgspec.Struct):
    """What a push reads of a config: the names it uses for layers in messages."""

    rootfs: RootFS = msgspec.field(default_factory=RootFS)


@dataclass(frozen=True, slots=True)
class Push:
    """One push under way."""

    session: Session
    reference: Reference
    blobs: Blobs
    errand: Errand
    memory: Memory
    sources: Sources

    def run(self, top: Descriptor) -> Descriptor:
        """Push a manifest, or an index and all it lists."""
        inner = [top]
        if top.media_type in manifests.INDEXES:
            inner = manifests.read_index(self.blobs.read(top.digest)).manifests
            self._refuse_holes(top, inner)
        for one in inner:
            self._push_image(one)
            if one is not top:
                self._put(one, one.digest)
        label = self.reference.tag or top.digest
        self._put(top, label)
        for message in saying.pushed(label, top.digest, top.size):
            self.errand.say(message)
        return top

    def _refuse_holes(self, top: Descriptor, inner: list[Descriptor]) -> None:
        missing = [one.digest for one in inner if not self.blobs.has(one.digest)]
        if missing:
            raise NotFound(
                f"index {top.digest} lists {len(missing)} manifest(s) that are not here, such as {missing[0]}",
                hint="pull those platforms first, or push the manifest of one platform",
            )

    def _push_image(self, descriptor: Descriptor) -> None:
        manifest = manifests.read_manifest(self.blobs.read(descriptor.digest))
        names = self._names(manifest)
        layers = {layer.digest: layer for layer in reversed(manifest.layers)}
        for digest in layers:
            self.errand.say(saying.status("Preparing", names[digest]))
        for digest in list(layers)[self.session.settings.uploads :]:
            self.errand.say(saying.status("Waiting", names[digest]))
        pieces = [_bound(self._layer, layer, names[digest]) for digest, layer in layers.items()]
        if manifest.config.digest not in layers:
            pieces.append(lambda: self._config(manifest.config))
        with Crew[Descriptor](self.errand, self.session.settings.uploads) as crew:
            for blob in crew.results(pieces):
                self.memory.note(self.reference, [blob])

    def _names(self, manifest: Manifest) -> dict[str, str]:
        """Return what layers are called in messages: their content's digest, as in dockerd, where the config tells it."""
        try:
            diffs = msgspec.json.decode(self.blobs.read(manifest.config.digest), type=_Config).rootfs.diff_ids
        except (msgspec.DecodeError, ValueError, Damaged):
            diffs = []
        found = diffs if len(diffs) == len(manifest.layers) else [layer.digest for layer in manifest.layers]
        return {layer.digest: saying.short(diff) for layer, diff in zip(manifest.layers, found, strict=True)}

    def _layer(self, layer: Descriptor, name: str) -> Descriptor:
        figures = saying.Figures("Pushing", name, layer.size)

        def moved(current: int) -> None:
            if message := figures.at(current):
                self.errand.say(message)

        self.errand.say(saying.status(self._bring(layer, moved), name))
        return layer

    def _config(self, config: Descriptor) -> Descriptor:
        self._bring(config, lambda _: None)
        return config

    def _bring(self, blob: Descriptor, moved: Callable[[int], None]) -> str:
        """Make the repository have a blob, and return how it came to."""
        upload = Upload(self.session, self.reference.repository, blob, self.blobs, moved)
        if upload.exists():
            return "Layer already exists"
        own = self.reference.repository
        candidates = dict.fromkeys((*self.memory.sources(self.reference, blob.digest), *self.sources(blob.digest)))
        source, place = upload.mount([name for name in candidates if name != own])
        if source:
            return f"Mounted from {source}"
        upload.send(place)
        return "Pushed"

    def _put(self, descriptor: Descriptor, label: str) -> None:
        content = self.blobs.read(descriptor.digest)
        path = f"{self.reference.repository}/manifests/{label}"
        scope = repository_scope(self.reference.repository, "pull", "push")
        headers = {"Content-Type": descriptor.media_type}
        with self.session.call("PUT", path, headers=headers, body=content, scopes=[scope], expect=(200, 201, 202)) as answer:
            found = answer.header("Docker-Content-Digest")
        if found and found != descriptor.digest:
            raise Damaged(f"manifest {descriptor.digest} is called {found[:100]} by {self.reference.registry}")


class Pusher:
    """Pushes. Thread-safe."""

    def __init__(self, greeter: Greeter, memory: Memory) -> None:
        self._greeter = greeter
        self._memory = memory

    def push(
        self,
        reference: Reference,
        manifest: Descriptor,
        *,
        credentials: Credentials | None,
        blobs: Blobs,
        progress: Progress,
        sources: Sources | None,
        cancelled: threading.Event | None,
    ) -> Descriptor:
        """See :class:`.contract.Distribution`."""
        errand = self._greeter.begin(progress, cancelled)
        errand.say(saying.status(f"The push refers to repository [{reference.registry}/{reference.repository}]"))
        with told(reference):
            with Crew[Session](errand, 1) as crew:
                session = crew.only(lambda: self._greeter.open(reference.registry, credentials, errand))
            push = Push(session, reference, blobs, errand, self._memory, sources or _nobody)
            with Crew[Descriptor](errand, 1) as crew:
                return crew.only(lambda: push.run(manifest))


def _nobody(_digest: str) -> list[str]:
    return []


def _bound(act: Callable[[Descriptor, str], Descriptor], layer: Descriptor, name: str) -> Callable[[], Descriptor]:
    return lambda: act(layer, name)
