"""Which volumes are meant: the filters of the list and of pruning, as tables. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from dockerkit.daemon.engine.volumes.record import VolumeRecord
from dockerkit.errors import Invalid

Filters = Mapping[str, list[str]]
_TRUE, _FALSE = ("1", "true"), ("0", "false")
_PRUNE = ("all", "label", "label!")


def _label(record: VolumeRecord, value: str, _: bool) -> bool:
    name, equals, wanted = value.partition("=")
    labels = record.labels or {}
    return name in labels and (not equals or labels[name] == wanted)


def _name(record: VolumeRecord, value: str, _: bool) -> bool:
    try:
        return value in record.name or bool(re.search(value, record.name))
    except re.error:
        return False


LIST: Mapping[str, Callable[[VolumeRecord, str, bool], bool]] = {
    "name": _name,
    "driver": lambda record, value, _: record.driver == value,
    "label": _label,
    "dangling": lambda _, value, used: used is (value in _FALSE),
}
_ALL_MUST_FIT = ("label",)


def check_list(filters: Filters) -> None:
    """Refuse filters that the list does not have.

    :raises Invalid: in Docker's words.
    """
    _check(filters, LIST)
    for value in filters.get("dangling", ()):
        if value not in _TRUE + _FALSE:
            raise Invalid(f"invalid filter 'dangling=[{value}]'", hint="true or false")


def _check(filters: Filters, known: Collection[str]) -> None:
    for word in filters:
        if word not in known:
            raise Invalid(f"invalid filter '{word}'", hint=f"known filters: {', '.join(sorted(known))}")


def fits(record: VolumeRecord, filters: Filters, *, used: bool) -> bool:
    """Tell whether a volume is meant; `used`: some container has it."""
    for word, values in filters.items():
        answers = (LIST[word](record, value, used) for value in values)
        if values and not (all(answers) if word in _ALL_MUST_FIT else any(answers)):
            return False
    return True


def check_prune(filters: Filters) -> None:
    """Refuse filters that pruning does not have.

    :raises Invalid: in Docker's words.
    """
    _check(filters, _PRUNE)
    for value in filters.get("all", ()):
        if value not in _TRUE + _FALSE:
            raise Invalid(f"invalid filter 'all=[{value}]'", hint="true or false")


def to_prune(record: VolumeRecord, filters: Filters) -> bool:
    """Tell whether pruning means a volume that nobody has: those that nobody named, or with ``all`` named ones too."""
    every = any(value in _TRUE for value in filters.get("all", ()))
    labelled = all(_label(record, value, False) for value in filters.get("label", ()))
    spared = any(_label(record, value, False) for value in filters.get("label!", ()))
    return (every or record.anonymous) and labelled and not spared
