"""``-v`` and ``--mount`` read and checked, in Docker's words and in its order. Pure: no file is looked at.

Source: Engine API, ``Mount``; moby's behaviour proven in ``tests/parity/test_parity_volumes_grammar.py``.
"""

from __future__ import annotations

import os
import posixpath
from typing import Any

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from dockerkit.daemon.engine.volumes.point import BIND, IMAGE, TMPFS, VOLUME, Point
from dockerkit.errors import Invalid
from dockerkit.schema.container import Mount
from dockerkit.schema.volume import LOCAL

PROPAGATIONS = frozenset({"private", "rprivate", "shared", "rshared", "slave", "rslave"})
_KINDS_OF_MODE = (
    frozenset({"ro", "rw"}),
    frozenset({"z", "Z"}),
    PROPAGATIONS,
    frozenset({"nocopy"}),
    frozenset({"consistent", "cached", "delegated", "default"}),
)
_OPTIONS = {BIND: "bind_options", VOLUME: "volume_options", IMAGE: "image_options"}
_REFUSES = {
    BIND: ("VolumeOptions", "ImageOptions"),
    VOLUME: ("BindOptions", "ImageOptions"),
    TMPFS: ("BindOptions", "ImageOptions"),
    IMAGE: ("BindOptions", "VolumeOptions"),
}
_ATTRIBUTES = {"BindOptions": "bind_options", "VolumeOptions": "volume_options", "ImageOptions": "image_options"}


class _Mistake(Exception):
    """What is wrong with a mount."""


def read_bind(text: str, driver: str = "") -> Point:
    """Read one entry of ``HostConfig.Binds``: ``source:target[:mode]``, ``name:target[:mode]``, or a target alone.

    :param driver: ``HostConfig.VolumeDriver``.
    :raises Invalid: in Docker's words.
    """
    parts = text.split(":")
    if not parts[0] or len(parts) > 3 or (len(parts) == 2 and parts[1] and is_mode(parts[1])):
        raise Invalid(f"invalid volume specification: '{text}'")
    source, target, mode = (["", parts[0], ""] if len(parts) == 1 else [*parts, ""])[:3]
    if mode and not is_mode(mode):
        raise Invalid(f"invalid mode: {mode}")
    said = _of_bind(source, target, mode.split(","), driver)
    try:
        return _point(said, mode=mode, make=said.type == BIND)
    except _Mistake as mistake:
        raise Invalid(f"invalid volume specification: '{text}': {_about(said, mistake)}") from None


def _of_bind(source: str, target: str, modes: list[str], driver: str) -> Mount:
    kind = BIND if posixpath.isabs(source) else VOLUME
    propagation = next((mode for mode in modes if mode in PROPAGATIONS), "")
    volume: dict[str, Any] = {"NoCopy": True} if "nocopy" in modes else {}
    if driver and kind == VOLUME:
        volume["DriverConfig"] = {"Name": driver}
    return Mount(
        type=kind,
        source=source,
        target=target,
        read_only="ro" in modes,
        bind_options={"Propagation": propagation} if propagation else UNSET,
        volume_options=volume or UNSET,
    )


def is_mode(mode: str) -> bool:
    """Tell whether each word of a mode is one, and none of its kind said twice."""
    words = mode.split(",")
    known = all(any(word in kind for kind in _KINDS_OF_MODE) for word in words)
    return known and all(sum(word in kind for word in words) <= 1 for kind in _KINDS_OF_MODE)


def read_mount(said: Mount) -> Point:
    """Read one entry of ``HostConfig.Mounts``.

    :raises Invalid: in Docker's words.
    """
    try:
        return _point(said)
    except _Mistake as mistake:
        raise Invalid(_about(said, mistake)) from None


def read_volumes_from(text: str) -> tuple[str, bool]:
    """Read one entry of ``HostConfig.VolumesFrom``: a container, and whether its mounts may be written.

    :raises Invalid: in Docker's words.
    """
    if not text:
        raise Invalid("volumes-from specification cannot be an empty string")
    name, _, mode = text.partition(":")
    words = mode.split(",")
    if mode and (not is_mode(mode) or "nocopy" in words or any(word in PROPAGATIONS for word in words)):
        raise Invalid(f"invalid mode: {mode}")
    return name, "ro" not in words


def inside(path: str) -> str:
    """Return a place of a container as it is kept: absolute, without ``.``, ``..`` and doubled slashes."""
    return "/" + posixpath.normpath(posixpath.join("/", path)).lstrip("/")


def _about(said: Mount, mistake: _Mistake) -> str:
    return f'invalid mount config for type "{said.type}": {mistake}'


