"""Talking to a container's program from this terminal: what ``run``, ``start -a``, ``attach`` and ``exec`` have in common.

Decides between terminal and pipe, between what a signal means and what it does. Makes no container.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from dockerkit.cli import terminal
from dockerkit.cli.conversation import Conversation
from dockerkit.cli.detaching import DetachKeys, read_keys
from dockerkit.cli.output import Output
from dockerkit.cli.refusals import Failure
from dockerkit.client.exchange import can_half_close
from dockerkit.client.transport.http import RawStream
from dockerkit.errors import DockerkitError, Unsupported

_STDIN = 0
Resize = Callable[[int, int], None]


@dataclass(frozen=True)
class Manner:
    """How to talk: with a terminal or not, with input or not, which keys leave, what signals do."""

    tty: bool
    stdin: bool
    keys: str = ""
    resize: Resize | None = None
    forward: Callable[[str], object] | None = None
    """Sends a signal of this name to the program; None: signals end this program as usual."""
    streams: frozenset[int] = frozenset({1, 2})


def check_terminal(*, tty: bool, stdin: bool) -> None:
    """Refuse to give a program a terminal where there is none.

    :raises Failure: in Docker's words.
    """
    if tty and stdin and not os.isatty(_STDIN):
        raise Failure("the input device is not a TTY")


class Talk:
    """A conversation in this terminal, as a block: raw inside it, restored after it."""

    def __init__(self, stream: RawStream, manner: Manner) -> None:
        if manner.stdin and not manner.tty and not can_half_close(stream.socket):
            raise Unsupported("input over TLS is not offered yet", hint="forward the engine's socket with ssh -L")
        self._stream = stream
        self._manner = manner
        self._stack = ExitStack()

    def __enter__(self) -> Conversation:
        """Take over terminal and signals."""
        manner = self._manner
        with ExitStack() as stack:
            signals = stack.enter_context(terminal.Signals(self._wanted()))
            keyboard = manner.tty and manner.stdin and os.isatty(_STDIN)
            keys = DetachKeys(read_keys(manner.keys)) if keyboard else None
            if keyboard:
                stack.enter_context(terminal.raw(_STDIN))
            conversation = Conversation(
                self._stream,
                Output(framed=not manner.tty, streams=manner.streams),
                input=_STDIN if manner.stdin else None,
                keys=keys,
                signals=signals,
                act=self._act,
            )
            self._stack = stack.pop_all()
        return conversation

    def __exit__(self, *_: object) -> None:
        """Restore both."""
        self._stack.close()

    def fit(self) -> None:
        """Tell the program how big this terminal is."""
        found = terminal.size(sys.stdout.fileno()) if self._manner.tty else None
        if found is not None and self._manner.resize is not None:
            try:
                self._manner.resize(*found)
            except DockerkitError:
                return  # it has ended, or not begun: nobody draws

    def _wanted(self) -> tuple[signal.Signals, ...]:
        size = (signal.SIGWINCH,) if self._manner.tty else ()
        return (*size, *(terminal.FORWARDED if self._manner.forward is not None else ()))

    def _act(self, number: signal.Signals) -> None:
        if number == signal.SIGWINCH:
            self.fit()
        elif self._manner.forward is not None:
            try:
                self._manner.forward(number.name)
            except DockerkitError:
                return  # it has ended: its output's end is on the way
