"""Arguments that wait for fixtures: dependencies are known when written, values when used; mistakes are found in conftest."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

import pytest

import dockerkit as dk
from dockerkit.client.client import Client
from dockerkit.errors import Invalid
from dockerkit.testing import deferred
from dockerkit.testing.wanted import Wanted
from pytest_dockerkit import container, image

NET = SimpleNamespace(name="net-1")


def nothing(net: Any) -> str:
    raise AssertionError("called before its fixtures are there")


def test_dependencies_are_found_at_any_depth_and_nothing_is_called() -> None:
    value = {"{a.x}": ["{b}", ("{c.y}", {"k": lambda d, e=1: d}), nothing]}
    assert deferred.names(value) == ("a", "b", "c", "d", "net")


def test_values_keep_their_shape() -> None:
    value = {
        "n": ["{net.name}", ("{net.name}", 5, None)],
        "f": lambda net: net,
        "p": functools.partial(lambda a, net: a, 1),
    }
    found = deferred.resolved(value, {"net": NET})
    assert found["n"] == ["net-1", ("net-1", 5, None)]
    assert found["f"] is NET
    assert found["p"] == 1


def test_a_function_whose_arguments_have_no_names_is_refused() -> None:
    with pytest.raises(Invalid, match="cannot be given by name"):
        deferred.names(lambda a, /: a)


def test_a_wish_is_finished_and_words_are_said_on_top() -> None:
    wish = dk.container("busybox", "echo", "{net.name}").env(A="1")
    wanted = Wanted(wish, words={"env": {"B": "{net.name}"}})
    assert wanted.names() == ("net",)
    assert wanted.spec(Client("unix:///nobody"), {"net": NET}) == wish.env(B="net-1")


def test_a_condition_is_not_called_with_fixtures() -> None:
    def ready(container: Any) -> bool:
        return True

    wanted = Wanted("busybox", ("sleep", "{param}"), {"ready": ready})
    assert wanted.names() == ("param",)
    spec = wanted.spec(Client("unix:///nobody"), {"param": "9"})
    assert spec.said["ready"] is ready
    assert spec.said["command"] == ("sleep", "9")


def test_an_image_can_be_a_function_of_fixtures() -> None:
    wanted = Wanted(lambda built: built.id)
    assert wanted.names() == ("built",)
    assert wanted.spec(Client("unix:///nobody"), {"built": SimpleNamespace(id="sha256:1")}).image == "sha256:1"


def test_unknown_words_are_named_in_conftest() -> None:
    with pytest.raises(TypeError, match="'environment' is not a word of a container; did you mean env"):
        container("busybox", environment={})


def test_param_without_params_is_refused_in_conftest() -> None:
    with pytest.raises(Invalid, match="there is none"):
        container("postgres:{param}")


def test_shared_in_a_smaller_scope_is_refused_in_conftest() -> None:
    with pytest.raises(Invalid, match='needs scope="session"'):
        container("busybox", shared=True)


@pytest.mark.parametrize("arguments", [{}, {"name": "busybox", "path": "."}, {"bootstrap": "host", "archive": "x.tar"}])
def test_an_image_comes_from_one_place(arguments: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="needs one of name, path, bootstrap, archive, not "):
        image(**arguments)
