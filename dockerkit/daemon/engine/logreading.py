"""``logs``: what a container wrote, as lines with their moment and stream.

A record of the log is one read of the keeper's; lines are made here: a line that came in several reads is joined, up to
Docker's 16 KiB, and carries the moment of its first byte. Lines stay together as they came, in pieces of one moment and one
stream: a million short lines are a few thousand pieces. Never waits: see ``following``.
"""

from __future__ import annotations

import collections
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from dockerkit.daemon.engine.logposition import Position
from dockerkit.daemon.logs.records import Record
from dockerkit.schema.units import rfc3339

LONGEST = 16 * 1024
_FRAME = struct.Struct(">BxxxI")


class Piece(NamedTuple):
    """Lines with their newlines (the last of a log may have none), their moment (ns since 1970), and their stream (1, 2)."""

    moment: int
    stream: int
    lines: list[bytes]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines somebody wants: of which streams, not older or newer than (0 is no bound), with their moment before them."""

    streams: frozenset[int] = frozenset({1, 2})
    since: int = 0
    until: int = 0
    timestamps: bool = False

    def of(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """Give what is wanted of these."""
        for piece in pieces:
            moment, stream, lines = piece
            if stream not in self.streams or moment < self.since or (self.until and moment > self.until):
                continue
            if self.timestamps:
                before = f"{rfc3339(moment)} ".encode()
                yield Piece(moment, stream, [before + line for line in lines])
            else:
                yield piece


class Splitter:
    """Makes lines of records; keeps what has no end yet."""

    def __init__(self) -> None:
        self._begun: dict[int, tuple[int, bytes]] = {}
        self._met: set[int] = set()

    def feed(self, record: Record) -> list[Piece]:
        """Return the lines that are whole now; the end of a line whose beginning was dropped is none."""
        moment, stream, data, _, continues = record
        if stream not in self._met:
            data = self._from_first_line(stream, data, continues)
        begun = self._begun.pop(stream, None)
        whole, rest = _split(begun[1] + data if begun else data)
        if rest:
            self._begun[stream] = (begun[0] if begun and not whole else moment, rest)
        if not whole:
            return []
        if begun:
            return [Piece(begun[0], stream, whole[:1])] + ([Piece(moment, stream, whole[1:])] if whole[1:] else [])
        return [Piece(moment, stream, whole)]

    def _from_first_line(self, stream: int, data: bytes, continues: bool) -> bytes:
        _, newline, rest = data.partition(b"\n") if continues else (b"", b"\n", data)
        if newline:
            self._met.add(stream)
        return rest

    def rest(self) -> list[Piece]:
        """Return what was begun and never got its newline, oldest first."""
        begun, self._begun = self._begun, {}
        return sorted(Piece(moment, stream, [text]) for stream, (moment, text) in begun.items())


def _split(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the whole lines, none longer than ``LONGEST``, and the rest."""
    parts = data.split(b"\n")
    rest = parts.pop()
    lines = [part + b"\n" for part in parts]
    if lines and len(max(lines, key=len)) > LONGEST:
        lines = [line[at : at + LONGEST] for line in lines for at in range(0, len(line), LONGEST)]
    if len(rest) >= LONGEST:
        whole = len(rest) - len(rest) % LONGEST
        lines += [rest[at : at + LONGEST] for at in range(0, whole, LONGEST)]
        rest = rest[whole:]
    return lines, rest


def pieces_of(records: Iterable[Record]) -> Iterator[Piece]:
    """Split records into lines; a last line without a newline is given as it is."""
    splitter = Splitter()
    for record in records:
        yield from splitter.feed(record)
    yield from splitter.rest()


def last_lines(pieces: Iterable[Piece], count: int) -> list[Piece]:
    """Return the last so many lines, of both streams together, as dockerd counts them."""
    kept: collections.deque[Piece] = collections.deque()
    total = 0
    for piece in pieces:
        kept.append(piece)
        total += len(piece.lines)
        while kept and total - len(kept[0].lines) >= count:
            total -= len(kept.popleft().lines)
    if kept and total > count:
        first = kept.popleft()
        kept.appendleft(first._replace(lines=first.lines[total - count :]))
    return list(kept)


def read_log(path: str, wanted: Wanted, *, tail: int | None = None) -> Iterator[Piece]:
    """Give the wanted lines of a log, older files first where it was rotated.

    :param tail: look at the last so many lines of the log only, as dockerd: before streams and moments are chosen; None is all.
    """
    position = Position(path)
    try:
        everything: Iterable[Piece] = pieces_of(position.records())
        yield from wanted.of(everything if tail is None else last_lines(everything, tail))
    finally:
        position.close()


def lines_of(pieces: Iterable[Piece]) -> Iterator[tuple[int, bytes]]:
    """Give every line with its stream."""
    for _, stream, lines in pieces:
        for line in lines:
            yield stream, line


class _Headers(dict[int, bytes]):
    """Docker's frame headers of one stream, by the length of the line behind them; each is made once."""

    def __init__(self, stream: int) -> None:
        self._stream = stream

    def __missing__(self, length: int) -> bytes:
        header = self[length] = _FRAME.pack(self._stream, length)
        return header


_HEADERS = {stream: _Headers(stream) for stream in (1, 2)}
"""At most 16 KiB and a moment's 31 bytes long, so at most so many headers."""


def encoded(piece: Piece, *, framed: bool) -> bytes:
    """Return a piece as a client gets it: each line behind Docker's 8-byte header, or the bare lines."""
    if not framed:
        return b"".join(piece.lines)
    headers = _HEADERS[piece.stream]
    return b"".join([part for line in piece.lines for part in (headers[len(line)], line)])


def chunks(pieces: Iterable[Piece], *, framed: bool, size: int) -> Iterator[bytes]:
    """Give pieces as a client gets them, in chunks of about `size` bytes."""
    gathered: list[bytes] = []
    length = 0
    for piece in pieces:
        gathered.append(encoded(piece, framed=framed))
        length += len(gathered[-1])
        if length >= size:
            yield b"".join(gathered)
            gathered, length = [], 0
    if gathered:
        yield b"".join(gathered)
