"""``logs``: what a container wrote, as lines with their moment and stream.

A record of the log is one read of the keeper's; lines are made here: a line that came in several reads is joined, up to
Docker's 16 KiB, and carries the moment of its first byte.
"""

from __future__ import annotations

import collections
import os
from collections.abc import Iterable, Iterator

from dockerkit.daemon.logs.records import Record, read
from dockerkit.schema.units import rfc3339

LONGEST = 16 * 1024
Line = tuple[int, int, bytes]
"""Nanoseconds since 1970, stream (1 stdout, 2 stderr), the line with its newline if it had one."""


def read_log(
    path: str, *, streams: frozenset[int], since: int = 0, until: int = 0, tail: int | None = None, timestamps: bool = False
) -> Iterator[tuple[int, bytes]]:
    """Give the wanted lines of a log file, each with its stream.

    :param since: leave out what is older (ns since 1970); `until` what is newer, 0 is no bound.
    :param tail: look at the last so many lines of the log only, as dockerd: before streams and moments are chosen; None is all.
    """
    everything: Iterable[Line] = lines(_records(path))
    if tail is not None:
        everything = collections.deque(everything, maxlen=tail)
    for moment, stream, text in everything:
        if stream not in streams or moment < since or (until and moment > until):
            continue
        yield stream, (f"{rfc3339(moment)} ".encode() + text if timestamps else text)


def _records(path: str) -> Iterator[Record]:
    """Give the records of a log file; none when nothing was ever written."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        yield from read(descriptor)
    finally:
        os.close(descriptor)


def lines(records: Iterable[Record]) -> Iterator[Line]:
    """Split records into lines; a last line without a newline is given as it is."""
    open_lines: dict[int, tuple[int, bytes]] = {}
    for record in records:
        moment, rest = record.time, record.data
        if record.stream in open_lines:
            moment, begun = open_lines.pop(record.stream)
            rest = begun + rest
        while rest:
            end = rest.find(b"\n", 0, LONGEST) + 1
            if not end and len(rest) < LONGEST:
                open_lines[record.stream] = (moment, rest)
                break
            end = end or LONGEST
            yield moment, record.stream, rest[:end]
            moment, rest = record.time, rest[end:]
    for stream, (moment, rest) in sorted(open_lines.items(), key=lambda item: item[1][0]):
        yield moment, stream, rest
