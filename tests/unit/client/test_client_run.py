"""run: the right requests in the right order, and nothing left whatever happens in between."""

from __future__ import annotations

import signal
import socket
import threading
from typing import Any

import pytest
from pretendengine import DOCKERS, ID, OURS, Answer, Asked, PretendEngine, frame, ordinary

from dockerkit import errors
from dockerkit.client.client import Client
from dockerkit.client.session import Session

LIFE = ["create", "attach", "start", "wait", "DELETE"]


def words(engine: PretendEngine) -> list[str]:
    """The life of the container as it was asked for."""
    return ["DELETE" if r.startswith("DELETE") else r.rpartition("/")[2] for r in engine.requests if "/containers/" in r]


def test_run_is_five_requests(engine: PretendEngine, to: Client) -> None:
    ordinary(engine, output=frame(1, b"hi\n") + frame(2, b"oops\n"))
    done = to.run("busybox", "echo", "hi")
    assert (done.exit_code, done.stdout, done.stderr, done.args) == (0, "hi\n", "oops\n", ("echo", "hi"))
    assert words(engine) == LIFE
    engine.requests.clear()
    to.run("busybox", "echo", "hi")
    assert len(engine.requests) == 5, "the version is asked once, the session is opened once"


def test_container_is_owned_from_birth(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    to.run("busybox", "true", name="box", platform="linux/amd64")
    asked = next(a for a in engine.asked if a.path == "/containers/create")
    assert {k.lower(): v for k, v in asked.headers.items()}["x-dockerkit-session"] == "5e55"
    assert asked.query == "name=box&platform=linux%2Famd64"
    assert asked.json["AttachStdout"] and not asked.json["AttachStdin"] and not asked.json["OpenStdin"]


def test_foreign_engine_gets_a_label_and_no_session(engine: PretendEngine, to: Client) -> None:
    ordinary(engine, version=DOCKERS)
    to.run("busybox", "true", publish=80)
    created = next(a for a in engine.asked if a.path == "/containers/create").json
    assert "dockerkit.owner" in created["Labels"]
    assert created["HostConfig"]["PortBindings"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
    assert not [r for r in engine.requests if "dockerkit" in r]
    assert words(engine) == LIFE


def test_input_is_written_and_its_end_is_seen(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    seen = []

    def attach(sock: socket.socket) -> None:
        data = b""
        while piece := sock.recv(1000):
            data += piece
        seen.append(data)
        sock.sendall(frame(1, data.upper()))

    engine.on("POST", "/containers/[^/]+/attach", Answer(upgrade=attach))
    assert to.run("busybox", "tr", input="häh").stdout_bytes == "häh".encode().upper()
    created = next(a for a in engine.asked if a.path == "/containers/create").json
    assert created["OpenStdin"] and created["StdinOnce"] and created["AttachStdin"]
    assert "stdin=1" in next(a for a in engine.asked if a.path.endswith("/attach")).query


def test_program_that_fails_is_a_result_and_with_check_an_error(engine: PretendEngine, to: Client) -> None:
    ordinary(engine, output=frame(2, b"why\n"), exit_code=3)
    done = to.run("busybox", "false")
    assert done.returncode == 3
    with pytest.raises(errors.ContainerFailed, match="exit code 3: why") as caught:
        to.run("busybox", "false", check=True)
    assert caught.value.completed == done


@pytest.mark.parametrize(("code", "oom"), [(137, True), (137, False)])
def test_only_137_asks_whether_memory_was_the_reason(engine: PretendEngine, to: Client, code: int, oom: bool) -> None:
    ordinary(engine, exit_code=code)
    engine.on("GET", "/containers/[^/]+/json", {"State": {"OOMKilled": oom}})
    assert to.run("busybox", "x").oom_killed is oom


def test_missing_image_is_obtained_and_creation_repeated(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    answers = iter([Answer({"message": "No such image: busybox:latest"}, 404), Answer({"Id": ID}, 201)])
    engine.on("POST", "/containers/create", lambda asked: next(answers))
    engine.on("POST", "/images/create", b'{"status":"one"}\r\n{"status":"two"}\n')
    engine.on("GET", "/images/.*/json", {"Id": "sha256:1"})
    assert to.run("busybox", "true").exit_code == 0
    assert next(a for a in engine.asked if a.path == "/images/create").query == "fromImage=busybox&tag=latest"


def test_image_that_nobody_has_is_not_found(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("POST", "/containers/create", Answer({"message": "No such image: nosuch:1"}, 404))
    engine.on("POST", "/images/create", b'{"errorDetail":{"message":"nosuch not found"},"error":"nosuch not found"}\n')
    with pytest.raises(errors.NotFound, match="nosuch"):
        to.run("nosuch:1", "true")
    assert "DELETE" not in words(engine)


@pytest.mark.parametrize(
    ("answer", "recorded", "code"),
    [
        (Answer({"message": 'exec: "x": executable file not found in $PATH', "class": "ContainerFailed"}, 400), 127, 127),
        (Answer({"message": 'exec: "x": executable file not found in $PATH: unknown'}, 400), 0, 127),
        (Answer({"message": 'exec: "/etc/passwd": permission denied: unknown'}, 400), 126, 126),
    ],
)
def test_program_that_cannot_be_started(engine: PretendEngine, to: Client, answer: Answer, recorded: int, code: int) -> None:
    ordinary(engine)
    engine.on("POST", "/containers/[^/]+/start", answer)
    engine.on("GET", "/containers/[^/]+/json", {"State": {"ExitCode": recorded}})
    with pytest.raises(errors.ContainerFailed, match="could not be started") as caught:
        to.run("busybox", "x")
    assert caught.value.completed is not None
    assert caught.value.completed.exit_code == code
    assert words(engine)[-1] == "DELETE"


def test_other_refusals_to_start_keep_their_class(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("POST", "/containers/[^/]+/start", Answer({"message": "no room", "class": "Exhausted"}, 500))
    engine.on("GET", "/containers/[^/]+/json", {"State": {"ExitCode": 128}})
    with pytest.raises(errors.Exhausted):
        to.run("busybox", "x")
    assert words(engine)[-1] == "DELETE"


class Running:
    """A container that writes, and goes on until it is killed or removed."""

    def __init__(self, engine: PretendEngine, output: bytes) -> None:
        self.killed, self.attached = threading.Event(), threading.Event()
        ordinary(engine)
        engine.on("POST", "/containers/[^/]+/attach", Answer(upgrade=self.attach))
        engine.on("POST", "/containers/[^/]+/kill", self.kill)
        engine.on("DELETE", "/containers/[^/]+", self.kill)
        self.output = output

    def attach(self, sock: socket.socket) -> None:
        sock.sendall(self.output)
        self.attached.set()
        self.killed.wait(10)
        sock.sendall(frame(1, b" last"))

    def kill(self, asked: Asked) -> Answer:
        self.killed.set()
        return Answer(status=204)


def test_timeout_kills_removes_and_keeps_the_output(engine: PretendEngine, to: Client) -> None:
    Running(engine, frame(1, b"partial"))
    with pytest.raises(errors.TimedOut, match=r"within 0\.1 s") as caught:
        to.run("busybox", "sleep", "60", timeout=0.1)
    assert caught.value.completed is not None
    assert caught.value.completed.stdout == "partial last"
    assert caught.value.completed.exit_code == 137
    assert words(engine)[-2:] == ["kill", "DELETE"]


def test_timeout_asks_first_when_a_stop_timeout_was_said(engine: PretendEngine, to: Client) -> None:
    running = Running(engine, b"")
    engine.on("POST", "/containers/[^/]+/stop", running.kill)
    with pytest.raises(errors.TimedOut):
        to.run("busybox", "sleep", "60", timeout=0.1, stop_timeout=5)
    assert words(engine)[-2:] == ["stop", "DELETE"]


def test_program_that_closed_its_output_and_runs_on_times_out_too(engine: PretendEngine, to: Client) -> None:
    over = threading.Event()
    ordinary(engine, output=frame(1, b"x"))
    engine.on("POST", "/containers/[^/]+/wait", lambda asked: over.wait(10) and Answer({"StatusCode": 0}))
    with pytest.raises(errors.TimedOut, match="did not end") as caught:
        to.run("busybox", "x", timeout=0.1)
    over.set()
    assert caught.value.completed is not None
    assert caught.value.completed.stdout == "x"
    assert words(engine)[-1] == "DELETE"


def test_interrupt_removes_and_is_raised_again(engine: PretendEngine, to: Client) -> None:
    running = Running(engine, frame(1, b"x"))
    main = threading.get_ident()
    threading.Thread(target=lambda: running.attached.wait(10) and signal.pthread_kill(main, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        to.run("busybox", "sleep", "60")
    assert words(engine)[-1] == "DELETE"


def test_failing_removal_does_not_hide_the_first_failure(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("POST", "/containers/[^/]+/start", Answer({"message": "first"}, 409))
    engine.on("GET", "/containers/[^/]+/json", {"State": {"ExitCode": 0}})
    engine.on("DELETE", "/containers/[^/]+", Answer({"message": "second"}, 500))
    with pytest.raises(errors.Conflict, match="first") as caught:
        to.run("busybox", "x")
    assert "second" in "".join(caught.value.__notes__)


def test_container_that_somebody_else_removed_is_no_error(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("DELETE", "/containers/[^/]+", Answer({"message": "No such container"}, 404))
    assert to.run("busybox", "x").exit_code == 0


def test_lost_engine_is_unavailable(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("POST", "/containers/[^/]+/wait", Answer(hang_up=True))
    with pytest.raises(errors.Unavailable):
        to.run("busybox", "x")


def test_session_is_opened_again_after_the_daemon_was_replaced(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    to.run("busybox", "x")
    engine.drop_connections()
    to.run("busybox", "x")
    assert engine.requests.count("POST /dockerkit/v1/sessions") == 2


def test_session_that_the_daemon_forgot_is_opened_again(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    answers = iter([Answer({"message": "No such session: 5e55"}, 404), Answer({"Id": ID}, 201)])
    engine.on("POST", "/containers/create", lambda asked: next(answers))
    assert to.run("busybox", "x").exit_code == 0
    assert engine.requests.count("POST /dockerkit/v1/sessions") == 2


def test_session_refused_says_why(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on(
        "POST", "/dockerkit/v1/sessions", Answer(upgrade=lambda s: s.sendall(b'{"message":"full","class":"Exhausted"}\n'))
    )
    with pytest.raises(errors.Exhausted, match="full"):
        to.run("busybox", "x")


def test_bare_start_is_owned_until_it_returns_and_removed_when_it_cannot_start(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    assert to.start("busybox", "sleep").id == ID
    created, started, _ = engine.asked[-3:]
    assert (created.headers["x-dockerkit-session"], started.headers["x-dockerkit-lasting"]) == ("5e55", "1")
    assert engine.requests[-1] == f"DELETE /dockerkit/v1/sessions/5e55/containers/{ID}"
    engine.on("POST", "/containers/[^/]+/start", Answer({"message": "m", "class": "ContainerFailed"}, 400))
    engine.on("GET", "/containers/[^/]+/json", {"Id": ID, "Created": "", "Path": "x", "State": {"ExitCode": 127}})
    with pytest.raises(errors.ContainerFailed):
        to.start("busybox", "x")
    assert words(engine)[-1] == "DELETE"


def test_with_owns_and_removes(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("POST", "/dockerkit/v1/sessions/5e55/containers/.*", Answer(status=204))
    engine.on("GET", "/containers/[^/]+/json", {"Id": ID, "Config": {}})
    with to.start("busybox", "sleep"):
        assert engine.requests[-1] == f"POST /dockerkit/v1/sessions/5e55/containers/{ID}"
    assert words(engine)[-1] == "DELETE"
    assert engine.asked[-1].query == "force=1&v=1"


def test_with_stops_first_when_a_stop_timeout_was_said(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("POST", "/dockerkit/v1/sessions/5e55/containers/.*", Answer(status=204))
    engine.on("POST", "/containers/[^/]+/stop", Answer(status=204))
    engine.on("GET", "/containers/[^/]+/json", {"Id": ID, "Config": {"StopTimeout": 5}})
    with to.start("busybox", "sleep"):
        pass
    assert words(engine)[-2:] == ["stop", "DELETE"]


def test_closing_the_client_ends_its_session(engine: PretendEngine) -> None:
    ended = threading.Event()

    def session(sock: socket.socket) -> None:
        sock.sendall(b'{"Id":"1"}\n')
        if not sock.recv(1):
            ended.set()

    ordinary(engine)
    engine.on("POST", "/dockerkit/v1/sessions", Answer(upgrade=session))
    with Client(engine.url) as client:
        client.run("busybox", "x")
    assert ended.wait(10)


def test_version_is_negotiated_down(engine: PretendEngine, to: Client) -> None:
    ordinary(engine, version=DOCKERS)
    assert to.engine.identity.api_version == "1.41"
    ordinary(engine, version=OURS | {"ApiVersion": "1.99"})
    assert Client(engine.url).engine.identity.api_version == "1.51"
    assert Client(engine.url, api_version="1.30").engine.identity.api_version == "1.30"


def test_daemon_older_than_assumed_is_spoken_to_in_its_version(engine: PretendEngine, monkeypatch: Any) -> None:
    monkeypatch.setattr("dockerkit.client.endpoint.socket_path", lambda root: engine.path)
    seen: list[bool] = []

    def info(asked: Asked) -> Answer:
        seen.append(True)
        too_new = len(seen) == 1
        return Answer(
            {"message": "client version 1.51 is too new"} if too_new else {}, 400 if too_new else 200, {"Api-Version": "1.48"}
        )

    engine.on("GET", "/info", info)
    client = Client(engine.url)
    assert client.info() == {}
    assert client.engine.identity.api_version == "1.48"
    assert engine.requests == ["GET /info", "GET /info"], "our own daemon at home is not asked for its version"


def test_sessions_are_forgotten_in_a_child() -> None:
    session = Session(Client("unix:///nowhere.sock").engine)
    session._id = "parent's"
    session.forget()
    assert session._stream is None
