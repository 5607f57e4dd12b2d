"""Pulls as the store sees them: unpacked while they come, named at the end, never collected, nothing half when they fail."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dockerkit.daemon.images import Images
from dockerkit.daemon.images.arriving import Intake
from dockerkit.daemon.images.obtain import OutOfReach
from dockerkit.errors import Damaged, Unavailable
from dockerkit.schema.image import CONFIG, INDEX, LAYER_GZIP, MANIFEST, Descriptor
from dockerkit.schema.names import Reference
from tests.unit.images.archivematerial import LAYER, config, digest, docker, holdings
from tests.unit.images.imagematerial import file, tar

pytestmark = pytest.mark.system
OTHER = tar(file("other", b"12345678"))


class Registry:
    """A registry's client that has one image, and may be made to misbehave."""

    def __init__(self, *layers: bytes, index: bool = False, plain: tuple[bytes, ...] = ()) -> None:
        self.layers, self.index, self.plain = layers, index, plain or layers
        self.between: Callable[[], None] = lambda: None

    def __call__(
        self, reference: Reference, *, platform: str, blobs: Intake, progress: Any, arrived: Any
    ) -> tuple[Descriptor, Descriptor | None]:
        progress({"status": f"Pulling from {reference.repository}", "id": reference.tag})
        document = blobs.write(config(self.plain), CONFIG)
        layers = []
        for position, layer in enumerate(self.layers):
            data = gzip.compress(layer, mtime=0)
            if not blobs.has(digest(data)):
                with blobs.writer() as blob:
                    for at in range(0, len(data), 1000):
                        blob.write(data[at : at + 1000])
                    layers.append(blob.commit(LAYER_GZIP, expected=digest(data)))
            else:
                layers.append(Descriptor(media_type=LAYER_GZIP, digest=digest(data), size=len(data)))
            self.between()
            arrived(layers[-1], position)
        manifest = blobs.write(json.dumps(_manifest(document, layers)).encode(), MANIFEST)
        if not self.index:
            return manifest, None
        listed = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [_plain(manifest)]}
        return manifest, blobs.write(json.dumps(listed).encode(), INDEX)


