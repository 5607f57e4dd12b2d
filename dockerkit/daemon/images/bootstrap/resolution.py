"""Which packages a wish takes: the closure of their dependencies, without anything merely recommended.

Alternatives: one that is taken already, else the first that exists; before that, :data:`PREFERRED` (a real machine's apt would
have asked, or taken more than a small image needs). Deterministic: the same universe and wish give the same list in the same
order, what is needed before what needs it. Downloads nothing.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dockerkit.daemon.images.bootstrap.relations import Choice, Relation
from dockerkit.daemon.images.bootstrap.universe import Candidate, Universe
from dockerkit.errors import Conflict, NotFound

PREFERRED = ("usr-is-merged", "mawk")
"""Taken first of their alternatives: ``usrmerge`` and ``gawk`` would bring perl and more."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What a base has already: real and virtual names → version (``""``: a virtual one without)."""

    versions: Mapping[str, str] = field(default_factory=dict)


def resolve(
    universe: Universe,
    wanted: Iterable[str],
    *,
    installed: Installed | None = None,
    without: Sequence[str] = (),
    required: bool = False,
) -> list[Candidate]:
    """Return the packages to add, what is needed first.

    :param installed: what is there already and stays.
    :param without: packages (patterns) that are left out although something depends on them.
    :param required: those no system is without come first.
    :raises NotFound: a package, or something it depends on, is in no suite; names both.
    :raises Conflict: what is there already is of a version that will not do.
    """
    resolver = _Resolver(universe, (installed or Installed()).versions, without)
    if required:
        first = {c.name: c for c in universe.required()}
        for name in (*(name for name in PREFERRED if universe.get(name)), *first):
            resolver.add(name, needed_by="every system")
    for name in wanted:
        resolver.add(name, needed_by="")
    return resolver.order


def left_out(name: str, patterns: Sequence[str]) -> bool:
    """Tell whether a package's name is one of these patterns'."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


class _Resolver:
    """One search."""

    def __init__(self, universe: Universe, installed: Mapping[str, str], without: Sequence[str]) -> None:
        self._universe, self._without = universe, without
        self._present: dict[str, list[str]] = {name: [version] for name, version in installed.items()}
        self._installed = installed
        self._taken: set[str] = set()
        self.order: list[Candidate] = []

    def add(self, name: str, *, needed_by: str) -> None:
        """Take a package and, first, what it needs."""
        if name in self._installed:
            return
        candidate = self._universe.get(name)
        if candidate is None:
            providers = self._universe.providers(name)
            if not providers:
                reason = f", which {needed_by} needs," if needed_by else ""
                raise NotFound(f"package {name}{reason} is in no suite of this distribution", hint="look for it with apt-cache")
            candidate = providers[0]
        self._take(candidate)

    def _take(self, candidate: Candidate) -> None:
        stack = [(candidate, iter(candidate.depends))]
        if not self._begin(candidate):
            return
        while stack:
            current, groups = stack[-1]
            group = next(groups, None)
            if group is None:
                self.order.append(current)
                stack.pop()
                continue
            needed = self._choose(group, current)
            if needed is not None and self._begin(needed):
                stack.append((needed, iter(needed.depends)))

    def _begin(self, candidate: Candidate) -> bool:
        """Note that a package is taken; False when it was. Circles of dependencies end here."""
        if candidate.name in self._taken:
            return False
        self._taken.add(candidate.name)
        self._present.setdefault(candidate.name, []).append(candidate.version)
        for name, version in candidate.provides:
            self._present.setdefault(name, []).append(version)
        return True

    def _choose(self, group: Choice, by: Candidate) -> Candidate | None:
        """Return the package that is to satisfy a group, or None when something does already."""
        if any(left_out(relation.name, self._without) or self._is_there(relation) for relation in group):
            return None
        for relation in sorted(group, key=lambda relation: relation.name not in PREFERRED):
            found = self._universe.get(relation.name)
            if found is not None and relation.allows(found.version):
                if found.name in self._installed:
                    continue  # there already, in a version that will not do
                return found
            for provider in self._universe.providers(relation.name):
                if provider.name not in self._installed and _provides(provider, relation):
                    return provider
        words = " | ".join(map(str, group))
        if any(relation.name in self._installed for relation in group):
            raise Conflict(f"{by.name} needs {words}; the base image has another version", hint="bootstrap the base image anew")
        raise NotFound(f"{by.name} {by.version} needs {words}, which is in no suite of this distribution")

    def _is_there(self, relation: Relation) -> bool:
        versions = self._present.get(relation.name, ())
        return any(relation.allows(version) if version else not relation.operator for version in versions)


def _provides(candidate: Candidate, relation: Relation) -> bool:
    return any(
        name == relation.name and (relation.allows(version) if version else not relation.operator)
        for name, version in candidate.provides
    )
