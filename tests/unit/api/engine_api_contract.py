"""What every Engine API of ours has to do, as one suite: over the pretend engine here, over a live daemon in tests/system.

Each test gets `api`, a client of an empty daemon that has the image busybox.
"""

from __future__ import annotations

import json
import socket
from urllib.parse import quote

import pytest
from api_client import Api, read_all, read_head, unframe

# ------------------------------------------------------------------ the engine itself


def test_ping_says_what_docker_clients_read(api: Api) -> None:
    status, headers, body = api.request("GET", "/_ping")
    assert (status, body) == (200, b"OK")
    assert headers["Api-Version"] == "1.51"
    assert headers["Ostype"] == "linux"
    assert headers["Docker-Experimental"] == "false"
    assert headers["Swarm"] == "inactive"
    assert headers["Builder-Version"]
    assert headers["Cache-Control"] == "no-cache, no-store, must-revalidate"
    assert headers["Server"].startswith("dockerkit/")


def test_head_ping_has_headers_and_no_body(api: Api) -> None:
    status, headers, body = api.request("HEAD", "/_ping")
    assert (status, body, headers["Content-Length"]) == (200, b"", "0")
    assert headers["Api-Version"] == "1.51"


def test_version_and_info(api: Api) -> None:
    version = api.json("GET", "/version")
    assert (version["ApiVersion"], version["MinAPIVersion"]) == ("1.51", "1.24")
    ours = next(part for part in version["Components"] if part["Name"] == "dockerkit")
    assert ours["Details"]["Extensions"] == "/dockerkit/v1"
    assert api.json("GET", "/v1.41/info")["DaemonPid"] > 0


@pytest.mark.parametrize("version", ["1.24", "1.41", "1.51"])
def test_versions_that_are_spoken(api: Api, version: str) -> None:
    assert api.request("GET", f"/v{version}/_ping")[0] == 200


def test_version_too_new(api: Api) -> None:
    message = api.refused("GET", "/v1.99/_ping", status=400)
    assert message == "client version 1.99 is too new. Maximum supported API version is 1.51"


@pytest.mark.parametrize("version", ["1.20", "1", "0.9"])
def test_version_too_old(api: Api, version: str) -> None:
    assert api.refused("GET", f"/v{version}/version", status=400) == (
        f"client version {version} is too old. Minimum supported API version is 1.24, "
        "please upgrade your client to a newer version"
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nosuch"),
        ("GET", "/v1.99/nosuch"),
        ("GET", "/v1.x/_ping"),
        ("POST", "/_ping"),
        ("PATCH", "/v1.41/_ping"),
        ("GET", "/"),
    ],
)
def test_unknown_route_and_unknown_method(api: Api, method: str, path: str) -> None:
    assert api.refused(method, path, status=404) == "page not found"


# ------------------------------------------------------------------ create


def test_create_without_body(api: Api) -> None:
    assert api.refused("POST", "/containers/create", status=400) == "invalid JSON: got EOF while reading request body"


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"{} x", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 5000])
def test_create_with_malformed_json(api: Api, body: bytes) -> None:
    message = api.refused("POST", "/containers/create", body, status=400, headers={"Content-Type": "application/json"})
    assert message.startswith("invalid JSON: ")


def test_create_with_wrong_type_names_the_path(api: Api) -> None:
    body = {"Image": "busybox", "HostConfig": {"Memory": "a lot"}}
    message = api.refused("POST", "/containers/create", body, status=400)
    assert "HostConfig.Memory" in message


@pytest.mark.parametrize("number", [2**63, -(10**30), 10**4000])
def test_create_with_a_number_beyond_64_bits(api: Api, number: int) -> None:
    body = b'{"Image": "busybox", "HostConfig": {"Memory": %d}}' % number
    message = api.refused("POST", "/containers/create", body, status=400, headers={"Content-Type": "application/json"})
    assert message.startswith("invalid JSON: ")


def test_create_takes_json_only(api: Api) -> None:
    message = api.refused("POST", "/containers/create", b"Image=busybox", status=400, headers={"Content-Type": "text/plain"})
    assert message == "unsupported Content-Type header (text/plain): must be 'application/json'"


def test_create_with_a_body_beyond_all_measure(api: Api) -> None:
    body = b'{"Image": "' + b"x" * (17 * 1024 * 1024) + b'"}'
    message = api.refused("POST", "/containers/create", body, status=413, headers={"Content-Type": "application/json"})
    assert "larger than" in message


