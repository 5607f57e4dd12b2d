"""The magics on a real engine: docker's words give objects, cells run inside, and nothing stays that should not."""

from __future__ import annotations

from typing import Any

import pytest

from dockerkit.client.completed import Completed
from dockerkit.client.container import Container
from dockerkit.client.images import Image
from dockerkit.client.rows import Rows
from dockerkit.errors import ContainerFailed, DockerkitError, Invalid, NotFound, TimedOut, Unsupported

pytestmark = pytest.mark.system


def test_ps_gives_rows_of_containers(notebook: Any) -> None:
    notebook.cell("box = dk.start('busybox', 'sleep', '60', name='box')")
    rows = notebook.cell("%docker ps")
    assert isinstance(rows, Rows)
    assert [row.name for row in rows] == ["box"]
    assert notebook.cell("found = %docker ps -a --filter name=nosuch\nfound") == []
    assert [row.name for row in notebook.cell("%docker ps -l")] == ["box"]


def test_dockers_own_layout_is_text(notebook: Any) -> None:
    notebook.cell("box = dk.start('busybox', 'sleep', '60', name='box')")
    assert notebook.cell("%docker ps --format {{.Names}}") == "box\n"
    assert repr(notebook.cell("%docker ps --format '{{.Names}}'")) == "box"
    assert "Server Version" in notebook.cell("%docker info")


def test_run_gives_a_container_or_how_it_ended(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    done = notebook.cell("%docker run --rm busybox sh -c 'echo out; echo err >&2; exit 4'")
    assert isinstance(done, Completed)
    assert done.exit_code == 4
    printed = capsys.readouterr()
    assert "out\n" in printed.out
    assert "err\n" in printed.err
    assert notebook.cell("%docker ps -a") == []
    box = notebook.cell("%docker run -d --name box -m 64m -e A={6*7} busybox sleep 60")
    assert isinstance(box, Container)
    assert "A=42" in box.inspect()["Config"]["Env"]
    assert notebook.cell("%docker exec box echo hi").stdout == "hi\n"


def test_run_without_rm_leaves_the_container(notebook: Any) -> None:
    notebook.cell("%docker run --name left busybox echo hi")
    assert notebook.cell("dk.containers['left'].status") == "exited"
    assert notebook.cell("%docker logs left") == "hi\n"


def test_verbs_give_the_container(notebook: Any) -> None:
    notebook.cell("box = dk.start('busybox', 'sleep', '60', name='box')")
    for word, status in [("pause", "paused"), ("unpause", "running"), ("stop -t 0", "exited"), ("start", "running")]:
        found = notebook.cell(f"%docker {word} {{box}}")
        assert isinstance(found, Container)
        assert found.status == status
    assert notebook.cell("%docker inspect box")[0]["Name"] == "/box"
    assert notebook.cell("%docker top box")[0].cmd == "sleep 60"
    assert notebook.cell("%docker stats box")[0].name == "box"
    assert isinstance(notebook.cell("%docker commit box mine"), Image)
    notebook.cell("%docker rm -f box")
    assert isinstance(notebook.cell("%docker images mine")[0], Image)
    notebook.cell("%docker rmi mine")
    with pytest.raises(NotFound):
        notebook.cell("%docker inspect box")


def test_images_are_objects(notebook: Any, tmp_path: Any) -> None:
    tagged = notebook.cell("%docker tag busybox note:1")
    assert isinstance(tagged, Image)
    assert notebook.cell(f"%docker save -o {tmp_path}/note.tar note:1") is None
    assert [image.reference for image in notebook.cell(f"%docker load -i {tmp_path}/note.tar")] == ["note:1"]
    assert notebook.cell("%docker image explore note:1").id == tagged.id
    assert notebook.cell("%docker history note:1")[0].id == tagged.id
    with pytest.raises(Invalid, match="no pipe"):
        notebook.cell("%docker save note:1")
    assert [(row.removed, row.how) for row in notebook.cell("%docker rmi note:1")] == [("note:1", "untagged")]
    assert notebook.cell("%docker rmi -f note:1") == []
    with pytest.raises(NotFound):
        notebook.cell("%docker rmi note:1")


def test_verbs_take_several(notebook: Any) -> None:
    for name in ("box-1", "box-2"):
        notebook.cell(f"dk.start('busybox', 'sleep', '60', name={name!r})")
    assert sorted(row.status for row in notebook.cell("%docker stop -t 0 box-1 box-2")) == ["exited", "exited"]
    assert [row.removed for row in notebook.cell("%docker rm box-1 box-2")] == ["box-1", "box-2"]
    assert notebook.cell("%docker rm -f box-1") == []


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("stop nosuch", NotFound),
        ("stop {nosuch}", Invalid),
        ("run -it busybox sh", Unsupported),
        ("attach nosuch", Unsupported),
        ("build .", Unsupported),
        ("rm nosuch", DockerkitError),
    ],
)
def test_errors_are_ours_and_short(notebook: Any, capsys: pytest.CaptureFixture[str], line: str, error: Any) -> None:
    with pytest.raises(error):
        notebook.cell(f"%docker {line}")
    assert "Traceback" not in capsys.readouterr().out


@pytest.mark.parametrize("line", ["nosuch", "ps --nosuch", "stop"])
def test_lines_that_cannot_be_read_are_usage_errors(notebook: Any, line: str) -> None:
    from IPython.core.error import UsageError

    with pytest.raises(UsageError):
        notebook.cell(f"%docker {line}")


