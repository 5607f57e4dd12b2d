"""Live things against a scripted engine: the right requests, and what their answers mean."""

from __future__ import annotations

import os
import pathlib
import socket
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
from pretendengine import DOCKERS, ID, OURS, Answer, Asked, PretendEngine, frame, ordinary

import dockerkit as dk
from dockerkit import errors
from dockerkit.client.client import Client
from dockerkit.client.container import Container
from dockerkit.client.happenings import read_event
from dockerkit.client.limits import limits_body
from dockerkit.client.rows import Row
from dockerkit.client.usage import read_usage

EXEC = "e" * 64
NOT_FOUND = b'exec: "x": executable file not found in $PATH: unknown'


def script(
    engine: PretendEngine, *, output: bytes = b"", record: dict[str, Any] | None = None, version: dict[str, Any] = OURS
) -> Container:
    """Script one exec that writes `output` and ends."""
    ordinary(engine, version=version)
    at_once(engine, lambda sock: sock.sendall(output))
    engine.on("POST", "/containers/[^/]+/exec", Answer({"Id": EXEC}, 201))
    engine.on("POST", f"/exec/{EXEC}/start", Answer(upgrade=lambda sock: sock.sendall(output)))
    engine.on("GET", f"/exec/{EXEC}/json", record or {"Running": False, "ExitCode": 0, "Pid": 7})
    engine.on("POST", "/dockerkit/v1/exec/[^/]+/kill", Answer(status=204))
    return Container(Client(engine.url, timeout=10), ID)


def at_once(engine: PretendEngine, talk: Callable[[socket.socket], None]) -> None:
    """Script our own engine's way: made and started by one request."""
    engine.on("POST", "/dockerkit/v1/containers/[^/]+/exec", Answer(upgrade=talk, headers={"X-Dockerkit-Exec": EXEC}))


def sent(engine: PretendEngine, path: str) -> Asked:
    return next(asked for asked in engine.asked if asked.path.endswith(path))


def test_exec_of_our_own_engine_is_one_request(engine: PretendEngine) -> None:
    box = script(engine, output=frame(1, b"out") + frame(2, b"err") + frame(4, bytes((0, 0, 0, 3))))
    done = box.exec("a", "b", env={"X": 1})
    assert (done.args, done.exit_code, done.stdout, done.stderr) == (("a", "b"), 3, "out", "err")
    assert [r for r in engine.requests if r != "GET /version"] == [f"POST /dockerkit/v1/containers/{ID}/exec"]
    assert sent(engine, "/exec").json["Env"] == ["X=1"]


def test_exec_that_is_not_told_its_end_asks_for_it(engine: PretendEngine) -> None:
    box = script(engine, output=frame(1, b"out"), record={"Running": False, "ExitCode": 3, "Pid": 7})
    assert box.exec("a").exit_code == 3
    assert engine.requests[-1] == f"GET /exec/{EXEC}/json"


def test_exec_of_a_foreign_engine_is_three_requests(engine: PretendEngine) -> None:
    output = frame(1, b"out") + frame(2, b"err")
    box = script(engine, output=output, record={"Running": False, "ExitCode": 3, "Pid": 7}, version=DOCKERS)
    done = box.exec("a", "b", env={"X": 1}, user=5, workdir="/w")
    assert (done.args, done.exit_code, done.stdout, done.stderr) == (("a", "b"), 3, "out", "err")
    assert [r for r in engine.requests if r != "GET /version"] == [
        f"POST /containers/{ID}/exec", f"POST /exec/{EXEC}/start", f"GET /exec/{EXEC}/json",
    ]  # fmt: skip
    asked = sent(engine, "/exec").json
    assert (asked["Cmd"], asked["Env"][0], asked["User"], asked["WorkingDir"]) == (["a", "b"], "X=1", "5", "/w")
    assert (asked["AttachStdin"], asked["AttachStdout"], asked["Tty"]) == (False, True, False)
    assert sent(engine, "/start").json == {"Detach": False, "Tty": False}


def test_exec_on_a_foreign_engine_carries_a_mark(engine: PretendEngine) -> None:
    script(engine, version=DOCKERS).exec("a")
    assert [name.partition("=")[0] for name in sent(engine, "/exec").json["Env"]] == ["DOCKERKIT_EXEC"]


@pytest.mark.parametrize(("said", "code"), [(NOT_FOUND, 127), (b'exec: "/x": permission denied', 126), (b"no user x", 126)])
def test_program_that_cannot_be_executed_as_docker_says_it(engine: PretendEngine, said: bytes, code: int) -> None:
    box = script(engine, output=frame(1, said + b"\r\n"), record={"Running": False, "ExitCode": 126, "Pid": 0})
    for way in (box.exec, box.popen):
        with pytest.raises(errors.ContainerFailed, match="could not be started") as caught:
            way("x")
        assert caught.value.completed is not None
        assert caught.value.completed.exit_code == code


