"""``diff``, ``export``, ``commit``: what a container changed, all it has, and an image of it."""

from __future__ import annotations

import json
import os
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from liveengine import BOTH_SNAPSHOTTERS
from tarmaterial import content, done, member, read, tar, untar, wait_for_output

from dockerkit.daemon.engine.engine import Engine
from dockerkit.errors import Conflict, Invalid
from dockerkit.schema.container import ContainerConfig, CreateRequest, HostConfig

pytestmark = [pytest.mark.system, BOTH_SNAPSHOTTERS]
Make = Callable[..., str]
WORK = (
    "mkdir -p /n/m; echo hi>/n/m/f; echo x>>/etc/passwd; rm /bin/ar; rm -r /var; mkdir /var; echo q>/var/q; rm -rf /root; "
    "mkdir -p /usr/new; touch /etc /tmp; chmod 700 /home; chown 5 /etc/group; ln -s /n /sl; rm /etc/mtab; mkfifo /n/ff; "
    "echo > /dev/zz; echo>/etc/hosts; mv /bin/acpid /bin/acpie"
)
MODIFIED, ADDED, DELETED = 0, 1, 2


def changes(engine: Engine, id: str) -> dict[str, int]:
    return {change.path: change.kind for change in engine.containers.diff(id)}


def test_changes_are_those_dockerd_tells(engine: Engine, make: Make, tmp_path: Path) -> None:
    id = make("sh", "-c", WORK, host=HostConfig(network_mode="none", binds=[f"{tmp_path}:/rwb"]))
    assert done(engine, id) == 0
    expected = {"/sl": 1, "/usr": 0, "/usr/new": 1, "/etc": 0, "/etc/group": 0, "/etc/passwd": 0, "/etc/mtab": 2, "/home": 0,
                "/rwb": 1, "/var": 0, "/var/q": 1, "/bin": 0, "/bin/acpie": 1, "/bin/ar": 2, "/bin/acpid": 2, "/n": 1,
                "/n/ff": 1, "/n/m": 1, "/n/m/f": 1, "/root": 2}  # fmt: skip
    found = changes(engine, id)
    lowest = engine._core.images.lower(engine._core.images.get("busybox"))[-1]
    # what the image had in the directory that was made anew is deleted, too
    lost = {f"/var/{name}": DELETED for name in os.listdir(f"{lowest}/var")}
    assert found == expected | lost
    assert list(found) == sorted(found, key=lambda path: path.split("/"))


def test_a_container_that_changed_nothing_has_no_changes(engine: Engine, make: Make) -> None:
    id = make("true")
    done(engine, id)
    assert engine.containers.diff(id) == []
    assert engine.containers.diff(make(start=False)) == []


def test_changes_of_a_running_container_are_those_of_now(engine: Engine, make: Make) -> None:
    id = make("sh", "-c", "echo 1 >/f; mkdir /g; rm -r /bin; mkdir /bin; echo ready; read x", open_stdin=True)
    wait_for_output(engine, id)
    found = changes(engine, id)
    assert {"/f": ADDED, "/g": ADDED, "/bin": MODIFIED, "/bin/sh": DELETED}.items() <= found.items()


def test_an_export_is_the_whole_of_it_without_mounts(engine: Engine, make: Make, tmp_path: Path) -> None:
    (tmp_path / "host").write_text("host")
    host = HostConfig(network_mode="none", binds=[f"{tmp_path}:/in"])
    id = make("sh", "-c", "echo 1 >/f; rm /bin/ar; echo ready; exec sleep 1000", host=host)
    wait_for_output(engine, id)
    for _ in range(2):  # running, then stopped
        raw = b"".join(engine.containers.export(id))
        found = untar([raw])
        assert {".dockerenv", "bin/sh", "dev/console", "dev/pts", "etc/hosts", "f", "in", "proc", "sys", "tmp"} <= found.keys()
        assert not {"bin/ar", "in/host", "."} & found.keys()
        assert (content([raw], "f"), found["etc/hosts"].size) == (b"1\n", 0)
        assert not [name for name in found if name.startswith(("proc/", "sys/", "./"))]
        engine.containers.kill(id) if engine.containers.inspect(id).state.running else None
        done(engine, id)


