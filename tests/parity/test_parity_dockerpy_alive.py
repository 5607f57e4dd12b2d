"""docker-py 7.2 on containers that live: exec, streams, archives, events, stats, limits."""

from __future__ import annotations

import io
import re
import tarfile
import threading
import time
from typing import Any

import pytest

docker = pytest.importorskip("docker", reason="docker-py is not installed (pip install docker==7.2.0)")
pytestmark = pytest.mark.timeout(60)
QUIET = {"network_mode": "none"}


@pytest.fixture
def container(client: Any) -> Any:
    """A container that runs until the test is over."""
    return client.containers.run("busybox", ["sleep", "1000"], detach=True, **QUIET)


def test_exec_run(container: Any) -> None:
    result = container.exec_run(["sh", "-c", "echo out; exit 3"])
    assert (result.exit_code, result.output) == (3, b"out\n")
    assert container.exec_run("echo a b").output == b"a b\n"
    code, (out, err) = container.exec_run(["sh", "-c", "echo out; echo err >&2"], demux=True)
    assert (code, out, err) == (0, b"out\n", b"err\n")
    assert container.exec_run(["sh", "-c", "echo out; echo err >&2"], stdout=False).output == b"err\n"
    found = container.exec_run(["sh", "-c", "id -u; pwd; echo $A"], user="daemon", workdir="/tmp", environment={"A": "1"})
    assert found.output == b"1\n/tmp\n1\n"
    assert container.exec_run("tty", tty=True).output.startswith(b"/dev/pts/")
    assert not container.exec_run("true", detach=True).output


def test_exec_stream(container: Any) -> None:
    stream = container.exec_run(["sh", "-c", "for n in 1 2 3; do echo $n; sleep 0.05; done"], stream=True).output
    assert b"".join(stream) == b"1\n2\n3\n"
    pieces = list(container.exec_run(["sh", "-c", "echo out; echo err >&2"], stream=True, demux=True).output)
    assert b"".join(out for out, _ in pieces if out) == b"out\n"
    assert b"".join(err for _, err in pieces if err) == b"err\n"


def test_exec_socket(client: Any, container: Any) -> None:
    sock = container.exec_run("cat", stdin=True, socket=True, tty=True).output
    raw = sock._sock
    raw.sendall(b"hello\n")
    got = b""
    while got.count(b"hello") < 2:
        got += raw.recv(1000)
    assert got == b"hello\r\nhello\r\n"
    sock.close()


def test_exec_through_the_low_level_api(client: Any, container: Any) -> None:
    created = client.api.exec_create(container.id, ["sh", "-c", "read x; echo got $x; exit 4"], stdin=True)
    before = client.api.exec_inspect(created["Id"])
    assert (before["Running"], before["ExitCode"], before["ProcessConfig"]["entrypoint"]) == (False, None, "sh")
    sock = client.api.exec_start(created, socket=True)
    sock._sock.sendall(b"it\n")
    data = b""
    while piece := sock._sock.recv(1000):
        data += piece
    assert data[8:] == b"got it\n"
    sock.close()
    after = client.api.exec_inspect(created["Id"])
    assert (after["Running"], after["ExitCode"]) == (False, 4)


def test_exec_that_cannot_be_done(client: Any, container: Any) -> None:
    result = container.exec_run("nosuch")
    assert result.exit_code in (126, 127)
    assert b"executable file not found" in result.output
    container.pause()
    with pytest.raises(docker.errors.APIError) as caught:
        container.exec_run("true")
    assert caught.value.status_code == 409
    container.kill()
    container.wait()
    with pytest.raises(docker.errors.APIError) as refused:
        container.exec_run("true")
    assert refused.value.status_code == 409
    with pytest.raises(docker.errors.NotFound):
        client.api.exec_inspect("nosuch")


def test_logs_are_streamed(client: Any) -> None:
    container = client.containers.run(
        "busybox", ["sh", "-c", "for n in 1 2 3; do echo $n; sleep 0.05; done"], detach=True, **QUIET
    )
    assert list(container.logs(stream=True, follow=True)) == [b"1\n", b"2\n", b"3\n"]
    assert container.logs(tail=1) == b"3\n"
    assert re.match(rb"\d{4}-\d\d-\d\dT", container.logs(timestamps=True, tail=1))
    assert container.logs(since=int(time.time()) + 100) == b""
    assert list(container.logs(stream=True, follow=False)) == [b"1\n", b"2\n", b"3\n"]


def test_following_can_be_given_up(client: Any, container: Any) -> None:
    stream = container.logs(stream=True, follow=True)
    timer = threading.Timer(0.2, stream.close)
    timer.start()
    assert list(stream) == []
    timer.join()


def test_events_live_and_from_history(client: Any) -> None:
    since = int(time.time())
    live = client.events(decode=True, filters={"type": "container", "label": "py=events"})
    client.containers.run("busybox", ["true"], remove=True, labels={"py": "events"}, **QUIET)
    seen = []
    for event in live:
        seen.append(event["Action"])
        if event["Action"] == "destroy":
            break
    live.close()
    assert [action for action in seen if action in ("create", "start", "die", "destroy")] == [
        "create",
        "start",
        "die",
        "destroy",
    ]
    past = client.events(decode=True, since=since, until=int(time.time()) + 1, filters={"label": "py=events", "event": ["die"]})
    assert [event["Action"] for event in past] == ["die"]


