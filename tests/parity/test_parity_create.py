"""POST /containers/create: what is refused, in which words, and that nothing is left half made."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.parity.engines import Box

MIB = 1 << 20


def test_an_answer_is_an_id_and_warnings(box: Box) -> None:
    answer = box.ask(["true"])
    assert answer.status == 201
    assert set(answer.json) == {"Id", "Warnings"}
    assert re.fullmatch(r"[0-9a-f]{64}", answer.json["Id"])
    assert answer.json["Warnings"] == []


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("nosuch", "No such image: nosuch:latest"),
        ("nosuch:1", "No such image: nosuch:1"),
        ("a.b/c:d", "No such image: a.b/c:d"),
        ("docker.io/library/nosuch", "No such image: nosuch:latest"),
        ("sha256:" + "0" * 64, "No such image: sha256:" + "0" * 64),
    ],
)
def test_a_missing_image_is_named_as_clients_parse_it(box: Box, image: str, words: str) -> None:
    answer = box.ask(["true"], Image=image)
    assert (answer.status, answer.message) == (404, words)


def test_an_impossible_image_name_is_refused(box: Box) -> None:
    answer = box.ask(["true"], Image="UPPER")
    assert answer.status == 400
    assert "must be lowercase" in answer.message  # 28 puts the name between


@pytest.mark.parametrize("name", ["a/b", "-x", "x", "a b", "ü1"])
def test_an_invalid_name_is_refused(box: Box, name: str) -> None:
    answer = box.ask(["true"], name=name)
    assert answer.status == 400
    assert answer.message == f"Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"


@pytest.mark.parametrize("again", ["taken", "/taken"])
def test_a_taken_name_names_its_holder(box: Box, again: str) -> None:
    id = box.create("true", name="taken")
    answer = box.ask(["true"], name=again)
    assert answer.status == 409
    assert answer.message == (
        f'Conflict. The container name "/taken" is already in use by container "{id}". '
        "You have to remove (or rename) that container to be able to reuse that name."
    )


def test_a_name_is_free_again_after_removal(box: Box) -> None:
    box.remove(box.create("true", name="freed"))
    assert box.ask(["true"], name="freed").status == 201


def test_a_name_is_made_up_when_none_is_given(box: Box) -> None:
    assert re.fullmatch(r"/[a-z]+_[a-z]+\d?", box.inspect(box.create("true"))["Name"])


def test_no_command_is_refused(box: Box) -> None:
    answer = box.ask(None, Entrypoint=[""])
    assert answer.status == 400
    assert re.fullmatch("[Nn]o command specified", answer.message)  # 28: lower case


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"Memory": 1000}, r"Minimum memory limit allowed is 6MB"),
    ({"Memory": -5}, r"Minimum memory limit allowed is 6MB"),
    ({"Memory": 20 * MIB, "MemorySwap": 10 * MIB}, r"Minimum memoryswap limit should be larger than memory limit, see usage"),
    ({"MemorySwap": 10 * MIB}, r"You should always set the Memory limit when using Memoryswap limit, see usage"),
    (
        {"Memory": 20 * MIB, "MemoryReservation": 30 * MIB},
        r"Minimum memory limit can not be less than memory reservation limit, see usage",
    ),
    ({"NanoCpus": 10**12}, r"range of CPUs is from 0\.01 to \d+\.00, as there are only \d+ CPUs available"),
    ({"NanoCpus": -1}, r"range of CPUs is from 0\.01 to \d+\.00, as there are only \d+ CPUs available"),
    ({"CpuQuota": 10}, r"CPU cfs quota can not be less than 1ms \(i\.e\. 1000\)"),
    ({"CpuPeriod": 10}, r"CPU cfs period can not be less than 1ms \(i\.e\. 1000\) or larger than 1s \(i\.e\. 1000000\)"),
    ({"NanoCpus": 10**9, "CpuQuota": 5000}, r"Conflicting options: Nano CPUs and CPU Quota cannot both be set"),
    ({"NanoCpus": 10**9, "CpuPeriod": 5000}, r"Conflicting options: Nano CPUs and CPU Period cannot both be set"),
    ({"CpusetCpus": "4095"}, r"Requested CPUs are not available - requested 4095, available: .*"),
    ({"CpusetCpus": "x"}, r"Invalid value x for cpuset cpus.*"),
    ({"CapAdd": ["NOSUCH"]}, r'invalid CapAdd: unknown capability: "CAP_NOSUCH"'),
    ({"CapDrop": ["NOSUCH"]}, r'invalid CapDrop: unknown capability: "CAP_NOSUCH"'),
    ({"ShmSize": -1}, r"SHM size can not be less than 0"),
    ({"OomScoreAdj": 5000}, r"Invalid value 5000, range for oom score adj is \[-1000, 1000\]"),
    (
        {"Mounts": [{"Type": "bind", "Source": "/no/such/path", "Target": "/x"}]},
        r'invalid mount config for type "bind": bind source path does not exist: /no/such/path',
    ),
]


@pytest.mark.parametrize(("host", "words"), REFUSED, ids=[words[:40] for _, words in REFUSED])
def test_an_impossible_limit_is_refused(box: Box, host: dict[str, Any], words: str) -> None:
    answer = box.ask(["true"], host=host)
    assert answer.status == 400, answer
    assert re.fullmatch(words, answer.message, re.IGNORECASE), answer.message


@pytest.mark.parametrize("host", [{"Runtime": "nosuch"}, {"RestartPolicy": {"Name": "nosuch"}}])
def test_what_the_engine_does_not_know_is_named(box: Box, host: dict[str, Any]) -> None:
    answer = box.ask(["true"], host=host)
    assert answer.status in ((400, 501) if box.engine.ours else (400,))
    assert "nosuch" in answer.message


def test_a_restart_policy_contradicts_auto_remove(box: Box) -> None:
    answer = box.ask(["true"], host={"AutoRemove": True, "RestartPolicy": {"Name": "always"}})
    assert answer.status == 400


@pytest.mark.parametrize(
    ("bind", "words"),
    [("/tmp:c", "mount path must be absolute"), ("/tmp:/", "destination can't be '/'"), ("/tmp:/x:zz9", "invalid mode: zz9")],
)
def test_an_impossible_bind_is_refused(box: Box, bind: str, words: str) -> None:
    answer = box.ask(["true"], host={"Binds": [bind]})
    assert answer.status == 400 if box.engine.ours else answer.status in (400, 500)
    assert words in answer.message


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"WorkingDir": "a/b"}, "the working directory 'a/b' is invalid, it needs to be an absolute path"),
        ({"Env": ["=x"]}, "invalid environment variable: =x"),
        ({"Env": [""]}, "invalid environment variable: "),
        ({"StopSignal": "NOSUCH"}, "invalid signal: NOSUCH"),
    ],
)
def test_an_impossible_config_is_refused(box: Box, config: dict[str, Any], words: str) -> None:
    answer = box.ask(["true"], **config)
    assert answer.status == 400
    assert re.fullmatch(re.escape(words), answer.message, re.IGNORECASE), answer.message


def test_what_was_refused_left_no_container(box: Box) -> None:
    before = {row["Id"] for row in box.api.get("/containers/json", all=1).json}
    box.ask(["true"], name="half-made", host={"Memory": 1000})
    box.ask(["true"], name="half-made", host={"CapAdd": ["NOSUCH"]})
    box.ask(["true"], name="half-made", Image="nosuch")
    assert {row["Id"] for row in box.api.get("/containers/json", all=1).json} == before
    assert box.ask(["true"], name="half-made").status == 201


def test_a_platform_that_the_image_is_not_for_is_not_found(box: Box) -> None:
    answer = box.ask(["true"], platform="linux/s390x")
    assert answer.status == 404
    assert (
        "does not " in answer.message
    )  # 28: "image with reference busybox was found but does not provide the specified platform (linux/s390x)"


def test_swap_is_twice_the_memory_unless_said(box: Box) -> None:
    host = box.inspect(box.create("true", host={"Memory": 64 * MIB}))["HostConfig"]
    assert (host["Memory"], host["MemorySwap"]) == (64 * MIB, 128 * MIB)


@pytest.mark.parametrize(
    ("config", "path", "arguments"),
    [
        ({}, "sh", []),
        ({"Cmd": ["echo", "a b"]}, "echo", ["a b"]),
        ({"Cmd": "true"}, "true", []),
        ({"Entrypoint": ["echo", "x"], "Cmd": ["y"]}, "echo", ["x", "y"]),
        ({"Entrypoint": ["echo", "x"]}, "echo", ["x"]),
        ({"Entrypoint": "echo", "Cmd": ["y"]}, "echo", ["y"]),
        ({"Entrypoint": [""], "Cmd": ["true", "z"]}, "true", ["z"]),
        ({"Entrypoint": [], "Cmd": []}, "sh", []),
    ],
)
def test_command_and_entrypoint_combine_with_the_image(
    box: Box, config: dict[str, Any], path: str, arguments: list[str]
) -> None:
    body = {"Image": "busybox", "HostConfig": {"NetworkMode": "none"}, **config}
    answer = box.api.post("/containers/create", body)
    assert answer.status == 201, answer
    id = answer.json["Id"]
    found = box.inspect(id)
    box.remove(id)
    assert (found["Path"], found["Args"]) == (path, arguments)
