"""The contract suite's second part: containers that live: entered, watched, changed, copied from and into.

Each test gets `api`, a client of an empty daemon that has the image busybox.
"""

from __future__ import annotations

import base64
import io
import json
import re
import socket
import tarfile
import time
from urllib.parse import quote

import pytest
from api_client import Api, UnixConnection, raw, read_all, read_head, unframe

UPGRADE = b"Connection: Upgrade\r\nUpgrade: tcp\r\n"


@pytest.fixture
def sleeper(api: Api) -> str:
    """A running container."""
    id = api.create("sleep", "600", name="sleeper")
    api.json("POST", f"/containers/{id}/start", status=204)
    yield id
    api.json("DELETE", f"/containers/{id}?force=1", status=204)


# ------------------------------------------------------------------ exec


def exec_of(api: Api, id: str, *command: str, **wishes) -> str:
    body = {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True, **wishes}
    return api.json("POST", f"/containers/{id}/exec", body, status=201)["Id"]


def started(api: Api, exec: str, *, version: str = "", extra: bytes = UPGRADE, early: bytes = b"", **body):
    """Start an exec attached; return its socket, the head, and what came with it."""
    sock, text = raw(api.path), json.dumps({"Detach": False, "Tty": False, **body}).encode()
    head = b"POST %s/exec/%s/start HTTP/1.1\r\nHost: d\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    sock.sendall(head % (version.encode(), exec.encode(), extra, len(text)) + text + early)
    return sock, *read_head(sock)


def ended(api: Api, exec: str) -> dict:
    """Return what is known of an exec once it has ended."""
    end = time.monotonic() + 20
    while (found := api.json("GET", f"/exec/{exec}/json"))["Running"] or found["ExitCode"] is None:
        assert time.monotonic() < end
    return found


def test_exec_speaks_on_both_streams_and_leaves_its_exit_code(api: Api, sleeper: str) -> None:
    exec = exec_of(api, sleeper, "sh", "-c", "echo out; echo err >&2; exit 3")
    before = api.json("GET", f"/exec/{exec}/json")
    assert (before["ID"], before["Running"], before["ExitCode"], before["ContainerID"]) == (exec, False, None, sleeper)
    assert before["ProcessConfig"]["entrypoint"] == "sh"
    sock, head, rest = started(api, exec)
    assert head.startswith(b"HTTP/1.1 101 UPGRADED\r\n")
    assert b"Content-Type: application/vnd.docker.multiplexed-stream" in head
    assert unframe(read_all(sock, rest)) == {1: b"out\n", 2: b"err\n"}
    sock.close()
    assert ended(api, exec)["ExitCode"] == 3


def test_exec_of_old_clients_and_without_upgrade(api: Api, sleeper: str) -> None:
    for version, extra in (("/v1.41", UPGRADE), ("", b"")):
        sock, head, rest = started(api, exec_of(api, sleeper, "echo", "hi"), version=version, extra=extra)
        assert head.startswith(b"HTTP/1.1 101" if extra else b"HTTP/1.1 200 OK\r\n")
        assert b"Content-Type: application/vnd.docker.raw-stream" in head
        assert unframe(read_all(sock, rest))[1] == b"hi\n"
        sock.close()


def test_exec_reads_what_is_typed_early_late_and_to_the_half_close(api: Api, sleeper: str) -> None:
    sock, _, rest = started(api, exec_of(api, sleeper, "cat", AttachStdin=True), early=b"early\n")
    sock.sendall(b"late\n")
    sock.shutdown(socket.SHUT_WR)
    assert unframe(read_all(sock, rest))[1] == b"early\nlate\n"
    sock.close()


def test_exec_detached_is_answered_when_it_runs(api: Api, sleeper: str) -> None:
    exec = exec_of(api, sleeper, "sh", "-c", "exit 4")
    status, _, body = api.request("POST", f"/exec/{exec}/start", {"Detach": True})
    assert (status, body) == (200, b"")
    assert ended(api, exec)["ExitCode"] == 4
    assert "has already run" in api.refused("POST", f"/exec/{exec}/start", {"Detach": True}, status=409)


