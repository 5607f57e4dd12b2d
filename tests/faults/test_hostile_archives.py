"""A corpus of archives whose documents lie: each is one error that says what is wrong, and leaves the store as it was."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dockerkit.daemon.images import Images
from dockerkit.errors import Damaged, DockerkitError
from tests.unit.images.archivematerial import LAYER, OCI, Layout, config, digest, docker, holdings
from tests.unit.images.imagematerial import file, hardlink, symlink, tar

pytestmark = pytest.mark.system
OTHER = tar(file("other", b"1"))


@pytest.fixture
def images(tmp_path: Path) -> Iterator[Images]:
    """A store that holds an image."""
    made = Images(str(tmp_path / "root"))
    made.load(iter([docker(LAYER, tags=["kept:1"])]), silent)
    yield made
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


def silent(_message: object) -> None:
    """Nobody listens."""


def refused(images: Images, archive: bytes, error: type[DockerkitError] = Damaged) -> str:
    """Load an archive, which must fail and change nothing; return what was said."""
    root = images.blobs.directory.removesuffix("/images")
    before = holdings(root)
    with pytest.raises(error) as failed:
        images.load(iter([archive]), silent)
    assert holdings(root) == before
    return failed.value.message


def words(*items: Any, **files: bytes) -> bytes:
    """An archive with this ``manifest.json``."""
    return tar(file("manifest.json", json.dumps(list(items)).encode()), *(file(name, data) for name, data in files.items()))


def item(**changes: Any) -> dict[str, Any]:
    return {"Config": "c", "RepoTags": ["x:1"], "Layers": ["l"], **changes}


def layout(change: Callable[[Layout], None]) -> bytes:
    made = Layout()
    change(made)
    return made.archive()


def entry(made: Layout, descriptor: dict[str, Any], **changes: Any) -> None:
    made.entries.append({**descriptor, **changes})


def wrong_digest(made: Layout) -> None:
    made.name(made.image(LAYER), "x:1")
    made.blob(OTHER, name="0" * 64)


def wrong_digest_of_a_document(made: Layout) -> None:
    good = made.image(LAYER)
    made.members = [(info, data if good["digest"][7:] not in info.name else data + b" ") for info, data in made.members]
    for info, data in made.members:
        info.size = len(data)
    made.name(good, "x:1")


def wrong_size(made: Layout) -> None:
    good = made.image(LAYER)
    entry(made, good, size=good["size"] + 1)


def manifest_called_index(made: Layout) -> None:
    entry(made, made.image(LAYER), mediaType=f"{OCI}.index.v1+json")


def index_called_manifest(made: Layout) -> None:
    entry(made, made.index(made.image(LAYER)), mediaType=f"{OCI}.manifest.v1+json")


def index_and_manifest_at_once(made: Layout) -> None:
    good = made.image(LAYER)
    made.name(made.image(LAYER, manifests=[good]), "x:1")


def media_type_that_changes(made: Layout) -> None:
    made.name(made.image(LAYER, mediaType="application/vnd.docker.distribution.manifest.v2+json"), "x:1")


def duplicate_key(made: Layout) -> None:
    made.image(LAYER)
    good = json.loads(made.members[-1][1])
    text = json.dumps(good)[:-1] + f', "layers": {json.dumps([made.blob(OTHER)])}}}'
    made.name(made.blob(text.encode(), f"{OCI}.manifest.v1+json"), "x:1")


def duplicate_key_in_another_case(made: Layout) -> None:
    made.image(LAYER)
    good = json.loads(made.members[-1][1])
    made.name(made.blob(json.dumps({**good, "Layers": [made.blob(OTHER)]}).encode(), f"{OCI}.manifest.v1+json"), "x:1")


def fewer_layers_than_the_config_has(made: Layout) -> None:
    made.name(made.image(LAYER, plain=[LAYER, OTHER]), "x:1")


def another_layer_than_the_config_has(made: Layout) -> None:
    made.name(made.image(OTHER, plain=[LAYER]), "x:1")


def compressed_layer_of_another_diff_id(made: Layout) -> None:
    made.name(made.image(gzip.compress(OTHER), plain=[LAYER]), "x:1")


def indexes_within_indexes(made: Layout) -> None:
    found = made.image(LAYER)
    for _ in range(30):
        found = made.index(found)
    made.name(found, "x:1")


def digest_that_is_a_path(made: Layout) -> None:
    good = made.image(LAYER)
    entry(made, good, digest="sha256:../../../../etc/passwd")


def layer_that_is_missing(made: Layout) -> None:
    made.name(made.image(LAYER), "x:1")
    made.members = [member for member in made.members if digest(LAYER)[7:] not in member[0].name]
    made.members += [file("padding", b"{}")]


def missing_everything(made: Layout) -> None:
    entry(made, {"mediaType": f"{OCI}.manifest.v1+json", "digest": digest(b"x"), "size": 1})


WORDS = file("manifest.json", json.dumps([item()]).encode())
DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
DISASTERS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "holds neither manifest.json nor index.json"),
    "an empty tar": (tar(), "holds neither manifest.json nor index.json"),
    "words that are no JSON": (tar(file("manifest.json", b"[{")), "manifest.json is malformed"),
    "words that are no list": (tar(file("manifest.json", b"{}")), "manifest.json is malformed: it is no list"),
    "words of another kind": (words(7), "manifest.json is malformed"),
    "words nested without end": (tar(file("manifest.json", b"[" * 200_000)), "manifest.json is malformed: nested too deep"),
    "a tag that is a number": (words(item(RepoTags=[7])), "manifest.json is malformed"),
    "a config that is missing": (words(item()), "open c: no such file"),
    "a config outside": (words(item(Config="../c")), r"'\.\./c' leads out"),
    "a config at an absolute name": (words(item(Config="/etc/passwd"), c=b"{}"), "open /etc/passwd: no such file"),
    "a layer outside": (words(item(Layers=["../l"]), c=config([LAYER])), r"'\.\./l' leads out"),
    "a layer that is missing": (words(item(), c=config([LAYER])), "open l: no such file"),
    "a layer that is a link out": (
        tar(
            *[
                file("manifest.json", json.dumps([item()]).encode()),
                file("c", config([LAYER])),
                symlink("l", "../../etc/passwd"),
            ]
        ),
        "leads out",
    ),
    "links in a circle": (
        tar(
            file("manifest.json", json.dumps([item()]).encode()),
            file("c", config([LAYER])),
            symlink("l", "m"),
            symlink("m", "l"),
        ),
        "too many links at 'l'",
    ),
    "a hard link to nothing": (
        tar(WORDS, file("c", config([LAYER])), hardlink("l", "nothing")),
        "open l: no such file",
    ),
    "a config nested without end": (words(item(), c=DEEP, l=LAYER), "c is malformed: nested too deep"),
    "a config that is a list": (words(item(), c=b"[]", l=LAYER), "c is malformed"),
    "a config with a key twice": (
        words(item(), c=config([LAYER])[:-1] + b', "os": "x"}', l=LAYER),
        "key 'os' stands in it twice",
    ),
    "a diff id that is a path": (
        words(item(), c=config([LAYER]).replace(digest(LAYER).encode(), b"sha256:../../../../x"), l=LAYER),
        "'sha256:../../../../x' is no digest",
    ),
    "a creation that is no time": (words(item(), c=config([LAYER], created="yesterday"), l=LAYER), "'yesterday' is no time"),
    "a root of another type": (
        words(item(), c=json.dumps({"rootfs": {"type": "btrfs", "diff_ids": [digest(LAYER)]}}).encode(), l=LAYER),
        "root file system is of type 'btrfs'",
    ),
    "layers the config does not know": (words(item(Layers=["l", "l"]), c=config([LAYER]), l=LAYER), "expected 2, got 1"),
    "fewer layers than the config knows": (words(item(Layers=[]), c=config([LAYER]), l=LAYER), "expected 0, got 1"),
    "a layer of another diff id": (docker(OTHER, document=config([LAYER])), "invalid diffID: expected"),
    "a device among the files": (tar(file("x", type=b"3")), "'x' is no file"),
    "a blob that is not what it is called": (layout(wrong_digest), f"blob sha256:{'0' * 64} arrived as"),
    "a document that is not what it is called": (layout(wrong_digest_of_a_document), "is damaged"),
    "a document of another size": (layout(wrong_size), "is damaged"),
    "a manifest called index": (layout(manifest_called_index), "calls itself|no index"),
    "an index called manifest": (layout(index_called_manifest), "calls itself|no image manifest"),
    "an index and a manifest at once": (layout(index_and_manifest_at_once), "more than one thing at a time"),
    "a manifest that changes its media type": (layout(media_type_that_changes), "calls itself"),
    "a manifest with a key twice": (layout(duplicate_key), "key 'layers' stands in it twice"),
    "a manifest with a key twice, in another case": (layout(duplicate_key_in_another_case), "a key stands in it twice"),
    "a config that counts more layers": (layout(fewer_layers_than_the_config_has), "expected 1, got 2"),
    "a layer the config does not have": (layout(another_layer_than_the_config_has), "invalid diffID"),
    "a compressed layer the config does not have": (layout(compressed_layer_of_another_diff_id), "invalid diffID"),
    "indexes within indexes": (layout(indexes_within_indexes), "indexes within indexes"),
    "a digest that is a path": (layout(digest_that_is_a_path), "is no digest"),
    "a layer that was left out": (layout(layer_that_is_missing), "no such file"),
    "an index of what is not there": (layout(missing_everything), "holds no image"),
    "repositories that are no object": (tar(file("repositories", b"[]")), "repositories is malformed"),
    "an ancestor of itself": (
        tar(file("repositories", b'{"x":{"1":"a"}}'), file("a/json", b'{"parent":"a"}'), file("a/layer.tar", LAYER)),
        "its own ancestor",
    ),
}


@pytest.mark.parametrize("name", DISASTERS)
def test_disaster(images: Images, name: str) -> None:
    archive, said = DISASTERS[name]
    if name == "a layer that was left out":  # the store has it already: take another
        images.remove("kept:1", force=True, used_by=lambda _: [])
    assert re.search(said, refused(images, archive)), refused(images, archive)


@pytest.mark.parametrize("tag", ["UPPER:1", "a:", "", "a b", f"x@{digest(b'')}", "a" * 300, "../x:1", "x:" + "t" * 200])
def test_a_name_that_is_none(images: Images, tag: str) -> None:
    refused(images, docker(OTHER, tags=[tag]), DockerkitError)


def test_one_bad_image_among_good_ones_takes_none_in(images: Images) -> None:
    good = item(Config="c1", Layers=["l1"], RepoTags=["good:1"])
    archive = words(good, item(), c1=config([OTHER]), l1=OTHER, c=b"{}", l=LAYER)
    refused(images, archive)
    assert [image.references for image in images.list()] == [("kept:1",)]


def test_more_documents_than_memory_should_hold(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dockerkit.daemon.images.archives.cargo._DOCUMENTS", 1 << 20)
    said = refused(images, tar(*(file(f"d{number}", b"x" * 600_000) for number in range(3))))
    assert "more than 1 MiB of documents, at 'd1'" in said


@pytest.mark.parametrize("keep", [200, 1600, 3000, 6000])
def test_an_archive_cut_short(images: Images, keep: int) -> None:
    refused(images, docker(tar(file("f", b"x" * 9000)))[:keep])


def test_a_bomb_around_the_archive(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dockerkit.daemon.images.limits._UNSUSPICIOUS", 1 << 20)
    assert "archive is hostile" in refused(images, gzip.compress(tar(file("zeros", bytes(64 << 20)))))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_documents_with_any_value_anywhere_are_taken_or_refused(images: Images, data: st.DataObject) -> None:
    scalar = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just(digest(LAYER)))
    value = st.recursive(
        scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    )
    document = json.loads(config([LAYER], history=[{"created_by": "x"}], config={"Cmd": ["sh"], "Labels": {"a": "b"}}))
    place = data.draw(st.sampled_from([*document, "new"]))
    document[place] = data.draw(value)
    root = images.blobs.directory.removesuffix("/images")
    before = holdings(root)
    try:
        (image,) = images.load(iter([docker(LAYER, tags=["fuzz:1"], document=json.dumps(document).encode())]), silent)
    except Damaged:
        assert holdings(root) == before
    else:
        assert images.get("fuzz:1").id == image.id
        images.remove("fuzz:1", force=True, used_by=lambda _: [])
        assert holdings(root) == before