def test_cell_runs_in_a_container_that_goes(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    notebook.cell("%%container --out done -e WHO={'me'} --hostname inside busybox\necho $WHO at $(hostname)\necho no >&2")
    printed = capsys.readouterr()
    assert "me at inside\n" in printed.out
    assert "no\n" in printed.err
    assert notebook.cell("done.stdout") == "me at inside\n"
    assert notebook.cell("%docker ps -a") == []


def test_cell_is_read_by_its_own_interpreter(notebook: Any) -> None:
    notebook.cell("%%container --out done busybox\n#!/bin/awk -f\nBEGIN { print 6*7 }")
    assert notebook.cell("done.stdout") == "42\n"


def test_cell_that_fails_stops_the_notebook_unless_told_not_to(notebook: Any) -> None:
    with pytest.raises(ContainerFailed, match="exit code 3"):
        notebook.cell("%%container busybox\nexit 3")
    notebook.cell("%%container --no-raise-error --out done busybox\nexit 3")
    assert notebook.cell("done.exit_code") == 3
    with pytest.raises(ContainerFailed, match="could not be started"):
        notebook.cell("%%container busybox\n#!nosuch")
    with pytest.raises(TimedOut):
        notebook.cell("%%container --timeout 0.2 busybox\nsleep 60")
    assert notebook.cell("%docker ps -a") == []


def test_cell_runs_inside_a_container_that_runs(notebook: Any) -> None:
    notebook.cell("box = dk.start('busybox', 'sleep', '60', name='box')")
    notebook.cell("%%exec --out done -e A=1 -w /tmp box\necho $A $(pwd) $(ps | grep -c 'sleep 6[0]')")
    assert notebook.cell("done.stdout") == "1 /tmp 1\n"
    with pytest.raises(ContainerFailed, match="exit code 5"):
        notebook.cell("%%exec {box}\nexit 5")


def test_reset_removes_what_this_notebook_made_and_nothing_else(notebook: Any, client: Any) -> None:
    from dockerkit.client.creation import MARKS

    notebook.cell("box = dk.start('busybox', 'sleep', '60', name='box')")
    notebook.cell("%docker run -d --name other busybox sleep 60")
    notebook.cell("%docker volume create mine")
    marks, foreign = dict(MARKS), {**MARKS, "dockerkit.notebook": "another"}
    MARKS.update(foreign)
    kept = client.start("busybox", "sleep", "60", name="kept")
    MARKS.update(marks)
    removed = notebook.cell("%docker reset")
    assert sorted(row.removed for row in removed) == ["box", "mine", "other"]
    assert kept.status == "running"
    kept.remove(force=True)


def test_containers_made_outside_a_notebook_carry_no_mark(client: Any) -> None:
    with client.start("busybox", "sleep", "60") as box:
        assert "dockerkit.notebook" not in box.labels


def test_lines_are_completed(notebook: Any) -> None:
    notebook.cell("box = dk.start('busybox', 'sleep', '60', name='box')")
    assert {"ps", "run", "reset"} <= {*notebook.completions("%docker ")}
    assert "--no-trunc" in notebook.completions("%docker ps --no")
    assert notebook.completions("x = %docker kill b") == ["box"]
    assert notebook.completions("%%exec ") == ["box"]
    assert "busybox:latest" in notebook.completions("%%container -e A=1 busy")
    notebook.cell("data = %docker volume create data")
    assert notebook.completions("%docker volume rm d") == ["data"]
    assert [volume.name for volume in notebook.cell("%docker volume ls --filter name=data")] == ["data"]
    assert [row.removed for row in notebook.cell("%docker volume rm data")] == ["data"]
    assert "--out" in notebook.completions("%%container --o")
    assert "--all" not in notebook.completions("%docker nosuch --al")
    assert "print" in notebook.completions("prin")


def test_loading_twice_and_unloading(notebook: Any) -> None:
    notebook.cell("%reload_ext dockerkit")
    matchers = [matcher.__name__ for matcher in notebook.shell.Completer.custom_matchers]
    assert matchers.count("complete") == 1
    assert "docker" in notebook.shell.magics_manager.magics["line"]


def test_networks_give_objects_and_go_with_the_reset(notebook: Any) -> None:
    net = notebook.cell("net = %docker network create --internal --label a=b book-net\nnet")
    assert (type(net).__name__, net.internal, net.labels["a"]) == ("Network", True, "b")
    assert [one.name for one in notebook.cell("%docker network ls --filter label=a")] == ["book-net"]
    notebook.cell("box = dk.start('busybox', 'sleep', '60', name='box')")
    assert notebook.cell("%docker network connect --alias al book-net box").containers.keys() == {"box"}
    assert "al" in notebook.cell("%docker inspect box")[0]["NetworkSettings"]["Networks"]["book-net"]["Aliases"]
    assert notebook.cell("%docker network inspect book-net")[0]["Name"] == "book-net"
    assert notebook.cell("%docker inspect --type network book-net")[0]["Internal"] is True
    assert notebook.cell("%docker network disconnect book-net box").containers == {}
    assert notebook.cell("%docker network rm -f book-net nosuch")[0]["removed"] == "book-net"
    with pytest.raises(NotFound):
        notebook.cell("%docker network rm book-net")
    with pytest.raises(Invalid, match="cannot be asked"):
        notebook.cell("%docker network prune")
    notebook.cell("%docker network create gone")
    assert [row["removed"] for row in notebook.cell("%docker network prune -f --filter label=dockerkit.notebook")] == ["gone"]
    notebook.cell("%docker network create mine\nbox = %docker run -d --network mine --name inner busybox sleep 60")
    assert {row["removed"] for row in notebook.cell("%docker reset")} == {"box", "inner", "mine"}