def test_stats(container: Any) -> None:
    sample = container.stats(stream=False)
    assert sample["memory_stats"]["usage"] > 0
    assert sample["cpu_stats"]["system_cpu_usage"] > sample["precpu_stats"]["system_cpu_usage"]
    stream = container.stats(stream=True, decode=True)
    assert next(stream)["id"] == container.id
    assert next(stream)["pids_stats"]["current"] == 1
    stream.close()


def test_archives(client: Any, container: Any) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("in")
        member.size = 5
        tar.addfile(member, io.BytesIO(b"hello"))
    assert container.put_archive("/tmp", buffer.getvalue()) is True
    assert container.exec_run("cat /tmp/in").output == b"hello"
    bits, stat = container.get_archive("/tmp/in")
    assert (stat["name"], stat["size"], stat["linkTarget"]) == ("in", 5, "")
    with tarfile.open(fileobj=io.BytesIO(b"".join(bits))) as tar:
        found = tar.extractfile("in")
        assert found is not None
        assert found.read() == b"hello"
    with pytest.raises(docker.errors.NotFound):
        container.get_archive("/nosuch")
    with pytest.raises(docker.errors.NotFound):
        container.put_archive("/nosuch", buffer.getvalue())


def test_commit_diff_and_export(client: Any) -> None:
    container = client.containers.run("busybox", ["sh", "-c", "echo x >/new"], detach=True, **QUIET)
    container.wait()
    assert container.diff() == [{"Path": "/new", "Kind": 1}]
    image = container.commit("py-committed", "1", message="why", author="me", conf={"Cmd": ["cat", "/new"]})
    try:
        assert (image.tags, image.attrs["Author"], image.attrs["Comment"]) == (["py-committed:1"], "me", "why")
        assert client.containers.run("py-committed:1", remove=True, **QUIET) == b"x\n"
    finally:
        client.images.remove("py-committed:1")
    with tarfile.open(fileobj=io.BytesIO(b"".join(container.export()))) as tar:
        assert "new" in tar.getnames()


def test_moves(client: Any, container: Any) -> None:
    assert not container.update(mem_limit="64m", memswap_limit="128m", cpu_shares=512)["Warnings"]
    container.reload()
    assert container.attrs["HostConfig"]["Memory"] == 64 << 20
    container.update(restart_policy={"Name": "on-failure", "MaximumRetryCount": 2})
    container.rename("py-renamed")
    container.reload()
    assert container.name == "py-renamed"
    container.pause()
    container.reload()
    assert container.status == "paused"
    container.unpause()
    container.restart(timeout=0)
    container.reload()
    assert container.status == "running"
    container.resize(20, 80)
    container.stop(timeout=0)
    assert container.wait()["StatusCode"] == 137


def test_top(container: Any) -> None:
    found = container.top()
    assert (found["Titles"][-1], [row[-1] for row in found["Processes"]]) == ("CMD", ["sleep 1000"])
    assert container.top(ps_args="-o pid,comm")["Titles"] == ["PID", "COMMAND"]


def test_wait_in_time(client: Any, container: Any) -> None:
    requests = pytest.importorskip("requests")
    with pytest.raises((requests.exceptions.ConnectionError, requests.exceptions.ReadTimeout)):
        container.wait(timeout=0.3)
    container.kill()
    assert container.wait(condition="not-running")["StatusCode"] == 137


def test_prune_and_disk_usage(client: Any) -> None:
    gone = client.containers.create("busybox", "true", labels={"py": "prune"}, **QUIET)
    assert {"Containers", "Images", "LayersSize"} <= set(client.df())
    assert client.containers.prune(filters={"label": "py=prune"})["ContainersDeleted"] == [gone.id]
    with pytest.raises(docker.errors.NotFound):
        client.containers.get(gone.id)


def test_health_and_restarts(client: Any) -> None:
    check = {"test": ["CMD", "true"], "interval": 100_000_000}
    container = client.containers.run(
        "busybox", ["sleep", "1000"], detach=True, healthcheck=check, labels={"py": "health"}, **QUIET
    )
    events = client.events(decode=True, since=int(time.time()) - 10, filters={"label": "py=health"})
    assert next(event for event in events if event["Action"].startswith("health_status"))["Action"] == "health_status: healthy"
    events.close()
    container.reload()
    assert (container.health, container.attrs["State"]["Health"]["Status"]) == ("healthy", "healthy")
    assert [found.id for found in client.containers.list(filters={"health": "healthy"})] == [container.id]


def test_attach_while_it_lives(client: Any) -> None:
    script = "echo ready; while read x; do echo got $x; done"
    container = client.containers.create("busybox", ["sh", "-c", script], stdin_open=True, **QUIET)
    output = container.attach(stream=True)
    container.start()
    assert next(output) == b"ready\n"
    sock = container.attach_socket(params={"stdin": 1, "stream": 1})
    sock._sock.sendall(b"word\n")
    assert next(output) == b"got word\n"
    sock.close()
    container.kill()
