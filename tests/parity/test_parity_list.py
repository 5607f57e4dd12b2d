"""GET /containers/json: rows, their words, filters, order."""

from __future__ import annotations

import re

import pytest

from tests.parity.engines import Box


def test_a_row_has_what_the_command_line_prints(box: Box) -> None:
    id = box.up("sleep", "100", name="rowed", Labels={"k": "v"})
    row = box.row(id)
    assert (row["Names"], row["Image"], row["Command"], row["State"]) == (["/rowed"], "busybox", "sleep 100", "running")
    assert re.fullmatch(r"Up (Less than a second|\d+ seconds?)", row["Status"])
    assert row["ImageID"] == box.inspect(id)["Image"]
    assert isinstance(row["Created"], int)
    assert (row["Ports"], row["Mounts"], row["Labels"]["k"]) == ([], [], "v")
    assert row["HostConfig"]["NetworkMode"] == "none"
    assert list(row["NetworkSettings"]["Networks"]) == ["none"]
    assert "SizeRootFs" not in row


def test_status_words(box: Box) -> None:
    created, ended = box.create("true"), box.sh("exit 3").id
    killed = box.up("sleep", "100")
    box.api.post(f"/containers/{killed}/kill")
    box.wait(killed)
    assert (box.row(created)["State"], box.row(created)["Status"]) == ("created", "Created")
    assert box.row(ended)["State"] == "exited"
    assert re.fullmatch(r"Exited \(3\) (Less than a second|\d+ seconds?) ago", box.row(ended)["Status"])
    assert box.row(killed)["Status"].startswith("Exited (137) ")


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["sh", "-c", "exit 7"], "sh -c 'exit 7'"),
        (["echo", "a", "b c"], "echo a 'b c'"),
        (["echo", "it's"], "echo it's"),
        (["sh", "-c", 'x "y" z'], "sh -c 'x \"y\" z'"),
        (["true"], "true"),
    ],
)
def test_a_command_is_shown_as_one_line(box: Box, command: list[str], shown: str) -> None:
    assert box.row(box.create(*command))["Command"] == shown


def test_only_running_ones_are_listed_unless_all(box: Box) -> None:
    running, ended = box.up("sleep", "100"), box.run("true").id
    assert box.ids(all=0) == [running]
    assert set(box.ids(all=1)) == {running, ended}


def test_newest_first_and_limit(box: Box) -> None:
    ids = [box.create("true") for _ in range(3)]
    assert box.ids() == ids[::-1]
    rows = box.api.get("/containers/json", limit=2).json
    assert [row["Id"] for row in rows] == ids[:0:-1]  # a limit implies all


def test_filter_by_name_is_a_pattern(box: Box) -> None:
    one, two = box.create("true", name="web-one"), box.create("true", name="web-two")
    assert set(box.ids(name=["web"])) == {one, two}
    assert box.ids(name=["/web-one"]) == [one]
    assert box.ids(name=["^/?web-two$"]) == [two]
    assert set(box.ids(name=["one", "two"])) == {one, two}
    assert box.ids(name=["nosuch"]) == []


def test_filter_by_id_is_a_prefix(box: Box) -> None:
    one, two = box.create("true"), box.create("true")
    assert box.ids(id=[one]) == [one]
    assert box.ids(id=[one[:12]]) == [one]
    assert set(box.ids(id=[one, two])) == {one, two}
    assert box.ids(id=["f" * 64]) == []


def test_filter_by_status(box: Box) -> None:
    created, running, ended = box.create("true"), box.up("sleep", "100"), box.run("true").id
    assert box.ids(status=["created"]) == [created]
    assert box.ids(status=["running"]) == [running]
    assert box.ids(status=["exited"]) == [ended]
    assert set(box.ids(status=["created", "exited"])) == {created, ended}
    assert box.ids(status=["paused"]) == []
    assert box.ids(all=0, status=["exited"]) == [ended]  # a status implies all


def test_filter_by_label(box: Box) -> None:
    one = box.create("true", Labels={"app": "x", "tier": "1"})
    two = box.create("true", Labels={"app": "y"})
    assert set(box.ids(label=["app"])) == {one, two}
    assert box.ids(label=["app=x"]) == [one]
    assert box.ids(label=["app", "tier=1"]) == [one]  # all must hold
    assert box.ids(label=["app=z"]) == []


def test_filter_by_image(box: Box) -> None:
    id = box.create("true")
    image = box.inspect(id)["Image"]
    for reference in ("busybox", "busybox:latest", image, image.removeprefix("sha256:")[:12]):
        assert box.ids(ancestor=[reference]) == [id], reference
    assert box.ids(ancestor=["nosuch"]) == []


def test_filter_by_exit_code(box: Box) -> None:
    good, bad = box.run("true").id, box.sh("exit 5").id
    assert box.ids(exited=["5"]) == [bad]
    assert set(box.ids(exited=["0", "5"])) == {good, bad}


def test_filter_by_age(box: Box) -> None:
    first, second, third = (box.create("true", name=f"age-{n}") for n in range(3))
    assert box.ids(before=["age-1"]) == [first]
    assert box.ids(since=["age-1"]) == [third]
    assert box.ids(since=[first], before=[third]) == [second]
    answer = box.api.get("/containers/json", filters={"before": ["nosuch"]})
    assert answer.status == 404 if box.engine.ours else answer.status in (404, 500)  # 20.10: 500
    assert "no such container: nosuch" in answer.message.lower() or "no such container nosuch" in answer.message


def test_different_filters_must_all_hold(box: Box) -> None:
    one = box.create("true", name="both", Labels={"a": "1"})
    box.create("true", name="both-not", Labels={"a": "2"})
    assert box.ids(name=["both"], label=["a=1"]) == [one]
    assert box.ids(name=["both"], status=["running"]) == []


def test_old_clients_send_filters_as_maps(box: Box) -> None:
    id = box.create("true", Labels={"old": "1"})
    answer = box.api.get("/containers/json", all=1, filters={"label": {"old=1": True}})
    assert [row["Id"] for row in answer.json] == [id]


def test_size_is_told_when_asked(box: Box) -> None:
    id = box.run("sh", "-c", "head -c 100000 /dev/zero >/x").id
    row = box.api.get("/containers/json", all=1, size=1, filters={"id": [id]}).json[0]
    assert row["SizeRw"] >= 100000
    assert row["SizeRootFs"] > row["SizeRw"]
