"""Samples of ``stats``: which of those before is compared with, and the moments that filters name."""

from __future__ import annotations

from collections import deque

import pytest

from dockerkit.daemon.engine.entries import SAMPLES_KEPT
from dockerkit.daemon.engine.statistics import Sample, _remember, host_cpu_time
from dockerkit.errors import Invalid
from dockerkit.schema.units import parse_moment

NOW = 1_700_000_000 * 10**9


def _taken(*moments: float, life: str = "1") -> list[float | None]:
    samples: deque[Sample] = deque(maxlen=SAMPLES_KEPT)
    found = [_remember(samples, Sample(moment, "", life, {})) for moment in moments]
    return [before.moment if before else None for before in found]


def test_whoever_asks_once_a_second_gets_the_second_before():
    assert _taken(0, 1, 2, 3) == [None, 0, 1, 2]


def test_many_who_ask_at_once_all_get_one_that_is_old_enough_to_make_a_rate():
    assert _taken(0, 0.01, 1, 1.01, 1.02, 2, 2.01) == [None, None, 0, 0, 0, 1, 1]


def test_a_sample_of_long_ago_makes_no_rate():
    assert _taken(0, 60) == [None, None]


def test_a_sample_of_an_earlier_life_makes_no_rate():
    samples: deque[Sample] = deque(maxlen=SAMPLES_KEPT)
    assert _remember(samples, Sample(0, "", "1", {})) is None
    assert _remember(samples, Sample(1, "", "2", {})) is None


def test_the_hosts_time_grows():
    assert host_cpu_time() > 0


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1700000000", NOW),
        ("1700000000.5", NOW + 500_000_000),
        ("10m", NOW - 600 * 10**9),
        ("24h", NOW - 86400 * 10**9),
        ("1h30m", NOW - 5400 * 10**9),
        ("2023-11-14T22:13:20Z", NOW),
        ("2023-11-14T22:13:20.000000001+00:00", NOW + 1),
    ],
)
def test_a_moment_is_a_span_before_now_or_seconds_or_a_date(text, moment):
    assert parse_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["bad", "", "-5", "yesterday", "2023-99-99T00:00:00Z"])
def test_what_is_no_moment_is_refused_in_dockers_words(text):
    with pytest.raises(Invalid, match="failed to parse value as time or duration"):
        parse_moment(text, NOW)
