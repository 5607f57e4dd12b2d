"""``ps``: which containers, as rows. Filters are a table: word → does this record fit?"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

from msgspec import UnsetType

from dockerkit.daemon.engine import roots
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.lifecycle import Phase
from dockerkit.daemon.engine.networks import portwords, settings
from dockerkit.daemon.engine.record import Record
from dockerkit.errors import Invalid, NotFound
from dockerkit.schema.container import ContainerSummary
from dockerkit.schema.units import from_rfc3339, human_duration

Fits = Callable[[Core, Record, str], bool]


def rows(core: Core, *, all: bool, limit: int, size: bool, filters: Mapping[str, list[str]]) -> list[ContainerSummary]:
    """Return the rows Docker would, newest first: running ones, or all; `limit` takes the last created, whatever their state.

    :raises Invalid: an unknown filter, or a value it does not take.
    """
    _check(core, filters)
    all = all or bool(limit) or "status" in filters or "exited" in filters
    records = (entry.record for entry in core.entries.all())
    fitting = [r for r in records if (all or r.active) and _fits(core, r, filters)]
    return [summary(core, record, size=size) for record in fitting[: limit if limit > 0 else None]]


def summary(core: Core, record: Record, *, size: bool = False) -> ContainerSummary:
    """Return a container's row."""
    row = ContainerSummary(
        id=record.id,
        names=[f"/{record.name}"],
        image=record.config.image,
        image_id=record.image,
        command=_command(record),
        created=record.created // 1_000_000_000,
        labels=record.config.labels,
        state=record.phase.value,
        status=status(record, time.time_ns()),
        host_config={"NetworkMode": record.host_config.network_mode},
        ports=settings.rows(record),
        network_settings={"Networks": settings.endpoints(core, record)},
        mounts=record.mounts,
    )
    if size:
        row.size_rw = roots.own_size(core, record)
        row.size_root_fs = row.size_rw + core.images.of_container(record.image).size
    return row


def _command(record: Record) -> str:
    quoted = [f"'{word}'" if not word or re.search(r"\s", word) else word for word in record.args]
    return " ".join([record.path, *quoted])


def status(record: Record, now: int) -> str:
    """Return a container's state in the words of ``docker ps``, at the moment `now` (ns)."""
    state = record.state
    if record.alive:
        up = f"Up {human_duration((now - from_rfc3339(state.started_at)) / 1e9)}"
        return f"{up} (Paused)" if record.phase is Phase.PAUSED else f"{up}{_health_words(record)}"
    if record.phase in (Phase.EXITED, Phase.RESTARTING):
        ago = human_duration((now - from_rfc3339(state.finished_at)) / 1e9)
        return f"{record.phase.value.capitalize()} ({state.exit_code}) {ago} ago"
    return {Phase.CREATED: "Created", Phase.REMOVING: "Removal In Progress", Phase.DEAD: "Dead"}[record.phase]


def health(record: Record) -> str:
    """Return what a container's probes said: ``healthy``, ``unhealthy``, ``starting``; ``none`` when it has none."""
    return "none" if isinstance(record.state.health, UnsetType) else record.state.health.status


def _health_words(record: Record) -> str:
    found = health(record)
    return "" if found == "none" else f" ({'health: ' if found == 'starting' else ''}{found})"


def _label_fits(_: Core, record: Record, value: str) -> bool:
    name, equals, wanted = value.partition("=")
    return name in record.config.labels and (not equals or record.config.labels[name] == wanted)


def _name_fits(_: Core, record: Record, value: str) -> bool:
    return bool(re.search(value, f"/{record.name}") or re.search(value, record.name))


def _ancestor_fits(core: Core, record: Record, value: str) -> bool:
    try:
        return core.images.get(value).id == record.image
    except NotFound:
        return False


def _before(core: Core, record: Record, value: str) -> bool:
    return record.created < core.entries.resolve(value).record.created


def _since(core: Core, record: Record, value: str) -> bool:
    return record.created > core.entries.resolve(value).record.created


def _mount_fits(_: Core, record: Record, value: str) -> bool:
    return any(value in (mount.source, mount.destination, mount.name) for mount in record.mounts)


FILTERS: Mapping[str, Fits] = {
    "id": lambda _, record, value: record.id.startswith(value),
    "name": _name_fits,
    "label": _label_fits,
    "status": lambda _, record, value: record.phase == value,
    "exited": lambda _, record, value: record.phase is Phase.EXITED and record.state.exit_code == int(value),
    "ancestor": _ancestor_fits,
    "before": _before,
    "since": _since,
    "volume": _mount_fits,
    "network": settings.on_network,
    "health": lambda _, record, value: health(record) == value,
    "is-task": lambda _, record, value: value in ("false", "0"),
    "isolation": lambda _, record, value: value in ("", "default"),
    "publish": lambda _, record, value: portwords.matches(value, settings.published(record)),
    "expose": lambda _, record, value: portwords.matches(value, settings.exposed(record)),
}
_ALL_MUST_FIT = frozenset({"label"})
HEALTH = ("none", "starting", "healthy", "unhealthy")
STATUSES = ("created", "restarting", "running", "removing", "paused", "exited", "dead")


def _fits(core: Core, record: Record, filters: Mapping[str, list[str]]) -> bool:
    for word, values in filters.items():
        answers = (FILTERS[word](core, record, value) for value in values)
        fits = all(answers) if word in _ALL_MUST_FIT else any(answers)
        if values and not fits:
            return False
    return True


def _check(core: Core, filters: Mapping[str, list[str]]) -> None:
    for word, values in filters.items():
        if word not in FILTERS:
            raise Invalid(f"invalid filter '{word}'", hint=f"known filters: {', '.join(sorted(FILTERS))}")
        for value in values:
            if word == "status" and value not in STATUSES:
                raise Invalid(f"invalid filter 'status={value}'", hint=f"one of {', '.join(STATUSES)}")
            if word == "exited" and not value.lstrip("-").isdigit():
                raise Invalid(f"invalid filter 'exited={value}'", hint="give an exit code")
            if word == "health" and value not in HEALTH:
                raise Invalid(f"invalid filter 'health={value}'", hint=f"one of {', '.join(HEALTH)}")
            if word == "name":
                _check_pattern(value)
            if word in ("publish", "expose"):
                portwords.matches(value, ())
            if word in ("before", "since"):
                core.entries.resolve(value)


def _check_pattern(value: str) -> None:
    try:
        re.compile(value)
    except re.error as error:
        raise Invalid(f"invalid filter 'name={value}': {error}") from None
