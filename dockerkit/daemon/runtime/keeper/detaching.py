"""Recognising the keys that detach a client among what it types, however the bytes are cut into reads. Pure."""

from __future__ import annotations


class DetachKeys:
    """What is typed, less the keys.

    :param keys: the sequence; empty recognises nothing.
    """

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = b""

    def take(self, data: bytes) -> tuple[bytes, bool]:
        """Return what of `data` is meant for the program, and whether the keys were typed: what follows them is for nobody.

        What may be the beginning of the keys is held until it is known; an end-of-file (empty `data`) lets it go.
        """
        if not self._keys or not data:
            rest, self._held = self._held + data, b""
            return rest, False
        typed, self._held = self._held + data, b""
        before, found, _ = typed.partition(self._keys)
        if found:
            return before, True
        longest = min(len(self._keys) - 1, len(typed))
        begun = next((size for size in range(longest, 0, -1) if typed.endswith(self._keys[:size])), 0)
        self._held = typed[len(typed) - begun :]
        return typed[: len(typed) - begun], False
