"""All who are attached to one container, and its standard input: who may type, who hears, when the container must wait."""

from __future__ import annotations

import time
from collections.abc import Callable

from dockerkit.daemon.runtime.keeper.attached import PATIENCE, Attached
from dockerkit.daemon.runtime.keeper.journal import Journal
from dockerkit.daemon.runtime.keeper.loop import Loop
from dockerkit.daemon.runtime.keeper.streams import Input, Output
from dockerkit.daemon.runtime.launch import Attachment, Launch

LINGER, LINGER_KILLED = 10.0, 1.0
"""Seconds without progress after which a listener is let go once the container has ended, by itself or by our SIGKILL."""


class Audience:
    """The listeners.

    :param outputs: the container's streams, filled in by the keeper as they appear.
    :param served: called when the last has left.
    :param detached: called when one has typed its detach keys.
    :param patient: a listener that does not read holds the program for ever, as a full pipe would; else for a second.
    """

    def __init__(
        self,
        loop: Loop,
        launch: Launch,
        journal: Journal,
        *,
        served: Callable[[], None] = lambda: None,
        detached: Callable[[], None] = lambda: None,
        patient: bool = False,
    ) -> None:
        self.outputs: list[Output] = []
        self._loop, self._journal = loop, journal
        self._when_served, self._when_detached = served, detached
        self._once, self._tty = launch.stdin_once, bool(launch.spec["process"].get("terminal"))
        self._input: Input | None = None
        self._members: list[Attached] = []
        self._early = bytearray()
        self._ended_early = False
        self._ending = False
        self._patient = patient
        self._linger = LINGER

    def open_input(self, descriptor: int) -> None:
        """Have what is typed go there, beginning with what was typed before."""
        self._input = Input(self._loop, descriptor, self._balance_input)
        self._input.write(bytes(self._early))
        self._early.clear()
        if self._ended_early:
            self._input.end()
        self._balance_input()

    def add(self, attachment: Attachment) -> None:
        """Take somebody in; `initial` is typed at once."""
        member = Attached(
            self._loop, attachment, self._journal, typed=self._typed, moved=self._balance_output, gone=self._members_left
        )
        self._members.append(member)
        if attachment.initial and attachment.stdin:
            member.type(attachment.initial)
        member.begin()
        if self._ending:
            member.close_when_served()
        self._balance_input()

    def deliver(self, stream: int, data: memoryview) -> None:
        """Log a chunk of output and give it to everybody."""
        offset = self._journal.append(stream, data)
        for member in tuple(self._members):
            member.deliver(stream, data, offset)
        if any(member.holds_back for member in self._members):
            self._hold()

    def tell_exit(self, code: int) -> None:
        """Tell those who asked for it how the program ended, after all it wrote."""
        for member in tuple(self._members):
            member.tell_exit(code)

    def end(self, *, killed: bool) -> None:
        """The container is gone: close everybody as they have taken all. Who had it killed seldom waits for its last words."""
        self._ending = True
        self._linger = LINGER_KILLED if killed else LINGER
        if self._input:
            self._input.end()
        for member in tuple(self._members):
            member.close_when_served()
        self._watch_lingering()

    @property
    def empty(self) -> bool:
        """Whether nobody is left."""
        return not self._members

    def dismiss(self, *, hang_up: bool = True) -> None:
        """Close everybody now, served or not; without `hang_up` their streams stay open for the daemon to explain itself on."""
        for member in tuple(self._members):
            member.close(hang_up=hang_up)

    def _watch_lingering(self) -> None:
        for member in tuple(self._members):
            if time.monotonic() - member.last_progress > self._linger:
                member.close()
        if self._members:
            self._loop.after(self._linger / 10, self._watch_lingering)

    def _typed(self, member: Attached, data: bytes) -> None:
        if self._input is None:
            self._early += data
            self._ended_early |= not data and self._ends_input()
        elif data:
            self._input.write(data)
        elif self._ends_input():
            self._input.end()
        self._balance_input()

    def _ends_input(self) -> bool:
        """Whether a client's end-of-file is the container's: as dockerd, when its input is for one client, and no terminal."""
        return self._once and not self._tty

    def _balance_input(self) -> None:
        free = self._input is not None and not self._input.full
        for member in self._members:
            member.type_freely(free)

    def _hold(self) -> None:
        for output in self.outputs:
            output.pause(True)
        if not self._patient:
            self._loop.after(PATIENCE, self._lose_patience)

    def _lose_patience(self) -> None:
        now = time.monotonic()
        for member in self._members:
            if member.holds_back and now - member.last_progress >= PATIENCE:
                member.stalled = True
        self._balance_output()
        if any(member.holds_back for member in self._members):
            self._loop.after(PATIENCE, self._lose_patience)

    def _balance_output(self) -> None:
        if not any(member.holds_back for member in self._members):
            for output in self.outputs:
                output.pause(False)

    def _members_left(self, member: Attached) -> None:
        self._members.remove(member)
        self._balance_output()
        if member.detached:
            self._when_detached()
        if not self._members:
            self._when_served()