def _point(said: Mount, **more: Any) -> Point:
    _check_target(said.target)
    if said.type not in _REFUSES:
        raise _Mistake("mount type unknown")
    for field in _REFUSES[said.type]:
        if not isinstance(getattr(said, _ATTRIBUTES[field]), UnsetType):
            raise _Mistake(f"field {field} must not be specified")
    return _READERS[said.type](said, {"destination": inside(said.target), "rw": not said.read_only, **more})


def _check_target(target: str) -> None:
    if not target:
        raise _Mistake("field Target must not be empty")
    if posixpath.normpath(target) == "/":
        raise _Mistake("invalid specification: destination can't be '/'")
    _check_absolute(target)


def _check_absolute(path: str) -> None:
    if not posixpath.isabs(path):
        raise _Mistake(f"invalid mount path: '{path}' mount path must be absolute")
    if "\0" in path:
        raise _Mistake("invalid mount path: it holds a NUL")


def _options(said: Mount) -> dict[str, Any]:
    found = getattr(said, _OPTIONS[said.type])
    return {} if isinstance(found, UnsetType) or found is None else found


def _bind(said: Mount, known: dict[str, Any]) -> Point:
    options = _options(said)
    if not said.source:
        raise _Mistake("field Source must not be empty")
    propagation = options.get("Propagation") or ""
    if propagation and propagation not in PROPAGATIONS:
        raise _Mistake(f"invalid propagation mode: {propagation}")
    below = _read_only_below(said, options, propagation)
    _check_absolute(said.source)
    known.setdefault("make", bool(options.get("CreateMountpoint")))
    return Point(
        type=BIND,
        source=os.path.normpath(said.source),
        propagation=propagation,
        recursive=not options.get("NonRecursive"),
        read_only_below=below,
        **known,
    )


def _read_only_below(said: Mount, options: dict[str, Any], propagation: str) -> str:
    without, must = options.get("ReadOnlyNonRecursive"), options.get("ReadOnlyForceRecursive")
    for word, asked in (("ReadOnlyNonRecursive", without), ("ReadOnlyForceRecursive", must)):
        if asked and not said.read_only:
            raise _Mistake(f"mount options conflict: !ReadOnly && BindOptions.{word}")
    if without and must:
        raise _Mistake("mount options conflict: ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive")
    if must and propagation not in ("", "rprivate"):
        raise _Mistake("mount options conflict: ReadOnlyForceRecursive && BindOptions.Propagation != rprivate")
    return "no" if without else "must" if must else ""


def _volume(said: Mount, known: dict[str, Any]) -> Point:
    options = _options(said)
    subpath = str(options.get("Subpath") or "")
    if subpath and not said.source:
        raise _Mistake("must not set Subpath when using anonymous volumes")
    _check_subpath(subpath)
    if said.read_only and not said.source:
        raise _Mistake("must not set ReadOnly mode when using anonymous volumes")
    driver = str((options.get("DriverConfig") or {}).get("Name") or "")
    anonymous = not said.source
    fill = not options.get("NoCopy") and not subpath
    known.pop("make", None)
    return Point(type=VOLUME, name=said.source, driver=driver, subpath=subpath, anonymous=anonymous, fill=fill, **known)


def _check_subpath(subpath: str) -> None:
    """Refuse what is not beneath the volume by its words alone; what links make of it is seen when it is opened."""
    if subpath and (posixpath.isabs(subpath) or posixpath.normpath(subpath).split("/")[0] == ".." or "\0" in subpath):
        raise _Mistake("subpath must be a relative path within the volume")


def _tmpfs(said: Mount, known: dict[str, Any]) -> Point:
    if said.source:
        raise _Mistake("field Source must not be specified")
    return Point(type=TMPFS, tmpfs=said, **known)


def _image(said: Mount, known: dict[str, Any]) -> Point:
    if not said.source:
        raise _Mistake("field Source must not be empty")
    subpath = str(_options(said).get("Subpath") or "")
    _check_subpath(subpath)
    known["rw"] = False
    return Point(type=IMAGE, source=said.source, image=said.source, subpath=subpath, **known)


_READERS = {BIND: _bind, VOLUME: _volume, TMPFS: _tmpfs, IMAGE: _image}


def creation_of(said: Mount) -> tuple[dict[str, str], dict[str, str] | None]:
    """Return the driver's options and the labels that a ``--mount type=volume`` gives a volume it makes."""
    options = {} if isinstance(said.volume_options, UnsetType) else said.volume_options or {}
    driver = options.get("DriverConfig") or {}
    return dict(driver.get("Options") or {}), options.get("Labels") or None


def default_mode(point: Point) -> Point:
    """Return a volume's point with the mode that dockerd shows when none was said."""
    return replace(point, mode=point.mode or ("z" if point.driver == LOCAL else ""))
