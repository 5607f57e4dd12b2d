"""The content store: nothing half written, nothing unverified, names that survive."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dockerkit.daemon.images import store as storemodule
from dockerkit.daemon.images.index import NAME, TAG, NameIndex, name_of
from dockerkit.daemon.images.store import Store
from dockerkit.errors import Damaged, Exhausted, NotFound
from dockerkit.schema.image import Descriptor
from dockerkit.schema.names import parse_reference


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "images"))


@pytest.fixture
def index(store: Store) -> NameIndex:
    return NameIndex(store.directory)


def descriptor(content: str) -> Descriptor:
    digest = hashlib.sha256(content.encode()).hexdigest()
    return Descriptor(media_type="application/x", digest=f"sha256:{digest}", size=len(content))


def blobs(store: Store) -> list[str]:
    return os.listdir(os.path.join(store.directory, "blobs", "sha256"))


def test_a_new_store_is_an_oci_layout(store: Store, index: NameIndex) -> None:
    assert (Path(store.directory) / "oci-layout").read_bytes() == b'{"imageLayoutVersion":"1.0.0"}'
    assert b'"schemaVersion":2' in (Path(store.directory) / "index.json").read_bytes()


def test_what_is_written_twice_is_there_once(store: Store) -> None:
    first, second = store.write(b"hi", "text/plain"), store.write(b"hi", "text/plain")
    assert first == second
    assert blobs(store) == [hashlib.sha256(b"hi").hexdigest()]
    assert store.read(first.digest) == b"hi"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(pieces=st.lists(st.binary(max_size=2000), max_size=5))
def test_any_bytes_come_back_under_their_digest(store: Store, pieces: list[bytes]) -> None:
    with store.writer() as blob:
        for piece in pieces:
            blob.write(piece)
        written = blob.commit("application/octet-stream")
    assert written.digest == f"sha256:{hashlib.sha256(b''.join(pieces)).hexdigest()}"
    assert store.read(written.digest) == b"".join(pieces)


def test_a_blob_with_the_wrong_digest_is_refused_and_leaves_nothing(store: Store) -> None:
    with pytest.raises(Damaged, match="arrived as"), store.writer() as blob:
        blob.write(b"other")
        blob.commit("text/plain", expected=f"sha256:{'0' * 64}")
    assert blobs(store) == []


def test_a_writer_that_is_given_up_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.writer() as blob:
        blob.write(b"half")
        _ = 1 // 0
    assert blobs(store) == []


def test_bytes_changed_on_disk_are_found_when_read(store: Store) -> None:
    written = store.write(b"original", "text/plain")
    path = Path(store.directory, "blobs", "sha256", written.digest.removeprefix("sha256:"))
    path.write_bytes(b"changed!")
    with pytest.raises(Damaged, match="is damaged"):
        store.read(written.digest)
    with pytest.raises(Damaged, match="is damaged"):
        store.verify(written.digest)


def test_a_missing_blob_says_which(store: Store) -> None:
    with pytest.raises(NotFound, match="sha256:1111"):
        store.read("sha256:" + "1" * 64)


@pytest.mark.parametrize("digest", ["sha256:../../../../etc/passwd", "md5:00", "sha256:" + "A" * 64, "", "sha256:/" + "0" * 63])
def test_a_digest_is_never_a_path(store: Store, digest: str) -> None:
    with pytest.raises(Damaged, match="malformed"):
        store.read(digest)


def test_a_full_disk_is_said_and_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storemodule.os, "fsync", full)
    with pytest.raises(Exhausted, match="no room for blob"):
        store.write(b"hi", "text/plain")
    assert blobs(store) == []


def test_what_a_crash_left_half_written_goes_at_the_next_start(store: Store) -> None:
    Path(store.directory, "blobs", "sha256", ".tmp-dead").write_bytes(b"half")
    Path(store.directory, ".tmp-dead").write_bytes(b"half")
    store.remove_unfinished()
    assert blobs(store) == []
    assert sorted(os.listdir(store.directory)) == ["blobs", "oci-layout"]


def test_what_somebody_is_writing_now_is_left_alone(store: Store) -> None:
    with store.writer() as blob:
        blob.write(b"alive")
        store.remove_unfinished()
        written = blob.commit("text/plain")
    assert store.read(written.digest) == b"alive"


def test_names_survive_reopening(store: Store, index: NameIndex) -> None:
    index.assign(parse_reference("busybox"), descriptor("a"))
    index.assign(parse_reference("localhost:5000/x/y:1"), descriptor("a"))
    names = [str(name_of(d)) for d in NameIndex(store.directory).descriptors()]
    assert names == ["busybox:latest", "localhost:5000/x/y:1"]


def test_a_name_is_written_as_containerd_and_skopeo_read_it(index: NameIndex) -> None:
    index.assign(parse_reference("busybox"), descriptor("a"))
    assert index.descriptors()[0].annotations == {TAG: "latest", NAME: "docker.io/library/busybox:latest"}


def test_a_name_that_moves_leaves_its_old_image_without_it(index: NameIndex) -> None:
    index.assign(parse_reference("x:1"), descriptor("old"))
    index.assign(parse_reference("x:1"), descriptor("new"))
    assert [(d.digest, name_of(d) is None) for d in index.descriptors()] == [
        (descriptor("old").digest, True),
        (descriptor("new").digest, False),
    ]


def test_a_nameless_image_that_gets_a_name_is_not_there_twice(index: NameIndex) -> None:
    index.assign(parse_reference("x:1"), descriptor("a"))
    index.release([parse_reference("x:1")])
    index.assign(parse_reference("y:1"), descriptor("a"))
    assert [str(name_of(d)) for d in index.descriptors()] == ["y:1"]


def test_a_crash_while_the_index_is_written_keeps_the_old_one(
    index: NameIndex, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.assign(parse_reference("x:1"), descriptor("a"))

    def crash(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="Input/output"):
        patched.setattr(storemodule.os, "rename", crash)
        index.assign(parse_reference("x:2"), descriptor("b"))
    assert [str(name_of(d)) for d in NameIndex(store.directory).descriptors()] == ["x:1"]
    assert [str(name_of(d)) for d in index.descriptors()] == ["x:1"]
    assert not [name for name in os.listdir(store.directory) if name.startswith(".tmp-")]


def test_a_broken_index_is_one_clear_error(index: NameIndex, store: Store) -> None:
    Path(store.directory, "index.json").write_text("{")
    with pytest.raises(Damaged, match=r"index\.json is no OCI index"):
        index.descriptors()


def test_names_given_by_many_threads_all_arrive(index: NameIndex) -> None:
    threads = [
        threading.Thread(target=index.assign, args=(parse_reference(f"x:{number}"), descriptor(str(number))))
        for number in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {str(name_of(d)) for d in index.descriptors()} == {f"x:{number}" for number in range(12)}
