"""The manners of the API before any noun: ping, versions, unknown routes, bodies that are wrong."""

from __future__ import annotations

import re

import pytest

from tests.parity.engines import EngineUnderTest
from tests.parity.wire import Answer, Api

WORDS = """
    ID Containers ContainersRunning ContainersPaused ContainersStopped Images Driver DriverStatus Plugins MemoryLimit SwapLimit
    CpuCfsPeriod CpuCfsQuota CPUShares CPUSet PidsLimit IPv4Forwarding Debug NFd OomKillDisable NGoroutines SystemTime
    LoggingDriver CgroupDriver CgroupVersion NEventsListener KernelVersion OperatingSystem OSVersion OSType Architecture
    IndexServerAddress RegistryConfig NCPU MemTotal DockerRootDir HttpProxy HttpsProxy NoProxy Name Labels ExperimentalBuild
    ServerVersion Runtimes DefaultRuntime Swarm LiveRestoreEnabled Isolation InitBinary SecurityOptions Warnings
"""
INFO = set(WORDS.split())
JSON = {"Content-Type": "application/json"}


def create(engine: EngineUnderTest, body: bytes, headers: dict[str, str] = JSON) -> Answer:
    return engine.api.request("POST", "/containers/create", body, headers=headers)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("versioned", [True, False])
def test_ping_answers_with_the_headers_clients_negotiate_by(engine: EngineUnderTest, method: str, versioned: bool) -> None:
    answer = (engine.api if versioned else engine.unversioned).request(method, "/_ping")
    assert answer.status == 200
    assert answer.body == (b"OK" if method == "GET" else b"")
    assert answer.headers["Api-Version"] == engine.version
    assert answer.headers["Ostype"] == "linux"
    assert answer.headers["Docker-Experimental"] == "false"
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "no-cache" in answer.headers["Cache-Control"]
    assert answer.headers["Pragma"] == "no-cache"
    assert re.fullmatch(r"\S+/\S+ \(linux\)", answer.headers["Server"])


def test_every_answer_names_the_version_and_the_server(engine: EngineUnderTest) -> None:
    answer = engine.api.get("/version")
    assert answer.headers["Api-Version"] == engine.version
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body.endswith(b"\n")


def test_version_document_has_what_the_command_line_prints(engine: EngineUnderTest) -> None:
    document = engine.unversioned.get("/version").json
    assert document["ApiVersion"] == engine.version
    assert document["Os"] == "linux"
    assert {
        "Version",
        "MinAPIVersion",
        "GitCommit",
        "GoVersion",
        "Arch",
        "KernelVersion",
        "BuildTime",
        "Components",
        "Platform",
    } <= set(document)
    assert document["Components"][0]["Name"] == "Engine" or engine.ours
    assert all({"Name", "Version"} <= set(part) for part in document["Components"])


def test_info_document_has_what_the_command_line_prints(engine: EngineUnderTest) -> None:
    document = engine.api.get("/info").json
    assert INFO - set(document) == set()
    assert document["OSType"] == "linux"
    assert any("seccomp" in option for option in document["SecurityOptions"])
    assert document["Swarm"]["LocalNodeState"] == "inactive"


def test_an_unknown_route_is_not_found(engine: EngineUnderTest) -> None:
    for api in (engine.api, engine.unversioned):
        answer = api.get("/nosuch")
        assert (answer.status, answer.message) == (404, "page not found")
        assert answer.headers["Content-Type"].startswith("application/json")


def test_a_wrong_method_is_refused(engine: EngineUnderTest) -> None:
    assert engine.api.request("PUT", "/containers/json").status in (404, 405)


def test_a_version_that_is_too_new_says_the_newest(engine: EngineUnderTest) -> None:
    answer = Api(engine.socket, "v1.99").get("/version")
    assert answer.status == 400
    assert answer.message == f"client version 1.99 is too new. Maximum supported API version is {engine.version}"


def test_a_version_that_is_too_old_says_the_oldest(engine: EngineUnderTest) -> None:
    answer = Api(engine.socket, "v1.10").get("/version")
    assert answer.status == 400
    oldest = "1.24" if engine.ours else r"1\.\d+"  # 20.10 goes back to 1.12 and answers old clients in plain text
    assert re.search(rf"client version 1\.10 is too old\. Minimum supported API version is {oldest}", answer.body.decode())


def test_an_older_supported_version_is_served(engine: EngineUnderTest) -> None:
    answer = Api(engine.socket, "v1.24").get("/version")
    assert (answer.status, answer.headers["Api-Version"]) == (200, engine.version)


@pytest.mark.parametrize("body", [b'{"Image": busybox', b'{"Image": "busybox"', b"[]", b""])
def test_malformed_json_is_refused(engine: EngineUnderTest, body: bytes) -> None:
    answer = create(engine, body)
    assert (
        answer.status == 400 if engine.ours else answer.status in (400, 500)
    )  # 20.10: 500 "unexpected EOF"; 28: 400 "invalid JSON: …"
    assert answer.message


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"Image": 1}', "Image"),
        (b'{"Image": "busybox", "Env": "x"}', "Env"),
        (b'{"Image": "busybox", "Cmd": 1}', "Cmd"),
        (b'{"Image": "busybox", "HostConfig": {"Memory": "x"}}', "Memory"),
        (b'{"Image": "busybox", "HostConfig": []}', "HostConfig"),
        (b'{"Image": "busybox", "Labels": ["a"]}', "Labels"),
        (b'{"Image": "busybox", "Tty": "yes"}', "Tty"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_its_path(engine: EngineUnderTest, body: bytes, field: str) -> None:
    answer = create(engine, body)
    assert answer.status == 400 if engine.ours else answer.status in (400, 500)
    assert field in answer.message


def test_a_body_that_is_not_declared_json_is_refused(engine: EngineUnderTest) -> None:
    for headers in ({"Content-Type": "text/plain"}, {}):
        answer = create(engine, b'{"Image": "busybox"}', headers)
        assert answer.status == 400
        assert "application/json" in answer.message


def test_unknown_keys_are_ignored_and_keys_match_without_case(engine: EngineUnderTest) -> None:
    answer = create(engine, b'{"image": "nosuch", "Surprise": {"a": 1}, "hostconfig": null}')
    assert (answer.status, answer.message) == (404, "No such image: nosuch:latest")


def test_an_empty_wish_is_refused(engine: EngineUnderTest) -> None:
    for body in (b"{}", b"null"):
        assert create(engine, body).status == 400


@pytest.mark.parametrize("query", [{"limit": "x"}, {"filters": "xx"}, {"filters": {"exited": ["x"]}}])
def test_a_query_that_cannot_be_read_is_refused(engine: EngineUnderTest, query: dict[str, object]) -> None:
    answer = engine.api.get("/containers/json", **query)
    assert answer.status == 400 if engine.ours else answer.status in (400, 500)  # 20.10: 500 with strconv's words


@pytest.mark.parametrize("filters", [{"nosuch": ["x"]}, {"status": ["bad"]}])
def test_an_unknown_filter_is_refused_by_name(engine: EngineUnderTest, filters: dict[str, list[str]]) -> None:
    answer = engine.api.get("/containers/json", filters=filters)
    assert answer.status == 400
    assert re.match(r"(?i)invalid filter '(nosuch|status=bad)'", answer.message)
