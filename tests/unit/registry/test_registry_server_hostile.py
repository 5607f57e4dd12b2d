"""Hostile: names that lead out, digests that lie, chunks that overlap, heads without end, and clients that never finish."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import threading
import urllib.parse
from collections.abc import Iterator

import pytest

from dockerkit.daemon.registry.server import connection, uploads
from tests.unit.registry.ourregistry import OCI, OurRegistry, digest_of, manifest_of

OUT = [
    "..",
    "../..",
    "a/../../b",
    "/etc",
    "a//b",
    "a/",
    ".hidden",
    "_blobs",
    "a/_manifests/b",
    "A",
    "a\0b",
    "a\nb",
    "a b",
    "ü",
    "a" * 256,
    "a/" * 127 + "bb",
    "-a",
    "a_-b",
    "a...b",
    "%2e%2e",
]


@pytest.mark.parametrize("name", OUT)
def test_names_that_lead_out_are_refused_everywhere(ours: OurRegistry, name: str) -> None:
    quoted = urllib.parse.quote(name, safe="")
    refused = [
        ours.ask("POST", f"/v2/{quoted}/blobs/uploads/"),
        ours.ask("PUT", f"/v2/{quoted}/manifests/1", manifest_of(b"{}"), Content_Type=OCI),
        ours.ask("GET", f"/v2/{quoted}/tags/list"),
        ours.ask("GET", f"/v2/{quoted}/blobs/{digest_of(b'')}"),
        ours.ask("DELETE", f"/v2/{quoted}/manifests/1"),
        ours.ask("POST", f"/v2/fine/blobs/uploads/?mount={digest_of(b'')}&from={quoted}"),
    ]
    assert {(one.status, one.code) for one in refused} == {(400, "NAME_INVALID")}
    assert ours.files() == []


@pytest.mark.parametrize("reference", ["..%2f..%2fx", "%2e%2e", "sha256:..%2f..%2fx"])
def test_references_that_lead_out(ours: OurRegistry, reference: str) -> None:
    ours.push_image("shop", "1")
    for method in ("GET", "DELETE", "PUT"):
        assert ours.ask(method, f"/v2/shop/manifests/{reference}", b"{}" if method == "PUT" else None).status in (400, 404)
    for kind in ("blobs", "referrers", "blobs/uploads"):
        assert ours.ask("GET", f"/v2/shop/{kind}/{reference}").status in (400, 404)


def test_links_within_the_store_are_not_followed(ours: OurRegistry, tmp_path: pathlib.Path) -> None:
    ours.push_image("shop", "1")
    outside = tmp_path / "outside"
    outside.mkdir()
    (ours.directory / "repositories" / "evil").symlink_to(outside)
    answered = ours.ask("POST", f"/v2/evil/blobs/uploads/?digest={digest_of(b'x')}", b"x")
    assert answered.status == 500
    assert list(outside.iterdir()) == []
    (outside / "secret").write_text("secret")
    hidden = ours.directory / "blobs" / "sha256" / digest_of(b"{}")[7:]
    hidden.unlink()
    hidden.symlink_to(outside / "secret")
    assert ours.ask("GET", f"/v2/shop/blobs/{digest_of(b'{}')}").status == 500


def test_digest_that_lies_leaves_nothing(ours: OurRegistry) -> None:
    lie = digest_of(b"something else")
    place = ours.begin("shop")
    assert ours.ask("PUT", f"{place}?digest={lie}", b"content").code == "DIGEST_INVALID"
    assert ours.ask("GET", place).status == 404
    assert ours.ask("POST", f"/v2/shop/blobs/uploads/?digest={lie}", b"content").code == "DIGEST_INVALID"
    assert ours.files() == []


def test_refused_chunk_is_not_in_the_digest(ours: OurRegistry) -> None:
    """A running hash that has seen bytes which were taken back must not vouch for others in their place."""
    good, bad = b"g" * 1000, b"b" * 1000
    place = ours.begin("shop")
    assert ours.ask("PATCH", place, iter([bad]), Content_Range="0-1999").code == "SIZE_INVALID"
    assert ours.ask("PATCH", place, good, Content_Range="0-999").status == 202
    assert ours.ask("PUT", f"{place}?digest={digest_of(bad)}").code == "DIGEST_INVALID"
    place = ours.begin("shop")
    ours.ask("PATCH", place, iter([bad]), Content_Range="0-1999")
    ours.ask("PATCH", place, good, Content_Range="0-999")
    assert ours.ask("PUT", f"{place}?digest={digest_of(good)}").status == 201


def test_two_writers_of_one_upload_take_turns(ours: OurRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "TURN", 0.05)
    place = ours.begin("shop")
    with contextlib.closing(ours.raw()) as slow:
        head = f"PATCH {place} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        slow.sendall(head.encode())
        assert slow.recv(1000).startswith(b"HTTP/1.1 100 "), "its body is being read"
        assert ours.ask("PATCH", place, b"other").status == 409
        slow.sendall(b"mine")
        assert slow.recv(1000).startswith(b"HTTP/1.1 202 ")
    assert ours.ask("PUT", f"{place}?digest={digest_of(b'mine')}").status == 201


def test_body_that_breaks_off_stays_as_far_as_it_came(ours: OurRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    place = ours.begin("shop")
    with contextlib.closing(ours.raw()) as broken:
        broken.sendall(f"PATCH {place} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode() + b"half")
        broken.shutdown(socket.SHUT_WR)
        assert broken.recv(1000) == b"", "no answer: it was no request"
    assert ours.ask("GET", place).headers["Range"] == "0-3"
    assert ours.ask("PATCH", place, b" and half", Content_Range="4-12").status == 202
    assert ours.ask("PUT", f"{place}?digest={digest_of(b'half and half')}").status == 201


def test_monolithic_body_that_breaks_off_leaves_nothing(ours: OurRegistry) -> None:
    with contextlib.closing(ours.raw()) as broken:
        path = f"/v2/shop/blobs/uploads/?digest={digest_of(b'whole')}"
        broken.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nwh".encode())
        broken.shutdown(socket.SHUT_WR)
        assert broken.recv(1000) == b""
    assert ours.files() == []


def said(ours: OurRegistry, text: bytes) -> bytes:
    """Send bytes and return everything that comes back."""
    with contextlib.closing(ours.raw()) as raw:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before it was all sent
            raw.sendall(text)
        found = b""
        while piece := raw.recv(65536):
            found += piece
        return found


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000, b"431"),
        (b"GET /" + b"x" * 100_000, b"431"),
        (b"NONSENSE\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"400"),
        (b"GET /v2/ HTTP/1.1\r\n\r\n", b"400"),
        (b"POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        (b"POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", b"501"),
    ],
)
def test_heads_that_are_none_are_refused_and_the_connection_closed(ours: OurRegistry, head: bytes, status: bytes) -> None:
    assert said(ours, head).split(b" ")[1] == status
    assert ours.ask("GET", "/v2/").status == 200


def test_path_that_cannot_be_decoded(ours: OurRegistry) -> None:
    assert ours.ask("GET", "/v2/%ff%fe/tags/list").status == 400
    assert ours.ask("GET", "/v2/a/tags/list?" + "&".join(f"x{n}=1" for n in range(1000))).status == 400


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("IDLE", "HEAD_WITHIN", "SILENCE"):
        monkeypatch.setattr(connection, name, 0.2)
    yield


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"GET /v2/ HT",
        b"GET /v2/ HTTP/1.1\r\nHost: x\r\n",
        b"POST /v2/a/blobs/uploads/?digest=sha256:" + b"0" * 64 + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf",
    ],
)
@pytest.mark.usefixtures("impatient")
def test_clients_that_never_finish_are_given_up(ours: OurRegistry, text: bytes) -> None:
    assert said(ours, text) == b""
    assert ours.files() == []


def test_client_that_does_not_read_is_given_up(ours: OurRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = ours.push_blob("shop", os.urandom(32 << 20))
    monkeypatch.setattr(connection, "SILENCE", 0.2)
    with contextlib.closing(ours.raw()) as deaf:
        deaf.sendall(f"GET /v2/shop/blobs/{digest} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert deaf.recv(1, socket.MSG_PEEK), "the answer has begun"
        for thread in [thread for thread in threading.enumerate() if thread.name == "connection"]:
            thread.join(20)
            assert not thread.is_alive(), "it waits for a client that does not read"
    assert ours.ask("GET", "/v2/").status == 200


def test_idle_connections_make_room_for_new_ones(tmp_path: pathlib.Path) -> None:
    with OurRegistry(tmp_path, most=5) as ours, contextlib.ExitStack() as stack:
        idle = [stack.enter_context(contextlib.closing(ours.raw())) for _ in range(20)]
        assert ours.ask("GET", "/v2/").status == 200
        assert idle[0].recv(1) == b"", "the one that was idle longest has been let go"


def test_hundreds_of_connections_at_once(ours: OurRegistry) -> None:
    digest = ours.push_blob("shop", b"x" * 1000)
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(contextlib.closing(ours.raw())) for _ in range(300)]
        for raw in many:
            raw.sendall(f"GET /v2/shop/blobs/{digest} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        for raw in many:
            found = b""
            while piece := raw.recv(65536):
                found += piece
            assert found.endswith(b"x" * 1000)


def test_many_uploads_at_once_and_of_the_same_blob(ours: OurRegistry) -> None:
    contents = [bytes([number % 8]) * 300_000 for number in range(24)]
    failed: list[object] = []

    def push(content: bytes) -> None:
        try:
            place = ours.begin("shop")
            assert ours.ask("PATCH", place, iter([content[:100_000], content[100_000:]])).status == 202
            assert ours.ask("PUT", f"{place}?digest={digest_of(content)}").status == 201
        except BaseException as error:  # told below, on the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=push, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    for content in contents[:8]:
        assert ours.ask("GET", f"/v2/shop/blobs/{digest_of(content)}").body == content


def test_refusal_is_read_though_the_client_is_still_sending(ours: OurRegistry) -> None:
    body = b"x" * (20 << 20)
    answered = ours.ask("PUT", "/v2/shop/manifests/1", body, Content_Type=OCI)
    assert answered.status == 413


def test_manifest_with_a_million_layers(ours: OurRegistry) -> None:
    ours.push_blob("shop", b"{}")
    layers = [{"mediaType": "a", "digest": digest_of(b"x"), "size": 1}] * 30_000
    content = json.dumps({**json.loads(manifest_of(b"{}")), "layers": layers}).encode()[: 4 << 20]
    answered = ours.ask("PUT", "/v2/shop/manifests/1", content, Content_Type=OCI)
    assert answered.status == 400
    assert len(answered.body) < 100_000


def test_upload_cancelled_under_its_writer_becomes_nothing(ours: OurRegistry) -> None:
    """Whoever still writes must not write into a blob that was checked before."""
    place = ours.begin("shop")
    with contextlib.closing(ours.raw()) as slow:
        head = f"PATCH {place} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        slow.sendall(head.encode())
        assert slow.recv(1000).startswith(b"HTTP/1.1 100 ")
        assert ours.ask("DELETE", place).status == 204
        assert ours.ask("PUT", f"{place}?digest={digest_of(b'')}").code == "BLOB_UPLOAD_UNKNOWN"
        slow.sendall(b"late")
        slow.recv(1000)
    assert ours.files() == []


@pytest.mark.parametrize("verb", ["DELETE", "PUT"])
def test_upload_asked_for_under_another_name_keeps_its_turn(
    verb: str, ours: OurRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its turn is its own: no other repository can have it forgotten, finish the upload, and let the first writer write on."""
    monkeypatch.setattr(uploads, "TURN", 0.05)
    place = ours.begin("shop")
    with contextlib.closing(ours.raw()) as slow:
        head = f"PATCH {place} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        slow.sendall(head.encode())
        assert slow.recv(1000).startswith(b"HTTP/1.1 100 ")
        other = place.replace("/shop/", "/other/")
        assert ours.ask(verb, f"{other}?digest={digest_of(b'')}").code == "BLOB_UPLOAD_UNKNOWN"
        assert ours.ask("PUT", f"{place}?digest={digest_of(b'')}").status == 409
        slow.sendall(b"mine")
        assert slow.recv(1000).startswith(b"HTTP/1.1 202 ")
    assert ours.ask("PUT", f"{place}?digest={digest_of(b'mine')}").status == 201
    assert ours.ask("GET", f"/v2/shop/blobs/{digest_of(b'mine')}").body == b"mine"
