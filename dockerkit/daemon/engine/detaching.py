"""Detach keys: the keystrokes that leave a terminal without ending what runs in it. Only reads the text; the keeper acts.

Source: moby ``term.ToBytes``.
"""

from __future__ import annotations

from dockerkit.errors import Invalid

DEFAULT_KEYS = b"\x10\x11"
"""Ctrl-P, Ctrl-Q."""
_CONTROL = {"@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, "_": 31} | {chr(97 + n): n + 1 for n in range(26)}


def detach_keys(text: str) -> bytes:
    """Return the bytes that ``"ctrl-p,ctrl-q"`` means: single characters, or ``ctrl-`` and a letter or one of ``@[\\]^_``.

    :raises Invalid: another word; in Docker's words.
    """
    return b"".join(_key(word, text) for word in text.split(",")) if text else b""


def _key(word: str, text: str) -> bytes:
    if len(word) == 1 and word.isascii():
        return word.encode()
    control = _CONTROL.get(word.removeprefix("ctrl-").lower()) if word.startswith("ctrl-") else None
    if control is None:
        raise Invalid(f"Invalid escape keys ({text}) provided", hint='write single characters or ctrl-x: "ctrl-p,ctrl-q"')
    return bytes([control])
