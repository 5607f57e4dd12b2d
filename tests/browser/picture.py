"""Take the README's picture: a short notebook, run in JupyterLab, as a person sees it.

``python -m tests.browser.picture docs/notebook.png`` makes it anew; it takes root, and what the browser's tests need.
"""

from __future__ import annotations

import os
import pathlib
import sys
import tempfile
from typing import Any

import nbformat

from tests.browser.labinbrowser import browser, lab, missing, run_notebook
from tests.livedaemon import LiveDaemon

CELLS = (
    "%load_ext dockerkit\nimport dockerkit as dk",
    'box = dk.container("busybox", "sleep", "600").name("box").memory("64m").start()\ndk.lifecycle(box)',
    "%%exec box\nfor word in hello from inside; do echo $word; done",
    "%docker ps",
)
NAME = "picture.ipynb"
SIZE = {"width": 1000, "height": 970}


def main() -> None:
    """Take the picture."""
    if reason := missing():
        sys.exit(reason)
    with tempfile.TemporaryDirectory(prefix="dkb-") as top:
        folder, private, root = (pathlib.Path(top, name) for name in ("notebooks", "own", "root"))
        for path in (folder, private, root):
            path.mkdir()
        nbformat.write(_notebook(), folder / NAME)
        daemon = LiveDaemon.start(str(root))
        try:
            daemon.bootstrap("busybox")
            with lab(folder, private, "JupyterLab Light", DOCKERKIT_HOST=daemon.url) as url, browser() as chromium:
                _take(chromium.new_page(viewport=SIZE, device_scale_factor=1.5), url, sys.argv[1])
            daemon.request("DELETE", "/containers/box?force=1")
        finally:
            daemon.stop()


def _notebook() -> Any:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def _take(page: Any, url: str, path: str) -> None:
    run_notebook(page, url, NAME)
    page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    page.wait_for_timeout(500)
    panel = page.locator(".jp-NotebookPanel").first
    panel.screenshot(path=os.path.abspath(path))


if __name__ == "__main__":
    main()
