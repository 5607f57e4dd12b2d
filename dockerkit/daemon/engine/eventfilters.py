"""Which events somebody wants, by Docker's rules; pure.

Source: moby ``daemon/events/filter.go``: every filter given must fit, one of its values is enough, all labels must be there;
a container, volume, network, daemon... fits by the beginning of its id or name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dockerkit.schema.events import EventMessage

Filters = Mapping[str, Sequence[str]]
BY_BEGINNING = ("container", "daemon", "plugin", "volume", "network", "node", "service", "secret", "config")
"""Filters that name something; whatever kind of thing the event is about, as in dockerd."""
_COMPOUND = ("health_status", "exec_create", "exec_start")
"""Actions that carry more behind a colon: asked for by one of these words, any action fits by its beginning."""


def fits(event: EventMessage, filters: Filters) -> bool:
    """Tell whether an event is wanted; an unknown filter, and one without values, wants everything."""
    return (
        _action_fits(event, filters)
        and _one_of(filters, "type", (event.type,))
        and _one_of(filters, "scope", (event.scope,))
        and all(_begins(filters.get(word, ()), _names(event)) for word in BY_BEGINNING)
        and _one_of(filters, "image", _images(event))
        and _labels_fit(event, filters.get("label", ()))
    )


def _one_of(filters: Filters, word: str, values: Iterable[str]) -> bool:
    wanted = filters.get(word)
    return not wanted or any(value in wanted for value in values)


def _action_fits(event: EventMessage, filters: Filters) -> bool:
    wanted = filters.get("event", ())
    if any(word in wanted for word in _COMPOUND):
        return _begins(wanted, (event.action,))
    return _one_of(filters, "event", (event.action,))


def _begins(wanted: Sequence[str], values: Iterable[str]) -> bool:
    return not wanted or any(value.startswith(tuple(wanted)) for value in values)


def _names(event: EventMessage) -> tuple[str, str]:
    return event.actor.id, event.actor.attributes.get("name", "")


def _images(event: EventMessage) -> tuple[str, ...]:
    name = event.actor.attributes.get("name" if event.type == "image" else "image", "")
    return event.actor.id, name, _without_tag(event.actor.id), _without_tag(name)


def _without_tag(reference: str) -> str:
    head, colon, tag = reference.rpartition(":")
    return head if colon and "/" not in tag else reference


def _labels_fit(event: EventMessage, wanted: Sequence[str]) -> bool:
    attributes = event.actor.attributes
    for label in wanted:
        name, equals, value = label.partition("=")
        if name not in attributes or (equals and attributes[name] != value):
            return False
    return True
