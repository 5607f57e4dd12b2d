"""The server as the daemon holds it: its socket file, its idle time, its end; sessions and pulls, which last."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
import threading

import pytest
from api_client import UnixConnection, raw, read_all, read_head, unframe
from pretend_engine import PretendEngine
from pretended_server import Pretended, serve_in_thread
from test_api_hostile import until

from dockerkit.daemon.api.server import Server
from dockerkit.errors import Invalid


def test_socket_is_for_its_owner_alone(pretended: Pretended) -> None:
    assert stat.S_IMODE(os.stat(pretended.api.path).st_mode) == 0o600


def test_socket_for_a_group(tmp_path) -> None:
    async def mode() -> int:
        server = Server(PretendEngine())
        path = str(tmp_path / "group.sock")
        await server.listen_unix(path, os.getgid())
        found = stat.S_IMODE(os.stat(path).st_mode)
        await server.close()
        return found

    assert asyncio.run(mode()) == 0o660


def test_group_that_is_not_there(tmp_path) -> None:
    with pytest.raises(Invalid, match="no such group: nosuchgroup"):
        asyncio.run(Server(PretendEngine()).listen_unix(str(tmp_path / "x"), "nosuchgroup"))
    assert not list(tmp_path.iterdir())


def test_socket_file_of_a_dead_daemon_is_replaced(tmp_path) -> None:
    path = str(tmp_path / "d.sock")
    for name in (path, f"{path}.new"):
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(name)
        dead.close()
    for pretended in serve_in_thread(PretendEngine(), path):
        assert pretended.api.request("GET", "/_ping")[0] == 200
    assert not os.path.exists(path)
    assert not list(tmp_path.iterdir())


def test_idle_connections_are_closed_and_requests_under_way_cut_off_at_the_end(pretended: Pretended) -> None:
    idle = UnixConnection(pretended.api.path)
    idle.request("GET", "/_ping")
    idle.getresponse().read()
    id = pretended.api.create("true")
    waiting, _, _ = pretended.api.hijack(f"/containers/{id}/wait?condition=next-exit", upgrade=False)
    pretended.call(pretended.server.close(grace=0.05))
    assert idle.sock.recv(1) == b""
    assert waiting.recv(1) == b""
    assert pretended.engine.containers.all[id].waiters[0][1].cancelled()
    assert not os.path.exists(pretended.api.path)
    waiting.close()
    idle.close()


def test_request_under_way_is_answered_before_the_end(pretended: Pretended) -> None:
    id = pretended.api.create("sleep", "600")
    pretended.api.json("POST", f"/containers/{id}/start", status=204)
    waiting, _, _ = pretended.api.hijack(f"/containers/{id}/wait", upgrade=False)
    closing = asyncio.run_coroutine_threadsafe(pretended.server.close(grace=20), pretended.loop)
    until(lambda: not os.path.exists(pretended.api.path))
    pretended.engine.containers.kill(id)
    assert b'"StatusCode":137' in read_all(waiting)
    closing.result(20)
    waiting.close()


def test_connections_and_activity_are_counted(pretended: Pretended) -> None:
    assert pretended.connections() == 0
    before = pretended.server.last_activity
    kept = UnixConnection(pretended.api.path)
    kept.request("GET", "/_ping")
    kept.getresponse().read()
    assert pretended.connections() == 1
    assert pretended.server.last_activity > before
    kept.close()
    until(lambda: pretended.connections() == 0)


def test_attached_socket_is_no_connection_of_the_server_any_more(pretended: Pretended) -> None:
    id = pretended.api.create("sleep", "600")
    sock, _, _ = pretended.api.hijack(f"/containers/{id}/attach?stream=1&stdout=1")
    until(lambda: pretended.connections() == 0)
    sock.close()


def test_start_waits_for_the_attach_that_was_answered_before_it(pretended: Pretended) -> None:
    id = pretended.api.create("echo", "hi")
    entered, go, attach = threading.Event(), threading.Event(), pretended.engine.containers.attach

    def slow(ref, attachment):
        entered.set()
        assert go.wait(20)
        attach(ref, attachment)

    pretended.engine.containers.attach = slow
    sock, head, rest = pretended.api.hijack(f"/containers/{id}/attach?stream=1&stdout=1")
    assert head.startswith(b"HTTP/1.1 101")
    assert entered.wait(20)
    starting = threading.Thread(
        target=pretended.api.json, args=("POST", f"/containers/{id[:12]}/start"), kwargs={"status": 204}
    )
    starting.start()
    other = pretended.api.create("true")
    pretended.api.json("POST", f"/containers/{other}/start", status=204)  # others are not kept waiting
    assert pretended.engine.containers.find(id).state.status == "created"
    go.set()
    assert unframe(read_all(sock, rest))[1] == b"hi\n"
    starting.join()
    sock.close()


def test_no_descriptor_is_left_by_clients_that_come_and_go(pretended: Pretended) -> None:
    def come_and_go() -> int:
        id = pretended.api.create("true")
        for target in ("attach?stream=1&stdin=1&stdout=1", "attach?logs=1&stdout=1", "wait?condition=next-exit", "nosuch"):
            sock, _, _ = pretended.api.hijack(f"/containers/{id}/{target}")
            sock.close()
        half = raw(pretended.api.path)
        half.sendall(b"POST /containers/%s/wait?condition=removed HTTP/1.1\r\nHost: d\r\n\r\n" % id.encode())
        half.shutdown(socket.SHUT_WR)
        read_head(half)
        half.close()
        opened(pretended)[0].close()
        until(lambda: pretended.connections() == 0 and not pretended.engine.sessions.open_ones)
        pretended.engine.containers.clear()
        return len(os.listdir("/proc/self/fd"))

    before = come_and_go()
    after = [come_and_go() for _ in range(10)][-1]
    assert after <= before


# ------------------------------------------------------------------ sessions


def opened(pretended: Pretended):
    sock, _, rest = pretended.api.hijack("/dockerkit/v1/sessions")
    return sock, json.loads(rest or sock.recv(65536))["Id"]


def test_session_knows_its_process_and_ends_with_its_connection(pretended: Pretended) -> None:
    sock, id = opened(pretended)
    assert pretended.engine.sessions.open_ones == {id: os.getpid()}
    assert pretended.connections() == 1
    made = pretended.api.create("true", headers={"X-Dockerkit-Session": id})
    assert pretended.engine.containers.sessions[made] == id
    sock.close()
    assert pretended.engine.sessions.closed.wait(20)


def test_session_ends_with_its_process(pretended: Pretended) -> None:
    program = (
        "import socket,sys,os; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "s.sendall(b'POST /dockerkit/v1/sessions HTTP/1.1\\r\\nHost: d\\r\\nUpgrade: tcp\\r\\n\\r\\n');"
        "s.recv(65536); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, pretended.api.path], check=False)
    until(lambda: not pretended.engine.sessions.open_ones and pretended.connections() == 0)


def test_session_whose_client_leaves_at_once_is_closed_too(pretended: Pretended) -> None:
    for _ in range(20):
        sock = raw(pretended.api.path)
        sock.sendall(b"POST /dockerkit/v1/sessions HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n")
        sock.close()
    assert pretended.api.request("GET", "/_ping")[0] == 200  # accepted after all of them
    until(lambda: pretended.connections() == 0 and not pretended.engine.sessions.open_ones)
    pretended.call(pretended.server._application.settle())
    assert not pretended.engine.sessions.open_ones


def test_half_close_ends_a_session(pretended: Pretended) -> None:
    sock, _ = opened(pretended)
    sock.shutdown(socket.SHUT_WR)
    assert pretended.engine.sessions.closed.wait(20)
    sock.close()


def test_sessions_outlive_the_daemon(pretended: Pretended) -> None:
    sock, id = opened(pretended)
    pretended.call(pretended.server.close())
    assert sock.recv(1) == b""
    assert list(pretended.engine.sessions.open_ones) == [id]
    sock.close()


def test_session_that_cannot_be_opened_says_why(pretended: Pretended) -> None:
    def refuse(pidfd, pid, reclaim):
        os.close(pidfd)
        raise Invalid("no more sessions", hint="close one")

    pretended.engine.sessions.open = refuse
    sock, _, rest = pretended.api.hijack("/dockerkit/v1/sessions")
    assert json.loads(read_all(sock, rest)) == {"message": "no more sessions", "class": "Invalid", "hint": "close one"}
    sock.close()


# ------------------------------------------------------------------ pulls


def lines(body: bytes) -> list[dict]:
    return [json.loads(line) for line in body.splitlines()]


def test_pull_is_a_stream_of_lines(pretended: Pretended) -> None:
    status, headers, body = pretended.api.request("POST", "/images/create?fromImage=busybox&tag=1.36")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert lines(body) == [{"status": "Pulling", "id": "busybox:1.36"}]


@pytest.mark.parametrize(
    ("name", "tag", "reference"),
    [("busybox", "", "busybox"), ("d.io:5000/busybox", "x", "d.io:5000/busybox:x"), ("busybox:1", "2", "busybox:2")],
)
def test_pull_puts_name_and_tag_together(pretended: Pretended, name: str, tag: str, reference: str) -> None:
    assert lines(pretended.api.request("POST", f"/images/create?fromImage={name}&tag={tag}")[2])[0]["id"] == reference


def test_pull_by_digest(pretended: Pretended) -> None:
    digest = "sha256:" + "a" * 64
    assert lines(pretended.api.request("POST", f"/images/create?fromImage=b&tag={digest}")[2])[0]["id"] == f"b@{digest}"


def test_pull_that_fails_at_once_has_a_status(pretended: Pretended) -> None:
    assert pretended.api.refused("POST", "/images/create?fromImage=nosuch&tag=1", status=404).startswith("pull access denied")


def test_pull_that_fails_later_ends_with_the_error(pretended: Pretended) -> None:
    status, _, body = pretended.api.request("POST", "/images/create?fromImage=broken&tag=1")
    assert status == 200
    first, last = lines(body)
    assert first["status"] == "Pulling"
    detail = {"message": "it broke in the middle", "class": "Conflict", "hint": "try again"}
    assert last == {"errorDetail": detail, "error": "it broke in the middle"}


def test_pull_is_given_up_when_its_client_has_gone(pretended: Pretended) -> None:
    gone = []

    def endless(reference, *, platform, progress):
        try:
            while True:
                progress({"status": "Downloading", "progressDetail": {"current": 1}, "id": "x" * 900})
        except BaseException as error:
            gone.append(type(error).__name__)
            raise

    pretended.engine.images.create = endless
    sock, head, _ = pretended.api.hijack("/images/create?fromImage=busybox", upgrade=False)
    assert head.startswith(b"HTTP/1.1 200")
    sock.close()
    until(lambda: gone == ["Cancelled"])


def test_bootstrap_ends_with_the_id(pretended: Pretended) -> None:
    body = {"Name": "host", "Programs": ["sh"]}
    _, _, answer = pretended.api.request("POST", "/dockerkit/v1/images/bootstrap", json.dumps(body).encode(), JSON_TYPE)
    assert lines(answer) == [{"status": "making host", "programs": ["sh"]}, {"aux": {"ID": "sha256:" + "0" * 64}}]
    assert "Name" in pretended.api.refused("POST", "/dockerkit/v1/images/bootstrap", {}, status=400)


JSON_TYPE = {"Content-Type": "application/json"}


def test_tag_and_the_filter_of_old_clients(pretended: Pretended) -> None:
    pretended.api.json("POST", "/images/busybox/tag?repo=mine", status=201)
    assert pretended.engine.images.tagged == "mine:latest"
    pretended.api.json("GET", "/v1.40/images/json?filter=busybox")
    assert pretended.engine.images.filters == {"reference": ["busybox"]}
    pretended.api.json("GET", "/images/json?filter=busybox")
    assert pretended.engine.images.filters == {}


def test_connection_is_kept_between_requests(pretended: Pretended) -> None:
    connection = UnixConnection(pretended.api.path)
    for target in ("/_ping", "/nosuch", "/containers/json", "/info"):
        connection.request("GET", target)
        connection.getresponse().read()
        assert connection.sock is not None
    assert pretended.connections() == 1
    connection.close()


def test_http_1_0_is_answered_and_closed(pretended: Pretended) -> None:
    sock = raw(pretended.api.path)
    sock.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
    head, rest = read_head(sock)
    assert head.startswith(b"HTTP/1.1 200")
    assert read_all(sock, rest) == b"OK"
    sock.close()