def test_program_that_cannot_be_executed_as_an_answer(engine: PretendEngine) -> None:
    box = script(engine, version=DOCKERS)
    engine.on("POST", f"/exec/{EXEC}/start", Answer({"message": NOT_FOUND.decode(), "class": "ContainerFailed"}, 400))
    with pytest.raises(errors.ContainerFailed) as caught:
        box.exec("x")
    assert caught.value.completed is not None
    assert caught.value.completed.exit_code == 127


def test_shell_that_finds_nothing_is_a_result(engine: PretendEngine) -> None:
    box = script(engine, output=frame(2, b"sh: x: not found"), record={"Running": False, "ExitCode": 127, "Pid": 0})
    assert box.exec("sh", "-c", "x").exit_code == 127


class Running:
    """A scripted program that goes on until it is killed."""

    def __init__(self, engine: PretendEngine) -> None:
        self.box = script(engine)
        self.killed = threading.Event()
        engine.on("POST", f"/exec/{EXEC}/start", Answer(upgrade=self.run))
        at_once(engine, self.run)
        engine.on("GET", f"/exec/{EXEC}/json", lambda asked: Answer(self.record()))
        engine.on("POST", f"/dockerkit/v1/exec/{EXEC}/kill", self.kill)

    def run(self, sock: socket.socket) -> None:
        sock.sendall(frame(1, b"partial"))
        self.killed.wait(20)

    def record(self) -> dict[str, Any]:
        return {"Running": not self.killed.is_set(), "ExitCode": 137 if self.killed.is_set() else None, "Pid": 7}

    def kill(self, asked: Asked) -> Answer:
        self.killed.set()
        return Answer(status=204)


def test_timeout_kills_and_keeps_the_output(engine: PretendEngine) -> None:
    with pytest.raises(errors.TimedOut, match=r"within 0\.1 s") as caught:
        Running(engine).box.exec("x", timeout=0.1)
    assert caught.value.completed is not None
    assert (caught.value.completed.stdout, caught.value.completed.exit_code) == ("partial", 137)
    assert sent(engine, "/kill").query == "signal=9"


def test_program_that_cannot_be_killed_is_said_to_run_on(engine: PretendEngine) -> None:
    running = Running(engine)
    engine.on("POST", f"/dockerkit/v1/exec/{EXEC}/kill", Answer({"message": "page not found"}, 404))
    engine.on("GET", f"/exec/{EXEC}/json", {"Running": True, "ExitCode": None, "Pid": os.getpid()})
    with pytest.raises(errors.Unsupported, match="it runs on"):
        running.box.exec("x", timeout=0.1)  # this very process has that number, and is not the container's
    running.killed.set()


def test_popen_sends_signals_by_name(engine: PretendEngine) -> None:
    process = Running(engine).box.popen("x", stdin=-3)
    assert process.poll() is None
    process.terminate()
    assert sent(engine, "/kill").query == "signal=15"
    assert process.wait(10) == 137
    process.kill()
    process.close()
    assert engine.requests.count(f"POST /dockerkit/v1/exec/{EXEC}/kill") == 1


