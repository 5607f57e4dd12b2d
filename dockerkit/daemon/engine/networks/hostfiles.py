"""A container's ``hosts`` and ``resolv.conf``: what dockerd writes, by the networks it is on. Files are changed in place.

They are mounted into the container, so that a new file would never be seen there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from dockerkit.daemon.engine.networks.wishes import user_defined
from dockerkit.daemon.engine.record import Record

INTERNAL_SERVER = "127.0.0.11"
_STUB, _BEHIND_STUB = "127.0.0.53", "/run/systemd/resolve/resolv.conf"
_PUBLIC = ("8.8.8.8", "8.8.4.4")
"""What dockerd falls back to when the host's resolvers cannot be reached from a container."""
SHARED_FILES = ("hosts", "hostname", "resolv.conf")
LARGEST = 1 << 20
"""Characters of a file that are looked at: it is the container's to write, who may make it as large as it likes."""


class Resolving:
    """A ``resolv.conf`` as a value: servers, search domains, options."""

    def __init__(self, servers: Sequence[str] = (), search: Sequence[str] = (), options: Sequence[str] = ()) -> None:
        self.servers, self.search, self.options = list(servers), list(search), list(options)

    @classmethod
    def read(cls, text: str) -> Resolving:
        """Read a file (resolv.conf(5)); the last ``search`` counts."""
        found = cls()
        for line in text.splitlines():
            word, *rest = line.split() or [""]
            if word == "nameserver" and rest:
                found.servers.append(rest[0])
            elif word in ("search", "domain"):
                found.search = rest
            elif word == "options":
                found.options += rest
        return found

    def text(self) -> str:
        """Return the file."""
        lines = [f"nameserver {server}" for server in self.servers]
        lines += [f"search {' '.join(self.search)}"] if self.search else []
        lines += [f"options {' '.join(self.options)}"] if self.options else []
        return "".join(f"{line}\n" for line in lines)


def resolving(record: Record, *, loopback: bool = False) -> Resolving:
    """Return how names are resolved outside the engine: what the container asked for, else the host's way.

    :param loopback: with the servers on the host's own loopback, which a container itself cannot reach.
    """
    wish, host = record.host_config, host_resolving()
    servers = wish.dns or [server for server in host.servers if loopback or not is_loopback(server)]
    search = [name for name in wish.dns_search if name != "."] if wish.dns_search else host.search
    return Resolving(servers or _PUBLIC, search, wish.dns_options or host.options)


def host_resolving() -> Resolving:
    """Return how the host resolves names: behind systemd's stub, what the stub asks."""
    found = Resolving.read(read("/etc/resolv.conf"))
    if found.servers == [_STUB] and os.path.exists(_BEHIND_STUB):
        return Resolving.read(read(_BEHIND_STUB))
    return found


def resolv_conf(record: Record) -> str:
    """Return a container's file: the internal server on a network of somebody's own, the host's file without network."""
    wish = record.host_config
    if any(user_defined(name) for name in record.wishes):
        return internal(record).text()
    if record.host_config.network_mode in ("host", "none") and not (wish.dns or wish.dns_search or wish.dns_options):
        return read("/etc/resolv.conf")
    return resolving(record).text()


def internal(record: Record) -> Resolving:
    """Return the file of a container that is served names by the engine."""
    outside = resolving(record)
    options = (
        outside.options if any(option.startswith("ndots:") for option in outside.options) else ["ndots:0", *outside.options]
    )
    return Resolving([INTERNAL_SERVER], outside.search, options)


def own_lines(record: Record, *names: str) -> list[str]:
    """Return a container's own lines of ``hosts``, one for each of its addresses; `names`: on these networks only."""
    config = record.config
    hostname = f"{config.hostname}.{config.domainname}\u0020{config.hostname}" if config.domainname else config.hostname
    found = []
    for name in names or record.places:
        for version in (4, 6):
            address, _ = record.places[name].address(version)
            found += [f"{address}\t{hostname}"] if address and hostname else []
    return found


def add(path: str, lines: Sequence[str]) -> None:
    """Add lines to a file, as it is in the container."""
    if lines:
        with open(path, "a", encoding="utf-8", errors="surrogateescape") as file:
            file.writelines(f"{line}\n" for line in lines)


def remove(path: str, lines: Iterable[str]) -> None:
    """Take lines out of a file, as it is in the container; what somebody else wrote stays, and all of what is too large."""
    gone = set(lines)
    with open(path, "r+", encoding="utf-8", errors="surrogateescape") as file:
        text = file.read(LARGEST + 1)
        if len(text) > LARGEST:
            return
        kept = "\n".join(line for line in text.split("\n") if line not in gone)
        file.seek(0)
        file.truncate()
        file.write(kept)


def overwrite(path: str, text: str) -> None:
    """Give a file another content, as it is in the container."""
    with open(path, "r+", encoding="utf-8", errors="surrogateescape") as file:
        file.truncate()
        file.write(text)


def share(source: str, directory: str) -> None:
    """Make a container's files those of another: the same, so that each sees what happens to the other's."""
    for name in SHARED_FILES:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{directory}/{name}")
        os.link(f"{source}/{name}", f"{directory}/{name}")


def read(path: str) -> str:
    """Return a file's text, empty when it is not there; of one that is too large the beginning."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read(LARGEST)
    except FileNotFoundError:
        return ""


def is_loopback(server: str) -> bool:
    """Tell whether a server of ``resolv.conf`` is on the loopback."""
    try:
        return ip_address(server.partition("%")[0]).is_loopback
    except ValueError:
        return False
