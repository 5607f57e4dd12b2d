"""Images over raw HTTP: list, inspect, history, tag, remove, and refusals."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.parity.engines import Box


def image(box: Box) -> dict[str, Any]:
    answer = box.api.get("/images/busybox/json")
    assert answer.status == 200
    return dict(answer.json)


def test_a_row_of_the_list(box: Box) -> None:
    row = next(row for row in box.api.get("/images/json").json if "busybox:latest" in (row["RepoTags"] or []))
    assert row["Id"] == image(box)["Id"]
    assert isinstance(row["Created"], int)
    assert row["Size"] > 500_000
    assert (row["SharedSize"], row["ParentId"]) == (-1, "")
    assert row["Containers"] >= 0 if box.engine.ours else row["Containers"] == -1  # counted since API 1.51
    assert {"Labels", "RepoDigests"} <= set(row)


def test_filter_by_reference(box: Box) -> None:
    for pattern, found in (("busybox", True), ("busybox:latest", True), ("busy*", True), ("nosuch", False)):
        rows = box.api.get("/images/json", filters={"reference": [pattern]}).json
        assert any("busybox:latest" in row["RepoTags"] for row in rows) is found, pattern


def test_the_document_of_an_image(box: Box) -> None:
    document = image(box)
    assert re.fullmatch("sha256:[0-9a-f]{64}", document["Id"])
    assert document["RepoTags"] == ["busybox:latest"]
    assert (document["Os"], document["RootFS"]["Type"]) == ("linux", "layers")
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", layer) for layer in document["RootFS"]["Layers"])
    assert document["Config"]["Cmd"] == ["sh"]
    assert {"Architecture", "Created", "Size", "GraphDriver", "Metadata", "Author", "Comment"} <= set(document)


@pytest.mark.parametrize("form", ["busybox", "busybox:latest", "docker.io/library/busybox:latest", "id", "hex", "short"])
def test_an_image_is_found_by_all_its_names(box: Box, form: str) -> None:
    id = image(box)["Id"]
    name = {"id": id, "hex": id.removeprefix("sha256:"), "short": id.removeprefix("sha256:")[:12]}.get(form, form)
    answer = box.api.get(f"/images/{name}/json")
    assert (answer.status, answer.json["Id"]) == (200, id)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/images/nosuch/json"), ("GET", "/images/nosuch/history"), ("DELETE", "/images/nosuch")]
)
def test_a_missing_image_is_named(box: Box, method: str, path: str) -> None:
    answer = box.api.request(method, path)
    assert answer.status == 404
    assert "No such image: nosuch:latest" in answer.message  # 20.10 says it twice on inspect


def test_history_begins_with_the_newest(box: Box) -> None:
    rows = box.api.get("/images/busybox/history").json
    assert {"Id", "Created", "CreatedBy", "Tags", "Size", "Comment"} <= set(rows[0])
    assert rows[0]["Tags"] == ["busybox:latest"]


def test_a_second_name_comes_and_goes(box: Box) -> None:
    id = image(box)["Id"]
    assert box.api.post("/images/busybox/tag", repo="parity/second", tag="1").status == 201
    assert set(image(box)["RepoTags"]) == {"busybox:latest", "parity/second:1"}
    answer = box.api.delete("/images/parity/second:1")
    assert (answer.status, answer.json) == (200, [{"Untagged": "parity/second:1"}])
    assert image(box)["Id"] == id


def test_tagging_what_is_missing_or_malformed(box: Box) -> None:
    answer = box.api.post("/images/nosuch/tag", repo="x", tag="1")
    assert (answer.status, answer.message) == (404, "No such image: nosuch:latest")
    answer = box.api.post("/images/busybox/tag", repo="UPPER", tag="1")
    assert answer.status == 400 if box.engine.ours else answer.status in (400, 500)  # 20.10: 500
    assert "must be lowercase" in answer.message


def test_an_image_in_use_is_not_removed(box: Box) -> None:
    id = box.up("sleep", "100")
    answer = box.api.delete("/images/busybox")
    assert answer.status == 409
    assert re.match(r'conflict: unable to (remove repository reference "busybox"|delete) ', answer.message), answer.message
    assert re.search(rf"container [0-9a-f]{{12}} is using its referenced image {image(box)['Id'][7:19]}", answer.message)
    assert box.state(id)["Running"]


def test_pulling_what_cannot_be_had_is_said(box: Box) -> None:
    answer = box.api.post("/images/create", fromImage="nosuch", tag="latest")
    said = answer.body.decode()
    assert answer.status >= 400 or '"errorDetail"' in said  # before or after the stream has begun
    answer = box.api.post("/images/create", fromImage="UPPER", tag="latest")
    assert answer.status == 400
    assert "must be lowercase" in answer.message
