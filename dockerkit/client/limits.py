"""Changing the limits of a container that runs: ``container.update(memory="512m")``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dockerkit.client.encoding import WORDS
from dockerkit.client.options import wish
from dockerkit.client.spec import ContainerSpec
from dockerkit.schema.container import CreateRequest, HostConfig
from dockerkit.schema.wire import plain

_KEYS = {
    "memory": ("Memory", "MemorySwap"),
    "cpus": ("NanoCpus",),
    "pids_limit": ("PidsLimit",),
    "restart": ("RestartPolicy",),
}


def limits_body(limits: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of ``POST /containers/{id}/update``: what is said, and nothing else.

    Swap is limited to twice the memory, as when a container is created.

    :raises TypeError: a word that is no limit, or none.
    :raises Invalid: a value that the word cannot read.
    """
    unknown = [word for word in limits if word not in _KEYS]
    if unknown or not limits:
        raise TypeError(f"update() changes {', '.join(_KEYS)}" + (f", not {unknown[0]!r}" if unknown else ""))
    said = wish(ContainerSpec(""), limits).said
    request = CreateRequest(host_config=HostConfig())
    for word, value in said.items():
        WORDS[word].encode(request, value)
    request.host_config.memory_swap = 2 * request.host_config.memory
    whole = plain(request.host_config)
    changed = {key: whole[key] for word in said for key in _KEYS[word]}
    if limits.get("restart") == "no":  # which a wish says by not saying it
        changed["RestartPolicy"] = {"Name": "no", "MaximumRetryCount": 0}
    return changed
