"""Pulling, rule by rule of the distribution specification: raw requests, nothing of our client in between."""

from __future__ import annotations

import http.client

import pytest

from tests.unit.registry.ourregistry import OCI, OurRegistry, digest_of, manifest_of

LAYER = bytes(range(256)) * 1000


def test_v2_says_that_this_is_a_registry(ours: OurRegistry) -> None:
    answered = ours.ask("GET", "/v2/")
    assert (answered.status, answered.json) == (200, {})


def test_manifest_comes_back_byte_for_byte_with_its_media_type_and_digest(ours: OurRegistry) -> None:
    ours.push_blob("a/b", b"{}")
    content = manifest_of(b"{}").replace(b", ", b" ,  ")
    digest = ours.push("a/b", "v1", content)
    for reference in ("v1", digest):
        answered = ours.ask("GET", f"/v2/a/b/manifests/{reference}")
        assert (answered.status, answered.body) == (200, content)
        assert answered.headers["Docker-Content-Digest"] == digest
        assert answered.headers["Content-Type"] == OCI
        assert answered.headers["Content-Length"] == str(len(content))


def test_head_of_a_manifest_has_the_headers_of_get_and_no_body(ours: OurRegistry) -> None:
    ours.push_image("shop", "1", LAYER)
    head, get = (ours.ask(method, "/v2/shop/manifests/1") for method in ("HEAD", "GET"))
    assert (head.status, head.body) == (200, b"")
    for name in ("Content-Type", "Content-Length", "Docker-Content-Digest", "ETag"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize("reference", ["none", ".INVALID_MANIFEST_NAME", "sha256:" + "0" * 64, "x" * 129])
def test_manifest_that_is_not_there_is_404(ours: OurRegistry, reference: str) -> None:
    ours.push_image("shop", "1")
    for method in ("GET", "HEAD"):
        assert ours.ask(method, f"/v2/shop/manifests/{reference}").status == 404
    assert ours.ask("GET", f"/v2/shop/manifests/{reference}").code == "MANIFEST_UNKNOWN"


def test_manifest_of_another_repository_is_not_here(ours: OurRegistry) -> None:
    digest = ours.push_image("shop", "1")
    assert ours.ask("GET", f"/v2/other/manifests/{digest}").code == "MANIFEST_UNKNOWN"


def test_unchanged_manifest_is_304(ours: OurRegistry) -> None:
    digest = ours.push_image("shop", "1")
    answered = ours.ask("GET", "/v2/shop/manifests/1", If_None_Match=f'"{digest}"')
    assert (answered.status, answered.body) == (304, b"")


def test_blob_comes_whole_with_its_digest(ours: OurRegistry) -> None:
    digest = ours.push_blob("shop", LAYER)
    get, head = ours.ask("GET", f"/v2/shop/blobs/{digest}"), ours.ask("HEAD", f"/v2/shop/blobs/{digest}")
    assert (get.status, get.body) == (200, LAYER)
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(LAYER)))
    assert get.headers["Docker-Content-Digest"] == head.headers["Docker-Content-Digest"] == digest
    assert get.headers["Accept-Ranges"] == "bytes"


def test_empty_blob(ours: OurRegistry) -> None:
    digest = ours.push_blob("shop", b"")
    assert ours.ask("GET", f"/v2/shop/blobs/{digest}").body == b""


def test_blob_that_is_not_there_is_404(ours: OurRegistry) -> None:
    ours.push_blob("shop", LAYER)
    for name, content in (("shop", b"other"), ("other", LAYER)):
        answered = ours.ask("GET", f"/v2/{name}/blobs/{digest_of(content)}")
        assert (answered.status, answered.code) == (404, "BLOB_UNKNOWN")
        assert ours.ask("HEAD", f"/v2/{name}/blobs/{digest_of(content)}").status == 404


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [("0-0", 0, 0), ("5-9", 5, 9), ("255990-", 255990, 255999), ("-7", 255993, 255999), ("9-999999999", 9, 255999)],
)
def test_range_of_a_blob_is_206(ours: OurRegistry, wanted: str, first: int, last: int) -> None:
    digest = ours.push_blob("shop", LAYER)
    answered = ours.ask("GET", f"/v2/shop/blobs/{digest}", Range=f"bytes={wanted}")
    assert (answered.status, answered.body) == (206, LAYER[first : last + 1])
    assert answered.headers["Content-Range"] == f"bytes {first}-{last}/{len(LAYER)}"


@pytest.mark.parametrize("wanted", ["bytes=256000-", "bytes=999999-1000000", "bytes=-0"])
def test_range_beyond_the_end_is_416(ours: OurRegistry, wanted: str) -> None:
    digest = ours.push_blob("shop", LAYER)
    answered = ours.ask("GET", f"/v2/shop/blobs/{digest}", Range=wanted)
    assert (answered.status, answered.headers["Content-Range"]) == (416, f"bytes */{len(LAYER)}")


@pytest.mark.parametrize("wanted", ["bytes=9-5", "bytes=0-1,5-6", "pages=1-2", "bytes=", "bytes=-", "bytes=a-b"])
def test_range_that_cannot_be_read_is_ignored(ours: OurRegistry, wanted: str) -> None:
    digest = ours.push_blob("shop", LAYER)
    answered = ours.ask("GET", f"/v2/shop/blobs/{digest}", Range=wanted)
    assert (answered.status, answered.body) == (200, LAYER)


def test_range_of_a_blob_that_changed_is_all_of_it(ours: OurRegistry) -> None:
    digest = ours.push_blob("shop", LAYER)
    answered = ours.ask("GET", f"/v2/shop/blobs/{digest}", Range="bytes=0-1", If_Range='"sha256:other"')
    assert (answered.status, len(answered.body)) == (200, len(LAYER))


@pytest.mark.parametrize("digest", ["sha256:12", "md5:" + "0" * 32, "sha256:" + "g" * 64, "sha256:" + "A" * 64, "nonsense"])
def test_digest_that_cannot_be_checked_is_refused(ours: OurRegistry, digest: str) -> None:
    answered = ours.ask("GET", f"/v2/shop/blobs/{digest}")
    assert (answered.status, answered.code) == (400, "DIGEST_INVALID")


def test_method_that_is_not_possible_is_405_and_says_which_are(ours: OurRegistry) -> None:
    answered = ours.ask("POST", "/v2/shop/manifests/1", b"x")
    assert (answered.status, answered.code, answered.headers["Allow"]) == (405, "UNSUPPORTED", "GET, HEAD, PUT, DELETE")
    assert ours.ask("GET", "/elsewhere").status == 404


def test_many_requests_on_one_connection(ours: OurRegistry) -> None:
    digest = ours.push_blob("shop", LAYER)
    connection = http.client.HTTPConnection(ours.host, ours.port, timeout=20)
    for number in range(20):
        connection.request("GET", f"/v2/shop/blobs/{digest}" if number % 2 else "/v2/shop/blobs/none")
        answer = connection.getresponse()
        status, body = answer.status, answer.read()
        assert (status, body == LAYER) == ((200, True) if number % 2 else (400, False))
    connection.close()
