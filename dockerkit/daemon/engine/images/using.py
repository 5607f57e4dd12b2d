"""Which containers use an image. Only reads."""

from __future__ import annotations

from collections import Counter

from dockerkit.daemon.engine.core import Core


def used_by(core: Core, image: str) -> list[str]:
    """Return the ids of the containers of an image, newest first."""
    return [entry.record.id for entry in core.entries.all() if entry.record.image == image]


def run_by(core: Core, image: str) -> list[str]:
    """Return those of them that run."""
    return [entry.record.id for entry in core.entries.all() if entry.record.active and entry.record.image == image]


def counted(core: Core) -> Counter[str]:
    """Return how many containers each image has, by its id."""
    return Counter(entry.record.image for entry in core.entries.all())
