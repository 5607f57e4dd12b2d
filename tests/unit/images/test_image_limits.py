"""How large what comes from outside may become, and how that is set."""

from __future__ import annotations

import pytest

from dockerkit.daemon.images.limits import Limits, Meter, limits
from dockerkit.errors import Damaged, Invalid


def test_the_environment_sets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limits() == Limits()
    monkeypatch.setenv("DOCKERKIT_LAYER_BYTES", "2g")
    monkeypatch.setenv("DOCKERKIT_LAYER_ENTRIES", "7")
    monkeypatch.setenv("DOCKERKIT_LAYER_RATIO", "0")
    assert limits() == Limits(bytes=2 << 30, entries=7, ratio=0)


@pytest.mark.parametrize("name", ["DOCKERKIT_LAYER_BYTES", "DOCKERKIT_LAYER_ENTRIES", "DOCKERKIT_LAYER_RATIO"])
def test_a_setting_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "many")
    with pytest.raises(Invalid, match="many"):
        limits()


def test_a_ratio_of_nothing_is_any() -> None:
    meter = Meter(Limits(bytes=1 << 50, ratio=0))
    meter.came(1)
    meter.unpacked(1 << 40)


def test_small_things_may_unfold_as_they_like() -> None:
    meter = Meter(Limits())
    meter.came(1)
    meter.unpacked(1 << 30)
    with pytest.raises(Damaged, match="out of 1B") as bomb:
        meter.unpacked(1)
    assert "DOCKERKIT_LAYER_RATIO" in bomb.value.hint
