"""What a container changed: diff, export, commit and the image it makes."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.parity.engines import Box, alike
from tests.parity.feed import Feed, actions

pytestmark = pytest.mark.timeout(60)
IMAGE = "parity-commit:1"
SCRIPT = "echo x >/new; mkdir /dir; echo y >/dir/in; echo z >>/etc/group; rm /etc/passwd; chmod 700 /home"
MODIFIED, ADDED, DELETED = 0, 1, 2


def changes(box: Box, id: str) -> dict[str, int]:
    """Return path → kind."""
    answer = box.api.get(f"/containers/{id}/changes")
    assert answer.status == 200, answer
    return {entry["Path"]: entry["Kind"] for entry in answer.json or []}


def commit(box: Box, id: str, body: dict[str, Any] | None = None, **query: Any) -> str:
    """Commit as the test's image and return its id."""
    repository, tag = IMAGE.split(":")
    answer = box.api.post("/commit", body or {}, container=id, repo=repository, tag=tag, **query)
    assert answer.status == 201, answer
    return str(answer.json["Id"])


@pytest.fixture(autouse=True)
def removed(box: Box) -> Iterator[None]:
    """Remove containers, then the image they were run from."""
    yield
    box.empty()
    box.api.delete(f"/images/{IMAGE}", force=1)


def test_diff_names_what_was_added_changed_and_deleted(box: Box) -> None:
    assert changes(box, box.sh(SCRIPT).id) == {
        "/new": ADDED,
        "/dir": ADDED,
        "/dir/in": ADDED,
        "/etc": MODIFIED,
        "/etc/group": MODIFIED,
        "/etc/passwd": DELETED,
        "/home": MODIFIED,
    }


def test_diff_of_a_running_and_of_an_untouched_container(box: Box) -> None:
    assert changes(box, box.ready("echo x >/root/file; echo ready; exec sleep 1000")) == {
        "/root": MODIFIED,
        "/root/file": ADDED,
    }
    assert changes(box, box.create("true")) == {}
    assert changes(box, box.run("true").id) == {}
    assert alike(box.api.get("/containers/nosuch/changes"), 404, "No such container: nosuch")


def test_diff_of_a_directory_that_was_replaced(box: Box) -> None:
    found = changes(box, box.sh("rm -r /home && mkdir /home && touch /home/x; rm -r /var; ln -s tmp /var").id)
    assert found["/home/x"] == ADDED
    assert (found["/home"], found["/var"]) == (MODIFIED, MODIFIED)


def test_export_is_the_whole_tree(box: Box) -> None:
    id = box.sh("echo x >/new; chown 1:2 /new; chmod 4750 /new; ln -s new /link; rm /etc/group").id
    answer = box.api.get(f"/containers/{id}/export")
    assert answer.status == 200
    assert answer.headers["Content-Type"] in ("application/octet-stream", "application/x-tar")
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as tar:
        members = {member.name.rstrip("/"): member for member in tar}
        new = tar.extractfile("new")
        assert new is not None
        assert new.read() == b"x\n"
    assert (members["new"].uid, members["new"].gid, members["new"].mode & 0o7777) == (1, 2, 0o4750)
    assert members["link"].linkname == "new"
    assert "etc/group" not in members
    assert {"bin/busybox", "etc/passwd", "bin/sh", "tmp"} <= set(members)
    assert (members["tmp"].mode & 0o7777, members["bin/sh"].type in (tarfile.LNKTYPE, tarfile.REGTYPE)) == (0o1777, True)
    assert alike(box.api.get("/containers/nosuch/export"), 404, "No such container: nosuch")


def test_export_of_a_running_container(box: Box) -> None:
    id = box.ready("echo x >/new; echo ready; exec sleep 1000")
    with tarfile.open(fileobj=io.BytesIO(box.api.get(f"/containers/{id}/export").body)) as tar:
        assert "new" in tar.getnames()


def test_an_image_holds_what_the_container_changed(box: Box) -> None:
    image = commit(box, box.sh(SCRIPT, Env=["A=1"], WorkingDir="/tmp", Labels={"l": "v"}).id, author="me", comment="why")
    found = box.api.get(f"/images/{IMAGE}/json").json
    assert (found["Id"], found["RepoTags"], found["Author"], found["Comment"]) == (image, [IMAGE], "me", "why")
    config = found["Config"]
    assert (config["Cmd"], config["WorkingDir"], config["Labels"]["l"]) == (["sh", "-c", SCRIPT], "/tmp", "v")
    assert "A=1" in config["Env"]
    assert len(found["RootFS"]["Layers"]) == len(box.api.get("/images/busybox/json").json["RootFS"]["Layers"]) + 1
    look = "cat /new /dir/in; tail -n1 /etc/group; ls /etc/passwd; stat -c %a /home; pwd; echo $A"
    ended = box.run("sh", "-c", look, Image=IMAGE)
    assert ended.lines == ["x", "y", "z", "700", "/tmp", "1"]


