"""``spec.explain()``: the plan says what was wished, and contacts nothing."""

from __future__ import annotations

from typing import Any

import pytest

import dockerkit as dk


def steps(spec: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in spec.explain():
        assert row.means
        found.setdefault(row.step, []).append(row.what)
    return found


def test_what_is_always_done_is_always_said() -> None:
    assert list(steps(dk.container("busybox"))) == ["image", "create", "network", "limits", "isolate", "confine", "program"]


def test_every_wish_is_in_the_plan() -> None:
    wish = (
        dk.container("redis:7", "redis-server", "--port", "1")
        .name("db")
        .env(A="b")
        .user("redis")
        .network("back")
        .network("front")
        .publish(6379)
        .publish("0.0.0.0:80:80")
        .volume("data", "/data", read_only=True)
        .volume("/anonymous")
        .bind("/", "/host")
        .tmpfs("/t", "1m")
        .memory("64m")
        .cpus(0.5)
        .pids_limit(10)
        .cap_add("NET_ADMIN")
        .cap_drop("CHOWN")
        .platform("linux/amd64")
        .ready(dk.ready.port(6379))
    )
    said = steps(wish)
    assert said["image"] == ["redis:7 for linux/amd64"]
    assert said["create"] == ["db; user redis; env A=b"]
    assert said["network"] == ["back, front"]
    assert said["port"] == ["127.0.0.1:a free port → 6379/tcp", "0.0.0.0:80 → 80/tcp"]
    assert said["mount"] == [
        "/ on /host",
        "data on /data, read-only",
        "an anonymous volume on /anonymous",
        "memory on /t, 1.05MB at most",
    ]
    assert said["limits"] == ["memory 67.1MB, 0.5 processors' time, 10 processes"]
    assert said["confine"][0].endswith("+NET_ADMIN -CHOWN")
    assert said["program"] == ["redis-server --port 1"]
    assert said["ready"] == ["dk.ready.port(6379)"]


@pytest.mark.parametrize(
    ("network", "what"),
    [("host", "the host's own"), ("none", "loopback only"), ("container:abc", "that of abc")],
)
def test_networks_that_are_not_made(network: str, what: str) -> None:
    assert steps(dk.container("busybox", network=network))["network"] == [what]


def test_a_privileged_one_is_not_confined() -> None:
    assert steps(dk.container("busybox", privileged=True))["confine"] == ["privileged: all capabilities, no filter"]
