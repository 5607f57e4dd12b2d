"""Images that are here: filters, prune, rules of tag and rmi, parents, events: the same on a real dockerd and on ours."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.parity.engines import Box, alike
from tests.parity.wire import Api, joined
from tests.unit.images.imagematerial import file, tar

TAR = {"Content-Type": "application/x-tar"}


class Shelf:
    """Images of one test, all named ``shelf/…``; gone afterwards."""

    def __init__(self, box: Box) -> None:
        self.box, self.api = box, box.api
        self._count = 0

    def put(self, name: str, *changes: str, size: int = 0) -> str:
        """Import an image and return its id."""
        self._count += 1
        query = f"fromSrc=-&repo={name}" + "".join(f"&changes={quote(change)}" for change in changes)
        layer = tar(file(f"f{self._count}", b"x" * (size or self._count)))
        answer = self.api.request("POST", f"/images/create?{query}", layer, headers=TAR)
        assert answer.status == 200, answer
        return str(json.loads(answer.body.splitlines()[-1])["status"])

    def names(self, **filters: list[str]) -> set[str]:
        """Return the tags a filtered list shows, of this shelf."""
        answer = self.api.get("/images/json", filters=filters)
        assert answer.status == 200, answer
        return {name for row in answer.json for name in row["RepoTags"] or () if name.startswith("shelf/")}

    def empty(self) -> None:
        """Remove everything of this shelf."""
        for name in self.names():
            self.api.delete(f"/images/{name}", force=1)
        self.api.post("/images/prune")


@pytest.fixture
def shelf(box: Box) -> Iterator[Shelf]:
    made = Shelf(box)
    yield made
    box.empty()
    made.empty()


def removed(answer: Any) -> list[str]:
    """What a removal says, ids left out: ``untagged x`` and how many were deleted."""
    assert answer.status == 200, answer
    return [line.get("Untagged", "deleted") for line in answer.json]


def test_filters_by_label(shelf: Shelf) -> None:
    shelf.put("shelf/a", "LABEL k=v")
    shelf.put("shelf/b", "LABEL k=w")
    shelf.put("shelf/c")
    assert shelf.names(label=["k"]) == {"shelf/a:latest", "shelf/b:latest"}
    assert shelf.names(label=["k=v"]) == {"shelf/a:latest"}
    assert shelf.names(label=["k=v", "k=w"]) == set()


def test_filters_by_reference(shelf: Shelf) -> None:
    shelf.put("shelf/a")
    shelf.put("shelf/b")
    assert shelf.names(reference=["shelf/*"]) == {"shelf/a:latest", "shelf/b:latest"}
    assert shelf.names(reference=["*/b"]) == {"shelf/b:latest"}
    assert shelf.names(reference=["shelf/a:latest", "nosuch"]) == {"shelf/a:latest"}
    assert shelf.names(reference=["*:latest"]) == set(), "a star does not match a slash"
    assert shelf.names(reference=["shelf/[ab]"]) == {"shelf/a:latest", "shelf/b:latest"}
    assert alike(
        shelf.api.get("/images/json", filters={"reference": ["["]}),
        shelf.api.get("/images/json", filters={"reference": ["["]}).status,
        "syntax error in pattern",
    )


def test_only_the_names_that_fit_are_shown(shelf: Shelf) -> None:
    shelf.put("shelf/a")
    shelf.api.post("/images/shelf/a/tag", repo="shelf/b", tag="2")
    (row,) = shelf.api.get("/images/json", filters={"reference": ["shelf/b"]}).json
    assert row["RepoTags"] == ["shelf/b:2"]


@pytest.mark.parametrize("name", ["before", "since"])
def test_filters_by_an_image_that_is_not_here(shelf: Shelf, name: str) -> None:
    answer = shelf.api.get("/images/json", filters={name: ["nosuch"]})
    assert alike(answer, 404, "No such image: nosuch:latest")


def test_before_and_since_leave_the_image_itself_out(shelf: Shelf) -> None:
    id = shelf.put("shelf/a")
    for name in ("before", "since"):
        assert "shelf/a:latest" not in shelf.names(**{name: ["shelf/a"]}) | shelf.names(**{name: [id[7:19]]})


@pytest.mark.parametrize(
    ("filters", "words"),
    [({"nosuch": ["1"]}, "invalid filter 'nosuch'"), ({"dangling": ["maybe"]}, "invalid filter 'dangling=[maybe]'")],
)
def test_filters_that_are_none(shelf: Shelf, filters: dict[str, list[str]], words: str) -> None:
    assert alike(shelf.api.get("/images/json", filters=filters), 400, words)
    assert alike(shelf.api.post("/images/prune", filters=filters), 400, words)


def test_a_name_that_moves_leaves_a_dangling_image_and_prune_takes_it(shelf: Shelf) -> None:
    old = shelf.put("shelf/a", size=1000)
    shelf.put("shelf/a", size=7)
    rows = shelf.api.get("/images/json", filters={"dangling": ["true"]}).json
    assert old in {row["Id"] for row in rows}
    answer = shelf.api.post("/images/prune").json
    assert {"Deleted": old} in answer["ImagesDeleted"]
    assert answer["SpaceReclaimed"] >= 1000
    assert shelf.names() == {"shelf/a:latest"}
    assert shelf.api.post("/images/prune").json == {"ImagesDeleted": None, "SpaceReclaimed": 0}


def test_prune_of_all_spares_what_is_used_and_what_does_not_fit(shelf: Shelf) -> None:
    for name in ("a", "b", "c"):
        shelf.put(f"shelf/{name}", "LABEL shelf=1", "CMD x")
    shelf.put("shelf/d", "LABEL shelf=2")
    shelf.box.create("x", Image="shelf/a")
    answer = shelf.api.post("/images/prune", filters={"dangling": ["false"], "label": ["shelf=1"]}).json
    assert sorted(line["Untagged"] for line in answer["ImagesDeleted"] if "Untagged" in line) == [
        "shelf/b:latest",
        "shelf/c:latest",
    ]
    assert shelf.names() == {"shelf/a:latest", "shelf/d:latest"}
    shelf.api.post("/images/prune", filters={"dangling": ["false"], "label": ["shelf"], "label!": ["shelf=2"], "until": ["1h"]})
    assert shelf.names() == {"shelf/a:latest", "shelf/d:latest"}, "none is an hour old"


@pytest.mark.parametrize(
    ("values", "words"),
    [(["x"], 'failed to parse value as time or duration: "x"'), (["1h", "2h"], "more than one until filter specified")],
)
def test_a_moment_that_is_none(shelf: Shelf, values: list[str], words: str) -> None:
    answer = shelf.api.post("/images/prune", filters={"until": values})
    assert alike(answer, 400 if shelf.box.engine.ours else 500, words)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"repo": "shelf/x@sha256:" + "0" * 64}, "refusing to create a tag with a digest reference"),
        ({"repo": "sha256:" + "0" * 64}, "refusing to create an ambiguous tag using digest algorithm as name"),
        ({"repo": "shelf/x", "tag": "bad tag"}, "invalid tag format"),
        ({"repo": "shelf/x", "tag": "a" * 129}, "invalid tag format"),
        ({"repo": "shelf/x", "tag": "-x"}, "invalid tag format"),
        ({"repo": ""}, "invalid reference format"),
    ],
)
def test_names_that_may_not_be_given(shelf: Shelf, query: dict[str, str], words: str) -> None:
    answer = shelf.api.post("/images/busybox/tag", **query)
    assert answer.status in ((400,) if shelf.box.engine.ours else (400, 500))
    assert answer.message.lower() == words.lower()


def test_of_two_tags_the_second_counts(shelf: Shelf) -> None:
    shelf.put("shelf/a")
    assert shelf.api.post("/images/shelf/a/tag", repo="shelf/b:1", tag="2").status == 201
    assert shelf.names() == {"shelf/a:latest", "shelf/b:2"}


def test_rmi_by_id_wants_force_when_there_are_several_names(shelf: Shelf) -> None:
    id = shelf.put("shelf/a")
    shelf.api.post("/images/shelf/a/tag", repo="shelf/b", tag="1")
    answer = shelf.api.delete(f"/images/{id[7:19]}")
    words = f"conflict: unable to delete {id[7:19]} (must be forced) - image is referenced in multiple repositories"
    assert alike(answer, 409, words)
    assert removed(shelf.api.delete(f"/images/{id[7:19]}", force=1)) == ["shelf/a:latest", "shelf/b:1", "deleted", "deleted"]


def test_rmi_of_what_a_stopped_container_uses(shelf: Shelf) -> None:
    id = shelf.put("shelf/a", "CMD x")
    shelf.api.post("/images/shelf/a/tag", repo="shelf/b", tag="1")
    container = shelf.box.create("x", Image="shelf/a")
    assert removed(shelf.api.delete("/images/shelf/b:1")) == ["shelf/b:1"], "a name that is not the last may go"
    words = 'conflict: unable to remove repository reference "shelf/a" (must force) - container'
    answer = shelf.api.delete("/images/shelf/a")
    assert alike(answer, 409, f"{words} {container[:12]} is using its referenced image {id[7:19]}")
    answer = shelf.api.delete(f"/images/{id[7:19]}")
    words = (
        f"conflict: unable to delete {id[7:19]} (must be forced) - image is being used by stopped container {container[:12]}"
    )
    assert alike(answer, 409, words)
    assert removed(shelf.api.delete("/images/shelf/a", force=1)) == ["shelf/a:latest", "deleted"]
    assert shelf.api.get(f"/images/{id}/json").status == 404
    assert id not in {row["Id"] for row in shelf.api.get("/images/json", all=1).json}


def test_a_container_outlives_its_image(shelf: Shelf) -> None:
    base = shelf.box.run("sh", "-c", "echo kept > /kept").id
    assert shelf.api.post("/commit", container=base, repo="shelf/base").status == 201
    shelf.box.remove(base)
    container = shelf.box.create("cat", "/kept", Image="shelf/base")
    assert removed(shelf.api.delete("/images/shelf/base", force=1))[0] == "shelf/base:latest"
    shelf.box.start(container)
    assert shelf.box.wait(container) == 0
    assert joined(shelf.box.logs(container, stdout=1), 1) == b"kept\n"
    assert shelf.api.get(f"/containers/{container}/json", size=1).json["SizeRootFs"] > 0
    assert shelf.api.get(f"/containers/{container}/changes").json is None


def test_an_image_tells_of_its_container_to_those_who_ask_in_old_words(shelf: Shelf) -> None:
    container = shelf.box.run("true", Image="busybox:latest", Labels={"a": "b"}).id
    id = shelf.api.post("/commit", container=container, repo="shelf/c").json["Id"]
    old = Api(shelf.box.engine.socket, "v1.41")
    found = old.get(f"/images/{id}/json").json
    assert found["Container"] == container
    config = found["ContainerConfig"]
    assert (config["Image"], config["Hostname"], config["Labels"]["a"]) == ("busybox:latest", container[:12], "b")
    plain = old.get(f"/images/{shelf.put('shelf/a')}/json").json
    assert plain["Container"] == ""
    assert {key: plain["ContainerConfig"][key] for key in ("Hostname", "Image", "Cmd", "Env", "Labels", "Tty")} == {
        "Hostname": "", "Image": "", "Cmd": None, "Env": None, "Labels": None, "Tty": False,
    }  # fmt: skip


def test_a_committed_image_has_a_parent_that_history_names(shelf: Shelf) -> None:
    parent = shelf.put("shelf/a", "CMD x")
    container = shelf.box.create("x", Image="shelf/a")
    child = shelf.api.post("/commit", container=container, repo="shelf/child", tag="1").json["Id"]
    assert shelf.api.get("/images/shelf/child:1/json").json["Parent"] == parent
    row = next(row for row in shelf.api.get("/images/json").json if row["Id"] == child)
    assert row["ParentId"] == parent
    lines = shelf.api.get("/images/shelf/child:1/history").json
    assert [(line["Id"], line["Tags"]) for line in lines] == [(child, ["shelf/child:1"]), (parent, ["shelf/a:latest"])]


def test_an_image_with_children_is_not_deleted(shelf: Shelf) -> None:
    parent = shelf.put("shelf/a", "CMD x")
    container = shelf.box.create("x", Image="shelf/a")
    shelf.api.post("/commit", container=container, repo="shelf/child", tag="1")
    shelf.box.remove(container, force=1)
    answer = shelf.api.delete(f"/images/{parent[7:19]}", force=1)
    assert alike(
        answer, 409, f"conflict: unable to delete {parent[7:19]} (cannot be forced) - image has dependent child images"
    )
    assert removed(shelf.api.delete("/images/shelf/a")) == ["shelf/a:latest"], "its name may go"
    assert shelf.api.get(f"/images/{parent}/json").status == 200
    assert removed(shelf.api.delete("/images/shelf/child:1"))[0] == "shelf/child:1"
    assert shelf.api.get(f"/images/{parent}/json").status == 404, "it was kept for its child only"


def test_events_of_a_life(shelf: Shelf) -> None:
    since = f"{time.time():.9f}"
    id = shelf.put("shelf/a", "LABEL k=v")
    shelf.api.post("/images/shelf/a/tag", repo="shelf/b", tag="1")
    archive = shelf.api.get("/images/shelf/b:1/get").body
    shelf.api.delete(f"/images/{id}", force=1)
    shelf.api.request("POST", "/images/load", archive, headers=TAR)
    shelf.api.delete("/images/shelf/b:1")
    shelf.api.post("/images/prune")
    until = f"{time.time():.9f}"
    lines = shelf.api.get("/events", since=since, until=until, filters={"type": ["image"]}).body.splitlines()
    events = [json.loads(line) for line in lines]
    told = [(event["Action"], event["Actor"]["Attributes"].get("name", "").replace(id, "ID")) for event in events]
    assert [("tag", "shelf/a") if pair == ("tag", "shelf/a:latest") else pair for pair in told] == [
        ("tag", "shelf/a"),
        ("import", "ID"),
        ("tag", "shelf/b:1"),
        *[("save", "ID")],
        *[("untag", "ID")] * 2,
        ("delete", "ID"),
        ("load", "ID"),
        ("untag", "ID"),
        ("delete", "ID"),
        ("prune", ""),
    ]
    assert events[1]["Actor"]["Attributes"]["k"] == "v"