def _plain(descriptor: Descriptor) -> dict[str, Any]:
    return {"mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size}


def _manifest(document: Descriptor, layers: list[Descriptor]) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": _plain(document), "layers": [_plain(one) for one in layers]}


@pytest.fixture
def images(tmp_path: Path) -> Images:
    return Images(str(tmp_path / "root"))


def pull(images: Images, name: str, registry: Any, **more: Any) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    images.obtain(name, progress=said.append, pull=registry, **more)
    return said


def test_a_pull_says_what_dockerd_says(images: Images) -> None:
    said = pull(images, "shop:1", Registry(LAYER, OTHER))
    image = images.get("shop:1")
    assert [message["status"] for message in said] == [
        "Pulling from library/shop",
        *["Extracting", "Pull complete"] * 2,
        f"Digest: {image.manifest.digest}",
        "Status: Downloaded newer image for shop:1",
    ]
    again = [message["status"] for message in pull(images, "shop:1", Registry(LAYER, OTHER))]
    assert again[1:] == [f"Digest: {image.manifest.digest}", "Status: Image is up to date for shop:1"]


def test_its_digest_is_what_the_registry_gave_for_the_name(images: Images) -> None:
    pull(images, "shop:1", Registry(LAYER, index=True))
    image = images.get("shop:1")
    (named,) = image.digests
    index = named.partition("@")[2]
    assert index not in (image.manifest.digest, image.id)
    assert images.get(named) == images.get(f"shop@{image.manifest.digest}") == image
    images.sweep()
    assert index in images.blobs.digests(), "the index stays as long as it is named"
    images.remove("shop:1", force=False, used_by=lambda _: [])
    assert images.blobs.digests() == []


def test_a_pull_by_digest_has_no_tag(images: Images) -> None:
    pull(images, "shop:1", Registry(LAYER))
    wanted = images.get("shop:1").digests[0]
    images.remove("shop:1", force=False, used_by=lambda _: [])
    pull(images, wanted, Registry(LAYER))
    assert (images.get(wanted).references, images.get(wanted).digests) == ((), (wanted,))


def test_a_name_that_moves_leaves_the_old_image_its_digest(images: Images) -> None:
    pull(images, "shop:1", Registry(LAYER))
    old = images.get("shop:1")
    pull(images, "shop:1", Registry(OTHER))
    assert (images.get(old.id).references, images.get(old.id).digests) == ((), old.digests)


def test_a_pull_under_way_is_not_collected(images: Images) -> None:
    registry = Registry(LAYER, OTHER)
    registry.between = images.sweep
    pull(images, "shop:1", registry)
    assert Path(images.lower(images.get("shop:1"))[1], "other").read_bytes() == b"12345678"


def test_a_removal_beside_a_pull_of_the_same_layers_harms_neither(images: Images) -> None:
    images.load(iter([docker(gzip.compress(LAYER, mtime=0), tags=["old:1"], document=config([LAYER]))]), lambda _: None)
    registry = Registry(LAYER, OTHER)
    removed: list[object] = []

    def between() -> None:
        if not removed:
            removed.append(images.remove("old:1", force=True, used_by=lambda _: []))

    registry.between = between
    pull(images, "shop:1", registry)
    assert Path(images.lower(images.get("shop:1"))[-1], "hello").read_bytes() == b"world"


@pytest.mark.parametrize("error", [Unavailable("the line went dead"), ConnectionResetError("gone"), Damaged("wrong bytes")])
def test_a_pull_that_fails_leaves_nothing(images: Images, tmp_path: Path, error: Exception) -> None:
    before = holdings(str(tmp_path))
    registry, seen = Registry(LAYER, OTHER), []

    def between() -> None:
        seen.append(1)
        if len(seen) == 2:
            raise error

    registry.between = between
    with pytest.raises(type(error)):
        pull(images, "shop:1", registry)
    assert holdings(str(tmp_path)) == before


def test_a_hostile_layer_ends_the_pull_at_once(images: Images, tmp_path: Path) -> None:
    before = holdings(str(tmp_path))
    with pytest.raises(Damaged, match="leads out"):
        pull(images, "shop:1", Registry(tar(file("../x")), OTHER))
    assert holdings(str(tmp_path)) == before


def test_a_layer_of_another_diff_id_is_refused(images: Images, tmp_path: Path) -> None:
    before = holdings(str(tmp_path))
    with pytest.raises(Damaged, match="invalid diffID"):
        pull(images, "shop:1", Registry(LAYER, plain=(OTHER,)))
    assert holdings(str(tmp_path)) == before


def test_only_what_cannot_be_reached_is_made_here(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKERKIT_BOOTSTRAP", "auto")

    def nowhere(reference: Reference, **_: object) -> Any:
        raise OutOfReach("registry cannot be reached")

    with pytest.raises(Unavailable, match="cannot get nosuch:1: registry cannot be reached"):
        pull(images, "nosuch:1", nowhere)


def test_those_with_other_credentials_do_not_share_a_pull(images: Images) -> None:
    aboard, go, begun = threading.Semaphore(0), threading.Event(), []

    def slow(reference: Reference, **rest: Any) -> Any:
        begun.append(reference)
        rest["progress"]({"status": "begun"})
        assert go.wait(20)
        return Registry(LAYER)(reference, **rest)

    def ask(who: str) -> None:
        def progress(message: dict[str, Any]) -> None:
            if message["status"] == "begun":
                aboard.release()

        images.obtain("shop:1", progress=progress, pull=slow, who=who)

    threads = [threading.Thread(target=ask, args=(who,)) for who in ("me", "you", "me")]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert aboard.acquire(timeout=20)
    go.set()
    for thread in threads:
        thread.join()
    assert len(begun) == 2, "the two with the same credentials shared one"
