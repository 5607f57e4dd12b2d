"""Containers that outlive a test process on purpose: reused by the next run, shared by all workers of one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.plugin.suites import Suite

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.system

NOTED = """
    import pytest

    @pytest.mark.parametrize("n", range({tests}))
    def test(box, n):
        with open("ids", "a") as ids:
            ids.write(box.id + "\\n")
        assert box.exec("echo", "hi").stdout == "hi\\n"
"""


def conftest(seconds: int = 1000, **words: object) -> str:
    said = "".join(f", {word}={value!r}" for word, value in words.items())
    return f"from pytest_dockerkit import container\nbox = container('busybox', 'sleep', '{seconds}', scope='session'{said})"


@pytest.mark.parametrize(("words", "option"), [({"reuse": True}, ()), ({}, ("--dk-reuse",))])
def test_the_next_run_takes_it_up_if_the_wish_is_the_same(
    suite: Suite, client: Any, words: dict[str, object], option: tuple[str, ...]
) -> None:
    suite.write(conftest(**words), NOTED.format(tests=1))
    for _ in range(2):
        suite.run(*option).assert_outcomes(passed=1)
    first, again = suite.lines("ids")
    assert first == again
    assert client.containers[first].labels["dockerkit.reuse"] in client.containers[first].name

    suite.write(conftest(1001, **words), NOTED.format(tests=1)).run(*option).assert_outcomes(passed=1)
    changed = suite.lines("ids")[-1]
    assert changed != first
    assert first not in client.containers, "a changed wish replaces what the fixture had before"


def test_one_that_has_ended_is_not_taken_up(suite: Suite, client: Any) -> None:
    suite.write(conftest(reuse=True), NOTED.format(tests=1)).run()
    client.containers[suite.lines("ids")[0]].kill().wait()
    suite.run().assert_outcomes(passed=1)
    first, second = suite.lines("ids")
    assert first != second


def test_workers_that_come_at_once_reuse_one(suite: Suite, client: Any) -> None:
    suite.write(conftest(reuse=True), NOTED.format(tests=8)).run("-n", "4").assert_outcomes(passed=8)
    assert len(set(suite.lines("ids"))) == 1


@pytest.mark.usefixtures("leaves_nothing")
def test_function_fixtures_are_new_each_time_whatever_the_option(suite: Suite) -> None:
    suite.write("from pytest_dockerkit import container\nbox = container('busybox', 'sleep', '1000')", NOTED.format(tests=2))
    suite.run("--dk-reuse").assert_outcomes(passed=2)
    assert len(set(suite.lines("ids"))) == 2


def test_a_name_that_belongs_to_something_else_is_left_alone(suite: Suite, client: Any) -> None:
    taken = client.containers.create("busybox", "true", name="precious")
    result = suite.write(conftest(reuse=True, name="precious"), NOTED.format(tests=1)).run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E   *Conflict: container precious was not made to be reused"])
    assert taken.status == "created"


@pytest.mark.usefixtures("leaves_nothing")
@pytest.mark.parametrize("workers", [(), ("-n", "4")], ids=["alone", "xdist"])
def test_shared_is_one_for_the_whole_run_and_goes_with_it(suite: Suite, client: Any, workers: tuple[str, ...]) -> None:
    suite.write(conftest(shared=True), NOTED.format(tests=12)).run(*workers).assert_outcomes(passed=12)
    assert len(set(suite.lines("ids"))) == 1
    assert suite.lines("ids")[0] not in client.containers


@pytest.mark.usefixtures("leaves_nothing")
def test_a_shared_one_survives_the_worker_that_made_it(suite: Suite) -> None:
    tests = NOTED.format(tests=8) + "        if n == 0: import os; os._exit(1)\n"
    result = suite.write(conftest(shared=True), tests).run("-n", "2")
    result.assert_outcomes(passed=7, failed=1)
    assert len(set(suite.lines("ids"))) == 1


def test_a_shared_one_that_a_failed_test_used_is_kept(suite: Suite, client: Any) -> None:
    suite.write(conftest(shared=True), NOTED.format(tests=4) + "        assert n != 2\n").run("-n", "2", "--dk-keep")
    assert client.containers[suite.lines("ids")[0]].exec("echo", "inside").stdout == "inside\n"


@pytest.mark.usefixtures("leaves_nothing")
def test_a_shared_one_that_does_not_get_ready_is_everybodys_error(suite: Suite) -> None:
    suite.write(
        """
        import dockerkit as dk
        from pytest_dockerkit import container
        box = container("busybox", "sh", "-c", "echo oops; exit 3", scope="session", shared=True, ready=dk.ready.log("never"))
        """,
        NOTED.format(tests=4),
    ).run("-n", "2").assert_outcomes(errors=4)


def test_ten_workers_share_one_daemon_that_they_start(suite: Suite, new_root: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import signal

    monkeypatch.delenv("DOCKERKIT_HOST")
    monkeypatch.setenv("DOCKERKIT_ROOT", new_root())
    monkeypatch.setenv("DOCKERKIT_BOOTSTRAP", "always")
    suite.write(
        "",
        """
        import pytest

        @pytest.mark.parametrize("n", range(10))
        def test(dk_container, dk_client, n):
            dk_container("busybox", "sleep", "1000")
            with open("daemons", "a") as daemons:
                daemons.write(f"{dk_client.info()['DaemonPid']}\\n")
        """,
    )
    result = suite.run("-n", "10")
    daemons = set(suite.lines("daemons"))
    for daemon in daemons:
        watched = os.pidfd_open(int(daemon))
        os.kill(int(daemon), signal.SIGTERM)
        _ended(watched)
    result.assert_outcomes(passed=10)
    assert len(daemons) == 1


def _ended(process: int) -> None:
    import os
    import select

    poll = select.poll()
    poll.register(process, select.POLLIN)
    assert poll.poll(20_000), "the daemon did not end"
    os.close(process)
