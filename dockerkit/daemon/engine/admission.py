"""What this engine does not do yet is refused by name, with the reason; never ignored.

A table: how to see that a request asks for it, what to call it, why not. Checking of values is ``runtime.spec``'s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from dockerkit.daemon.engine.logoptions import rotation
from dockerkit.daemon.engine.networks import portwords
from dockerkit.daemon.engine.networks.wishes import check_extra_hosts
from dockerkit.errors import Invalid, Unsupported
from dockerkit.schema.container import CreateRequest, HostConfig

RUNTIMES = ("", "runc", "dockerkit")
LOG_DRIVERS = ("", "json-file", "local", "none")
DOCKERS_OTHER_LOG_DRIVERS = ("awslogs", "fluentd", "gcplogs", "gelf", "journald", "splunk", "syslog")


class Refusal(NamedTuple):
    """A wish that cannot be kept; ``asked`` gives what was asked for, as a text where it has a name."""

    asked: Callable[[HostConfig], object]
    subject: str
    reason: str


REFUSALS = (
    Refusal(lambda host: host.init is True, "an init process", "use an image that brings its own"),
    Refusal(lambda host: host.userns_mode not in ("", "host"), "user namespaces", "the mode may only be host"),
    Refusal(lambda host: host.device_requests, "device requests", "there are no device drivers; name devices"),
    Refusal(lambda host: host.storage_opt, "storage options", "the overlay snapshotter has none"),
    Refusal(
        lambda host: host.log_config.type if host.log_config.type in DOCKERS_OTHER_LOG_DRIVERS else "",
        "log driver",
        "choose json-file, local or none",
    ),
    Refusal(
        lambda host: host.ipc_mode.startswith("container:"),
        "sharing another container's IPC namespace",
        "the mode may be private or host",
    ),
)


def admit(request: CreateRequest) -> list[str]:
    """Check that the engine can keep what it would promise; return warnings for what it leaves out.

    :raises Unsupported: naming the first wish that cannot be kept, and the reason.
    :raises Invalid: a log driver, log option or runtime that there is not, a malformed port or address.
    """
    for refusal in REFUSALS:
        if asked := refusal.asked(request.host_config):
            subject = f"{refusal.subject} {asked}" if isinstance(asked, str) else refusal.subject
            raise Unsupported(f"{subject} cannot be had from this engine: {refusal.reason}")
    _check_names(request.host_config)
    rotation(request.host_config.log_config)
    check_extra_hosts(request.host_config)
    portwords.wishes(request, request.host_config)
    portwords.exposed(request)
    published = request.host_config.port_bindings or request.host_config.publish_all_ports
    if published and request.host_config.network_mode == "host":
        return ["Published ports are discarded when using host network mode"]
    return []


def _check_names(host: HostConfig) -> None:
    """Refuse a log driver and a runtime that nobody has, in Docker's words."""
    driver = host.log_config.type
    if driver not in LOG_DRIVERS:
        words = f'error looking up logging plugin {driver}: plugin "{driver}" not found'
        raise Invalid(words, hint="choose json-file, local or none")
    if host.runtime not in RUNTIMES:
        raise Invalid(f"unknown or invalid runtime name: {host.runtime}", hint="there is dockerkit's own only")
