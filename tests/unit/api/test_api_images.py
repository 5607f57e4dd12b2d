"""Routes of images on a pretend engine: bodies streamed both ways, errors in streams, logins, and shapes by version."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest


def lines(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines()]


@pytest.fixture
def images(pretended):  # type: ignore[no-untyped-def]
    return pretended.engine.images


def header(value: object) -> dict[str, str]:
    return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")}


def test_save_streams_and_names_what_it_sends(pretended, images) -> None:  # type: ignore[no-untyped-def]
    status, headers, body = pretended.api.request("GET", "/images/busybox/get")
    assert (status, headers["content-type"], len(body)) == (200, "application/x-tar", 250_000)
    assert images.saved == ["busybox"]
    pretended.api.request("GET", "/images/get?names=busybox&names=busybox:1")
    assert images.saved == ["busybox", "busybox:1"]
    pretended.api.request("GET", "/images/get?names=busybox,busybox:1")
    assert images.saved == ["busybox", "busybox:1"]
    assert pretended.api.refused("GET", "/images/nosuch/get", status=404) == "No such image: nosuch:latest"


@pytest.mark.parametrize("asked", [("GET", "/images/busybox/get"), ("POST", "/images/busybox/push")])
def test_another_platform_than_an_image_has_is_not_there(pretended, asked) -> None:  # type: ignore[no-untyped-def]
    method, path = asked
    found = pretended.engine.images.inspect("busybox")
    same = quote(json.dumps({"os": found.os, "architecture": found.architecture}))
    other = quote(json.dumps({"os": "plan9", "architecture": "vax"}))
    assert pretended.api.request(method, f"{path}?platform={same}")[0] == 200
    words = pretended.api.refused(method, f"{path}?platform={other}", status=404)
    assert words == "image with reference busybox was found but does not provide the specified platform (plan9/vax)"
    assert pretended.api.refused(method, f"{path}?platform=nonsense", status=400)


def test_one_platform_of_an_archive_is_asked_for(pretended) -> None:  # type: ignore[no-untyped-def]
    asked = quote('{"os": "linux", "architecture": "arm64", "variant": "v8"}')
    assert pretended.api.request("POST", f"/images/load?platform={asked}", b"")[0] == 200
    assert pretended.engine.images.platform == "linux/arm64/v8"
    assert pretended.api.refused("POST", "/images/load?platform=nonsense", status=400)


def test_load_reads_the_body_and_answers_in_lines(pretended, images) -> None:  # type: ignore[no-untyped-def]
    status, _, body = pretended.api.request("POST", "/images/load?quiet=0", b"x" * 3_000_000)
    assert (status, images.loaded) == (200, 3_000_000)
    assert lines(body) == [{"status": "Loading layer"}, {"stream": "Loaded image: busybox:latest\n"}]
    assert lines(pretended.api.request("POST", "/images/load", b"quiet")[2]) == [{"stream": "Loaded image: busybox:latest\n"}]


def test_what_goes_wrong_with_a_load_is_a_line(pretended) -> None:  # type: ignore[no-untyped-def]
    status, _, body = pretended.api.request("POST", "/images/load", b"wrong archive")
    assert (status, lines(body)[0]["error"]) == (200, "it is no archive")


def test_a_connection_is_kept_over_a_load(pretended) -> None:  # type: ignore[no-untyped-def]
    for _ in range(3):
        assert pretended.api.request("POST", "/images/load", b"y" * 100_000)[0] == 200


def test_import_takes_the_body_and_the_wishes(pretended, images) -> None:  # type: ignore[no-untyped-def]
    query = "fromSrc=-&repo=a&tag=b&message=m&platform=linux/arm64&changes=CMD%20x&changes=ENV%20A=1"
    status, _, body = pretended.api.request("POST", f"/images/create?{query}", b"tar")
    wish, data = images.imported
    assert (status, data) == (200, b"tar")
    assert lines(body)[0]["status"].startswith("sha256:")
    assert (wish.repository, wish.tag, wish.message, wish.platform) == ("a", "b", "m", "linux/arm64")
    assert wish.changes == ["CMD x", "ENV A=1"]
    pretended.api.request("POST", "/images/create?fromSrc=http://x/y.tar", b"")
    assert images.imported[1] is None


@pytest.mark.parametrize(
    ("query", "asked"), [("fromImage=a", "a"), ("fromImage=a:5000/b", "a:5000/b"), ("fromImage=a&tag=1", "a:1")]
)
def test_a_pull_asks_for_what_was_written(pretended, images, query: str, asked: str) -> None:  # type: ignore[no-untyped-def]
    pretended.api.request("POST", f"/images/create?{query}")
    assert images.asked == asked, "without a tag all of them are meant"


def test_a_login_is_passed_on_and_never_shown(pretended, images) -> None:  # type: ignore[no-untyped-def]
    sent = header({"username": "me", "password": "hunter2", "identitytoken": "", "serveraddress": "x"})
    pretended.api.request("POST", "/images/a/push?tag=1", b"", headers=sent)
    assert images.pushed == ("a", "1")
    assert (images.credentials.username, images.credentials.password) == ("me", "hunter2")
    assert "hunter2" not in repr(images.credentials)
    old = header({"auth": base64.b64encode(b"you:secret").decode()})
    pretended.api.request("GET", "/distribution/a/json", headers=old)
    assert (images.credentials.username, images.credentials.password) == ("you", "secret")


@pytest.mark.parametrize("value", ["", "!!", "e30=", "bnVsbA==", base64.b64encode(b"[1]").decode()])
def test_a_login_that_cannot_be_read_is_none(pretended, images, value: str) -> None:  # type: ignore[no-untyped-def]
    pretended.api.request("POST", "/images/create?fromImage=a&tag=1", headers={"X-Registry-Auth": value})
    assert images.credentials is None


def test_login_search_and_distribution(pretended) -> None:  # type: ignore[no-untyped-def]
    asked = {"username": "me", "password": "p", "serveraddress": "reg"}
    assert pretended.api.json("POST", "/auth", asked) == {"Status": "reg welcomes me", "IdentityToken": ""}
    assert len(pretended.api.json("GET", "/images/search?term=x&limit=3")) == 3
    assert pretended.api.refused("GET", "/images/search?term=x&limit=200", status=400) == (
        "Limit 200 is outside the range of [1, 100]"
    )
    assert "nosuch" in pretended.api.refused("GET", '/images/search?term=x&filters={"nosuch":["1"]}', status=400)
    assert pretended.api.json("GET", "/distribution/a/json")["Descriptor"]["digest"].startswith("sha256:")


def test_explore_is_an_extension(pretended) -> None:  # type: ignore[no-untyped-def]
    assert pretended.api.json("GET", "/dockerkit/v1/images/busybox/explore")["Layers"] == []


def test_what_versions_see(pretended, images) -> None:  # type: ignore[no-untyped-def]
    pretended.api.json("GET", "/v1.51/images/json?shared-size=1&manifests=1")
    assert (images.shared, images.platforms) == (True, True)
    pretended.api.json("GET", "/v1.41/images/json?shared-size=1&manifests=1")
    assert (images.shared, images.platforms) == (False, False)
