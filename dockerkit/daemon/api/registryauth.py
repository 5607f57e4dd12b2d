"""``X-Registry-Auth``: what a client shows of its login, decoded. Never logs it; one that cannot be read counts as none."""

from __future__ import annotations

import base64
import binascii

import msgspec

from dockerkit.daemon.api.call import Call
from dockerkit.daemon.registry.contract import Credentials

HEADER = b"x-registry-auth"


class Sent(msgspec.Struct):
    """What the header holds, and the body of ``POST /auth``; ``auth`` is ``user:password`` in base64."""

    username: str = ""
    password: str = ""
    auth: str = ""
    serveraddress: str = ""
    identitytoken: str = ""
    registrytoken: str = ""

    @property
    def credentials(self) -> Credentials:
        """The values a registry is shown."""
        name, password = self.username, self.password
        if self.auth and not (name or password):
            name, _, password = _text(self.auth).partition(":")
        return Credentials(name, password, self.identitytoken, self.registrytoken)


def credentials(call: Call) -> Credentials | None:
    """Return what the request shows; None: nothing, or nothing that can be read, as in dockerd."""
    text = call.header(HEADER)
    try:
        found = msgspec.json.decode(_text(text), type=Sent).credentials if text else None
    except msgspec.DecodeError:
        return None
    return found or None


def _text(encoded: str) -> str:
    """Decode base64 of either alphabet, padded or not; ``""`` when it is none."""
    try:
        data = base64.b64decode(encoded.rstrip("=").translate(str.maketrans("-_", "+/")) + "==", validate=False)
        return data.decode()
    except (binascii.Error, ValueError):
        return ""
