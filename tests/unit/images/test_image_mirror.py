"""The distribution's archive: every byte is vouched for, or nothing is used. On loopback, with a signature of our own."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dockerkit.daemon.images.bootstrap.aptconf import AptConfiguration
from dockerkit.daemon.images.bootstrap.download import Downloader
from dockerkit.daemon.images.bootstrap.mirror import Mirror
from dockerkit.daemon.images.bootstrap.packagecache import PackageCache
from dockerkit.daemon.images.bootstrap.request import silent
from dockerkit.errors import Damaged, TimedOut, Unavailable
from tests.unit.images.imagematerial import file, symlink
from tests.unit.images.mirrormaterial import Archive, apt, deb, friend, stanza

PACKAGE = deb(file("./bin/tool", b"the tool", mode=0o755), symlink("./bin/other", "tool"))
POOL = "pool/main/t/tool/tool_1.0-1~x+y_all.deb"
NOW = datetime(2026, 7, 12, tzinfo=UTC)


@pytest.fixture
def archive() -> Archive:
    made = Archive()
    made.files[POOL] = PACKAGE
    made.add_suite(
        "stable", stanza("aaa", "1", "x", b"") + stanza("tool", "1.0-1", POOL, PACKAGE) + stanza("tool-dev", "9", "x", b"")
    )
    return made


@pytest.fixture
def url(archive: Archive) -> Iterator[str]:
    with archive.serve() as url:
        yield url


def mirror(directory: str, **options: object) -> Mirror:
    return Mirror(directory, verify=friend, now=lambda: NOW, **options)  # type: ignore[arg-type]


def test_a_package_is_fetched_and_opened(tmp_path: Path, url: str, archive: Archive) -> None:
    heard: list[dict[str, object]] = []
    package = mirror(apt(tmp_path, url)).fetch_package("tool", heard.append)
    assert package.origin == "tool 1.0-1 (Debian stable)"
    assert package.file(["usr/bin/tool", "bin/tool"]) == b"the tool"
    assert heard[-1] == {
        "status": "Downloading",
        "progressDetail": {"current": len(PACKAGE), "total": len(PACKAGE)},
        "id": "tool",
    }
    assert any("/by-hash/SHA256/" in path for path in archive.asked)


def test_an_archive_without_by_hash_is_asked_by_name(tmp_path: Path, url: str, archive: Archive) -> None:
    archive.files.clear()
    archive.files[POOL] = PACKAGE
    archive.add_suite("stable", stanza("tool", "1.0-1", POOL, PACKAGE), by_hash=False)
    assert mirror(apt(tmp_path, url)).fetch_package("tool", silent).data == PACKAGE


def test_the_newest_version_of_all_suites_wins(tmp_path: Path, url: str, archive: Archive) -> None:
    newer = deb(file("bin/tool", b"patched"), compress="gz")
    archive.files["pool/new.deb"] = newer
    archive.add_suite("stable-security", stanza("tool", "1.0-1+deb1u1", "pool/new.deb", newer))
    archive.add_suite("stable-updates", stanza("tool", "1.0-1~bpo", POOL, PACKAGE))
    package = mirror(apt(tmp_path, url, "stable-updates stable-security stable")).fetch_package("tool", silent)
    assert package.file(["bin/tool"]) == b"patched"
    assert "1.0-1+deb1u1 (Debian stable-security)" in package.origin


def change(data: bytes, at: int = -20) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


@pytest.mark.parametrize("what", ["InRelease", "by-hash", "pool"])
def test_a_changed_file_is_refused(tmp_path: Path, url: str, archive: Archive, what: str) -> None:
    for path in [path for path in archive.files if what in path]:
        archive.files[path] = change(archive.files[path], 3)
    with pytest.raises(Damaged):
        mirror(apt(tmp_path, url)).fetch_package("tool", silent)


@pytest.mark.parametrize("what", ["by-hash", "pool"])
def test_a_file_of_another_length_is_refused(tmp_path: Path, url: str, archive: Archive, what: str) -> None:
    for tail in (b"x", b""):
        for path in [path for path in archive.files if what in path]:
            archive.files[path] = archive.files[path] + tail if tail else archive.files[path][:-2]
        with pytest.raises(Damaged):
            mirror(apt(tmp_path, url)).fetch_package("tool", silent)


def test_the_index_of_another_suite_is_refused(tmp_path: Path, url: str, archive: Archive) -> None:
    archive.add_suite("stable", stanza("tool", "0.1", POOL, PACKAGE), called="oldstable")
    with pytest.raises(Damaged, match="is the index of oldstable, not of stable"):
        mirror(apt(tmp_path, url)).fetch_package("tool", silent)


def test_an_index_that_has_outlived_itself_is_refused(tmp_path: Path, url: str, archive: Archive) -> None:
    archive.add_suite("stable", stanza("tool", "1", POOL, PACKAGE), extra="Valid-Until: Sat, 11 Jul 2026 12:00:00 UTC\n")
    with pytest.raises(Damaged, match="was valid until"):
        mirror(apt(tmp_path, url)).fetch_package("tool", silent)


@pytest.mark.parametrize(
    ("configuration", "options"), [('Acquire::Check-Valid-Until "false";', ""), ("", "[check-valid-until=no]")]
)
def test_an_old_index_is_taken_when_apt_is_told_so(
    tmp_path: Path, url: str, archive: Archive, configuration: str, options: str
) -> None:
    archive.add_suite("stable", stanza("tool", "1", POOL, PACKAGE), extra="Valid-Until: Sat, 11 Jul 2026 12:00:00 UTC\n")
    directory = apt(tmp_path, url, configuration=configuration, options=options)
    assert mirror(directory).fetch_package("tool", silent).data == PACKAGE


def listed(mirror: Mirror, heard: list[str]) -> bytes:
    """The list of packages of the only suite, by whatever way it can be had."""
    say = lambda message: heard.append(str(message.get("status")))  # noqa: E731
    return b"".join(part.data for release in mirror.releases(say) for part in mirror.package_lists(release, say))


def test_an_index_of_a_moment_ago_is_not_fetched_again(tmp_path: Path, url: str, archive: Archive) -> None:
    directory, cache = apt(tmp_path, url), PackageCache(str(tmp_path / "cache"))
    first = listed(mirror(directory, cache=cache), [])
    asked = len(archive.asked)
    assert listed(mirror(directory, cache=cache), []) == first
    assert len(archive.asked) == asked
    _grow_old(tmp_path)
    assert listed(mirror(directory, cache=cache), []) == first
    assert [path for path in archive.asked[asked:] if "InRelease" not in path] == []
    assert len(archive.asked) > asked


def test_without_a_connection_the_last_index_serves_and_it_is_said(tmp_path: Path, archive: Archive) -> None:
    heard: list[str] = []
    cache = PackageCache(str(tmp_path / "cache"))
    with archive.serve() as url:
        directory = apt(tmp_path, url)
        first = listed(mirror(directory, cache=cache), [])
    _grow_old(tmp_path)
    assert listed(mirror(directory, cache=cache), heard) == first
    assert [line for line in heard if "the index of stable that was fetched" in line and "cannot be fetched" in line]


def test_the_last_index_is_verified_and_good_for_so_long_as_it_says(tmp_path: Path, archive: Archive) -> None:
    until = "Valid-Until: Mon, 13 Jul 2026 12:00:00 UTC\n"
    archive.add_suite("stable", stanza("tool", "1", POOL, PACKAGE), extra=until)
    cache = PackageCache(str(tmp_path / "cache"))
    with archive.serve() as url:
        directory = apt(tmp_path, url)
        listed(mirror(directory, cache=cache), [])
    _grow_old(tmp_path)
    later = Mirror(directory, verify=friend, now=lambda: datetime(2026, 7, 14, tzinfo=UTC), cache=cache)
    with pytest.raises(Damaged, match="was valid until"):
        later.releases(silent)

    def enemy(*_: object, **__: object) -> bytes:
        raise Damaged("nobody's signature")

    with pytest.raises(Damaged, match="nobody's signature"):
        Mirror(directory, verify=enemy, now=lambda: NOW, cache=cache).releases(silent)


def test_an_archive_that_answers_is_believed_rather_than_the_last_index(tmp_path: Path, url: str, archive: Archive) -> None:
    directory, cache = apt(tmp_path, url), PackageCache(str(tmp_path / "cache"))
    listed(mirror(directory, cache=cache), [])
    _grow_old(tmp_path)
    archive.files.clear()
    with pytest.raises(Unavailable, match="404 Not Found"):
        mirror(directory, cache=cache).releases(silent)


def _grow_old(tmp_path: Path) -> None:
    for noted in (tmp_path / "cache").glob("index-*"):
        os.utime(noted, (1_000_000_000, 1_000_000_000))


def test_an_index_from_the_future_is_refused(tmp_path: Path, url: str) -> None:
    early = Mirror(apt(tmp_path, url), verify=friend, now=lambda: datetime(2026, 7, 1, tzinfo=UTC))
    with pytest.raises(Damaged, match="in the future"):
        early.fetch_package("tool", silent)


def test_somebody_elses_archive_is_passed_over(tmp_path: Path, url: str, archive: Archive) -> None:
    archive.add_suite("stable", stanza("tool", "99", POOL, PACKAGE), origin="Tools Inc.")
    with pytest.raises(Unavailable, match="no archive of this distribution has it"):
        mirror(apt(tmp_path, url)).fetch_package("tool", silent)


def test_a_suite_that_cannot_be_reached_is_passed_over_while_another_can(tmp_path: Path, url: str) -> None:
    package = mirror(apt(tmp_path, url, "stable-security stable")).fetch_package("tool", silent)
    assert package.data == PACKAGE


def test_when_no_suite_can_be_reached_each_says_why(tmp_path: Path, url: str) -> None:
    with pytest.raises(Unavailable, match=r"stable-security/InRelease cannot be fetched: 404 Not Found; .*testing/InRelease"):
        mirror(apt(tmp_path, url, "stable-security testing")).fetch_package("tool", silent)


def test_a_package_nobody_has_is_unavailable(tmp_path: Path, url: str) -> None:
    with pytest.raises(Unavailable, match="package nosuch: no archive"):
        mirror(apt(tmp_path, url)).fetch_package("nosuch", silent)


def test_a_host_without_an_archive_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="apt has no archive"):
        mirror(str(tmp_path)).fetch_package("tool", silent)


def test_a_package_whose_file_is_not_there_is_unavailable(tmp_path: Path, url: str, archive: Archive) -> None:
    del archive.files[POOL]
    with pytest.raises(Unavailable, match="404"):
        mirror(apt(tmp_path, url)).fetch_package("tool", silent)


def test_an_entry_that_leads_out_of_the_archive_is_refused(tmp_path: Path, url: str, archive: Archive) -> None:
    archive.add_suite("stable", stanza("tool", "1", "../../../secret", PACKAGE))
    with pytest.raises(Damaged, match="leads out of the archive"):
        mirror(apt(tmp_path, url)).fetch_package("tool", silent)


def test_apts_proxy_is_asked_for_the_file(tmp_path: Path, url: str, archive: Archive) -> None:
    proxy = url.removesuffix("/debian")
    directory = apt(tmp_path, "http://archive.invalid/debian", configuration=f'Acquire::http::Proxy "{proxy}";')
    for path in list(archive.files):
        archive.files[f"http://archive.invalid/debian/{path}"] = archive.files[path]
    assert mirror(directory).fetch_package("tool", silent).data == PACKAGE
    assert all(path.startswith("http://archive.invalid/") for path in archive.asked)


def test_direct_means_without_the_environments_proxy(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    directory = apt(tmp_path, url, configuration='Acquire::http::Proxy::127.0.0.1 "DIRECT";')
    assert mirror(directory).fetch_package("tool", silent).data == PACKAGE


# servers that misbehave


@pytest.fixture
def silent_server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/x"


def answering(reply: bytes) -> tuple[str, threading.Thread]:
    server = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with server, server.accept()[0] as client:
            client.recv(65536)
            client.sendall(reply)

    thread = threading.Thread(target=answer)
    thread.start()
    return f"http://127.0.0.1:{server.getsockname()[1]}/x", thread


def test_a_server_that_never_answers_is_given_up(silent_server: str) -> None:
    downloader = Downloader(AptConfiguration({}), quiet=0.2)
    with pytest.raises(Unavailable, match="timed out"):
        downloader.fetch(silent_server, limit=10)


def test_the_deadline_is_shared_by_all_files(silent_server: str) -> None:
    downloader = Downloader(AptConfiguration({}), seconds=0.0)
    with pytest.raises(TimedOut, match="was not fetched within 0 s"):
        downloader.fetch(silent_server, limit=10)


def test_a_port_nobody_listens_on_names_the_cause() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unavailable, match=r"cannot be fetched: .*refused"):
        Downloader(AptConfiguration({})).fetch(f"http://127.0.0.1:{port}/x", limit=10)


@pytest.mark.parametrize(
    ("reply", "error", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", Unavailable, "95 bytes are missing"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 100, Damaged, "longer than the 10 bytes"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100000, Damaged, "longer than the 10 bytes"),
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", Unavailable, "500 No"),
        (b"garbage\r\n\r\n", Unavailable, "cannot be fetched"),
        (b"", Unavailable, "cannot be fetched"),
        (b"HTTP/1.1 302 Away\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", Unavailable, "302"),
    ],
)
def test_a_bad_answer_is_one_clear_error(reply: bytes, error: type[Exception], said: str) -> None:
    url, thread = answering(reply)
    with pytest.raises(error, match=said):
        Downloader(AptConfiguration({}), quiet=5).fetch(url, limit=10)
    thread.join()
