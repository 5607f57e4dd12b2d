"""Who waits for a container, and for what. Nobody blocks a thread: a wait is a future that an event completes."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from dockerkit.schema.container import WaitExitError, WaitResponse

NOT_RUNNING = "not-running"
NEXT_EXIT = "next-exit"
REMOVED = "removed"
CONDITIONS = (NOT_RUNNING, NEXT_EXIT, REMOVED)


class Waiters:
    """The futures of one container; each is completed once, with the exit code."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Future[WaitResponse]]] = {condition: [] for condition in CONDITIONS}

    def add(self, condition: str) -> Future[WaitResponse]:
        """Return a future for `condition`, completed by a later :meth:`exited` or :meth:`removed`."""
        future: Future[WaitResponse] = Future()
        with self._lock:
            self._waiting[condition].append(future)
        return future

    def exited(self, exit_code: int) -> None:
        """Complete what waits for an exit."""
        self._complete((NOT_RUNNING, NEXT_EXIT), WaitResponse(status_code=exit_code))

    def removed(self, exit_code: int, error: str = "") -> None:
        """Complete everything: the container is gone, or could not be removed because of `error`."""
        answer = WaitResponse(status_code=exit_code)
        if error:
            answer.error = WaitExitError(message=error)
        self._complete(CONDITIONS, answer)

    def _complete(self, conditions: tuple[str, ...], answer: WaitResponse) -> None:
        with self._lock:
            futures = [future for condition in conditions for future in self._waiting[condition]]
            for condition in conditions:
                self._waiting[condition] = []
        for future in futures:
            if future.set_running_or_notify_cancel():
                future.set_result(answer)
