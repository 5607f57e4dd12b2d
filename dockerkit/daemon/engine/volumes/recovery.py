"""Taking up the volumes of the daemon before: who has what is read from the containers, what is mounted from the kernel."""

from __future__ import annotations

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.volumes import imagemounts


def take_up_volumes(core: Core) -> None:
    """Count what running containers have, then make disk, kernel and state agree. After the containers were taken up."""
    for entry in core.entries.all():
        if entry.record.alive:
            core.holding.adopt(entry)
    imagemounts.sweep(f"{core.root}/run/images")
    core.volumes.settle()
