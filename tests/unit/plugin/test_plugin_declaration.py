"""Fixtures as pytest sees them: dependencies, places, documentation; nothing is contacted before a test needs it."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from pytest_dockerkit.declaration import Declared
from tests.unit.plugin.suites import NOBODY, Suite

pytest_plugins = ["pytester"]

CONFTEST = """
    import dockerkit as dk
    from pytest_dockerkit import compose, container, image, network, volume

    net = network(scope="session")
    redis = container("redis:7", publish=6379, network="{net.name}",
                      ready=dk.ready.log("Ready to accept"), scope="session", doc="Where the app keeps things.")
    built = image(path=".")
    app = container("{built.id}", env={"REDIS": "redis:6379", "ID": lambda redis: redis.id}, network="{net.name}")
    pg = container("postgres:{param}", params=["15", "16"])
    data = volume()
    stack = compose()
"""


def test_everything_is_shown_with_its_place_and_its_doc(suite: Suite) -> None:
    suite.write(CONFTEST, "def test(app): pass")
    shown = suite.run("--fixtures")
    shown.stdout.fnmatch_lines_random(
        [
            "net [[]session scope[]] -- conftest.py:5",
            "redis [[]session scope[]] -- conftest.py:6",
            "    Where the app keeps things.",
            "built [[]session scope[]] -- conftest.py:8",
            "app -- conftest.py:9",
            "    A container of {built.id}.",
            "pg -- conftest.py:10",
            "dk_client [[]session scope[]] -- *",
            "dk_container -- *",
        ]
    )
    assert "no docstring available" not in shown.stdout.str().partition("conftest")[2]


def test_dependencies_are_static(suite: Suite) -> None:
    suite.write(CONFTEST, "def test(app): pass")
    plan = suite.run("--setup-plan")
    plan.stdout.fnmatch_lines(
        [
            "SETUP    S dk_client",
            "SETUP    S built (fixtures used: dk_client)",
            "SETUP    S net (fixtures used: dk_client)",
            "SETUP    S redis (fixtures used: dk_client, net)",
            "*SETUP    F app (fixtures used: built, dk_client, net, redis)",
        ]
    )


def test_params_make_one_test_each(suite: Suite) -> None:
    suite.write(CONFTEST, "def test(pg): pass")
    suite.run("--collect-only", "-q").stdout.fnmatch_lines(["test_it.py::test[[]15[]]", "test_it.py::test[[]16[]]"])


def test_collecting_contacts_no_engine_and_starts_none(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    root = suite.path / "root"
    monkeypatch.setenv("DOCKERKIT_ROOT", str(root))
    monkeypatch.delenv("DOCKERKIT_HOST")
    suite.write(CONFTEST, "def test(app, pg): pass\ndef test_without(): pass")
    assert suite.run("--collect-only").ret == 0
    suite.run("-k", "test_without").assert_outcomes(passed=1, deselected=2)
    assert not root.exists()


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_no_engine_is_an_error_and_never_a_skip(suite: Suite, workers: tuple[str, ...]) -> None:
    suite.write(CONFTEST, "def test_a(pg): pass\ndef test_b(dk_container): pass\ndef test_c(dk_client): pass")
    result = suite.run(*workers)
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines([f"*Unavailable: the tests need an engine, and the one (*) cannot be used: *{NOBODY[7:]}*"])
    result.stdout.fnmatch_lines(["*hint: *--dk-host URL*"])


def test_a_host_that_cannot_be_is_refused_before_any_test(suite: Suite) -> None:
    suite.write("", "def test(dk_client): pass")
    result = suite.run("--dk-host", "foo://x")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --dk-host: 'foo://x' is not the URL of an engine", "  hint: unix:///path*"])


def test_host_is_that_of_the_default_client_too(suite: Suite) -> None:
    suite.write("", "import dockerkit as dk\ndef test(): assert dk.containers._engine.url == 'unix:///elsewhere'")
    suite.run("--dk-host", "unix:///elsewhere").assert_outcomes(passed=1)


def test_a_fixture_that_does_not_exist_is_found_by_pytest_at_the_right_line(suite: Suite) -> None:
    suite.write(
        "from pytest_dockerkit import container\n\nbox = container('{nosuch.id}', scope='session')\n", "def test(box): pass"
    )
    suite.run().stdout.fnmatch_lines(["E * fixture 'nosuch' not found", "*/conftest.py:3"])


def test_tracebacks_point_at_the_factory_s_line() -> None:
    def serve(request: Any, needed: Any) -> Any:
        yield inspect.currentframe()

    declared = Declared("thing", "function", None, "Doc.")
    fixture, line = declared.fixture(serve, ["a"], depth=1), inspect.currentframe().f_lineno
    function = fixture._get_wrapped_function() if hasattr(fixture, "_get_wrapped_function") else fixture.__wrapped__
    assert {number for *_, number in function.__code__.co_lines() if number is not None} == {line}
    assert function.__code__.co_filename == __file__
    assert list(inspect.signature(function).parameters) == ["request", "a"]
    frame = next(function(request=None, a=1))
    assert frame.f_code is serve.__code__
