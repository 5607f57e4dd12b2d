"""A failing test says what its containers did; --dk-keep leaves them, --dk-logs writes what they wrote."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.unit.plugin.suites import Suite

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.system

CONFTEST = """
    import dockerkit as dk
    from pytest_dockerkit import container

    redis = container("busybox", "sh", "-c", "echo Ready; exec sleep 1000", ready=dk.ready.log("Ready"), scope="session")
    app = container("busybox", "sh", "-c", "echo line of {redis.short_id}; exit 3")
    bad = container("busybox", "sh", "-c", "echo oops; exit 7", ready=dk.ready.log("never"))
    nosuch = container("busybox", "nosuch")
    other = container("busybox", "sleep", "1000", scope="session")
"""
TESTS = """
    def test_other(other): pass

    def test_fails(app, dk_container):
        dk_container("busybox", "sleep", "1000")
        assert app.wait() == 0

    def test_passes(app): pass
    def test_not_ready(bad): pass
    def test_not_started(nosuch): pass
"""
WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])


@WORKERS
@pytest.mark.usefixtures("leaves_nothing")
def test_the_report_tells_the_containers_story(suite: Suite, workers: tuple[str, ...]) -> None:
    result = suite.write(CONFTEST, TESTS).run(*workers)
    result.assert_outcomes(passed=2, failed=1, errors=2)
    output = result.stdout.str()
    failed = output[output.index("_ test_fails _") :]
    told = failed[failed.index("- containers -") :].splitlines()[1:7]
    short = re.search("line of ([0-9a-f]{12})", failed)[1]
    assert told[:2] == [f"redis: container {short} of busybox runs; its last lines:", "    Ready"]
    assert re.fullmatch("app: container [0-9a-f]{12} of busybox ended with exit code 3; its last lines:", told[2])
    assert told[3] == f"    line of {short}"
    assert re.fullmatch("dk_container: container [0-9a-f]{12} of busybox runs; it wrote nothing", told[4])
    assert "other:" not in output, "only the containers that the test used"
    result.stdout.fnmatch_lines_random(
        [
            ">   bad = container(*",
            "E   *NotReady: container * ended with exit code 7 before it was ready (dk.ready.log('never')*",
            "bad: container * of busybox ended with exit code 7; its last lines:",
            "    oops",
            ">   nosuch = container(*",
            'E   *ContainerFailed: busybox nosuch could not be started: *exec: "nosuch": executable file not found*',
            "nosuch: container * of busybox was not started (*); it wrote nothing",
        ]
    )


@WORKERS
def test_kept_containers_can_be_entered_and_the_others_go(suite: Suite, client: Any, workers: tuple[str, ...]) -> None:
    before = {container.id for container in client.containers.list(all=True)}
    result = suite.write(CONFTEST, TESTS).run("--dk-keep", *workers)
    kept = {c.short_id: c for c in client.containers.list(all=True) if c.id not in before}
    assert sorted((c.inspect()["Args"] or ["nosuch"])[-1].split(";")[0] for c in kept.values() if c.status != "created") == [
        "1000",
        "echo Ready",
        "echo line of " + next(id for id, c in kept.items() if "echo Ready" in str(c.inspect()["Args"])),
        "echo oops",
    ]
    summary = result.stdout.str().rpartition("= containers kept =")[2]
    entered = re.findall(r"^redis: dockerkit exec -it ([0-9a-f]{12}) sh$", summary, re.MULTILINE)
    assert kept[entered[0]].exec("echo", "inside").stdout == "inside\n"
    assert set(re.findall(r"remove it: dockerkit rm -f ([0-9a-f]{12})", summary)) == set(kept)
    assert re.search(r"^bad: dockerkit logs [0-9a-f]{12}$", summary, re.MULTILINE)


def test_the_way_in_names_an_engine_that_the_shell_does_not(suite: Suite, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKERKIT_HOST")
    result = suite.write(CONFTEST, "def test(redis): assert 0").run("--dk-keep", "--dk-host", client.url)
    result.stdout.fnmatch_lines([f"redis: DOCKERKIT_HOST={client.url} dockerkit exec -it * sh"])


@WORKERS
@pytest.mark.usefixtures("leaves_nothing")
def test_one_log_file_a_container(suite: Suite, workers: tuple[str, ...]) -> None:
    suite.write(CONFTEST, TESTS).run("--dk-logs", "out/logs", *workers)
    logs = {re.sub("-[0-9a-f]{12}.log", "", path.name): path.read_text() for path in (suite.path / "out" / "logs").iterdir()}
    assert logs.keys() == {
        "redis",
        "other",
        "test_it.py-test_fails.app",
        "test_it.py-test_fails.dk_container",
        "test_it.py-test_passes.app",
        "test_it.py-test_not_ready.bad",
        "test_it.py-test_not_started.nosuch",
    }
    assert logs["redis"] == "Ready\n"
    assert logs["test_it.py-test_not_ready.bad"] == "oops\n"
    assert logs["test_it.py-test_fails.app"].startswith("line of ")
