"""One thing as a card: what it is, what is known of it, what it wrote. Written as one line of text, or as HTML.

A value: contacts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from dockerkit.notebook.views.style import framed, state

LONGEST = 64 * 1024
"""Characters of an output that are shown; a notebook is a file that somebody has to open."""
_UNFOLDED = 40
"""Lines of an output that are shown without asking."""
_IN_TEXT = 200


@dataclass(frozen=True)
class Fact:
    """A word about a thing. An empty value says nothing, and is not shown."""

    name: str
    value: str
    is_state: bool = False
    folded: bool = False
    """Shown in HTML when asked for."""


@dataclass(frozen=True)
class Written:
    """What a program wrote to one of its streams."""

    name: str
    text: str


@dataclass(frozen=True)
class Card:
    """A thing as it is shown."""

    noun: str
    title: str
    facts: tuple[Fact, ...] = ()
    outputs: tuple[Written, ...] = ()

    def text(self) -> str:
        """Return it as one line."""
        said = [f"{fact.name} {fact.value}" for fact in self.facts if fact.value]
        said += [f"{output.name} {_shortened(output.text)}" for output in self.outputs if output.text]
        return f"<{self.noun} {self.title}{': ' if said else ''}{', '.join(said)}>"

    def html(self) -> str:
        """Return it as HTML, on its own in whatever page it is shown."""
        open_facts = [fact for fact in self.facts if fact.value and not fact.folded]
        folded = [fact for fact in self.facts if fact.value and fact.folded]
        head = f'<p><span class="noun">{escape(self.noun)}</span> <b>{escape(self.title)}</b></p>'
        parts = [head, _facts(open_facts), *map(_output, self.outputs)]
        if folded:
            names = ", ".join(fact.name for fact in folded)
            parts.append(f"<details><summary>{escape(names)}</summary>{_facts(folded)}</details>")
        return framed("".join(parts))


def _facts(facts: list[Fact]) -> str:
    if not facts:
        return ""
    rows = (f"<tr><th>{escape(f.name)}</th><td>{state(f.value) if f.is_state else escape(f.value)}</td></tr>" for f in facts)
    return f"<table><tbody>{''.join(rows)}</tbody></table>"


def _output(output: Written) -> str:
    if not output.text:
        return ""
    shown, lines = output.text, output.text.count("\n") + (not output.text.endswith("\n"))
    if len(shown) > LONGEST:
        shown = f"{shown[:LONGEST]}\n… cut here: {len(output.text)} characters in all"
    pre = f"<pre>{escape(shown)}</pre>"
    if lines <= _UNFOLDED:
        return f'<span class="name">{escape(output.name)}</span>{pre}'
    return f"<details><summary>{escape(output.name)}: {lines} lines</summary>{pre}</details>"


def _shortened(text: str) -> str:
    return repr(text) if len(text) <= _IN_TEXT else f"{text[:_IN_TEXT]!r}… ({len(text)} characters)"