def test_exec_that_has_run_says_so_on_standard_output_once_hijacked(api: Api, sleeper: str) -> None:
    exec = exec_of(api, sleeper, "true")
    api.request("POST", f"/exec/{exec}/start", {"Detach": True})
    ended(api, exec)
    sock, head, rest = started(api, exec)
    assert head.startswith(b"HTTP/1.1 101")
    assert unframe(read_all(sock, rest))[1] == f"Error: Exec command {exec} has already run\r\n".encode()
    sock.close()


def test_exec_of_a_program_that_is_not_there(api: Api, sleeper: str) -> None:
    exec = exec_of(api, sleeper, "/nosuch/program")
    answer = api.json("POST", f"/exec/{exec}/start", {"Detach": True}, status=400)
    assert "/nosuch/program" in answer["message"]
    assert answer["class"] == "ContainerFailed"


def test_exec_refusals(api: Api, sleeper: str) -> None:
    stopped = api.create("true")
    create = f"/containers/{sleeper}/exec"
    assert api.refused("POST", "/containers/nosuch/exec", {"Cmd": ["a"]}, status=404) == "No such container: nosuch"
    assert "is not running" in api.refused("POST", f"/containers/{stopped}/exec", {"Cmd": ["a"]}, status=409)
    assert api.refused("POST", create, {"Cmd": []}, status=400) == "No exec command specified"
    assert "invalid JSON" in api.refused("POST", create, {"Cmd": 3}, status=400)
    assert "ctrl-?" in api.refused("POST", create, {"Cmd": ["a"], "DetachKeys": "ctrl-?"}, status=400)
    for method, target, body in (
        ("GET", "/exec/nosuch/json", None),
        ("POST", "/exec/nosuch/start", {"Detach": False}),
        ("POST", "/exec/nosuch/resize?h=1&w=1", None),
    ):
        assert api.refused(method, target, body, status=404) == "No such exec instance: nosuch"
    exec = exec_of(api, sleeper, "true")
    assert "EOF" in api.refused("POST", f"/exec/{exec}/start", status=400)
    assert "h and w" in api.refused("POST", f"/exec/{exec}/resize?h=10", status=400)
    assert api.refused("POST", f"/exec/{exec}/resize?h=70000&w=1", status=400)
    api.json("DELETE", f"/containers/{stopped}", status=204)


def test_exec_in_a_paused_container_is_refused(api: Api, sleeper: str) -> None:
    api.json("POST", f"/containers/{sleeper}/pause", status=204)
    assert "is paused, unpause" in api.refused("POST", "/containers/sleeper/exec", {"Cmd": ["a"]}, status=409)
    api.json("POST", f"/containers/{sleeper}/unpause", status=204)


# ------------------------------------------------------------------ changes


def test_pause_and_unpause(api: Api, sleeper: str) -> None:
    stopped = api.create("true")
    assert "is not running" in api.refused("POST", f"/containers/{stopped}/pause", status=409)
    assert "is not paused" in api.refused("POST", f"/containers/{sleeper}/unpause", status=409)
    api.json("POST", f"/containers/{sleeper}/pause", status=204)
    assert api.json("GET", f"/containers/{sleeper}/json")["State"]["Status"] == "paused"
    assert "already paused" in api.refused("POST", f"/containers/{sleeper}/pause", status=409)
    api.json("POST", f"/containers/{sleeper}/unpause", status=204)
    assert api.json("GET", f"/containers/{sleeper}/json")["State"]["Status"] == "running"
    api.json("DELETE", f"/containers/{stopped}", status=204)


