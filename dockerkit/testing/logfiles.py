"""One file a container, with everything it wrote, for whoever reads after the run."""

from __future__ import annotations

import os
import re

from dockerkit.client.container import Container

_LONGEST = 120


def log_path(folder: str, place: str, fixture: str, container: str) -> str:
    """Return where a container's log goes: the test (or class, or file) it was for, its fixture, its id."""
    words = re.sub(r"[^\w.\[\]-]+", "-", f"{place}.{fixture}" if place else fixture).strip("-.")
    return os.path.join(folder, f"{words[-_LONGEST:].lstrip('-.')}-{container[:12]}.log")


def write_log(container: Container, path: str) -> None:
    """Write what a container wrote, both streams in order; folders are made.

    :raises NotFound: it has been removed.
    :raises Unavailable: the file cannot be written, or the engine does not answer.
    """
    text = container.logs()
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
