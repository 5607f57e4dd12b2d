"""Pushes: nothing twice, nothing in the wrong order, and what went wrong on the way up."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest

from dockerkit.daemon.images.store import Store
from dockerkit.daemon.registry.client import RegistryClient
from dockerkit.daemon.registry.contract import Unauthorized
from dockerkit.errors import Cancelled, Damaged, NotFound, Unavailable
from dockerkit.schema.image import CONFIG, INDEX, LAYER, MANIFEST, Descriptor, Index, Manifest
from dockerkit.schema.names import parse_reference
from dockerkit.schema.wire import encode
from tests.unit.registry.badregistry import Asked, BadRegistry, digest_of


class Shelf:
    """The receiving side of a registry, kept in memory, over a registry that does as it is told."""

    def __init__(self, registry: BadRegistry) -> None:
        self.registry = registry
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.uploads: dict[str, bytearray] = {}
        self.largest = 1 << 40
        self.break_chunks = 0
        self._inner = registry._act
        registry._act = self.act  # type: ignore[method-assign]

    def act(self, asked: Asked) -> None:
        parts = asked.path.split("/")
        if parts[-2:-1] == ["uploads"] or parts[-1] == "uploads":
            return self.upload(asked)
        if asked.method == "HEAD" and parts[-2] == "blobs":
            return asked.answer(200 if ("/".join(parts[2:-2]), parts[-1]) in self.blobs else 404)
        if asked.method == "PUT" and parts[-2] == "manifests":
            self.manifests[parts[-1]] = asked.body
            return asked.answer(201, Docker_Content_Digest=digest_of(asked.body))
        return self._inner(asked)

    def upload(self, asked: Asked) -> None:
        repository = asked.path.removeprefix("/v2/").partition("/blobs/")[0]
        query = dict(urllib.parse.parse_qsl(asked.query))
        if asked.method == "POST":
            if (query.get("from"), query.get("mount")) in self.blobs:
                self.blobs[repository, query["mount"]] = self.blobs[query["from"], query["mount"]]
                return asked.answer(201)
            id = str(len(self.uploads))
            self.uploads[id] = bytearray()
            return asked.answer(202, Location=f"/v2/{repository}/blobs/uploads/{id}?state=x")
        return self.continue_upload(asked, repository, query)

    def continue_upload(self, asked: Asked, repository: str, query: dict[str, str]) -> None:
        content = self.uploads[asked.path.rpartition("/")[2]]
        if len(asked.body) > self.largest:
            return asked.answer(413)
        if asked.method == "DELETE":
            return asked.answer(204)
        here = {"Location": f"{asked.path}?state=y"}
        if asked.method == "PATCH":
            assert asked.headers["content-range"].startswith(f"{len(content)}-"), "bytes sent twice, or left out"
            if self.break_chunks:
                self.break_chunks -= 1
                content += asked.body[: len(asked.body) // 2]
                return asked.close()
            content += asked.body
        if asked.method in ("PATCH", "GET"):
            return asked.answer(202 if asked.method == "PATCH" else 204, Range=f"0-{max(len(content) - 1, 0)}", **here)
        content += asked.body
        if digest_of(bytes(content)) != query["digest"]:
            return asked.error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self.blobs[repository, query["digest"]] = bytes(content)
        return asked.answer(201)


def make_image(store: Store, *layers: bytes) -> Descriptor:
    config = store.write(encode({"rootfs": {"diff_ids": [digest_of(b"plain" + one) for one in layers]}}), CONFIG)
    return store.write(encode(Manifest(config=config, layers=[store.write(one, LAYER) for one in layers])), MANIFEST)


@pytest.fixture
def shelf(bad: BadRegistry) -> Shelf:
    return Shelf(bad)


def push(client: RegistryClient, store: Store, name: str, image: Descriptor, **more: Any) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    client.push(parse_reference(name), image, blobs=store, progress=messages.append, **more)
    return messages


def test_messages_are_dockerds(shelf: Shelf, hurried: RegistryClient, store: Store) -> None:
    layers = [bytes([number]) * 1000 for number in range(7)]
    image = make_image(store, *layers)
    messages = push(hurried, store, f"{shelf.registry.name}/shop:1", image)
    names = [digest_of(b"plain" + one)[7:19] for one in reversed(layers)]
    assert messages[0] == {"status": f"The push refers to repository [{shelf.registry.name}/shop]"}
    assert messages[1:8] == [{"status": "Preparing", "progressDetail": {}, "id": name} for name in names]
    assert [m["id"] for m in messages if m.get("status") == "Waiting"] == names[5:]
    assert sorted(m["id"] for m in messages if m.get("status") == "Pushed") == sorted(names)
    assert messages[-2] == {"status": f"1: digest: {image.digest} size: {image.size}"}
    assert messages[-1] == {"progressDetail": {}, "aux": {"Tag": "1", "Digest": image.digest, "Size": image.size}}
    assert shelf.registry.seen[-1] == "PUT /v2/shop/manifests/1", "the name comes last"


def test_second_push_sends_no_blob(shelf: Shelf, hurried: RegistryClient, store: Store) -> None:
    image = make_image(store, b"one")
    push(hurried, store, f"{shelf.registry.name}/shop:1", image)
    shelf.registry.seen.clear()
    messages = push(hurried, store, f"{shelf.registry.name}/shop:2", image)
    assert not [seen for seen in shelf.registry.seen if seen.startswith("POST")]
    assert "Layer already exists" in [m.get("status") for m in messages]


def test_neighbours_blob_is_mounted(
    shelf: Shelf, hurried: RegistryClient, make_client: Callable[..., RegistryClient], store: Store
) -> None:
    image = make_image(store, b"one")
    push(hurried, store, f"{shelf.registry.name}/shop:1", image)
    messages = push(hurried, store, f"{shelf.registry.name}/store:1", image)
    assert "Mounted from shop" in [m.get("status") for m in messages]
    told = push(make_client(), store, f"{shelf.registry.name}/third:1", image, sources=lambda _digest: ["nowhere", "shop"])
    assert "Mounted from shop" in [m.get("status") for m in told]
    assert not [asked for asked in shelf.registry.requests if asked.method == "PUT" and "/third/blobs/" in asked.path]


def test_neighbour_that_lost_it_costs_nothing_but_a_question(shelf: Shelf, hurried: RegistryClient, store: Store) -> None:
    messages = push(
        hurried, store, f"{shelf.registry.name}/shop:1", make_image(store, b"one"), sources=lambda _digest: ["gone"]
    )
    assert "Pushed" in [m.get("status") for m in messages]


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 5000])
def test_chunks_put_together_are_the_blob(
    shelf: Shelf, make_client: Callable[..., RegistryClient], store: Store, size: int
) -> None:
    layer = bytes(number % 251 for number in range(size))
    push(make_client(upload_chunk=1000), store, f"{shelf.registry.name}/shop:1", make_image(store, layer))
    assert shelf.blobs["shop", digest_of(layer)] == layer


def test_broken_chunk_goes_on_where_the_registry_stopped(
    shelf: Shelf, make_client: Callable[..., RegistryClient], store: Store
) -> None:
    layer = bytes(number % 251 for number in range(5000))
    shelf.break_chunks = 2
    push(make_client(upload_chunk=1000), store, f"{shelf.registry.name}/shop:1", make_image(store, layer))
    assert shelf.blobs["shop", digest_of(layer)] == layer


@pytest.mark.parametrize("says", ["0-0", "0-99999999", "nonsense", "0-10"])
def test_registry_that_loses_count_is_given_up(
    shelf: Shelf, make_client: Callable[..., RegistryClient], store: Store, says: str
) -> None:
    inner = shelf.continue_upload

    def lie(asked: Asked, repository: str, query: dict[str, str]) -> None:
        if asked.method == "PATCH":
            return asked.answer(202, Location=asked.path, Range=says)
        return inner(asked, repository, query)

    shelf.continue_upload = lie  # type: ignore[method-assign]
    with pytest.raises(Damaged, match="upload"):
        push(make_client(upload_chunk=1000), store, f"{shelf.registry.name}/shop:1", make_image(store, bytes(5000)))
    assert not shelf.manifests


def test_registry_that_takes_no_large_piece_gets_chunks(shelf: Shelf, hurried: RegistryClient, store: Store) -> None:
    layer = bytes(range(256)) * (40 << 10)
    shelf.largest = 9 << 20
    push(hurried, store, f"{shelf.registry.name}/shop:1", make_image(store, layer))
    assert shelf.blobs["shop", digest_of(layer)] == layer


def test_blob_that_is_damaged_here_is_not_sent(shelf: Shelf, hurried: RegistryClient, store: Store) -> None:
    image = make_image(store, b"one" * 1000)
    with open(f"{store.directory}/blobs/{digest_of(b'one' * 1000).replace(':', '/')}", "r+b") as file:
        file.write(b"rotten")
    with pytest.raises(Damaged, match="is damaged here"):
        push(hurried, store, f"{shelf.registry.name}/shop:1", image)
    assert not shelf.manifests


def test_index_goes_up_with_all_it_lists_or_not_at_all(shelf: Shelf, hurried: RegistryClient, store: Store) -> None:
    inner = [make_image(store, b"one"), make_image(store, b"two")]
    top = store.write(encode(Index(manifests=inner)), INDEX)
    push(hurried, store, f"{shelf.registry.name}/shop:all", top)
    assert list(shelf.manifests) == [inner[0].digest, inner[1].digest, "all"]
    absent = Descriptor(media_type=MANIFEST, digest=digest_of(b"absent"), size=6)
    with pytest.raises(NotFound, match="1 manifest"):
        push(hurried, store, f"{shelf.registry.name}/shop:more", store.write(encode(Index(manifests=[*inner, absent])), INDEX))
    assert "more" not in shelf.manifests


def test_denied_push_in_dockerds_words(shelf: Shelf, hurried: RegistryClient, store: Store) -> None:
    challenge = 'Bearer realm="http://x/",service="s",error="insufficient_scope"'
    shelf.upload = lambda asked: asked.error(
        403, "DENIED", "requested access to the resource is denied", WWW_Authenticate=challenge
    )  # type: ignore[method-assign]
    with pytest.raises(Unauthorized) as caught:
        push(hurried, store, f"{shelf.registry.name}/shop:1", make_image(store, b"one"))
    assert caught.value.message == "denied: requested access to the resource is denied"
    assert f"{shelf.registry.name}/shop:1" in caught.value.hint


def test_early_no_is_heard_although_the_upload_was_cut(shelf: Shelf, hurried: RegistryClient, store: Store) -> None:
    layer = bytes(range(256)) * (64 << 10)

    def refuse(registry: BadRegistry) -> None:
        inner = registry._read

        def read(connection: Any, reader: Any) -> Asked | None:
            line = reader.peek(3)[:3]
            if line != b"PUT":
                return inner(connection, reader)
            connection.sendall(b"HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return None

        registry._read = read  # type: ignore[method-assign]

    refuse(shelf.registry)
    with pytest.raises(Unavailable, match=r"507|broken pipe|connection reset|unexpected EOF"):
        push(hurried, store, f"{shelf.registry.name}/shop:1", make_image(store, layer))


def test_registry_that_stops_reading_is_noticed(
    bad: BadRegistry, make_client: Callable[..., RegistryClient], store: Store
) -> None:
    bad.routes["POST /v2/shop/blobs/uploads/"] = lambda asked: asked.answer(202, Location="/v2/shop/blobs/uploads/1")
    inner = bad._read

    def read(connection: Any, reader: Any) -> Asked | None:
        if reader.peek(3)[:3] == b"PUT":
            bad.over.wait(30)
        return inner(connection, reader)

    bad._read = read  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        push(make_client(attempts=1), store, f"{bad.name}/shop:1", make_image(store, bytes(64 << 20)))


def test_listener_that_raises_ends_the_push(shelf: Shelf, hurried: RegistryClient, store: Store) -> None:
    def tired(message: dict[str, Any]) -> None:
        if message.get("status") == "Pushing":
            raise Cancelled("nobody listens")

    reference = parse_reference(f"{shelf.registry.name}/shop:1")
    with pytest.raises(Cancelled, match="nobody listens"):
        hurried.push(reference, make_image(store, bytes(1 << 20)), blobs=store, progress=tired)
    assert not shelf.manifests
