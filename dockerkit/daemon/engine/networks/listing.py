"""``network ls``: which networks. Filters are a table: word → does this network fit?

Source: moby ``daemon/network/filter.go``; words proven on a real dockerd.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks.entries import NetworkEntry
from dockerkit.daemon.engine.networks.predefined import PREDEFINED
from dockerkit.errors import Invalid

Fits = Callable[[NetworkEntry, str], bool]
_YES, _NO = ("true", "1"), ("false", "0")


def fitting(core: Core, filters: Mapping[str, list[str]]) -> list[NetworkEntry]:
    """Return the networks that fit, newest first.

    :raises Invalid: an unknown filter, or a value it does not take.
    """
    check(filters)
    used = {name for entry in core.entries.all() for name in entry.record.wishes}
    found = [entry for entry in core.networks.all() if not entry.leaving]
    if dangling := filters.get("dangling"):
        wanted = dangling[0] in _YES
        found = [entry for entry in found if dangles(entry, used) is wanted]
    return [entry for entry in found if fits(entry, filters)]


def check(filters: Mapping[str, list[str]]) -> None:
    """Refuse what is no filter here.

    :raises Invalid: in Docker's words.
    """
    for word, values in filters.items():
        if word not in FILTERS and word != "dangling":
            raise Invalid(f"invalid filter '{word}'", hint=f"known filters: dangling, {', '.join(sorted(FILTERS))}")
        for value in values:
            if word == "dangling" and value not in (*_YES, *_NO):
                raise Invalid('invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")')
            if word == "type" and value not in ("custom", "builtin"):
                raise Invalid(f"invalid filter: 'type'='{value}'", hint="custom or builtin")
    if len(filters.get("dangling", ())) > 1:
        raise Invalid('got more than one value for filter key "dangling"')


def dangles(entry: NetworkEntry, used: set[str]) -> bool:
    """Tell whether a network is somebody's own and no container is on it, or will be when it starts."""
    return entry.record.name not in PREDEFINED and not entry.members and entry.record.name not in used


def fits(entry: NetworkEntry, filters: Mapping[str, list[str]]) -> bool:
    """Tell whether a network fits every filter; of labels all must be there, of others one value is enough."""
    for word, values in filters.items():
        if word == "dangling" or not values:
            continue
        answers = (FILTERS[word](entry, value) for value in values)
        if not (all(answers) if word == "label" else any(answers)):
            return False
    return True


def labelled(entry: NetworkEntry, value: str) -> bool:
    """Tell whether a network has a label, ``name`` or ``name=value``."""
    name, equals, wanted = value.partition("=")
    labels = entry.record.labels
    return name in labels and (not equals or labels[name] == wanted)


def _matches(pattern: str, text: str) -> bool:
    try:
        return pattern in text or re.search(pattern, text) is not None
    except re.error:
        return False


FILTERS: Mapping[str, Fits] = {
    "driver": lambda entry, value: entry.record.driver == value,
    "id": lambda entry, value: _matches(value, entry.record.id),
    "label": labelled,
    "name": lambda entry, value: _matches(value, entry.record.name),
    "scope": lambda entry, value: value == "local",
    "type": lambda entry, value: (entry.record.name in PREDEFINED) is (value == "builtin"),
}
