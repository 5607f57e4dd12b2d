"""Images by name and id, and Docker's rules for taking names away. Nothing is unpacked here."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from dockerkit.daemon.images import Images
from dockerkit.daemon.images.index import NameIndex
from dockerkit.daemon.images.layers import chain_ids
from dockerkit.daemon.images.store import Store
from dockerkit.errors import Conflict, Damaged, Invalid, NotFound
from dockerkit.schema.image import ImageDelete
from tests.unit.images.imagematerial import file, put_image, tar

LAYER = tar(file("a", b"12345"))
OTHER = tar(file("b", b"123"))
USER, SECOND = "0123456789ab" + "0" * 52, "fedcba987654" + "0" * 52


class Shelf:
    """A data root with images put there by hand."""

    def __init__(self, root: str) -> None:
        self.images = Images(root)
        self.store = Store(os.path.join(root, "images"))
        self.index = NameIndex(self.store.directory)

    def put(self, *names: str, layers: tuple[bytes, ...] = (LAYER,), label: str = "", compress: int = 6) -> str:
        return put_image(self.store, self.index, layers, names, label=label, compress=compress)[0]

    def remove(
        self, name: str, *, force: bool = False, users: tuple[str, ...] = (), running: tuple[str, ...] = ()
    ) -> list[ImageDelete]:
        return self.images.remove(name, force=force, used_by=lambda _: [*users], running=lambda _: [*running])

    def names(self) -> list[str]:
        return [name for image in self.images.list() for name in image.references]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(str(tmp_path))


def untagged(*names: str) -> list[ImageDelete]:
    return [ImageDelete(untagged=name) for name in names]


def test_an_image_answers_to_name_id_short_id_and_digest(shelf: Shelf) -> None:
    id = shelf.put("busybox", "other/name:1")
    image = shelf.images.get("busybox")
    assert image.id == id
    assert image.references == ("busybox:latest", "other/name:1")
    bare = id.removeprefix("sha256:")
    for name in (
        "busybox:latest",
        "docker.io/library/busybox",
        "other/name:1",
        id,
        bare,
        bare[:12],
        bare[:4],
        id[:15],
        f"busybox@{image.manifest.digest}",
        f"other/name@{image.manifest.digest}",
    ):
        assert shelf.images.get(name) == image, name
    assert image.digests == (), "it was not pulled"


def test_an_image_says_what_it_is(shelf: Shelf) -> None:
    shelf.put("x", layers=(LAYER, OTHER))
    image = shelf.images.get("x")
    assert (image.size, image.created, image.document.config.cmd) == (8, "2026-01-02T03:04:05Z", ["sh"])
    assert image.layers == chain_ids(image.document.rootfs.diff_ids)
    assert image.short_id == image.id[7:19]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("nosuch", "nosuch:latest"),
        ("nosuch:1", "nosuch:1"),
        ("a/b", "a/b:latest"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
        ("sha256:" + "1" * 64, "sha256:" + "1" * 64),
        ("1" * 64, "sha256:" + "1" * 64),
        ("abc123", "abc123:latest"),
        ("x@sha256:" + "1" * 64, "x@sha256:" + "1" * 64),
    ],
)
def test_a_missing_image_is_said_in_dockers_words(shelf: Shelf, name: str, shown: str) -> None:
    shelf.put("x:1")
    with pytest.raises(NotFound, match=f"^{re.escape(f'No such image: {shown}')}$"):
        shelf.images.get(name)


def test_no_reference_at_all_is_invalid(shelf: Shelf) -> None:
    for name in ("UPPER", "a b", "x:", ""):
        with pytest.raises(Invalid):
            shelf.images.get(name)


def test_a_short_id_of_two_images_is_refused(shelf: Shelf) -> None:
    ids = [shelf.put(f"x:{number}", label=str(number)) for number in range(17)]
    digits = [id[7] for id in ids]
    twice = next(digit for digit in digits if digits.count(digit) > 1)
    with pytest.raises(Invalid, match=f"Multiple IDs found with provided prefix: {twice}"):
        shelf.images.get(twice)


def test_a_name_comes_before_an_id(shelf: Shelf) -> None:
    first = shelf.put("x", label="1")
    second = shelf.put(first[7:12], label="2")
    assert shelf.images.get(first[7:12]).id == second


def test_a_tag_moves(shelf: Shelf) -> None:
    old, new = shelf.put("x:1", label="old"), shelf.put("x:2", label="new")
    shelf.images.tag(shelf.images.get("x:2"), "x:1")
    assert shelf.images.get("x:1").id == new
    assert shelf.images.get(old).references == ()
    with pytest.raises(Invalid):
        shelf.images.tag(shelf.images.get(new), "x@sha256:" + "0" * 64)


def test_one_image_compressed_in_two_ways_is_one_image(shelf: Shelf) -> None:
    assert shelf.put("x:1", compress=1) == shelf.put("x:2", compress=9)
    assert [image.references for image in shelf.images.list()] == [("x:1", "x:2")]
    shelf.remove(shelf.images.list()[0].id, force=True)
    assert (shelf.images.list(), shelf.store.digests()) == ([], [])


def test_a_damaged_image_hides_no_other(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    id = shelf.put("broken", label="broken")
    shelf.put("whole")
    Path(shelf.store.directory, "blobs", "sha256", id[7:]).write_text("{}")
    assert [image.references for image in shelf.images.list()] == [("whole:latest",)]
    assert "is left out" in caplog.text
    with pytest.raises(Damaged, match="is damaged"):
        shelf.images.get("broken")
    assert shelf.remove("broken") == untagged("broken:latest")
    assert [image.references for image in shelf.images.list()] == [("whole:latest",)]
    assert len(shelf.store.digests()) == 3


def test_config_and_manifest_that_count_different_layers_are_damaged(shelf: Shelf) -> None:
    id = shelf.put("x", layers=(LAYER, OTHER))
    manifest = shelf.store.read(shelf.images.get("x").manifest.digest)
    import msgspec

    from dockerkit.schema.image import MANIFEST, Manifest
    from dockerkit.schema.names import parse_reference

    document = msgspec.json.decode(manifest, type=Manifest)
    document.layers.pop()
    shelf.index.assign(parse_reference("y"), shelf.store.write(msgspec.json.encode(document), MANIFEST))
    with pytest.raises(Damaged, match="layers length mismatch: expected 1, got 2"):
        shelf.images.get("y")
    assert shelf.images.get("x").id == id


# removal


def test_removing_one_of_two_names_only_untags(shelf: Shelf) -> None:
    shelf.put("x:1", "x:2")
    assert shelf.remove("x:1", users=(USER,)) == untagged("x:1")
    assert shelf.names() == ["x:2"]


def test_removing_the_last_name_deletes(shelf: Shelf) -> None:
    id = shelf.put("x:1", layers=(LAYER, OTHER))
    layers = shelf.images.get("x:1").layers
    done = shelf.remove("x:1")
    assert done == [
        *untagged("x:1"),
        ImageDelete(deleted=id),
        ImageDelete(deleted=f"sha256:{layers[1]}"),
        ImageDelete(deleted=f"sha256:{layers[0]}"),
    ]
    assert (shelf.images.list(), shelf.store.digests()) == ([], [])
    with pytest.raises(NotFound):
        shelf.images.get("x:1")


def test_the_last_name_of_an_image_in_use_is_refused_in_dockers_words(shelf: Shelf) -> None:
    id = shelf.put("busybox")
    with pytest.raises(Conflict) as refused:
        shelf.remove("busybox", users=(USER,))
    assert refused.value.message == (
        'conflict: unable to remove repository reference "busybox" (must force) - container 0123456789ab is using its '
        f"referenced image {id[7:19]}"
    )
    assert shelf.names() == ["busybox:latest"]


def test_a_forced_removal_leaves_the_files_to_the_stopped_container_and_nobody_else(shelf: Shelf) -> None:
    id = shelf.put("busybox")
    assert shelf.remove("busybox", force=True, users=(USER,)) == [*untagged("busybox:latest"), ImageDelete(deleted=id)]
    assert shelf.images.list() == []
    for name in (id, id[7:19], "busybox"):
        with pytest.raises(NotFound):
            shelf.images.get(name)
    shelf.images.sweep(lambda _: [USER])
    assert shelf.images.lower(shelf.images.of_container(id))
    shelf.images.let_go(id, lambda _: [USER])
    assert shelf.images.of_container(id).kept
    shelf.images.let_go(id, lambda _: [])
    with pytest.raises(NotFound):
        shelf.images.of_container(id)
    assert list(shelf.images.blobs.digests()) == []


def test_what_is_kept_for_a_container_is_an_image_again_when_it_gets_a_name(shelf: Shelf) -> None:
    id = shelf.put("busybox")
    manifest = shelf.images.get(id).manifest
    shelf.remove("busybox", force=True, users=(USER,))
    shelf.images._index.put([(None, manifest)])
    assert shelf.images.get(id).references == ()
    shelf.remove(id, force=True, users=(USER,))
    assert shelf.put("busybox") == id
    shelf.images.let_go(id, lambda _: [])
    assert shelf.names() == ["busybox:latest"]


def test_what_was_kept_for_a_container_that_a_crash_took_goes_at_the_next_start(shelf: Shelf) -> None:
    shelf.put("busybox")
    shelf.remove("busybox", force=True, users=(USER,))
    shelf.images.sweep(lambda _: [])
    assert list(shelf.images.blobs.digests()) == []


@pytest.mark.parametrize("force", [True, False])
def test_a_running_container_forbids_deletion_by_id_whatever_the_force(shelf: Shelf, force: bool) -> None:
    id = shelf.put("x")
    with pytest.raises(Conflict) as refused:
        shelf.remove(id, force=force, users=(SECOND, USER), running=(USER,))
    assert refused.value.message == (
        f"conflict: unable to delete {id[7:19]} (cannot be forced) - image is being used by running container 0123456789ab"
    )
    assert shelf.names() == ["x:latest"]


def test_a_running_container_forbids_forced_deletion_by_name(shelf: Shelf) -> None:
    shelf.put("x")
    with pytest.raises(Conflict, match="cannot be forced"):
        shelf.remove("x", force=True, users=(USER,), running=(USER,))


def test_a_stopped_container_forbids_deletion_by_id_unless_forced(shelf: Shelf) -> None:
    id = shelf.put("x")
    with pytest.raises(Conflict) as refused:
        shelf.remove(id[7:19], users=(USER,))
    assert refused.value.message == (
        f"conflict: unable to delete {id[7:19]} (must be forced) - image is being used by stopped container 0123456789ab"
    )
    assert shelf.remove(id[7:19], force=True, users=(USER,)) == [*untagged("x:latest"), ImageDelete(deleted=id)]


def test_an_id_with_several_names_must_be_forced(shelf: Shelf) -> None:
    id = shelf.put("x:1", "y:1")
    with pytest.raises(Conflict) as refused:
        shelf.remove(id)
    assert refused.value.message == (
        f"conflict: unable to delete {id[7:19]} (must be forced) - image is referenced in multiple repositories"
    )
    assert shelf.remove(id, force=True)[:3] == [*untagged("x:1", "y:1"), ImageDelete(deleted=id)]


def test_an_id_with_one_name_goes_with_it(shelf: Shelf) -> None:
    id = shelf.put("x")
    assert shelf.remove(id)[:2] == [*untagged("x:latest"), ImageDelete(deleted=id)]


def test_what_another_image_needs_stays(shelf: Shelf) -> None:
    shelf.put("x", layers=(LAYER, OTHER))
    kept = shelf.put("y", layers=(LAYER,))
    top = None
    for line in shelf.remove("x")[2:]:
        top = line.deleted
    assert top == f"sha256:{chain_ids(_diff_ids(LAYER, OTHER))[1]}"
    image = shelf.images.get("y")
    assert image.id == kept
    assert set(shelf.store.digests()) == {image.manifest.digest, image.id, image.blobs[0].digest}


def _diff_ids(*layers: bytes) -> list[str]:
    import hashlib

    return [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]


def test_removing_what_is_not_there_says_so(shelf: Shelf) -> None:
    with pytest.raises(NotFound, match="No such image: nosuch:latest"):
        shelf.remove("nosuch", force=True)


@pytest.mark.parametrize("point", ["_layers.remove", "_store.delete"])
def test_a_crash_during_deletion_leaves_a_readable_store_and_garbage_that_is_swept(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    shelf.put("x", layers=(LAYER, OTHER))
    shelf.put("y", layers=(LAYER,))
    part, method = point.split(".")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(getattr(shelf.images, part), method, killed)
        shelf.remove("x")
    again = Images(str(tmp_path))
    assert [image.references for image in again.list()] == [("y:latest",)]
    again.sweep()
    assert len(shelf.store.digests()) == 3
    assert again.get("y").size == 5


def test_a_full_disk_does_not_forbid_the_removal_that_makes_room(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.put("x")
    from dockerkit.daemon.images import index
    from dockerkit.errors import Exhausted

    real, full, removed = index.write_file, [True], []

    def write_file(path: str, content: bytes) -> None:
        if full[0]:
            raise Exhausted("no room")
        real(path, content)

    def remove(names: list[str]) -> None:
        removed.extend(names)
        full[0] = False

    monkeypatch.setattr(index, "write_file", write_file)
    monkeypatch.setattr(shelf.images._layers, "remove", remove)
    layer = shelf.images.get("x").layers[0]
    shelf.remove("x")
    assert removed[:2] == [f"{layer}-init1", layer]
    assert shelf.images.list() == []


def test_chain_ids_are_those_of_the_specification() -> None:
    import hashlib

    a, b, c = (f"sha256:{hashlib.sha256(bytes([n])).hexdigest()}" for n in range(3))
    ab = hashlib.sha256(f"{a} {b}".encode()).hexdigest()
    assert chain_ids([a, b, c]) == (a[7:], ab, hashlib.sha256(f"sha256:{ab} {c}".encode()).hexdigest())
    assert chain_ids([]) == ()
