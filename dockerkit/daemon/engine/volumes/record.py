"""What the engine knows of one volume, as it is stored. A value: a change makes a new one."""

from __future__ import annotations

import msgspec
from msgspec import field

from dockerkit.daemon.volumes.local import Shelf
from dockerkit.schema.volume import ANONYMOUS, LOCAL
from dockerkit.schema.wire import docker_name


class VolumeRecord(msgspec.Struct, kw_only=True, frozen=True, rename=docker_name):
    """One volume. ``created`` is in ns since 1970; ``layers`` are those a clone stands on; ``session`` owns it, or nobody."""

    name: str
    driver: str = LOCAL
    created: int = 0
    labels: dict[str, str] | None = None
    options: dict[str, str] | None = None
    layers: list[str] = field(default_factory=list)
    scope: str = LOCAL
    session: str = ""

    @property
    def anonymous(self) -> bool:
        """Whether nobody named it."""
        return ANONYMOUS in (self.labels or {})

    @property
    def mounted_when_used(self) -> bool:
        """Whether something has to be mounted before its files can be seen."""
        return self.driver != LOCAL or self.shelf.mountable

    @property
    def shelf(self) -> Shelf:
        """What the local driver has to know of it."""
        return Shelf(self.name, self.options or {}, tuple(self.layers))