def test_rename(api: Api, sleeper: str) -> None:
    other = api.create("true", name="other")
    assert "already in use" in api.refused("POST", f"/containers/{sleeper}/rename?name=other", status=409)
    assert api.refused("POST", f"/containers/{sleeper}/rename", status=400) == "Neither old nor new names may be empty"
    assert api.refused("POST", "/containers/nosuch/rename?name=x", status=404)
    api.json("POST", f"/containers/{other}/rename?name=another", status=204)
    assert api.json("GET", "/containers/another/json")["Id"] == other
    assert api.refused("GET", "/containers/other/json", status=404)
    api.json("DELETE", f"/containers/{other}", status=204)


def test_update(api: Api, sleeper: str) -> None:
    assert api.json("POST", f"/containers/{sleeper}/update", {"memory": 64 << 20, "MEMORYSWAP": -1}) == {"Warnings": []}
    assert "invalid JSON" in api.refused("POST", f"/containers/{sleeper}/update", {"Memory": "much"}, status=400)
    assert api.refused("POST", "/containers/nosuch/update", {}, status=404)


def test_restart(api: Api, sleeper: str) -> None:
    pid = api.json("GET", f"/containers/{sleeper}/json")["State"]["Pid"]
    api.json("POST", f"/containers/{sleeper}/restart?t=0", status=204)
    state = api.json("GET", f"/containers/{sleeper}/json")["State"]
    assert state["Running"] and state["Pid"] != pid
    assert "'t'" in api.refused("POST", f"/containers/{sleeper}/restart?t=soon", status=400)
    assert api.refused("POST", "/containers/nosuch/restart", status=404)


def test_prune_removes_what_does_not_run(api: Api, sleeper: str) -> None:
    idle, kept = api.create("true", Labels={"idle": "1"}), api.create("true")
    labelled = quote(json.dumps({"label": ["idle"]}))
    assert api.json("POST", f"/containers/prune?filters={labelled}")["ContainersDeleted"] == [idle]
    assert api.json("POST", f"/containers/prune?filters={labelled}")["ContainersDeleted"] is None
    assert api.json("POST", "/containers/prune")["ContainersDeleted"] == [kept]
    assert "nosuch" in api.refused("POST", f"/containers/prune?filters={quote(json.dumps({'nosuch': ['1']}))}", status=400)
    assert [row["Id"] for row in api.json("GET", "/containers/json?all=1")] == [sleeper]


def test_system_prune_asks_for_all_these(api: Api, sleeper: str) -> None:
    assert api.json("POST", "/images/prune") == {"ImagesDeleted": None, "SpaceReclaimed": 0}
    assert api.json("POST", "/build/prune") == {"CachesDeleted": None, "SpaceReclaimed": 0}
    assert api.json("POST", "/networks/prune") == {"NetworksDeleted": None}
    assert api.json("POST", "/volumes/prune") == {"VolumesDeleted": [], "SpaceReclaimed": 0}


# ------------------------------------------------------------------ what is seen


def test_top(api: Api, sleeper: str) -> None:
    found = api.json("GET", f"/containers/{sleeper}/top")
    row = found["Processes"][0]
    assert row[found["Titles"].index("CMD")] == "sleep 600"
    assert api.refused("GET", "/containers/nosuch/top", status=404)


def test_stats_stream_once_a_second(api: Api, sleeper: str) -> None:
    sock, head, rest = api.hijack(f"/containers/{sleeper}/stats", upgrade=False, method="GET")
    assert head.startswith(b"HTTP/1.1 200")
    while rest.count(b'"id":') < 3:
        rest += sock.recv(65536)
    sock.close()
    samples = [json.loads(line) for line in rest.splitlines() if line.startswith(b"{")]
    assert {sample["name"] for sample in samples} == {"/sleeper"}
    assert samples[2]["preread"] != "0001-01-01T00:00:00Z"
    assert samples[0]["read"] < samples[1]["read"] < samples[2]["read"]


