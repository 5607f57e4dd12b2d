"""The life of a container as a picture, drawn from the table that the engine obeys: ``dk.lifecycle()``.

With a container, the phase in which it is now is marked. A notebook that is not trusted loses the drawing, and keeps the table
of words beneath it.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from dockerkit.errors import NotFound
from dockerkit.notebook.views.style import TONES, framed, tone_of
from dockerkit.schema.lifecycle import TABLE, Phase

if TYPE_CHECKING:
    from dockerkit.client.container import Container

GONE = "gone"
Arrow = tuple[str, str, str]
"""From, to, and what happens."""

PLACES: dict[str, tuple[float, float]] = {
    Phase.CREATED: (90, 60),
    Phase.RUNNING: (400, 60),
    Phase.PAUSED: (680, 60),
    Phase.EXITED: (400, 210),
    Phase.RESTARTING: (680, 210),
    Phase.REMOVING: (400, 340),
    Phase.DEAD: (680, 340),
    GONE: (90, 340),
}
_WIDTH, _HEIGHT, _HALF, _TALL = 840, 370, 52, 15
_LABEL_AT, _STEEP_LABEL_AT = 0.22, 0.42
"""Where on an arrow its words are: on a slanting one near to where it begins, for such arrows cross."""
_LOOPS_LEFT = frozenset({Phase.EXITED})
"""Where something leads back to itself, and there is no room above."""


def lifecycle(container: Container | None = None) -> Lifecycle:
    """Return the picture of a container's life; with a container, where it is now is marked."""
    return Lifecycle("" if container is None else _phase(container))


def _phase(container: Container) -> str:
    try:
        return container.status
    except NotFound:
        return GONE


def arrows() -> list[Arrow]:
    """Return the arrows of the picture, changes between the same two phases together."""
    found: dict[tuple[str, str], list[str]] = {}
    for (phase, change), then in TABLE.items():
        found.setdefault((phase.value, then.value), []).append(change.value)
    return [(a, b, " / ".join(changes)) for (a, b), changes in found.items()] + [(Phase.REMOVING.value, GONE, "")]


class Lifecycle:
    """The picture.

    :param phase: the one to mark, or none.
    """

    def __init__(self, phase: str = "") -> None:
        self.phase = phase

    def __repr__(self) -> str:
        """Show every arrow as a line, and the marked phase."""
        lines = [f"{a:<10} → {b:<10}  {change}".rstrip() for a, b, change in arrows()]
        return "\n".join([*lines, *([f"now: {self.phase}"] if self.phase else [])])

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{a}</td><td>{escape(c)}</td><td>{b}</td></tr>" for a, b, c in arrows())
        words = (
            f"<table class=many><thead><tr><th>from</th><th>change</th><th>to</th></tr></thead><tbody>{rows}</tbody></table>"
        )
        now = f"<p>now: <b>{escape(self.phase)}</b></p>" if self.phase else ""
        return framed(f"{self.svg()}{now}<details><summary>as words</summary>{words}</details>")

    def svg(self) -> str:
        """Return the drawing alone."""
        parts = [_arrow(*arrow) for arrow in arrows()] + [self._node(phase, *at) for phase, at in PLACES.items()]
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" style="max-width:100%" '
            'role="img" font-family="sans-serif" font-size="12" fill="currentColor" stroke="none">'
            "<title>The life of a container</title>"
            '<defs><marker id="dk-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0L8 4L0 8z" fill="currentColor"/></marker></defs>'
        )
        return f"{head}{''.join(parts)}</svg>"

    def _node(self, phase: str, x: float, y: float) -> str:
        here = phase == self.phase
        colour = TONES[tone_of(phase)].literal if here else "currentColor"
        paint = f'fill="{colour}" fill-opacity="{0.3 if here else 0.06}" stroke="{colour}" stroke-width="{2.5 if here else 1}"'
        box = f'<rect x="{x - _HALF}" y="{y - _TALL}" width="{2 * _HALF}" height="{2 * _TALL}" rx="8" {paint}/>'
        weight = ' font-weight="bold"' if here else ""
        return f'{box}<text x="{x}" y="{y + 4}" text-anchor="middle"{weight}>{escape(phase)}</text>'


def _arrow(a: str, b: str, words: str) -> str:
    if a == b:
        return _loop(*PLACES[a], words, left=a in _LOOPS_LEFT)
    (x1, y1), (x2, y2) = PLACES[a], PLACES[b]
    both = any((b, a) == (one, other) for one, other, _ in arrows())
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    aside = 8 if both else 0
    dx, dy = -(y2 - y1) / length * aside, (x2 - x1) / length * aside
    start, end = _edge(x1, y1, x2, y2, dx=dx, dy=dy), _edge(x2, y2, x1, y1, dx=dx, dy=dy)
    line = _line(f"M{start[0]:.0f} {start[1]:.0f}L{end[0]:.0f} {end[1]:.0f}")
    if y1 == y2:
        return line + _words((x1 + x2) / 2, y1 + dy + (14 if dy > 0 else -5), words, "middle")
    at = _STEEP_LABEL_AT if x1 == x2 else _LABEL_AT
    x, y = (first + (second - first) * at for first, second in zip(start, end, strict=True))
    before = both and dx < 0 and x1 == x2
    return line + _words(x + (-6 if before else 7), y + 4, words, "end" if before else "start")


def _edge(x1: float, y1: float, x2: float, y2: float, *, dx: float, dy: float) -> tuple[float, float]:
    """Return where the line from a box to another, moved aside by (dx, dy), leaves the box."""
    along, down = x2 - x1, y2 - y1
    across = ((_HALF if along > 0 else -_HALF) - dx) / along if along else 9
    reach = min(across, ((_TALL if down > 0 else -_TALL) - dy) / down if down else 9)
    return x1 + dx + along * reach, y1 + dy + down * reach


def _loop(x: float, y: float, words: str, *, left: bool) -> str:
    if left:
        edge = x - _HALF
        return _line(f"M{edge} {y + 6}C{edge - 45} {y + 28} {edge - 45} {y - 28} {edge} {y - 6}") + _words(
            edge - 25, y - 22, words, "middle"
        )
    top = y - _TALL
    return _line(f"M{x - 20} {top}C{x - 40} {top - 30} {x + 40} {top - 30} {x + 20} {top}") + _words(
        x, top - 26, words, "middle"
    )


def _line(path: str) -> str:
    return f'<path d="{path}" fill="none" stroke="currentColor" stroke-opacity="0.65" marker-end="url(#dk-arrow)"/>'


def _words(x: float, y: float, words: str, anchor: str) -> str:
    said = f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="11">{escape(words)}</text>'
    return said if words else ""
