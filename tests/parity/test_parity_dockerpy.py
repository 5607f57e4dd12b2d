"""docker-py 7.2 against both engines: what a program sees."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.parity.engines import EngineUnderTest

docker = pytest.importorskip("docker", reason="docker-py is not installed (pip install docker==7.2.0)")


def test_the_version_is_negotiated(client: Any, engine: EngineUnderTest) -> None:
    assert client.ping() is True
    assert client.version()["ApiVersion"] == engine.version
    assert client.info()["OSType"] == "linux"


def test_run_returns_the_output(client: Any) -> None:
    assert client.containers.run("busybox", ["echo", "hi"], remove=True, network_mode="none") == b"hi\n"
    assert client.containers.run("busybox", "echo hi") == b"hi\n"


def test_run_raises_with_status_and_what_was_said(client: Any) -> None:
    with pytest.raises(docker.errors.ContainerError) as caught:
        client.containers.run("busybox", ["sh", "-c", "echo out; echo err >&2; exit 7"], remove=True, network_mode="none")
    assert (caught.value.exit_status, caught.value.stderr) == (7, b"err\n")


def test_run_of_a_missing_program_is_an_api_error(client: Any) -> None:
    with pytest.raises(docker.errors.APIError) as caught:
        client.containers.run("busybox", ["nosuch"], remove=True, network_mode="none")
    assert caught.value.status_code == 400
    assert "executable file not found" in caught.value.explanation


def test_errors_have_their_classes(client: Any) -> None:
    with pytest.raises(docker.errors.ImageNotFound):
        client.api.create_container("nosuch", "true")
    with pytest.raises(docker.errors.ImageNotFound):
        client.images.get("nosuch")
    with pytest.raises(docker.errors.NotFound) as caught:
        client.containers.get("nosuch")
    assert not isinstance(caught.value, docker.errors.ImageNotFound)
    with pytest.raises(docker.errors.APIError) as refused:
        client.containers.create("busybox", "true", mem_limit=1000)
    assert refused.value.is_client_error()


def test_a_life(client: Any) -> None:
    container = client.containers.create(
        "busybox", ["sh", "-c", "echo a; echo b >&2; exit 3"], name="py-life", network_mode="none", labels={"x": "y"}
    )
    assert container.status == "created"
    assert (container.name, container.labels["x"]) == ("py-life", "y")
    container.start()
    assert container.wait()["StatusCode"] == 3
    container.reload()
    assert container.status == "exited"
    assert (container.logs(stdout=True, stderr=False), container.logs(stdout=False, stderr=True)) == (b"a\n", b"b\n")
    assert sorted(container.logs(stream=True, stdout=True, stderr=True)) == [b"a\n", b"b\n"]
    assert container.image.tags == ["busybox:latest"]
    assert client.containers.get("py-life").id == container.id
    assert [c.id for c in client.containers.list(all=True, filters={"name": "py-life"})] == [container.id]
    container.remove()
    with pytest.raises(docker.errors.NotFound):
        container.reload()


def test_wait_times_out_and_kill_ends(client: Any) -> None:
    container = client.containers.run("busybox", ["sleep", "100"], detach=True, network_mode="none")
    assert container.status in ("created", "running")
    with pytest.raises(Exception, match=r"(?i)timed out"):
        container.wait(timeout=0.3)
    container.kill()
    assert container.wait()["StatusCode"] == 137


def test_attach_streams_what_comes(client: Any) -> None:
    container = client.containers.create("busybox", ["sh", "-c", "echo one; echo two"], network_mode="none")
    stream = container.attach(stream=True, stdout=True, stderr=True, logs=True)
    container.start()
    assert b"".join(stream) == b"one\ntwo\n"


def test_attach_tells_the_streams_apart(client: Any) -> None:
    container = client.containers.create("busybox", ["sh", "-c", "echo one; echo two >&2"], network_mode="none")
    stream = container.attach(stream=True, stdout=True, stderr=True, demux=True)
    container.start()
    pieces = list(stream)
    assert b"".join(out for out, _ in pieces if out) == b"one\n"
    assert b"".join(err for _, err in pieces if err) == b"two\n"


def test_the_attach_socket_goes_both_ways(client: Any) -> None:
    container = client.containers.create("busybox", ["cat"], stdin_open=True, tty=True, network_mode="none")
    sock = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    raw = sock._sock
    raw.sendall(b"hello\n")
    got = b""
    while got.count(b"hello") < 2:
        got += raw.recv(1000)
    assert got == b"hello\r\nhello\r\n"
    sock.close()
    container.stop(timeout=0)
    assert container.wait()["StatusCode"] == 137


def test_removed_by_itself(client: Any) -> None:
    container = client.containers.run("busybox", ["true"], detach=True, auto_remove=True, network_mode="none")
    try:
        answer = container.wait(condition="removed")
    except docker.errors.NotFound:
        return
    assert answer["StatusCode"] == 0


def test_many_at_once(client: Any, engine: EngineUnderTest) -> None:
    found: dict[int, bytes] = {}

    def one(number: int) -> None:
        found[number] = client.containers.run("busybox", ["echo", str(number)], remove=True, network_mode="none")

    threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: f"{n}\n".encode() for n in range(8)}


def test_limits_and_options(client: Any) -> None:
    script = "cat /proc/self/status | grep -E '^(CapEff|NoNewPrivs)'; echo $A; hostname; pwd; id -u"
    output = client.containers.run(
        "busybox",
        ["sh", "-c", script],
        remove=True,
        network_mode="none",
        mem_limit="64m",
        nano_cpus=500_000_000,
        pids_limit=50,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        environment={"A": "1"},
        hostname="h",
        working_dir="/tmp",
        user="0",
        read_only=True,
        tmpfs={"/scratch": "size=1m"},
        ulimits=[docker.types.Ulimit(name="nofile", soft=64, hard=64)],
    )
    assert output.decode().split() == ["CapEff:", "0" * 16, "NoNewPrivs:", "1", "1", "h", "/tmp", "0"]


def test_images(client: Any) -> None:
    image = client.images.get("busybox")
    assert image.tags == ["busybox:latest"]
    assert image.id.startswith("sha256:")
    assert image.attrs["Config"]["Cmd"] == ["sh"]
    assert image.id in [listed.id for listed in client.images.list()]
    assert [listed.id for listed in client.images.list(name="busybox")] == [image.id]
    assert len(image.history()) >= 1
    assert image.tag("py-tagged", "1") is True
    assert "py-tagged:1" in client.images.get("busybox").tags
    client.images.remove("py-tagged:1")
    assert client.images.get("busybox").tags == ["busybox:latest"]
