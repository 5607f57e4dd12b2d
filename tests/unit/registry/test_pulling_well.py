"""Pulls that go well: what is said, in which order, what is skipped, and which platform is chosen."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from dockerkit.daemon.images.store import Store
from dockerkit.daemon.registry.client import RegistryClient
from dockerkit.daemon.registry.contract import Unreachable
from dockerkit.daemon.registry.saying import pull_ended
from dockerkit.errors import Invalid, NotFound
from dockerkit.schema.image import Platform
from dockerkit.schema.names import parse_reference
from tests.unit.registry.badregistry import Asked, BadRegistry, digest_of
from tests.unit.registry.caller import Caller


def name_of(layer: bytes) -> str:
    return digest_of(layer)[7:19]


def test_messages_are_dockerds(bad: BadRegistry, caller: Caller) -> None:
    layers = [bytes([number]) * 1000 for number in range(5)]
    bad.image("team/shop", *layers)
    pulled = caller.pull(f"{bad.name}/team/shop:1")
    said = caller.said()
    assert said[0] == ("Pulling from team/shop", "1")
    assert said[1:6] == [("Pulling fs layer", name_of(layer)) for layer in layers]
    assert said[6:8] == [("Waiting", name_of(layer)) for layer in layers[3:]]
    for layer in layers:
        mine = [text for text, id in caller.said(figures=True) if id == name_of(layer) and text != "Waiting"]
        assert mine == ["Pulling fs layer", "Downloading", "Verifying Checksum", "Download complete"]
    assert sorted(caller.arrived, key=lambda one: one[1]) == [(digest_of(layer), at) for at, layer in enumerate(layers)]
    assert caller.store.has(pulled.manifest.digest)
    assert pulled.index is None
    figures = [m for m in caller.messages if m.get("progress")]
    assert set(figures[0]) == {"status", "progressDetail", "progress", "id"}


def test_image_that_is_here_costs_one_question_and_says_nothing_of_layers(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", b"one", b"two")
    caller.pull(f"{bad.name}/shop:1")
    bad.seen.clear()
    caller.messages.clear()
    caller.arrived.clear()
    caller.pull(f"{bad.name}/shop:1")
    assert [seen for seen in bad.seen if seen != "GET /v2/"] == ["HEAD /v2/shop/manifests/1"]
    assert caller.said() == [("Pulling from shop", "1")]
    assert [position for _, position in caller.arrived] == [0, 1], "the caller may have lost an unpacked layer"


def test_layers_that_are_here_are_skipped(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", b"one", b"two")
    bad.image("shop", b"one", b"three", tag="2")
    caller.pull(f"{bad.name}/shop:1")
    caller.messages.clear()
    caller.pull(f"{bad.name}/shop:2")
    assert ("Already exists", name_of(b"one")) in caller.said()
    assert len([seen for seen in bad.seen if digest_of(b"one") in seen]) == 1


def test_same_layer_twice_is_fetched_once_and_arrives_twice(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", b"same", b"other", b"same")
    caller.pull(f"{bad.name}/shop:1")
    assert len([seen for seen in bad.seen if digest_of(b"same") in seen]) == 1
    assert sorted(position for digest, position in caller.arrived if digest == digest_of(b"same")) == [0, 2]


def test_empty_blob_is_a_blob(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", b"")
    caller.pull(f"{bad.name}/shop:1")
    assert caller.store.has(digest_of(b""))


def test_two_pulls_at_once_fetch_a_layer_once(bad: BadRegistry, caller: Caller) -> None:
    entered = threading.Barrier(2, timeout=10)
    layer = b"shared" * 1000
    bad.image("shop", layer)

    def slow(asked: object) -> None:
        asked.answer(200, layer)  # type: ignore[attr-defined]

    bad.routes[f"GET /v2/shop/blobs/{digest_of(layer)}"] = slow

    def pull() -> None:
        entered.wait()
        caller.pull(f"{bad.name}/shop:1")

    others = [threading.Thread(target=pull) for _ in range(2)]
    [one.start() for one in others]
    [one.join(20) for one in others]
    assert len([seen for seen in bad.seen if digest_of(layer) in seen]) == 1


@pytest.mark.parametrize(
    ("wanted", "architecture"),
    [("linux/amd64", "amd64"), ("linux/arm64", "arm64"), ("arm64", "arm64"), ("linux/aarch64", "arm64")],
)
def test_index_gives_the_platform_asked_for(bad: BadRegistry, caller: Caller, wanted: str, architecture: str) -> None:
    found = {one: bad.image("shop", one.encode(), tag="", architecture=one) for one in ("amd64", "arm64")}
    top = bad.index("shop", *found.values())
    pulled = caller.pull(f"{bad.name}/shop:1", platform=wanted)
    assert pulled.manifest.digest == found[architecture].digest
    assert pulled.index is not None
    assert pulled.digest == pulled.index.digest == top.digest
    assert caller.store.has(top.digest)


def test_platform_that_is_not_there_is_said_in_dockerds_words(bad: BadRegistry, caller: Caller) -> None:
    bad.index("shop", bad.image("shop", b"x", tag=""))
    with pytest.raises(NotFound, match="no matching manifest for linux/arm64/v8 in the manifest list entries") as caught:
        caller.pull(f"{bad.name}/shop:1", platform="linux/arm64/v8")
    assert "linux/amd64" in caught.value.hint
    with pytest.raises(Invalid, match='"a/b/c/d": cannot parse platform specifier'):
        caller.pull(f"{bad.name}/shop:1", platform="a/b/c/d")


def test_unknown_tag_and_repository_in_dockerds_words(bad: BadRegistry, caller: Caller) -> None:
    with pytest.raises(NotFound) as caught:
        caller.pull(f"{bad.name}/shop:nosuch")
    assert caught.value.message == f"manifest for {bad.name}/shop:nosuch not found: manifest unknown: manifest unknown"
    bad.routes["GET /v2/shop/manifests/1"] = lambda asked: asked.error(
        404, "NAME_UNKNOWN", "repository name not known to registry"
    )
    with pytest.raises(NotFound) as caught:
        caller.pull(f"{bad.name}/shop:1")
    assert caught.value.message == f"repository {bad.name}/shop not found: name unknown: repository name not known to registry"
    assert caller.messages == []


def test_nobody_there_is_unreachable_and_nothing_else(caller: Caller, bad: BadRegistry) -> None:
    bad.close()
    with pytest.raises(Unreachable) as caught:
        caller.pull(f"{bad.name}/shop:1")
    assert caught.value.message == f'Get "http://{bad.name}/v2/": dial tcp {bad.name}: connect: connection refused'


def test_name_nobody_knows_is_unreachable(caller: Caller) -> None:
    with pytest.raises(Unreachable, match=r'Get "https://nosuch\.invalid/v2/": dial tcp: lookup nosuch\.invalid: '):
        caller.pull("nosuch.invalid/shop:1")


def test_registry_in_trouble_is_asked_again_when_it_says(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", b"x")
    good = bad.routes["HEAD /v2/shop/manifests/1"]
    bad.routes["HEAD /v2/shop/manifests/1"] = [
        lambda asked: asked.error(429, "TOOMANYREQUESTS", "slow down", Retry_After="0"),
        lambda asked: asked.answer(503, b"<html>busy</html>"),
        good,  # type: ignore[list-item]
    ]
    caller.pull(f"{bad.name}/shop:1")


def test_retry_after_an_hour_is_not_waited_for(bad: BadRegistry, caller: Caller) -> None:
    words = "You have reached your pull rate limit."
    bad.routes["HEAD /v2/shop/manifests/1"] = lambda asked: asked.error(429, "TOOMANYREQUESTS", words, Retry_After="3600")
    bad.routes["GET /v2/shop/manifests/1"] = bad.routes["HEAD /v2/shop/manifests/1"]
    with pytest.raises(ConnectionError, match=f"^toomanyrequests: {words}"):
        caller.pull(f"{bad.name}/shop:1")
    assert bad.seen.count("HEAD /v2/shop/manifests/1") == 1


def test_trouble_that_lasts_is_an_error(bad: BadRegistry, caller: Caller) -> None:
    bad.routes["HEAD /v2/shop/manifests/1"] = lambda asked: asked.answer(503)
    with pytest.raises(ConnectionError, match="received unexpected HTTP status: 503 Service Unavailable"):
        caller.pull(f"{bad.name}/shop:1")
    assert bad.seen.count("HEAD /v2/shop/manifests/1") == 3


def test_damaged_document_in_the_store_is_fetched_again(bad: BadRegistry, caller: Caller) -> None:
    found = bad.image("shop", b"x")
    caller.pull(f"{bad.name}/shop:1")
    with open(f"{caller.store.directory}/blobs/{found.digest.replace(':', '/')}", "wb") as file:
        file.write(b"rotten")
    caller.pull(f"{bad.name}/shop:1")
    assert len(caller.store.read(found.digest)) == found.size


def test_mirror_is_asked_first_without_credentials_and_the_registry_when_it_fails(
    bad: BadRegistry, another: BadRegistry, make_client: Callable[..., RegistryClient], store: Store
) -> None:
    from dockerkit.daemon.registry.contract import Credentials

    bad.image("shop", b"x")
    another.routes["GET /v2/"] = lambda asked: asked.answer(401, WWW_Authenticate='Basic realm="mirror"')
    caller = Caller(make_client(mirrors={bad.name: (another.url,)}), store)
    caller.pull(f"{bad.name}/shop:1", credentials=Credentials("alice", "secret"))
    assert another.seen
    assert not [asked for asked in another.requests if "authorization" in asked.headers]
    assert caller.store.has(digest_of(b"x"))


def test_mirror_that_has_it_is_enough(
    bad: BadRegistry, another: BadRegistry, make_client: Callable[..., RegistryClient], store: Store
) -> None:
    another.image("shop", b"x")
    Caller(make_client(mirrors={bad.name: (another.url,)}), store).pull(f"{bad.name}/shop:1")
    assert not bad.seen


def test_registry_that_closes_after_each_answer_is_one_too(bad: BadRegistry, caller: Caller) -> None:
    layer = bytes(range(256)) * (4 << 10)
    bad.image("shop", layer)

    def answer_and_close(asked: Asked) -> None:
        asked.raw(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(layer) + layer)
        asked.close()

    bad.routes[f"GET /v2/shop/blobs/{digest_of(layer)}"] = answer_and_close
    caller.pull(f"{bad.name}/shop:1")
    assert caller.store.has(digest_of(layer))
    assert len([seen for seen in bad.seen if digest_of(layer) in seen]) == 1


def test_last_messages_of_a_pull(bad: BadRegistry, caller: Caller) -> None:
    bad.image("shop", b"x")
    reference = parse_reference("busybox")
    pulled = caller.pull(f"{bad.name}/shop:1")
    digest, status = pull_ended(reference, pulled, newer=True)
    assert digest == {"status": f"Digest: {pulled.manifest.digest}"}
    assert status == {"status": "Status: Downloaded newer image for busybox:latest"}
    assert pull_ended(reference, pulled, newer=False)[1] == {"status": "Status: Image is up to date for busybox:latest"}


def test_older_variants_run_on_newer_machines_and_not_the_other_way_round() -> None:
    from dockerkit.daemon.registry.platforms import choose, wanted
    from dockerkit.schema.image import MANIFEST, Descriptor

    def listed(*variants: str) -> list[Descriptor]:
        make = lambda v: Platform(os="linux", architecture="arm", variant=v)  # noqa: E731
        return [Descriptor(media_type=MANIFEST, digest=v, size=1, platform=make(v)) for v in variants]

    assert choose(listed("v5", "v7", "v6"), wanted("linux/arm/v7")).digest == "v7"
    assert choose(listed("v5", "v6"), wanted("linux/arm/v7")).digest == "v6"
    assert choose(listed("", "v6"), wanted("linux/arm")).digest == "", "arm alone is v7"
    with pytest.raises(NotFound):
        choose(listed("v7"), wanted("linux/arm/v6"))
