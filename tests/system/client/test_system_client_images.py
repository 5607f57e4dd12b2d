"""Images on a real dockerd and on ours: pushed to and pulled from Debian's docker-registry, saved, loaded, imported, told."""

from __future__ import annotations

import gzip
import io
import json
import pathlib
import stat
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import dockerkit as dk
from dockerkit import errors
from tests.system.registry.beside import MISSING, PASSWORD, USER, registry_beside

pytestmark = pytest.mark.system
registries = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.fixture(scope="module")
def asking_daemon(daemon_factory: Callable[..., Any]) -> Any:
    """A daemon of ours that asks registries."""
    daemon = daemon_factory(DOCKERKIT_BOOTSTRAP="auto")
    daemon.bootstrap("busybox")
    return daemon


@pytest.fixture(scope="module", params=["reference", "ours"])
def engine_url(request: pytest.FixtureRequest) -> str:
    """One engine after the other."""
    if request.param == "reference":
        return "unix://" + str(request.getfixturevalue("reference_socket"))
    return str(request.getfixturevalue("asking_daemon").url)


@pytest.fixture(scope="module")
def open_registry(engine_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry_beside(engine_url, tmp_path_factory.mktemp("open")) as name:
        yield name


@pytest.fixture(scope="module")
def guarded(engine_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry_beside(engine_url, tmp_path_factory.mktemp("guarded"), guarded=True) as name:
        yield name


@pytest.fixture(autouse=True)
def config(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Docker's configuration, empty, in a folder of the test's."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("DOCKER_AUTH_CONFIG", raising=False)
    return tmp_path / "config" / "config.json"


@pytest.fixture(autouse=True)
def as_before(either: dk.Client) -> Iterator[None]:
    """After the test: the images and names of before it."""
    before = {name for image in either.images.list() for name in image.tags}
    yield
    for image in either.images.list():
        for name in (*image.tags, *([] if image.tags else [image.id])):
            if name not in before:
                either.images.get(name).remove(force=True)
    if "busybox:latest" not in either.images:
        either.images.list()[0].tag("busybox:latest")


def tree(path: pathlib.Path, name: str, content: bytes) -> pathlib.Path:
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return path


@registries
def test_what_is_pushed_is_pulled_again(either: dk.Client, open_registry: str) -> None:
    busybox = either.images.get("busybox")
    name = f"{open_registry}/team/box:1"
    digest = busybox.tag(name).push()
    assert digest.startswith("sha256:")
    assert f"{open_registry}/team/box@{digest}" in busybox.digests
    either.images.get(name).remove()
    assert name not in either.images
    pulled = either.pull(name)
    assert (pulled.id, pulled.reference) == (busybox.id, name)
    assert either.pull(f"{open_registry}/team/box@{digest}").id == busybox.id
    assert either.push(name) == digest


@registries
def test_what_is_not_there_is_not_found(either: dk.Client, open_registry: str) -> None:
    with pytest.raises(errors.NotFound, match="manifest unknown"):
        either.pull(f"{open_registry}/team/nosuch:1")
    with pytest.raises(errors.NotFound, match="does not exist locally"):
        either.push(f"{open_registry}/team/nosuch:1")


@registries
def test_a_missing_image_is_pulled_for_a_container(either: dk.Client, open_registry: str) -> None:
    name = f"{open_registry}/run:1"
    either.images.get("busybox").tag(name).push()
    either.images.get(name).remove()
    assert either.run(name, "echo", "hi", network="none").stdout == "hi\n"


@registries
def test_a_login_is_proven_kept_shown_and_forgotten(either: dk.Client, guarded: str, config: pathlib.Path) -> None:
    image = either.images.get("busybox").tag(f"{guarded}/closed:1")
    with pytest.raises(errors.NotAllowed):
        image.push()
    with pytest.raises(errors.NotAllowed, match="401 Unauthorized"):
        either.login(guarded, USER, "wrong")
    assert not config.exists()
    either.login(guarded, USER, PASSWORD)
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert list(json.loads(config.read_text())["auths"]) == [guarded]
    image.push()
    image.remove()
    assert either.pull(f"{guarded}/closed:1").id == image.id
    either.logout(guarded)
    with pytest.raises(errors.DockerkitError, match=r"no basic auth credentials|unauthorized"):
        either.pull(f"{guarded}/closed:1")


@registries
def test_a_login_of_a_helper_is_shown(
    either: dk.Client, guarded: str, config: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "docker-credential-ring"
    helper.write_text(f'#!/bin/sh\ncat > {tmp_path}/asked\necho \'{{"Username":"{USER}","Secret":"{PASSWORD}"}}\'\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    config.parent.mkdir()
    config.write_text(json.dumps({"credHelpers": {guarded: "ring"}}))
    either.images.get("busybox").tag(f"{guarded}/helped:1").push()
    assert (tmp_path / "asked").read_text() == guarded


def test_saved_is_loaded_again(either: dk.Client, tmp_path: pathlib.Path) -> None:
    busybox = either.images.get("busybox")
    busybox.tag("saved/box:1").save(tmp_path / "one.tar")
    either.images["saved/box:1"].remove()
    (loaded,) = either.images.load(tmp_path / "one.tar")
    assert (loaded.reference, loaded.id) == ("saved/box:1", busybox.id)
    packed = tmp_path / "one.tar.gz"
    packed.write_bytes(gzip.compress((tmp_path / "one.tar").read_bytes(), 1))
    assert [image.id for image in either.images.load(packed)] == [busybox.id]


def test_several_images_in_one_archive_that_is_open(either: dk.Client, tmp_path: pathlib.Path) -> None:
    other = either.images.import_(tree(tmp_path / "t.tar", "file", b"content"), "saved/other:1")
    archive = io.BytesIO()
    either.images.save(["busybox", other], archive)
    other.remove()
    archive.seek(0)
    assert {image.reference for image in either.images.load(archive)} == {"busybox:latest", "saved/other:1"}


def test_nothing_is_seen_of_an_archive_that_cannot_be_made(either: dk.Client, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.NotFound, match="No such image"):
        either.images.save("nosuch", tmp_path / "none.tar")
    assert list(tmp_path.iterdir()) == []


def test_an_image_got_by_id_is_saved_without_a_name(either: dk.Client, tmp_path: pathlib.Path) -> None:
    id = either.images.get("busybox").id
    either.images.get(id).save(tmp_path / "id.tar")
    (loaded,) = either.images.load(tmp_path / "id.tar")
    assert (loaded.id, loaded.reference) == (id, id)
    with pytest.raises(errors.Invalid, match="got by its id"):
        loaded.push()


def test_what_is_no_archive_of_images_is_refused(either: dk.Client, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.DockerkitError):
        either.images.load(tree(tmp_path / "t.tar", "file", b"content"))


def test_a_file_tree_becomes_an_image(either: dk.Client, tmp_path: pathlib.Path) -> None:
    archive = tree(tmp_path / "t.tar", "file", b"content")
    made = either.images.import_(archive, "imported/tree:1", changes=["CMD cat /file", "ENV A=1"], message="made in a test")
    record = made.inspect()
    assert (made.tags, record["Config"]["Env"]) == (["imported/tree:1"], ["A=1"])
    (step,) = made.history()
    assert (step.comment, step["Size"]) == ("made in a test", 7)
    (layer,) = made.layers()
    assert (layer.size, layer.diff_id) == (7, record["RootFS"]["Layers"][0])
    with archive.open("rb") as file:
        assert either.images.import_(file).tags == []


def test_a_change_that_cannot_be_is_refused(either: dk.Client, tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.DockerkitError, match="run is not a valid change command"):
        either.images.import_(tree(tmp_path / "t.tar", "file", b"content"), changes=["RUN true"])


def test_filters_and_prune(either: dk.Client, tmp_path: pathlib.Path) -> None:
    archive = tree(tmp_path / "t.tar", "file", b"content")
    nameless = either.images.import_(archive, changes=["LABEL kind=loose"])
    assert [image.id for image in either.images.list(dangling=True, label={"kind": "loose"})] == [nameless.id]
    assert "busybox:latest" in [image.reference for image in either.images.list(reference="busy*")]
    assert nameless not in either.images.list(before=nameless)
    gone = either.images.prune(label="kind=loose")
    assert {"Deleted": nameless.id} in gone["ImagesDeleted"]
    named = either.images.import_(archive, "imported/unused:1", changes=["LABEL kind=loose"])
    assert either.images.prune(all=True, label="kind=loose")["ImagesDeleted"]
    assert named.id not in either.images


def test_looking_inside(either: dk.Client, up: Callable[..., Any]) -> None:
    box = up("sh", "-c", "head -c 5000 /dev/zero > /one")
    box.wait()
    first = box.commit("looked/at:1")
    box = either.container("looked/at:1", "sh", "-c", "rm /one; head -c 100 /dev/zero > /two", network="none").create()
    try:
        box.start().wait()
        second = box.commit("looked/at:2")
    finally:
        box.remove(force=True)
    assert len(second.layers()) == len(first.layers()) + 1
    if either.engine.foreign:
        with pytest.raises(errors.Unsupported, match="explore"):
            second.explore()
        return
    found = second.explore()
    assert (found.id, len(found.layers)) == (second.id, 3)
    assert {"path": "/one", "kind": "removed"}.items() <= next(
        row for row in found.files if row.path == "/one" and row.layer == 2
    ).items()
    assert (found.wasted[0].path, found.wasted_bytes) == ("/one", 5000)
    assert 0 < found.efficiency < 1
    assert set(found.df().columns) == {"layer", "kind", "path", "size", "type"}
    with pytest.raises(errors.Unsupported):
        found.widget()
