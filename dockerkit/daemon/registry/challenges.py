"""What a ``WWW-Authenticate`` header asks for, and the scopes of a token. Pure text. Source: RFC 7235."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME = re.compile(rf"\s*,*\s*({_NAME})(?=\s|,|$)")
_PARAMETER = re.compile(rf'\s*,?\s*({_NAME})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to prove who one is.

    :param scheme: ``bearer`` or ``basic``, or another in lower case.
    """

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        """Return a parameter, ``""`` when it is not given."""
        return self.parameters.get(name, "")


def parse(headers: Iterable[str]) -> list[Challenge]:
    """Read the challenges of one or several headers, in their order; what cannot be read ends its header."""
    return [challenge for header in headers for challenge in _parse_one(header)]


def _parse_one(header: str) -> list[Challenge]:
    found: list[Challenge] = []
    position = 0
    while scheme := _SCHEME.match(header, position):
        position = scheme.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, position):
            position = parameter.end()
            quoted = parameter[2]
            parameters[parameter[1].lower()] = parameter[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        found.append(Challenge(scheme[1].lower(), parameters))
    return found


def merge_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return each resource once, with all actions asked for; the same scope may arrive twice, or several in one text."""
    merged: dict[str, dict[str, None]] = {}
    for scope in " ".join(scopes).split():
        resource, _, actions = scope.rpartition(":")
        merged.setdefault(resource or scope, {}).update(dict.fromkeys(actions.split(",") if resource else []))
    return tuple(f"{resource}:{','.join(actions)}" if actions else resource for resource, actions in sorted(merged.items()))


def repository_scope(repository: str, *actions: str) -> str:
    """Return the scope of a repository: ``repository:team/shop:pull,push``."""
    return f"repository:{repository}:{','.join(actions)}"