def test_stats_once(api: Api, sleeper: str) -> None:
    found = api.json("GET", f"/containers/{sleeper}/stats?stream=false")
    assert found["preread"] != "0001-01-01T00:00:00Z"
    assert api.json("GET", f"/containers/{sleeper}/stats?stream=0&one-shot=1")["id"] == sleeper
    both = api.refused("GET", f"/containers/{sleeper}/stats?one-shot=1", status=400)
    assert both == "cannot have stream=true and one-shot=true"
    assert api.refused("GET", "/containers/nosuch/stats", status=404)
    stopped = api.create("true")
    assert api.json("GET", f"/containers/{stopped}/stats?stream=0")["read"] == "0001-01-01T00:00:00Z"
    api.json("DELETE", f"/containers/{stopped}", status=204)


def test_listening(api: Api, sleeper: str) -> None:
    assert api.json("GET", f"/dockerkit/v1/containers/{sleeper}/listening") == {"Ports": []}
    assert api.refused("GET", "/dockerkit/v1/containers/nosuch/listening", status=404)


def test_disk_usage(api: Api) -> None:
    found = api.json("GET", "/system/df")
    assert {"LayersSize", "Images", "Containers", "Volumes", "BuildCache"} <= set(found)
    assert "VirtualSize" in api.json("GET", "/v1.41/system/df")["Images"][0]
    assert api.json("GET", "/v1.41/system/df")["BuilderSize"] == 0
    assert api.json("GET", "/system/df?type=container")["Images"] is None
    assert "unknown object type" in api.refused("GET", "/system/df?type=bad", status=400)


# ------------------------------------------------------------------ events


def test_events_are_told_as_they_happen_each_in_a_chunk_of_its_own(api: Api) -> None:
    sock, head, rest = api.hijack("/events", upgrade=False, method="GET")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"Content-Type: application/json" in head
    id = api.create("true", name="seen")
    while b"\n" not in rest.partition(b"\r\n")[2]:
        rest += sock.recv(65536)
    sock.close()
    size, _, chunk = rest.partition(b"\r\n")
    event = json.loads(chunk[: int(size, 16)])
    assert (event["Type"], event["Action"], event["Actor"]["ID"]) == ("container", "create", id)
    assert (event["status"], event["id"], event["from"]) == ("create", id, "busybox")
    assert event["Actor"]["Attributes"]["name"] == "seen"
    assert event["timeNano"] // 10**9 == event["time"]
    api.json("DELETE", f"/containers/{id}", status=204)


def told(api: Api, **query) -> list[dict]:
    text = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
    return [json.loads(line) for line in api.request("GET", f"/events?{text}")[2].splitlines()]


def test_events_of_the_past_and_their_filters(api: Api) -> None:
    since = time.time_ns()
    ids = [api.create("true", name=name) for name in ("first", "second")]
    for id in ids:
        api.json("DELETE", f"/containers/{id}", status=204)
    moment = f"{since // 10**9}.{since % 10**9:09d}"
    now = time.time_ns()
    until = f"{now // 10**9}.{now % 10**9:09d}"
    happened = [(one["Action"], one["Actor"]["ID"]) for one in told(api, since=moment, until=until)]
    assert happened == [("create", ids[0]), ("create", ids[1]), ("destroy", ids[0]), ("destroy", ids[1])]
    filtered = told(api, since=moment, until=until, filters=json.dumps({"event": ["create"], "container": ["second"]}))
    assert [one["Actor"]["ID"] for one in filtered] == [ids[1]]
    assert told(api, since=1, until=2) == []


def test_events_end_by_themselves_at_until(api: Api) -> None:
    since = time.time()
    sock, head, rest = api.hijack(f"/events?since={since:.6f}&until={since + 0.5:.6f}", upgrade=False, method="GET")
    assert head.startswith(b"HTTP/1.1 200")
    id = api.create("true")
    while not rest.endswith(b"0\r\n\r\n"):
        rest += sock.recv(65536)
    assert time.time() >= since + 0.5
    assert rest.count(id.encode()) == 2  # once as id, once as Actor.ID: told once
    sock.close()
    api.json("DELETE", f"/containers/{id}", status=204)


