"""Tags, catalogs, referrers, deletion and search; pages that lead astray."""

from __future__ import annotations

import json

import pytest

from dockerkit.daemon.registry.client import RegistryClient
from dockerkit.errors import Damaged, Invalid, NotFound, Unsupported
from dockerkit.schema.image import INDEX, MANIFEST
from dockerkit.schema.names import parse_reference
from tests.unit.registry.badregistry import BadRegistry


def test_tags_are_followed_page_by_page(bad: BadRegistry, hurried: RegistryClient) -> None:
    pages = {"n=1000": (["a", "b"], '</v2/shop/tags/list?n=1000&last=b>; rel="next"'), "n=1000&last=b": (["c"], "")}

    def page(asked: object) -> None:
        tags, link = pages[asked.query]  # type: ignore[attr-defined]
        asked.answer(200, json.dumps({"name": "shop", "tags": tags}).encode(), **({"Link": link} if link else {}))  # type: ignore[attr-defined]

    bad.routes["GET /v2/shop/tags/list"] = page
    assert list(hurried.tags(parse_reference(f"{bad.name}/shop"))) == ["a", "b", "c"]


def test_pages_in_a_circle_end(bad: BadRegistry, hurried: RegistryClient) -> None:
    link = '</v2/_catalog?n=1000>; rel="next"'
    bad.routes["GET /v2/_catalog"] = lambda asked: asked.answer(200, b'{"repositories": ["x"]}', Link=link)
    with pytest.raises(Damaged, match="in a circle"):
        list(hurried.catalog(bad.name))


def test_next_page_elsewhere_is_refused(bad: BadRegistry, another: BadRegistry, hurried: RegistryClient) -> None:
    link = f'<{another.url}/v2/_catalog>; rel="next"'
    bad.routes["GET /v2/_catalog"] = lambda asked: asked.answer(200, b'{"repositories": ["x"]}', Link=link)
    with pytest.raises(Damaged, match="said to be elsewhere"):
        list(hurried.catalog(bad.name))
    assert not another.seen


def test_registry_without_a_catalog_says_so(bad: BadRegistry, hurried: RegistryClient) -> None:
    with pytest.raises(Unsupported, match="does not list its repositories"):
        list(hurried.catalog(bad.name))


def test_unknown_repository_has_no_tags(bad: BadRegistry, hurried: RegistryClient) -> None:
    with pytest.raises(NotFound, match="name unknown"):
        list(hurried.tags(parse_reference(f"{bad.name}/nosuch")))


def test_delete_is_by_digest(bad: BadRegistry, hurried: RegistryClient) -> None:
    found = bad.image("shop", b"one")
    bad.routes[f"DELETE /v2/shop/manifests/{found.digest}"] = lambda asked: asked.answer(202)
    assert hurried.delete(parse_reference(f"{bad.name}/shop:1")) == found.digest
    bad.routes[f"DELETE /v2/shop/manifests/{found.digest}"] = lambda asked: asked.error(
        405, "UNSUPPORTED", "The operation is unsupported."
    )
    with pytest.raises(Unsupported, match=r"unsupported: The operation is unsupported\."):
        hurried.delete(parse_reference(f"{bad.name}/shop:1"))


SIGNATURE = {"mediaType": MANIFEST, "digest": "sha256:" + "1" * 64, "size": 3, "artifactType": "application/signature"}
OTHER = {**SIGNATURE, "digest": "sha256:" + "2" * 64, "artifactType": "application/other"}


def test_referrers_by_endpoint_and_by_tag(bad: BadRegistry, hurried: RegistryClient) -> None:
    reference = parse_reference(f"{bad.name}/shop:1")
    found = bad.image("shop", b"one")
    assert hurried.referrers(reference) == []
    content = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [SIGNATURE, OTHER]}).encode()
    bad.manifest("shop", content, INDEX, found.digest.replace(":", "-"))
    assert [one.digest for one in hurried.referrers(reference)] == [SIGNATURE["digest"], OTHER["digest"]]
    bad.routes[f"GET /v2/shop/referrers/{found.digest}"] = lambda asked: asked.answer(200, content, Content_Type=INDEX)
    only = hurried.referrers(reference, artifact_type="application/other")
    assert [(one.digest, one.artifact_type) for one in only] == [(OTHER["digest"], "application/other")]
    assert bad.seen[-1].endswith("artifactType=application%2Fother")


def test_search_where_there_is_an_index_and_where_there_is_none(bad: BadRegistry, hurried: RegistryClient) -> None:
    with pytest.raises(Unsupported, match="Unexpected status code 404"):
        hurried.search(f"{bad.name}/shop")
    results = [
        {"name": "shop", "star_count": 3, "is_official": True, "is_automated": False, "description": "sells"},
        {"name": "shop2", "star_count": 0},
    ]
    bad.routes["GET /v1/search"] = lambda asked: asked.answer(200, json.dumps({"results": results}).encode())
    assert [one.name for one in hurried.search(f"{bad.name}/shop")] == [f"{bad.name}/shop", f"{bad.name}/shop2"]
    assert bad.seen[-1] == "GET /v1/search?q=shop&n=25"
    assert len(hurried.search(f"{bad.name}/shop", filters={"stars": ["2"], "is-official": ["true"]})) == 1


@pytest.mark.parametrize(
    ("limit", "filters", "words"),
    [
        (200, {}, r"Limit 200 is outside the range of \[1, 100\]"),
        (1, {"nosuch": ["x"]}, "Invalid filter 'nosuch'"),
        (1, {"stars": ["many"]}, "Invalid filter 'stars="),
        (1, {"is-official": ["maybe"]}, "Invalid filter 'is-official="),
    ],
)
def test_search_refuses_what_dockerd_refuses(
    hurried: RegistryClient, limit: int, filters: dict[str, list[str]], words: str
) -> None:
    with pytest.raises(Invalid, match=words):
        hurried.search("busybox", limit=limit, filters=filters)
