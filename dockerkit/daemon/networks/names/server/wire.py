"""Questions and answers as bytes: as much of DNS as answering for containers takes. Everything else is passed on unread.

Source: RFC 1035 §4, RFC 6891 §6. Pure; what is no question raises :class:`Malformed`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

A, PTR, MX, AAAA, OPT, ANY = 1, 12, 15, 28, 41, 255
IN = 1
TTL = 600
"""Seconds an answer of ours may be kept; dockerd says the same."""
FORMAT_ERROR, SERVER_FAILURE, NAME_ERROR, NOT_IMPLEMENTED, REFUSED = 1, 2, 3, 4, 5
PLAIN_SIZE = 512
"""Bytes of a datagram for somebody who says nothing of how much they take."""
LARGEST = 65535
_OUR_SIZE = 1232
_RESPONSE, _OPCODE, _TRUNCATED, _DESIRED, _AVAILABLE, _CHECKING_DISABLED = 0x8000, 0x7800, 0x200, 0x100, 0x80, 0x10
_HEADER, _TAIL, _RECORD = struct.Struct("!6H"), struct.Struct("!2H"), struct.Struct("!2HIH")
_FIRST = struct.Struct("!2H")
_POINTER = 0xC0
_NAME_AT_HEADER = b"\xc0\x0c"
_MOST_NAME = 255
_MOST_RECORDS = 16
_NO_OPTIONS = b"\0" + struct.pack("!2HIH", OPT, _OUR_SIZE, 0, 0)


class Malformed(ValueError):
    """Not a question.

    :ivar code: what to answer.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Question(NamedTuple):
    """One question.

    :ivar name: in lower case, labels joined by dots, none at the end; None when a label has a dot in it: nobody is called so.
    :ivar end: where the question ends in the message.
    :ivar size: bytes of a datagram that whoever asks will take.
    :ivar extended: it speaks EDNS.
    """

    name: bytes | None
    kind: int
    group: int
    end: int
    size: int
    extended: bool


def is_question(message: bytes) -> bool:
    """Say whether a message deserves any answer: it has a header and is no answer itself (two servers could play for ever)."""
    return len(message) >= _HEADER.size and not message[2] & 0x80


def parse(message: bytes) -> Question:
    """Return the question of a message for which :func:`is_question` holds.

    :raises Malformed: it asks nothing, several things, or in no form one can read.
    """
    _, flags, questions, *others = _HEADER.unpack_from(message)
    if flags & _OPCODE:
        raise Malformed(NOT_IMPLEMENTED)
    if questions != 1 or sum(others) > _MOST_RECORDS:
        raise Malformed(FORMAT_ERROR)
    labels, at = _labels(message)
    if at + _TAIL.size > len(message):
        raise Malformed(FORMAT_ERROR)
    kind, group = _TAIL.unpack_from(message, at)
    at += _TAIL.size
    size, extended = _extension(message, at, sum(others)) if others != [0, 0, 0] else (PLAIN_SIZE, False)
    dotted = any(b"." in label for label in labels)
    return Question(None if dotted else b".".join(labels).lower(), kind, group, at, size, extended)


def _labels(message: bytes) -> tuple[list[bytes], int]:
    """Return the labels of the question's name and where it ends. There is nothing before it that it could point at."""
    labels, at = [], _HEADER.size
    while at < len(message) and (length := message[at]):
        if length >= _POINTER or length > 63 or at + 1 + length - _HEADER.size >= _MOST_NAME:
            raise Malformed(FORMAT_ERROR)
        labels.append(message[at + 1 : at + 1 + length])
        at += 1 + length
    if at >= len(message):
        raise Malformed(FORMAT_ERROR)
    return labels, at + 1


def _extension(message: bytes, at: int, records: int) -> tuple[int, bool]:
    """Look for EDNS among the records that follow a question; return the size of datagram it allows, and whether it is used."""
    size, extended = PLAIN_SIZE, False
    for _ in range(records):
        at = _after_name(message, at)
        if at + _RECORD.size > len(message):
            raise Malformed(FORMAT_ERROR)
        kind, group, _, length = _RECORD.unpack_from(message, at)
        at += _RECORD.size + length
        if at > len(message):
            raise Malformed(FORMAT_ERROR)
        if kind == OPT:
            size, extended = max(group, PLAIN_SIZE), True
    return size, extended


def _after_name(message: bytes, at: int) -> int:
    while at < len(message) and (length := message[at]):
        if length >= _POINTER:
            return at + 2
        at += 1 + length
    return at + 1


def named(name: bytes) -> bytes | None:
    """Return a dotted name as it is on the wire; None when it cannot be on it."""
    labels = name.split(b".")
    if not all(0 < len(label) < 64 for label in labels) or len(name) + 2 > _MOST_NAME:
        return None
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def answer(message: bytes, question: Question, data: Sequence[bytes], most: int = LARGEST) -> bytes:
    """Return the answer: one record for each of `data`, none = there is the name and nothing of this kind.

    :param most: bytes; what does not fit is left out, and the answer says so.
    """
    extension = _NO_OPTIONS if question.extended else b""
    room = most - question.end - len(extension)
    records = [_NAME_AT_HEADER + _RECORD.pack(question.kind, IN, TTL, len(one)) + one for one in data]
    fits = 0
    for record in records:
        room -= len(record)
        if room < 0:
            break
        fits += 1
    flags = _flags(message) | (_TRUNCATED if fits < len(records) else 0)
    header = _HEADER.pack(*_FIRST.unpack_from(message)[:1], flags, 1, fits, 0, len(extension) > 0)
    return header + message[_HEADER.size : question.end] + b"".join(records[:fits]) + extension


def failure(message: bytes, question: Question, code: int) -> bytes:
    """Return an answer that gives none, and says why."""
    extension = _NO_OPTIONS if question.extended else b""
    header = message[:2] + struct.pack("!5H", _flags(message) | code, 1, 0, 0, len(extension) > 0)
    return header + message[_HEADER.size : question.end] + extension


def refusal(message: bytes, code: int) -> bytes:
    """Return the answer to what is no question: a header."""
    flags = int.from_bytes(message[2:4], "big")
    return message[:2] + struct.pack("!5H", _RESPONSE | flags & (_OPCODE | _DESIRED) | code, 0, 0, 0, 0)


def _flags(message: bytes) -> int:
    flags = int.from_bytes(message[2:4], "big")
    return _RESPONSE | _AVAILABLE | flags & (_DESIRED | _CHECKING_DISABLED)


def belongs(reply: bytes, query: bytes, question: Question) -> bool:
    """Say whether a reply is one to this query: its number, and its question where it repeats it (RFC 5452 §9.1)."""
    if len(reply) < _HEADER.size or reply[:2] != query[:2] or not reply[2] & 0x80:
        return False
    asked, repeated = (one[_HEADER.size : question.end].lower() for one in (query, reply))
    return (reply[4:6] == b"\0\1" and asked == repeated) or (reply[4:6] == b"\0\0" and code_of(reply) not in (0, NAME_ERROR))


def code_of(reply: bytes) -> int:
    """Return a reply's response code."""
    return reply[3] & 0x0F


def shortened(reply: bytes, question: Question) -> bytes:
    """Return a reply without anything but its question, marked as cut: whoever asked asks again, by TCP."""
    flags = int.from_bytes(reply[2:4], "big") | _TRUNCATED
    return reply[:2] + struct.pack("!5H", flags, 1, 0, 0, 0) + reply[_HEADER.size : question.end]
