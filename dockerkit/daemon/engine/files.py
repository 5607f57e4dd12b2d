"""The three files Docker writes for every container: ``hosts``, ``hostname`` and ``resolv.conf``."""

from __future__ import annotations

import os

from dockerkit.daemon.engine.record import Record

_LOOPBACK = (
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::\tip6-localnet\n"
    "ff00::\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n"
)


def write_files(record: Record, directory: str) -> None:
    """Write the files anew into the container's directory; they are mounted over the image's."""
    _write(f"{directory}/hostname", f"{record.config.hostname}\n")
    _write(f"{directory}/hosts", _hosts(record))
    _write(f"{directory}/resolv.conf", _resolv_conf(record))


def _hosts(record: Record) -> str:
    if record.host_config.network_mode == "host":
        return _read("/etc/hosts")
    extra = (entry.partition(":")[::2] for entry in record.host_config.extra_hosts or ())
    return _LOOPBACK + "".join(f"{address.strip('[]')}\t{name}\n" for name, address in extra)


def _resolv_conf(record: Record) -> str:
    host = record.host_config
    if not (host.dns or host.dns_search or host.dns_options):
        return _read("/etc/resolv.conf")
    lines = [f"nameserver {server}" for server in host.dns]
    lines += [f"search {' '.join(host.dns_search)}"] if host.dns_search else []
    lines += [f"options {' '.join(host.dns_options)}"] if host.dns_options else []
    return "\n".join(lines) + "\n"


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
