"""The platform of this host in the words of images (``linux/arm64/v8``). Asks the kernel once; never guesses for others."""

from __future__ import annotations

import os
from functools import cache

from dockerkit.errors import Unsupported
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
    return Platform(architecture=architecture, variant=variant)


def check_platform(wanted: str) -> None:
    """Accept ``""`` and this host's platform, with or without variant, as ``--platform`` writes it.

    :raises Unsupported: another platform, which this host cannot run.
    """
    host = host_platform()
    if wanted.lower() in ("", host.os, f"{host.os}/{host.architecture}", f"{host.os}/{host.architecture}/{host.variant}"):
        return
    raise Unsupported(f"platform {wanted!r} cannot be made here", hint=f"this host is {host.os}/{host.architecture}")
