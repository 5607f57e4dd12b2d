"""What must be true of a data root whatever was killed: rows, containers, events and control groups agree."""

from __future__ import annotations

import json
import os
import pathlib
import re
import sqlite3
from collections import defaultdict
from typing import Any

from killing import House

from dockerkit.schema.endpoint import root_id

LIFE = re.compile(r"create (start die )*(start )?(destroy )?")


def journal(root: str) -> list[tuple[int, dict[str, Any]]]:
    """Return every event that was written, with its revision."""
    with sqlite3.connect(f"file:{root}/state.db?mode=ro", uri=True) as database:
        rows = database.execute("SELECT revision, event FROM journal ORDER BY revision").fetchall()
    return [(revision, json.loads(event)) for revision, event in rows]


def _groups(root: str) -> set[str]:
    parent = f"dockerkit-{root_id(root)}"
    found = pathlib.Path("/sys/fs/cgroup").glob(f"*/{parent}/*/*")
    return {path.name for path in found if path.is_dir()}


def rows_and_containers_agree(house: House, rows: dict[str, Any]) -> None:
    """Check that each row has its directory, each running one its process and groups, and nobody else has."""
    assert set(os.listdir(f"{house.root}/containers")) == set(rows)
    running = {id for id, row in rows.items() if row["State"] == "running"}
    assert _groups(house.root) == running
    for id in running:
        found = house.ask("GET", f"/containers/{id}/json")[1]
        assert os.path.exists(f"/proc/{found['State']['Pid']}")
    mounts = pathlib.Path("/proc/self/mountinfo").read_text()
    assert house.root not in mounts


def events_are_whole(house: House, rows: dict[str, Any], heard: list[dict[str, Any]]) -> None:
    """Check that the journal has no gap, that every container's events make one life, and that a listener heard the same."""
    written = journal(house.root)
    revisions = [revision for revision, _ in written]
    assert revisions == list(range(1, len(revisions) + 1))
    lives: dict[str, str] = defaultdict(str)
    for _, event in written:
        if event["Action"] in ("create", "start", "die", "destroy"):
            lives[event["Actor"]["ID"]] += f"{event['Action']} "
    for id, life in lives.items():
        if not id.startswith("sha256:"):
            _is_a_life(id, life, rows)
    assert set(rows) <= set(lives)
    keys = [(event["timeNano"], event["Action"], event["Actor"]["ID"]) for _, event in written]
    told = [(event["timeNano"], event["Action"], event["Actor"]["ID"]) for event in heard]
    assert told == keys[: len(told)]
    assert not heard or len(told) > len(keys) // 2


def _is_a_life(id: str, life: str, rows: dict[str, Any]) -> None:
    assert LIFE.fullmatch(life), (id, life)
    assert life.endswith("destroy ") == (id not in rows), (id, life)
    if id in rows:
        assert life.endswith("start ") == (rows[id]["State"] == "running"), (id, life)
