"""Detach keys: the keys that leave a container's terminal without ending it. Pure.

Source: docker attach, "Override the detach sequence".
"""

from __future__ import annotations

from dockerkit.cli.refusals import Failure

DEFAULT = "ctrl-p,ctrl-q"
_CONTROL = {"@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, "_": 31, **{chr(97 + n): 1 + n for n in range(26)}}


def read_keys(text: str) -> bytes:
    """Return the bytes of ``ctrl-p,ctrl-q`` or ``a,b``.

    :raises Failure: not keys.
    """
    return bytes(_key(key.strip()) for key in (text or DEFAULT).split(","))


def _key(key: str) -> int:
    if key.startswith("ctrl-") and key[5:].lower() in _CONTROL:
        return _CONTROL[key[5:].lower()]
    if len(key) != 1 or not key.isascii():
        raise Failure(f"invalid detach keys ({key}): Unknown character: '{key}'", hint='write "ctrl-p,ctrl-q", or "ctrl-a,d"')
    return ord(key)


class DetachKeys:
    """Looks for the keys in what is typed, and holds back what may be their beginning."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = b""

    def feed(self, typed: bytes) -> tuple[bytes, bool]:
        """Return what is to be sent of it, and whether the keys were pressed; what follows them is dropped."""
        sent = b""
        for at in range(len(typed)):
            self._held += typed[at : at + 1]
            if self._held == self._keys:
                self._held = b""
                return sent, True
            while self._held and not self._keys.startswith(self._held):
                sent, self._held = sent + self._held[:1], self._held[1:]
        return sent, False
