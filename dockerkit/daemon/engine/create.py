"""``create``: a wish becomes a container: checked, merged with its image, given a name, a directory and a record."""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass, field

from msgspec.structs import replace

from dockerkit.daemon.engine import roots
from dockerkit.daemon.engine.admission import admit
from dockerkit.daemon.engine.archives import views
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.defaults import filled
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.merge import merge, words
from dockerkit.daemon.engine.naming import free_name
from dockerkit.daemon.engine.networks import linking
from dockerkit.daemon.engine.networks import wishes as networking
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.engine.removal import remove_tree
from dockerkit.daemon.engine.steps import Step, run
from dockerkit.daemon.engine.volumes.point import Point, shown
from dockerkit.daemon.engine.volumes.populating import populate
from dockerkit.daemon.engine.volumes.resolving import Wish, make, make_sources, unmake, wishes
from dockerkit.daemon.images.image import Image
from dockerkit.daemon.images.platform import check_image_platform
from dockerkit.daemon.images.snapshots import Snapshot
from dockerkit.daemon.runtime.spec import discarded, validate
from dockerkit.errors import Invalid
from dockerkit.schema.container import ContainerConfig, CreateRequest, CreateResponse
from dockerkit.schema.names import check_container_name
from dockerkit.schema.network import EndpointSettings


@dataclass(slots=True)
class Creation:
    """What the steps of one create pass on."""

    core: Core
    request: CreateRequest
    id: str
    name: str
    image: Image
    session: str
    endpoints: dict[str, EndpointSettings]
    mounts: list[Wish] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    snapshot: Snapshot = field(init=False)
    entry: Entry = field(init=False)


def create(core: Core, request: CreateRequest, name: str, platform: str, session: str) -> CreateResponse:
    """Make a container of `request`; it does not run yet.

    :param name: its name, or ``""`` for one of our choosing.
    :param platform: ``os[/architecture[/variant]]`` the image must be for, or ``""``.
    :param session: the session that owns it, or ``""``.
    :raises NotFound: no such image here.
    :raises Invalid: a wish is malformed or out of range; nothing was made.
    :raises Conflict: the name is taken.
    :raises Unsupported: a wish this engine cannot keep.
    """
    bare = check_container_name(name) if name else free_name(core.entries)
    if not request.image:
        raise Invalid("no image specified", hint="say which image the container is of")
    image = core.images.get(request.image)
    check_image_platform(image, platform)
    discards, warnings = discarded(request.host_config)
    request.host_config = replace(request.host_config, **discards)
    warnings += validate(request, request.host_config) + admit(request)
    mounts = wishes(core, request.host_config, (image.document.config.volumes or {}) | (request.volumes or {}))
    endpoints = networking.endpoints(core.networks, request)
    linking.check(core, request.host_config)
    run(STEPS, creation := Creation(core, request, secrets.token_hex(32), bare, image, session, endpoints, mounts))
    return CreateResponse(id=creation.id, warnings=warnings)


def _reserve(creation: Creation) -> None:
    creation.core.entries.reserve(creation.name, creation.id)


def _release(creation: Creation) -> None:
    creation.core.entries.release(creation.name)


def _make_directory(creation: Creation) -> None:
    directory = creation.core.directory(creation.id)
    os.mkdir(directory, 0o710)
    creation.snapshot = roots.prepare(creation.core, creation.image, directory)


def _remove_directory(creation: Creation) -> None:
    remove_tree(creation.core.directory(creation.id))


def _make_volumes(creation: Creation) -> None:
    creation.points, creation.volumes = make(creation.core, creation.id, creation.mounts)


def _unmake_volumes(creation: Creation) -> None:
    unmake(creation.core, creation.id, creation.points, creation.volumes)


def _fill_volumes(creation: Creation) -> None:
    core, directory = creation.core, creation.core.directory(creation.id)
    make_sources(creation.points)
    populate(core, creation.id, creation.points, lambda: views.of_snapshot(creation.snapshot, directory))


def _record(creation: Creation) -> None:
    request, image = creation.request, creation.image
    config = merge(_config(request), image.document.config)
    if not config.hostname and request.host_config.network_mode != "host":
        config.hostname = creation.id[:12]
    elif not config.hostname:
        config.hostname = os.uname().nodename
    command = [*(words(config.entrypoint) or []), *(words(config.cmd) or [])]
    host = filled(request.host_config)
    record = Record(
        id=creation.id,
        name=creation.name,
        created=time.time_ns(),
        image=image.id,
        path=command[0],
        args=command[1:],
        config=config,
        host_config=host,
        mounts=shown(creation.points),
        points=creation.points,
        snapshotter=creation.core.snapshots.snapshotter.name,
        endpoints=creation.endpoints,
        session=creation.session,
    )
    creation.entry = Entry(record)
    creation.core.commit(creation.entry, record, Happening("create"))
    creation.core.entries.add(creation.entry)


def _config(request: CreateRequest) -> ContainerConfig:
    return ContainerConfig(**{name: getattr(request, name) for name in ContainerConfig.__struct_fields__})


STEPS = (
    Step("reserve the name", _reserve, _release),
    Step("make the directory", _make_directory, _remove_directory),
    Step("make the volumes", _make_volumes, _unmake_volumes),
    Step("fill the volumes", _fill_volumes),
    Step("record", _record),
)