def run(engine: Engine, make: Make, image: str, *cmd: str) -> bytes:
    """Run a command in an image and return what it wrote."""
    request = CreateRequest(image=image, cmd=list(cmd), host_config=HostConfig(network_mode="none"))
    id = engine.containers.create(request).id
    try:
        engine.containers.start(id)
        assert done(engine, id) == 0, list(engine.containers.logs(id, stdout=True, stderr=True))
        return b"".join(line for _, line in engine.containers.logs(id, stdout=True, stderr=True))
    finally:
        engine.containers.remove(id, force=True).result(20)


def test_a_committed_image_runs_and_has_all_changes(engine: Engine, make: Make) -> None:
    id = make("sh", "-c", WORK)
    done(engine, id)
    image = engine.containers.commit(id, repository="kept", tag="one", comment="why", author="who")
    try:
        said = run(engine, make, "kept:one", "sh", "-c", "cat /n/m/f /var/q; ls /bin/ar /root /etc/mtab 2>&1; ls -A /var; "
                   "stat -c %a /home; stat -c %u /etc/group; readlink /sl; tail -n 1 /etc/passwd")  # fmt: skip
        # /etc/mtab comes again with every container: it is Docker's own
        assert said.splitlines()[:2] == [b"hi", b"q"]
        assert b"/bin/ar: No such file" in said
        assert b"/root: No such file" in said
        assert said.splitlines()[-5:] == [b"q", b"700", b"5", b"/n", b"x"]
        inspected = engine.images.inspect("kept:one")
        assert (inspected.id, inspected.comment, inspected.author) == (image, "why", "who")
        assert len(inspected.root_fs.layers) == 2
        history = engine.images.history("kept:one")
        assert history[0]["Comment"] == "why"
        assert history[0]["CreatedBy"] == f"sh -c {WORK}"
        assert history[0]["Size"] > 0
        assert len(history) == 2
    finally:
        engine.images.remove("kept:one")


def test_images_of_images(engine: Engine, make: Make) -> None:
    request = CreateRequest(image="busybox", cmd=["sh", "-c", "echo 1 >/one"], host_config=HostConfig(network_mode="none"))
    names = []
    for number in range(3):
        id = engine.containers.create(request).id
        engine.containers.start(id)
        assert done(engine, id) == 0
        names.append(f"generation:{number}")
        engine.containers.commit(id, repository="generation", tag=str(number))
        engine.containers.remove(id).result(20)
        request = CreateRequest(
            image=names[-1], cmd=["sh", "-c", f"rm /one; echo {number} >/n{number}; echo x >/one"],
            host_config=HostConfig(network_mode="none"),
        )  # fmt: skip
    assert run(engine, make, "generation:2", "sh", "-c", "cat /one /n0 /n1") == b"x\n0\n1\n"
    for name in names:
        engine.images.remove(name)


def test_nothing_changed_means_no_layer(engine: Engine, make: Make) -> None:
    image = engine.containers.commit(make(start=False), changes=["LABEL a=b"])
    inspected = engine.images.inspect(image)
    assert len(inspected.root_fs.layers) == 1
    assert (inspected.repo_tags, inspected.config.labels) == ([], {"a": "b"} | (inspected.config.labels or {}))
    assert engine.images.history(image)[0]["Size"] == 0
    engine.images.remove(image)


def test_a_configuration_is_the_containers_changed(engine: Engine, make: Make) -> None:
    id = make("sh", "-c", "true", env=["A=1", "B=2"], user="5", working_dir="/w", labels={"own": "1"}, start=False)
    image = engine.containers.commit(
        id, changes=["ENV B=3 C=$A", "EXPOSE 80", 'CMD ["x"]', "WORKDIR sub", "STOPSIGNAL INT", "HEALTHCHECK CMD true"]
    )
    config = engine.images.inspect(image).config
    assert {"A=1", "B=3", "C=1"} <= set(config.env or ())
    assert (config.cmd, config.user, config.working_dir, config.stop_signal) == (["x"], "5", "/w/sub", "INT")
    assert (config.exposed_ports, config.labels["own"], config.healthcheck.test) == (
        {"80/tcp": {}}, "1", ["CMD-SHELL", "true"],
    )  # fmt: skip
    engine.images.remove(image)
    given = engine.containers.commit(id, config=ContainerConfig(cmd=["y"], env=["Q=1"]))
    config = engine.images.inspect(given).config
    assert (config.cmd, config.env[0], "A=1" in config.env, config.user) == (["y"], "Q=1", True, "5")
    engine.images.remove(given)


