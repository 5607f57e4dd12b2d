"""The volume verbs as the API sees them. Types only; see :mod:`dockerkit.daemon.api.verbs`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from dockerkit.daemon.api.answers import Pieces
from dockerkit.schema.volume import Volume, VolumeCreateRequest, VolumeList, VolumePrune

if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812 - `list` is one of Docker's verbs here


class VolumeVerbs(Protocol):
    """Verbs on volumes; a volume is called by its name."""

    def create(self, request: VolumeCreateRequest, *, session: str = "") -> Volume:
        """Make a volume, or return the one of that name."""

    def list(self, filters: Mapping[str, List[str]] | None = None) -> VolumeList:
        """Return those that fit."""

    def inspect(self, name: str) -> Volume:
        """Return what is known of one."""

    def remove(self, name: str, *, force: bool = False) -> None:
        """Remove one that no container has."""

    def prune(self, filters: Mapping[str, List[str]] | None = None) -> VolumePrune:
        """Remove what no container has."""

    def clone(self, name: str, target: str = "", *, labels: Mapping[str, str] | None = None, session: str = "") -> Volume:
        """Make one with the same content."""

    def backup(self, name: str) -> Pieces:
        """Give a tar of one."""

    def restore(self, name: str, chunks: Iterable[bytes]) -> None:
        """Unpack a tar into one."""
