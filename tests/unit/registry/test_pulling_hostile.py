"""Pulls from registries that hang, lie, break off and lead astray: one clear error each, and nothing but whole blobs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import pytest

from dockerkit.daemon.registry.client import RegistryClient
from dockerkit.daemon.registry.contract import Unreachable
from dockerkit.errors import Cancelled, Damaged, NotFound, Unavailable, Unsupported
from dockerkit.schema.image import CONFIG, INDEX, LAYER, MANIFEST, Descriptor, Index, Manifest
from dockerkit.schema.wire import encode
from tests.unit.registry.badregistry import Asked, BadRegistry, digest_of, serve_range
from tests.unit.registry.caller import Caller

BIG = bytes(range(256)) * (12 << 10)
"""Three megabytes."""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


def broken_after(count: int, content: bytes = BIG) -> Callable[[Asked], None]:
    """Answer as a good registry would, and close after so many bytes of the body."""

    def act(asked: Asked) -> None:
        start = int(asked.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        head = HEAD % (len(content) - start)
        if start:
            head = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %d-%d/%d\r\nContent-Length: %d\r\n\r\n" % (
                *(start, len(content) - 1, len(content)),
                len(content) - start,
            )
        asked.raw(head + content[start : start + count])
        asked.close()

    return act


def blob_route(content: bytes) -> str:
    return f"GET /v2/shop/blobs/{digest_of(content)}"


def test_blob_that_breaks_off_goes_on_where_it_stopped(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", BIG)
    bad.routes[blob_route(BIG)] = [broken_after(1_000_000), broken_after(500_000), lambda asked: serve_range(asked, BIG)]
    caller.pull(f"{bad.name}/shop:1")
    assert caller.store.has(digest_of(BIG))
    ranges = [asked.headers.get("range") for asked in bad.requests if asked.path.endswith(digest_of(BIG))]
    assert ranges == [None, f"bytes=1000000-{len(BIG) - 1}", f"bytes=1500000-{len(BIG) - 1}"]


def test_server_that_ignores_the_range_still_gives_a_whole_blob(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", BIG)
    bad.routes[blob_route(BIG)] = [broken_after(1_000_000), lambda asked: asked.answer(200, BIG)]
    caller.pull(f"{bad.name}/shop:1")
    assert caller.store.has(digest_of(BIG))


def test_server_that_answers_another_range_is_not_believed(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", BIG)
    later = lambda asked: asked.answer(206, BIG[2_000_000:], Content_Range=f"bytes 2000000-{len(BIG) - 1}/{len(BIG)}")  # noqa: E731
    bad.routes[blob_route(BIG)] = [broken_after(500_000), later]
    with pytest.raises(Unavailable, match="asked for bytes from 500000 on"):
        caller.pull(f"{bad.name}/shop:1")
    assert not caller.leftovers()


def test_breaking_off_for_ever_ends(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", BIG)
    bad.routes[blob_route(BIG)] = broken_after(10)
    with pytest.raises(Unavailable, match=r"unexpected EOF") as caught:
        caller.pull(f"{bad.name}/shop:1")
    assert f"{bad.name}/shop:1" in caught.value.hint
    assert not caller.leftovers()
    assert not caller.store.has(digest_of(BIG))


def test_hanging_in_the_middle_of_a_blob_is_noticed(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", BIG)
    bad.routes[blob_route(BIG)] = lambda asked: (asked.raw(HEAD % len(BIG) + BIG[:1000]), asked.hang())  # type: ignore[assignment]
    with pytest.raises(Unavailable, match="no byte in time"):
        caller.pull(f"{bad.name}/shop:1")
    assert not caller.leftovers()


@pytest.mark.parametrize("route", ["GET /v2/", "HEAD /v2/shop/manifests/1"])
def test_hanging_before_the_answer_is_noticed(bad: BadRegistry, make_client: Callable[..., RegistryClient], route: str) -> None:
    bad.image("shop", b"x")
    bad.routes[route] = lambda asked: asked.hang()
    caller = Caller(make_client(attempts=1), None)  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match="no byte in time") as caught:
        caller.pull(f"{bad.name}/shop:1")
    assert not isinstance(caught.value, Unreachable), "somebody was there: nothing may be made up instead"


def test_head_that_trickles_for_ever_is_given_up(bad: BadRegistry, make_client: Callable[..., RegistryClient]) -> None:
    def trickle(asked: Asked) -> None:
        while not asked.registry.over.wait(0.05):
            asked.raw(b"H")

    bad.routes["HEAD /v2/shop/manifests/1"] = trickle
    caller = Caller(make_client(attempts=1, document_within=0.5), None)  # type: ignore[arg-type]
    with pytest.raises((Unavailable, Damaged)):
        caller.pull(f"{bad.name}/shop:1")


def test_wrong_digest_is_damaged_and_dropped(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", BIG)
    bad.routes[blob_route(BIG)] = lambda asked: asked.answer(200, BIG[::-1])
    with pytest.raises(Damaged, match=f"filesystem layer verification failed for digest {digest_of(BIG)}"):
        caller.pull(f"{bad.name}/shop:1")
    assert not caller.leftovers()
    assert not caller.store.has(digest_of(BIG[::-1]))


def test_longer_blob_than_its_manifest_says_is_refused_at_once(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", BIG)
    bad.routes[blob_route(BIG)] = lambda asked: asked.raw(HEAD % (4 << 30))
    with pytest.raises(Damaged, match=f"has {4 << 30} bytes there"):
        caller.pull(f"{bad.name}/shop:1")


def test_longer_blob_of_unknown_length_is_refused_when_it_is_too_long(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", b"short")

    def endless(asked: Asked) -> None:
        asked.raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + BIG)
        asked.close()

    bad.routes[blob_route(b"short")] = endless
    with pytest.raises(Damaged, match="more than its 5 bytes"):
        caller.pull(f"{bad.name}/shop:1")


def test_error_page_of_four_gigabytes_is_not_read(bad: BadRegistry, caller: Caller) -> None:
    sent: list[int] = []

    def page(asked: Asked) -> None:
        asked.raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 4294967296\r\n\r\n")
        for _ in range(4096):
            asked.raw(b"<html>" * 1024)
            sent.append(6 * 1024)
        asked.close()

    bad.routes["GET /v2/shop/manifests/1"] = bad.routes["HEAD /v2/shop/manifests/1"] = page
    began = time.monotonic()
    with pytest.raises(Exception, match="HTTP 400") as caught:
        caller.pull(f"{bad.name}/shop:1")
    assert len(str(caught.value)) < 1000
    assert sum(sent) < 16 << 20
    assert time.monotonic() - began < 20


def test_manifest_of_five_megabytes_is_refused(bad: BadRegistry, caller: Caller) -> None:
    bad.manifest("shop", b" " * (5 << 20) + b"{}", MANIFEST, "1")
    with pytest.raises(Damaged, match="more than 4194304"):
        caller.pull(f"{bad.name}/shop:1")


def test_manifest_other_than_its_digest_is_damaged(bad: BadRegistry, caller: Caller) -> None:
    found = bad.image("shop", b"x")
    other = encode(Manifest(config=Descriptor(media_type=CONFIG, digest=digest_of(b""), size=0), layers=[]))
    bad.routes[f"GET /v2/shop/manifests/{found.digest}"] = lambda asked: asked.answer(200, other, Content_Type=MANIFEST)
    with pytest.raises(Damaged, match="arrived as"):
        caller.pull(f"{bad.name}/shop@{found.digest}")
    with pytest.raises(Damaged, match="arrived as"):
        bad.routes["GET /v2/shop/manifests/1"] = lambda asked: asked.answer(
            200, other, Content_Type=MANIFEST, Docker_Content_Digest=found.digest
        )
        caller.pull(f"{bad.name}/shop:1")


@pytest.mark.parametrize(
    ("document", "media_type", "error", "words"),
    [
        ({"schemaVersion": 1, "fsLayers": []}, "application/vnd.docker.distribution.manifest.v1+json", Unsupported, "schema 1"),
        ({"schemaVersion": 2, "manifests": [], "layers": []}, MANIFEST, Damaged, "an index and an image at once"),
        ({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}, MANIFEST, Damaged, "calls itself"),
        ({"schemaVersion": 2, "layers": []}, INDEX, Damaged, "holds something else"),
        ([1, 2], MANIFEST, Damaged, "cannot be read"),
        ({"schemaVersion": 2, "layers": "many"}, MANIFEST, Damaged, "cannot be read"),
        (
            {"schemaVersion": 2, "mediaType": "application/x-tar"},
            "application/x-tar",
            Unsupported,
            "unsupported manifest media",
        ),
    ],
)
def test_documents_that_are_not_what_they_seem(
    bad: BadRegistry, caller: Caller, document: object, media_type: str, error: type[Exception], words: str
) -> None:
    bad.manifest("shop", json.dumps(document).encode(), media_type, "1")
    with pytest.raises(error, match=words):
        caller.pull(f"{bad.name}/shop:1")


@pytest.mark.parametrize(
    ("media_type", "digest", "size", "error", "words"),
    [
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", digest_of(b""), 0, Unsupported, "foreign"),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", digest_of(b""), 0, Unsupported, "foreign"),
        (LAYER, "sha256:../../../../etc/passwd", 1, Damaged, "malformed"),
        (LAYER, "md5:" + "0" * 32, 1, Damaged, "malformed"),
        (LAYER, digest_of(b""), -1, Damaged, "fewer than none"),
    ],
)
def test_layers_that_are_not_fetched(
    bad: BadRegistry, caller: Caller, media_type: str, digest: str, size: int, error: type[Exception], words: str
) -> None:
    config = b'{"architecture":"amd64","os":"linux"}'
    bad.blob("shop", config)
    top = Descriptor(media_type=CONFIG, digest=digest_of(config), size=len(config))
    layer = Descriptor(media_type=media_type, digest=digest, size=size)
    bad.manifest("shop", encode(Manifest(config=top, layers=[layer])), MANIFEST, "1")
    with pytest.raises(error, match=words):
        caller.pull(f"{bad.name}/shop:1")
    assert not [path for path in bad.seen if "/blobs/" in path]


def test_index_that_leads_to_itself_ends(bad: BadRegistry, caller: Caller) -> None:
    inner = bad.index("shop", tag="inner")
    inner.platform = bad.image("shop", b"").platform
    bad.manifest("shop", encode(Index(manifests=[inner])), INDEX, "1")
    with pytest.raises(Damaged, match=r"leads to another index|holds something else"):
        caller.pull(f"{bad.name}/shop:1", platform="linux/amd64")


def test_redirects_go_round_in_circles_only_so_often(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", BIG)
    path = f"/v2/shop/blobs/{digest_of(BIG)}"
    bad.routes[f"GET {path}"] = lambda asked: asked.answer(307, Location=path)
    with pytest.raises(Damaged, match="stopped after 10 redirects"):
        caller.pull(f"{bad.name}/shop:1")


def test_redirect_to_a_file_is_refused(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", BIG)
    bad.routes[blob_route(BIG)] = lambda asked: asked.answer(307, Location="file:///etc/shadow")
    with pytest.raises(Damaged, match="redirected to"):
        caller.pull(f"{bad.name}/shop:1")


def test_cancelling_wakes_a_pull_that_waits(
    bad: BadRegistry, make_client: Callable[..., RegistryClient], caller: Caller
) -> None:
    waiting = threading.Event()
    bad.image("shop", BIG)
    bad.routes[blob_route(BIG)] = lambda asked: (asked.raw(HEAD % len(BIG) + BIG[:1000]), waiting.set(), asked.hang())  # type: ignore[assignment]
    caller.client = make_client(silence=30.0, document_within=30.0)
    cancelled = threading.Event()
    threading.Thread(target=lambda: (waiting.wait(10), cancelled.set()), daemon=True).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        caller.pull(f"{bad.name}/shop:1", cancelled=cancelled)
    assert time.monotonic() - began < 10
    assert not caller.leftovers()


def test_cancelling_wakes_a_greeting_that_waits(
    bad: BadRegistry, make_client: Callable[..., RegistryClient], caller: Caller
) -> None:
    cancelled = threading.Event()
    bad.routes["GET /v2/"] = lambda asked: (cancelled.set(), asked.hang())  # type: ignore[assignment]
    caller.client = make_client(silence=30.0, document_within=30.0)
    with pytest.raises(Cancelled):
        caller.pull(f"{bad.name}/shop:1", cancelled=cancelled)


def test_closing_the_client_ends_a_pull_that_waits(
    bad: BadRegistry, make_client: Callable[..., RegistryClient], caller: Caller
) -> None:
    bad.image("shop", BIG)
    client = caller.client = make_client(silence=30.0, document_within=30.0)

    def stuck(asked: Asked) -> None:
        asked.raw(HEAD % len(BIG) + BIG[:1000])
        client.close()
        asked.hang()

    bad.routes[blob_route(BIG)] = stuck
    with pytest.raises(Cancelled):
        caller.pull(f"{bad.name}/shop:1")


def test_listener_that_raises_ends_the_pull(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", BIG, BIG[::-1])

    def tired(message: dict[str, object]) -> None:
        if message["status"] == "Downloading":
            raise Cancelled("nobody listens")

    with pytest.raises(Cancelled, match="nobody listens"):
        caller.pull(f"{bad.name}/shop:1", progress=tired)
    assert not caller.leftovers()


def test_unpacking_that_fails_ends_the_pull(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", BIG)

    def refuse(_layer: object, _position: int) -> None:
        raise NotFound("no room to unpack")

    with pytest.raises(NotFound, match="no room"):
        caller.pull(f"{bad.name}/shop:1", arrived=refuse)
