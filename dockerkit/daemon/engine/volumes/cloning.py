"""``clone``: a volume with the same content, at once where blocks or layers can be shared, else by copying.

The content has to stand still, so nothing that runs may have the volume: a copy of a database that is being written is no
database. Both volumes are independent afterwards. Source: ours; Docker has no such verb.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Mapping

from msgspec.structs import replace

from dockerkit.daemon.engine.volumes.keeping import Volumes
from dockerkit.daemon.engine.volumes.record import VolumeRecord
from dockerkit.daemon.kernel import failpoints
from dockerkit.errors import Conflict, DockerkitError, Exhausted, Failed, Unsupported
from dockerkit.schema.volume import ANONYMOUS, LOCAL


def clone(
    volumes: Volumes, name: str, target: str = "", *, labels: Mapping[str, str] | None = None, session: str = ""
) -> VolumeRecord:
    """Make a volume that has what another has.

    :param target: what it shall be called, or ``""`` for one that nobody names.
    :raises NotFound: there is no volume `name`.
    :raises Conflict: there is a volume `target`, or something that runs has volume `name`.
    :raises Unsupported: it is not a directory of this data root: a plugin's, or a file system of its own.
    :raises Invalid: a name that no volume can have.
    """
    given = dict(labels) if labels is not None else None
    if not target:
        target, given = secrets.token_hex(32), {**(given or {}), ANONYMOUS: ""}
    first, second = sorted((name, target))
    with volumes.acting_on(first), volumes.acting_on(second):
        source = volumes.get(name)
        _check(volumes, source, target)
        made = VolumeRecord(name=target, created=time.time_ns(), labels=given, session=session)
        way = volumes.drivers.local.way_to_clone(source.shelf)
        return _by_layers(volumes, source, made) if way == "overlay" else _by_copy(volumes, source, made)


def _check(volumes: Volumes, source: VolumeRecord, target: str) -> None:
    if source.driver != LOCAL or (source.options or {}).get("type"):
        kept = f"plugin {source.driver}" if source.driver != LOCAL else "a file system of its own"
        raise Unsupported(
            f"volume {source.name} is kept by {kept}: it cannot be cloned",
            hint="backup it and restore the backup into a new volume",
        )
    volumes.drivers.local.check(target, {})
    if volumes.find(target) is not None:
        raise Conflict(f"clone {source.name}: there is a volume {target} already")
    if users := volumes.drivers.users(source.name):
        raise Conflict(
            f"clone {source.name}: volume is in use by what runs - [{', '.join(sorted(users))}]",
            hint="stop it first: what is written meanwhile would be half in the clone",
        )


def _by_layers(volumes: Volumes, source: VolumeRecord, made: VolumeRecord) -> VolumeRecord:
    local = volumes.drivers.local
    layers = local.layers.next(source.name, source.layers)
    if layers != source.layers:
        # first the word, then the act: a daemon that is killed in between does the act when it comes back
        volumes.put(replace(source, layers=layers))
        failpoints.hit("engine.volume-frozen")
        local.layers.settle(source.name, layers)
    made = replace(made, layers=layers)
    local.layers.begin(made.name, layers)
    failpoints.hit("engine.volume-cloned")
    return _written(volumes, made)


def _by_copy(volumes: Volumes, source: VolumeRecord, made: VolumeRecord) -> VolumeRecord:
    drivers, user = volumes.drivers, f"clone-{made.name}"
    drivers.create(made)
    try:
        os.close(drivers.mount(source, user))
        try:
            drivers.local.copy(source.name, made.name)
        finally:
            drivers.unmount(source, user)
    except OSError as error:
        volumes.discard(made)
        kind = Exhausted if error.errno in (errno.ENOSPC, errno.EDQUOT) else Failed
        raise kind(f"clone {source.name}: {error.strerror or error}") from error
    return _written(volumes, made)


def _written(volumes: Volumes, made: VolumeRecord) -> VolumeRecord:
    try:
        volumes.put(made, "create")
    except DockerkitError:
        volumes.discard(made)
        raise
    return made
