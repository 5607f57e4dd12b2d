"""Pushing, rule by rule of the distribution specification: uploads in one piece and in several, mounts, manifests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.registry.ourregistry import OCI, OCI_INDEX, OurRegistry, descriptor, digest_of, manifest_of

BLOB = b"0123456789" * 1000
DIGEST = digest_of(BLOB)


def there(ours: OurRegistry, name: str = "shop", content: bytes = BLOB) -> bool:
    answered = ours.ask("GET", f"/v2/{name}/blobs/{digest_of(content)}")
    return answered.status == 200 and answered.body == content


def test_post_then_put_is_a_blob(ours: OurRegistry) -> None:
    answered = ours.ask("PUT", f"{ours.begin('shop')}?digest={DIGEST}", BLOB, Content_Type="application/octet-stream")
    assert (answered.status, answered.headers["Location"]) == (201, f"/v2/shop/blobs/{DIGEST}")
    assert answered.headers["Docker-Content-Digest"] == DIGEST
    assert there(ours)


def test_single_post_is_a_blob(ours: OurRegistry) -> None:
    answered = ours.ask("POST", f"/v2/shop/blobs/uploads/?digest={DIGEST}", BLOB)
    assert (answered.status, answered.headers["Location"]) == (201, f"/v2/shop/blobs/{DIGEST}")
    assert there(ours)


def test_same_blob_twice_is_one(ours: OurRegistry) -> None:
    ours.push_blob("shop", BLOB)
    ours.push_blob("shop", BLOB)
    ours.push_blob("second", BLOB)
    assert len([path for path in ours.files() if path.startswith("blobs/")]) == 1


def test_patch_without_a_range_is_a_stream(ours: OurRegistry) -> None:
    def pieces() -> Iterator[bytes]:
        yield BLOB[:4000]
        yield BLOB[4000:]

    place = ours.begin("shop")
    answered = ours.ask("PATCH", place, pieces(), Content_Type="application/octet-stream")
    assert (answered.status, answered.headers["Range"]) == (202, f"0-{len(BLOB) - 1}")
    assert ours.ask("PUT", f"{answered.headers['Location']}?digest={DIGEST}").status == 201
    assert there(ours)


def test_chunks_in_order(ours: OurRegistry) -> None:
    place = ours.begin("shop")
    for start, end in ((0, 3999), (4000, 8999)):
        answered = ours.ask("PATCH", place, BLOB[start : end + 1], Content_Range=f"{start}-{end}")
        assert (answered.status, answered.headers["Range"]) == (202, f"0-{end}")
        place = answered.headers["Location"]
    answered = ours.ask("PUT", f"{place}?digest={DIGEST}", BLOB[9000:], Content_Range=f"9000-{len(BLOB) - 1}")
    assert answered.status == 201
    assert there(ours)


@pytest.mark.parametrize(("start", "end"), [(5, 9), (3, 7), (0, 3)])
def test_chunk_out_of_order_is_416_and_says_where_to_go_on(ours: OurRegistry, start: int, end: int) -> None:
    place = ours.begin("shop")
    ours.ask("PATCH", place, BLOB[:4], Content_Range="0-3")
    answered = ours.ask("PATCH", place, BLOB[start : end + 1], Content_Range=f"{start}-{end}")
    assert (answered.status, answered.code) == (416, "BLOB_UPLOAD_INVALID")
    assert (answered.headers["Range"], answered.headers["Location"]) == ("0-3", place)
    assert ours.ask("PATCH", place, BLOB[4:], Content_Range=f"4-{len(BLOB) - 1}").status == 202
    assert ours.ask("PUT", f"{place}?digest={DIGEST}").status == 201


@pytest.mark.parametrize("span", ["0-2", "0-4", "3-0", "nonsense", "0-", "-4"])
def test_chunk_that_is_not_what_its_range_says_leaves_nothing(ours: OurRegistry, span: str) -> None:
    place = ours.begin("shop")
    assert ours.ask("PATCH", place, BLOB[:4], Content_Range=span).status == 400
    assert ours.ask("PATCH", place, iter([BLOB[:2], BLOB[2:4]]), Content_Range=span).status == 400
    assert ours.ask("PUT", f"{place}?digest={DIGEST}", BLOB).status == 201


def test_status_of_an_upload(ours: OurRegistry) -> None:
    place = ours.begin("shop")
    ours.ask("PATCH", place, BLOB[:100])
    answered = ours.ask("GET", place)
    assert (answered.status, answered.headers["Range"], answered.headers["Location"]) == (204, "0-99", place)
    assert place.endswith(answered.headers["Docker-Upload-UUID"])


def test_cancelled_upload_is_gone(ours: OurRegistry) -> None:
    place = ours.begin("shop")
    ours.ask("PATCH", place, BLOB)
    assert ours.ask("DELETE", place).status == 204
    for method, path in (("GET", place), ("DELETE", place), ("PATCH", place), ("PUT", f"{place}?digest={DIGEST}")):
        answered = ours.ask(method, path)
        assert (answered.status, answered.code) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert ours.files() == []


def test_upload_belongs_to_its_repository(ours: OurRegistry) -> None:
    place = ours.begin("shop").replace("/shop/", "/other/")
    assert ours.ask("PUT", f"{place}?digest={DIGEST}", BLOB).code == "BLOB_UPLOAD_UNKNOWN"


def test_upload_needs_a_digest(ours: OurRegistry) -> None:
    assert ours.ask("PUT", ours.begin("shop"), BLOB).code == "DIGEST_INVALID"


def test_sha512_is_checked_too(ours: OurRegistry) -> None:
    digest = digest_of(BLOB, "sha512")
    assert ours.ask("PUT", f"{ours.begin('shop')}?digest={digest}", BLOB).status == 201
    assert ours.ask("GET", f"/v2/shop/blobs/{digest}").body == BLOB
    assert ours.ask("PUT", f"{ours.begin('shop')}?digest=sha512:{'0' * 128}", BLOB).code == "DIGEST_INVALID"


def test_upload_survives_the_registry(ours: OurRegistry) -> None:
    place = ours.begin("shop")
    ours.ask("PATCH", place, BLOB[:5000])
    with OurRegistry(ours.directory) as again:
        assert again.ask("GET", place).headers["Range"] == "0-4999"
        assert again.ask("PATCH", place, BLOB[5000:], Content_Range=f"5000-{len(BLOB) - 1}").status == 202
        assert again.ask("PUT", f"{place}?digest={DIGEST}").status == 201


def test_mount_takes_a_neighbours_blob(ours: OurRegistry) -> None:
    ours.push_blob("a/first", BLOB)
    answered = ours.ask("POST", f"/v2/second/blobs/uploads/?mount={DIGEST}&from=a/first")
    assert (answered.status, answered.headers["Location"]) == (201, f"/v2/second/blobs/{DIGEST}")
    assert there(ours, "second")


def test_mount_without_a_source_finds_one(ours: OurRegistry) -> None:
    ours.push_blob("first", BLOB)
    assert ours.ask("POST", f"/v2/second/blobs/uploads/?mount={DIGEST}").status == 201


def test_mount_of_what_is_not_there_begins_an_upload(ours: OurRegistry) -> None:
    for query in (f"mount={DIGEST}&from=first", f"mount={DIGEST}"):
        answered = ours.ask("POST", f"/v2/second/blobs/uploads/?{query}")
        assert answered.status == 202
    assert ours.ask("PUT", f"{answered.headers['Location']}?digest={DIGEST}", BLOB).status == 201


def test_manifest_is_named_by_its_digest(ours: OurRegistry) -> None:
    ours.push_blob("shop", b"{}")
    content = manifest_of(b"{}")
    answered = ours.ask("PUT", "/v2/shop/manifests/v1", content, Content_Type=OCI)
    assert answered.status == 201
    assert answered.headers["Location"] == f"/v2/shop/manifests/{digest_of(content)}"
    assert answered.headers["Docker-Content-Digest"] == digest_of(content)
    assert ours.ask("PUT", f"/v2/shop/manifests/{digest_of(content)}", content, Content_Type=OCI).status == 201
    assert ours.ask("PUT", f"/v2/shop/manifests/sha256:{'0' * 64}", content, Content_Type=OCI).code == "DIGEST_INVALID"


def test_tag_moves(ours: OurRegistry) -> None:
    first, second = ours.push_image("shop", "1", b"a"), ours.push_image("shop", "1", b"b")
    assert ours.ask("HEAD", "/v2/shop/manifests/1").headers["Docker-Content-Digest"] == second
    assert ours.ask("HEAD", f"/v2/shop/manifests/{first}").status == 200


@pytest.mark.parametrize("tag", [".x", "-x", "a b", "ü", "x" * 129])
def test_tag_that_cannot_be_is_refused(ours: OurRegistry, tag: str) -> None:
    import urllib.parse

    ours.push_blob("shop", b"{}")
    assert ours.ask("PUT", f"/v2/shop/manifests/{urllib.parse.quote(tag)}", manifest_of(b"{}")).code == "TAG_INVALID"


def test_manifest_needs_its_blobs_here(ours: OurRegistry) -> None:
    ours.push_blob("shop", b"{}")
    ours.push_blob("other", BLOB)
    answered = ours.ask("PUT", "/v2/shop/manifests/1", manifest_of(b"{}", BLOB), Content_Type=OCI)
    assert (answered.status, answered.code) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert answered.json["errors"][0]["detail"] == DIGEST
    assert ours.ask("GET", "/v2/shop/manifests/1").status == 404


def test_index_needs_its_manifests_here(ours: OurRegistry) -> None:
    ours.push_blob("shop", b"{}")
    inner = manifest_of(b"{}")
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor(inner, OCI)]}).encode()
    assert ours.ask("PUT", "/v2/shop/manifests/1", index, Content_Type=OCI_INDEX).code == "MANIFEST_BLOB_UNKNOWN"
    ours.push("shop", digest_of(inner), inner)
    ours.push("shop", "1", index, OCI_INDEX)
    assert ours.ask("GET", "/v2/shop/manifests/1").headers["Content-Type"] == OCI_INDEX


def test_layer_that_is_elsewhere_need_not_be_here(ours: OurRegistry) -> None:
    foreign = {**descriptor(b"foreign"), "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"}
    ours.push_blob("shop", b"{}")
    ours.push("shop", "1", manifest_of(b"{}", layers=[foreign]))  # type: ignore[arg-type]


DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
GOOD: dict[str, Any] = json.loads(manifest_of(b"{}"))


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"", OCI),
        (b"[]", OCI),
        (b"\xff\xfe", OCI),
        (b"[" * 100_000, OCI),
        (json.dumps({**GOOD, "schemaVersion": 1}).encode(), OCI),
        (json.dumps(GOOD).encode(), DOCKER),
        (json.dumps({**GOOD, "mediaType": "text/plain"}).encode(), "text/plain"),
        (json.dumps({**GOOD, "manifests": [descriptor(b"{}")]}).encode(), OCI),
        (json.dumps({**GOOD, "config": {**GOOD["config"], "digest": "../../etc/passwd"}}).encode(), OCI),
        (json.dumps({**GOOD, "config": {**GOOD["config"], "size": -1}}).encode(), OCI),
        (json.dumps({**GOOD, "layers": {}}).encode(), OCI),
        (json.dumps({**GOOD, "subject": "x"}).encode(), OCI),
        (json.dumps({**GOOD, "annotations": {"a": 1}}).encode(), OCI),
        (json.dumps(GOOD)[:-1].encode() + b', "layers": []}', OCI),
    ],
)
def test_manifest_that_makes_no_sense_is_refused(ours: OurRegistry, content: bytes, media_type: str) -> None:
    ours.push_blob("shop", b"{}")
    answered = ours.ask("PUT", "/v2/shop/manifests/1", content, Content_Type=media_type)
    assert (answered.status, answered.code) == (400, "MANIFEST_INVALID")


def test_manifest_of_four_megabytes_and_not_more(ours: OurRegistry) -> None:
    ours.push_blob("shop", b"{}")
    content = manifest_of(b"{}")
    ours.push("shop", "1", content + b" " * ((4 << 20) - len(content)))
    for body in (content + b" " * (4 << 20), iter([content, b" " * (4 << 20)])):
        assert ours.ask("PUT", "/v2/shop/manifests/2", body, Content_Type=OCI).status == 413


def test_docker_manifests_are_manifests(ours: OurRegistry) -> None:
    ours.push_blob("shop", b"{}")
    content = manifest_of(b"{}").replace(OCI.encode(), DOCKER.encode())
    digest = ours.push("shop", "1", content, DOCKER)
    listing = "application/vnd.docker.distribution.manifest.list.v2+json"
    index = {"schemaVersion": 2, "mediaType": listing, "manifests": [descriptor(content, DOCKER)]}
    ours.push("shop", "all", json.dumps(index).encode(), listing)
    assert ours.ask("GET", f"/v2/shop/manifests/{digest}").headers["Content-Type"] == DOCKER
    assert ours.ask("GET", "/v2/shop/manifests/all").headers["Content-Type"] == listing
