"""Query strings, routes and versions: pure parts of the API."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerkit import errors
from dockerkit.daemon.api.errors import STATUS, document, status_of
from dockerkit.daemon.api.query import Query
from dockerkit.daemon.api.router import Route, Router, negotiate
from dockerkit.daemon.api.server import ROUTES
from dockerkit.daemon.api.versions import CHANGES, shaped
from dockerkit.schema.container import ContainerInspect, EndpointSettings
from dockerkit.schema.image import ImageInspect, ImageSummary


@pytest.mark.parametrize("text", ["", "0", "no", "false", "none", "False", "NONE", " 0 "])
def test_words_for_false(text: str) -> None:
    assert Query(f"x={text.replace(' ', '+')}").flag("x") is False


@pytest.mark.parametrize("text", ["1", "true", "yes", "2", "anything"])
def test_words_for_true(text: str) -> None:
    assert Query(f"x={text}").flag("x") is True


def test_absent_flag_is_its_default() -> None:
    assert Query("").flag("x") is False
    assert Query("").flag("x", True) is True
    assert Query("x").flag("x", True) is False


def test_first_value_counts_and_plus_is_a_space() -> None:
    assert Query("a=1&a=2&b=x+y%2Bz").integer("a") == 1
    assert Query("a=1&a=2").texts("a") == ["1", "2"]
    assert Query("b=x+y%2Bz").text("b") == "x y+z"


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1700000000", 1_700_000_000_000_000_000),
        ("1700000000.5", 1_700_000_000_500_000_000),
        ("1700000000.123456789", 1_700_000_000_123_456_789),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000_000_000),
        ("2023-11-14T23:13:20.25%2B01:00", 1_700_000_000_250_000_000),
        ("", 0),
    ],
)
def test_moments(text: str, nanoseconds: int) -> None:
    assert Query(f"since={text}").moment("since") == nanoseconds


@pytest.mark.parametrize("text", ["x", "1e3", "1" * 30, "2023-99-99T00:00:00Z", "--1"])
def test_moments_that_are_none(text: str) -> None:
    with pytest.raises(errors.Invalid, match="'since'"):
        Query(f"since={text}").moment("since")


@given(st.text(alphabet="=&%+abcé\x00 09-.", max_size=30))
def test_any_query_is_read_or_refused(text: str) -> None:
    try:
        query = Query(text)
        query.flag("a"), query.integer("a"), query.moment("b"), query.filters("c")
    except errors.Invalid:
        pass


def test_every_route_is_found_and_documented() -> None:
    router = Router(ROUTES)
    for route in ROUTES:
        path = route.template.replace("{name:path}", "a/b:c").replace("{id}", "x").replace("{session}", "s")
        assert router.find(route.method, path).handler is route.handler
        assert router.find(route.method, f"/v1.40{path}").version == (1, 40)
        assert route.handler.__doc__


def test_image_names_with_slashes_and_escapes() -> None:
    router = Router(ROUTES)
    assert router.find("GET", "/images/d.io:5000/a/b:c/json").parameters == ("d.io:5000/a/b:c",)
    assert router.find("GET", "/images/a%2Fb/json").parameters == ("a/b",)


def test_route_younger_than_the_client_is_not_there() -> None:
    router = Router([Route("GET", "/new", lambda call: None, since="1.45")])
    assert router.find("GET", "/v1.45/new")
    with pytest.raises(errors.NotFound, match="page not found"):
        router.find("GET", "/v1.44/new")


@pytest.mark.parametrize("text", ["1.24", "1.51", "1.51.0", "1.30."])
def test_versions_spoken(text: str) -> None:
    assert (1, 24) <= negotiate(text) <= (1, 51)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_class_has_a_status_and_travels_by_its_name(name: str) -> None:
    error = getattr(errors, name)("x", hint="do y")
    assert status_of(error) in {400, 403, 404, 409, 500, 501, 503}
    assert document(error) == {"message": "x", "class": name, "hint": "do y"}
    assert name == "DockerkitError" or any(kind in STATUS for kind in type(error).__mro__)


def test_old_clients_see_old_shapes_of_images() -> None:
    row = ImageSummary(id="sha256:0", size=7, containers=3)
    assert shaped("image summary", row, (1, 51)) is row
    assert shaped("image summary", row, (1, 44))["Containers"] == -1
    assert shaped("image summary", row, (1, 43))["VirtualSize"] == 7
    image = ImageInspect(id="sha256:0", size=7)
    assert shaped("image", image, (1, 49))["Config"]["Hostname"] == ""


def test_old_clients_see_old_shapes_of_containers() -> None:
    made = ContainerInspect(id="a" * 64, created="")
    made.network_settings.networks["n"] = EndpointSettings(dns_names=["x"])
    assert shaped("container", made, (1, 47))["NetworkSettings"]["Networks"]["n"].keys().isdisjoint({"GwPriority"})
    old = shaped("container", made, (1, 40))["NetworkSettings"]["Networks"]["n"]
    assert "DNSNames" not in old
    assert old["Aliases"] == ["a" * 12]
    assert made.network_settings.networks["n"].aliases is None


def test_every_change_says_why_and_when() -> None:
    assert all(change.why.startswith(f"1.{change.before[1]} ") for change in CHANGES)
