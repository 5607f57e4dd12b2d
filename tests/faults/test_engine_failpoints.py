"""The daemon dies at each of its named places, in the middle of a container's life; the next one finishes what was begun."""

from __future__ import annotations

import pytest
from killing import House, Told, Worker
from truths import events_are_whole, rows_and_containers_agree

pytestmark = pytest.mark.system
PLACES = ("engine.commit", "engine.committed", "engine.spawned", "engine.ended", "engine.trashed")


@pytest.fixture(scope="module")
def house(new_root):
    made = House(new_root())
    made.daemon.bootstrap("busybox")
    yield made
    made.over = True
    for row in made.ask("GET", "/containers/json?all=1")[1]:
        made.ask("DELETE", f"/containers/{row['Id']}?force=1")
    assert made.daemon.stop() == 0


@pytest.mark.parametrize("moment", ["create", "start", "end", "removal"])
@pytest.mark.parametrize("place", PLACES)
def test_a_daemon_that_dies_there_loses_nothing(house, place, moment):
    """Some places are not passed at some moments: then nobody dies, and everything must be true all the same."""
    worker = Worker(house, 0)
    told, stays = Told(f"{place}-{moment}"), Told(f"{place}-{moment}-stays")
    assert worker.start(stays, "exec sleep 100000")
    waiting = house.replace_the_dead()
    if moment in ("create", "start"):
        house.tell(f"{place}=kill")
    assert worker.start(told, "read line; exit 7", OpenStdin=True) if moment == "end" else worker.start(told, "exit 7")
    if moment == "end":
        house.tell(f"{place}=kill")
        house.ask("POST", f"/containers/{told.name}/kill?signal=KILL")
    house.ask("POST", f"/containers/{told.name}/wait")
    if moment == "removal":
        house.tell(f"{place}=kill")
    worker.remove(told)
    house.tell("")
    house.over = True
    house.daemon.crash()
    waiting.join()
    house.over = False
    house.kill_daemon()
    rows = {row["Id"]: row for row in house.ask("GET", "/containers/json?all=1")[1]}
    assert told.id not in rows
    assert rows[stays.id]["State"] == "running"
    rows_and_containers_agree(house, rows)
    events_are_whole(house, rows, [])
    worker.remove(stays)
