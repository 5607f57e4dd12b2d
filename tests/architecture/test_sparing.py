"""What a daemon without anything to do does not need is not imported at its start: that is memory, and time to be ready."""

from __future__ import annotations

import subprocess
import sys

NOT_AT_START = (
    "cryptography",
    "dockerkit.client",
    "dockerkit.daemon.registry.session",
    "email",
    "http.client",
    "importlib.metadata",
    "multiprocessing",
    "pyroute2",
    "ssl",
    "typing_extensions",
    "unittest",
    "urllib.request",
    "xml",
    "zstandard",
)
LOOK = "import sys, dockerkit.daemon.__main__; print(*sorted(sys.modules), sep='\\n')"
USE = "import dockerkit.daemon.__main__, ssl, typing_extensions; ssl.create_default_context(); print(typing_extensions.Self)"


def _said(program: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def test_a_daemon_imports_nothing_at_its_start_that_it_does_not_need_then() -> None:
    loaded = set(_said(LOOK))
    assert "dockerkit.daemon.engine.engine" in loaded
    assert loaded.isdisjoint(NOT_AT_START), sorted(loaded.intersection(NOT_AT_START))


def test_what_was_spared_is_there_for_whoever_imports_it_later() -> None:
    assert _said(USE) == ["typing.Self"]
