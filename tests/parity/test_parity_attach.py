"""POST /containers/{id}/attach: the hijacked connection, in both directions."""

from __future__ import annotations

import re

import pytest

from tests.parity.engines import Box
from tests.parity.wire import Stream, frames, joined

OPEN = {"OpenStdin": True, "StdinOnce": True, "AttachStdin": True, "AttachStdout": True, "AttachStderr": True}
ALL = {"stdin": 1, "stdout": 1, "stderr": 1}


def test_an_upgrade_answers_101_with_the_framing(box: Box) -> None:
    for tty in (False, True):
        with box.attach(box.create("true", Tty=tty), **ALL) as stream:
            assert stream.status == 101
            assert (stream.headers["Connection"], stream.headers["Upgrade"]) == ("Upgrade", "tcp")
            framed = box.engine.ours and not tty  # 20.10 (API 1.41) calls both raw
            assert stream.headers["Content-Type"] == f"application/vnd.docker.{'multiplexed' if framed else 'raw'}-stream"


def test_without_upgrade_the_stream_follows_a_200(box: Box) -> None:
    id = box.create("echo", "x")
    with Stream.post(box.api, f"/containers/{id}/attach", stream=1, stdout=1) as stream:
        assert stream.status == 200
        box.start(id)
        assert frames(stream.read()) == [(1, b"x\n")]


def test_attached_before_the_start_nothing_is_missed(box: Box) -> None:
    id = box.create("sh", "-c", "echo first; echo second >&2")
    with box.attach(id, stdout=1, stderr=1) as stream:
        box.start(id)
        data = stream.read()
    assert (joined(data, 1), joined(data, 2)) == (b"first\n", b"second\n")


def test_only_the_chosen_stream_is_sent(box: Box) -> None:
    id = box.create("sh", "-c", "echo out; echo err >&2")
    with box.attach(id, stderr=1) as stream:
        box.start(id)
        assert frames(stream.read()) == [(2, b"err\n")]


def test_half_closing_ends_standard_input_and_output_still_comes(box: Box) -> None:
    id = box.create("sh", "-c", "wc -c; sleep 0.1; echo late >&2; exit 4", **OPEN)
    with box.attach(id, **ALL) as stream:
        box.start(id)
        stream.send(b"x" * 300_000)
        stream.half_close()
        data = stream.read()
    assert (joined(data, 1).strip(), joined(data, 2)) == (b"300000", b"late\n")
    assert box.wait(id) == 4


def test_input_sent_before_the_start_arrives(box: Box) -> None:
    id = box.create("cat", **OPEN)
    with box.attach(id, **ALL) as stream:
        stream.send(b"early\n")
        stream.half_close()
        box.start(id)
        assert joined(stream.read(), 1) == b"early\n"


def test_input_and_output_are_a_conversation(box: Box) -> None:
    id = box.up("cat", **OPEN)
    with box.attach(id, **ALL) as stream:
        for word in (b"one\n", b"two\n"):
            stream.send(word)
            assert stream.read_until(word).endswith(word)
        stream.half_close()
        assert stream.read() == b""


def test_a_megabyte_goes_through_unharmed(box: Box) -> None:
    id = box.create("cat", **OPEN)
    sent = bytes(range(256)) * 4096
    with box.attach(id, **ALL) as stream:
        box.start(id)
        received = bytearray()
        for at in range(0, len(sent), 16384):
            piece = sent[at : at + 16384]
            stream.send(piece)
            wanted = len(piece)
            while wanted > 0:
                kind, data = stream.frame()
                assert kind == 1
                received += data
                wanted -= len(data)
        stream.half_close()
        assert stream.read() == b""
    assert bytes(received) == sent


def test_a_terminal_is_raw_echoes_and_ends_by_its_own_sign(box: Box) -> None:
    id = box.create("cat", Tty=True, **OPEN)
    with box.attach(id, **ALL) as stream:
        box.start(id)
        stream.send(b"hi\n")
        assert stream.read_until(b"hi\r\nhi\r\n") == b"hi\r\nhi\r\n"
        stream.send(b"\x04")
        stream.read()
    assert box.wait(id) == 0


def test_a_terminal_has_the_size_it_was_given(box: Box) -> None:
    id = box.create("sh", "-c", "read x; stty size", Tty=True, **OPEN)
    with box.attach(id, **ALL) as stream:
        box.start(id)
        assert box.api.post(f"/containers/{id}/resize", h=33, w=77).status == 200
        stream.send(b"\n")
        assert stream.read().endswith(b"33 77\r\n")


