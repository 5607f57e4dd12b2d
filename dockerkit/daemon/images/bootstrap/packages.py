"""One package out of an index of sixty thousand, and which of two versions is the newer. Pure; reads what it is given.

Source: Debian policy §5.6.12 (versions), deb-version(7), deb822(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest

from dockerkit.daemon.images.bootstrap.sources import parse_stanzas
from dockerkit.errors import Damaged

_PIECES = re.compile(r"([^0-9]*)([0-9]*)")


@dataclass(frozen=True, slots=True)
class PackageEntry:
    """What an index says about a package: where its file is and how to check it."""

    name: str
    version: str
    filename: str
    size: int
    sha256: str


def find_package(index: Iterable[bytes], name: str) -> PackageEntry | None:
    """Return a package of a ``Packages`` index, given in plain pieces; None when it is not there.

    The index (50 MB) is searched piece by piece and only the one stanza is parsed.

    :raises Damaged: the stanza lacks a field.
    """
    mark, tail = f"\nPackage: {name}\n".encode(), b"\n"
    pieces = iter(index)
    for piece in pieces:
        tail += piece
        at = tail.find(mark)
        if at >= 0:
            while (end := tail.find(b"\n\n", at + 1)) < 0:
                more = next(pieces, b"")
                tail += more or b"\n\n"
            return entry_of(next(parse_stanzas(tail[at + 1 : end].decode("utf-8", "replace"))))
        tail = tail[-len(mark) :]
    return None


def entry_of(fields: Mapping[str, str]) -> PackageEntry:
    """Return what a stanza's fields (names in lower case) say about where the package's file is.

    :raises Damaged: a field is missing or malformed, or the file would lie outside the archive.
    """
    try:
        entry = PackageEntry(
            name=fields["package"],
            version=fields["version"],
            filename=fields["filename"],
            size=int(fields["size"]),
            sha256=fields["sha256"].lower(),
        )
    except (KeyError, ValueError) as error:
        raise Damaged(f"package index is malformed: {fields.get('package')}: {error}") from None
    if ".." in entry.filename.split("/") or entry.filename.startswith("/"):
        raise Damaged(f"package index is hostile: {entry.filename!r} leads out of the archive")
    return entry


def version_key(version: str) -> tuple[object, ...]:
    """Return something that sorts as dpkg compares versions: ``1.0~rc1`` < ``1.0`` < ``1.0-1`` < ``1:0.1``."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "0")
    return int(epoch) if epoch.isdecimal() else 0, _Part(upstream), _Part(revision)


class _Part:
    """An upstream version or revision, compared in alternating runs of other characters and digits."""

    def __init__(self, text: str) -> None:
        self._pieces = [piece for piece in _PIECES.findall(text) if piece != ("", "")]

    def __lt__(self, other: _Part) -> bool:
        for mine, theirs in zip_longest(self._pieces, other._pieces, fillvalue=("", "")):
            left = (_characters(mine[0]), int(mine[1] or 0))
            right = (_characters(theirs[0]), int(theirs[1] or 0))
            if left != right:
                return left < right
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Part) and not self < other and not other < self

    def __hash__(self) -> int:
        return hash(tuple((_characters(text), int(number or 0)) for text, number in self._pieces))


def _characters(text: str) -> tuple[int, ...]:
    """``~`` sorts before the end, the end before letters, letters before everything else."""
    return (*(-1 if c == "~" else ord(c) if c.isalpha() else ord(c) + 256 for c in text), 0)
