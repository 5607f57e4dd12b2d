"""What making a recipe takes, found out before anything is made: packages, versions, dates, labels, a fingerprint of it all.

The same fingerprint means the same image. Fetches the signed indices, no package.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from dockerkit.daemon.images.bootstrap.distribution import base_files
from dockerkit.daemon.images.bootstrap.mirror import Mirror
from dockerkit.daemon.images.bootstrap.recipe import File, Recipe
from dockerkit.daemon.images.bootstrap.releases import Release
from dockerkit.daemon.images.bootstrap.request import Request
from dockerkit.daemon.images.bootstrap.resolution import Installed, resolve
from dockerkit.daemon.images.bootstrap.universe import Candidate, Universe
from dockerkit.daemon.images.pack import source_date
from dockerkit.errors import NotFound, Unavailable, Unsupported

VERSION = 1
"""Part of every fingerprint: change it when the same packages are to give another image."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A recipe with everything found out.

    :param base: packages of the base, what is needed first; `extra`: those on top.
    :param wanted: what was asked for by name, of `extra`.
    :param moment: seconds since 1970: how old the image says it is.
    :param told: one line for people, "from …".
    """

    recipe: Recipe
    base: tuple[Candidate, ...]
    extra: tuple[Candidate, ...]
    wanted: tuple[str, ...]
    base_files: tuple[File, ...]
    base_title: str
    architecture: str
    moment: int
    environment: tuple[str, ...]
    key: str
    base_key: str
    labels: dict[str, str]
    told: str


def plan(recipe: Recipe, request: Request, mirror: Mirror) -> Plan:
    """Find out what making a recipe takes.

    :raises Unavailable: the archive cannot be reached.
    :raises Damaged: an index is not what its signature vouches for.
    :raises NotFound: a package does not exist.
    """
    distribution, wanted = request.supply.distribution, (*recipe.packages, *request.packages)
    try:
        releases = mirror.releases(request.progress)
    except Unavailable as error:
        hint = error.hint or "its distribution's packages must be in reach; busybox and host need none"
        raise Unavailable(f"{recipe.title} cannot be made here: {error.message}", hint=hint) from None
    universe = Universe(one for release in releases for one in mirror.package_lists(release, request.progress))
    base = resolve(universe, ["apt", distribution.keyring], required=True)
    extra = resolve(universe, wanted, installed=_installed(base), without=recipe.without)
    files = base_files(distribution, mirror.sources, is_slim=recipe.slim)
    moment = _moment(releases)
    base_key = _fingerprint(moment, recipe.slim, files, base)
    key = _fingerprint(base_key, recipe, request.packages, extra)
    version = _version(recipe, extra, releases, request.version)
    return Plan(
        recipe=recipe,
        base=tuple(base),
        extra=tuple(extra),
        wanted=wanted,
        base_files=tuple(files),
        base_title=f"{distribution.id}:{distribution.codename}{'-slim' if recipe.slim else ''}",
        architecture=next(c.architecture for c in base if c.architecture != "all"),
        moment=moment,
        environment=(f"SOURCE_DATE_EPOCH={moment}",) if os.environ.get("SOURCE_DATE_EPOCH") else (),
        key=key,
        base_key=base_key,
        labels=_labels(recipe, releases, [*base, *extra], version),
        told=_told(recipe, releases, extra, version),
    )


def _installed(base: Sequence[Candidate]) -> Installed:
    versions: dict[str, str] = {}
    for candidate in base:
        for name, version in candidate.provides:
            versions.setdefault(name, version)
    return Installed(versions | {candidate.name: candidate.version for candidate in base})


def _moment(releases: Sequence[Release]) -> int:
    """Return ``SOURCE_DATE_EPOCH``, else the date of the newest index: the same for whoever sees the same archive."""
    return source_date() or max(release.date for release in releases)


def _fingerprint(*inputs: object) -> str:
    return hashlib.sha256(repr((VERSION, [msgspec.to_builtins(_plain(value)) for value in inputs])).encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Candidate):
        return (value.name, value.version, value.entry.sha256)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Recipe | File):
        return [_plain(getattr(value, name)) for name in value.__slots__]
    return value


def _version(recipe: Recipe, extra: Sequence[Candidate], releases: Sequence[Release], asked: str) -> str:
    """Return the image's version; the one that was asked for must be it, or its beginning.

    :raises Unsupported: another was asked for.
    """
    if not recipe.version_of:
        return releases[0].fields.get("version", "")
    found = next((c for c in extra if fnmatch.fnmatchcase(c.name, recipe.version_of)), None)
    if found is None:
        raise NotFound(f"package {recipe.version_of} is in no suite of this distribution")
    version = upstream(found.version)
    if asked and f"{version}.".startswith(f"{asked}.") is False:
        parts = version.split(".")
        names = ", ".join([recipe.title, *(f"{recipe.title}:{'.'.join(parts[:n])}" for n in range(1, len(parts) + 1))])
        raise Unsupported(
            f"{recipe.title}:{asked} cannot be made here: {releases[0].archive} has {recipe.title} {version}",
            hint=f"these can be made: {names}",
        )
    return version


def upstream(version: str) -> str:
    """Return the number that a package's version says its program has: ``5:7.0.15-1~deb12u1`` → ``7.0.15``."""
    bare = version.partition(":")[2] or version
    digits = bare.replace("+", "-").replace("~", "-").partition("-")[0]
    return digits.rstrip(".")


def _labels(recipe: Recipe, releases: Sequence[Release], packages: Sequence[Candidate], version: str) -> dict[str, str]:
    labels = {
        "org.opencontainers.image.title": recipe.title,
        "org.opencontainers.image.version": version,
        "dev.dockerkit.bootstrap.origin": _origin(releases),
        "dev.dockerkit.bootstrap.snapshot": " ".join(f"{r.source.suite}={_date(r.date)}" for r in releases),
        "dev.dockerkit.bootstrap.packages": " ".join(f"{c.name}={c.version}" for c in sorted(packages, key=lambda c: c.name)),
        **recipe.labels,
    }
    return dict(sorted(labels.items()))


def _told(recipe: Recipe, releases: Sequence[Release], extra: Sequence[Candidate], version: str) -> str:
    what = f"{recipe.title} {version} of " if recipe.version_of else ""
    count = f", {len(extra)} packages added" if extra else ""
    return f"{what}{_origin(releases)} (packages of {_date(max(r.date for r in releases))}{count})"


def _origin(releases: Sequence[Release]) -> str:
    first = releases[0]
    return f"{first.archive} {first.fields.get('version', '')}".strip()


def _date(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
