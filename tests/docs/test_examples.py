"""Examples do what their page says, on a live daemon; what is not run at least compiles."""

from __future__ import annotations

import ast
import doctest
from pathlib import Path
from typing import Any

import pytest
from pages import ROOT, Block, blocks, pages

import dockerkit

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", pages(), ids=named)
def test_examples_are_python(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            ast.parse("\n" * (block.line - 1) + block.text, str(page))
        elif block.language == "pycon":
            assert doctest.DocTestParser().get_examples(block.text), f"{named(page)}:{block.line}: a transcript without >>>"


def runnable() -> list[Path]:
    return [page for page in pages() if any(block.runs for block in blocks(page))]


@pytest.mark.system
@pytest.mark.parametrize("page", runnable(), ids=named)
def test_examples_do_what_the_page_says(page: Path, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKERKIT_HOST", client.url)
    names: dict[str, Any] = {"__name__": "example"}
    for block in blocks(page):
        if block.language == "pycon":
            compare(page, block, names)
        elif block.runs:
            exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), names)
    assert names["dk"] is dockerkit, "an example imports what it uses"


def compare(page: Path, block: Block, names: dict[str, Any]) -> None:
    """Execute a transcript in `names`; fail with the difference."""
    transcript = doctest.DocTestParser().get_doctest(block.text, names, named(page), str(page), block.line - 1)
    transcript.globs = names  # the parser copies; a page's blocks share their names, as a reader does
    said: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=OPTIONS).run(transcript, out=said.append, clear_globs=False)
    assert not failed, "".join(said)
