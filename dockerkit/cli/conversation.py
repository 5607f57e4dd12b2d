"""A terminal's or a pipe's conversation with a container: input, output, signals and size in one loop, without threads.

What the program writes is written at once; what it does not read is held, 64 KiB at most. Knows sockets and descriptors; what
a signal or a new size means is the caller's.
"""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable

import msgspec

from dockerkit.cli.detaching import DetachKeys
from dockerkit.cli.output import Output
from dockerkit.cli.refusals import Failure
from dockerkit.cli.terminal import Signals
from dockerkit.client.exchange import can_half_close, pending
from dockerkit.client.transport.http import ZERO_RETURN, RawStream, Response, not_yet

_PIECE = 64 * 1024
_READ = 256 * 1024
_GIVE_UP = 3
"""So many SIGINT or SIGTERM end this program, whatever the container does, as Docker's."""


class Conversation:
    """One attached program.

    :param input: what is read for it; None for nothing.
    :param keys: leave when these are typed.
    :param signals: what interrupts; `act` is called with each.
    """

    def __init__(
        self,
        stream: RawStream,
        output: Output,
        *,
        input: int | None,
        keys: DetachKeys | None,
        signals: Signals,
        act: Callable[[signal.Signals], None],
    ) -> None:
        self._socket = stream.socket
        self._socket.setblocking(False)
        self._output = output
        self._input = input
        self._keys = keys
        self._signals = signals
        self._act = act
        self._asked = 0
        self._unsent = b""
        self._input_ended = False
        output.write(stream.received())

    def to_its_end(self) -> bool:
        """Talk until the program's output ends; False when the detach keys were typed."""
        while True:
            ready = self._wait()
            if self._signals.fileno() in ready:
                self._interrupted()
            if ready.get(self._socket.fileno(), 0) & select.POLLOUT:
                self._send()
            if self._input is not None and self._input in ready and not self._type():
                return False
            if ready.get(self._socket.fileno(), 0) & ~select.POLLOUT and not self._receive():
                return True

    def exit_code(self, waiting: Response) -> int:
        """Wait for the container's end, of which `waiting` is the engine's answer; signals go on being handed on."""
        body = b""
        poll = select.poll()
        poll.register(self._signals.fileno(), select.POLLIN)
        poll.register(waiting.fileno(), select.POLLIN)
        while (piece := waiting.now()) is not None:
            body += piece
            if waiting.fileno() >= 0 and any(fd == self._signals.fileno() for fd, _ in poll.poll()):
                self._interrupted()
        said = msgspec.json.decode(body)
        if (said.get("Error") or {}).get("Message"):
            raise Failure(said["Error"]["Message"], code=125)
        return int(said["StatusCode"])

    # one turn

    def _wait(self) -> dict[int, int]:
        poll = select.poll()
        poll.register(self._signals.fileno(), select.POLLIN)
        poll.register(self._socket, select.POLLIN | (select.POLLOUT if self._unsent else 0))
        if self._input is not None and not self._unsent:
            poll.register(self._input, select.POLLIN)
        return dict(poll.poll())

    def _interrupted(self) -> None:
        for number in self._signals.arrived():
            self._asked += number in (signal.SIGINT, signal.SIGTERM)
            if self._asked >= _GIVE_UP:
                raise Failure("got 3 SIGTERM/SIGINTs, forcefully exiting")
            self._act(number)

    def _type(self) -> bool:
        """Read what was typed; False when it was the detach keys."""
        assert self._input is not None
        try:
            typed = os.read(self._input, _PIECE)
        except OSError:  # the terminal has hung up
            typed = b""
        if not typed:
            self._input, self._input_ended = None, True
            self._close_input()
            return True
        detached = False
        if self._keys is not None:
            typed, detached = self._keys.feed(typed)
        self._unsent += typed
        self._send()
        return not detached

    def _send(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except ConnectionError:
            self._unsent, self._input = b"", None  # the program reads no more, as `true < file` does not
        except OSError as error:
            if not not_yet(error):
                raise
        self._close_input()

    def _close_input(self) -> None:
        if self._input_ended and not self._unsent and can_half_close(self._socket):
            try:
                self._socket.shutdown(socket.SHUT_WR)
            except OSError:
                self._input = None  # the engine has gone: the reading side will say so

    def _receive(self) -> bool:
        """Write what arrived; False at the end."""
        try:
            piece = self._socket.recv(_READ)
            while piece and (left := pending(self._socket)):
                piece += self._socket.recv(left)
        except ConnectionResetError:
            return False  # closed with input unread: all output has come before it
        except OSError as error:
            if error.errno == ZERO_RETURN:
                return False
            if not not_yet(error):
                raise
            return True
        self._output.write(piece)
        return bool(piece)
