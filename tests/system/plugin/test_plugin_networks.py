"""Networks as fixtures: containers answer to their fixtures' names, and networks go, are shared and stay as containers do."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.plugin.suites import Suite

pytest_plugins = ["pytester"]
pytestmark = [pytest.mark.system, pytest.mark.usefixtures("leaves_no_network")]

CONFTEST = """
    from pytest_dockerkit import container, network

    net = network(scope="session"{more})
    server = container("busybox", "sleep", "1000", network="{{net.name}}", scope="session"{more})
    other = container("busybox", "sleep", "1000", network="{{net.name}}", scope="session"{more})
"""
NOTED = """
    import json
    import pytest

    @pytest.mark.parametrize("n", range({tests}))
    def test(server, other, net, n):
        with open("seen", "a") as seen:
            seen.write(json.dumps([net.name, server.id, other.id]) + "\\n")
        assert other.exec("ping", "-c1", "-w5", "server", check=True)
        assert server.exec("ping", "-c1", "-w5", "other", check=True)
"""


@pytest.fixture
def leaves_no_network(client: Any) -> Iterator[None]:
    """Afterwards the engine has the networks that it had before."""
    before = {network.id for network in client.networks.list()}
    yield
    assert [network.name for network in client.networks.list() if network.id not in before] == []


def project(suite: Suite, tests: int = 1, **words: object) -> Suite:
    """Write two containers on a network, and tests that let them talk; `words` are said to all three factories."""
    more = "".join(f", {word}={value!r}" for word, value in words.items())
    return suite.write(CONFTEST.format(more=more), NOTED.format(tests=tests))


def seen(suite: Suite) -> list[list[str]]:
    """Return network and containers of each test."""
    return [json.loads(line) for line in suite.lines("seen")]


def distinct(suite: Suite) -> set[tuple[str, ...]]:
    """Return the different answers."""
    return set(map(tuple, seen(suite)))


@pytest.mark.usefixtures("leaves_nothing")
def test_containers_answer_to_their_fixtures_names(suite: Suite) -> None:
    project(suite, 2).run().assert_outcomes(passed=2)
    assert len(distinct(suite)) == 1


@pytest.mark.usefixtures("leaves_nothing")
def test_workers_have_networks_of_their_own_or_share_one_with_its_containers(suite: Suite) -> None:
    project(suite, 8).run("-n", "2", "--dist=each").assert_outcomes(passed=16)
    assert len({net for net, _, _ in distinct(suite)}) == 2
    (suite.path / "seen").unlink()
    project(suite, 8, shared=True).run("-n", "2", "--dist=each").assert_outcomes(passed=16)
    assert len(distinct(suite)) == 1


def test_what_is_reused_is_reused_with_its_network(suite: Suite, client: Any) -> None:
    project(suite, reuse=True)
    for _ in range(2):
        suite.run().assert_outcomes(passed=1)
    assert len(distinct(suite)) == 1
    name = seen(suite)[0][0]
    assert client.networks[name].labels["dockerkit.reuse"] in name
    project(suite, reuse=True, doc="changed words that are no wish").run().assert_outcomes(passed=1)
    conftest = CONFTEST.format(more=", reuse=True").replace("network(", "network(internal=True, ", 1)
    suite.write(conftest, NOTED.format(tests=1)).run().assert_outcomes(passed=1)
    assert name not in client.networks, "a changed wish replaces what the fixture had before"
    for net, server, other in seen(suite)[-1:]:
        client.containers[server].remove(force=True)
        client.containers[other].remove(force=True)
        client.networks[net].remove()


def test_a_name_that_belongs_to_something_else_is_left_alone(suite: Suite, client: Any) -> None:
    with client.networks.create("precious") as taken:
        suite.write("from pytest_dockerkit import network\nnet = network('precious', reuse=True)", "def test(net): pass")
        result = suite.run()
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["E   *Conflict: network precious was not made to be reused"])
        assert taken.containers == {}


def test_network_of_a_kept_container_is_kept(suite: Suite, client: Any) -> None:
    tests = NOTED.format(tests=1) + "        assert not n + 1\n"
    suite.write(CONFTEST.format(more=""), tests).run("--dk-keep").assert_outcomes(failed=1)
    ((net, server, other),) = seen(suite)
    assert client.containers[server].exec("ping", "-c1", "-w5", "other").exit_code == 0
    for id in (server, other):
        client.containers[id].remove(force=True)
    client.networks[net].remove()


@pytest.mark.usefixtures("leaves_nothing")
def test_network_in_a_test(suite: Suite) -> None:
    suite.write(
        "",
        """
        import pytest
        import dockerkit as dk

        def test(dk_network, dk_container, dk_client):
            inner = dk_network(internal=True, subnet="10.77.0.0/24", labels={"a": "b"})
            box = dk_container("busybox", "sleep", "1000", network=inner)
            assert (inner.internal, inner.subnets, inner.labels["a"]) == (True, ["10.77.0.0/24"], "b")
            assert box.ip.startswith("10.77.0.") and inner.containers == {box.name: box.ip}
            dk_network("taken")
            with pytest.raises(dk.errors.Conflict, match="network with name taken already exists"):
                dk_network("taken")
            dk_network("gone").remove()
        """,
    )
    suite.run().assert_outcomes(passed=1)


@pytest.mark.usefixtures("leaves_nothing")
def test_a_killed_run_leaves_no_network(suite: Suite, client: Any) -> None:
    suite.write(
        CONFTEST.format(more=""),
        """
        import os, signal

        def test(server, other, net):
            os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    with client.events(type="network", event="destroy") as ends:
        assert suite.start().wait(60) == -signal.SIGKILL
        assert next(iter(ends)).action == "destroy"


def test_words_that_are_none(suite: Suite) -> None:
    result = suite.write("from pytest_dockerkit import network\nnet = network(subnets='10.0.0.0/8')", "").run()
    result.stderr.fnmatch_lines(["E   TypeError: network() has no 'subnets'; it has *subnet*"])
    result = suite.write("from pytest_dockerkit import network\nnet = network(shared=True)", "").run()
    result.stderr.fnmatch_lines(['E   *Invalid: network(): shared=True is one for the whole run, so it needs scope="session"'])
