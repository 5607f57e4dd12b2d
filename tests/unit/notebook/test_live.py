"""Output as it comes: whole characters, each stream where it belongs, and not more than a notebook bears."""

from __future__ import annotations

import pytest

from dockerkit.client.completed import Completed
from dockerkit.client.streams import STDERR, STDOUT, Output
from dockerkit.notebook.live import SHOWN, Screen, Told


def test_characters_cut_in_two_are_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.tell(STDOUT, "é".encode()[:1])
    screen.tell(STDERR, b"oh")
    screen.tell(STDOUT, "é".encode()[1:] + b"\xff")
    screen.end()
    assert capsys.readouterr() == ("é\ufffd", "oh")


def test_a_flood_is_cut_and_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    for _ in range(3):
        screen.tell(STDOUT, b"#" * SHOWN)
    out = capsys.readouterr().out
    assert out.count("#") == SHOWN
    assert out.count("not shown any more") == 1


def test_output_tells_as_it_collects() -> None:
    told: list[tuple[int, bytes]] = []
    output = Output(framed=True, tell=lambda stream, piece: told.append((stream, piece)))
    output.feed(b"\x02\0\0\0\0\0\0\x02no\x01\0\0\0\0\0\0\x03yes")
    assert told == [(2, b"no"), (1, b"yes")]
    assert (output.stdout, output.stderr) == (b"yes", b"no")


def test_a_result_that_was_shown_is_not_shown_twice() -> None:
    told = Told.of(Completed(("echo", "hi"), 3, b"hi\n", image="busybox"))
    assert told.stdout == "hi\n"
    assert "hi\\n" not in repr(told)
    assert "<pre>" not in told._repr_html_()
    assert "failed with 3" in told._repr_html_()
