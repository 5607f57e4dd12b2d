"""HTML views: they say what the text says, nothing hostile gets through, and no meaning is in what a notebook may lose."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from dockerkit.client.completed import Completed
from dockerkit.client.container import Container
from dockerkit.client.explore import Explored
from dockerkit.client.happenings import Event
from dockerkit.client.images import Image
from dockerkit.client.rows import Rows
from dockerkit.errors import NotFound, Unavailable
from dockerkit.notebook.views import container_card, image_card
from dockerkit.notebook.views.card import LONGEST
from dockerkit.notebook.views.style import SHEET, TONES, tone_of

HOSTILE = "<script>alert(1)</script>\"'&"
RECORD: dict[str, Any] = {
    "Id": "c" * 64,
    "Name": f"/{HOSTILE}",
    "Path": "echo",
    "Args": [HOSTILE],
    "State": {"Status": "running", "Health": {"Status": "healthy"}},
    "Config": {"Image": HOSTILE, "Labels": {HOSTILE: HOSTILE}},
    "HostConfig": {"Memory": 64 << 20, "NanoCpus": 500_000_000, "PidsLimit": 9},
    "Mounts": [{"Type": "bind", "Source": HOSTILE, "Destination": "/x", "RW": False}],
}


class Engine:
    """Answers every question with one record, or an error."""

    url, foreign = "unix:///nowhere", False

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def get(self, path: str) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Owner:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine


def container(answer: Any) -> Container:
    return Container(Owner(Engine(answer)), "c" * 64)  # type: ignore[arg-type]


def image(answer: Any) -> Image:
    return Image(Engine(answer), "sha256:" + "a" * 64)  # type: ignore[arg-type]


IMAGE = {
    "Id": "sha256:" + "a" * 64,
    "RepoTags": [HOSTILE],
    "Size": 1_234_567,
    "Os": "linux",
    "Architecture": "amd64",
    "Config": {"Cmd": ["sh", HOSTILE], "Labels": {"x": HOSTILE}, "Env": [HOSTILE]},
}
COMPLETED = Completed(("echo", HOSTILE), 3, HOSTILE.encode(), HOSTILE.encode(), image=HOSTILE)
EVENT = Event(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), HOSTILE, HOSTILE, "e" * 64, HOSTILE, {HOSTILE: HOSTILE})
ROWS = Rows([{HOSTILE: HOSTILE, "status": f"Up {HOSTILE}", "id": HOSTILE, "n": 3}])
_ENTRY = {"Path": f"/{HOSTILE}", "Kind": "added", "Size": 3, "Type": "file"}
EXPLORED = Explored(
    {
        "Id": "sha256:" + "a" * 64,
        "Size": 3,
        "WastedBytes": 3,
        "Efficiency": 0.5,
        "Wasted": [{"Path": HOSTILE, "Count": 2, "Size": 3}],
        "Layers": [{"Digest": HOSTILE, "DiffID": HOSTILE, "CreatedBy": HOSTILE, "Size": 3, "Entries": [_ENTRY] * 30}],
    }
)
THINGS = {
    "container": container(RECORD),
    "image": image(IMAGE),
    "completed": COMPLETED,
    "event": EVENT,
    "rows": ROWS,
    "explored": EXPLORED,
}


KEPT = {*"b code details div p pre span style summary table tbody td th thead tr".split()}  # noqa: SIM905


class Page(HTMLParser):
    """What a browser would make of it: tags seen, text outside style sheets, tags left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data + " "


@pytest.mark.parametrize("thing", THINGS.values(), ids=THINGS)
def test_hostile_names_stay_text(thing: Any) -> None:
    page = Page(thing._repr_html_())
    assert "script" not in page.tags
    assert HOSTILE in page.text
    assert not page.open


@pytest.mark.parametrize("thing", THINGS.values(), ids=THINGS)
def test_only_what_an_untrusted_notebook_keeps_has_meaning(thing: Any) -> None:
    page = Page(thing._repr_html_())
    assert page.tags <= KEPT
    assert page.attributes <= {"class", "style"}
    inline = re.findall(r'style="([^"]*)"', thing._repr_html_())
    assert all(re.fullmatch(r"color:#[0-9a-f]{6}", rule) for rule in inline), "literal colours only"


