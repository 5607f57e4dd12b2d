"""What distribution this host is, and the files that make a bootstrapped system one that its own apt can go on with.

Reads os-release(5); asks nobody. Credentials in apt's sources stay on the host.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from dockerkit.daemon.images.bootstrap import slim
from dockerkit.daemon.images.bootstrap.recipe import File
from dockerkit.daemon.images.bootstrap.sources import Source

_KEYRINGS = {"debian": "debian-archive-keyring", "ubuntu": "ubuntu-keyring", "raspbian": "raspbian-archive-keyring"}


@dataclass(frozen=True, slots=True)
class Distribution:
    """A release of a distribution.

    :param id: ``debian``, ``ubuntu``; ``""`` when it is none that has packages we can read.
    :param codename: ``bookworm``.
    :param version: ``12``, ``24.04``.
    """

    id: str
    codename: str
    version: str

    @property
    def keyring(self) -> str:
        """The package that holds its archive's keys."""
        return _KEYRINGS[self.id]

    @property
    def words(self) -> tuple[str, ...]:
        """What its release is called as an image's tag."""
        return tuple(word for word in (self.codename, self.version) if word)


NONE = Distribution("", "", "")


def this_distribution() -> Distribution:
    """Return this host's, or :data:`NONE`."""
    try:
        found = platform.freedesktop_os_release()
    except OSError:
        return NONE
    if found.get("ID") not in _KEYRINGS or not found.get("VERSION_CODENAME"):
        return NONE
    return Distribution(found["ID"], found["VERSION_CODENAME"], found.get("VERSION_ID", ""))


def base_files(distribution: Distribution, sources: Iterable[Source], *, is_slim: bool) -> list[File]:
    """Return the files of our own in a base system: apt's sources, and what every container wants of dpkg and apt."""
    stanzas = [_stanza(source, distribution) for source in sources]
    files = [
        File("/etc/apt/sources.list.d/bootstrap.sources", "\n".join(stanzas)),
        File("/etc/apt/apt.conf.d/90container", _APT),
        File(
            "/etc/dpkg/dpkg.cfg.d/container",
            "# a container's writes need not survive a power cut one by one\nforce-unsafe-io\n",
        ),
        File("/usr/sbin/policy-rc.d", "#!/bin/sh\n# no package may start a service here (invoke-rc.d(8))\nexit 101\n", 0o755),
    ]
    return [*files, File(slim.RULES_PATH, slim.rules().decode())] if is_slim else files


_APT = """// an image keeps no packages that were installed, and no translated descriptions
Acquire::Languages "none";
Acquire::GzipIndexes "true";
APT::AutoRemove::SuggestsImportant "false";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
"""


def _stanza(source: Source, distribution: Distribution) -> str:
    parts = urlsplit(source.uri)
    uri = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    keyring = f"/usr/share/keyrings/{distribution.id}-archive-keyring.gpg"
    return f"Types: deb\nURIs: {uri}\nSuites: {source.suite}\nComponents: {' '.join(source.components)}\nSigned-By: {keyring}\n"