def test_events_that_cannot_be(api: Api) -> None:
    message = api.refused("GET", "/events?since=2&until=1", status=400)
    assert message == "`since` time (2) cannot be after `until` time (1)"
    assert "'since'" in api.refused("GET", "/events?since=x", status=400)
    assert api.refused("GET", "/events?filters=x", status=400)


# ------------------------------------------------------------------ logs that go on


def test_following_logs_with_tail_and_timestamps(api: Api) -> None:
    id = api.create("sh", "-c", "for i in 1 2 3; do echo $i; done; read line; echo $line", OpenStdin=True)
    typing, _, _ = api.hijack(f"/containers/{id}/attach?stream=1&stdin=1")
    api.json("POST", f"/containers/{id}/start", status=204)
    while b"3\n" not in api.request("GET", f"/containers/{id}/logs?stdout=1")[2]:
        pass
    connection = UnixConnection(api.path)
    connection.request("GET", f"/containers/{id}/logs?follow=1&stdout=1&tail=1&timestamps=1")
    answer = connection.getresponse()
    typing.sendall(b"last\n")
    typing.close()
    lines = unframe(answer.read())[1].splitlines()
    assert [line.partition(b" ")[2] for line in lines] == [b"3", b"last"]
    assert all(re.match(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z ", line) for line in lines)
    connection.close()
    api.json("DELETE", f"/containers/{id}?force=1", status=204)


def test_following_nothing_and_nobody(api: Api, sleeper: str) -> None:
    assert "at least one stream" in api.refused("GET", f"/containers/{sleeper}/logs?follow=1", status=400)
    assert api.refused("GET", "/containers/nosuch/logs?follow=1&stdout=1", status=404) == "No such container: nosuch"


def test_detach_keys_that_are_none(api: Api, sleeper: str) -> None:
    target = f"/containers/{sleeper}/attach?stream=1&stdout=1&detachKeys=ctrl-%3F"
    assert "ctrl-?" in api.refused("POST", target, status=400)


# ------------------------------------------------------------------ files


def tar_of(**files: bytes) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return data.getvalue()


def content_of(tar: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return archive.extractfile(archive.next()).read()


def test_a_file_comes_out_described_in_a_header(api: Api, sleeper: str) -> None:
    target = f"/containers/{sleeper}/archive?path=/etc/passwd"
    status, headers, body = api.request("GET", target)
    assert (status, headers["Content-Type"]) == (200, "application/x-tar")
    described = json.loads(base64.b64decode(headers["X-Docker-Container-Path-Stat"]))
    assert described["name"] == "passwd"
    assert len(content_of(body)) == described["size"]
    status, headers, body = api.request("HEAD", target)
    assert (status, body) == (200, b"")
    assert json.loads(base64.b64decode(headers["X-Docker-Container-Path-Stat"])) == described


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_archive_refusals(api: Api, sleeper: str, method: str) -> None:
    body = tar_of(a=b"1") if method == "PUT" else None
    for target, wanted in (
        (f"/containers/{sleeper}/archive?path=/nosuch", 404),
        ("/containers/nosuch/archive?path=/", 404),
        (f"/containers/{sleeper}/archive", 400),
    ):
        status, _, answer = api.request(method, target, body)
        assert status == wanted, answer
        assert method == "HEAD" or json.loads(answer)["message"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_file_goes_in_and_the_connection_goes_on(api: Api, sleeper: str, chunked: bool) -> None:
    content = bytes(range(256)) * 4096
    tar = tar_of(big=content)
    body = (tar[at : at + 10_000] for at in range(0, len(tar), 10_000)) if chunked else tar
    connection = UnixConnection(api.path)
    connection.request("PUT", f"/containers/{sleeper}/archive?path=/tmp", body, {}, encode_chunked=chunked)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    sock = connection.sock
    connection.request("GET", f"/containers/{sleeper}/archive?path=/tmp/big")
    assert content_of(connection.getresponse().read()) == content
    assert connection.sock is sock
    connection.close()
    assert {"Path": "/tmp/big", "Kind": 1} in api.json("GET", f"/containers/{sleeper}/changes")


def test_what_is_sent_behind_an_archive_is_the_next_request(api: Api, sleeper: str) -> None:
    tar, sock = tar_of(a=b"1"), raw(api.path)
    head = b"PUT /containers/%s/archive?path=/tmp HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n" % sleeper.encode()
    chunks = b"%x;x=y\r\n%s\r\n%x\r\n%s\r\n0\r\nTrailer: t\r\n\r\n" % (700, tar[:700], len(tar) - 700, tar[700:])
    sock.sendall(head + chunks + b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
    answers = read_all(sock)
    assert answers.startswith(b"HTTP/1.1 200")
    assert answers.count(b"HTTP/1.1 200") == 2
    assert answers.endswith(b"\r\n\r\nOK")
    sock.close()


def test_an_archive_waits_to_be_asked_for(api: Api, sleeper: str) -> None:
    tar, sock = tar_of(a=b"1"), raw(api.path)
    head = b"PUT /containers/%s/archive?path=/tmp HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    sock.sendall(head % (sleeper.encode(), len(tar)))
    assert read_head(sock)[0].startswith(b"HTTP/1.1 100")
    sock.sendall(tar)
    assert read_head(sock)[0].startswith(b"HTTP/1.1 200")
    sock.close()


@pytest.mark.parametrize("body", [b"garbage" * 200, tar_of(a=b"1")[:700]])
def test_a_bad_archive_is_one_clear_error(api: Api, sleeper: str, body: bytes) -> None:
    assert api.refused("PUT", f"/containers/{sleeper}/archive?path=/tmp", body, status=400)


def test_a_body_that_ends_early_is_said_to(api: Api, sleeper: str) -> None:
    sock = raw(api.path)
    head = b"PUT /containers/%s/archive?path=/tmp HTTP/1.1\r\nHost: d\r\nContent-Length: 99999\r\n\r\n" % sleeper.encode()
    sock.sendall(head + tar_of(a=b"1")[:600])
    sock.shutdown(socket.SHUT_WR)
    answer = read_all(sock)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"ends early" in answer
    sock.close()


def test_nothing_changed_is_null(api: Api) -> None:
    id = api.create("true")
    assert api.json("GET", f"/containers/{id}/changes") is None
    api.json("DELETE", f"/containers/{id}", status=204)
    assert api.refused("GET", f"/containers/{id}/changes", status=404)


def test_export(api: Api, sleeper: str) -> None:
    status, headers, body = api.request("GET", f"/containers/{sleeper}/export")
    assert (status, headers["Content-Type"]) == (200, "application/octet-stream")
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        archive.getnames()
    assert api.refused("GET", "/containers/nosuch/export", status=404)


def test_commit(api: Api, sleeper: str) -> None:
    target = "/commit?container=sleeper&repo=made&tag=here&comment=c&author=a&changes=ENV%20a=b&changes=ENV%20c=d"
    for body in ({}, None):
        assert api.json("POST", target, body, status=201)["Id"].startswith("sha256:")
    api.request("DELETE", "/images/made:here")
    assert api.refused("POST", "/commit", status=400) == 'invalid name or ID supplied: ""'
    assert api.refused("POST", "/commit?container=nosuch", status=404) == "No such container: nosuch"


# ------------------------------------------------------------------ sessions


def test_a_session_that_nobody_lost_cannot_be_reclaimed(api: Api) -> None:
    sock, head, rest = api.hijack("/dockerkit/v1/sessions?reclaim=nosuch")
    assert head.startswith(b"HTTP/1.1 101")
    assert b"No such session: nosuch" in read_all(sock, rest)
    sock.close()
