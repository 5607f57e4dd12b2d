"""The platform of this host in the words of images (``linux/arm64/v8``), and whether an image is for a platform.

Asks the kernel once; never guesses for others.
"""

from __future__ import annotations

import os
from functools import cache

from dockerkit.daemon.images.image import Image
from dockerkit.errors import Invalid, NotFound, Unsupported
from dockerkit.schema.image import Platform

_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "aarch64": ("arm64", "v8"),
    "armv7l": ("arm", "v7"),
    "i686": ("386", ""),
    "ppc64le": ("ppc64le", ""),
    "s390x": ("s390x", ""),
    "riscv64": ("riscv64", ""),
}
"""uname(2)'s machine → Go's architecture and variant, which images use."""


@cache
def host_platform() -> Platform:
    """Return this host's platform.

    :raises Unsupported: the kernel names a machine that images have no word for.
    """
    machine = os.uname().machine
    try:
        architecture, variant = _ARCHITECTURES[machine]
    except KeyError:
        raise Unsupported(f"machine {machine!r} has no name among image platforms") from None
    return Platform(architecture=architecture, os="linux", variant=variant)


def check_platform(wanted: str) -> None:
    """Accept ``""`` and this host's platform, with or without variant, as ``--platform`` writes it.

    :raises Unsupported: another platform, which this host cannot run.
    """
    host = host_platform()
    if not _fits(_parse(wanted), host.os, host.architecture, host.variant):
        raise Unsupported(f"platform {wanted!r} cannot be made here", hint=f"this host is {host.os}/{host.architecture}")


def check_image_platform(image: Image, wanted: str) -> None:
    """Refuse an image that is not for `wanted`; ``""`` is every platform.

    :raises Invalid: not a platform.
    :raises NotFound: in Docker's words.
    """
    asked, document = _parse(wanted), image.document
    actual = (document.os, document.architecture, document.variant)
    if not _fits(asked, *actual):
        name = image.references[0].partition(":")[0] if image.references else image.short_id
        raise NotFound(
            f"image with reference {name} was found but does not match the specified platform: "
            f"wanted {'/'.join(asked)}, actual: {'/'.join(filter(None, actual))}"
        )


def parse_platform(wanted: str) -> Platform:
    """Return a platform that a person wrote; what it leaves open is this host's.

    :raises Invalid: none, or one whose files this engine cannot hold; in Docker's words.
    """
    host = host_platform()
    words = _parse(wanted)
    if words[:1] != ["linux"]:
        raise Invalid("operating system is not supported", hint="linux is")
    if len(words) == 1:
        return host
    variant = words[2] if len(words) > 2 else host.variant if words[1] == host.architecture else ""
    return Platform(os="linux", architecture=words[1], variant=variant)


def _parse(wanted: str) -> list[str]:
    """Read ``os[/architecture[/variant]]``, or an architecture alone, into images' words; nothing is no wish."""
    parts = wanted.lower().split("/") if wanted else []
    if len(parts) > 3 or not all(parts):
        raise Invalid(f"invalid platform: {wanted!r}", hint="write os/architecture, as in linux/amd64")
    words = [_ARCHITECTURES.get(part, (part, ""))[0] for part in parts]
    known = {architecture for architecture, _ in _ARCHITECTURES.values()}
    return ["linux", *words] if words and words[0] in known else words


def _fits(asked: list[str], *actual: str) -> bool:
    return all(one == other for one, other in zip(asked, actual, strict=False))
