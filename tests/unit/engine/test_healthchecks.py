"""Healthchecks: when a container is probed, what a result makes of it, and that a hanging check is killed."""

from __future__ import annotations

import pytest
from pretendclock import PretendClock
from pretendcore import BIRTH, SECOND, Pool, actions, add, pretend_core, run

from dockerkit.daemon.engine import healthrules as rules
from dockerkit.daemon.engine import stopping
from dockerkit.daemon.engine.dying import on_exit
from dockerkit.daemon.engine.health import Healthchecks
from dockerkit.daemon.engine.lifecycle import Change
from dockerkit.daemon.engine.listing import status
from dockerkit.daemon.engine.merge import merge
from dockerkit.daemon.runtime.runtime import Exit
from dockerkit.errors import ContainerFailed
from dockerkit.schema.container import ContainerConfig, HealthConfig
from dockerkit.schema.image import ImageConfig

MS = 1_000_000


class Prober:
    """Begins checks that end when the test says so."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.done = None
        self.said = b""
        self.killed = 0
        self.error: Exception | None = None

    def __call__(self, entry, command, done):
        """Begin a check."""
        self.commands.append(command)
        self.done = done
        if self.error:
            raise self.error
        return self._stop

    def _stop(self) -> bytes:
        self.killed += 1
        return self.said


@pytest.fixture
def clock():
    return PretendClock()


@pytest.fixture
def prober():
    return Prober()


@pytest.fixture
def core(tmp_path, clock, prober):
    made = pretend_core(str(tmp_path), clock)
    begun = clock.now
    checks = Healthchecks(made, prober, Pool(), now=lambda: BIRTH + int((clock.now - begun) * SECOND))
    made.observers.append(checks.settle)
    yield made
    checks.close()
    made.events.close()
    made.database.close()


def _check(core, **wish):
    entry = add(core, health=HealthConfig(**({"test": ["CMD", "check"], "interval": SECOND, "timeout": SECOND} | wish)))
    run(core, entry)
    return entry


def _health(entry):
    health = entry.record.state.health
    return health.status, health.failing_streak, len(health.log)


def test_a_container_starts_as_starting_and_is_first_probed_after_one_interval(core, clock, prober):
    entry = _check(core)
    assert _health(entry) == ("starting", 0, 0)
    clock.pass_(0.99)
    assert prober.commands == []
    clock.pass_(0.02)
    assert prober.commands == [["check"]]
    prober.done(0, b"fine\n")
    assert _health(entry) == ("healthy", 0, 1)
    assert entry.record.state.health.log[0].output == "fine\n"
    assert actions(core)[-1] == "health_status: healthy"
    assert status(entry.record, BIRTH + 5 * SECOND) == "Up 5 seconds (healthy)"


def test_so_many_failures_in_a_row_make_it_unhealthy_and_one_success_healthy_again(core, clock, prober):
    entry = _check(core, retries=2)
    seen = []
    for exit_code in (1, 1, 1, 0, 1):
        clock.pass_(1.001)
        prober.done(exit_code, b"")
        seen.append(_health(entry)[:2])
    assert seen == [("starting", 1), ("unhealthy", 2), ("unhealthy", 3), ("healthy", 0), ("healthy", 1)]
    assert [a for a in actions(core) if a.startswith("health")] == ["health_status: unhealthy", "health_status: healthy"]


def test_only_the_last_five_results_are_kept(core, clock, prober):
    entry = _check(core)
    for number in range(8):
        clock.pass_(1.001)
        prober.done(0, b"%d" % number)
    assert [result.output for result in entry.record.state.health.log] == ["3", "4", "5", "6", "7"]


def test_failures_within_the_start_period_do_not_count_and_are_looked_for_more_often(core, clock, prober):
    entry = _check(core, retries=1, interval=10 * SECOND, start_period=3 * SECOND, start_interval=SECOND)
    for _ in range(2):
        clock.pass_(1.001)
        prober.done(1, b"")
    assert _health(entry) == ("starting", 0, 2)
    clock.pass_(1.001)
    prober.done(1, b"")
    assert _health(entry) == ("unhealthy", 1, 3)
    clock.pass_(9.9)
    assert len(prober.commands) == 3
    clock.pass_(0.2)
    assert len(prober.commands) == 4


def test_a_success_within_the_start_period_ends_its_indulgence(core, clock, prober):
    entry = _check(core, retries=1, start_period=100 * SECOND, start_interval=SECOND)
    clock.pass_(1.001)
    prober.done(0, b"")
    clock.pass_(1.001)
    prober.done(1, b"")
    assert _health(entry) == ("unhealthy", 1, 2)


def test_a_check_that_hangs_is_killed_at_its_timeout_and_the_next_one_comes_all_the_same(core, clock, prober):
    entry = _check(core, retries=1, timeout=2 * SECOND)
    clock.pass_(1.001)
    prober.said = b"waiting for"
    clock.pass_(1.99)
    assert prober.killed == 0
    clock.pass_(0.02)
    assert prober.killed == 1
    assert _health(entry) == ("unhealthy", 1, 1)
    result = entry.record.state.health.log[0]
    assert (result.exit_code, result.output) == (-1, "Health check exceeded timeout (2s): waiting for")
    prober.done(137, b"")  # the end of the killed one is nobody's result
    assert _health(entry) == ("unhealthy", 1, 1)
    clock.pass_(1.001)
    assert len(prober.commands) == 2


def test_a_check_that_cannot_be_begun_has_failed_and_says_why(core, clock, prober):
    prober.error = ContainerFailed("OCI runtime exec failed: no such thing")
    entry = _check(core, retries=1)
    clock.pass_(1.001)
    assert _health(entry) == ("unhealthy", 1, 1)
    assert entry.record.state.health.log[0].output == "OCI runtime exec failed: no such thing"
    clock.pass_(1.001)
    assert len(prober.commands) == 2


def test_the_end_of_the_container_ends_its_checks_kills_the_one_under_way_and_the_next_life_starts_anew(core, clock, prober):
    entry = _check(core)
    clock.pass_(1.001)
    on_exit(core, entry.record.id, Exit(0, False, BIRTH))
    assert prober.killed == 1
    prober.done(0, b"")
    assert _health(entry) == ("unhealthy", 0, 0)
    clock.pass_(100)
    assert len(prober.commands) == 1
    run(core, entry)
    assert _health(entry) == ("starting", 0, 0)
    clock.pass_(1.001)
    assert len(prober.commands) == 2


def test_a_paused_container_is_not_probed_and_is_called_unhealthy_as_dockerd_does(core, clock, prober):
    entry = _check(core)
    clock.pass_(1.001)
    prober.done(0, b"")
    core.commit(entry, entry.record.with_state(Change.PAUSE))
    assert _health(entry)[0] == "unhealthy"
    clock.pass_(100)
    assert len(prober.commands) == 1
    core.commit(entry, entry.record.with_state(Change.UNPAUSE))
    clock.pass_(1.001)
    prober.done(0, b"")
    assert _health(entry)[0] == "healthy"


def test_other_changes_of_a_container_do_not_disturb_its_checks(core, clock, prober):
    entry = _check(core)
    clock.pass_(0.9)
    stopping.kill(core, entry, "USR1", "x")
    clock.pass_(0.11)
    assert len(prober.commands) == 1


@pytest.mark.parametrize(
    ("test", "command"),
    [
        (["CMD", "a", "b"], ["a", "b"]),
        (["CMD-SHELL", "a | b"], ["/bin/sh", "-c", "a | b"]),
        (["NONE"], None),
        ([], None),
        (["nosuch", "a"], None),
        (["CMD"], []),
    ],
)
def test_what_a_check_runs(test, command):
    assert rules.command(ContainerConfig(healthcheck=HealthConfig(test=test))) == command


def test_a_shell_of_the_containers_own_runs_the_check():
    config = ContainerConfig(healthcheck=HealthConfig(test=["CMD-SHELL", "x"]), shell=["/bin/ash", "-ec"])
    assert rules.command(config) == ["/bin/ash", "-ec", "x"]


def test_none_disables_what_the_image_asks_for_and_open_values_are_the_images():
    image = ImageConfig(cmd=["sh"], healthcheck=HealthConfig(test=["CMD", "image"], interval=7, retries=9))
    assert rules.command(merge(ContainerConfig(healthcheck=HealthConfig(test=["NONE"])), image)) is None
    merged = merge(ContainerConfig(healthcheck=HealthConfig(interval=5)), image).healthcheck
    assert (merged.test, merged.interval, merged.retries) == (["CMD", "image"], 5, 9)
    assert merge(ContainerConfig(), image).healthcheck == image.healthcheck


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(SECOND, "1s"), (90 * SECOND, "1m30s"), (1500 * MS, "1.5s"), (500 * MS, "500ms"), (3600 * SECOND, "1h0m0s")],
)
def test_durations_are_written_as_go_does(nanoseconds, text):
    assert rules.duration(nanoseconds) == text


def test_output_is_cut_to_four_kilobytes():
    found = rules.result(0, b"x" * 5000, 0, 1)
    assert len(found.output) == 4099
    assert found.output.endswith("x...")
