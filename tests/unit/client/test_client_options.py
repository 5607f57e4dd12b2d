"""The words as keywords say the same as the words as methods; others are refused by name."""

from __future__ import annotations

from typing import Any

import pytest

import dockerkit as dk


@pytest.mark.parametrize(
    ("options", "same"),
    [
        ({"env": {"A": "1"}}, lambda s: s.env(A="1")),
        ({"env": ["A=1", {"B": "2"}]}, lambda s: s.env(A="1", B="2")),
        ({"publish": 80}, lambda s: s.publish(80)),
        ({"publish": [80, "8080:81"]}, lambda s: s.publish(80).publish("8080:81")),
        ({"publish": (80, 81)}, lambda s: s.publish(80, 81)),
        ({"bind": ("/a", "/b")}, lambda s: s.bind("/a", "/b")),
        ({"bind": [("/a", "/b"), "/c:/d:ro"]}, lambda s: s.bind("/a", "/b").bind("/c", "/d", read_only=True)),
        ({"bind": {"/a": "/b"}}, lambda s: s.bind("/a", "/b")),
        ({"tmpfs": {"/t": "1m", "/u": None}}, lambda s: s.tmpfs("/t", "1m").tmpfs("/u")),
        ({"ulimit": ("nofile", 100)}, lambda s: s.ulimit("nofile", 100, 100)),
        ({"ulimit": {"nofile": (1, 2)}}, lambda s: s.ulimit("nofile=1:2")),
        ({"command": ["a", "b"]}, lambda s: s.command("a", "b")),
        ({"command": "a b"}, lambda s: s.command("a b")),
        ({"entrypoint": ()}, lambda s: s.entrypoint()),
        ({"memory": None, "privileged": None}, lambda s: s),
        ({"privileged": True, "cap_drop": ["ALL"]}, lambda s: s.privileged().cap_drop("all")),
        ({"healthcheck": ("curl", "x")}, lambda s: s.healthcheck("curl", "x")),
        ({"sysctl": {"net.core.somaxconn": 10}}, lambda s: s.sysctl("net.core.somaxconn=10")),
        ({"extra_host": {"db": "10.0.0.1"}}, lambda s: s.extra_host("db", "10.0.0.1")),
    ],
)
def test_keyword_says_what_the_method_says(options: dict[str, Any], same: Any) -> None:
    assert dk.container("x", **options) == same(dk.container("x"))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("environment", "env"),
        ("ports", "publish"),
        ("volumes", "volume"),
        ("mem_limit", "memory"),
        ("detach", "start"),
        ("memroy", "memory"),
        ("working_dir", "workdir"),
        ("port", "publish"),
        ("cwd", "workdir"),
        ("timeout", "run, which alone takes"),
        ("zzzzzz", "the words are"),
    ],
)
def test_unknown_word_names_ours(theirs: str, ours: str) -> None:
    with pytest.raises(TypeError, match=ours):
        dk.container("x", **{theirs: 1})


def test_unknown_method_names_ours() -> None:
    with pytest.raises(AttributeError, match="did you mean env"):
        dk.container("x").environment  # type: ignore[attr-defined]  # noqa: B018 (the look-up is the test)
    assert not hasattr(dk.container("x"), "_repr_html_")


@pytest.mark.parametrize("options", [{"memory": ["1m", "2m"]}, {"cap_add": {"A": "b"}}, {"env": 3}, {"user": {"a": 1}}])
def test_shape_that_a_word_cannot_take_is_a_type_error(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=next(iter(options))):
        dk.container("x", **options)


def test_an_image_can_be_named_by_itself() -> None:
    image = dk.Image(dk.Client("unix:///a.sock").engine, "sha256:" + "a" * 64)
    assert dk.container(image).image == "sha256:" + "a" * 64
