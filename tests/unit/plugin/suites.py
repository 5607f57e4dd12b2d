"""Throw-away projects whose tests run in a process of their own, as a user's do: with the plugin, and nothing of this suite."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[3]
LOADED = ["-p", "xdist", "-p", "pytest_dockerkit"]
"""By name, so that it is this checkout's; and no other plugin that happens to be installed takes its time."""
NOBODY = "unix:///nonexistent/dockerkit.sock"


class Suite:
    """One project: a conftest, a file of tests, and the engine that they are told of."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, url: str = NOBODY) -> None:
        self.pytester = pytester
        self.path = pytester.path
        monkeypatch.setenv("DOCKERKIT_HOST", url)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(HOME), str(HOME / "pytest_plugin"))))
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        for name in ("DOCKER_HOST", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_TESTRUNUID"):
            monkeypatch.delenv(name, raising=False)

    def write(self, conftest: str, tests: str) -> Suite:
        """Write the project's two files."""
        (self.path / "conftest.py").write_text(textwrap.dedent(conftest))
        (self.path / "test_it.py").write_text(textwrap.dedent(tests))
        return self

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run its tests; return what became of them and what was printed."""
        return self.pytester.runpytest_subprocess(*LOADED, "-p", "no:cacheprovider", *arguments, timeout=110)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start its tests in a process group of their own, to be killed."""
        command = [sys.executable, "-m", "pytest", *LOADED, "-p", "no:cacheprovider", *arguments]
        with open(self.path / "output", "wb") as output:
            return subprocess.Popen(command, cwd=self.path, stdout=output, stderr=output, start_new_session=True)

    def lines(self, name: str) -> list[str]:
        """Return the lines of a file that its tests wrote."""
        return (self.path / name).read_text().splitlines()
