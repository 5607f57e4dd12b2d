"""A lesson in JupyterLab, in a browser, in light and in dark: it runs, and what it shows can be read."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest
from labinbrowser import ROOT, browser, lab, missing, run_notebook

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]
LESSON = "02-life-and-death.ipynb"
COLOURS = """(selector) => {
  const shown = document.querySelector(selector), parse = text => text.match(/[\\d.]+/g).map(Number);
  let behind = shown;
  while (behind && (parse(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
  return [parse(getComputedStyle(shown).color), parse(getComputedStyle(behind).backgroundColor)];
}"""
"""The colour of an element's text, and of what is behind it."""


def luminance(colour: list[float]) -> float:
    channels = (c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour[:3])
    red, green, blue = channels
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(page: Any, selector: str) -> float:
    low, high = sorted(map(luminance, page.evaluate(COLOURS, selector)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_lesson_runs_and_can_be_read(theme: str, client: Any, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    shutil.copy(ROOT / "notebooks" / LESSON, folder)
    foreign: list[str] = []
    with lab(folder, tmp_path / "own", theme, DOCKERKIT_HOST=client.url) as url, browser() as chromium:
        page = chromium.new_page(viewport={"width": 1300, "height": 900})
        ours = (url, url.replace("http", "ws"), "data:", "blob:")
        page.on("request", lambda asked: None if asked.url.startswith(ours) else foreign.append(asked.url))
        cells = run_notebook(page, url, LESSON)
        code = [cell for cell in cells if cell["cell_type"] == "code" and cell["source"]]
        errors = [out for cell in code for out in cell["outputs"] if out["output_type"] == "error"]
        assert not errors
        assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
        looks(page, dark="Dark" in theme)
    assert not foreign, "something outside this machine was asked for"


def looks(page: Any, *, dark: bool) -> None:
    """What a person would see: the picture, its marked phase, tables whose text can be read on this theme's background."""
    page.evaluate("() => document.querySelector('.dk table.many').scrollIntoView()")
    page.wait_for_selector(".dk svg")
    assert page.evaluate("() => document.body.dataset.jpThemeLight") == ("false" if dark else "true")
    assert page.locator(".dk svg text", has_text=re.compile("^running$")).first.is_visible()
    assert contrast(page, ".dk p") >= 4.5
    assert contrast(page, ".dk svg") >= 4.5
    page.evaluate("() => document.querySelectorAll('.dk details').forEach(fold => fold.open = true)")
    for selector in (".dk table.many th", ".dk table.many td", ".dk summary"):
        assert contrast(page, selector) >= 4, selector
    align = "() => getComputedStyle(document.querySelector('.dk table.many td')).textAlign"
    assert page.evaluate(align) == "left", "JupyterLab's own rules for tables win"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_static_export_can_be_read(theme: str, tmp_path: pathlib.Path) -> None:
    flags = ["--to", "html", "--theme", theme, "--output-dir", str(tmp_path)]
    env = os.environ | {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [sys.executable, "-m", "nbconvert", *flags, str(ROOT / "notebooks" / "01-first-container.ipynb")]
    subprocess.run(command, check=True, capture_output=True, env=env)
    with browser() as chromium:
        page = chromium.new_page()
        page.goto(f"file://{tmp_path}/01-first-container.html", wait_until="domcontentloaded")
        assert page.locator(".dk table.many td", has_text="lesson-box").first.is_visible()
        for selector in (".dk p", ".dk table.many th", ".dk table.many td", ".dk tbody th", ".dk pre"):
            assert contrast(page, selector) >= 4.5, selector
