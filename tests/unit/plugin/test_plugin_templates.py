"""Texts with places: what is one, what is not, and what is said about one that cannot be filled."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerkit.errors import Invalid
from dockerkit.testing.templates import parse

REDIS = SimpleNamespace(
    name="redis-1",
    ports={"6379/tcp": [SimpleNamespace(host="127.0.0.1", port=49153)]},
    tags=["a", "b"],
    numbered={"1": "text", 2: "number"},
    exec=lambda *command: None,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{redis.name}", "redis-1"),
        ("redis://{redis.name}:{redis.ports[6379/tcp][0].port}/0", "redis://redis-1:49153/0"),
        ("{redis.ports['6379/tcp'][0].host}", "127.0.0.1"),
        ("{redis.tags[1]}{redis.tags[-1]}", "bb"),
        ("{redis.numbered[1]}/{redis.numbered[2]}", "text/number"),
        ("{param}", "16"),
        ("{{param}}", "{param}"),
        ("{{param}", "{param}"),
        ("{{{param}}}", "{16}"),
        ("${HOME} ${param} ${{param}} $param", "${HOME} ${param} ${{param}} $param"),
        ('{"a": {"b": 1}}', '{"a": {"b": 1}}'),
        ("awk '{print $1}'", "awk '{print $1}'"),
        ("{} {0} {a b} {a-b} {x!r} {x:>5} {a.} {a[]} {.a}", "{} {0} {a b} {a-b} {x!r} {x:>5} {a.} {a[]} {.a}"),
        ("{{json .}}", "{json .}"),
        ("} }} {", "} }} {"),
    ],
)
def test_places_are_filled_and_other_braces_stay(text: str, expected: str) -> None:
    assert parse(text).render({"redis": REDIS, "param": 16}) == expected


def test_names_are_known_without_filling() -> None:
    assert parse("{a.b} ${no} {{no}} {c[d]} {a}").names == ("a", "c")


@given(st.text(alphabet=st.characters(exclude_characters="{}")))
def test_text_without_braces_is_itself(text: str) -> None:
    assert parse(text).render({}) == text


@given(st.text(alphabet="{}$a."))
def test_no_text_is_refused_or_loses_more_than_braces(text: str) -> None:
    template = parse(text)
    unfilled = "".join(part if isinstance(part, str) else part.text for part in template.parts)
    assert unfilled.replace("{", "").replace("}", "") == text.replace("{", "").replace("}", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{redis.nosuch}", "template {redis.nosuch}: SimpleNamespace has no attribute 'nosuch'"),
        ("{redis.ports[80/tcp]}", "template {redis.ports[80/tcp]}: dict has nothing at [80/tcp]"),
        ("{redis.tags[7]}", "template {redis.tags[7]}: list has nothing at [7]"),
        ("{redis.exec}", "is a method, and a template calls nothing"),
    ],
)
def test_a_place_that_cannot_be_filled_says_why(text: str, message: str) -> None:
    with pytest.raises(Invalid) as error:
        parse(text).render({"redis": REDIS})
    assert message in error.value.message
    assert error.value.hint


@pytest.mark.parametrize("text", ["{a.__class__}", "{a.b._c}"])
def test_private_names_are_refused_when_written(text: str) -> None:
    with pytest.raises(Invalid, match="is private"):
        parse(text)
