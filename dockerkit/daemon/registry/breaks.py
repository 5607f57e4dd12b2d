"""How a conversation with a registry breaks, before anybody decides what that means for the verb. Never leaves this package.

::

    Broken            the connection ended, stayed silent or carried nonsense: another try may do
    ├── Silent        no byte came in time
    ├── Unconnected   there never was one
    ├── Untrusted     TLS says this is not whom we wanted: no other try will do
    └── Garbled       the answer makes no sense: no other try will do
    Refused           the registry answered, and the answer is no
    └── NoCredentials     it asked for a password, and we have none
"""

from __future__ import annotations


class Broken(Exception):
    """Words for the cause, as Go's ``net`` writes them."""

    hint = "the registry, or something on the way to it, ended the conversation; try again"
    retry_after: float | None = None


class Silent(Broken):
    """Nothing was said in time."""


class Unconnected(Broken):
    """No connection came about."""

    hint = "is the name right, is the registry running, and can this host reach it?"


class Untrusted(Broken):
    """The peer's certificate, or ours, was not accepted."""

    hint = (
        "put the registry's authority into /etc/docker/certs.d/<host:port>/ca.crt (and a client's certificate into "
        "client.cert and client.key beside it), or list the registry as insecure"
    )


class Garbled(Broken):
    """Too long, of the wrong shape, or leading where it must not."""

    hint = "is this a registry?"


class Refused(Exception):
    """An answer that says no.

    :param code: distribution's error code (``MANIFEST_UNKNOWN``), ``""`` when the answer names none.
    :param words: what dockerd prints for it.
    """

    def __init__(self, status: int, code: str, words: str, *, retry_after: float | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.code = code
        self.words = words
        self.retry_after = retry_after


class NoCredentials(Refused):
    """A password is asked for, and none was given: nothing was sent."""

    def __init__(self, request: str) -> None:
        super().__init__(401, "UNAUTHORIZED", f"{request}: no basic auth credentials")
