"""What a snapshot is to the runtime: values, no more."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A container's root file system that is to be.

    :param lower: read-only directories for an overlay, topmost first; none: `upper` alone is the root.
    :param upper: where the container writes.
    :param work: overlay's own; on the same file system as `upper`.
    """

    lower: tuple[str, ...]
    upper: str
    work: str
