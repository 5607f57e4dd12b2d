"""Platforms in the words of images, and the choice among a list's manifests. Pure, but for this host's machine name.

Source: containerd ``platforms`` (names, variants, and which variant runs on which), moby's matcher for lists.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from dockerkit.errors import Invalid, NotFound
from dockerkit.schema.image import Descriptor, Platform

_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i386": ("386", ""),
    "i686": ("386", ""),
}
"""Other words for an architecture → Go's architecture and variant."""
_IMPLIED = {("arm64", "v8"): "", ("amd64", "v1"): "", ("arm", ""): "v7", ("arm", "7"): "v7", ("arm", "6"): "v6"}
"""Variants that are written and meant in several ways."""
_KNOWN = ("386", "amd64", "arm", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x", "wasm")
_SYSTEMS = ("linux", "windows", "darwin", "freebsd", "wasi", "wasip1")
_UNKNOWN = "unknown"


def wanted(text: str) -> Platform:
    """Read ``os[/architecture[/variant]]`` or an architecture alone; ``""`` is this host's.

    :raises Invalid: not a platform; in dockerd's words.
    """
    parts = text.lower().split("/") if text else ["linux"]
    if len(parts) > 3:
        raise Invalid(f'"{text}": cannot parse platform specifier: invalid argument', hint="write linux/amd64")
    for part in parts:
        if not part or not part.isascii() or not part.replace("-", "").replace("_", "").isalnum():
            raise Invalid(
                f'"{part}" is an invalid component of "{text}": platform specifier component', hint="write linux/amd64"
            )
    if len(parts) == 1 and parts[0] not in _SYSTEMS:
        if parts[0] not in (*_KNOWN, *_ARCHITECTURES):
            raise Invalid(f'"{text}": unknown operating system or architecture: invalid argument', hint="write linux/amd64")
        parts = ["linux", *parts]
    architecture = parts[1] if len(parts) > 1 else os.uname().machine
    return _aliased(Platform(os=parts[0], architecture=architecture, variant=parts[2] if len(parts) > 2 else ""))


def normal(platform: Platform) -> Platform:
    """Return a platform in the one form in which equal ones are equal."""
    aliased = _aliased(platform)
    variant = _IMPLIED.get((aliased.architecture, aliased.variant), aliased.variant)
    return Platform(os=aliased.os, architecture=aliased.architecture, variant=variant)


def _aliased(platform: Platform) -> Platform:
    architecture, variant = _ARCHITECTURES.get(platform.architecture.lower(), (platform.architecture.lower(), ""))
    return Platform(os=platform.os.lower(), architecture=architecture, variant=platform.variant.lower() or variant)


def spoken(platform: Platform) -> str:
    """Return a platform as it was asked for: ``linux/arm64/v8``."""
    return "/".join(filter(None, (platform.os, platform.architecture, platform.variant)))


def choose(manifests: Sequence[Descriptor], platform: Platform) -> Descriptor:
    """Return the manifest that fits best: the wanted variant, else the newest older one; of equals the first.

    :raises NotFound: none fits; in dockerd's words.
    """
    fitting = normal(platform)
    ranked = [(rank, number) for number, one in enumerate(manifests) if (rank := _rank(one, fitting)) is not None]
    if not ranked:
        there = sorted({spoken(one.platform) for one in manifests if one.platform and one.platform.os != _UNKNOWN})
        raise NotFound(
            f"no matching manifest for {spoken(platform)} in the manifest list entries",
            hint=f"it has: {', '.join(there[:20]) or 'no platform at all'}",
        )
    return manifests[min(ranked)[1]]


def _rank(descriptor: Descriptor, platform: Platform) -> int | None:
    """0 is a perfect fit; None is no fit."""
    if descriptor.platform is None:
        return None
    offered = normal(descriptor.platform)
    if (offered.os, offered.architecture) != (platform.os, platform.architecture):
        return None
    if offered.variant == platform.variant:
        return 0
    mine, theirs = _version(platform), _version(offered)
    return mine - theirs if theirs is not None and mine is not None and theirs < mine else None


def _version(platform: Platform) -> int | None:
    """Return a variant's number where newer ones run what was made for older ones."""
    least = {"arm64": "v8", "amd64": "v1"}.get(platform.architecture, "")
    digits = (platform.variant or least).removeprefix("v")
    return int(digits) if digits.isdecimal() and platform.architecture in ("arm", "arm64", "amd64") else None
