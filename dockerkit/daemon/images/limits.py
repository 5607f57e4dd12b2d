"""How large what comes from outside may become: the answer to archives that are small on the wire and endless on the disk.

A layer of ten million names, a sparse file of an exabyte, a megabyte that unpacks to a terabyte: each is met by a number here,
counted while it comes, and refused before it has cost more than that. Never reads an archive.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from dockerkit.errors import Damaged, Invalid
from dockerkit.schema.units import human_size, parse_size

BYTES, ENTRIES, RATIO = "DOCKERKIT_LAYER_BYTES", "DOCKERKIT_LAYER_ENTRIES", "DOCKERKIT_LAYER_RATIO"
_UNSUSPICIOUS = 1 << 30
"""Bytes of plain tar below which no ratio is a bomb: an empty disk image of some hundred megabytes is ordinary."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one layer.

    :param bytes: of its regular files, holes included, and of its plain tar.
    :param entries: members of its tar.
    :param ratio: plain bytes for each compressed one, beyond the first gigabyte; 0: any.
    """

    bytes: int = 100 << 30
    entries: int = 4_000_000
    ratio: int = 250


def limits() -> Limits:
    """Return the limits that the environment sets, or their defaults.

    :raises Invalid: a value is no size or number.
    """
    standard = Limits()
    return Limits(
        bytes=parse_size(os.environ.get(BYTES) or standard.bytes),
        entries=_number(ENTRIES, standard.entries),
        ratio=_number(RATIO, standard.ratio),
    )


def _number(name: str, otherwise: int) -> int:
    text = os.environ.get(name) or str(otherwise)
    if not text.isdecimal():
        raise Invalid(f"{name} is {text!r}, no number", hint="unset it")
    return int(text)


@dataclass(slots=True)
class Meter:
    """What one layer has come to so far.

    :param compressed: bytes as they came.
    """

    limits: Limits = field(default_factory=limits)
    compressed: int = 0
    plain: int = 0
    entries: int = 0
    files: int = 0
    at: str = ""

    def came(self, size: int) -> None:
        """Count bytes as they came."""
        self.compressed += size

    def unpacked(self, size: int) -> None:
        """Count plain bytes.

        :raises Damaged: more than a layer may have, or than so few compressed bytes may become.
        """
        self.plain += size
        if self.plain > self.limits.bytes:
            raise self._bomb(f"more than {human_size(self.limits.bytes)} of plain tar, at {self.at[:80]!r}", BYTES)
        ratio = self.limits.ratio
        if ratio and self.plain > _UNSUSPICIOUS and self.plain > ratio * self.compressed:
            whole = f"{human_size(self.plain)} out of {human_size(self.compressed)}"
            raise self._bomb(f"{whole}, at {self.at[:80]!r}", RATIO)

    def member(self, name: str, size: int) -> None:
        """Count a member of the tar, with the bytes of its file, holes included.

        :raises Damaged: more than a layer may have; names the member.
        """
        self.entries, self.at = self.entries + 1, name
        self.files += size
        if self.entries > self.limits.entries:
            raise self._bomb(f"more than {self.limits.entries} entries, at {name[:80]!r}", ENTRIES)
        if self.files > self.limits.bytes:
            raise self._bomb(f"{name[:80]!r} brings its files to {human_size(self.files)}", BYTES)

    def _bomb(self, what: str, setting: str) -> Damaged:
        return Damaged(f"archive is hostile: {what}", hint=f"if you trust it, set {setting} in the daemon's environment higher")
