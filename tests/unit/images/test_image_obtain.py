"""Registry first, bootstrap only when it cannot be reached, once for everybody who asks, and never longer than it may take."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dockerkit.daemon.images import reach
from dockerkit.daemon.images.flights import Flights, Progress
from dockerkit.daemon.images.obtain import reason_to_make
from dockerkit.daemon.images.reach import endpoint, unreachable
from dockerkit.errors import Invalid, Unavailable, Unsupported
from dockerkit.schema.names import parse_reference


@pytest.fixture
def listener() -> Iterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


@pytest.fixture
def closed_port() -> tuple[str, int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()


@pytest.mark.parametrize(
    ("registry", "place"),
    [
        ("docker.io", ("registry-1.docker.io", 443)),
        ("ghcr.io", ("ghcr.io", 443)),
        ("localhost:5000", ("localhost", 5000)),
        ("[::1]:5000", ("::1", 5000)),
    ],
)
def test_where_a_registry_listens(registry: str, place: tuple[str, int]) -> None:
    assert endpoint(registry) == place


def test_a_port_that_answers_is_reachable(listener: tuple[str, int]) -> None:
    assert unreachable(*listener) == ""


def test_a_port_nobody_listens_on_is_refused_at_once(closed_port: tuple[str, int]) -> None:
    assert unreachable(*closed_port) == "connection refused"


def test_a_name_that_does_not_exist_says_so() -> None:
    assert "cannot be resolved" in unreachable("name.invalid", 443)


@pytest.mark.parametrize("name", ["a" * 300, "a..b", "\u2603" * 80])
def test_a_name_that_is_none_says_so(name: str) -> None:
    assert "cannot be resolved" in unreachable(name, 443)


def test_a_resolver_that_hangs_does_not_hang_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        never.wait(30)
        return []

    monkeypatch.setattr(reach.socket, "getaddrinfo", hang)
    began = time.monotonic()
    assert "was not resolved within 0.05 s" in unreachable("hangs.invalid", 443, seconds=0.05)
    assert time.monotonic() - began < 10
    never.set()


def test_an_address_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        place = server.getsockname()
        with socket.create_connection(place), socket.socket() as filler:
            filler.setblocking(False)
            filler.connect_ex(place)  # the backlog of one is full now: further connections hang
            assert unreachable(*place, seconds=0.2) in ("no answer in time", "")


def test_one_dead_address_does_not_hide_a_living_one(listener: tuple[str, int], closed_port: tuple[str, int]) -> None:
    addresses = [(socket.AF_INET, closed_port), (socket.AF_INET, listener)]
    assert reach._connect(addresses, time.monotonic() + 5) == ""


def reason(name: str, cause: str) -> str:
    return reason_to_make(parse_reference(name), endpoint=endpoint, attempt=lambda *_: cause)


def test_a_registry_that_cannot_be_reached_leads_to_bootstrap() -> None:
    assert reason("busybox", "timed out") == "registry registry-1.docker.io:443 cannot be reached: timed out"


def test_a_registry_that_answers_is_the_authority() -> None:
    with pytest.raises(Unsupported, match="pulling from registries is not offered yet") as refused:
        reason("busybox", "")
    assert 'dk.images.bootstrap("busybox")' in refused.value.hint


@pytest.mark.parametrize(
    "name", ["redis:7", "busybox:1.36", "quay.io/x/busybox", "other/busybox", "busybox@sha256:" + "0" * 64]
)
def test_what_cannot_be_made_honestly_is_not_made(name: str) -> None:
    with pytest.raises(Unavailable, match=r"cannot get .*: registry .* cannot be reached: no route") as refused:
        reason(name, "no route")
    assert "busybox, host" in refused.value.hint


def test_always_does_not_ask_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKERKIT_BOOTSTRAP", "always")
    assert reason("busybox", "") == "DOCKERKIT_BOOTSTRAP=always"


def test_never_does_not_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKERKIT_BOOTSTRAP", "never")
    with pytest.raises(Unavailable):
        reason("busybox", "timed out")


def test_a_mode_with_a_typo_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKERKIT_BOOTSTRAP", "allways")
    with pytest.raises(Invalid, match="allways"):
        reason("busybox", "timed out")


class Work:
    """Work that waits until it is let go, and counts how often it was begun."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.begun, self.go, self.count, self.error = threading.Event(), threading.Event(), 0, error

    def __call__(self, say: Progress) -> str:
        self.count += 1
        say({"status": "begun"})
        self.begun.set()
        assert self.go.wait(20)
        say({"status": "done"})
        if self.error:
            raise self.error
        return "result"


def together(flights: Flights[str], work: Work, callers: list[Progress]) -> list[Any]:
    results: list[Any] = [None] * len(callers)
    joined = threading.Semaphore(0)

    def call(number: int) -> None:
        def progress(message: dict[str, Any]) -> None:
            joined.release() if message["status"] == "begun" else None
            callers[number](message)

        try:
            results[number] = flights.join("key", work, progress)
        except (RuntimeError, ValueError) as error:
            results[number] = error

    threads = [threading.Thread(target=call, args=(number,)) for number in range(len(callers))]
    for thread in threads:
        thread.start()
    for _ in callers:
        assert joined.acquire(timeout=20)  # everybody has heard the first message, so everybody is aboard
    work.go.set()
    for thread in threads:
        thread.join()
    return results


def test_many_callers_one_work_and_everybody_hears_everything() -> None:
    heard: list[list[str]] = [[], [], []]
    work = Work()
    callers: list[Progress] = [lambda message, mine=mine: mine.append(message["status"]) for mine in heard]
    assert together(Flights(), work, callers) == ["result"] * 3
    assert work.count == 1
    assert heard == [["begun", "done"]] * 3


def test_a_caller_whose_client_went_away_harms_no_other() -> None:
    def gone(message: dict[str, Any]) -> None:
        if message["status"] == "done":
            raise RuntimeError("client went away")

    work = Work()
    results = together(Flights(), work, [gone, lambda _: None])
    assert results[1] == "result"
    assert "went away" in str(results[0])


def test_an_error_reaches_every_caller_and_the_next_begins_anew() -> None:
    flights: Flights[str] = Flights()
    work = Work(ValueError("no"))
    assert [str(error) for error in together(flights, work, [lambda _: None] * 2)] == ["no", "no"]
    again = Work()
    again.go.set()
    assert flights.join("key", again, lambda _: None) == "result"
