"""Sizes and times: what Docker reads, and what it prints."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerkit.errors import Invalid
from dockerkit.schema.container import NEVER
from dockerkit.schema.units import from_rfc3339, human_duration, human_size, parse_duration, parse_size, rfc3339


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("256m", 268435456),
        ("6MB", 6291456),
        ("1KiB", 1024),
        ("0.5g", 536870912),
        ("12", 12),
        (" 4k ", 4096),
        (-1, -1),
        (7.9, 7),
        ("9007199254740993", 9007199254740993),
        ("2T", 2199023255552),
    ],
)
def test_size_reads_as_dockers_memory_option(text: str | float, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "m", "12x", "1 2m", "-5m", "1e3", "0x10", "12mm", math.inf, math.nan])
def test_size_that_is_none_is_refused_with_a_hint(text: str | float) -> None:
    with pytest.raises(Invalid, match="invalid size") as told:
        parse_size(text)
    assert "256m" in told.value.hint


@pytest.mark.parametrize(
    ("text", "seconds"), [("1m30s", 90), ("200ms", 0.2), ("2h", 7200), ("1.5s", 1.5), ("10us", 1e-5), ("10µs", 1e-5), (3, 3)]
)
def test_duration_reads_as_go_writes_it(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "1m 30s", "-1s", "1d", "1s!"])
def test_duration_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="invalid duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("size", "printed"),
    [
        (0, "0B"),
        (999, "999B"),
        (1000, "1kB"),
        (4261550, "4.26MB"),
        (78_120_000, "78.1MB"),
        (999_950, "1MB"),
        (1_020_000_000, "1.02GB"),
    ],
)
def test_size_prints_as_docker_images(size: int, printed: str) -> None:
    assert human_size(size) == printed


@given(st.integers(0, 2**63))
def test_printed_size_never_falls_into_exponents(size: int) -> None:
    assert "e" not in human_size(size)


HOUR, DAY = 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "printed"),
    [
        (0.4, "Less than a second"),
        (1.9, "1 second"),
        (59.9, "59 seconds"),
        (60, "About a minute"),
        (119, "About a minute"),
        (3599, "59 minutes"),
        (HOUR, "About an hour"),
        (1.49 * HOUR, "About an hour"),
        (1.5 * HOUR, "2 hours"),
        (47.4 * HOUR, "47 hours"),
        (47.6 * HOUR, "2 days"),
        (13 * DAY, "13 days"),
        (14 * DAY, "2 weeks"),
        (59 * DAY, "8 weeks"),
        (60 * DAY, "2 months"),
        (729 * DAY, "24 months"),
        (730 * DAY, "2 years"),
    ],
)
def test_span_prints_as_docker_ps(seconds: float, printed: str) -> None:
    assert human_duration(seconds) == printed


@given(st.integers(0, 250_000_000_000 * 10**9))
def test_moment_reads_back_to_the_nanosecond(moment: int) -> None:
    assert from_rfc3339(rfc3339(moment)) == moment


def test_moment_that_has_not_come_reads_back() -> None:
    assert rfc3339(from_rfc3339(NEVER)) == "0001-01-01T00:00:00.000000000Z"


@pytest.mark.parametrize(
    ("text", "moment"),
    [("1970-01-01T00:00:01Z", 10**9), ("1970-01-01T01:00:00+01:00", 0), ("1970-01-01T00:00:00.5Z", 5 * 10**8)],
)
def test_moment_with_offset_or_fraction(text: str, moment: int) -> None:
    assert from_rfc3339(text) == moment


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-02-30T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T25:00:00Z"]
)
def test_moment_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="invalid time"):
        from_rfc3339(text)
