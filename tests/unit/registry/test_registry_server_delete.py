"""Deleting, and what is collected after it: nothing that a manifest needs, nothing that is being pushed."""

from __future__ import annotations

import os
import pathlib
import threading

import pytest

from dockerkit.daemon.registry.server import collecting, uploads
from dockerkit.daemon.registry.server.beneath import PREFIX
from tests.unit.registry.ourregistry import OurRegistry, digest_of, manifest_of


def age(ours: OurRegistry, seconds: float = 100_000) -> None:
    """Make everything in the store look so old."""
    for path in ours.files():
        found = (ours.directory / path).stat()
        os.utime(ours.directory / path, (found.st_atime, found.st_mtime - seconds))


def test_manifest_deleted_by_its_digest_takes_its_tags(ours: OurRegistry) -> None:
    digest = ours.push_image("shop", "1")
    ours.push("shop", "2", manifest_of(b"{}"))
    other = ours.push_image("shop", "3", b"layer")
    assert ours.ask("DELETE", f"/v2/shop/manifests/{digest}").status == 202
    for reference in (digest, "1", "2"):
        assert ours.ask("GET", f"/v2/shop/manifests/{reference}").status == 404
    assert ours.ask("GET", "/v2/shop/tags/list").json["tags"] == ["3"]
    assert ours.ask("HEAD", "/v2/shop/manifests/3").headers["Docker-Content-Digest"] == other
    assert ours.ask("DELETE", f"/v2/shop/manifests/{digest}").code == "MANIFEST_UNKNOWN"


def test_tag_deleted_leaves_its_manifest(ours: OurRegistry) -> None:
    digest = ours.push_image("shop", "1")
    assert ours.ask("DELETE", "/v2/shop/manifests/1").status == 202
    assert ours.ask("GET", "/v2/shop/manifests/1").status == 404
    assert ours.ask("GET", f"/v2/shop/manifests/{digest}").status == 200
    assert ours.ask("DELETE", "/v2/shop/manifests/1").code == "MANIFEST_UNKNOWN"


def test_blob_deleted_is_gone_here_and_stays_elsewhere(ours: OurRegistry) -> None:
    digest = ours.push_blob("shop", b"blob")
    ours.push_blob("other", b"blob")
    assert ours.ask("DELETE", f"/v2/shop/blobs/{digest}").status == 202
    assert ours.ask("GET", f"/v2/shop/blobs/{digest}").status == 404
    assert ours.ask("GET", f"/v2/other/blobs/{digest}").body == b"blob"
    assert ours.ask("DELETE", f"/v2/shop/blobs/{digest}").code == "BLOB_UNKNOWN"


def test_what_a_manifest_needs_is_never_collected(ours: OurRegistry) -> None:
    ours.push_image("shop", "1", b"one", b"two")
    ours.push_image("second", "", b"one")
    age(ours)
    before = ours.files()
    assert ours.registry.collector.collect() == 0
    assert ours.files() == before


def test_what_no_manifest_needs_is_collected_when_it_is_old(ours: OurRegistry) -> None:
    digest = ours.push_image("shop", "1", b"one", b"shared")
    ours.push_image("second", "1", b"shared")
    ours.push_blob("third", b"never used")
    ours.ask("DELETE", f"/v2/shop/manifests/{digest}")
    assert ours.registry.collector.collect() > 0
    assert ours.ask("GET", f"/v2/shop/blobs/{digest_of(b'one')}").status == 200, "new: it may belong to a push under way"
    age(ours)
    assert ours.registry.collector.collect() == 0
    assert sorted(path for path in ours.files() if path.startswith("blobs/")) == sorted(
        f"blobs/sha256/{digest_of(content)[7:]}" for content in (b"{}", b"shared", manifest_of(b"{}", b"shared"))
    )
    assert not (ours.directory / "repositories" / "shop").exists(), "nothing is left of it"
    assert ours.ask("GET", "/v2/second/manifests/1").status == 200


def test_blob_that_somebody_asked_for_is_not_collected(ours: OurRegistry) -> None:
    digest = ours.push_blob("shop", b"pushed long ago")
    age(ours)
    ours.ask("HEAD", f"/v2/shop/blobs/{digest}")
    assert ours.registry.collector.collect() == 1
    ours.push_blob("shop", b"{}")
    ours.push("shop", "1", manifest_of(b"{}", b"pushed long ago"))


def test_upload_nobody_goes_on_with_is_collected(ours: OurRegistry) -> None:
    old = ours.begin("shop")
    age(ours)
    new = ours.begin("shop")
    ours.registry.collector.collect()
    assert [ours.ask("GET", place).status for place in (old, new)] == [404, 204]


def test_what_a_crash_left_half_written_is_removed_at_the_start(ours: OurRegistry) -> None:
    ours.push_image("shop", "1")
    before = ours.files()
    for folder in ("blobs", "blobs/sha256", "repositories/shop/_tags"):
        (ours.directory / folder / f"{PREFIX}half").write_bytes(b"ha")
    assert ours.ask("GET", "/v2/shop/tags/list").json["tags"] == ["1"]
    ours.shelves.tree.remove_unfinished()
    assert ours.files() == before


def test_deletion_starts_a_collection(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "SETTLE", 0.01)
    collected = threading.Semaphore(0)
    with OurRegistry(tmp_path, grace=0.0) as ours:
        monkeypatch.setattr(ours.registry.collector, "collect", lambda: collected.release() or 0)
        ours.registry.collector.start()
        assert collected.acquire(timeout=10), "at the start"
        digest = ours.push_image("shop", "1")
        ours.ask("DELETE", f"/v2/shop/manifests/{digest}")
        assert collected.acquire(timeout=10)
        ours.registry.collector.close()


def test_too_many_uploads_are_refused(ours: OurRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST", 2)
    place = ours.begin("shop")
    ours.begin("shop")
    answered = ours.ask("POST", "/v2/shop/blobs/uploads/")
    assert (answered.status, answered.code) == (429, "TOOMANYREQUESTS")
    ours.ask("DELETE", place)
    ours.begin("shop")
