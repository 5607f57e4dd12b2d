"""Compressed bytes in, plain bytes out, in chunks: gzip, bzip2, xz, zstd or nothing, told apart by their first bytes.

Never holds more than one chunk, never trusts a file's name or media type to say how it is compressed (moby sniffs too).
"""

from __future__ import annotations

import bz2
import importlib
import lzma
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Protocol

from dockerkit.errors import Damaged, Unsupported

CHUNK = 1 << 18
_BZIP2 = re.compile(rb"BZh[1-9]1A")
_GZIP, _XZ, _ZSTD = b"\x1f\x8b", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
_BOUND = 1 << 20
"""Most bytes one call of a decompressor may hand out: a bomb is met a megabyte at a time."""


class _Decompressor(Protocol):
    """What zlib, bz2 and lzma objects have in common, once :class:`_Gzip` has evened out zlib."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's gzip reader with lzma's interface."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def read_chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file's bytes in chunks of 256 KiB."""
    while chunk := file.read(CHUNK):
        yield chunk


def decompress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the plain bytes of a stream that is gzip, bzip2, xz, zstd or not compressed.

    :raises Damaged: the compressed stream is cut short or broken.
    :raises Unsupported: zstd, and this Python has no module for it.
    """
    source = iter(chunks)
    head = b""
    for chunk in source:
        head += chunk
        if len(head) >= len(_XZ):
            break
    rest = _rejoin(head, source)
    if head.startswith(_GZIP):
        return _members(rest, _Gzip)
    if _BZIP2.match(head):
        return _members(rest, bz2.BZ2Decompressor)
    if head.startswith(_XZ):
        return _members(rest, lzma.LZMADecompressor)
    if head.startswith(_ZSTD):
        return _zstd(rest)
    return rest


def _rejoin(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from rest


def _members(chunks: Iterator[bytes], make: Callable[[], _Decompressor]) -> Iterator[bytes]:
    """Decompress one stream after another (``gzip`` concatenates them, and so do image builders)."""
    current: _Decompressor | None = None
    try:
        for chunk in chunks:
            data = chunk
            while data:
                if current is None:
                    data = data.lstrip(b"\0")  # padding after the last stream
                    if not data:
                        break
                    current = make()
                yield from _drain(current, data)
                data = current.unused_data if current.eof else b""
                if current.eof:
                    current = None
    except (zlib.error, lzma.LZMAError) as error:
        raise Damaged(f"compressed stream is broken: {error}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise Damaged(f"compressed stream is broken: {error}") from None  # bz2's way to say so
    if current is not None:
        raise Damaged("compressed stream is cut short")


def _drain(decompressor: _Decompressor, data: bytes) -> Iterator[bytes]:
    while True:
        plain = decompressor.decompress(data, _BOUND)
        if plain:
            yield plain
        data = b""
        if decompressor.eof or (decompressor.needs_input and len(plain) < _BOUND):
            return


def _zstd(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress zstd with the module that is there: ``compression.zstd`` (Python 3.14) or ``zstandard``."""
    for module, attribute in (("compression.zstd", "ZstdDecompressor"), ("zstandard", "ZstdDecompressor")):
        try:
            found = importlib.import_module(module)
        except ImportError:
            continue
        make = getattr(found, attribute)
        if module == "zstandard":
            return _zstandard(chunks, make(), found.ZstdError)
        return _members(chunks, make)
    raise Unsupported("zstd streams cannot be read by this Python", hint="pip install zstandard")


def _zstandard(chunks: Iterator[bytes], decompressor: object, error_class: type[Exception]) -> Iterator[bytes]:
    reader = decompressor.stream_reader(_File(chunks), read_across_frames=True)  # type: ignore[attr-defined]
    try:
        while plain := reader.read(_BOUND):
            yield plain
    except error_class as error:
        raise Damaged(f"compressed stream is broken: {error}") from None


class _File:
    """Chunks with a ``read`` method."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def read(self, _size: int = -1) -> bytes:
        return next(self._chunks, b"")
