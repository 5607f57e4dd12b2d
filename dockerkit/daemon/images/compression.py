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
from functools import cache, partial
from typing import Any, BinaryIO, Protocol, cast

from dockerkit.daemon.images.limits import Meter
from dockerkit.errors import Damaged, Unsupported

CHUNK = 1 << 20
_BZIP2 = re.compile(rb"BZh[1-9]1A")
_GZIP, _XZ, _ZSTD = b"\x1f\x8b", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
_XZ_MEMORY = 256 << 20
"""Bytes of dictionary that a stream may ask for: ``xz -9`` asks for 64 MiB, a forged header for four gigabytes."""
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


@cache
def _deflate() -> Any:
    """Return the module that reads gzip: ``isal`` where it is installed (three times as fast), else zlib."""
    try:
        return importlib.import_module("isal.isal_zlib")
    except ImportError:
        return zlib


class _Gzip:
    """A gzip reader with lzma's interface."""

    def __init__(self) -> None:
        self._inner = _deflate().decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return cast(bytes, self._inner.unused_data)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        tail = self._inner.unconsumed_tail
        return cast(bytes, self._inner.decompress(tail + data if tail else data, max_length))


def read_chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file's bytes in chunks of a mebibyte."""
    while chunk := file.read(CHUNK):
        yield chunk


def kind_of(head: bytes) -> str:
    """Tell by its first bytes (six are enough) how a stream is compressed: ``gzip``, ``bzip2``, ``xz``, ``zstd`` or ``""``."""
    kinds = {
        "gzip": head.startswith(_GZIP),
        "bzip2": _BZIP2.match(head),
        "xz": head.startswith(_XZ),
        "zstd": head.startswith(_ZSTD),
    }
    return next((kind for kind, fits in kinds.items() if fits), "")


def is_compressed(head: bytes) -> bool:
    """Tell by its first bytes whether a stream is compressed."""
    return bool(kind_of(head))


def decompress(chunks: Iterable[bytes], meter: Meter | None = None) -> Iterator[bytes]:
    """Yield the plain bytes of a stream that is gzip, bzip2, xz, zstd or not compressed.

    :param meter: counts the bytes on both sides.
    :raises Damaged: the compressed stream is cut short or broken, or `meter` has had enough of it.
    :raises Unsupported: zstd, and this Python has no module for it.
    """
    if meter is None:
        return _decompress(chunks)
    return _measured(_decompress(_weighed(chunks, meter)), meter)


def _weighed(chunks: Iterable[bytes], meter: Meter) -> Iterator[bytes]:
    for chunk in chunks:
        meter.came(len(chunk))
        yield chunk


def _measured(chunks: Iterator[bytes], meter: Meter) -> Iterator[bytes]:
    for chunk in chunks:
        meter.unpacked(len(chunk))
        yield chunk


def _decompress(chunks: Iterable[bytes]) -> Iterator[bytes]:
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
        return _members(rest, partial(lzma.LZMADecompressor, memlimit=_XZ_MEMORY))
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
    except (zlib.error, _deflate().error, lzma.LZMAError) as error:
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
