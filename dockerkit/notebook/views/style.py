"""The style sheet of every view, once an output, so that each output can be saved, exported and shown alone.

Colours come from the page: JupyterLab's variables, else VS Code's, else what is readable on white and on black alike. Text
inherits. The class is doubled (``.dk.dk``) to outrank JupyterLab's own rules for tables. Nothing here carries meaning.
"""

from __future__ import annotations

from html import escape
from typing import NamedTuple


class Tone(NamedTuple):
    """A state's colour: for light pages, dark pages, and literal for where style sheets are taken away."""

    light: str
    dark: str
    literal: str


GOOD = Tone("#1a7f37", "#56d364", "#2f9e4f")
BAD = Tone("#cf222e", "#ff7b72", "#e5534b")
WAITING = Tone("#9a6700", "#e3b341", "#b8860b")
QUIET = Tone("#57606a", "#9da7b3", "#808890")
TONES = {"good": GOOD, "bad": BAD, "waiting": WAITING, "quiet": QUIET}

_DARK = ("body[data-jp-theme-light=false]", "body.vscode-dark", "body.vscode-high-contrast", "html[data-theme=dark]")
_RULES = """
.dk.dk{font-family:var(--jp-ui-font-family,var(--vscode-font-family,system-ui,sans-serif));font-size:13px;line-height:1.45;
color:var(--jp-content-font-color1,var(--vscode-foreground,inherit));max-width:100%;overflow-x:auto;padding:4px 0}
.dk.dk p{margin:0 0 4px}
.dk.dk .noun,.dk.dk summary,.dk.dk tbody th,.dk.dk .name{font-weight:normal;
color:var(--jp-content-font-color2,var(--vscode-descriptionForeground,inherit))}
.dk.dk table{border-collapse:collapse;border:none;margin:2px 0 4px;font-size:13px;background:none;color:inherit}
.dk.dk table tr:nth-child(n){background:none}
.dk.dk table th,.dk.dk table td{text-align:left;vertical-align:top;padding:3px 12px 3px 0;border:none;max-width:60em;
overflow-wrap:anywhere;white-space:pre-wrap}
.dk.dk table.many th,.dk.dk table.many td{padding:4px 14px 4px 4px;
border-bottom:1px solid var(--jp-border-color2,var(--vscode-panel-border,rgba(128,128,128,.35)))}
.dk.dk table.many thead th{font-weight:600}
.dk.dk table.many tbody tr:nth-child(n):hover{background:var(--jp-rendermime-table-row-hover-background,rgba(128,128,128,.12))}
.dk.dk table .n{text-align:right;font-variant-numeric:tabular-nums}
.dk.dk code,.dk.dk pre{font-family:var(--jp-code-font-family,var(--vscode-editor-font-family,monospace));font-size:12px;
background:none;color:inherit;padding:0}
.dk.dk pre{margin:2px 0 6px;padding:4px 8px;white-space:pre-wrap;overflow-wrap:anywhere;max-height:30em;overflow:auto;
border-left:3px solid var(--jp-border-color1,var(--vscode-panel-border,rgba(128,128,128,.5)))}
.dk.dk summary{cursor:pointer}
"""


def _toned() -> str:
    light = "".join(f".dk.dk .{name},.dk.dk .{name} span{{color:{tone.light}!important}}" for name, tone in TONES.items())
    dark = "".join(
        f"{','.join(f'{hook} .dk.dk .{name},{hook} .dk.dk .{name} span' for hook in _DARK)}{{color:{tone.dark}!important}}"
        for name, tone in TONES.items()
    )
    return light + dark


SHEET = f"<style>{_RULES.replace(chr(10), '')}{_toned()}</style>"


def framed(body: str) -> str:
    """Return a view: its style sheet and its body."""
    return f'<div class="dk">{SHEET}{body}</div>'


def state(word: str) -> str:
    """Return a state as a coloured dot and its word; the word says it all."""
    name = tone_of(word)
    return f'<b class="{name}"><span style="color:{TONES[name].literal}">●</span> {escape(word)}</b>'


_WORDS = {
    "good": ("up", "running", "healthy", "succeeded"),
    "bad": ("dead", "unhealthy", "failed", "out of memory", "killed", "unknown"),
    "waiting": ("paused", "restarting", "removing", "starting"),
    "quiet": ("created", "exited", "removed", "ended"),
}


def tone_of(word: str) -> str:
    """Return the tone of a state, in Docker's words: ``running``, ``Up 5 seconds (Paused)``, ``Exited (1) 2 hours ago`` …"""
    said = word.lower()
    if said.startswith("exited (") and not said.startswith("exited (0)"):
        return "bad"
    if said.startswith("up") and "(paused)" in said:
        return "waiting"
    if "unhealthy" in said:
        return "bad"
    return next((tone for tone, starts in _WORDS.items() if said.startswith(starts)), "quiet")
