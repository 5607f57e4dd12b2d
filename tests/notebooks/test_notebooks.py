"""The course runs from a fresh machine, cell by cell, and gives what it shows: nbval, strictly."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.livedaemon import LiveDaemon

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def fresh(daemon_factory: Callable[..., LiveDaemon]) -> LiveDaemon:
    """An engine without images: the first cell of a lesson makes what the lesson needs."""
    return daemon_factory()


def judge(
    path: pathlib.Path, url: str, private: pathlib.Path, daemon: LiveDaemon | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a notebook under nbval in a process of its own, with Jupyter's folders in `private`.

    :param daemon: the kernel sees its network: published ports are there.
    """
    pytest.importorskip("nbval")
    folders = ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DOCKER", "PYTEST", "COV"))}
    env |= {"DOCKERKIT_HOST": url, "PYTHONPATH": str(ROOT), **{name: str(private / name) for name in folders}}
    words = ["--nbval", "--nbval-sanitize-with", "notebooks/sanitize.cfg", "--nbval-kernel-name", "python3"]
    quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(ROOT), "--color=no"]
    command = [sys.executable, "-m", "pytest", *words, *quiet, str(path)]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=110, check=False)

    return run() if daemon is None else daemon.inside(run)


@pytest.mark.system
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_gives_what_it_shows(path: pathlib.Path, fresh: LiveDaemon, tmp_path: pathlib.Path) -> None:
    ran = judge(path, fresh.url, tmp_path, fresh)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert fresh.request("GET", "/containers/json?all=1")[1] == [], "the lesson left containers behind"
    assert len(fresh.request("GET", "/networks")[1]) == 3, "the lesson left networks behind"


def test_a_notebook_that_shows_something_else_fails(tmp_path: pathlib.Path) -> None:
    import nbformat.v4 as notebooks

    shown = [("1 + 1", "3"), ("%nosuchmagic", "None")]
    cells = [
        notebooks.new_code_cell(code, outputs=[notebooks.new_output("execute_result", {"text/plain": text})])
        for code, text in shown
    ]
    path = tmp_path / "wrong.ipynb"
    path.write_text(json.dumps(notebooks.new_notebook(cells=cells)))
    ran = judge(path, "unix:///nowhere", tmp_path)
    assert "2 failed" in ran.stdout


def cells(path: pathlib.Path) -> list[dict[str, Any]]:
    notebook = json.loads(path.read_text())
    assert notebook["nbformat"] == 4
    return notebook["cells"]


def test_there_is_a_course() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["01-first-container", "02-life-and-death", "03-limits", "04-networks"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_lesson_states_its_goal_and_how_to_check_it(path: pathlib.Path) -> None:
    first = "".join(cells(path)[0]["source"])
    assert "**Goal.**" in first
    assert "**How to check your work.**" in first
    code = ["".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "code"]
    assert any("assert" in cell for cell in code), "nothing judges the reader's work"
    assert code[-1] == "%docker reset", "a lesson leaves nothing behind"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_lesson_was_saved_as_it_runs(path: pathlib.Path) -> None:
    shown = [cell for cell in cells(path) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in shown] == list(range(1, len(shown) + 1)), "run it from the top, then save"
    assert not [cell["id"] for cell in shown for output in cell["outputs"] if output["output_type"] == "error"]
    ignored = [cell["id"] for cell in shown if "nbval-ignore-output" in cell["metadata"].get("tags", [])]
    assert ignored == [shown[0]["id"]], "only what making the image says depends on the machine"
