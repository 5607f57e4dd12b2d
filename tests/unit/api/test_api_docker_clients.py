"""Docker's own clients against the pretend engine: they know nothing of us, so what they read is what Docker says."""

from __future__ import annotations

import os
import shutil
import subprocess

import docker
import pytest
from pretended_server import Pretended

needs_docker = pytest.mark.skipif(shutil.which("docker") is None, reason="the docker program is not installed")


@pytest.fixture
def client(pretended: Pretended):
    """docker-py, speaking to the pretended daemon."""
    client = docker.DockerClient(base_url=f"unix://{pretended.api.path}", version="auto", timeout=20)
    yield client
    client.close()


@pytest.fixture
def docker_program(pretended: Pretended, tmp_path):
    """Run the docker program; return the finished process."""
    environ = {"PATH": os.environ["PATH"], "DOCKER_CONFIG": str(tmp_path), "DOCKER_HOST": f"unix://{pretended.api.path}"}

    def run(*words: str, input: bytes = b"") -> subprocess.CompletedProcess:
        return subprocess.run(["docker", *words], env=environ, input=input, capture_output=True, timeout=30, check=False)

    return run


def test_docker_py_negotiates_and_pings(client) -> None:
    assert client.ping()
    assert client.version()["ApiVersion"] == "1.51"
    assert client.info()["DaemonPid"]


def test_docker_py_runs_a_container(client) -> None:
    assert client.containers.run("busybox", ["echo", "hi"], remove=True) == b"hi\n"


def test_docker_py_lists_inspects_and_removes(client) -> None:
    made = client.containers.create("busybox", ["sleep", "600"], name="long")
    made.start()
    assert [one.name for one in client.containers.list(filters={"name": "long"})] == ["long"]
    made.reload()
    assert made.status == "running"
    made.kill()
    assert made.wait()["StatusCode"] == 137
    made.remove()
    with pytest.raises(docker.errors.NotFound):
        client.containers.get("long")


def test_docker_py_attaches_with_both_streams_apart(client) -> None:
    made = client.containers.create("busybox", ["sh", "-c", "echo out; echo err >&2"])
    stream = made.attach(stream=True, demux=True)
    made.start()
    got = list(stream)
    assert b"".join(out for out, _ in got if out) == b"out\n"
    assert b"".join(err for _, err in got if err) == b"err\n"
    assert made.logs(stdout=True, stderr=False) == b"out\n"
    made.remove(force=True)


def test_docker_py_feeds_standard_input(client) -> None:
    made = client.containers.create("busybox", ["cat"], stdin_open=True)
    held = made.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    made.start()
    held._sock.sendall(b"typed\n")
    held._sock.shutdown(1)
    assert made.wait()["StatusCode"] == 0
    assert made.logs() == b"typed\n"
    held.close()
    made.remove()


def test_docker_py_sees_our_errors_as_its_own(client) -> None:
    with pytest.raises(docker.errors.ImageNotFound, match="No such image"):
        client.images.get("nosuch")
    with pytest.raises(docker.errors.APIError, match="is not running"):
        client.containers.create("busybox", ["true"]).kill()


@needs_docker
def test_docker_version(docker_program) -> None:
    done = docker_program("version")
    assert done.returncode == 0, done.stderr
    assert b"1.51 (minimum version 1.24)" in done.stdout


@needs_docker
def test_docker_run_with_output_and_exit_code(docker_program) -> None:
    done = docker_program("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")


@needs_docker
def test_docker_run_with_standard_input(docker_program) -> None:
    done = docker_program("run", "-i", "--rm", "busybox", "cat", input=b"typed\n" * 10_000)
    assert (done.returncode, done.stdout) == (0, b"typed\n" * 10_000), done.stderr


@needs_docker
def test_docker_run_of_a_command_that_is_not_there(docker_program) -> None:
    done = docker_program("run", "busybox", "/nosuch")
    assert done.returncode == 127
    assert b"/nosuch" in done.stderr


@needs_docker
def test_docker_create_ps_logs_rm(docker_program) -> None:
    assert docker_program("create", "--name", "one", "busybox", "echo", "hi").returncode == 0
    assert docker_program("start", "one").stdout == b"one\n"
    assert docker_program("wait", "one").stdout == b"0\n"
    assert b"one" in docker_program("ps", "-a").stdout
    assert docker_program("logs", "one").stdout == b"hi\n"
    assert docker_program("rm", "one").returncode == 0
    assert b"No such container: one" in docker_program("inspect", "--type", "container", "one").stderr


@needs_docker
def test_docker_pull_says_why_not(docker_program) -> None:
    done = docker_program("pull", "nosuch")
    assert b"pull access denied" in done.stderr
    assert done.returncode == 1


@needs_docker
def test_docker_logs_follows_to_the_end(docker_program) -> None:
    made = docker_program("run", "-d", "busybox", "sh", "-c", "echo one; sleep 0.2; echo two")
    assert made.returncode == 0, made.stderr
    assert docker_program("logs", "-f", made.stdout.decode().strip()).stdout == b"one\ntwo\n"
