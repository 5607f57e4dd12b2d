"""A package from the distribution's archive, every byte vouched for: signature → index → checksum of the package.

``InRelease`` is verified by :mod:`.signature`; it holds the checksum of ``Packages.xz``, which holds that of the ``.deb``. A
suite that cannot be reached is passed over while another has the package; one whose bytes are wrong stops everything.

Source: Debian wiki "DebianRepository/Format"; apt-secure(8).
"""

from __future__ import annotations

import email.utils
import hashlib
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from dockerkit.daemon.images.bootstrap.aptconf import AptConfiguration
from dockerkit.daemon.images.bootstrap.deb import Deb
from dockerkit.daemon.images.bootstrap.download import Downloader
from dockerkit.daemon.images.bootstrap.packages import PackageEntry, find_package, version_key
from dockerkit.daemon.images.bootstrap.request import Progress
from dockerkit.daemon.images.bootstrap.signature import verify
from dockerkit.daemon.images.bootstrap.sources import Source, parse_stanzas, read_sources
from dockerkit.daemon.images.compression import decompress
from dockerkit.daemon.images.platform import host_platform
from dockerkit.errors import Damaged, Unavailable, Unsupported

_ORIGINS = ("Debian", "Ubuntu", "Raspbian")
_ARCHITECTURES = {"amd64": "amd64", "arm64": "arm64", "arm": "armhf", "386": "i386", "ppc64le": "ppc64el"}
_RELEASE_LIMIT, _INDEX_LIMIT, _PACKAGE_LIMIT = 4 << 20, 64 << 20, 64 << 20
_CLOCK_SKEW = timedelta(minutes=10)
_LISTED = re.compile(r"^\s*([0-9a-f]{64})\s+(\d+)\s+(\S+)$", re.MULTILINE)
Verify = Callable[..., bytes]


@dataclass(frozen=True, slots=True)
class Release:
    """A suite's signed index of indices."""

    source: Source
    fields: dict[str, str]

    @property
    def archive(self) -> str:
        """What the archive calls itself: ``Debian bookworm``."""
        return f"{self.fields.get('origin')} {self.fields.get('codename')}"

    def listed(self, path: str) -> tuple[str, int] | None:
        """Return SHA-256 and size of a file of this suite, or None."""
        for digest, size, name in _LISTED.findall(self.fields.get("sha256", "")):
            if name == path:
                return digest, int(size)
        return None


@dataclass(frozen=True, slots=True)
class _File:
    """A file somewhere, what it must be, and what it is called in progress messages."""

    url: str
    sha256: str
    size: int
    shown: str


