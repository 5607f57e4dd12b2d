"""Volume documents of the Engine API, and those of our own routes.

Source: Engine API 1.51, definitions ``Volume``, ``VolumeCreateOptions``, ``VolumeListResponse``, ``VolumePruneResponse``.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType, field

from dockerkit.schema.wire import Model

LOCAL = "local"
"""The driver that is always there."""
ANONYMOUS = "com.docker.volume.anonymous"
"""The label of volumes nobody named."""


class VolumeUsage(Model):
    """What a volume takes: bytes, or -1 when that cannot be told, and how many containers have it."""

    size: int = -1
    ref_count: int = -1


class Volume(Model):
    """A volume as inspect and the list show it."""

    created_at: str = ""
    driver: str = LOCAL
    labels: dict[str, str] | None = None
    mountpoint: str = ""
    name: str = ""
    options: dict[str, str] | None = None
    scope: str = LOCAL
    status: dict[str, Any] | UnsetType = UNSET
    usage_data: VolumeUsage | UnsetType = UNSET


class VolumeCreateRequest(Model):
    """Body of ``POST /volumes/create``."""

    name: str = ""
    driver: str = ""
    driver_opts: dict[str, str] | None = None
    labels: dict[str, str] | None = None
    cluster_volume_spec: dict[str, Any] | None = None


class VolumeList(Model):
    """Answer of ``GET /volumes``."""

    volumes: list[Volume] = field(default_factory=list)
    warnings: list[str] | None = None


class VolumePrune(Model):
    """Answer of ``POST /volumes/prune``."""

    volumes_deleted: list[str] = field(default_factory=list)
    space_reclaimed: int = 0


class VolumeClone(Model):
    """Body of ``POST /dockerkit/v1/volumes/{name}/clone``: what the copy shall be called, and how it shall be labelled."""

    name: str = ""
    labels: dict[str, str] | None = None
