"""Live containers, images and the daemon on demand, through the client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

import dockerkit as dk

pytestmark = pytest.mark.system


def test_life_of_a_container(client: Any) -> None:
    box = client.container("busybox", "sh", "-c", "echo working; exit 7").name("worker").label(a="b").create()
    assert (box.status, box.exit_code, box.name, box.pid) == ("created", None, "worker", 0)
    assert box.start() is box
    assert box.wait(timeout=30) == 7
    assert (box.status, box.exit_code, box.logs()) == ("exited", 7, "working\n")
    assert box.labels["a"] == "b"
    assert "worker" in client.containers
    assert box in client.containers
    box.remove()
    assert "worker" not in client.containers
    with pytest.raises(dk.errors.NotFound):
        _ = box.status


def test_started_container_outlives_its_client(client: Any) -> None:
    with dk.connect(client.url) as other:
        box = other.start("busybox", "sleep", "60", name="survivor")
    assert client.containers["survivor"].status == "running"
    client.containers[box.short_id].remove(force=True)


def test_block_removes_even_what_failed_inside(client: Any) -> None:
    with pytest.raises(ZeroDivisionError), client.start("busybox", "sleep", "60", name="owned") as box:
        assert box.pid > 0
        raise ZeroDivisionError
    assert "owned" not in client.containers


def test_start_that_fails_leaves_nothing(client: Any) -> None:
    with pytest.raises(dk.errors.ContainerFailed) as caught:
        client.start("busybox", "no-such-program", name="never")
    assert caught.value.completed is not None
    assert caught.value.completed.exit_code == 127
    assert "never" not in client.containers


def test_name_that_is_taken(client: Any) -> None:
    with client.start("busybox", "sleep", "60", name="taken"):
        with pytest.raises(dk.errors.Conflict, match="already in use"):
            client.start("busybox", "true", name="taken")
        with pytest.raises(dk.errors.Conflict):
            client.containers["taken"].remove()


def test_stop_kill_and_wait(client: Any) -> None:
    with client.start("busybox", "sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done") as box:
        while "up" not in box.logs():
            pass
        with pytest.raises(dk.errors.TimedOut, match="runs on"):
            box.wait(timeout=0.1)
        box.stop()
        assert box.wait() == 5
        assert box.stop().status == "exited"
        with pytest.raises(dk.errors.Conflict):
            box.kill()
        box.start().kill()
        assert box.wait() == 137


def test_logs_by_stream_and_tail(client: Any) -> None:
    with client.start("busybox", "sh", "-c", "echo one; echo two; echo bad >&2") as box:
        box.wait()
        assert sorted(box.logs().splitlines()) == ["bad", "one", "two"]
        assert box.logs(stderr=False) == "one\ntwo\n"
        assert box.logs(stdout=False) == "bad\n"
        assert len(box.logs(tail=2).splitlines()) == 2
        assert box.logs(stdout=False, timestamps=True).endswith("Z bad\n")
        assert box.logs(until="1970-01-02T00:00:00Z") == ""


def test_list_is_a_table(client: Any) -> None:
    with client.start("busybox", "sleep", "60", name="listed", label={"suite": "client"}) as box:
        rows = client.containers.list(label="suite=client")
        assert rows == [box]
        assert "listed" in repr(rows)
        assert "listed" in rows._repr_html_()
        assert rows.df()["name"].tolist() == ["listed"]
        assert client.containers.list(all=True, status="exited", label="suite=client") == []


def test_images(client: Any) -> None:
    image = client.images.get("busybox")
    assert image.id.startswith("sha256:")
    assert "busybox:latest" in image.tags
    assert image.size > 0
    assert "busybox" in client.images
    assert image in client.images.list()
    assert "busybox:latest" in repr(client.images.list())
    assert client.run(image, "echo", "hi").stdout == "hi\n"
    with pytest.raises(dk.errors.NotFound):
        client.images.get("nosuch:1")


def test_further_name_is_removed_and_the_image_stays(client: Any) -> None:
    other = client.images.get("busybox").tag("again:1")
    assert "again:1" in other.tags
    other.remove()
    assert "again:1" not in client.images
    assert "busybox" in client.images


def test_engine_says_what_it_is(client: Any) -> None:
    assert client.ping() is True
    assert client.version()["ApiVersion"] == "1.51"
    assert client.info()["DaemonPid"] > 0
    assert not client.engine.foreign


def test_daemon_is_started_on_demand_once_for_many(new_root: Any) -> None:
    """Five processes come at once to a data root without a daemon; one daemon serves them all."""
    root = new_root()
    code = "import dockerkit as dk; print(dk.info()['DaemonPid'])"
    env = {k: v for k, v in os.environ.items() if k not in ("DOCKER_HOST", "DOCKERKIT_HOST")} | {"DOCKERKIT_ROOT": root}
    started = [subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True) for _ in range(5)]
    said = {process.communicate(timeout=60)[0].strip() for process in started}
    assert len(said) == 1
    pid = int(json.loads(said.pop()))
    assert os.getsid(pid) != os.getsid(0)
    pidfd = os.pidfd_open(pid)
    os.kill(pid, 15)
    import select

    assert select.select([pidfd], [], [], 30)[0], "the daemon ends when told to"
    os.close(pidfd)