class Mirror:
    """The host distribution's archive, as apt is configured to reach it.

    :param directory: apt's configuration.
    :param verify: checks a signature; for tests.
    :param now: the time by which indices are judged; for tests.
    """

    def __init__(
        self,
        directory: str = "/etc/apt",
        *,
        verify: Verify = verify,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        seconds: float = 120.0,
    ) -> None:
        self._configuration = AptConfiguration.read(directory)
        self._sources = read_sources(directory, codename=_codename())
        self._download = Downloader(self._configuration, seconds=seconds)
        self._verify, self._now = verify, now

    def fetch_package(self, name: str, progress: Progress) -> Deb:
        """Return the newest version of a package that the archive has for this host.

        :raises Unavailable: no archive is configured, none could be reached, or none has it.
        :raises Damaged: signature, date, suite, checksum or size is wrong; nothing of it is used.
        """
        if not self._sources:
            raise Unavailable(
                f"package {name}: apt has no archive of this distribution", hint="look at /etc/apt/sources.list.d"
            )
        found: list[tuple[Release, PackageEntry]] = []
        failures: list[str] = []
        for source in self._sources:
            try:
                release = self._release(source, progress)
                entry = self._find(release, name, progress) if release else None
            except Unavailable as error:
                failures.append(error.message)
                continue
            if release and entry:
                found.append((release, entry))
        if not found:
            raise Unavailable(f"package {name}: {'; '.join(failures) or 'no archive of this distribution has it'}")
        release, entry = max(found, key=lambda pair: version_key(pair[1].version))
        return self._deb(release, entry, progress)

    def _release(self, source: Source, progress: Progress) -> Release | None:
        """Fetch and verify a suite's ``InRelease``; None when it is somebody else's archive."""
        url = f"{source.uri}/dists/{source.suite}/InRelease"
        progress({"status": f"Fetching index of {source.suite}"})
        text = self._verify(self._download.fetch(url, limit=_RELEASE_LIMIT), source.signed_by, subject=url)
        fields = next(parse_stanzas(text.decode("utf-8", "replace")), {})
        if fields.get("origin") not in _ORIGINS:
            return None
        if source.suite not in (fields.get("suite"), fields.get("codename")):
            raise Damaged(f"{url} is the index of {fields.get('suite')}, not of {source.suite}")
        self._check_dates(source, fields, url)
        return Release(source, fields)

    def _check_dates(self, source: Source, fields: dict[str, str], url: str) -> None:
        """Refuse an index that has outlived itself (a mirror frozen before a security update) or is from the future."""
        checked = self._configuration.flag("Acquire::Check-Valid-Until", True)
        until = fields.get("valid-until", "")
        if (
            until
            and (checked if source.check_valid_until is None else source.check_valid_until)
            and _date(until, url) < self._now()
        ):
            raise Damaged(f"{url} was valid until {until}", hint="update the mirror, or set this host's clock")
        made = fields.get("date", "")
        if made and self._configuration.flag("Acquire::Check-Date", True) and _date(made, url) > self._now() + _CLOCK_SKEW:
            raise Damaged(f"{url} is dated {made}, in the future", hint="set this host's clock")

    def _find(self, release: Release, name: str, progress: Progress) -> PackageEntry | None:
        architecture = _architecture()
        for ending in (".xz", ".gz"):
            path = f"main/binary-{architecture}/Packages{ending}"
            listed = release.listed(path)
            if listed is not None:
                index = self._checked(_index_file(release, path, *listed), _INDEX_LIMIT, progress)
                return find_package(decompress([index]), name)
        return None

    def _deb(self, release: Release, entry: PackageEntry, progress: Progress) -> Deb:
        url = f"{release.source.uri}/{quote(entry.filename, safe='/+~:=@,')}"
        data = self._checked(_File(url, entry.sha256, entry.size, entry.name), _PACKAGE_LIMIT, progress)
        return Deb(data, f"{entry.name} {entry.version} ({release.archive})")

    def _checked(self, file: _File, limit: int, progress: Progress) -> bytes:
        """Return the bytes of a file that somebody trusted has described.

        :raises Damaged: it is another file.
        """
        if file.size > limit:
            raise Damaged(f"{file.url} is announced with {file.size} bytes, more than is sane")

        def heard(current: int) -> None:
            progress({"status": "Downloading", "progressDetail": {"current": current, "total": file.size}, "id": file.shown})

        data = self._download.fetch(file.url, limit=file.size, heard=heard)
        if len(data) != file.size or hashlib.sha256(data).hexdigest() != file.sha256:
            raise Damaged(f"{file.url} is not the file its index vouches for", hint="the mirror is being updated, or lies")
        return data


def _index_file(release: Release, path: str, digest: str, size: int) -> _File:
    if release.fields.get("acquire-by-hash", "").lower() == "yes":
        # by its digest: the mirror may change what the plain name means between two requests
        path = f"{path.rpartition('/')[0]}/by-hash/SHA256/{digest}"
    return _File(f"{release.source.uri}/dists/{release.source.suite}/{path}", digest, size, release.archive)


def _date(text: str, url: str) -> datetime:
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        raise Damaged(f"{url} holds a malformed date: {text!r}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _codename() -> str:
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        return ""


def _architecture() -> str:
    host = host_platform().architecture
    if host not in _ARCHITECTURES and host not in ("s390x", "riscv64"):
        raise Unsupported(f"no distribution's word for architecture {host}")
    return _ARCHITECTURES.get(host, host)
