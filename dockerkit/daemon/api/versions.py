"""What differs between API versions, as a table: a client that asks for an old version gets its shapes.

Source: Engine API version history. Every document is made in the newest shape; a row says how the versions before
some other see it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dockerkit.schema import wire

Version = tuple[int, int]
Document = dict[str, Any]

MULTIPLEXED_TYPE: Version = (1, 42)
"""From here on a framed stream says so in its content type (1.42); before, every stream is called raw."""
STOP_SIGNAL: Version = (1, 42)
"""From here on ``stop`` and ``restart`` take a signal (1.42)."""
CONSOLE_SIZE: Version = (1, 42)
"""From here on an exec is told its terminal's size when it is created and started (1.42)."""
DISK_USAGE_TYPES: Version = (1, 42)
"""From here on ``system/df`` looks only at what is asked for (1.42)."""
SHARED_SIZE: Version = (1, 42)
"""From here on the image list takes ``shared-size`` (1.42)."""
NO_ORIGIN: Version = (1, 45)
"""From here on an image does not tell of what container it was made (1.45)."""
MANIFESTS: Version = (1, 48)
"""From here on images list their manifests when asked, and name their descriptor (1.48)."""
ONE_SHOT: Version = (1, 41)
"""From here on ``stats`` takes ``one-shot`` (1.41)."""
PIDS_LIMIT: Version = (1, 40)
"""From here on ``update`` takes a limit of processes (1.40)."""
SINGULAR_FILTER: Version = (1, 41)
"""Before, the image list takes ``filter`` for a reference (removed in 1.41)."""
LISTED_CONTAINERS: Version = (1, 28)
"""Before, the network list tells who is on each (1.28)."""
SEVERAL_NETWORKS: Version = (1, 44)
"""From here on a container may be created on several networks (1.44)."""
WAIT_CONDITION: Version = (1, 30)
"""From here on ``wait`` takes a condition, and answers its head at once (1.30)."""


@dataclass(frozen=True, slots=True)
class Change:
    """Versions before `before` see `document` as `rewrite` leaves it."""

    document: str
    before: Version
    rewrite: Callable[[Document], None]
    why: str


def _virtual_size(document: Document) -> None:
    document["VirtualSize"] = document["Size"]


def _unused_config(document: Document) -> None:
    config = document.setdefault("Config", {})
    for key in ("Hostname", "Domainname", "Image"):
        config.setdefault(key, "")
    for key in ("AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce"):
        config.setdefault(key, False)


def _without_descriptor(document: Document) -> None:
    document.pop("Descriptor", None)


def _nameless(document: Document) -> None:
    if not document["RepoTags"] and not document["RepoDigests"]:
        document["RepoTags"], document["RepoDigests"] = ["<none>:<none>"], ["<none>@<none>"]


def _uncounted(document: Document) -> None:
    document["Containers"] = -1


def _endpoints(document: Document) -> list[Document]:
    return list(document["NetworkSettings"].get("Networks", {}).values())


def _short_id_alias(document: Document) -> None:
    short = document["Id"][:12]
    for endpoint in _endpoints(document):
        if endpoint.get("DNSNames") and short not in (endpoint.get("Aliases") or []):
            endpoint["Aliases"] = [*(endpoint.get("Aliases") or []), short]


def _without_dns_names(document: Document) -> None:
    for endpoint in _endpoints(document):
        endpoint.pop("DNSNames", None)


def _without_gateway_priority(document: Document) -> None:
    for endpoint in _endpoints(document):
        endpoint.pop("GwPriority", None)


def _without_enable_ipv4(document: Document) -> None:
    document.pop("EnableIPv4", None)


def _without_annotations(document: Document) -> None:
    document.get("HostConfig", {}).pop("Annotations", None)


def _builder_size(document: Document) -> None:
    document["BuilderSize"] = 0


def _virtual_sizes(document: Document) -> None:
    for row in document["Images"] or ():
        _virtual_size(row)


CHANGES = (
    Change("disk usage", (1, 42), _builder_size, "1.42 omits BuilderSize"),
    Change("disk usage", (1, 44), _virtual_sizes, "1.44 omits VirtualSize of images"),
    Change("image summary", (1, 44), _virtual_size, "1.44 omits VirtualSize, which had been equal to Size since 1.22"),
    Change("image summary", (1, 43), _nameless, "1.43 shows no names where there are none"),
    Change("image summary", (1, 48), _without_descriptor, "1.48 adds Descriptor"),
    Change("image", (1, 48), _without_descriptor, "1.48 adds Descriptor"),
    Change("image summary", (1, 51), _uncounted, "1.51 counts Containers, which had been -1"),
    Change("image", (1, 50), _unused_config, "1.50 omits the fields of Config that are a container's, not an image's"),
    Change("image", (1, 44), _virtual_size, "1.44 omits VirtualSize"),
    Change("container", (1, 48), _without_gateway_priority, "1.48 adds GwPriority to endpoints"),
    Change("container", (1, 45), _short_id_alias, "1.45 no longer lists the short id among the Aliases"),
    Change("container", (1, 44), _without_dns_names, "1.44 adds DNSNames to endpoints"),
    Change("network", (1, 48), _without_enable_ipv4, "1.48 adds EnableIPv4"),
    Change("container summary", (1, 48), _without_gateway_priority, "1.48 adds GwPriority to endpoints"),
    Change("container summary", (1, 45), _short_id_alias, "1.45 no longer lists the short id among the Aliases"),
    Change("container summary", (1, 44), _without_dns_names, "1.44 adds DNSNames to endpoints"),
    Change("container", (1, 43), _without_annotations, "1.43 adds HostConfig.Annotations"),
    Change("container summary", (1, 46), _without_annotations, "1.46 adds HostConfig.Annotations to the list"),
)
_OLDEST_CHANGE = max(change.before for change in CHANGES)


def shaped(name: str, value: Any, version: Version) -> Any:
    """Return the document called `name` as clients of `version` expect it; as it is for the newest."""
    if version >= _OLDEST_CHANGE:
        return value
    changes = [change for change in CHANGES if change.document == name and version < change.before]
    if not changes:
        return value
    document = wire.plain(value)
    for change in changes:
        change.rewrite(document)
    return document
