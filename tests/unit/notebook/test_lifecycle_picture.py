"""The picture of a container's life has every arrow of the engine's table, and marks where a container is."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from dockerkit.errors import NotFound
from dockerkit.notebook.lifecycle import GONE, PLACES, Lifecycle, arrows, lifecycle
from dockerkit.schema.lifecycle import TABLE, Phase


def test_every_phase_has_a_place_of_its_own() -> None:
    assert set(PLACES) == {*Phase, GONE}
    assert len(set(PLACES.values())) == len(PLACES)


def test_every_change_is_an_arrow() -> None:
    drawn = {(a, b): words for a, b, words in arrows()}
    for (phase, change), then in TABLE.items():
        assert change.value in drawn[phase.value, then.value]
        assert f"{change.value}" in repr(Lifecycle())
    svg = Lifecycle().svg()
    assert svg.count("marker-end") == len(arrows())


def test_nothing_is_drawn_outside_the_picture() -> None:
    svg = Lifecycle().svg()
    width, height = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', svg).groups())
    for x, y in re.findall(r'<(?:rect|text) x="([-\d.]+)" y="([-\d.]+)"', svg):
        assert 0 <= float(x) <= width
        assert 0 <= float(y) <= height


class Words(HTMLParser):
    """Text outside the drawing and the style sheet."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.inside.remove(tag)

    def handle_data(self, data: str) -> None:
        if not {"svg", "style"} & {*self.inside}:
            self.text += f"{data} "


def test_a_notebook_that_loses_drawings_keeps_the_words() -> None:
    text = Words(Lifecycle("paused")._repr_html_()).text
    assert "now:  paused" in text
    for (_, change), _ in TABLE.items():
        assert change.value in text


class Box:
    def __init__(self, status: str) -> None:
        self._status = status

    @property
    def status(self) -> str:
        if self._status == "removed":
            raise NotFound("No such container")
        return self._status


@pytest.mark.parametrize(("status", "phase"), [("running", "running"), ("removed", "gone")])
def test_where_a_container_is_is_marked(status: str, phase: str) -> None:
    picture = lifecycle(Box(status))  # type: ignore[arg-type]
    assert repr(picture).endswith(f"now: {phase}")
    assert f'font-weight="bold">{phase}<' in picture.svg()
