"""GET /containers/{id}/stats: the numbers `docker stats` computes from."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from tests.parity.engines import NEVER, Box, alike

pytestmark = pytest.mark.timeout(60)
MIB = 1 << 20
BUSY = "echo ready; while :; do :; done"
LISTS = ("io_service_bytes_recursive", "io_serviced_recursive")


def once(box: Box, id: str, **query: Any) -> dict[str, Any]:
    """Return one sample."""
    answer = box.api.get(f"/containers/{id}/stats", stream=0, **query)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.body.count(b"\n") == 1
    return dict(answer.json)


def percent(sample: dict[str, Any]) -> float:
    """Return the processor use in per cent of one processor, as the docker command line computes it."""
    now, before = sample["cpu_stats"], sample["precpu_stats"]
    used = now["cpu_usage"]["total_usage"] - before["cpu_usage"]["total_usage"]
    passed = now["system_cpu_usage"] - before["system_cpu_usage"]
    return float(used / passed * now["online_cpus"] * 100)


def test_what_the_command_line_computes_from(box: Box) -> None:
    id = box.ready(
        "head -c 20000000 /dev/zero >/dev/shm/x; echo ready; exec sleep 1000", name="sampled", host={"Memory": 64 * MIB}
    )
    sample = once(box, id)
    assert (sample["id"], sample["name"]) == (id, "/sampled")
    assert (sample["pids_stats"]["current"], sample["num_procs"], sample["storage_stats"]) == (1, 0, {})
    memory = sample["memory_stats"]
    inactive = memory["stats"].get("total_inactive_file", memory["stats"].get("inactive_file"))
    assert 20_000_000 < memory["usage"] - inactive < memory["limit"] == 64 * MIB
    for name in LISTS:
        assert isinstance(sample["blkio_stats"][name], list)
        assert all({"major", "minor", "op", "value"} <= set(entry) for entry in sample["blkio_stats"][name])
    assert sample["cpu_stats"]["throttling_data"] == {"periods": 0, "throttled_periods": 0, "throttled_time": 0}
    assert sample["cpu_stats"]["online_cpus"] == os.cpu_count()
    assert "networks" not in sample  # it has none


def test_one_answer_has_two_samples_a_second_apart(box: Box) -> None:
    sample = once(box, box.ready(BUSY))
    assert sample["read"] > sample["preread"] > "2000"
    assert sample["cpu_stats"]["system_cpu_usage"] > sample["precpu_stats"]["system_cpu_usage"] > 0
    assert sample["cpu_stats"]["cpu_usage"]["total_usage"] > sample["precpu_stats"]["cpu_usage"]["total_usage"]
    assert 5 < percent(sample) < 110  # one process that never waits, on a machine that others use too


def test_one_shot_does_not_wait_for_a_second_sample(box: Box) -> None:
    sample = once(box, box.ready(BUSY), **{"one-shot": 1})
    assert sample["preread"] == NEVER
    assert sample["precpu_stats"]["cpu_usage"]["total_usage"] == 0
    assert sample["cpu_stats"]["cpu_usage"]["total_usage"] > 0
    usage = sample["cpu_stats"]["cpu_usage"]
    assert {"usage_in_kernelmode", "usage_in_usermode"} <= set(usage)


def test_a_stream_has_a_sample_a_second(box: Box) -> None:
    with box.api.follow(f"/containers/{box.ready(BUSY)}/stats") as stream:
        assert stream.status == 200
        samples = [json.loads(stream.line()) for _ in range(3)]
    reads = [sample["read"] for sample in samples]
    assert reads == sorted(set(reads))
    assert samples[2]["preread"] == samples[1]["read"]
    assert samples[2]["precpu_stats"]["cpu_usage"] == samples[1]["cpu_stats"]["cpu_usage"]
    assert percent(samples[2]) > 5


def test_a_limit_of_processes_is_told(box: Box) -> None:
    id = box.ready("sleep 1000 & sleep 1000 & echo ready; wait", host={"PidsLimit": 50})
    assert once(box, id, **{"one-shot": 1})["pids_stats"] == {"current": 3, "limit": 50}


def test_without_a_limit_the_machines_memory_is_it(box: Box) -> None:
    sample = once(box, box.up("sleep", "1000"), **{"one-shot": 1})
    assert sample["memory_stats"]["limit"] == box.api.get("/info").json["MemTotal"]
    assert "limit" not in sample["pids_stats"] or sample["pids_stats"]["limit"] > 10**6 or not sample["pids_stats"]["limit"]


def test_throttling_is_told(box: Box) -> None:
    id = box.ready(BUSY, host={"NanoCpus": 50_000_000})
    throttling = once(box, id)["cpu_stats"]["throttling_data"]
    assert throttling["periods"] >= throttling["throttled_periods"] > 0
    assert throttling["throttled_time"] > 0


def test_what_does_not_run_has_zeros(box: Box) -> None:
    for id in (box.create("true"), box.run("true").id):
        sample = once(box, id)
        assert (sample["id"], sample["read"], sample["preread"]) == (id, NEVER, NEVER)
        assert sample["cpu_stats"]["cpu_usage"]["total_usage"] == 0
        assert not sample["memory_stats"]
        assert not sample["pids_stats"]


def test_a_stream_of_an_ended_container_goes_on_with_zeros(box: Box) -> None:
    id = box.up("sleep", "1000")
    with box.api.follow(f"/containers/{id}/stats") as stream:
        assert json.loads(stream.line())["memory_stats"]["usage"] > 0
        box.did(id, "kill")
        box.wait(id)
        while (line := stream.line()) and json.loads(line)["memory_stats"]:
            pass
        box.remove(id)
        while stream.line():
            pass  # and ends when it is removed


def test_a_missing_container(box: Box) -> None:
    for query in ({}, {"stream": 0}):
        assert alike(box.api.get("/containers/nosuch/stats", **query), 404, "No such container: nosuch")
