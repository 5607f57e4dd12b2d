"""Signals are read as Docker reads them, and refused in its words."""

import signal

import pytest

from dockerkit.errors import Invalid
from dockerkit.schema.signals import parse_signal, signal_name


@pytest.mark.parametrize(
    ("text", "number"),
    [("SIGTERM", 15), ("term", 15), ("Kill", 9), ("15", 15), ("SIGRTMIN+3", 37), ("rtmax", 64), ("RTMAX-14", 50), (" hup ", 1)],
)
def test_names_and_numbers_are_read(text, number):
    assert parse_signal(text) == number


@pytest.mark.parametrize("text", ["", "SIG", "0", "-1", "65", "999999999999", "SIGNOPE", "１５", "RTMIN+16"])
def test_anything_else_is_refused_in_docker_s_words(text):
    with pytest.raises(Invalid) as refused:
        parse_signal(text)
    assert refused.value.message == f"invalid signal: {text}"


def test_our_numbers_are_the_kernel_s():
    for member in signal.Signals:
        assert parse_signal(member.name) == member.value, member.name


def test_every_number_has_a_name_that_reads_back():
    for number in [*range(1, 32), *range(34, 50), 64]:
        assert parse_signal(signal_name(number)) == number
    with pytest.raises(Invalid):
        signal_name(33)
