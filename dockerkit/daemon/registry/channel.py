"""One connection's bytes, with time limits on every wait and an end that another thread can bring about.

Gives ``http.client`` what it wants of a socket. That module rather than a larger one: it reads a megabyte a call straight from
the socket (a third less time for a blob than through httpx, whose reads are 64 KiB and pass through two more layers), costs
nothing to import, and leaves the socket in our hands, without which a silent peer could not be interrupted. Never retries.
"""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import time
from typing import BinaryIO, cast

from dockerkit.daemon.registry.breaks import Broken, Silent, Untrusted

BUFFER = 1 << 16
SENT_AT_ONCE = 1 << 18
"""Bytes in one call of send: the silence limit is for all of them."""


class Channel:
    """A connected socket.

    :param silence: longest wait for a byte, or for the peer to take 256 KiB; in seconds.
    """

    def __init__(self, connected: socket.socket, silence: float) -> None:
        self._socket = connected
        self._silence = silence
        self.deadline: float | None = None
        """When the present answer must be complete, on the monotonic clock; None is no limit."""

    def secure(self, context: ssl.SSLContext, host: str, deadline: float) -> None:
        """Speak TLS from now on.

        :raises Untrusted: a certificate was refused.
        :raises Broken: the peer does not speak TLS, or not in time.
        """
        self._socket.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            self._socket = context.wrap_socket(self._socket, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            raise Untrusted(f"x509: {error.verify_message}") from None
        except TimeoutError:
            raise Silent("net/http: TLS handshake timeout") from None
        except (OSError, ValueError) as error:
            raise _tls_broken(error) from None

    def sendall(self, data: bytes | memoryview) -> None:
        """Send bytes; for ``http.client``."""
        self._limit()
        self._socket.sendall(data)

    def receive(self, buffer: memoryview) -> int:
        """Wait for bytes and put them into a buffer; 0 at the end.

        :raises TimeoutError: none came in time.
        """
        self._limit()
        return self._socket.recv_into(buffer)

    def makefile(self, _mode: str) -> BinaryIO:
        """Return a reader; for ``http.client``, which makes one for each answer and closes it."""
        return cast(BinaryIO, io.BufferedReader(_Reader(self), BUFFER))

    @property
    def stale(self) -> bool:
        """Whether the peer closed it, or said something nobody asked for, while it lay idle."""
        try:
            self._socket.setblocking(False)
            return self._socket.recv(1, *([] if isinstance(self._socket, ssl.SSLSocket) else [socket.MSG_PEEK])) is not None
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True

    def abort(self) -> None:
        """Wake whoever waits on it, from any thread."""
        with contextlib.suppress(OSError):  # it was closed already
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Do nothing; for ``http.client``, which calls this while the last answer's body is still to be read."""

    def hang_up(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _limit(self) -> None:
        left = self._silence if self.deadline is None else min(self._silence, self.deadline - time.monotonic())
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)


class _Reader(io.RawIOBase):
    """The receiving side as a file whose closing leaves the connection open."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        return self._channel.receive(memoryview(buffer))  # type: ignore[arg-type]


def _tls_broken(error: Exception) -> Broken:
    reason = getattr(error, "reason", "") or str(error)
    if any(word in reason for word in ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE")):
        return Untrusted(f"remote error: tls: {reason.replace('_', ' ').lower()}")
    if any(word in reason for word in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")):
        return Broken("http: server gave HTTP response to HTTPS client")
    return Broken(f"tls: {reason.replace('_', ' ').lower()}")
