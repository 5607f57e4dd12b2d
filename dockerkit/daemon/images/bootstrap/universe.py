"""All packages of the host's distribution, parsed no further than somebody asks: sixty thousand stanzas stay bytes.

Several suites (the release, its updates, its security fixes) are one universe: of each name the newest version counts, as for
apt without pins. Pure; every byte was verified by :mod:`.mirror`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dockerkit.daemon.images.bootstrap.packages import PackageEntry, entry_of, version_key
from dockerkit.daemon.images.bootstrap.relations import Choice, parse_depends, parse_provides
from dockerkit.daemon.images.bootstrap.sources import parse_stanzas

_NAME = re.compile(rb"^Package: (\S+)$", re.MULTILINE)
_REQUIRED = re.compile(rb"^(?:Essential: yes|Priority: required)$", re.MULTILINE)
_PROVIDES = re.compile(rb"^Provides: (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A package that could be installed.

    :param base: URL of the archive its file is in.
    :param depends: what must be there, ``Pre-Depends`` first.
    :param provides: virtual names and their versions (``""``: none).
    """

    entry: PackageEntry
    base: str
    archive: str
    architecture: str
    essential: bool
    required: bool
    depends: tuple[Choice, ...]
    provides: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """Its name."""
        return self.entry.name

    @property
    def version(self) -> str:
        """Its version."""
        return self.entry.version


@dataclass(frozen=True, slots=True)
class PackageList:
    """One suite's ``Packages``, plain, and where its files are."""

    data: bytes
    base: str
    archive: str


class Universe:
    """Every package by name, and who provides what."""

    def __init__(self, lists: Iterable[PackageList]) -> None:
        self._lists = tuple(lists)
        self._places: dict[str, list[tuple[PackageList, int]]] = {}
        self._known: dict[str, Candidate | None] = {}
        self._virtual: dict[str, list[str]] | None = None
        for one in self._lists:
            for found in _NAME.finditer(one.data):
                self._places.setdefault(found[1].decode(), []).append((one, found.start()))

    def get(self, name: str) -> Candidate | None:
        """Return the newest version of a package, or None."""
        if name not in self._known:
            found = [_candidate(one, at) for one, at in self._places.get(name, ())]
            self._known[name] = max(found, key=lambda c: version_key(c.version), default=None)
        return self._known[name]

    def providers(self, name: str) -> list[Candidate]:
        """Return the packages that provide a virtual name, by name."""
        if self._virtual is None:
            self._virtual = self._read_provides()
        found = (self.get(provider) for provider in sorted(set(self._virtual.get(name, ()))))
        return [c for c in found if c is not None and any(virtual == name for virtual, _ in c.provides)]

    def required(self) -> list[Candidate]:
        """Return the packages no system is without (Essential, or of priority "required"), by name."""
        names = {name for one in self._lists for name in _names_at(one.data, _REQUIRED)}
        found = (self.get(name) for name in sorted(names))
        return [c for c in found if c is not None and (c.essential or c.required)]

    def _read_provides(self) -> dict[str, list[str]]:
        virtual: dict[str, list[str]] = {}
        for one in self._lists:
            for found in _PROVIDES.finditer(one.data):
                provider = _name_before(one.data, found.start())
                for name, _ in parse_provides(found[1].decode("utf-8", "replace")):
                    virtual.setdefault(name, []).append(provider)
        return virtual


def _names_at(data: bytes, mark: re.Pattern[bytes]) -> Iterator[str]:
    return (_name_before(data, found.start()) for found in mark.finditer(data))


def _name_before(data: bytes, at: int) -> str:
    """Return the name of the stanza around a place; the field comes first in every stanza (deb822 of ``Packages``)."""
    begin = data.rfind(b"\n\n", 0, at) + 2
    begin = 0 if begin == 1 else begin
    found = _NAME.search(data, begin, data.find(b"\n\n", at) if data.find(b"\n\n", at) >= 0 else len(data))
    return found[1].decode() if found else ""


def _candidate(one: PackageList, at: int) -> Candidate:
    begin = max(one.data.rfind(b"\n\n", 0, at) + 2, 0) if at else 0
    begin = 0 if begin == 1 else begin
    end = one.data.find(b"\n\n", at)
    stanza = one.data[begin : end if end >= 0 else len(one.data)].decode("utf-8", "replace")
    fields = next(parse_stanzas(stanza))
    return Candidate(
        entry=entry_of(fields),
        base=one.base,
        archive=one.archive,
        architecture=fields.get("architecture", ""),
        essential=fields.get("essential") == "yes",
        required=fields.get("priority") == "required",
        depends=parse_depends(fields.get("pre-depends", "")) + parse_depends(fields.get("depends", "")),
        provides=parse_provides(fields.get("provides", "")),
    )
