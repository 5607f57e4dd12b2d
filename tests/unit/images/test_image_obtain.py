"""Registry first, bootstrap only when it cannot be reached, once for everybody who asks, and never longer than it may take."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, NoReturn

import pytest

from dockerkit.daemon.images import Images
from dockerkit.daemon.images.flights import Flights, Progress
from dockerkit.daemon.images.obtain import OutOfReach, instead, unasked
from dockerkit.errors import Cancelled, Invalid, Unavailable
from dockerkit.schema.names import parse_reference


def reason(name: str, cause: str) -> str:
    return instead(parse_reference(name), OutOfReach(f"registry docker.io cannot be reached: {cause}"))


def test_a_registry_that_cannot_be_reached_leads_to_bootstrap() -> None:
    assert reason("busybox", "timed out") == "registry docker.io cannot be reached: timed out"


@pytest.mark.parametrize(
    "name", ["nosuch:7", "busybox:1.36", "quay.io/x/busybox", "other/busybox", "busybox@sha256:" + "0" * 64]
)
def test_what_cannot_be_made_honestly_is_not_made(name: str) -> None:
    with pytest.raises(Unavailable, match=r"cannot get .*: registry .* cannot be reached: no route") as refused:
        reason(name, "no route")
    assert "busybox, host" in refused.value.hint


def test_always_does_not_ask_the_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the registry was asked")

    monkeypatch.setenv("DOCKERKIT_BOOTSTRAP", "always")
    with pytest.raises(Unavailable, match=r"no registry is asked \(DOCKERKIT_BOOTSTRAP=always\)"):
        Images(str(tmp_path)).obtain("nosuch", progress=lambda _: None, pull=asked)
    assert unasked(parse_reference("busybox")) == "DOCKERKIT_BOOTSTRAP=always"


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


def test_work_nobody_waits_for_any_more_is_given_up() -> None:
    flights: Flights[str] = Flights()
    work, ended = Work(), threading.Event()

    def gone(_: dict[str, Any]) -> None:
        raise RuntimeError("client went away")

    def watched(say: Progress) -> str:
        try:
            return work(say)
        except Cancelled:
            ended.set()
            raise

    with pytest.raises(RuntimeError, match="went away"):
        flights.join("key", watched, gone)
    work.go.set()
    assert ended.wait(20)
    again = Work()
    again.go.set()
    assert flights.join("key", again, lambda _: None) == "result"
