"""Packages from the distribution's archive, every byte vouched for: signature → index → checksum of the package.

``InRelease`` is verified by :mod:`.signature`; it holds the checksum of ``Packages.xz``, which holds that of the ``.deb``. For
one package, a suite that cannot be reached is passed over while another has it; for a system all suites must answer, or
security fixes would be missing silently. One whose bytes are wrong stops everything.

Source: Debian wiki "DebianRepository/Format"; apt-secure(8).
"""

from __future__ import annotations

import hashlib
import platform
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from dockerkit.daemon.images.bootstrap.aptconf import AptConfiguration
from dockerkit.daemon.images.bootstrap.deb import Deb
from dockerkit.daemon.images.bootstrap.download import Downloader, Unconnected
from dockerkit.daemon.images.bootstrap.packagecache import PackageCache
from dockerkit.daemon.images.bootstrap.packages import PackageEntry, find_package, version_key
from dockerkit.daemon.images.bootstrap.releases import Release, read_release
from dockerkit.daemon.images.bootstrap.request import Progress
from dockerkit.daemon.images.bootstrap.signature import verify
from dockerkit.daemon.images.bootstrap.sources import Source, read_sources
from dockerkit.daemon.images.bootstrap.universe import Candidate, PackageList
from dockerkit.daemon.images.compression import decompress
from dockerkit.daemon.images.platform import host_platform
from dockerkit.errors import Damaged, NotFound, Unavailable, Unsupported

_ARCHITECTURES = {"amd64": "amd64", "arm64": "arm64", "arm": "armhf", "386": "i386", "ppc64le": "ppc64el"}
_RELEASE_LIMIT, _INDEX_LIMIT, _PACKAGE_LIMIT = 4 << 20, 64 << 20, 256 << 20
_FRESH = 60.0
"""Seconds for which an index is not fetched again."""
_COMPONENTS = ("main", "universe")
"""Free software: Debian's own, and the part of Ubuntu's that has most servers."""
_PARALLEL, _WAITING = 6, 12
"""Downloads at a time; and packages that are in memory before their turn."""
Verify = Callable[..., bytes]


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
    :param cache: what was fetched before.
    """

    def __init__(
        self,
        directory: str = "/etc/apt",
        *,
        cache: PackageCache | None = None,
        verify: Verify = verify,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        seconds: float = 120.0,
    ) -> None:
        self._configuration = AptConfiguration.read(directory)
        self._sources = read_sources(directory, codename=_codename())
        self._download = Downloader(self._configuration, seconds=seconds)
        self._verify, self._now = verify, now
        self._cache = cache or PackageCache("")

    @property
    def sources(self) -> Sequence[Source]:
        """The archives and suites that are the distribution's own."""
        return self._sources

    def releases(self, progress: Progress) -> list[Release]:
        """Return the verified indices of all suites, in the order apt is configured.

        :raises Unavailable: no archive is configured, or one cannot be reached.
        :raises Damaged: a signature, date or suite is wrong; nothing is used.
        """
        if not self._sources:
            raise Unavailable("apt has no archive of this distribution", hint="look at /etc/apt/sources.list.d")
        with ThreadPoolExecutor(_PARALLEL) as pool:
            found = list(pool.map(lambda source: self._release(source, progress), self._sources))
        return [release for release in found if release is not None]

    def package_lists(self, release: Release, progress: Progress) -> list[PackageList]:
        """Return a suite's lists of packages, plain: those of its free components that apt is set up for.

        :raises Damaged: one is not the file the release vouches for.
        :raises NotFound: there is none for this architecture.
        """
        components = [component for component in _COMPONENTS if component in release.source.components]
        return [self._package_list(release, component, progress) for component in components]

    def _package_list(self, release: Release, component: str, progress: Progress) -> PackageList:
        base = f"{component}/binary-{_architecture()}"
        plain = release.listed(f"{base}/Packages")
        data = self._cache.get(plain[0]) if plain else None
        if data is None:
            data = b"".join(decompress([self._packed_list(release, base, progress)]))
            digest = hashlib.sha256(data).hexdigest()
            if plain and digest != plain[0]:
                raise Damaged(f"{release.archive}: the list of packages is not the one its index vouches for")
            self._cache.put(digest, data)
        return PackageList(data, release.source.uri, release.archive)

    def fetch(self, candidates: Sequence[Candidate], progress: Progress) -> Iterator[bytes]:
        """Yield the files of packages in their order, several being fetched at a time; those in the cache are not.

        :raises Damaged: a file is not the one the index vouches for.
        :raises Unavailable: it cannot be had.
        """
        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="packages") as pool:
            waiting: deque[Future[bytes]] = deque()
            try:
                for candidate in candidates:
                    waiting.append(pool.submit(self._package, candidate, progress))
                    if len(waiting) > _WAITING:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _package(self, candidate: Candidate, progress: Progress) -> bytes:
        entry = candidate.entry
        data = self._cache.get(entry.sha256)
        if data is None:
            data = self._checked(_package_file(candidate.base, entry), _PACKAGE_LIMIT, progress)
            self._cache.put(entry.sha256, data)
        return data

    def _packed_list(self, release: Release, base: str, progress: Progress) -> bytes:
        for ending in (".xz", ".gz"):
            listed = release.listed(f"{base}/Packages{ending}")
            if listed is not None:
                return self._checked(_index_file(release, f"{base}/Packages{ending}", *listed), _INDEX_LIMIT, progress)
        raise NotFound(f"{release.archive} lists no packages for {_architecture()}")

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
        signed, fetched = self._signed(source, url, progress)
        text = self._verify(signed, source.signed_by, subject=url)
        release = read_release(text, source, url, self._configuration, now=self._now)
        if fetched:  # last of all: a wrong one is not kept in the place of one that was right
            self._cache.note(url, signed)
        return release

    def _signed(self, source: Source, url: str, progress: Progress) -> tuple[bytes, bool]:
        """Return a suite's ``InRelease``, to be verified, and whether it was fetched now.

        One of a minute ago serves, and an older one where no connection can be made: it says itself how long it is good for.
        """
        known = self._cache.noted(url)
        if known is not None and 0 <= known[1] < _FRESH:
            return known[0], False
        progress({"status": f"Fetching index of {source.suite}"})
        try:
            return self._download.fetch(url, limit=_RELEASE_LIMIT), True
        except Unconnected as failure:
            if known is None:
                raise
            age = f"{known[1] / 3600:.1f} hours ago"
            progress({"status": f"{failure.message}: the index of {source.suite} that was fetched {age} is used"})
            return known[0], False

    def _find(self, release: Release, name: str, progress: Progress) -> PackageEntry | None:
        try:
            packed = self._packed_list(release, f"main/binary-{_architecture()}", progress)
        except NotFound:
            return None
        return find_package(decompress([packed]), name)

    def _deb(self, release: Release, entry: PackageEntry, progress: Progress) -> Deb:
        data = self._checked(_package_file(release.source.uri, entry), _PACKAGE_LIMIT, progress)
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


def _package_file(base: str, entry: PackageEntry) -> _File:
    return _File(f"{base}/{quote(entry.filename, safe='/+~:=@,')}", entry.sha256, entry.size, entry.name)


def _index_file(release: Release, path: str, digest: str, size: int) -> _File:
    if release.fields.get("acquire-by-hash", "").lower() == "yes":
        # by its digest: the mirror may change what the plain name means between two requests
        path = f"{path.rpartition('/')[0]}/by-hash/SHA256/{digest}"
    return _File(f"{release.source.uri}/dists/{release.source.suite}/{path}", digest, size, release.archive)


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
