"""Healthchecks: states, log, streak, time limits, filters, who has none."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.parity.engines import Box, alike
from tests.parity.execution import Execution
from tests.parity.feed import Event, Feed

pytestmark = pytest.mark.timeout(60)
MS = 1_000_000
FAST = {"Interval": 100 * MS, "StartInterval": 100 * MS, "Timeout": 10_000 * MS, "Retries": 1}


def check(*test: str, **rest: Any) -> dict[str, Any]:
    """Return create options with this check, ten times a second."""
    return {"Healthcheck": {**FAST, "Test": list(test), **rest}}


def health(box: Box, id: str) -> dict[str, Any]:
    """Return State.Health."""
    return dict(box.state(id)["Health"])


def probed(event: Event) -> bool:
    """Whether a probe is over."""
    return bool(event["Action"] == "exec_die")


class Watched:
    """A running container with a check, and what is told of it."""

    def __init__(self, box: Box, **config: Any) -> None:
        self.id = box.create("sleep", "1000", **config)
        self.feed = Feed(box.engine, container=[self.id])
        box.start(self.id)

    def becomes(self, status: str) -> list[Event]:
        """Return what happened until it became this."""
        return self.feed.until(f"health_status: {status}")


@pytest.mark.parametrize("test", [["NONE"], [], None])
def test_without_a_check_there_is_no_health(box: Box, test: list[str] | None) -> None:
    id = box.up("sleep", "1000", Healthcheck=None if test is None else {"Test": test})
    assert box.state(id).get("Health") is None or box.state(id)["Health"]["Status"] == "none"
    assert "health" not in box.row(id)["Status"]
    assert box.ids(health=["none"]) == [id]


def test_before_the_first_probe_it_is_starting(box: Box) -> None:
    id = box.create("sleep", "1000", **check("CMD", "true", Interval=100_000 * MS))
    assert not box.state(id).get("Health")
    box.start(id)
    assert health(box, id) == {"Status": "starting", "FailingStreak": 0, "Log": []}
    assert re.fullmatch(r"Up .* \(health: starting\)", box.row(id)["Status"])
    assert box.ids(health=["starting"]) == [id]


def test_healthy(box: Box) -> None:
    watched = Watched(
        box, **check("CMD-SHELL", "id -un; pwd; echo $A; echo err >&2"), User="daemon", WorkingDir="/tmp", Env=["A=1"]
    )
    watched.becomes("healthy")
    found = health(box, watched.id)
    assert (found["Status"], found["FailingStreak"]) == ("healthy", 0)
    entry = found["Log"][0]
    assert (entry["ExitCode"], sorted(entry["Output"].split())) == (0, ["/tmp", "1", "daemon", "err"])
    assert "2000" < entry["Start"] < entry["End"]
    assert re.fullmatch(r"Up .* \(healthy\)", box.row(watched.id)["Status"])
    assert box.ids(health=["healthy"]) == [watched.id]


def test_unhealthy_after_as_many_failures_as_allowed(box: Box) -> None:
    watched = Watched(box, **check("CMD-SHELL", "echo broken; exit 3", Retries=3))
    watched.becomes("unhealthy")
    found = health(box, watched.id)
    assert found["Status"] == "unhealthy"
    assert found["FailingStreak"] >= 3
    assert {(entry["ExitCode"], entry["Output"]) for entry in found["Log"]} == {(3, "broken\n")}
    assert re.fullmatch(r"Up .* \(unhealthy\)", box.row(watched.id)["Status"])
    assert box.ids(health=["unhealthy"]) == [watched.id]
    assert box.ids(health=["healthy", "unhealthy"]) == [watched.id]


def test_it_recovers_and_only_changes_are_told(box: Box) -> None:
    watched = Watched(box, **check("CMD", "test", "!", "-e", "/bad"))
    watched.becomes("healthy")
    Execution(box, watched.id, "touch", "/bad").output()
    watched.becomes("unhealthy")
    watched.feed.until_event(probed, 3)
    Execution(box, watched.id, "rm", "/bad").output()
    events = watched.becomes("healthy")
    assert [event["Action"] for event in events if event["Action"].startswith("health_status")] == ["health_status: healthy"]
    assert health(box, watched.id)["FailingStreak"] == 0


def test_the_last_five_are_kept(box: Box) -> None:
    watched = Watched(box, **check("CMD-SHELL", "cat /proc/uptime"))
    watched.feed.until_event(probed, 8)
    log = health(box, watched.id)["Log"]
    assert len(log) == 5
    assert [entry["Start"] for entry in log] == sorted(entry["Start"] for entry in log)


def test_a_check_that_hangs_is_killed_at_its_time(box: Box) -> None:
    watched = Watched(box, **check("CMD", "sleep", "777", Timeout=300 * MS))
    watched.becomes("unhealthy")
    entry = health(box, watched.id)["Log"][0]
    assert entry["ExitCode"] == -1
    assert entry["Output"].startswith("Health check exceeded timeout (300ms)")
    watched.feed.until_event(probed, 2)
    rows = box.api.get(f"/containers/{watched.id}/top").json["Processes"]
    assert sum("sleep 777" in row[-1] for row in rows) <= 1


def test_a_check_that_cannot_be_run(box: Box) -> None:
    watched = Watched(box, **check("CMD", "nosuch"))
    watched.becomes("unhealthy")
    entry = health(box, watched.id)["Log"][0]
    assert entry["ExitCode"] == -1
    assert 'exec: "nosuch": executable file not found in $PATH' in entry["Output"]


def test_long_output_is_cut(box: Box) -> None:
    watched = Watched(box, **check("CMD-SHELL", "head -c 10000 /dev/zero | tr '\\0' x"))
    watched.becomes("healthy")
    assert health(box, watched.id)["Log"][0]["Output"] == "x" * 4096 + "..."


def test_failures_in_the_start_period_do_not_count(box: Box) -> None:
    watched = Watched(box, **check("CMD", "test", "-e", "/good", StartPeriod=100_000 * MS))
    watched.feed.until_event(probed, 4)
    found = health(box, watched.id)
    assert (found["Status"], found["FailingStreak"]) == ("starting", 0)
    assert found["Log"]
    Execution(box, watched.id, "touch", "/good").output()
    watched.becomes("healthy")  # success ends the period
    Execution(box, watched.id, "rm", "/good").output()
    watched.becomes("unhealthy")


def test_after_the_start_period_they_count(box: Box) -> None:
    watched = Watched(box, **check("CMD", "false", StartPeriod=1000 * MS))
    events = watched.becomes("unhealthy")
    assert events[-1]["timeNano"] - events[0]["timeNano"] > 900 * MS


def test_a_paused_container_is_not_probed(box: Box) -> None:
    watched = Watched(box, **check("CMD", "true"))
    watched.becomes("healthy")
    box.did(watched.id, "pause")
    assert re.fullmatch(r"Up .* \(Paused\)", box.row(watched.id)["Status"])
    paused = health(box, watched.id)
    assert paused["Status"] == "unhealthy"  # nobody looks
    assert health(box, watched.id)["Log"] == paused["Log"]
    box.did(watched.id, "unpause")
    watched.becomes("healthy")


def test_who_has_ended_is_unhealthy_and_a_start_begins_anew(box: Box) -> None:
    watched = Watched(box, **check("CMD", "true"))
    watched.becomes("healthy")
    box.did(watched.id, "stop", t=0)
    assert (health(box, watched.id)["Status"], health(box, watched.id)["FailingStreak"]) == ("unhealthy", 0)
    assert "health" not in box.row(watched.id)["Status"]
    with Feed(box.engine, container=[watched.id]) as feed:
        box.start(watched.id)
        feed.until("start")
        feed.until("health_status: healthy")


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ({"Interval": -1}, "Interval in Healthcheck cannot be less than 1ms"),
        ({"Interval": 1000}, "Interval in Healthcheck cannot be less than 1ms"),
        ({"Timeout": -1}, "Timeout in Healthcheck cannot be less than 1ms"),
        ({"StartPeriod": 1000}, "StartPeriod in Healthcheck cannot be less than 1ms"),
        ({"Retries": -1}, "Retries in Healthcheck cannot be negative"),
    ],
)
def test_the_impossible_is_refused(box: Box, rest: dict[str, int], words: str) -> None:
    assert alike(box.ask(["true"], Healthcheck={"Test": ["CMD", "true"], **rest}), 400, words)


def test_an_unknown_health_cannot_be_filtered_by(box: Box) -> None:
    answer = box.api.get("/containers/json", filters={"health": ["bogus"]})
    assert answer.status == 400
    assert re.fullmatch("(?i)(unrecognised filter value for health: bogus|invalid filter 'health=bogus')", answer.message)


def test_the_check_is_shown(box: Box) -> None:
    id = box.create("true", **check("CMD", "true", Retries=7))
    found = box.inspect(id)["Config"]["Healthcheck"]
    assert (found["Test"], found["Interval"], found["Retries"]) == (["CMD", "true"], 100 * MS, 7)
