"""Conditions: values that can be compared and said again, and waits that end when they must."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pretendengine import DOCKERS, ID, Answer, Asked, PretendEngine, frame, ordinary

import dockerkit as dk
from dockerkit import errors, ready
from dockerkit.client.client import Client
from dockerkit.client.container import Container
from dockerkit.client.sockets import listening_in
from dockerkit.client.watches import since_last_start
from dockerkit.schema.container import NEVER, ContainerState

CONDITIONS = [
    ready.log("x"), ready.log("x", 2), ready.log(re.compile("x", re.IGNORECASE)), ready.port(80), ready.http(80),
    ready.http(80, "/a", 204), ready.healthy(), ready.exec("a", "b c"), ready.exited(), ready.exited(3),
    ready.port(1) & ready.port(2), ready.port(1) | ready.port(2) & ready.healthy(),
]  # fmt: skip


@pytest.mark.parametrize("condition", CONDITIONS, ids=repr)
def test_condition_is_a_value(condition: ready.Condition) -> None:
    again = eval(repr(condition), {"dk": dk, "re": re})
    assert again == condition
    assert hash(again) == hash(condition)
    assert [other for other in CONDITIONS if other == condition] == [condition]
    assert dk.container("x").ready(condition) == dk.container("x").ready(again)


def test_same_said_otherwise() -> None:
    assert ready.log("x") == ready.log("x", 1)
    assert ready.http(80) == ready.http(80, "/", 200) == ready.http(80, "")
    assert ready.exited() == ready.exited(0)


def test_function_stands_beside_a_condition() -> None:
    def up(container: Container) -> bool:
        return True

    assert (up & ready.port(1)) == ready.All(up, ready.port(1))
    assert (ready.port(1) | up) == ready.Any(ready.port(1), up)
    assert "up & dk.ready.port(1)" in repr(up & ready.port(1))


def test_nonsense_is_refused_when_it_is_said() -> None:
    with pytest.raises(errors.Invalid, match="regular expression"):
        ready.log("(")
    with pytest.raises(errors.Invalid, match="command"):
        ready.exec()


PORTS = st.sets(st.integers(1, 65535), max_size=20)


@given(PORTS, PORTS, st.booleans())
def test_listening_ports_of_a_socket_table(listening: set[int], others: set[int], six: bool) -> None:
    address = "0" * 32 if six else "00000000"
    lines = ["  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"]
    lines += [f"   {n}: {address}:{port:04X} {address}:0000 0A 00000000:00000000" for n, port in enumerate(sorted(listening))]
    lines += [f"   {n}: {address}:{port:04X} {address}:1234 01 00000000:00000000" for n, port in enumerate(sorted(others))]
    assert listening_in("\n".join(lines)) == listening


@given(st.text(max_size=300))
def test_whatever_a_container_says_its_table_is(text: str) -> None:
    assert isinstance(listening_in(text), frozenset)


def state(**said: Any) -> ContainerState:
    return ContainerState(**said)


def test_log_of_the_last_run() -> None:
    first, end, second = "2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z", "2026-01-01T00:00:04Z"
    assert since_last_start(state(started_at=NEVER, finished_at=NEVER)) is None
    assert since_last_start(state(started_at=first, finished_at=NEVER, running=True)) is None
    assert since_last_start(state(started_at=second, finished_at=end, running=True)) == "1767225603.000000000"
    assert since_last_start(state(started_at=second, finished_at=second)) == "1767225603.500000000"


class Living:
    """A scripted container that runs until it is told to end, and writes what it is told to."""

    def __init__(self, engine: PretendEngine, *, code: int = 1, version: dict[str, Any] = DOCKERS) -> None:
        self.over = threading.Event()
        self.lines: list[bytes] = []
        self.news = threading.Condition()
        self.code = code
        ordinary(engine, version=version)
        engine.on("GET", "/containers/[^/]+/json", lambda asked: Answer(self.record()))
        engine.on("POST", "/containers/[^/]+/wait", Answer(stream=self.wait))
        engine.on("GET", "/containers/[^/]+/logs", self.logs)

    def record(self) -> dict[str, Any]:
        ended = self.over.is_set()
        state = {"Status": "exited" if ended else "running", "Running": not ended, "ExitCode": self.code if ended else 0}
        return {"Id": ID, "Name": "/box", "Created": "", "State": state, "Config": {"Tty": False}}

    def wait(self, send: Callable[[bytes], None]) -> None:
        self.over.wait(20)
        send(b'{"StatusCode":%d}' % self.code)

    def logs(self, asked: Asked) -> Answer:
        if "follow" in asked.query:
            return Answer(stream=self.log)
        return Answer(b"".join(frame(1, line) for line in self.lines))

    def log(self, send: Callable[[bytes], None]) -> None:
        sent = 0
        while new := self.after(sent):
            sent += len(new)
            for line in new:
                send(frame(1, line))

    def after(self, sent: int) -> list[bytes]:
        with self.news:
            self.news.wait_for(lambda: len(self.lines) > sent or self.over.is_set(), 20)
            return self.lines[sent:]

    def say(self, line: bytes) -> None:
        with self.news:
            self.lines.append(line)
            self.news.notify_all()

    def end(self) -> None:
        with self.news:
            self.over.set()
            self.news.notify_all()


def test_line_wakes_the_wait(engine: PretendEngine, to: Client) -> None:
    living = Living(engine)
    living.say(b"one\ntw")
    threading.Timer(0.1, living.say, (b"o\n",)).start()
    box = Container(to, ID)
    assert box.wait_for(ready.log("^two$"), 20) is box
    living.end()


def test_death_ends_the_wait_with_code_and_last_lines(engine: PretendEngine, to: Client) -> None:
    living = Living(engine, code=3)
    living.say(b"cannot bind\n")
    threading.Timer(0.1, living.end).start()
    with pytest.raises(errors.NotReady, match="container box ended with exit code 3 before it was ready") as caught:
        Container(to, ID).wait_for(ready.log("never"), 1000)
    assert "cannot bind" in str(caught.value)


def test_what_is_met_with_the_last_words_is_met(engine: PretendEngine, to: Client) -> None:
    living = Living(engine, code=0)
    living.say(b"bye\n")
    living.end()
    Container(to, ID).wait_for(ready.log("bye") & ready.exited(), 20)


def test_time_is_over(engine: PretendEngine, to: Client) -> None:
    living = Living(engine)
    with pytest.raises(errors.NotReady, match=r"not ready within 0\.05 s \(dk.ready.log\('x'\): no such line yet\)"):
        Container(to, ID).wait_for(ready.log("x"), 0.05)
    living.end()


def test_engine_that_goes_ends_the_wait(engine: PretendEngine, to: Client) -> None:
    living = Living(engine)
    threading.Timer(0.1, engine.drop_connections).start()
    with pytest.raises(errors.Unavailable):
        Container(to, ID).wait_for(lambda container: False, 1000)
    living.end()


def test_restarting_is_not_ending(engine: PretendEngine, to: Client) -> None:
    living = Living(engine)
    waits: list[int] = []

    def wait(send: Callable[[bytes], None]) -> None:
        waits.append(1)
        if len(waits) > 1:
            living.over.wait(20)
        send(b'{"StatusCode":1}')

    engine.on("POST", "/containers/[^/]+/wait", Answer(stream=wait))
    with pytest.raises(errors.NotReady, match="within"):
        Container(to, ID).wait_for(lambda container: False, 0.2)
    assert len(waits) == 2
    living.end()


def test_own_engine_is_asked_for_the_ports(engine: PretendEngine, to: Client) -> None:
    from pretendengine import OURS

    living = Living(engine, version=OURS)
    engine.on("GET", f"/dockerkit/v1/containers/{ID}/listening", {"Ports": [80, 443]})
    box = Container(to, ID)
    box.wait_for(ready.port(443), 20)
    assert ready.port(80)(box)
    assert not ready.port(81)(box)
    living.end()


def test_start_that_does_not_get_ready_removes(engine: PretendEngine, to: Client) -> None:
    living = Living(engine)
    living.end()
    begin = time.monotonic()
    with pytest.raises(errors.NotReady):
        to.start("busybox", ready=ready.log("never"))
    assert time.monotonic() - begin < 30
    assert engine.requests[-1] == f"DELETE /containers/{ID}"


def test_what_is_no_condition_is_a_type_error(engine: PretendEngine, to: Client) -> None:
    living = Living(engine)
    with pytest.raises(TypeError, match="not a condition"):
        Container(to, ID).wait_for("healthy")  # type: ignore[arg-type]
    living.end()
