"""Archives in and out: every layout and compression, names, digests that survive, bytes that come back, and nothing half."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from dockerkit.daemon.images import Images
from dockerkit.daemon.images.archives.importing import Wish
from dockerkit.errors import Invalid, NotFound
from dockerkit.schema.image import Platform
from dockerkit.schema.names import parse_reference
from tests.unit.images.archivematerial import LAYER, OCI, Layout, config, digest, docker, holdings
from tests.unit.images.imagematerial import directory, file, tar

pytestmark = pytest.mark.system
OTHER = tar(directory("d"), file("d/other", b"12345678"))


@pytest.fixture
def images(tmp_path: Path) -> Images:
    return Images(str(tmp_path / "root"))


def load(images: Images, archive: bytes, piece: int = 70_000) -> list[str]:
    """Load, and return what was said."""
    said: list[str] = []
    images.load(
        iter([archive[at : at + piece] for at in range(0, len(archive), piece)]),
        lambda message: said.append(message.get("stream", "")),
    )
    return [line for line in said if line]


def save(images: Images, *names: str) -> bytes:
    return b"".join(images.save(images.chosen(names)))


def unpacked(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar_:
        return {m.name: tar_.extractfile(m).read() for m in tar_ if m.isreg()}  # type: ignore[union-attr]


def plain(data: bytes) -> bytes:
    return data


PACKS: list[Callable[[bytes], bytes]] = [plain, gzip.compress, lzma.compress, zstandard.ZstdCompressor().compress]


@pytest.mark.parametrize("pack", PACKS)
def test_an_archive_compressed_as_a_whole(images: Images, pack: Callable[[bytes], bytes]) -> None:
    assert load(images, pack(docker(LAYER))) == ["Loaded image: x:1\n"]
    assert (images.get("x:1").size, images.get("x:1").id) == (5, digest(config([LAYER])))


@pytest.mark.parametrize("pack", PACKS)
def test_layers_compressed_one_by_one_stay_as_they_are(images: Images, pack: Callable[[bytes], bytes]) -> None:
    load(images, docker(pack(LAYER), OTHER, document=config([LAYER, OTHER])))
    image = images.get("x:1")
    assert [blob.digest for blob in image.blobs] == [digest(pack(LAYER)), digest(OTHER)]
    assert Path(images.lower(image)[-1], "hello").read_bytes() == b"world"


def test_an_oci_layout(images: Images) -> None:
    layout = Layout()
    manifest = layout.image(gzip.compress(LAYER), plain=[LAYER])
    layout.name(manifest, "shop/x:2")
    assert load(images, layout.archive()) == ["Loaded image: shop/x:2\n"]
    assert images.get("shop/x:2").manifest.digest == manifest["digest"]


def test_of_an_index_this_hosts_platform_is_taken(images: Images) -> None:
    layout = Layout()
    mine, other = layout.image(LAYER), layout.image(OTHER)
    index = layout.index(
        {**other, "platform": {"os": "linux", "architecture": "s390x"}},
        {**mine, "platform": {"os": "linux", "architecture": "amd64"}},
    )
    layout.name(index, "multi:1")
    load(images, layout.archive())
    assert images.get("multi:1").manifest.digest == mine["digest"]


def test_of_an_index_the_platform_that_is_asked_for_is_taken(images: Images, tmp_path: Path) -> None:
    layout = Layout()
    mine, other = layout.image(LAYER), layout.image(OTHER, architecture="s390x")
    index = layout.index(
        {**mine, "platform": {"os": "linux", "architecture": "amd64"}},
        {**other, "platform": {"os": "linux", "architecture": "s390x"}},
    )
    layout.name(index, "multi:1")
    archive, before = layout.archive(), holdings(str(tmp_path))
    with pytest.raises(NotFound, match="no image for platform linux/riscv64"):
        images.load(iter([archive]), lambda _: None, "linux/riscv64")
    assert holdings(str(tmp_path)) == before
    images.load(iter([archive]), lambda _: None, "linux/s390x")
    assert images.get("multi:1").manifest.digest == other["digest"]


def test_an_image_for_another_platform_than_is_asked_for_is_refused(images: Images, tmp_path: Path) -> None:
    before = holdings(str(tmp_path))
    with pytest.raises(NotFound, match="does not match the specified platform: wanted linux/arm64"):
        images.load(iter([docker(LAYER)]), lambda _: None, "linux/arm64")
    assert holdings(str(tmp_path)) == before
    images.load(iter([docker(LAYER)]), lambda _: None, "linux/amd64")
    assert images.get("x:1")


def test_an_image_whose_name_is_a_bare_tag_has_none(images: Images) -> None:
    layout = Layout()
    layout.name(layout.image(LAYER), "latest")
    assert load(images, layout.archive()) == [f"Loaded image ID: {digest(config([LAYER]))}\n"]


def test_the_oldest_layout(images: Images) -> None:
    lines = {"id": "a", "created": "2015-01-01T00:00:00Z", "container_config": {"Cmd": ["/bin/sh", "-c", "#(nop) ADD"]}}
    top = {"id": "b", "parent": "a", "architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"], "Env": ["A=1"]}}
    archive = tar(
        *(file("a/json", json.dumps(lines).encode()), file("a/layer.tar", LAYER), file("a/VERSION", b"1.0")),
        *(file("b/json", json.dumps(top).encode()), file("b/layer.tar", gzip.compress(OTHER)), file("b/VERSION", b"1.0")),
        file("repositories", b'{"old/one":{"1":"b"}}'),
    )
    assert load(images, archive) == ["Loaded image: old/one:1\n"]
    image = images.get("old/one:1")
    assert (image.document.config.cmd, image.document.config.env, len(image.layers)) == (["sh"], ["A=1"], 2)
    assert image.document.rootfs.diff_ids == [digest(LAYER), digest(OTHER)]
    assert image.document.history[0].created_by == "/bin/sh -c #(nop) ADD"


def test_a_layer_that_is_a_link_to_another(images: Images) -> None:
    words = [{"Config": "c", "RepoTags": ["x:1"], "Layers": ["a/layer.tar", "b/layer.tar"]}]
    link = tarfile.TarInfo("b/layer.tar")
    link.type, link.linkname = tarfile.SYMTYPE, "../a/layer.tar"
    document = config([LAYER, LAYER])
    load(
        images,
        tar(file("manifest.json", json.dumps(words).encode()), file("c", document), file("a/layer.tar", LAYER), (link, b"")),
    )
    assert images.get("x:1").document.rootfs.diff_ids == [digest(LAYER)] * 2


def test_several_images_and_tags(images: Images) -> None:
    words = [
        {"Config": "1", "RepoTags": ["one:1", "one:2"], "Layers": ["l1"]},
        {"Config": "2", "RepoTags": None, "Layers": ["l1", "l2"]},
    ]
    files = {"1": config([LAYER]), "2": config([LAYER, OTHER]), "l1": LAYER, "l2": OTHER}
    archive = tar(file("manifest.json", json.dumps(words).encode()), *(file(name, data) for name, data in files.items()))
    assert load(images, archive) == [
        "Loaded image: one:1\n",
        "Loaded image: one:2\n",
        f"Loaded image ID: {digest(files['2'])}\n",
    ]


def test_a_name_that_moves_is_told(images: Images) -> None:
    load(images, docker(LAYER))
    old = images.get("x:1").id
    assert load(images, docker(OTHER)) == [
        f"The image x:1 already exists, renaming the old one with ID {old} to empty string\n",
        "Loaded image: x:1\n",
    ]
    assert images.get(old).references == ()


def test_what_is_saved_is_the_same_bytes_each_time_and_after_loading_elsewhere(images: Images, tmp_path: Path) -> None:
    load(images, docker(gzip.compress(LAYER), OTHER, tags=["x:1", "y/z:2"], document=config([LAYER, OTHER])))
    first = save(images, "x:1", "y/z:2")
    assert save(images, "x:1", "y/z:2") == first
    elsewhere = Images(str(tmp_path / "elsewhere"))
    load(elsewhere, first)
    assert save(elsewhere, "x:1", "y/z:2") == first
    assert elsewhere.get("x:1").manifest == images.get("x:1").manifest


def test_an_archive_says_it_in_both_tongues(images: Images) -> None:
    load(images, docker(LAYER, OTHER, tags=["x:1"]))
    image, files = images.get("x:1"), unpacked(save(images, "x:1"))
    blobs = {
        f"blobs/sha256/{one.removeprefix('sha256:')}" for one in (image.id, image.manifest.digest, digest(LAYER), digest(OTHER))
    }
    assert set(files) == blobs | {"index.json", "manifest.json", "oci-layout", "repositories"}
    (words,) = json.loads(files["manifest.json"])
    assert words == {
        "Config": f"blobs/sha256/{image.id[7:]}",
        "RepoTags": ["x:1"],
        "Layers": [f"blobs/sha256/{digest(one)[7:]}" for one in (LAYER, OTHER)],
    }
    (entry,) = json.loads(files["index.json"])["manifests"]
    assert entry["digest"] == image.manifest.digest
    assert entry["annotations"] == {
        "io.containerd.image.name": "docker.io/library/x:1",
        "org.opencontainers.image.ref.name": "1",
    }
    assert json.loads(files["repositories"]) == {"x": {"1": image.id[7:]}}


def test_a_repository_stands_for_all_its_tags_and_an_id_for_none(images: Images) -> None:
    load(images, docker(LAYER, tags=["x:1", "x:2", "other:1"]))
    assert json.loads(unpacked(save(images, "x"))["manifest.json"])[0]["RepoTags"] == ["x:1", "x:2"]
    files = unpacked(save(images, images.get("x:1").id))
    assert json.loads(files["manifest.json"])[0]["RepoTags"] is None
    assert "repositories" not in files
    with pytest.raises(NotFound, match="No such image: nosuch:latest"):
        images.chosen(["nosuch"])


def test_a_save_under_way_keeps_what_it_reads(images: Images) -> None:
    load(images, docker(LAYER))
    stream = images.save(images.chosen(["x:1"]))
    first = next(stream)
    images.remove("x:1", force=True, used_by=lambda _: [])
    assert b"world" in first + b"".join(stream)
    images.sweep()
    assert images.blobs.digests() == []


def test_digests_that_a_registry_gave_survive(images: Images, tmp_path: Path) -> None:
    layout = Layout()
    layout.name(layout.image(LAYER), "x:1")
    load(images, layout.archive())
    images.pushed(parse_reference("reg:5000/x:1"), images.get("x:1"))
    elsewhere = Images(str(tmp_path / "elsewhere"))
    load(elsewhere, save(images, "x:1"))
    assert elsewhere.get("x:1").digests == images.get("x:1").digests != ()


def test_import_makes_one_layer_and_says_how(images: Images) -> None:
    wish = Wish(
        "2026-01-02T03:04:05Z", "by hand", ["CMD echo", "ENV A=1", "LABEL k=v"], Platform(os="linux", architecture="arm64")
    )
    image = images.import_(iter([gzip.compress(LAYER)]), wish, parse_reference("imported"))
    assert (image.references, image.document.architecture, image.size) == (("imported:latest",), "arm64", 5)
    assert image.document.config.cmd == ["/bin/sh", "-c", "echo"]
    assert (image.document.config.env, image.document.config.labels) == (["A=1"], {"k": "v"})
    assert [(line.comment, line.created) for line in image.document.history] == [("by hand", "2026-01-02T03:04:05Z")]
    assert (image.blobs[0].digest, image.blobs[0].media_type) == (digest(gzip.compress(LAYER)), f"{OCI}.layer.v1.tar+gzip")


def test_a_bad_change_is_refused_before_anything_is_read(images: Images, tmp_path: Path) -> None:
    before = holdings(str(tmp_path))
    with pytest.raises(Invalid, match="run is not a valid change command"):
        images.import_(iter(()), Wish("", "", ["RUN x"]), None)
    assert holdings(str(tmp_path)) == before


def test_an_empty_body_is_an_empty_layer(images: Images) -> None:
    image = images.import_(iter(()), Wish("2026-01-02T03:04:05Z"), None)
    assert (image.size, len(image.layers)) == (0, 1)


def test_a_layer_that_is_here_is_not_unpacked_again(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    big = tar(file("big", bytes(range(256)) * 20_000))
    layout = Layout()
    layout.name(layout.image(big), "x:1")
    load(images, layout.archive())
    from dockerkit.daemon.images import arriving

    def again(*_: object, **__: object) -> None:
        raise AssertionError("unpacked again")

    monkeypatch.setattr(arriving, "Unpacking", again)
    load(images, layout.archive())
