"""The table that both towers share: the engine's is the pictures' table."""

from __future__ import annotations

from dockerkit.daemon.engine import lifecycle as engines
from dockerkit.schema import lifecycle


def test_engine_and_pictures_have_one_table() -> None:
    assert engines.TABLE is lifecycle.TABLE
    assert engines.Phase is lifecycle.Phase


def test_every_phase_is_reached_and_left() -> None:
    reached = {lifecycle.Phase.CREATED, *lifecycle.TABLE.values()}
    left = {phase for phase, _ in lifecycle.TABLE}
    assert reached == set(lifecycle.Phase)
    assert left == set(lifecycle.Phase)