def test_create_without_image_on_this_host(api: Api) -> None:
    assert api.refused("POST", "/containers/create", {"Image": "nosuch"}, status=404) == "No such image: nosuch:latest"


def test_create_with_a_name_that_is_taken(api: Api) -> None:
    id = api.create("true", name="taken")
    answer = api.json("POST", "/containers/create?name=taken", {"Image": "busybox"}, status=409)
    assert "already in use" in answer["message"]
    assert answer["class"] == "Conflict"
    api.json("DELETE", f"/containers/{id}", status=204)


def test_create_reads_keys_without_case_and_ignores_unknown_ones(api: Api) -> None:
    made = api.json("POST", "/containers/create", {"image": "busybox", "cMd": ["true"], "Nonsense": 1, "Env": None}, status=201)
    assert api.json("GET", f"/containers/{made['Id']}/json")["Config"]["Cmd"] == ["true"]
    api.json("DELETE", f"/containers/{made['Id']}", status=204)


# ------------------------------------------------------------------ a life


def test_a_whole_life(api: Api) -> None:
    id = api.create("sh", "-c", "echo out; echo err >&2; exit 3", name="life")
    assert api.json("GET", "/containers/life/json")["State"]["Status"] == "created"
    api.json("POST", f"/containers/{id}/start", status=204)
    assert api.json("POST", f"/containers/{id}/wait")["StatusCode"] == 3
    state = api.json("GET", f"/containers/{id[:12]}/json")["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 3)
    _, headers, body = api.request("GET", f"/containers/{id}/logs?stdout=1&stderr=1")
    assert headers["Content-Type"] == "application/vnd.docker.multiplexed-stream"
    assert unframe(body) == {1: b"out\n", 2: b"err\n"}
    api.json("DELETE", f"/containers/{id}", status=204)
    assert api.refused("GET", f"/containers/{id}/json", status=404) == f"No such container: {id}"


def test_logs_of_one_stream_and_of_old_clients(api: Api) -> None:
    id = finished(api, "sh", "-c", "echo out; echo err >&2")
    _, headers, body = api.request("GET", f"/v1.41/containers/{id}/logs?stderr=1")
    assert headers["Content-Type"] == "application/vnd.docker.raw-stream"
    assert unframe(body) == {1: b"", 2: b"err\n"}
    message = api.refused("GET", f"/containers/{id}/logs", status=400)
    assert message == "Bad parameters: you must choose at least one stream"
    api.json("DELETE", f"/containers/{id}", status=204)


def test_logs_tail_takes_a_number_or_all(api: Api) -> None:
    id = finished(api, "sh", "-c", "for i in 1 2 3; do echo $i; done")
    tail = {
        word: unframe(api.request("GET", f"/containers/{id}/logs?stdout=1&tail={word}")[2])[1] for word in ("2", "all", "-1")
    }
    assert tail == {"2": b"2\n3\n", "all": b"1\n2\n3\n", "-1": b"1\n2\n3\n"}
    assert "'tail'" in api.refused("GET", f"/containers/{id}/logs?stdout=1&tail=x", status=400)
    assert "'since'" in api.refused("GET", f"/containers/{id}/logs?stdout=1&since=yesterday", status=400)
    api.json("DELETE", f"/containers/{id}", status=204)


def test_start_of_what_runs_and_stop_of_what_does_not(api: Api) -> None:
    id = api.create("sleep", "600")
    api.json("POST", f"/containers/{id}/start", status=204)
    assert api.request("POST", f"/containers/{id}/start")[::2] == (304, b"")
    api.json("POST", f"/containers/{id}/stop?t=0", status=204)
    assert api.request("POST", f"/containers/{id}/stop")[0] == 304
    assert "is not running" in api.refused("POST", f"/containers/{id}/kill", status=409)
    api.json("DELETE", f"/containers/{id}", status=204)


def test_start_with_a_host_configuration_is_of_the_past(api: Api) -> None:
    id = api.create("true")
    message = api.refused("POST", f"/containers/{id}/start", {"Binds": ["/:/x"]}, status=400)
    assert "non-empty request body" in message
    api.json("POST", f"/containers/{id}/start", {}, status=204)
    api.json("POST", f"/containers/{id}/wait")
    api.json("DELETE", f"/containers/{id}", status=204)


def test_start_of_a_command_that_is_not_there(api: Api) -> None:
    id = api.create("/nosuch/program")
    answer = api.json("POST", f"/containers/{id}/start", status=400)
    assert "/nosuch/program" in answer["message"]
    assert answer["class"] == "ContainerFailed"
    api.json("DELETE", f"/containers/{id}", status=204)


def test_removal_of_what_runs_needs_force(api: Api) -> None:
    id = api.create("sleep", "600")
    api.json("POST", f"/containers/{id}/start", status=204)
    assert "running" in api.refused("DELETE", f"/containers/{id}", status=409)
    api.json("DELETE", f"/containers/{id}?force=1&v=1", status=204)
    assert api.refused("DELETE", f"/containers/{id}", status=404)


def test_kill_by_signal_is_seen_in_the_exit_code(api: Api) -> None:
    id = api.create("sleep", "600")
    api.json("POST", f"/containers/{id}/start", status=204)
    api.json("POST", f"/containers/{id}/kill?signal=KILL", status=204)
    assert api.json("POST", f"/containers/{id}/wait?condition=not-running")["StatusCode"] == 137
    api.json("DELETE", f"/containers/{id}", status=204)


@pytest.mark.parametrize("query", ["stop?t=soon", "resize?h=x&w=1", "resize", "wait?condition=never"])
def test_ill_typed_parameters_are_named(api: Api, query: str) -> None:
    id = api.create("true")
    assert api.refused("POST", f"/containers/{id}/{query}", status=400)
    api.json("DELETE", f"/containers/{id}", status=204)


def test_list_and_both_forms_of_filters(api: Api) -> None:
    ids = {name: api.create("true", name=name) for name in ("apple", "pear")}
    assert api.json("GET", "/containers/json") == []
    assert len(api.json("GET", "/containers/json?all=true")) == 2
    assert len(api.json("GET", "/containers/json?all=False")) == 0
    assert len(api.json("GET", "/containers/json?limit=1")) == 1
    for form in ({"name": ["app"]}, {"name": {"app": True}}):
        rows = api.json("GET", f"/v1.24/containers/json?all=1&filters={quote(json.dumps(form))}")
        assert [row["Names"] for row in rows] == [["/apple"]]
    for bad in ("x", "[]", '{"name": 3}', '{"name": [1]}'):
        assert api.refused("GET", f"/containers/json?filters={quote(bad)}", status=400).startswith("invalid filters")
    assert api.refused("GET", "/containers/json?limit=x", status=400) == "invalid value for 'limit': 'x' is not an integer"
    assert api.refused("GET", "/containers/json?filters=%zz", status=400) == 'invalid URL escape "%zz"'
    for id in ids.values():
        api.json("DELETE", f"/containers/{id}", status=204)


# ------------------------------------------------------------------ wait


def test_wait_answers_its_head_before_the_container_has_started(api: Api) -> None:
    id = api.create("sh", "-c", "exit 5")
    sock, head, rest = api.hijack(f"/v1.41/containers/{id}/wait?condition=next-exit", upgrade=False)
    assert head.startswith(b"HTTP/1.1 200")
    assert b"Transfer-Encoding: chunked" in head
    assert rest == b""
    api.json("POST", f"/containers/{id}/start", status=204)
    assert b'"StatusCode":5' in sock.recv(65536)
    sock.close()
    api.json("DELETE", f"/containers/{id}", status=204)


def test_wait_for_removal(api: Api) -> None:
    id = api.create("true", HostConfig={"AutoRemove": True})
    sock, head, _ = api.hijack(f"/containers/{id}/wait?condition=removed", upgrade=False)
    assert head.startswith(b"HTTP/1.1 200")
    api.json("POST", f"/containers/{id}/start", status=204)
    assert b'"StatusCode":0' in sock.recv(65536)
    sock.close()
    assert api.refused("GET", f"/containers/{id}/json", status=404)


def test_wait_for_nobody(api: Api) -> None:
    assert api.refused("POST", "/containers/nosuch/wait", status=404) == "No such container: nosuch"


# ------------------------------------------------------------------ attach


def test_attach_sees_every_byte_of_what_is_started_afterwards(api: Api) -> None:
    for _ in range(5):
        id = api.create("sh", "-c", "echo out; echo err >&2")
        sock, head, rest = api.hijack(f"/containers/{id}/attach?stream=1&stdout=1&stderr=1")
        assert head.startswith(b"HTTP/1.1 101 UPGRADED\r\n")
        assert b"Content-Type: application/vnd.docker.multiplexed-stream" in head
        assert b"Upgrade: tcp" in head
        api.json("POST", f"/containers/{id}/start", status=204)
        assert unframe(read_all(sock, rest)) == {1: b"out\n", 2: b"err\n"}
        sock.close()
        api.json("DELETE", f"/containers/{id}?force=1", status=204)


def test_attach_without_upgrade_gets_200_and_the_raw_type(api: Api) -> None:
    id = api.create("echo", "hi")
    sock, head, rest = api.hijack(f"/containers/{id}/attach?stream=1&stdout=1", upgrade=False)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Type: application/vnd.docker.raw-stream" in head
    api.json("POST", f"/containers/{id}/start", status=204)
    assert unframe(read_all(sock, rest))[1] == b"hi\n"
    sock.close()
    api.json("DELETE", f"/containers/{id}?force=1", status=204)


def test_half_close_is_the_end_of_standard_input(api: Api) -> None:
    id = api.create("cat", OpenStdin=True, StdinOnce=True, AttachStdin=True)
    sock, _, rest = api.hijack(f"/containers/{id}/attach?stream=1&stdin=1&stdout=1")
    api.json("POST", f"/containers/{id}/start", status=204)
    payload = b"0123456789abcdef" * 8192
    sock.sendall(payload[:1000])
    sock.sendall(payload[1000:])
    sock.shutdown(socket.SHUT_WR)
    assert unframe(read_all(sock, rest))[1] == payload
    sock.close()
    assert api.json("POST", f"/containers/{id}/wait")["StatusCode"] == 0
    api.json("DELETE", f"/containers/{id}?force=1", status=204)


def test_bytes_sent_before_the_head_are_the_first_of_standard_input(api: Api) -> None:
    id = api.create("cat", OpenStdin=True, StdinOnce=True, AttachStdin=True)
    sock, _, rest = api.hijack(f"/containers/{id}/attach?stream=1&stdin=1&stdout=1", early=b"early bird\n")
    sock.sendall(b"late bird\n")
    sock.shutdown(socket.SHUT_WR)
    api.json("POST", f"/containers/{id}/start", status=204)
    assert unframe(read_all(sock, rest))[1] == b"early bird\nlate bird\n"
    sock.close()
    api.json("DELETE", f"/containers/{id}?force=1", status=204)


def test_everything_sent_and_half_closed_before_the_head(api: Api) -> None:
    id = api.create("cat", OpenStdin=True, StdinOnce=True, AttachStdin=True)
    from api_client import raw

    sock = raw(api.path)
    target = f"/containers/{id}/attach?stream=1&stdin=1&stdout=1".encode()
    sock.sendall(b"POST %s HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\nall of it" % target)
    sock.shutdown(socket.SHUT_WR)
    head, rest = read_head(sock)
    assert head.startswith(b"HTTP/1.1 101")
    api.json("POST", f"/containers/{id}/start", status=204)
    assert unframe(read_all(sock, rest))[1] == b"all of it"
    sock.close()
    api.json("DELETE", f"/containers/{id}?force=1", status=204)


def test_attach_with_logs_alone_replays_and_ends(api: Api) -> None:
    id = finished(api, "sh", "-c", "echo one; echo two")
    sock, head, rest = api.hijack(f"/containers/{id}/attach?logs=1&stdout=1&stderr=1")
    assert head.startswith(b"HTTP/1.1 101")
    assert unframe(read_all(sock, rest))[1] == b"one\ntwo\n"
    sock.close()
    api.json("DELETE", f"/containers/{id}", status=204)


def test_attach_to_nobody_is_refused_before_the_head(api: Api) -> None:
    sock, head, rest = api.hijack("/containers/nosuch/attach?stream=1&stdout=1")
    assert head.startswith(b"HTTP/1.1 404")
    assert b"No such container: nosuch" in rest
    sock.close()


def test_a_client_that_hangs_up_in_the_middle_of_attach_hurts_nobody(api: Api) -> None:
    id = api.create("sh", "-c", "while :; do echo flood; sleep 0.01; done")
    sock, _, _ = api.hijack(f"/containers/{id}/attach?stream=1&stdout=1")
    api.json("POST", f"/containers/{id}/start", status=204)
    assert sock.recv(100)
    sock.close()
    assert api.json("GET", f"/containers/{id}/json")["State"]["Running"] is True
    api.json("DELETE", f"/containers/{id}?force=1", status=204)


# ------------------------------------------------------------------ logs that go on


def test_following_logs_sees_all_and_ends_with_the_container(api: Api) -> None:
    id = api.create("sh", "-c", "echo one; read line; echo $line >&2", OpenStdin=True)
    typing, _, _ = api.hijack(f"/containers/{id}/attach?stream=1&stdin=1")
    api.json("POST", f"/containers/{id}/start", status=204)
    sock, head, rest = api.hijack(f"/containers/{id}/logs?follow=1&stdout=1&stderr=1", upgrade=False, method="GET")
    assert head.startswith(b"HTTP/1.1 200")
    while b"one\n" not in rest:
        rest += sock.recv(65536)
    typing.sendall(b"two\n")
    typing.close()
    while not rest.endswith(b"0\r\n\r\n"):
        rest += sock.recv(65536)
    assert b"two\n" in rest
    sock.close()
    api.json("DELETE", f"/containers/{id}?force=1", status=204)


def test_following_the_logs_of_what_has_ended_ends_at_once(api: Api) -> None:
    id = finished(api, "echo", "hi")
    assert unframe(api.request("GET", f"/containers/{id}/logs?follow=1&stdout=1")[2])[1] == b"hi\n"
    api.json("DELETE", f"/containers/{id}", status=204)


def test_following_logs_of_what_ends_at_that_moment_loses_nothing(api: Api) -> None:
    for _ in range(10):
        id = api.create("echo", "quick")
        api.json("POST", f"/containers/{id}/start", status=204)
        assert unframe(api.request("GET", f"/containers/{id}/logs?follow=1&stdout=1")[2])[1] == b"quick\n"
        api.json("POST", f"/containers/{id}/wait")
        api.json("DELETE", f"/containers/{id}", status=204)


# ------------------------------------------------------------------ images


def test_images(api: Api) -> None:
    rows = api.json("GET", "/images/json")
    assert any("busybox:latest" in row["RepoTags"] for row in rows)
    assert all("VirtualSize" not in row for row in rows)
    assert all(row["VirtualSize"] == row["Size"] for row in api.json("GET", "/v1.43/images/json"))
    shown = api.json("GET", "/images/busybox/json")
    assert shown["Id"].startswith("sha256:")
    assert "ContainerConfig" not in shown
    assert "ContainerConfig" in api.json("GET", "/v1.44/images/busybox:latest/json")
    assert api.json("GET", "/images/busybox/history")
    assert api.refused("GET", "/images/no/such/json", status=404).startswith("No such image: no/such")
    assert api.refused("DELETE", "/images/nosuch", status=404).startswith("No such image: nosuch")


def test_create_image_without_a_name(api: Api) -> None:
    assert "fromImage" in api.refused("POST", "/images/create", status=400)


# ------------------------------------------------------------------ sessions


def test_a_session_is_its_connection(api: Api) -> None:
    sock, head, rest = api.hijack("/dockerkit/v1/sessions")
    assert head.startswith(b"HTTP/1.1 101")
    line = rest or sock.recv(65536)
    session = json.loads(line)["Id"]
    id = api.create("true")
    api.json("POST", f"/dockerkit/v1/sessions/{session}/containers/{id}", status=204)
    api.json("DELETE", f"/dockerkit/v1/sessions/{session}/containers/{id}", status=204)
    sock.close()
    api.json("DELETE", f"/containers/{id}", status=204)


def test_a_session_needs_a_connection_of_its_own(api: Api) -> None:
    assert "connection of its own" in api.refused("POST", "/dockerkit/v1/sessions", status=400)
    assert api.refused("POST", "/dockerkit/v1/sessions/nosuch/containers/x", status=404)


def finished(api: Api, *command: str) -> str:
    """Run a container to its end; return its id."""
    id = api.create(*command)
    api.json("POST", f"/containers/{id}/start", status=204)
    api.json("POST", f"/containers/{id}/wait")
    return id
