"""GET /containers/{id}/logs: frames, raw terminals, times, tail."""

from __future__ import annotations

import re
import time

import pytest

from tests.parity.engines import Box
from tests.parity.wire import frames, joined

SCRIPT = "echo out; echo err >&2; printf part; printf 'ial\\n'; echo last; printf noeol"
STAMP = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z "


@pytest.fixture
def ended(box: Box) -> str:
    """A container that wrote to both streams and ended."""
    return box.sh(SCRIPT).id


def test_each_line_is_a_frame_of_its_stream(box: Box, ended: str) -> None:
    found = frames(box.logs(ended, stdout=1, stderr=1))
    assert [data for stream, data in found if stream == 1] == [b"out\n", b"partial\n", b"last\n", b"noeol"]
    assert [data for stream, data in found if stream == 2] == [b"err\n"]


def test_one_stream_alone(box: Box, ended: str) -> None:
    assert {stream for stream, _ in frames(box.logs(ended, stdout=1))} == {1}
    assert frames(box.logs(ended, stderr=1)) == [(2, b"err\n")]


def test_no_stream_is_refused(box: Box, ended: str) -> None:
    for query in ({}, {"stdout": 0}):
        answer = box.api.get(f"/containers/{ended}/logs", **query)
        assert answer.status == 400
        assert re.fullmatch("(?i)bad parameters: you must choose at least one stream", answer.message)


@pytest.mark.parametrize(
    ("tail", "lines"),
    [
        ("1", [b"noeol"]),
        ("2", [b"last\n", b"noeol"]),
        ("0", []),
        ("all", None),
        ("x", None),
        ("-3", None),
        ("100", None),
        ("", None),
    ],
)
def test_tail_counts_lines(box: Box, tail: str, lines: list[bytes] | None) -> None:
    ended = box.sh("echo first; echo last; printf noeol").id
    everything = [b"first\n", b"last\n", b"noeol"]
    if tail == "x" and box.engine.ours:  # dockerd takes nonsense for "all"; ours says so
        assert box.api.get(f"/containers/{ended}/logs", stdout=1, tail=tail).status == 400
        return
    assert box.lines(ended, stdout=1, tail=tail) == (everything if lines is None else lines)


def test_timestamps_come_before_each_line(box: Box, ended: str) -> None:
    lines = box.lines(ended, stdout=1, timestamps=1)
    assert [re.sub(STAMP, b"", line) for line in lines] == [b"out\n", b"partial\n", b"last\n", b"noeol"]
    assert all(re.match(STAMP, line) for line in lines)
    assert lines == sorted(lines, key=lambda line: line[:30])


def test_since_and_until(box: Box, ended: str) -> None:
    now = time.time()
    assert box.lines(ended, stdout=1, since=int(now) + 100) == []
    assert box.lines(ended, stdout=1, until=1) == []
    assert len(box.lines(ended, stdout=1, since=int(now) - 100)) == 4
    stamps = [line.split(b" ")[0].decode() for line in box.lines(ended, stdout=1, timestamps=1)]
    seconds, fraction = stamps[-1].rstrip("Z").split(".")
    epoch = int(time.mktime(time.strptime(seconds + "+0000", "%Y-%m-%dT%H:%M:%S%z")) - time.timezone)
    assert box.lines(ended, stdout=1, since=f"{epoch}.{fraction}")[-1:] == [b"noeol"]


def test_a_long_line_is_cut_into_frames_of_sixteen_kib(box: Box) -> None:
    id = box.sh("head -c 40000 /dev/zero | tr '\\0' x; echo").id
    assert b"".join(box.lines(id, stdout=1)) == b"x" * 40000 + b"\n"
    assert [len(piece) for piece in box.lines(id, stdout=1)] == [16384, 16384, 7233]


def test_a_terminal_is_raw_and_has_one_stream(box: Box) -> None:
    id = box.sh("echo out; echo err >&2", Tty=True).id
    assert box.logs(id, stdout=1) == b"out\r\nerr\r\n"
    assert box.logs(id, stderr=1) == b""
    assert re.fullmatch(STAMP + b"out\r\n" + STAMP + b"err\r\n", box.logs(id, stdout=1, timestamps=1))


def test_the_content_type_says_how_it_is_framed(box: Box, ended: str) -> None:
    terminal = box.sh("true", Tty=True).id
    types = [box.api.get(f"/containers/{id}/logs", stdout=1).headers.get("Content-Type") for id in (ended, terminal)]
    if box.engine.ours:  # since API 1.42; before there was none
        assert types == ["application/vnd.docker.multiplexed-stream", "application/vnd.docker.raw-stream"]


def test_bytes_are_kept_as_they_are(box: Box) -> None:
    id = box.sh("printf '\\377\\000\\001\\n\\n\\r\\n\\033[1m'").id
    kept = joined(box.logs(id, stdout=1), 1)
    first = b"\xff" if box.engine.ours else "\ufffd".encode()  # dockerd's json-file cannot hold what is not UTF-8
    assert kept == first + b"\x00\x01\n\n\r\n\x1b[1m"


def test_a_running_container_has_logs_already(box: Box) -> None:
    id = box.ready("echo ready; sleep 100")
    assert box.lines(id, stdout=1) == [b"ready\n"]


def test_a_created_container_has_empty_logs(box: Box) -> None:
    assert box.logs(box.create("true"), stdout=1) == b""


def test_logs_of_two_runs_are_one_after_the_other(box: Box) -> None:
    id = box.sh("echo again").id
    box.start(id)
    box.wait(id)
    assert box.lines(id, stdout=1) == [b"again\n", b"again\n"]


def test_logs_of_a_container_without_a_log_are_refused(box: Box) -> None:
    id = box.run_without_log("echo", "gone")
    answer = box.api.get(f"/containers/{id}/logs", stdout=1)
    assert answer.status == 501
    assert answer.message == "configured logging driver does not support reading"


def test_much_output_is_all_there(box: Box) -> None:
    id = box.sh("seq 1 20000; seq 1 20000 >&2").id
    expected = "".join(f"{n}\n" for n in range(1, 20001)).encode()
    body = box.logs(id, stdout=1, stderr=1)
    assert (joined(body, 1), joined(body, 2)) == (expected, expected)
    assert box.lines(id, stdout=1, stderr=1, tail=3) == [b"19998\n", b"19999\n", b"20000\n"]


def test_tail_counts_lines_before_a_stream_is_chosen(box: Box) -> None:
    id = box.ready("echo one; sleep 0.1; echo two >&2; sleep 0.1; echo ready; sleep 100")
    assert box.lines(id, stdout=1, tail=2) == [b"ready\n"]
    assert box.lines(id, stdout=1, stderr=1, tail=2) == [b"two\n", b"ready\n"]
