"""The client's nouns as cards: what is worth showing of a container, an image, a program's end, an event.

Reads each thing once. What changes by itself from one look to the next (process ids, ages) is left to ``inspect()`` and lists:
a notebook that is run again shows the same. A thing that has gone, or whose engine does not answer, says so instead of raising.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dockerkit.errors import DockerkitError, NotFound
from dockerkit.notebook.views.card import Card, Fact, Written
from dockerkit.schema.units import human_size

if TYPE_CHECKING:
    from dockerkit.client.completed import Completed
    from dockerkit.client.container import Container
    from dockerkit.client.happenings import Event
    from dockerkit.client.images import Image

_NANOCPU = 1_000_000_000
_MADE_BY = ("dockerkit.", "dev.dockerkit.")
"""Labels that say who made it, and of what: another machine has others."""
_IMAGES = "org.opencontainers.image."
"""Labels about an image, which its containers inherit."""


def container_card(container: Container) -> Card:
    """Return a container as it is now."""
    try:
        record = container.inspect()
    except NotFound:
        return Card("Container", container.short_id, (Fact("status", "removed", is_state=True),))
    except DockerkitError as error:
        return Card("Container", container.short_id, (Fact("status", f"unknown: {error.message}", is_state=True),))
    config, host = record.get("Config") or {}, record.get("HostConfig") or {}
    facts = (
        Fact("status", _status(record.get("State") or {}), is_state=True),
        Fact("name", str(record.get("Name") or "").removeprefix("/")),
        Fact("image", str(config.get("Image") or "")),
        Fact("command", shlex.join(filter(None, [record.get("Path") or "", *(record.get("Args") or ())]))),
        Fact("ports", _ports(container)),
        Fact("limits", _limits(host)),
        Fact("mounts", ", ".join(map(_mount, record.get("Mounts") or ())), folded=True),
        Fact("labels", _labels(config.get("Labels"), leave_out=(*_MADE_BY, _IMAGES)), folded=True),
    )
    return Card("Container", container.short_id, facts)


def _status(state: Mapping[str, Any]) -> str:
    word = str(state.get("Status") or "unknown")
    if word == "exited":
        why = ", out of memory" if state.get("OOMKilled") else ""
        return f"exited ({state.get('ExitCode', 0)}{why})"
    health = str((state.get("Health") or {}).get("Status") or "none")
    return word if health == "none" else f"{word} ({health})"


def _ports(container: Container) -> str:
    try:
        ports = container.ports
    except DockerkitError:
        return ""  # it has gone since
    return ", ".join(f"{' '.join(map(str, addresses))} → {port}" if addresses else port for port, addresses in ports.items())


def _limits(host: Mapping[str, Any]) -> str:
    memory, cpus, pids = (host.get(key) or 0 for key in ("Memory", "NanoCpus", "PidsLimit"))
    said = [
        f"memory {memory >> 20} MiB" if memory else "",
        f"cpus {cpus / _NANOCPU:g}" if cpus else "",
        f"pids {pids}" if pids > 0 else "",
    ]
    return ", ".join(filter(None, said))


def _mount(mount: Mapping[str, Any]) -> str:
    source = mount.get("Name") or mount.get("Source") or mount.get("Type") or ""
    return f"{source} → {mount.get('Destination', '')}{'' if mount.get('RW', True) else ' (read-only)'}"


def _labels(labels: Any, *, leave_out: tuple[str, ...] = _MADE_BY) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted((labels or {}).items()) if not name.startswith(leave_out))


def image_card(image: Image) -> Card:
    """Return an image as it is now."""
    try:
        record = image.inspect()
    except NotFound:
        return Card("Image", image.short_id, (Fact("status", "removed", is_state=True),))
    except DockerkitError as error:
        return Card("Image", image.short_id, (Fact("status", f"unknown: {error.message}", is_state=True),))
    config = record.get("Config") or {}
    facts = (
        Fact("tags", ", ".join(record.get("RepoTags") or ()) or "none"),
        Fact("digests", ", ".join(record.get("RepoDigests") or ()), folded=True),
        Fact("size", human_size(int(record.get("Size") or 0))),
        Fact("platform", "/".join(filter(None, (record.get(k) for k in ("Os", "Architecture", "Variant"))))),
        Fact("entrypoint", shlex.join(config.get("Entrypoint") or ())),
        Fact("command", shlex.join(config.get("Cmd") or ())),
        Fact("user", str(config.get("User") or "")),
        Fact("workdir", str(config.get("WorkingDir") or "")),
        Fact("env", " ".join(config.get("Env") or ()), folded=True),
        Fact("labels", _labels(config.get("Labels")), folded=True),
    )
    return Card("Image", image.short_id, facts)


def completed_card(completed: Completed, *, outputs: bool = True) -> Card:
    """Return a program's end.

    :param outputs: False when what it wrote has been shown already.
    """
    code, oom = completed.exit_code, completed.oom_killed
    ended = "succeeded" if code == 0 else f"failed with {code}"
    facts = (Fact("program", f"{ended}{', out of memory' if oom else ''}", is_state=True),)
    written = (Written("stdout", completed.stdout), Written("stderr", completed.stderr)) if outputs else ()
    return Card("Completed", completed.command_line(), facts, written)


def event_card(event: Event) -> Card:
    """Return something that happened."""
    about = {key: value for key, value in event.attributes.items() if key != "name"}
    facts = (
        Fact("time", event.time.isoformat(timespec="milliseconds")),
        Fact("name", event.name),
        Fact("id", event.id.removeprefix("sha256:")[:12]),
        Fact("attributes", _labels(about), folded=True),
    )
    return Card("Event", f"{event.type} {event.action}", facts)
