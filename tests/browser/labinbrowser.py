"""JupyterLab and a browser for tests: a server with folders of its own, and headless Chromium that reaches nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
READY = """() => {
  const panel = window.jupyterapp?.shell?.currentWidget, kernel = panel?.sessionContext?.session?.kernel;
  return panel?.content?.model?.cells?.length > 0 && panel.sessionContext.isReady
    && kernel?.connectionStatus === 'connected' && kernel?.status === 'idle';
}"""
"""A notebook is open and its kernel waits; the status bar says idle before a kernel exists."""


def chromium() -> str | None:
    """The browser's path."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def missing() -> str:
    """What is missing for a test in a browser, and how to get it; empty when it is all here."""
    absent = [name for name in ("jupyterlab", "playwright") if find_spec(name) is None]
    if absent:
        return f"no {' and no '.join(absent)} here: pip install 'dockerkit[browser]'"
    return "" if chromium() else "no Chromium here: apt-get install chromium"


@contextlib.contextmanager
def lab(folder: pathlib.Path, private: pathlib.Path, theme: str, **environment: str) -> Iterator[str]:
    """Run JupyterLab over a folder; yield its URL.

    :param private: where its own folders go.
    """
    settings = private / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}))
    folders = {"CONFIG": "c", "DATA": "d", "RUNTIME": "r"}
    env = os.environ | {f"JUPYTER_{name}_DIR": str(private / short) for name, short in folders.items()}
    env |= {"JUPYTERLAB_SETTINGS_DIR": str(private / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(private / "w")}
    env |= {"IPYTHONDIR": str(private / "i"), "PYTHONPATH": str(ROOT), **environment}
    port = free_port()
    flags = ["--allow-root", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--LabApp.expose_app_in_browser=True"]
    flags += ["--ServerApp.port_retries=0", "--IdentityProvider.token=", "--ServerApp.password="]
    command = [sys.executable, "-m", "jupyterlab", *flags, f"--ServerApp.root_dir={folder}"]
    with open(private / "lab.log", "wb") as log:
        server = subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=folder)
    try:
        answers(f"http://127.0.0.1:{port}/api", server, private / "lab.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str, server: subprocess.Popen[bytes], log: pathlib.Path) -> None:
    """Return when the server answers; fail with its log when it ends before."""
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=5).read()
        except (urllib.error.URLError, OSError):
            with contextlib.suppress(subprocess.TimeoutExpired):  # it lives: ask again
                server.wait(0.1)
                raise RuntimeError(log.read_text()) from None
        else:
            return
    raise RuntimeError(log.read_text())


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """Run headless Chromium."""
    from playwright.sync_api import sync_playwright

    alone = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-dev-shm-usage", alone]
        )
        yield started
        started.close()


def run_notebook(page: Any, url: str, name: str) -> list[dict[str, Any]]:
    """Open a notebook, run all its cells, and return them as they are then."""
    page.goto(f"{url}/lab/tree/{name}?reset")
    page.wait_for_function(READY, timeout=60_000)
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(READY, timeout=60_000)
    cells: list[dict[str, Any]] = page.evaluate(
        "() => Array.from(window.jupyterapp.shell.currentWidget.content.model.cells).map(cell => cell.toJSON())"
    )
    return cells