def test_popen_files(engine: PretendEngine) -> None:
    box = script(engine)

    def upper(sock: socket.socket) -> None:
        while data := sock.recv(1000):
            sock.sendall(frame(1, data.upper()))

    engine.on("POST", f"/exec/{EXEC}/start", Answer(upgrade=upper))
    with box.popen("tr", text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("häh\n")
        assert process.stdout.readline() == "HäH\n"
    assert process.returncode == 0


def test_log_is_followed(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("GET", f"/containers/{ID}/json", {"Config": {"Tty": False}})

    def log(send: Callable[[bytes], None]) -> None:
        send(frame(1, b"on"))
        send(frame(2, b"two\n") + frame(1, b"e\nthr"))
        send(frame(1, b"ee"))

    engine.on("GET", f"/containers/{ID}/logs", Answer(stream=log))
    assert list(Container(to, ID).logs(follow=True, tail=5)) == ["two\n", "one\n", "three"]
    assert parse_qs(sent(engine, "/logs").query) == {"follow": ["1"], "stdout": ["1"], "stderr": ["1"], "tail": ["5"]}


EVENT = {
    "Type": "container",
    "Action": "die",
    "Actor": {"ID": ID, "Attributes": {"name": "box", "exitCode": "3"}},
    "time": 1767225600,
    "timeNano": 1767225600123456789,
}


def test_events_come_as_they_happen(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    more = threading.Event()

    def happen(send: Callable[[bytes], None]) -> None:
        import json

        line = json.dumps(EVENT).encode() + b"\n"
        send(line[:20])
        send(line[20:] + line)
        more.wait(10)

    engine.on("GET", "/events", Answer(stream=happen))
    with to.events(since=1767225600, type="container", event=["die", "start"]) as events:
        first = next(events)
        assert next(events) == first
    more.set()
    assert list(events) == []
    assert (first.type, first.action, first.id, first.name) == ("container", "die", ID, "box")
    assert (first.attributes["exitCode"], first.time.isoformat()) == ("3", "2026-01-01T00:00:00.123456+00:00")
    assert parse_qs(sent(engine, "/events").query)["filters"] == ['{"type":["container"],"event":["die","start"]}']


def test_event_of_an_old_engine() -> None:
    event = read_event({"status": "start", "id": "x", "time": 1})
    assert (event.action, event.id, event.name, event.time.timestamp()) == ("start", "x", "", 1)


STATS: dict[str, Any] = {
    "read": "2026-01-01T00:00:01.5Z", "name": "/box", "pids_stats": {"current": 2},
    "cpu_stats": {"cpu_usage": {"total_usage": 300}, "system_cpu_usage": 2000, "online_cpus": 2},
    "precpu_stats": {"cpu_usage": {"total_usage": 200}, "system_cpu_usage": 1000},
    "memory_stats": {"usage": 1000, "limit": 4000, "stats": {"total_inactive_file": 200}},
    "networks": {"a": {"rx_bytes": 1, "tx_bytes": 2}, "b": {"rx_bytes": 10, "tx_bytes": 20}},
    "blkio_stats": {"io_service_bytes_recursive": [{"op": "Read", "value": 5}, {"op": "write", "value": 6}]},
}  # fmt: skip


def test_measurement_as_the_docker_command_computes_it() -> None:
    usage = read_usage(STATS)
    assert (usage.cpu_percent, usage.memory, usage.memory_percent, usage.pids) == (20.0, 800, 20.0, 2)
    assert (usage.received, usage.sent, usage.read, usage.written, usage.name) == (11, 22, 5, 6, "box")
    assert usage.raw is STATS
    assert read_usage({}).memory == 0


def test_measurements_end_with_the_container(engine: PretendEngine, to: Client) -> None:
    import json

    ordinary(engine)
    lines = [json.dumps(STATS), json.dumps({"read": "0001-01-01T00:00:00Z"}), json.dumps(STATS)]
    engine.on("GET", f"/containers/{ID}/stats", "\n".join(lines).encode())
    assert len(list(Container(to, ID).stats(stream=True))) == 1


def test_processes(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("GET", f"/containers/{ID}/top", {"Titles": ["PID", "CMD"], "Processes": [["1", "sleep 5"]]})
    rows = Container(to, ID).top("-eo pid,cmd")
    assert (rows[0]["PID"], rows[0].cmd) == ("1", "sleep 5")
    assert rows.df()["CMD"].tolist() == ["sleep 5"]
    assert sent(engine, "/top").query == "ps_args=-eo+pid%2Ccmd"


def test_row_says_what_there_is() -> None:
    row = Row(Path="/x", Kind=1)
    assert (row.path, row["KIND"], row.get("nope")) == ("/x", 1, None)
    with pytest.raises(AttributeError, match="there is: Path, Kind"):
        _ = row.size
    with pytest.raises(KeyError):
        _ = row["size"]


def test_changes(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("GET", f"/containers/{ID}/changes", [{"Path": "/a", "Kind": 1}, {"Path": "/b", "Kind": 2}])
    assert Container(to, ID).diff() == [("added", "/a"), ("deleted", "/b")]
    engine.on("GET", f"/containers/{ID}/changes", b"null")
    assert Container(to, ID).diff() == []


def test_commit(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("POST", "/commit", Answer({"Id": "sha256:1"}, 201))
    image = Container(to, ID).commit("team/app:2", message="m", changes=["CMD a", "ENV b=c"], pause=False)
    assert image.id == "sha256:1"
    assert parse_qs(sent(engine, "/commit").query) == {
        "container": [ID], "repo": ["team/app"], "tag": ["2"], "comment": ["m"], "changes": ["CMD a\nENV b=c"], "pause": ["0"],
    }  # fmt: skip


def test_export_that_breaks_leaves_nothing(engine: PretendEngine, to: Client, tmp_path: pathlib.Path) -> None:
    ordinary(engine)
    engine.on("GET", f"/containers/{ID}/export", b"archive")
    Container(to, ID).export(tmp_path / "ok.tar")
    assert (tmp_path / "ok.tar").read_bytes() == b"archive"

    def broken(send: Callable[[bytes], None]) -> None:
        send(b"arch")
        engine.drop_connections()

    engine.on("GET", f"/containers/{ID}/export", Answer(stream=broken))
    with pytest.raises(errors.Unavailable):
        Container(to, ID).export(tmp_path / "x.tar")
    assert not (tmp_path / "x.tar").exists()


def test_limits_that_are_said_and_no_others() -> None:
    assert limits_body({"memory": "1m", "cpus": 0.5}) == {"Memory": 1 << 20, "MemorySwap": 2 << 20, "NanoCpus": 500_000_000}
    assert limits_body({"restart": ("on-failure", 3)}) == {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}
    assert limits_body({"restart": "no"})["RestartPolicy"]["Name"] == "no"
    for wrong in ({"user": "x"}, {}):
        with pytest.raises(TypeError, match="memory, cpus, pids_limit, restart"):
            limits_body(wrong)


def test_moves(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    for word in ("restart", "pause", "unpause", "rename"):
        engine.on("POST", f"/containers/{ID}/{word}", Answer(status=204))
    engine.on("POST", f"/containers/{ID}/update", {"Warnings": ["beware"]})
    box = Container(to, ID)
    box.restart("2s").pause().unpause().rename("new")
    assert box.update(pids_limit=5).warnings == ("beware",)
    assert (sent(engine, "/restart").query, sent(engine, "/rename").query) == ("t=2", "name=new")


def test_pruned(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("POST", "/containers/prune", {"ContainersDeleted": [ID], "SpaceReclaimed": 5})
    assert to.containers.prune(until="24h")["ContainersDeleted"] == [ID]
    assert parse_qs(sent(engine, "/prune").query) == {"filters": ['{"until":["24h"]}']}


def test_explained_by_our_own_engine_only(engine: PretendEngine) -> None:
    ordinary(engine, version=OURS)
    engine.on("GET", f"/dockerkit/v1/containers/{ID}/explain", [{"Step": "create", "Milliseconds": 2}])
    assert Container(Client(engine.url), ID).explain()[0].step == "create"
    ordinary(engine, version=DOCKERS)
    with pytest.raises(errors.Unsupported, match="explain"):
        Container(Client(engine.url), ID).explain()


def test_space(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("GET", "/system/df", {
        "LayersSize": 1000,
        "Images": [{"Size": 600, "SharedSize": 100, "Containers": 1}, {"Size": 500, "SharedSize": 100, "Containers": 0}],
        "Containers": [{"SizeRw": 10, "State": "running"}, {"SizeRw": 5, "State": "exited"}],
        "Volumes": None, "BuildCache": [{"Size": 7, "InUse": False, "Shared": False}],
    })  # fmt: skip
    rows = to.disk_usage()
    assert [(r.type, r.total, r.active, r.size, r.reclaimable) for r in rows] == [
        ("Images", 2, 1, 1000, 500), ("Containers", 2, 1, 15, 5), ("Local Volumes", 0, 0, 0, 0), ("Build Cache", 1, 0, 7, 7),
    ]  # fmt: skip
    assert "1kB" in repr(rows)
    assert rows.df()["size"].tolist() == [1000, 15, 0, 7]


def test_file_is_sent_in_pieces_and_an_early_no_is_heard(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("HEAD", f"/containers/{ID}/archive", Answer(status=404))
    engine.on("PUT", f"/containers/{ID}/archive", Answer())
    box = Container(to, ID)
    box.files["/x"] = os.urandom(3 << 20)
    asked = next(a for a in engine.asked if a.method == "PUT")
    assert (asked.query, len(asked.body)) == ("path=%2F", (3 << 20) + 512 * 3)

    def refuse(send: Callable[[bytes], None]) -> None:
        send(b'{"message":"container rootfs is marked read-only"}')

    engine.on("PUT", f"/containers/{ID}/archive", Answer(status=403, stream=refuse))
    with pytest.raises(errors.NotAllowed, match="read-only"):
        box.files["/x"] = b"x"


def test_streams_end_when_nobody_listens(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    gone = threading.Event()

    def forever(send: Callable[[bytes], None]) -> None:
        try:
            while True:
                send(b'{"Type":"x","time":1}\n' * 100)
        except OSError:
            gone.set()

    engine.on("GET", "/events", Answer(stream=forever))
    events = to.events()
    assert isinstance(next(events), dk.Event)
    del events
    assert gone.wait(20)
