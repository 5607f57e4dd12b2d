"""Image documents: the OCI's (descriptor, manifest, config), Docker's (inspect, list).

Source: OCI image specification 1.1; Engine API 1.51, definitions ``ImageInspect``, ``ImageSummary``.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType, field

from dockerkit.schema.container import DriverData, Empty, HealthConfig
from dockerkit.schema.wire import Model

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"


class Platform(Struct, kw_only=True, rename="camel", omit_defaults=True):
    """Architecture and operating system a manifest is for."""

    architecture: str
    os: str
    variant: str = ""


class Descriptor(Struct, kw_only=True, rename="camel", omit_defaults=True):
    """Media type, digest and size of a blob, which together let anybody fetch and check it."""

    media_type: str
    digest: str
    size: int
    annotations: dict[str, str] = field(default_factory=dict)
    platform: Platform | None = None


class Manifest(Struct, kw_only=True, rename="camel"):
    """One image for one platform: its config and its layers, lowest first."""

    schema_version: int = 2
    media_type: str = MANIFEST
    config: Descriptor
    layers: list[Descriptor]
    annotations: dict[str, str] | UnsetType = UNSET


class Index(Struct, kw_only=True, rename="camel"):
    """A list of manifests, by platform."""

    schema_version: int = 2
    media_type: str = INDEX
    manifests: list[Descriptor] = field(default_factory=list)


class ImageConfig(Model, omit_defaults=True):
    """What a container of this image runs unless told otherwise."""

    user: str = ""
    exposed_ports: dict[str, Empty] | None = None
    env: list[str] | None = None
    cmd: list[str] | None = None
    healthcheck: HealthConfig | None = None
    args_escaped: bool = False
    volumes: dict[str, Empty] | None = None
    working_dir: str = ""
    entrypoint: list[str] | None = None
    on_build: list[str] | None = None
    labels: dict[str, str] | None = None
    stop_signal: str = ""
    shell: list[str] | None = None


class RootFS(Struct, kw_only=True):
    """The uncompressed layers' digests, lowest first."""

    type: str = "layers"
    diff_ids: list[str] = field(default_factory=list)


class History(Struct, kw_only=True, omit_defaults=True):
    """How one layer came to be."""

    created: str = ""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False


class ImageDocument(Struct, kw_only=True, omit_defaults=True):
    """The OCI image configuration: its bytes' digest is the image's id.

    ``container``, ``container_config`` and ``docker_version`` are Docker's own: what an image was committed from, and by whom.
    """

    created: str = ""
    author: str = ""
    architecture: str = ""
    variant: str = ""
    os: str = ""
    config: ImageConfig = field(default_factory=ImageConfig)
    rootfs: RootFS = field(default_factory=RootFS)
    history: list[History] = field(default_factory=list)
    container: str = ""
    container_config: Any = None
    docker_version: str = ""


class ImageRootFS(Model):
    """Root file system as inspect shows it."""

    type: str = "layers"
    layers: list[str] = field(default_factory=list)


class ImageInspect(Model):
    """Answer of ``GET /images/{name}/json``."""

    id: str
    repo_tags: list[str] = field(default_factory=list)
    repo_digests: list[str] = field(default_factory=list)
    parent: str = ""
    comment: str = ""
    created: str = ""
    docker_version: str = ""
    author: str = ""
    config: ImageConfig = field(default_factory=ImageConfig)
    architecture: str = ""
    variant: str | UnsetType = UNSET
    os: str = "linux"
    size: int = 0
    graph_driver: DriverData = field(default_factory=DriverData)
    root_fs: ImageRootFS = field(default_factory=ImageRootFS, name="RootFS")
    metadata: dict[str, Any] = field(default_factory=dict)
    descriptor: dict[str, Any] | UnsetType = UNSET
    manifests: list[dict[str, Any]] | UnsetType = UNSET
    container: str | UnsetType = UNSET
    container_config: Any = UNSET


class ImageSummary(Model):
    """One row of ``GET /images/json``; sizes in bytes, -1 when not computed."""

    id: str
    parent_id: str = ""
    repo_tags: list[str] = field(default_factory=list)
    repo_digests: list[str] = field(default_factory=list)
    created: int = 0
    size: int = 0
    shared_size: int = -1
    virtual_size: int | UnsetType = UNSET
    labels: dict[str, str] | None = None
    containers: int = -1
    descriptor: dict[str, Any] | UnsetType = UNSET
    manifests: list[dict[str, Any]] | UnsetType = UNSET


class ImageDelete(Model, omit_defaults=True):
    """One line of the answer to ``DELETE /images/{name}``: a reference removed, or an image."""

    untagged: str = ""
    deleted: str = ""
