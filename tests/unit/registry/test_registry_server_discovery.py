"""Discovery, rule by rule: tags and repositories page by page, referrers with their filter."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from dockerkit.daemon.registry.server import discovery
from tests.unit.registry.ourregistry import OCI, OCI_INDEX, OurRegistry, descriptor, digest_of, manifest_of

TAGS = ["1.0", "1.1", "Z", "_x", "a", "latest"]


def walk(ours: OurRegistry, path: str, key: str) -> list[list[str]]:
    """Follow the pages."""
    pages = []
    while path:
        answered = ours.ask("GET", path)
        pages.append(answered.json[key])
        link = re.fullmatch(r'<([^>]+)>; rel="next"', answered.headers.get("Link", ""))
        path = link[1] if link else ""
    return pages


def test_tags_in_lexical_order(ours: OurRegistry) -> None:
    for tag in reversed(TAGS):
        ours.push_image("team/shop", tag)
    assert ours.ask("GET", "/v2/team/shop/tags/list").json == {"name": "team/shop", "tags": TAGS}


@pytest.mark.parametrize(("size", "pages"), [(1, 6), (4, 2), (6, 1), (7, 1)])
def test_pages_of_tags(ours: OurRegistry, size: int, pages: int) -> None:
    for tag in TAGS:
        ours.push_image("shop", tag)
    found = walk(ours, f"/v2/shop/tags/list?n={size}", "tags")
    assert len(found) == pages
    assert [tag for page in found for tag in page] == TAGS


def test_last_need_not_be_a_tag(ours: OurRegistry) -> None:
    for tag in TAGS:
        ours.push_image("shop", tag)
    assert ours.ask("GET", "/v2/shop/tags/list?last=ZZZ&n=2").json["tags"] == ["_x", "a"]
    assert ours.ask("GET", "/v2/shop/tags/list?last=b").json["tags"] == ["latest"]


def test_n_of_zero_is_an_empty_list_without_a_link(ours: OurRegistry) -> None:
    ours.push_image("shop", "1")
    answered = ours.ask("GET", "/v2/shop/tags/list?n=0")
    assert (answered.json["tags"], answered.headers.get("Link")) == ([], None)


@pytest.mark.parametrize("size", ["-1", "x", "1e3", "9" * 50, "²"])
def test_n_that_is_no_number_is_refused(ours: OurRegistry, size: str) -> None:
    import urllib.parse

    ours.push_image("shop", "1")
    for path in ("shop/tags/list", "_catalog"):
        assert ours.ask("GET", f"/v2/{path}?n={urllib.parse.quote(size)}").code == "PAGINATION_NUMBER_INVALID"


def test_tags_of_a_repository_that_is_not_there_is_404(ours: OurRegistry) -> None:
    answered = ours.ask("GET", "/v2/none/tags/list")
    assert (answered.status, answered.code) == (404, "NAME_UNKNOWN")


def test_repository_without_tags_has_none(ours: OurRegistry) -> None:
    ours.push_image("shop", "")
    assert ours.ask("GET", "/v2/shop/tags/list").json["tags"] == []


def test_catalog_page_by_page(ours: OurRegistry) -> None:
    names = ["a", "a-b", "a/b", "a/b/c", "z"]
    for name in names:
        ours.push_image(name, "1")
    ours.push_blob("only/a/blob", b"x")
    assert ours.ask("GET", "/v2/_catalog").json == {"repositories": names}
    assert walk(ours, "/v2/_catalog?n=2", "repositories") == [names[:2], names[2:4], names[4:]]


EMPTY = b"{}"


def signature(subject: dict[str, Any], kind: str, **more: Any) -> bytes:
    return manifest_of(EMPTY, subject=subject, artifactType=kind, **more)


def test_referrers_name_their_subject(ours: OurRegistry) -> None:
    ours.push_blob("shop", EMPTY)
    image = manifest_of(EMPTY)
    subject = descriptor(image, OCI)
    first = signature(subject, "application/x.sbom", annotations={"org.example": "ü"})
    answered = ours.ask("PUT", f"/v2/shop/manifests/{digest_of(first)}", first, Content_Type=OCI)
    assert (answered.status, answered.headers["OCI-Subject"]) == (201, subject["digest"]), "its subject may come later"
    second = manifest_of(EMPTY, subject=subject)
    ours.push("shop", digest_of(second), second)
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "subject": subject, "artifactType": "application/x.y"}
    third = json.dumps(index).encode()
    ours.push("shop", digest_of(third), third, OCI_INDEX)
    ours.push("shop", "1", image)

    answered = ours.ask("GET", f"/v2/shop/referrers/{subject['digest']}")
    assert (answered.status, answered.headers["Content-Type"]) == (200, OCI_INDEX)
    assert (answered.json["schemaVersion"], answered.json["mediaType"]) == (2, OCI_INDEX)
    assert "OCI-Filters-Applied" not in answered.headers
    found = {one["digest"]: one for one in answered.json["manifests"]}
    assert found == {
        digest_of(first): {
            **descriptor(first, OCI),
            "artifactType": "application/x.sbom",
            "annotations": {"org.example": "ü"},
        },
        digest_of(second): {**descriptor(second, OCI), "artifactType": "application/vnd.oci.image.config.v1+json"},
        digest_of(third): {**descriptor(third, OCI_INDEX), "artifactType": "application/x.y"},
    }


def test_referrers_of_a_kind(ours: OurRegistry) -> None:
    ours.push_blob("shop", EMPTY)
    subject = descriptor(b"anything", OCI)
    for kind in ("a/b", "a/c+d"):
        ours.push("shop", digest_of(signature(subject, kind)), signature(subject, kind))
    answered = ours.ask("GET", f"/v2/shop/referrers/{subject['digest']}?artifactType=a/c%2Bd")
    assert answered.headers["OCI-Filters-Applied"] == "artifactType"
    assert [one["artifactType"] for one in answered.json["manifests"]] == ["a/c+d"]


def test_referrers_of_nobody_is_an_empty_index(ours: OurRegistry) -> None:
    answered = ours.ask("GET", f"/v2/none/referrers/{digest_of(b'')}")
    assert (answered.status, answered.json["manifests"]) == (200, [])
    assert ours.ask("GET", "/v2/none/referrers/nonsense").code == "DIGEST_INVALID"


def test_deleted_referrer_is_no_longer_listed(ours: OurRegistry) -> None:
    ours.push_blob("shop", EMPTY)
    subject = descriptor(b"anything", OCI)
    digest = ours.push("shop", "sig", signature(subject, "a/b"))
    assert ours.ask("DELETE", f"/v2/shop/manifests/{digest}").status == 202
    assert ours.ask("GET", f"/v2/shop/referrers/{subject['digest']}").json["manifests"] == []


def test_many_referrers_come_in_pages(ours: OurRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "PAGE", 500)
    ours.push_blob("shop", EMPTY)
    subject = descriptor(b"anything", OCI)
    made = [signature(subject, "a/b", annotations={"n": str(number)}) for number in range(7)]
    for content in made:
        ours.push("shop", digest_of(content), content)
    pages = walk(ours, f"/v2/shop/referrers/{subject['digest']}?artifactType=a%2Fb", "manifests")
    assert len(pages) > 2
    assert sorted(one["digest"] for page in pages for one in page) == sorted(map(digest_of, made))  # type: ignore[index]
