"""Daemon, shim and keepers killed at random under load; then everything must still be true.

No row without its container and no container without its row; exit codes and output whole; events neither lost nor doubled;
nothing mounted, running or in a control group that should not be. ``DOCKERKIT_KILLS`` says how many (20), ``DOCKERKIT_SEED``
repeats a run.
"""

from __future__ import annotations

import itertools
import os
import random
import re
from collections import Counter
from typing import Any

import pytest
from killing import PATIENCE, House, Listener, Told, Worker
from truths import events_are_whole, rows_and_containers_agree

pytestmark = pytest.mark.system
KILLS = int(os.environ.get("DOCKERKIT_KILLS", "20"))
WORKERS = 3


@pytest.fixture
def house(new_root):
    made = House(new_root())
    made.daemon.bootstrap("busybox")
    yield made
    made.over = True
    for row in made.ask("GET", "/containers/json?all=1")[1]:
        status, answer, _ = made.ask("DELETE", f"/containers/{row['Id']}?force=1")
        assert status == 204, answer
    assert made.daemon.stop() == 0


def test_whoever_is_killed_everything_is_still_true(house):
    seed = int(os.environ.get("DOCKERKIT_SEED", random.SystemRandom().randrange(10**6)))
    print(f"DOCKERKIT_SEED={seed}")
    chance = random.Random(seed)
    listener = Listener(house)
    workers = [Worker(house, seed * 10 + number) for number in range(WORKERS)]
    for one in (*workers, listener):
        one.thread.start()
    victims: list[str] = []
    for _ in range(KILLS):
        house.wait_for_work(chance.randrange(1, 8))
        victim = chance.choice(("daemon", "shim", "keeper", "keeper"))
        kill = {"daemon": house.kill_daemon, "shim": house.kill_shim, "keeper": lambda: house.kill_keeper(chance)}[victim]
        victims.append(victim if kill() else f"no {victim}")
    print(f"{sum(len(worker.told) for worker in workers)} containers, killed: {Counter(victims)}")
    house.over = True
    for worker in workers:
        worker.thread.join(PATIENCE)
        assert not worker.thread.is_alive()
        if worker.error:
            raise worker.error
    house.kill_daemon()  # what is true must be so on disk; and the listener hears the end of its stream
    listener.thread.join(PATIENCE)
    if listener.error:
        raise listener.error

    rows = {row["Id"]: row for row in house.ask("GET", "/containers/json?all=1")[1]}
    rows_and_containers_agree(house, rows)
    for told in itertools.chain.from_iterable(worker.told for worker in workers):
        _is_as_it_was_told(house, told, rows)
    events_are_whole(house, rows, listener.heard)


def _is_as_it_was_told(house: House, told: Told, rows: dict[str, Any]) -> None:
    names = {row["Names"][0] for row in rows.values()}
    assert (f"/{told.name}" in names) == (not told.removed), told
    if told.removed:
        return
    found = house.ask("GET", f"/containers/{told.name}/json")[1]
    state = found["State"]
    if told.id in house.killed:
        assert state["Status"] in ("exited", "created"), (told, state)
        return
    assert state["Running"] == told.runs, (told, state)
    if told.exit_code is not None:
        assert state["ExitCode"] == told.exit_code, (told, state)
    output = house.ask("GET", f"/containers/{told.name}/logs?stdout=1")[1]
    assert re.sub(rb"\x01\0\0\0....", b"", output, flags=re.DOTALL).decode() == told.output, told
