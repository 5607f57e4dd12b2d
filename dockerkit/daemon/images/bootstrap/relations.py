"""What a package says it needs and what it offers: dependency fields as values. Pure; fetches nothing and decides nothing.

Source: Debian policy §7.1 (syntax of relationship fields), §7.5 (virtual packages), deb-version(7).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dockerkit.daemon.images.bootstrap.packages import version_key
from dockerkit.errors import Damaged

_ONE = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]*)(?::(?P<qualifier>[a-z0-9-]+))?(?:\s*\((?P<op><<|<=|=|>=|>>|<|>)\s*(?P<version>[^\s)]+)\s*\))?"
)


@dataclass(frozen=True, slots=True)
class Relation:
    """One package that would do, perhaps only in some versions.

    :param operator: ``<<``, ``<=``, ``=``, ``>=``, ``>>``, or ``""`` for any version.
    """

    name: str
    operator: str = ""
    version: str = ""

    def allows(self, version: str) -> bool:
        """Tell whether a version of the package would do."""
        if not self.operator:
            return True
        have, wanted = version_key(version), version_key(self.version)
        if have == wanted:
            return "=" in self.operator
        return self.operator.startswith("<" if have < wanted else ">")

    def __str__(self) -> str:
        """Write it as packages do."""
        return f"{self.name} ({self.operator} {self.version})" if self.operator else self.name


Choice = tuple[Relation, ...]
"""Alternatives, the preferred one first: one of them must be there."""


def parse_depends(text: str) -> tuple[Choice, ...]:
    """Return the groups of a ``Depends`` or ``Pre-Depends`` field.

    :raises Damaged: not a relationship field.
    """
    groups = (group.strip() for group in text.split(","))
    return tuple(tuple(_relation(one) for one in group.split("|")) for group in groups if group)


def parse_provides(text: str) -> tuple[tuple[str, str], ...]:
    """Return names and versions (``""``: none, which no versioned dependency accepts) of a ``Provides`` field."""
    found = (_relation(one) for one in text.split(",") if one.strip())
    return tuple((relation.name, relation.version) for relation in found)


def _relation(text: str) -> Relation:
    found = _ONE.match(text.strip())
    if found is None:
        raise Damaged(f"package index is malformed: {text.strip()!r} is no relationship between packages")
    # "<" and ">" meant "<=" and ">=" once (deb-version history); old packages still say so
    operator = {"<": "<=", ">": ">="}.get(found["op"] or "", found["op"] or "")
    return Relation(found["name"], operator, found["version"] or "")
