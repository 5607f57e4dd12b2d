"""Which seccomp rules a container gets: Docker's, the user's, or none; and their compiled program."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from dockerkit.daemon.kernel.seccomp.cache import cached_program
from dockerkit.daemon.kernel.seccomp.compiler import compile_profile
from dockerkit.daemon.kernel.seccomp.profile import DOCKER_PROFILE
from dockerkit.daemon.kernel.seccomp.resolution import resolve_profile
from dockerkit.daemon.runtime.spec.host import Host
from dockerkit.daemon.runtime.spec.security import UNCONFINED, read_security
from dockerkit.errors import Invalid
from dockerkit.schema.container import HostConfig

T = TypeVar("T")


def chosen_profile(host_config: HostConfig) -> Mapping[str, Any] | None:
    """Return the rules in Docker's format: the user's, else Docker's; nothing when unconfined, or privileged without a wish."""
    security = read_security(host_config.security_opt)
    if security.seccomp == UNCONFINED or (host_config.privileged and not security.seccomp):
        return None
    return security.profile if security.seccomp == "custom" else DOCKER_PROFILE


def check_seccomp(host_config: HostConfig, capabilities: list[str], host: Host) -> None:
    """Refuse a profile of the user's that cannot be resolved or compiled.

    :raises Invalid: naming the word that is not understood.
    """
    if read_security(host_config.security_opt).seccomp == "custom":
        document = seccomp_document(host_config, capabilities, host)
        if document is not None:
            _understood(lambda: compile_profile(document, host.architecture))


def seccomp_document(host_config: HostConfig, capabilities: list[str], host: Host) -> dict[str, Any] | None:
    """Return OCI ``linux.seccomp`` for a container with this bounding set; None is unconfined."""
    profile = chosen_profile(host_config)
    if profile is None:
        return None
    return _understood(lambda: resolve_profile(profile, capabilities, host.kernel, host.architecture))


def seccomp_program(
    spec: Mapping[str, Any], host_config: HostConfig, directory: str, architecture: str = platform.machine()
) -> bytes | None:
    """Return the compiled filter for a container with this spec; None is unconfined.

    :param directory: compiled programs are kept below it, in ``seccomp/``.
    :raises Invalid: the user's profile cannot be understood.
    :raises OSError: the directory cannot be written.
    """
    profile = chosen_profile(host_config)
    if profile is None:
        return None
    bounding = tuple(spec["process"]["capabilities"]["bounding"])
    kept = os.path.join(directory, "seccomp")
    if profile is DOCKER_PROFILE:
        return _dockers_program(kept, bounding, architecture)
    return _understood(lambda: cached_program(kept, bounding, architecture, profile=profile))


@lru_cache(maxsize=32)
def _dockers_program(kept: str, bounding: tuple[str, ...], architecture: str) -> bytes:
    """Docker's own rules, which nearly all containers have, are resolved once: that costs more than all the rest of a spec."""
    return cached_program(kept, bounding, architecture)


def _understood(act: Callable[[], T]) -> T:
    try:
        return act()
    except (KeyError, TypeError, AttributeError) as error:
        raise Invalid(f"decoding seccomp profile failed: {error!r}") from None
    except OSError as error:
        if error.filename and not str(error.filename).startswith("/"):
            raise Invalid(f"invalid seccomp profile: {error.strerror}: {error.filename}") from None
        raise
