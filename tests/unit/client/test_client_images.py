"""Images against a scripted engine: the right requests, streams that end badly, tables, and what somebody who watches sees."""

from __future__ import annotations

import io
import pathlib
import sys
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest
from pretendengine import Answer, PretendEngine, ordinary

from dockerkit import errors
from dockerkit.client.client import Client
from dockerkit.client.explore import Explored
from dockerkit.client.image import Image
from dockerkit.client.image_search import registry_of
from dockerkit.client.image_steps import layers
from dockerkit.client.progress import Line, Quiet, reporter
from dockerkit.client.progressbars import Bars

ID = "sha256:" + "a" * 64


@pytest.fixture
def images(engine: PretendEngine) -> PretendEngine:
    """An engine with one image."""
    ordinary(engine)
    engine.on("GET", "/images/.*/json", {"Id": ID, "RepoTags": ["a:1"]})
    engine.on("GET", "/images/json", [{"Id": ID, "RepoTags": ["a:1", "b:2"], "Size": 5, "Created": 1}])
    return engine


def test_load_streams_a_file_with_its_length(to: Client, images: PretendEngine, tmp_path: pathlib.Path) -> None:
    images.on("POST", "/images/load", Answer(b'{"stream":"Loaded image: a:1\\nLoaded image ID: %s\\n"}\n' % ID.encode()))
    (tmp_path / "x.tar").write_bytes(bytes(3_000_000))
    found = to.images.load(tmp_path / "x.tar")
    asked = next(asked for asked in images.asked if asked.path == "/images/load")
    assert (asked.headers["content-length"], len(asked.body), asked.query) == ("3000000", 3_000_000, "quiet=1")
    assert [image.reference for image in found] == ["a:1", ID]
    assert "a:1, b:2" in repr(found)


def test_load_of_what_the_engine_refuses_in_its_stream(to: Client, images: PretendEngine) -> None:
    images.on("POST", "/images/load", Answer(b'{"errorDetail":{"message":"bad","class":"Damaged"},"error":"bad"}\n'))
    with pytest.raises(errors.Damaged, match="bad"):
        to.images.load(io.BytesIO(b"x"))
    with pytest.raises(FileNotFoundError):
        to.images.load("/nosuch/x.tar")


def test_save_names_each_and_leaves_no_half_file(to: Client, images: PretendEngine, tmp_path: pathlib.Path) -> None:
    images.on("GET", "/images/get", Answer(b"archive"))
    target = tmp_path / "x.tar"
    target.write_bytes(b"before")
    to.images.save(["a:1", Image(to.engine, ID, reference="b/c:2")], target)
    assert parse_qs(images.asked[-1].query)["names"] == ["a:1", "b/c:2"]
    assert target.read_bytes() == b"archive"

    def broken(send: Any) -> None:
        send(b"half")
        raise OSError

    images.on("GET", "/images/get", Answer(stream=broken))
    with pytest.raises(errors.Unavailable):
        to.images.get("a:1").save(target)
    assert (target.read_bytes(), [one.name for one in tmp_path.iterdir() if one.suffix != ".sock"]) == (b"archive", ["x.tar"])
    with pytest.raises(errors.Invalid):
        to.images.save([], target)


def test_import_says_what_was_wished(to: Client, images: PretendEngine) -> None:
    images.on("POST", "/images/create", Answer(b'{"status":"%s"}\n' % ID.encode()))
    made = to.images.import_(io.BytesIO(b"tar"), "app", changes=["CMD a", "ENV b=c"], message="m", platform="linux/arm64")
    asked = images.asked[-1]
    assert parse_qs(asked.query) == {
        "fromSrc": ["-"], "repo": ["app"], "tag": ["latest"], "message": ["m"], "platform": ["linux/arm64"],
        "changes": ["CMD a", "ENV b=c"],
    }  # fmt: skip
    assert (asked.body, made.id, made.reference) == (b"tar", ID, "app:latest")
    to.images.import_("http://there/x.tar")
    assert (parse_qs(images.asked[-1].query)["fromSrc"], images.asked[-1].body) == (["http://there/x.tar"], b"")


def test_push_needs_a_name_that_a_registry_knows(to: Client, images: PretendEngine) -> None:
    for reference in (ID, ID[7:19], ""):
        with pytest.raises(errors.Invalid, match="got by its id") as refused:
            Image(to.engine, ID, reference=reference).push()
        assert "a:1" in refused.value.hint
    with pytest.raises(errors.Invalid, match="is a digest"):
        to.push("a@sha256:" + "0" * 64)


def test_prune_of_all_is_not_only_dangling(to: Client, images: PretendEngine) -> None:
    images.on("POST", "/images/prune", {"ImagesDeleted": None, "SpaceReclaimed": 0})
    to.images.prune(all=True, until="24h")
    assert parse_qs(images.asked[-1].query)["filters"] == ['{"dangling":["false"],"until":["24h"]}']