@pytest.mark.parametrize("thing", THINGS.values(), ids=THINGS)
def test_the_same_thing_is_shown_the_same_way_twice(thing: Any) -> None:
    assert thing._repr_html_() == thing._repr_html_()


@pytest.mark.parametrize("card", [container_card(container(RECORD)), image_card(image(IMAGE))], ids=["container", "image"])
def test_text_and_html_of_a_card_say_the_same(card: Any) -> None:
    shown = Page(card.html()).text
    for fact in card.facts:
        assert fact.value in card.text()
        assert fact.value in shown, f"{fact.name} is not shown"


def test_rows_show_in_html_what_they_print() -> None:
    rows = Rows([{"name": "web", "size": 1500}], columns=("name", "size"), shown={"size": "{:,}".format})
    shown = Page(rows._repr_html_()).text.split()
    assert shown == ["name", "size", "web", "1,500"]
    assert "<td class=n>1,500</td>" in rows._repr_html_()


def test_rows_without_rows_show_their_headings() -> None:
    assert Page(Rows(columns=("id", "name"))._repr_html_()).text.split() == ["id", "name"]
    assert Page(Rows()._repr_html_()).text.split() == []


def test_completed_says_why_it_failed() -> None:
    done = Completed(("eat",), 137, oom_killed=True, image="busybox")
    assert "failed with 137, out of memory" in Page(done._repr_html_()).text


def test_long_output_is_folded_and_cut() -> None:
    done = Completed(("yes",), 0, b"y\n" * LONGEST)
    shown = done._repr_html_()
    assert f"<details><summary>stdout: {LONGEST} lines" in shown
    assert f"cut here: {2 * LONGEST} characters in all" in shown
    assert len(shown) < 2 * LONGEST


def test_limits_and_health_are_words() -> None:
    text = container_card(container(RECORD)).text()
    assert "status running (healthy)" in text
    assert "limits memory 64 MiB, cpus 0.5, pids 9" in text


@pytest.mark.parametrize(
    ("error", "word"),
    [(NotFound("No such container: x"), "removed"), (Unavailable("nobody answers"), "unknown: nobody answers")],
    ids=["removed", "unavailable"],
)
def test_what_has_gone_says_so_instead_of_raising(error: Exception, word: str) -> None:
    for thing in (container(error), image(error)):
        assert word in Page(thing._repr_html_()).text


def test_ipython_text_is_the_cards_text() -> None:
    said: list[str] = []

    class Printer:
        text = said.append

    container(RECORD)._repr_pretty_(Printer(), False)
    assert said == [container_card(container(RECORD)).text()]
    assert repr(container(NotFound("x"))) == "<Container cccccccccccc>", "repr contacts nothing"


@pytest.mark.parametrize(
    ("word", "tone"),
    [
        ("Up 5 seconds", "good"),
        ("Up 5 seconds (unhealthy)", "bad"),
        ("Up About a minute (Paused)", "waiting"),
        ("Exited (0) 2 hours ago", "quiet"),
        ("Exited (1) 2 hours ago", "bad"),
        ("exited (0)", "quiet"),
        ("created", "quiet"),
        ("dead", "bad"),
        ("something new", "quiet"),
    ],
)
def test_states_have_tones(word: str, tone: str) -> None:
    assert tone_of(word) == tone


def luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("tone", TONES.values(), ids=TONES)
def test_state_colours_can_be_read_in_light_and_in_dark(tone: Any) -> None:
    assert contrast(tone.light, "#ffffff") >= 4.5
    assert contrast(tone.dark, "#1e1e1e") >= 4.5
    assert min(contrast(tone.literal, "#ffffff"), contrast(tone.literal, "#111111")) >= 3


@pytest.mark.parametrize("hook", ["body[data-jp-theme-light=false]", "body.vscode-dark", "html[data-theme=dark]"])
def test_dark_pages_are_known(hook: str) -> None:
    assert hook in SHEET
    assert "var(--jp-content-font-color1,var(--vscode-foreground,inherit))" in SHEET


def test_the_client_loads_no_view_before_something_is_shown() -> None:
    code = "import sys, dockerkit.client.default; print(*[m for m in sys.modules if 'notebook' in m or m == 'IPython'])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_escaping_is_complete() -> None:
    assert html.escape(HOSTILE) in COMPLETED._repr_html_()
