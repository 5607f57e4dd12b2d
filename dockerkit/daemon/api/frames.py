"""Docker's multiplexed stream: how standard output and standard error share one connection. Pure.

Source: Engine API, operation ContainerAttach, "stream format".
"""

from __future__ import annotations

import struct

STDOUT, STDERR = 1, 2
_HEADER = struct.Struct(">BxxxL")


def frame(stream: int, data: bytes) -> bytes:
    """Return `data` as one frame of `stream` (1 or 2); clients iterate frames, so one frame is one line of a log."""
    return _HEADER.pack(stream, len(data)) + data
