"""The plugin's page does what it says: its files are written, and run, as a reader would."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_dockerkit import options
from tests.unit.plugin.suites import HOME, Suite

pytest_plugins = ["pytester"]
pytestmark = [pytest.mark.system, pytest.mark.usefixtures("leaves_nothing")]

PAGE = (HOME / "docs" / "pytest.md").read_text()
FILES = dict(re.findall(r"^```python (\w+\.py)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))


def test_the_page_s_files_run(suite: Suite) -> None:
    for name, text in FILES.items():
        (suite.path / name).write_text(text)
    result = suite.run()
    result.assert_outcomes(passed=7, failed=1)
    shown = re.search(r"^```console\n(>.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[1]
    result.stdout.fnmatch_lines(
        [re.sub("[0-9a-f]{12}|sha256:[0-9a-f]{4}…", "*", line) for line in shown.splitlines() if line != "..."]
    )
    shown_docs = suite.run("--fixtures")
    line = FILES["conftest.py"].splitlines().index("redis = container(") + 1
    shown_docs.stdout.fnmatch_lines(
        [f"redis [[]session scope[]] -- conftest.py:{line}", "    One redis for all tests (a pretended one)."]
    )


def test_the_page_names_every_option_factory_and_fixture() -> None:
    source = Path(options.__file__).read_text()
    wanted = {*re.findall(r'"(--dk-\w+)"', source), "dk_client", "dk_container", "dk_network", "dk_volume"}
    wanted |= {f"{factory}(" for factory in ("container", "image", "network", "volume", "compose")}
    assert len(wanted) == 13
    assert not {name for name in wanted if f"`{name}" not in PAGE}
