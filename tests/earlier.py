"""What suites that were killed left on this machine: told by their names, which hold the process that made them.

Only what has no living process any more is taken away, neither the suite's own nor one of its daemons'; what runs is named.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Iterator

from dockerkit.schema.endpoint import root_id
from tests.leftovers import processes, take_away

ROOT = re.compile(r"dkt-(\d+)-\w+")
GROUP = re.compile(r"dockerkit-(?:test|reference)-(\d+)\b.*")


def prefix() -> str:
    """Return how the name of a data root of this process begins."""
    return f"dkt-{os.getpid()}-"


def swept() -> Iterator[str]:
    """Take away what suites left that are gone; tell what was, and what could not be."""
    for root in _of_the_dead(pathlib.Path(tempfile.gettempdir()).glob("dkt-*"), ROOT):
        if running := processes([root], [f"dockerkit-{root_id(root)}"]):
            yield f"left by an earlier suite, and still running: {', '.join(running)}"
            continue
        take_away([root])
        shutil.rmtree(root, ignore_errors=True)
        yield f"left by an earlier suite, taken away: {root}"
    for group in _of_the_dead(pathlib.Path("/sys/fs/cgroup").glob("*/dockerkit-*"), GROUP):
        for directory, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):  # somebody is in it
                os.rmdir(directory)
        yield f"left by an earlier suite, {'still in use' if os.path.exists(group) else 'taken away'}: {group}"


def _of_the_dead(paths: Iterator[pathlib.Path], name: re.Pattern[str]) -> Iterator[str]:
    """Those whose name says that a process made them which is no more."""
    for path in sorted(paths):
        if (found := name.fullmatch(path.name)) and not os.path.exists(f"/proc/{found[1]}"):
            yield str(path)
