"""A registry that stands in for another: it fetches once, keeps, and serves what it has when the other is down."""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Callable, Iterator

import pytest

from dockerkit.daemon.images.store import Store
from dockerkit.daemon.registry.server.mirror import Mirror
from dockerkit.daemon.registry.settings import Settings
from dockerkit.errors import Invalid
from tests.unit.registry.badregistry import BadRegistry
from tests.unit.registry.caller import Caller
from tests.unit.registry.conftest import HURRY
from tests.unit.registry.ourregistry import Answered, OurRegistry, digest_of, manifest_of

LAYER = bytes(range(256)) * 5000


class Standing(OurRegistry):
    """A mirror of another registry."""

    def __init__(self, directory: pathlib.Path, url: str) -> None:
        super().__init__(directory)
        self.mirror = Mirror(url, self.shelves, Settings(**HURRY))  # type: ignore[arg-type]
        self.registry.__init__(self.shelves, self.registry._rules, self.mirror)  # type: ignore[misc]

    def __exit__(self, *_: object) -> None:
        self.mirror.close()
        super().__exit__()


@pytest.fixture
def origin(tmp_path: pathlib.Path) -> Iterator[OurRegistry]:
    with OurRegistry(tmp_path / "origin") as registry:
        yield registry


@pytest.fixture
def make(tmp_path: pathlib.Path) -> Iterator[Callable[[str], Standing]]:
    made: list[Standing] = []

    def start(url: str) -> Standing:
        made.append(Standing(tmp_path / "mirror", url).__enter__())
        return made[-1]

    yield start
    for one in made:
        one.__exit__()


def pulled(ours: OurRegistry, reference: str = "1") -> tuple[Answered, Answered]:
    return ours.ask("GET", f"/v2/shop/manifests/{reference}"), ours.ask("GET", f"/v2/shop/blobs/{digest_of(LAYER)}")


def test_miss_is_fetched_and_kept(origin: OurRegistry, make: Callable[[str], Standing]) -> None:
    digest = origin.push_image("shop", "1", LAYER)
    ours = make(f"http://{origin.address}")
    manifest, blob = pulled(ours)
    assert (manifest.body, blob.body) == (manifest_of(b"{}", LAYER), LAYER)
    origin.ask("DELETE", f"/v2/shop/blobs/{digest_of(LAYER)}")
    origin.ask("DELETE", f"/v2/shop/manifests/{digest}")
    assert ours.ask("GET", f"/v2/shop/manifests/{digest}").status == 200, "a digest is never asked for again"
    assert ours.ask("GET", f"/v2/shop/blobs/{digest_of(LAYER)}").body == LAYER
    assert ours.ask("HEAD", "/v2/shop/manifests/1").status == 404, "a tag is, and it is gone"


def test_tag_that_moved_is_followed(origin: OurRegistry, make: Callable[[str], Standing]) -> None:
    first = origin.push_image("shop", "1", LAYER)
    ours = make(f"http://{origin.address}")
    assert ours.ask("HEAD", "/v2/shop/manifests/1").headers["Docker-Content-Digest"] == first
    second = origin.push_image("shop", "1", b"other")
    assert ours.ask("GET", "/v2/shop/manifests/1").headers["Docker-Content-Digest"] == second
    origin.push("shop", "1", manifest_of(b"{}", LAYER))
    assert ours.ask("GET", "/v2/shop/manifests/1").headers["Docker-Content-Digest"] == first, "kept from before"


def test_other_registry_down_means_stale_and_not_gone(tmp_path: pathlib.Path, make: Callable[[str], Standing]) -> None:
    with OurRegistry(tmp_path / "origin") as origin:
        origin.push_image("shop", "1", LAYER)
        ours = make(f"http://{origin.address}")
        assert [one.status for one in pulled(ours)] == [200, 200]
        assert ours.ask("GET", "/v2/shop/tags/list").json["tags"] == ["1"]
    assert [one.status for one in pulled(ours)] == [200, 200]
    assert ours.ask("GET", "/v2/shop/tags/list").json["tags"] == ["1"]
    answered = ours.ask("GET", "/v2/shop/manifests/never-seen")
    assert (answered.status, answered.code) == (503, "UNAVAILABLE")
    assert ours.ask("GET", f"/v2/shop/blobs/{digest_of(b'never')}").status == 503


def test_what_the_other_lacks_is_404(origin: OurRegistry, make: Callable[[str], Standing]) -> None:
    origin.push_image("shop", "1")
    ours = make(f"http://{origin.address}")
    assert ours.ask("GET", "/v2/shop/manifests/2").code == "MANIFEST_UNKNOWN"
    assert ours.ask("GET", f"/v2/shop/blobs/{digest_of(b'none')}").code == "BLOB_UNKNOWN"
    assert ours.ask("GET", "/v2/none/tags/list").code == "NAME_UNKNOWN"


def test_pushes_are_refused(origin: OurRegistry, make: Callable[[str], Standing]) -> None:
    assert make(f"http://{origin.address}").ask("POST", "/v2/shop/blobs/uploads/").code == "UNSUPPORTED"


def test_many_who_miss_the_same_blob_fetch_it_once(origin: OurRegistry, make: Callable[[str], Standing]) -> None:
    origin.push_image("shop", "1", LAYER)
    ours, came = make(f"http://{origin.address}"), []
    fetched: list[str] = []
    before = origin.registry.answer

    def counting(head, body):  # type: ignore[no-untyped-def]
        if head.method == b"GET" and b"/blobs/" in head.target:
            fetched.append(head.target)
        return before(head, body)

    origin.registry.answer = counting  # type: ignore[method-assign]
    threads = [threading.Thread(target=lambda: came.append(pulled(ours)[1].body)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert came == [LAYER] * 8
    assert len(fetched) == 1


def test_blob_that_is_not_what_it_should_be_is_not_kept(bad: BadRegistry, make: Callable[[str], Standing]) -> None:
    digest = digest_of(b"right")
    for method in ("HEAD", "GET"):
        bad.routes[f"{method} /v2/shop/blobs/{digest}"] = lambda asked: asked.answer(200, b"wrong")
    ours = make(f"http://{bad.name}")
    assert ours.ask("GET", f"/v2/shop/blobs/{digest}").status == 503
    assert ours.files() == []


def test_our_client_pulls_through_it(
    origin: OurRegistry, make: Callable[[str], Standing], caller: Caller, store: Store
) -> None:
    config = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
    digest = origin.push_image("shop", "1", LAYER, config=config)
    ours = make(f"http://{origin.address}")
    assert caller.pull(f"{ours.address}/shop:1", platform="linux/amd64").digest == digest
    assert store.has(digest_of(LAYER))


@pytest.mark.parametrize("url", ["ftp://x", "https://user:pw@x", "https://x/path", "nonsense", "http://registry.example"])
def test_url_that_cannot_be_a_registry(ours: OurRegistry, url: str) -> None:
    with pytest.raises(Invalid):
        Mirror(url, ours.shelves, Settings(**HURRY))  # type: ignore[arg-type]
