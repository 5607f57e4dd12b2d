"""Credential helpers: the programs ``docker-credential-NAME`` that keep logins in a key ring, by docker's own protocol.

``get``, ``store``, ``erase`` and ``list``: input on standard input, answer on standard output, what is wrong there too.
Each has half a minute. No secret gets into an error.
"""

from __future__ import annotations

import re
import subprocess
from typing import Any

import msgspec

from dockerkit.client.credentials import Login
from dockerkit.errors import Failed, Invalid, TimedOut

SECONDS = 30.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_TOKEN = "<token>"  # noqa: S105 (a user's name, by which the protocol says that the secret is an identity token)
_NOT_FOUND = "credentials not found in native keychain"
_SAID = 200


class Helper:
    """One helper.

    :param name: as the configuration has it: ``pass`` is the program ``docker-credential-pass``.
    :param seconds: that it may take.
    :raises Invalid: a name that leads elsewhere.
    """

    def __init__(self, name: str, *, seconds: float = SECONDS) -> None:
        if not _NAME.fullmatch(name):
            raise Invalid(f"{name!r} is not the name of a credential helper")
        self.program = f"docker-credential-{name}"
        self._seconds = seconds

    def get(self, server: str) -> Login | None:
        """Return the login to a server; None when it keeps none.

        :raises Failed: it is not installed, or failed.
        :raises TimedOut: it needed too long.
        """
        code, said = self._run("get", server)
        if code and _NOT_FOUND in said:
            return None
        kept = self._decoded("get", self._succeeded("get", code, said))
        name, secret = str(kept.get("Username") or ""), str(kept.get("Secret") or "")
        if name == _TOKEN:
            return Login(server, identity_token=secret)
        return Login(server, name, secret) if name or secret else None

    def store(self, login: Login) -> None:
        """Keep a login; errors as of :meth:`get`."""
        token = login.identity_token
        kept = {
            "ServerURL": login.server,
            "Username": _TOKEN if token else login.username,
            "Secret": token or login.password,
        }
        self._succeeded("store", *self._run("store", msgspec.json.encode(kept).decode()), hide=kept["Secret"])

    def erase(self, server: str) -> None:
        """Forget a login; errors as of :meth:`get`."""
        code, said = self._run("erase", server)
        if not (code and _NOT_FOUND in said):
            self._succeeded("erase", code, said)

    def list(self) -> dict[str, str]:
        """Return the servers it has logins to, and as whom; errors as of :meth:`get`."""
        kept = self._decoded("list", self._succeeded("list", *self._run("list", "")))
        return {str(server): str(name) for server, name in kept.items()}

    def _run(self, verb: str, input: str) -> tuple[int, str]:
        try:
            done = subprocess.run(  # noqa: S603 (the user's configuration names it)
                [self.program, verb], input=input.encode(), capture_output=True, timeout=self._seconds, check=False
            )
        except FileNotFoundError:
            hint = "install it, or take its name out of credsStore and credHelpers in docker's config.json"
            raise Failed(
                f"{self.program} is not installed, and docker's configuration says it keeps logins", hint=hint
            ) from None
        except subprocess.TimeoutExpired:
            raise TimedOut(f"{self.program} {verb}: no answer within {self._seconds:g} seconds") from None
        except OSError as error:
            raise Failed(f"{self.program} cannot be run: {error.strerror}") from None
        return done.returncode, done.stdout.decode("utf-8", "replace").strip()

    def _succeeded(self, verb: str, code: int, said: str, *, hide: str = "") -> str:
        if code:
            shown = said.replace(hide, "…") if hide else said
            raise Failed(f"{self.program} {verb} failed with {code}: {shown[:_SAID] or 'it gave no reason'}")
        return said

    def _decoded(self, verb: str, said: str) -> dict[str, Any]:
        try:
            return msgspec.json.decode(said, type=dict[str, Any])
        except msgspec.DecodeError:
            raise Failed(f"{self.program} {verb}: the answer is not what the protocol says") from None
