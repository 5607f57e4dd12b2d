"""Results and tables: what they hold and how they look."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import dockerkit as dk
from dockerkit.client.collection import filters_json
from dockerkit.client.container import Address
from dockerkit.client.logs import moment
from dockerkit.client.progress import Line, Quiet, reporter


def test_completed_is_a_value() -> None:
    done = dk.Completed(("echo",), 0, b"h\xff\n", b"", duration=1.0)
    assert done == dk.Completed(("echo",), 0, b"h\xff\n", b"", duration=2.0)
    assert (done.stdout, done.stderr, done.returncode) == ("h\ufffd\n", "", 0)
    assert done.check() is done
    with pytest.raises(AttributeError):
        done.exit_code = 1  # type: ignore[misc]


def test_completed_repr_is_short() -> None:
    shown = repr(dk.Completed(("x",), 1, b"a" * 10_000))
    assert len(shown) < 400
    assert "10000 characters" in shown


def test_check_says_what_failed_and_why() -> None:
    with pytest.raises(dk.errors.ContainerFailed, match=r"busybox sh -c 'exit 1' ended with exit code 1: last"):
        dk.Completed(("sh", "-c", "exit 1"), 1, b"", b"first\nlast\n", image="busybox").check()
    with pytest.raises(dk.errors.ContainerFailed, match="out of memory"):
        dk.Completed(("x",), 137, oom_killed=True).check()


def rows() -> dk.Rows[dict[str, Any]]:
    return dk.Rows([{"name": "a", "image_id": 1, "tags": ["x", "y"]}, {"name": "<b>", "image_id": None}])


def test_rows_print_as_docker_prints() -> None:
    assert repr(rows()) == "NAME   IMAGE ID   TAGS\na      1          x, y\n<b>"


def test_rows_html_says_the_same_and_is_escaped() -> None:
    html = rows()._repr_html_()
    assert "<td>a</td><td>1</td><td>x, y</td>" in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


def test_rows_are_a_list_and_slices_stay_tables() -> None:
    assert len(rows()) == 2
    assert rows()[0]["name"] == "a"
    assert isinstance(rows()[:1], dk.Rows)
    assert rows()[:1].columns == ("name", "image_id", "tags")
    assert repr(dk.Rows()) == ""
    assert repr(dk.Rows(columns=("a",))) == "A"


def test_rows_become_a_data_frame() -> None:
    pytest.importorskip("pandas")
    frame = rows().df()
    assert list(frame.columns) == ["name", "image_id", "tags"]
    assert frame.name.tolist() == ["a", "<b>"]


def test_rows_without_pandas_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(dk.errors.Unsupported, match="pandas") as caught:
        rows().df()
    assert "pip install" in caught.value.hint


def test_filters_in_dockers_form() -> None:
    assert filters_json({}) is None
    assert filters_json({"label": {"a": "b"}, "status": ["exited"], "dangling": True, "name": "x"}) == (
        '{"label":["a=b"],"status":["exited"],"dangling":["true"],"name":["x"]}'
    )


def test_address_prints_as_one() -> None:
    assert str(Address("127.0.0.1", 80)) == "127.0.0.1:80"
    assert str(Address("::1", 80)) == "[::1]:80"


def test_moments_in_dockers_form() -> None:
    assert moment(None) is None
    assert moment(1.5) == "1.500000000"
    assert moment("2026-01-31T12:00:00Z") == "1769860800.000000000"
    with pytest.raises(dk.errors.Invalid):
        moment("yesterday")


def test_progress_is_silent_when_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(reporter("x"), Quiet)
    assert capsys.readouterr().err == ""


def test_an_image_made_instead_of_pulled_is_told_even_where_nobody_looks(caplog):
    said = "busybox:latest bootstrapped from /bin/busybox: registry cannot be reached"
    for status in ("Pulling from library/busybox", said, "busybox:latest bootstrapped from /bin/busybox: asked for"):
        Quiet().say({"status": status})
    assert caplog.messages == [said]


def test_the_line_that_stays_says_where_the_image_came_from(capsys):
    line = Line("busybox", changing=False)
    for status in ("Pulling", "busybox bootstrapped from /bin/busybox: why", "Pull complete"):
        line.say({"status": status})
    line.done()
    assert capsys.readouterr().err == "busybox bootstrapped from /bin/busybox: why\n"


def test_progress_leaves_the_last_word(capsys: pytest.CaptureFixture[str]) -> None:
    line = Line("busybox:latest", changing=False)
    line.say({"status": "Downloading", "id": "layer"})
    line.say({})
    line.say({"status": "made from Debian's busybox-static"})
    line.done()
    assert capsys.readouterr().err == "busybox:latest: made from Debian's busybox-static\n"