def test_a_bad_wish_makes_nothing(engine: Engine, make: Make) -> None:
    id = make(start=False)
    before = len(engine.images.list(all=True))
    for wish in ({"repository": "UPPER"}, {"repository": f"x@sha256:{'0' * 64}"}, {"changes": ["RUN x"]}, {"changes": [""]}):
        with pytest.raises(Invalid):
            engine.containers.commit(id, **wish)
    assert len(engine.images.list(all=True)) == before


def events(engine: Engine, id: str, since: int) -> list[str]:
    return [e.action for e in engine.events.history(since, time.time_ns()) if e.actor.id == id]


def test_a_running_container_stands_still_and_goes_on(engine: Engine, make: Make) -> None:
    id = make("sh", "-c", "echo 1 >/f; echo ready; exec sleep 1000")
    wait_for_output(engine, id)
    since = time.time_ns()
    image = engine.containers.commit(id, repository="still")
    assert events(engine, id, since) == ["pause", "unpause", "commit"]
    assert engine.containers.inspect(id).state.status == "running"
    second = engine.containers.commit(id, repository="still", pause=False)
    assert events(engine, id, since)[3:] == ["commit"]
    engine.containers.pause(id)
    third = engine.containers.commit(id)
    assert engine.containers.inspect(id).state.paused
    engine.containers.unpause(id)
    assert run(engine, make, "still", "cat", "/f") == b"1\n"
    for name in ("still", image, third):
        engine.images.remove(name)
    assert second


def test_an_image_outlives_its_container_and_its_parent_stays(engine: Engine, make: Make) -> None:
    id = make("sh", "-c", "echo kept >/f")
    done(engine, id)
    image = engine.containers.commit(id, repository="outlives")
    engine.containers.remove(id).result(20)
    assert engine._core.images.get(image).layers[0] == engine._core.images.get("busybox").layers[0]
    assert run(engine, make, "outlives", "cat", "/f") == b"kept\n"
    engine.images.remove("outlives")
    assert engine.images.inspect("busybox")


def test_marks_and_odd_files_survive_a_commit(engine: Engine, make: Make) -> None:
    id = make("sh", "-c", "mkdir /o; echo 1 >/o/$(printf 'a\\377'); ln /o/* /o/hard; mknod /o/null c 1 3; chmod 4711 /o/hard")
    done(engine, id)
    engine.containers.extract(id, "/o", tar(member("f", b"x", pax_headers={"SCHILY.xattr.user.note": "v"})))
    image = engine.containers.commit(id, repository="odd")
    kept = make(start=False)
    request = CreateRequest(image="odd", cmd=["true"], host_config=HostConfig(network_mode="none"))
    kept = engine.containers.create(request).id
    found = untar(engine.containers.archive(kept, "/o")[1])
    assert found["o/a\udcff"].mode & 0o7777 == 0o4711
    assert (found["o/hard"].type, found["o/null"].type) == (tarfile.LNKTYPE, tarfile.CHRTYPE)
    assert found["o/f"].pax_headers["SCHILY.xattr.user.note"] == "v"
    assert read(engine, kept, "/o/f") == b"x"
    engine.containers.remove(kept).result(20)
    engine.images.remove(image)
    assert json.dumps(image)


def test_a_container_being_removed_cannot_be_kept(engine: Engine, make: Make) -> None:
    id = make(start=False)
    entry = engine._core.entries.resolve(id)
    engine.containers.remove(id).result(20)
    from dockerkit.daemon.engine.committing import Commit, commit

    with pytest.raises(Conflict):
        commit(engine._core, entry, Commit())
