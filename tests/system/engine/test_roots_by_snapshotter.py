"""A container's root by either snapshotter: the same for whoever looks, and honest to whoever asks which it is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from liveengine import BOTH_SNAPSHOTTERS
from tarmaterial import content, done, read, untar

from dockerkit.daemon.engine.engine import Engine
from dockerkit.daemon.images.bootstrap.bench import Job
from dockerkit.daemon.kernel import mounts
from dockerkit.schema.container import CreateRequest, HostConfig, Mount

pytestmark = [pytest.mark.system, BOTH_SNAPSHOTTERS]
Make = Callable[..., str]
NAMES = {"auto": ("overlay", "overlay2"), "copy": ("copy", "vfs")}


@pytest.fixture
def word(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["engine"])


def test_info_and_inspect_say_which_it_is(engine: Engine, make: Make, word: str) -> None:
    id, (ours, dockers) = make("true"), NAMES[word]
    info, found = engine.system.info(), engine.containers.inspect(id)
    assert (info["Driver"], found.driver, found.graph_driver.name) == (dockers, dockers, dockers)
    assert ours in info["DriverStatus"][0][1]
    assert (found.graph_driver.data is None) is (word == "copy")


def test_sizes_are_those_of_what_was_changed(engine: Engine, make: Make) -> None:
    id = make("sh", "-c", "head -c 5000 /dev/zero > /f; mkdir /d; rm /bin/ls")
    done(engine, id)
    found = engine.containers.inspect(id, size=True)
    image = engine.images.inspect("busybox").size
    assert (found.size_rw, found.size_root_fs) == (5000, 5000 + image)
    row = next(row for row in engine.containers.list(all=True, size=True) if row.id == id)
    assert (row.size_rw, row.size_root_fs) == (5000, 5000 + image)


def test_what_was_written_is_there_at_the_next_start_and_nowhere_else(engine: Engine, make: Make) -> None:
    id = make("sh", "-c", "cat /kept; echo once >> /kept")
    assert done(engine, id) == 0
    engine.containers.start(id)
    assert done(engine, id) == 0
    assert read(engine, id, "/kept") == b"once\nonce\n"
    assert done(engine, make("test", "!", "-e", "/kept")) == 0


def test_a_volume_is_filled_with_what_the_image_has(engine: Engine, make: Make) -> None:
    id = make("sh", "-c", "test -e /bin/sh && test -e /etc/passwd", host=HostConfig(network_mode="none", binds=["filled:/etc"]))
    try:
        assert done(engine, id) == 0
    finally:
        engine.containers.remove(id).result(20)
        engine.volumes.remove("filled", force=False)


def test_an_image_of_layers_with_whiteouts_runs_and_can_be_mounted(engine: Engine, make: Make) -> None:
    base = make("sh", "-c", "mkdir -p /x/y; echo 1 > /x/y/1; echo 2 > /x/2")
    done(engine, base)
    engine.containers.commit(base, repository="layered", tag="1")
    one = engine.containers.create(
        CreateRequest(image="layered:1", cmd=["sh", "-c", "rm -r /x/y; mkdir /x/y; echo n > /x/y/n; rm /x/2"],
                      host_config=HostConfig(network_mode="none"))).id  # fmt: skip
    engine.containers.start(one)
    done(engine, one)
    engine.containers.commit(one, repository="layered", tag="2")
    look = ["sh", "-c", "echo $(cd /m && find x | sort)"]
    mount = Mount(type="image", source="layered:2", target="/m")
    two = make(*look, host=HostConfig(network_mode="none", mounts=[mount]))
    done(engine, two)
    said = b"".join(line for _, line in engine.containers.logs(two, stdout=True, stderr=True))
    for id in (one, two):
        engine.containers.remove(id).result(20)
    for tag in ("2", "1"):
        engine.images.remove(f"layered:{tag}", force=True)
    assert said == b"x x/y x/y/n\n"


def test_an_export_is_the_whole_and_an_archive_a_part(engine: Engine, make: Make) -> None:
    id = make("sh", "-c", "echo own > /own; rm /bin/ls")
    done(engine, id)
    chunks = list(engine.containers.export(id))
    assert content(chunks, "own") == b"own\n"
    assert "bin/ls" not in untar(chunks)
    assert "bin/sh" in untar(chunks)


def test_a_container_goes_on_without_its_images_name(engine: Engine, make: Make) -> None:
    base = make("true")
    done(engine, base)
    engine.containers.commit(base, repository="gone", tag="1")
    id = engine.containers.create(
        CreateRequest(image="gone:1", cmd=["echo", "hi"], host_config=HostConfig(network_mode="none"))
    ).id
    engine.images.remove("gone:1", force=True)
    try:
        engine.containers.start(id)
        assert done(engine, id) == 0
    finally:
        engine.containers.remove(id, force=True).result(20)


def test_a_half_made_system_gets_what_its_script_changed(engine: Engine) -> None:
    core = engine._core
    lower = core.images.lower(core.images.get("busybox"))
    with tempfile.TemporaryDirectory(prefix=".tmp-", dir=f"{core.root}/layers") as room:
        upper = Path(room, "upper")
        for path in (upper, upper / "here", Path(room, "work")):
            path.mkdir()
        (upper / "here" / "old").write_text("old")
        script = (
            "cd /; rm here/old; mkdir -m 700 here/new; echo a > here/new/a; rm bin/ls; ln -s nowhere link; touch -d @9 here"
        )
        completed = engine._configuring.run(Job(str(upper), lower, f"{room}/work", ("/bin/sh", "-c", script)))
        assert completed.exit_code == 0, completed.output
        assert sorted(os.listdir(upper / "here")) == ["new"]
        assert (upper / "here/new/a").read_text() == "a\n"
        assert (upper / "here/new").stat().st_mode & 0o777 == 0o700
        assert (upper / "here").stat().st_mtime == 9
        assert str((upper / "link").readlink()) == "nowhere"
        assert (upper / "bin/ls").is_char_device()
        assert os.listdir(upper / "bin") == ["ls"]


def test_a_data_root_on_an_overlay_copies_and_has_whiteouts(engine: Engine, tmp_path: Path, word: str) -> None:
    """As in a container of another engine: nothing can be stacked there, nor a name be marked as overlay marks it."""
    if word == "copy":
        pytest.skip("one engine is enough")
    for name in ("lower", "upper", "work", "root"):
        (tmp_path / name).mkdir()
    options = ",".join(f"{name}dir={tmp_path / name}" for name in ("lower", "upper", "work"))
    root = str(tmp_path / "root")
    mounts.mount("overlay", root, "overlay", 0, options)
    try:
        inner = Engine(root)
        inner.start()
        try:
            assert inner.system.info()["Driver"] == "vfs"
            assert "no overlay can be mounted" in inner.system.info()["DriverStatus"][0][1]
            _layers_with_whiteouts(inner)
        finally:
            for row in inner.containers.list(all=True):
                inner.containers.remove(row.id, force=True).result(20)
            inner.close()
    finally:
        mounts.unmount(root, detach=True)


def _layers_with_whiteouts(inner: Engine) -> None:
    inner.images.bootstrap("busybox", programs=[], packages=[], progress=lambda _: None)
    host = HostConfig(network_mode="none")
    one = inner.containers.create(
        CreateRequest(image="busybox", cmd=["sh", "-c", "rm -r /var; mkdir /var; rm /bin/ls"], host_config=host)
    ).id
    inner.containers.start(one)
    done(inner, one)
    inner.containers.commit(one, repository="whiteouts", tag="1")
    two = inner.containers.create(
        CreateRequest(image="whiteouts:1", cmd=["sh", "-c", "test -d /var && test ! -e /bin/ls && test -e /bin/cat"],
                      host_config=host)).id  # fmt: skip
    inner.containers.start(two)
    assert done(inner, two) == 0
    assert inner.containers.diff(two) == []