def test_ctrl_c_in_a_terminal_interrupts(box: Box) -> None:
    id = box.create("sh", "-c", "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.1; done", Tty=True, **OPEN)
    with box.attach(id, **ALL) as stream:
        box.start(id)
        stream.read_until(b"ready")
        stream.send(b"\x03")
        assert b"caught" in stream.read()
    assert box.wait(id) == 5


def test_several_attachments_see_the_same(box: Box) -> None:
    id = box.create("sh", "-c", "echo to all; echo err >&2")
    streams = [box.attach(id, stdout=1, stderr=1) for _ in range(3)]
    box.start(id)
    for stream in streams:
        with stream:
            data = stream.read()
            assert (joined(data, 1), joined(data, 2)) == (b"to all\n", b"err\n")


def test_hanging_up_in_the_middle_harms_nobody(box: Box) -> None:
    id = box.create("sh", "-c", "echo ready; read x; seq 1 5000; exit 6", **{**OPEN, "StdinOnce": False})
    first = box.attach(id, **ALL)
    with box.attach(id, **ALL) as second:
        box.start(id)
        first.read_until(b"ready\n")
        first.close()
        second.read_until(b"ready\n")
        second.send(b"go\n")
        assert joined(second.read(), 1).endswith(b"5000\n")
    assert box.wait(id) == 6
    assert len(joined(box.logs(id, stdout=1), 1).splitlines()) == 5001


def test_hanging_up_closes_input_that_is_for_one_client_only(box: Box) -> None:
    id = box.create("sh", "-c", "cat >/dev/null; exit 9", **OPEN)
    stream = box.attach(id, **ALL)
    box.start(id)
    stream.send(b"half a wo")
    stream.close()
    assert box.wait(id) == 9


def test_a_reader_who_does_not_read_does_not_stop_the_container(box: Box) -> None:
    id = box.create("sh", "-c", "echo ready; head -c 300000 /dev/zero | tr '\\0' '\\n'; exit 3")
    with box.attach(id, stdout=1) as stream:
        box.start(id)
        assert stream.status == 101
        assert box.wait(id) == 3


def test_attaching_later_starts_with_now(box: Box) -> None:
    id = box.ready("echo ready; trap 'echo now; exit 0' USR1; while :; do sleep 0.1; done")
    with box.attach(id, stdout=1) as stream:
        box.api.post(f"/containers/{id}/kill", signal="USR1")
        assert frames(stream.read()) == [(1, b"now\n")]


def test_attaching_with_logs_starts_with_the_beginning(box: Box) -> None:
    id = box.ready("echo ready; trap 'echo now; exit 0' USR1; while :; do sleep 0.1; done")
    with box.attach(id, stdout=1, logs=1) as stream:
        stream.read_until(b"ready\n")
        box.api.post(f"/containers/{id}/kill", signal="USR1")
        assert joined(stream.read(), 1) == b"now\n"


def test_logs_of_an_ended_container_without_stream_end_at_once(box: Box) -> None:
    id = box.sh("echo a; echo b >&2").id
    with box.api.hijack(f"/containers/{id}/attach", logs=1, stdout=1, stderr=1) as stream:
        assert stream.status == 101
        data = stream.read()
    assert (joined(data, 1), joined(data, 2)) == (b"a\n", b"b\n")


def test_attached_to_an_ended_container_the_next_run_is_seen(box: Box) -> None:
    id = box.sh("echo again").id
    with box.attach(id, stdout=1) as stream:
        assert stream.status == 101
        box.start(id)
        assert joined(stream.read(), 1) == b"again\n"


def test_attaching_to_nothing_is_not_found(box: Box) -> None:
    with box.attach("nosuch", stdout=1) as stream:
        assert stream.status == 404
        assert b"No such container: nosuch" in stream.some()


def test_a_failed_start_lets_the_attached_go(box: Box) -> None:
    id = box.create("nosuch")
    with box.attach(id, stdout=1, stderr=1) as stream:
        assert box.api.post(f"/containers/{id}/start").status == 400
        assert stream.read() == b""


def test_removal_lets_the_attached_go(box: Box) -> None:
    id = box.up("sleep", "100")
    with box.attach(id, stdout=1) as stream:
        box.remove(id, force=1)
        assert stream.read() == b""


@pytest.mark.parametrize("tty", [False, True])
def test_standard_input_that_is_not_open_is_empty(box: Box, tty: bool) -> None:
    ended = box.sh("cat; echo end", Tty=tty) if not tty else box.sh("echo end", Tty=True)
    assert re.fullmatch(r"end\r?\n", ended.out)
