"""Many packages from the archive: all suites or none, every byte checked, nothing fetched twice, nothing spoiled believed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dockerkit.daemon.images.bootstrap.mirror import Mirror
from dockerkit.daemon.images.bootstrap.packagecache import PackageCache, directory
from dockerkit.daemon.images.bootstrap.request import silent
from dockerkit.daemon.images.bootstrap.universe import Candidate, Universe
from dockerkit.errors import Damaged, Unavailable
from tests.unit.images.imagematerial import file
from tests.unit.images.mirrormaterial import Archive, apt, deb, friend, stanza

TOOL, OTHER = deb(file("bin/tool", b"tool")), deb(file("bin/other", b"other"), compress="gz")


@pytest.fixture
def archive() -> Archive:
    made = Archive()
    made.files |= {"pool/tool.deb": TOOL, "pool/other.deb": OTHER}
    made.add_suite("stable", stanza("tool", "1.0", "pool/tool.deb", TOOL) + stanza("other", "2.0", "pool/other.deb", OTHER))
    return made


@pytest.fixture
def url(archive: Archive) -> Iterator[str]:
    with archive.serve() as url:
        yield url


def mirror(tmp_path: Path, url: str, suites: str = "stable") -> Mirror:
    cache = PackageCache(str(tmp_path / "cache"))
    return Mirror(apt(tmp_path / "apt", url, suites), verify=friend, now=lambda: datetime(2026, 7, 12, tzinfo=UTC), cache=cache)


def candidates(found: Mirror) -> list[Candidate]:
    universe = Universe(one for release in found.releases(silent) for one in found.package_lists(release, silent))
    return [candidate for name in ("tool", "other") if (candidate := universe.get(name))]


def test_packages_come_in_their_order_and_only_once(tmp_path: Path, url: str, archive: Archive) -> None:
    first = mirror(tmp_path, url)
    assert list(first.fetch(candidates(first), silent)) == [TOOL, OTHER]
    archive.asked.clear()
    second = mirror(tmp_path, url)
    assert list(second.fetch(candidates(second), silent)) == [TOOL, OTHER]
    assert not [path for path in archive.asked if "pool" in path]


def test_a_changed_package_is_refused_and_not_kept(tmp_path: Path, url: str, archive: Archive) -> None:
    archive.files["pool/other.deb"] = OTHER[:-1] + b"x"
    found = mirror(tmp_path, url)
    with pytest.raises(Damaged, match="is not the file its index vouches for"):
        list(found.fetch(candidates(found), silent))
    assert hashlib.sha256(archive.files["pool/other.deb"]).hexdigest() not in os.listdir(tmp_path / "cache")


def test_a_changed_index_is_refused(tmp_path: Path, url: str, archive: Archive) -> None:
    for path in [path for path in archive.files if "by-hash" in path]:
        archive.files[path] = archive.files[path][:-1] + b"x"
    with pytest.raises(Damaged):
        candidates(mirror(tmp_path, url))


def test_a_spoiled_file_of_the_cache_is_fetched_again(tmp_path: Path, url: str, archive: Archive) -> None:
    first = mirror(tmp_path, url)
    list(first.fetch(candidates(first), silent))
    (tmp_path / "cache" / hashlib.sha256(TOOL).hexdigest()).write_bytes(b"spoiled")
    second = mirror(tmp_path, url)
    assert list(second.fetch(candidates(second), silent)) == [TOOL, OTHER]


def test_a_suite_that_cannot_be_had_stops_everything(tmp_path: Path, url: str) -> None:
    """Otherwise security fixes would be missing, and nobody would know."""
    with pytest.raises(Unavailable, match="stable-security"):
        mirror(tmp_path, url, "stable stable-security").releases(silent)


def test_somebody_elses_archive_is_passed_over(tmp_path: Path, url: str, archive: Archive) -> None:
    archive.add_suite("stable-updates", "", origin="Somebody")
    assert [release.source.suite for release in mirror(tmp_path, url, "stable stable-updates").releases(silent)] == ["stable"]


def test_the_cache_is_bounded_and_the_oldest_goes_first(tmp_path: Path) -> None:
    cache = PackageCache(str(tmp_path / "cache"), limit=25)
    digests = []
    for number, data in enumerate((b"a" * 10, b"b" * 10, b"c" * 10)):
        digests.append(hashlib.sha256(data).hexdigest())
        cache.put(digests[-1], data)
        os.utime(tmp_path / "cache" / digests[-1], (number, number))
    cache.prune()
    assert [cache.get(digest) is not None for digest in digests] == [False, True, True]


def test_a_cache_that_cannot_be_written_loses_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file is in the way")
    cache = PackageCache(str(tmp_path / "cache"))
    cache.put("0" * 64, b"data")
    cache.prune()
    assert cache.get("0" * 64) is None
    assert PackageCache("").get("0" * 64) is None


def test_the_cache_can_be_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKERKIT_CACHE", raising=False)
    assert directory("/root-of-data") == "/root-of-data/cache/packages"
    monkeypatch.setenv("DOCKERKIT_CACHE", "/shared")
    assert directory("/root-of-data") == "/shared/packages"
