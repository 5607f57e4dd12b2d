"""The three files Docker writes for every container: ``hosts``, ``hostname`` and ``resolv.conf``.

What a container's networks add to them comes later: see ``engine.networks.joining``.
"""

from __future__ import annotations

import os

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks.gateway import host_gateway
from dockerkit.daemon.engine.networks.hostfiles import read, resolv_conf
from dockerkit.daemon.engine.record import Record

_LOOPBACK = (
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::\tip6-localnet\n"
    "ff00::\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n"
)
_HOST_GATEWAY = "host-gateway"


def write_files(core: Core, record: Record, directory: str) -> None:
    """Write the files anew into the container's directory; they are mounted over the image's."""
    if record.host_config.network_mode.startswith("container:"):
        return  # they are the other's
    _write(f"{directory}/hostname", f"{record.config.hostname}\n")
    _write(f"{directory}/hosts", _hosts(core, record))
    _write(f"{directory}/resolv.conf", resolv_conf(record))


def _hosts(core: Core, record: Record) -> str:
    base = read("/etc/hosts") if record.host_config.network_mode == "host" else _LOOPBACK
    if record.config.network_disabled is True:
        return ""
    return base + "".join(_extra(core, *entry.partition(":")[::2]) for entry in record.host_config.extra_hosts or ())


def _extra(core: Core, name: str, address: str) -> str:
    if address == _HOST_GATEWAY:
        return "".join(f"{one}\t{name}\n" for one in host_gateway(core))
    return f"{address.strip('[]')}\t{name}\n"


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        left = memoryview(text.encode(errors="surrogateescape"))
        while left:
            left = left[os.write(descriptor, left) :]
    finally:
        os.close(descriptor)
