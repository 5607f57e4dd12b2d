"""Which capabilities a container gets: Docker's fourteen, more, fewer, or all. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from dockerkit.daemon.kernel.capabilities import DEFAULT, NAMES
from dockerkit.daemon.runtime.spec.host import Host
from dockerkit.errors import Invalid
from dockerkit.schema.container import HostConfig

ALL = "ALL"


def check_capabilities(host_config: HostConfig, host: Host) -> None:
    """Refuse names that are no capabilities, and additions the host does not have.

    :raises Invalid: in Docker's words.
    """
    for field, names in (("CapAdd", host_config.cap_add), ("CapDrop", host_config.cap_drop)):
        for name in _normal(names):
            if name != ALL and name not in NAMES:
                raise Invalid(f'invalid {field}: unknown capability: "{name}"', hint="see man 7 capabilities for their names")
            if name != ALL and name not in host.capabilities:
                words = "capability not supported by your kernel or not available in the current environment"
                raise Invalid(f'invalid {field}: {words}: "{name}"')


def container_capabilities(host_config: HostConfig, host: Host) -> list[str]:
    """Return the bounding set: what root inside has, and what nobody inside can ever exceed."""
    added, dropped = _normal(host_config.cap_add), _normal(host_config.cap_drop)
    if host_config.privileged:
        return list(host.capabilities)
    if ALL in added:
        kept: Iterable[str] = (name for name in host.capabilities if name not in dropped)
    elif ALL in dropped:
        kept = added
    else:
        kept = [*(name for name in DEFAULT if name not in dropped), *added]
    return list(dict.fromkeys(kept))


def _normal(names: list[str] | None) -> list[str]:
    upper = (name.upper() for name in names or ())
    return [name if name == ALL or name.startswith("CAP_") else f"CAP_{name}" for name in upper]
