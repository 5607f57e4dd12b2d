"""A daemon of ours and a real registry: push, pull, pull again, by tag and by digest, and a registry that is not there."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.livedaemon import LiveDaemon
from tests.parity.wire import Api
from tests.unit.images.archivematerial import LAYER, docker
from tests.unit.images.imagematerial import file, tar

pytestmark = pytest.mark.system
OTHER = tar(file("other", b"x" * 100_000))


@pytest.fixture(scope="module")
def daemon(daemon_factory: Callable[..., LiveDaemon]) -> LiveDaemon:
    """A daemon that asks registries."""
    return daemon_factory(DOCKERKIT_BOOTSTRAP="auto")


@pytest.fixture(scope="module")
def registry(daemon: LiveDaemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry on the daemon's loopback."""
    if not shutil.which("docker-registry"):
        pytest.skip("docker-registry is not installed (apt-get install docker-registry)")
    top = tmp_path_factory.mktemp("registry")

    def free() -> int:
        with socket.create_server(("127.0.0.1", 0)) as server:
            return int(server.getsockname()[1])

    place = f"127.0.0.1:{daemon.inside(free)}"
    settings = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(top / "data")}, "delete": {"enabled": True}},
        "http": {"addr": place},
    }
    (top / "settings.yml").write_text(json.dumps(settings))

    def serve() -> subprocess.Popen[bytes]:
        command = ["docker-registry", "serve", str(top / "settings.yml")]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    process = daemon.inside(serve)
    try:
        daemon.inside(lambda: answers(place, process))
        yield place
    finally:
        process.terminate()
        process.wait()


def answers(place: str, process: subprocess.Popen[bytes]) -> None:
    """Return when somebody listens there."""
    host, _, port = place.partition(":")
    while process.poll() is None:
        with socket.socket() as one:
            if one.connect_ex((host, int(port))) == 0:
                return
    raise AssertionError("the registry has ended")


@pytest.fixture
def api(daemon: LiveDaemon) -> Api:
    return Api(daemon.socket, "v1.51")


def lines(api: Api, method: str, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = api.request(method, path, b"", **query)
    assert answer.status == 200, answer
    said = [json.loads(line) for line in answer.body.splitlines()]
    assert not [line for line in said if "error" in line], said
    return said


def put(api: Api, name: str, *layers: bytes) -> dict[str, Any]:
    answer = api.request("POST", "/images/load", docker(*layers, tags=[name]))
    assert b"Loaded image" in answer.body, answer.body
    return dict(api.get(f"/images/{name}/json").json)


def test_what_is_pushed_comes_back_with_every_digest(api: Api, registry: str) -> None:
    name = f"{registry}/team/shop:1"
    before = put(api, name, LAYER, OTHER)
    lines(api, "POST", f"/images/{registry}/team/shop/push", tag="1")
    pushed = api.get(f"/images/{name}/json").json["RepoDigests"]
    assert pushed == [f"{registry}/team/shop@{before['Descriptor']['digest']}"]
    api.delete(f"/images/{name}", force=1)
    said = lines(api, "POST", "/images/create", fromImage=f"{registry}/team/shop", tag="1")
    assert said[-1] == {"status": f"Status: Downloaded newer image for {name}"}
    assert said[-2] == {"status": f"Digest: {before['Descriptor']['digest']}"}
    after = api.get(f"/images/{name}/json").json
    assert (after["Id"], after["RepoDigests"], after["RootFS"]) == (before["Id"], pushed, before["RootFS"])
    again = lines(api, "POST", "/images/create", fromImage=f"{registry}/team/shop", tag="1")
    assert again[-1] == {"status": f"Status: Image is up to date for {name}"}
    api.delete(f"/images/{name}")
    assert api.get(f"/images/{before['Id']}/json").status == 404


def test_a_pull_by_digest(api: Api, registry: str) -> None:
    name = f"{registry}/by/digest:1"
    digest = put(api, name, OTHER)["Descriptor"]["digest"]
    lines(api, "POST", f"/images/{registry}/by/digest/push", tag="1")
    api.delete(f"/images/{name}", force=1)
    lines(api, "POST", "/images/create", fromImage=f"{registry}/by/digest", tag=digest)
    shown = api.get(f"/images/{registry}/by/digest@{digest}/json").json
    assert (shown["RepoTags"], shown["RepoDigests"]) == ([], [f"{registry}/by/digest@{digest}"])
    assert api.delete(f"/images/{registry}/by/digest@{digest}").json[0] == {"Untagged": f"{registry}/by/digest@{digest}"}


def test_without_a_tag_all_are_pulled_and_pushed(api: Api, registry: str) -> None:
    for tag, layer in (("1", LAYER), ("2", OTHER)):
        put(api, f"{registry}/all/of:{tag}", layer)
    lines(api, "POST", f"/images/{registry}/all/of/push")
    for tag in ("1", "2"):
        api.delete(f"/images/{registry}/all/of:{tag}", force=1)
    lines(api, "POST", "/images/create", fromImage=f"{registry}/all/of")
    for tag in ("1", "2"):
        assert api.get(f"/images/{registry}/all/of:{tag}/json").status == 200
        api.delete(f"/images/{registry}/all/of:{tag}")


def test_events_of_push_and_pull(api: Api, registry: str) -> None:
    name = f"{registry}/ev/ents:1"
    put(api, name, LAYER)
    lines(api, "POST", f"/images/{registry}/ev/ents/push", tag="1")
    lines(api, "POST", "/images/create", fromImage=f"{registry}/ev/ents", tag="1")
    body = api.get(
        "/events", since="0", until=f"{time.time():.9f}", filters={"type": ["image"], "event": ["push", "pull"]}
    ).body
    told = [json.loads(line) for line in body.splitlines()]
    mine = [(event["Action"], event["Actor"]["ID"]) for event in told if "ev/ents" in event["Actor"]["ID"]]
    assert mine == [("push", name), ("pull", name)]
    api.delete(f"/images/{name}", force=1)


def test_a_registry_that_is_not_there_is_said_within_moments(api: Api) -> None:
    answer = api.post("/images/create", fromImage="127.0.0.1:1/x", tag="1")
    assert (answer.status, "connection refused" in answer.message) == (503, True)
    assert "cannot get 127.0.0.1:1/x:1" in answer.message


def test_busybox_is_made_where_docker_hub_cannot_be_reached(api: Api, static_busybox: Path) -> None:
    said = lines(api, "POST", "/images/create", fromImage="busybox", tag="latest")
    assert [line for line in said if "bootstrapped from" in line.get("status", "")]
    assert api.get("/images/busybox/json").json["RepoDigests"] == []


def test_explore_over_the_api(api: Api) -> None:
    put(api, "explored:1", LAYER, tar(file("hello", b"again")))
    shown = Api(api.path, "").get("/dockerkit/v1/images/explored:1/explore")
    assert (shown.json["WastedBytes"], shown.json["Efficiency"], len(shown.json["Layers"])) == (5, 0.5, 2)
    assert shown.json["Layers"][1]["Entries"] == [{"Path": "/hello", "Kind": "changed", "Size": 5, "Type": "file"}]
    api.delete("/images/explored:1")
