"""What a name, a tag, a digest, a range and a page size are, and what they are not. Pure text.

Everything that becomes part of a path on disk has passed through here: no name that is accepted has a component that starts
with a dot or an underscore. Source: OCI distribution specification 1.1, "Pulling manifests"; RFC 9110 §14.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from dockerkit.daemon.registry.server.refusals import Refusal

ALGORITHMS = {"sha256": 64, "sha512": 128}
"""Digest algorithms, and how many hexadecimal digits each has."""
LONGEST_NAME = 255
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_HEX = re.compile(r"[0-9a-f]+")
_BYTES = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")
_CHUNK = re.compile(r"(?:bytes[ =])?(\d{1,19})-(\d{1,19})(?:/(?:\d+|\*))?")
_LARGEST_PAGE = 1_000_000


def check_name(name: str) -> str:
    """Return a repository's name.

    :raises Refusal: NAME_INVALID.
    """
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise Refusal("NAME_INVALID", detail={"name": name[:LONGEST_NAME]})
    return name


def is_tag(text: str) -> bool:
    """Tell whether a text can be a tag."""
    return bool(_TAG.fullmatch(text))


def is_digest(text: str) -> bool:
    """Tell whether a text is a digest of an algorithm that can be checked here."""
    algorithm, _, digits = text.partition(":")
    return len(digits) == ALGORITHMS.get(algorithm) and bool(_HEX.fullmatch(digits))


def check_digest(text: str) -> str:
    """Return a digest.

    :raises Refusal: DIGEST_INVALID: malformed, or of an algorithm that is not computed here.
    """
    if is_digest(text):
        return text
    known = _DIGEST.fullmatch(text) and text.partition(":")[0] not in ALGORITHMS
    reason = f"algorithm is not one of {', '.join(ALGORITHMS)}" if known else "malformed"
    raise Refusal("DIGEST_INVALID", f"provided digest cannot be checked: {reason}", detail={"digest": text[:200]})


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """Return the digest of some bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def chunk_range(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """Return the first and last byte of the chunk that a request announces (``Content-Range: 0-99``); None when it does not.

    :raises Refusal: BLOB_UPLOAD_INVALID: it cannot be read, or ends before it begins.
    """
    text = headers.get("content-range")
    if text is None:
        return None
    found = _CHUNK.fullmatch(text.strip())
    if not found or int(found[2]) < int(found[1]):
        raise Refusal("BLOB_UPLOAD_INVALID", "the Content-Range cannot be read: it is START-END, END included", status=400)
    return int(found[1]), int(found[2])


def byte_range(text: str | None, size: int) -> tuple[int, int] | None:
    """Return offset and length of what is asked of `size` bytes; None when it is all of them.

    What cannot be read, or asks for several ranges, is ignored, as RFC 9110 has it.

    :raises Refusal: 416: beyond the end.
    """
    found = _BYTES.fullmatch((text or "").replace(" ", ""))
    if not found or not (found[1] or found[2]) or (found[1] and found[2] and int(found[2]) < int(found[1])):
        return None
    if found[1]:
        first, last = int(found[1]), min(int(found[2] or size), size - 1)
    else:
        first, last = max(0, size - int(found[2])), size - 1
    if first >= size or first > last:
        unit = [("Content-Range", f"bytes */{size}")]
        raise Refusal("SIZE_INVALID", f"the blob has {size} bytes", status=416, headers=unit)
    return first, last - first + 1


def page_size(query: Mapping[str, str]) -> int | None:
    """Return how many entries a page may have; None when all are wanted.

    :raises Refusal: PAGINATION_NUMBER_INVALID.
    """
    text = query.get("n")
    if text is None or text == "":
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise Refusal("PAGINATION_NUMBER_INVALID", detail={"n": text[:50]})
    return min(int(text), _LARGEST_PAGE)
