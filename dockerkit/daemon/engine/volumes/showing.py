"""Volumes in Docker's shape: as inspect shows one, and with their sizes."""

from __future__ import annotations

from dockerkit.daemon.engine.volumes.keeping import Volumes
from dockerkit.daemon.engine.volumes.record import VolumeRecord
from dockerkit.errors import DockerkitError
from dockerkit.schema.units import rfc3339
from dockerkit.schema.volume import LOCAL, Volume, VolumeUsage

UNKNOWN = -1
_SECOND = 1_000_000_000


def shown(volumes: Volumes, record: VolumeRecord) -> Volume:
    """Return a volume as inspect shows it; its moment in whole seconds, as dockerd."""
    return Volume(
        created_at=rfc3339(record.created // _SECOND * _SECOND).replace(".000000000", "") if record.created else "",
        driver=record.driver,
        labels=record.labels,
        mountpoint=volumes.drivers.mountpoint(record),
        name=record.name,
        options=record.options,
        scope=record.scope,
    )


def is_plain(record: VolumeRecord) -> bool:
    """Whether a volume is a directory of the data root, so that its size can be told and it may be pruned, as by dockerd."""
    return record.driver == LOCAL and not record.options


def size_of(volumes: Volumes, record: VolumeRecord) -> int:
    """Return the bytes of a plain volume's files; -1 when they cannot be counted."""
    try:
        return volumes.drivers.local.size(record.name)
    except (OSError, DockerkitError):  # it goes this very moment, or is broken
        return UNKNOWN


def usage(volumes: Volumes) -> list[Volume]:
    """Return the plain volumes with their sizes in bytes and how many containers have each, for ``system df``."""
    rows = []
    for record in filter(is_plain, volumes.all()):
        row = shown(volumes, record)
        row.usage_data = VolumeUsage(size=size_of(volumes, record), ref_count=len(volumes.users(record.name)))
        rows.append(row)
    return rows