def test_search_is_a_table_with_the_most_liked_first(to: Client, images: PretendEngine) -> None:
    rows = [
        {"name": "a", "description": "x\ny", "star_count": 1, "is_official": False},
        {"name": "b", "description": "", "star_count": 9, "is_official": True},
    ]
    images.on("GET", "/images/search", rows)
    found = to.images.search("term", limit=7, is_official=True)
    assert [row.name for row in found] == ["b", "a"]
    assert parse_qs(images.asked[-1].query) == {"term": ["term"], "limit": ["7"], "filters": ['{"is-official":["true"]}']}
    assert "x y" in repr(found)


@pytest.mark.parametrize(
    ("term", "registry"), [("nginx", ""), ("team/nginx", ""), ("reg:5000/x", "reg:5000"), ("a.b/x", "a.b")]
)
def test_a_words_registry(term: str, registry: str) -> None:
    assert registry_of(term) == registry


def test_layers_have_sizes_only_where_the_history_is_sure() -> None:
    steps = [{"Size": 0, "CreatedBy": "CMD"}, {"Size": 3, "CreatedBy": "RUN"}, {"Size": 5, "CreatedBy": "ADD"}]
    assert [(row.size, row.created_by) for row in layers(["x", "y"], steps)] == [(5, "ADD"), (3, "RUN")]
    assert [row.size for row in layers(["x", "y", "z"], steps)] == [5, 3, 0]
    assert [row.size for row in layers(["x"], steps)] == [None]


DOCUMENT = {
    "Id": ID, "Size": 150, "WastedBytes": 50, "Efficiency": 0.66,
    "Wasted": [{"Path": "/x", "Count": 2, "Size": 50}],
    "Layers": [
        {"Digest": ID, "DiffID": ID, "CreatedBy": "ADD", "Size": 100,
         "Entries": [{"Path": "/", "Kind": "added", "Size": 0, "Type": "directory"},
                     {"Path": "/x", "Kind": "added", "Size": 50, "Type": "file"}]},
        {"Digest": ID, "DiffID": ID, "CreatedBy": "RUN <rm>", "Size": 0,
         "Entries": [{"Path": "/x", "Kind": "removed", "Size": 50, "Type": "file"}]},
    ],
}  # fmt: skip


def test_explored_says_the_same_in_text_html_and_data_frame() -> None:
    found = Explored(DOCUMENT)
    assert found.summary() == "image aaaaaaaaaaaa: 150B in 2 layers, 50B wasted, 66.0% efficient"
    assert [(row.added, row.changed, row.removed) for row in found.layers] == [(1, 0, 0), (0, 0, 1)]
    assert list(found.df()["kind"]) == ["added", "added", "removed"]
    html = found._repr_html_()
    assert found.summary() in html
    assert "RUN &lt;rm&gt;" in html
    assert "wasted: 50B in 1 file" in html
    with pytest.raises(errors.Unsupported, match="widget"):
        found.widget()


def test_explore_is_ours_only(to: Client, engine: PretendEngine) -> None:
    engine.on("GET", "/version", {"ApiVersion": "1.41"})
    with pytest.raises(errors.Unsupported, match="explore"):
        Image(to.engine, ID).explore()


# whoever is looking


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


STREAM = [
    {"status": "Pulling from a", "id": "1"},
    {"status": "Pulling fs layer", "id": "x", "progressDetail": {}},
    {"status": "Downloading", "id": "x", "progressDetail": {"current": 5, "total": 10}, "progress": "[=> ] 5B/10B"},
    {"status": "Pull complete", "id": "x", "progressDetail": {}},
    {"status": "Status: Downloaded newer image for a:1"},
]


def test_a_terminal_has_bars_and_keeps_the_last_words() -> None:
    terminal = Terminal()
    bars = Bars("a:1", terminal)
    for message in STREAM:
        bars.say(message)
        bars.draw()
    bars.done()
    assert terminal.getvalue().endswith("a:1: Status: Downloaded newer image for a:1\n")
    assert "x: Downloading" in terminal.getvalue()


def test_nothing_is_drawn_when_nothing_is_said() -> None:
    terminal = Terminal()
    bars = Bars("a:1", terminal)
    bars.done()
    assert terminal.getvalue() == ""


def test_who_looks_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert isinstance(reporter("a"), Bars)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(reporter("a"), Quiet)
    kernel = SimpleNamespace(_allow_stdin=True)
    monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=kernel)))
    assert isinstance(reporter("a"), Line)
    kernel._allow_stdin = False
    assert isinstance(reporter("a"), Quiet), "a notebook that is run as a test shows nothing that it did not show before"


def test_a_notebooks_line_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    line = Line("a:1", changing=True)
    for message in STREAM * 100:
        line.say(message)
    line.done()
    assert shown.getvalue().count("\n") == 1
    assert shown.getvalue().rstrip().endswith("a:1: Status: Downloaded newer image for a:1")
    assert shown.getvalue().count("\r") < 20, "a message to a browser costs"