def test_its_history(box: Box) -> None:
    commit(box, box.sh("echo x >/new").id, comment="why")
    history = box.api.get(f"/images/{IMAGE}/history").json
    base = box.api.get("/images/busybox/history").json
    assert (len(history), history[0]["Comment"], history[0]["CreatedBy"]) == (len(base) + 1, "why", "sh -c echo x >/new")
    assert (history[0]["Tags"], history[0]["Size"] > 0) == ([IMAGE], True)
    assert [entry["CreatedBy"] for entry in history[1:]] == [entry["CreatedBy"] for entry in base]


def test_changes_are_dockerfile_instructions(box: Box) -> None:
    lines = [
        'CMD ["echo", "changed"]',
        "ENV B=2 C=3",
        "EXPOSE 80/tcp 53/udp",
        "LABEL a=b",
        "USER daemon",
        "VOLUME /data",
        "WORKDIR /etc",
        'ENTRYPOINT ["busybox"]',
    ]
    text = "\n".join(lines)
    commit(box, box.create("true", Env=["A=1"]), changes=text)
    config = box.api.get(f"/images/{IMAGE}/json").json["Config"]
    assert (config["Cmd"], config["Entrypoint"], config["User"], config["WorkingDir"]) == (
        ["echo", "changed"],
        ["busybox"],
        "daemon",
        "/etc",
    )
    assert {"A=1", "B=2", "C=3"} <= set(config["Env"])
    assert (set(config["ExposedPorts"]), config["Labels"]["a"], set(config["Volumes"])) == (
        {"80/tcp", "53/udp"},
        "b",
        {"/data"},
    )


@pytest.mark.parametrize("change", ["FROM x", "RUN true", "NOSUCH x", "ENV"])
def test_other_instructions_are_refused(box: Box, change: str) -> None:
    answer = box.api.post("/commit", {}, container=box.create("true"), repo="parity-commit", tag="1", changes=change)
    assert answer.status in ((400,) if box.engine.ours else (400, 500)), answer
    assert change.split(maxsplit=1)[0].lower() in answer.message.lower()
    assert box.api.get(f"/images/{IMAGE}/json").status == 404


def test_a_config_may_be_given(box: Box) -> None:
    commit(box, box.create("true"), {"Cmd": ["echo", "given"], "Labels": {"x": "y"}, "Env": ["G=1"]})
    config = box.api.get(f"/images/{IMAGE}/json").json["Config"]
    assert (config["Cmd"], config["Labels"]["x"]) == (["echo", "given"], "y")
    assert "G=1" in config["Env"]


@pytest.mark.parametrize(("pause", "told"), [(1, ["pause", "commit", "unpause"]), (0, ["commit"])])
def test_it_pauses_what_runs_unless_told_not_to(box: Box, pause: int, told: list[str]) -> None:
    id = box.up("sleep", "1000")
    with Feed(box.engine, container=[id], type=["container"]) as feed:
        commit(box, id, pause=pause)
        box.did(id, "kill")
        found = actions(feed.until("die"))[: len(told)]
    # ours lets the container go on as soon as its files are read, before the image is made
    assert (sorted(found), found[0]) == (sorted(told), told[0])
    assert box.state(id)["Paused"] is False


def test_a_paused_container_stays_paused(box: Box) -> None:
    id = box.up("sleep", "1000")
    box.did(id, "pause")
    commit(box, id)
    assert box.state(id)["Paused"] is True


def test_without_a_name_it_has_none(box: Box) -> None:
    answer = box.api.post("/commit", {}, container=box.create("true"))
    assert answer.status == 201
    image = answer.json["Id"]
    assert not box.api.get(f"/images/{image}/json").json["RepoTags"]
    assert box.api.delete(f"/images/{image}").status == 200


def test_bad_input(box: Box) -> None:
    assert alike(box.api.post("/commit", {}, container="nosuch"), 404, "No such container: nosuch")
    answer = box.api.post("/commit", {}, container=box.create("true"), repo="UPPER")
    assert answer.status in ((400,) if box.engine.ours else (400, 500))
    assert "must be lowercase" in answer.message
