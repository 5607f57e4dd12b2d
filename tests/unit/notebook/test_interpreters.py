"""Who reads a cell."""

from __future__ import annotations

import pytest

from dockerkit.notebook.interpreters import Reader, reader


@pytest.mark.parametrize(
    ("cell", "entrypoint", "command", "who"),
    [
        ("echo hi", None, ["sh"], Reader(("sh",), alone=False)),
        ("echo hi", None, ["/bin/bash"], Reader(("/bin/bash",), alone=False)),
        ("1+1", None, ["python3"], Reader(("python3",), alone=False)),
        ("1+1", ["docker-entrypoint.sh"], ["node"], Reader(("node",), alone=False)),
        ("1+1", ["python3"], None, Reader(("python3",))),
        ("echo hi", ["redis-server"], None, Reader(("sh",))),
        ("echo hi", None, ["nginx", "-g", "daemon off;"], Reader(("sh",))),
        ("echo hi", None, None, Reader(("sh",))),
        ("puts 1", None, ["irb"], Reader(("ruby",))),
        ("#!/usr/bin/env python3\n1", None, ["sh"], Reader(("/usr/bin/env", "python3"))),
        ("\n#!/bin/sh -e\nfalse", None, ["python3"], Reader(("/bin/sh", "-e"))),
        ("#!/usr/bin/awk -f\n{}", None, ["sh"], Reader(("/usr/bin/awk", "-f", "/dev/stdin"))),
        ("#!\necho", None, None, Reader(("sh",))),
    ],
)
def test_cell_is_read_by(cell: str, entrypoint: list[str] | None, command: list[str] | None, who: Reader) -> None:
    assert reader(cell, entrypoint, command) == who
