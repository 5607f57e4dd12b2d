"""A pretend noun: volumes that are names, with bytes in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dockerkit.errors import NotFound
from dockerkit.schema.volume import Volume, VolumeCreateRequest, VolumeList, VolumePrune


class Pieces(Iterator[bytes]):
    """Bytes that are given once."""

    def __init__(self, content: bytes) -> None:
        self._left = [content]

    def __next__(self) -> bytes:
        if not self._left:
            raise StopIteration
        return self._left.pop()

    def close(self) -> None:
        self._left = []


class PretendVolumes:
    """Volumes in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Volume] = {}
        self.content: dict[str, bytes] = {}
        self.filters: Mapping[str, list[str]] | None = None

    def create(self, request: VolumeCreateRequest, *, session: str = "") -> Volume:
        name = request.name or f"{len(self.kept):064x}"
        return self.kept.setdefault(name, Volume(name=name, labels=request.labels, options=request.driver_opts))

    def list(self, filters: Mapping[str, list[str]] | None = None) -> VolumeList:
        self.filters = filters
        return VolumeList(volumes=list(self.kept.values()))

    def inspect(self, name: str) -> Volume:
        if name not in self.kept:
            raise NotFound(f"get {name}: no such volume")
        return self.kept[name]

    def remove(self, name: str, *, force: bool = False) -> None:
        if not force:
            self.inspect(name)
        self.kept.pop(name, None)

    def prune(self, filters: Mapping[str, list[str]] | None = None) -> VolumePrune:
        self.filters = filters
        return VolumePrune()

    def clone(self, name: str, target: str = "", *, labels: Mapping[str, str] | None = None, session: str = "") -> Volume:
        self.content[target] = self.content.get(name, b"")
        return self.create(VolumeCreateRequest(name=target, labels=dict(labels or {}) or None))

    def backup(self, name: str) -> Pieces:
        self.inspect(name)
        return Pieces(self.content.get(name, b""))

    def restore(self, name: str, chunks: Iterable[bytes]) -> None:
        self.content[name] = b"".join(chunks)
