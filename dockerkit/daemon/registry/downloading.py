"""One blob comes in: checked while it streams, and continued where it broke off. Leaves a whole blob or nothing.

A broken connection is no failure as long as each attempt brings something: the next one asks for the rest (``Range``). A server
that ignores the range sends everything again, and what is here already is skipped; the digest is checked in the end anyway.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from dockerkit.daemon.registry.answer import PIECE, Answer
from dockerkit.daemon.registry.breaks import Broken, Refused
from dockerkit.daemon.registry.challenges import repository_scope
from dockerkit.daemon.registry.contract import Blobs, Incoming
from dockerkit.daemon.registry.session import Session
from dockerkit.daemon.registry.wire import Request
from dockerkit.errors import Damaged
from dockerkit.schema.image import Descriptor

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
Moved = Callable[[int], None]
"""Hears how many bytes are here."""


class Download:
    """One blob of one repository.

    :param moved: hears of each piece.
    """

    def __init__(self, session: Session, repository: str, blob: Descriptor, moved: Moved) -> None:
        self._session = session
        self._request = Request("GET", session.url(f"{repository}/blobs/{blob.digest}"))
        self._scope = repository_scope(repository, "pull")
        self._blob = blob
        self._moved = moved

    def into(self, blobs: Blobs, checking: Callable[[], None]) -> Descriptor:
        """Bring the blob into the store.

        :param checking: called when all bytes are here, before they are compared with the digest.
        :raises Damaged: they are others than the digest says, or of another number.
        :raises Refused: the registry says no.
        :raises Broken: the connection broke too often.
        """
        with blobs.writer() as incoming:
            self._all(incoming)
            checking()
            if incoming.digest != self._blob.digest:
                raise Damaged(
                    f"filesystem layer verification failed for digest {self._blob.digest}: it arrived as {incoming.digest}",
                    hint="the registry, or something on the way to it, changed the blob; pull again",
                )
            return incoming.commit(self._blob.media_type, expected=self._blob.digest)

    def _all(self, incoming: Incoming) -> None:
        """Attempt after attempt; one that brought a megabyte starts the count again."""
        attempt, since = 1, 0
        while True:
            try:
                return self._attempt(incoming)
            except (Broken, Refused) as error:
                self._session.errand.check()
                if incoming.size - since >= PIECE:
                    attempt, since = 1, incoming.size
                if not self._session.worth_another(attempt, error):
                    raise
                self._session.wait(attempt, error.retry_after)
                attempt += 1

    def _attempt(self, incoming: Incoming) -> None:
        request, have = self._request, incoming.size
        if have:
            request = Request("GET", request.url, {"Range": f"bytes={have}-{self._blob.size - 1}"})
        with self._session.once(request, scopes=[self._scope], expect=(200, 206)) as answer:
            skip = have - _first_byte(answer)
            if skip < 0:
                raise Broken(f"asked for bytes from {have} on, and got later ones")
            self._check_length(answer, have - skip)
            self._take(answer, incoming, skip)

    def _take(self, answer: Answer, incoming: Incoming, skip: int) -> None:
        for piece in answer.pieces():
            self._session.errand.check()
            if skip >= len(piece):
                skip -= len(piece)
                continue
            fresh, skip = piece[skip:] if skip else piece, 0
            if incoming.size + len(fresh) > self._blob.size:
                raise Damaged(
                    f"blob {self._blob.digest} has more than its {self._blob.size} bytes", hint="do not trust the registry"
                )
            incoming.write(fresh)
            self._moved(incoming.size)
        if incoming.size < self._blob.size:
            raise Broken(f"unexpected EOF: {incoming.size} of {self._blob.size} bytes came")

    def _check_length(self, answer: Answer, first: int) -> None:
        """A length that disagrees with the manifest is noticed before a byte is taken."""
        if answer.length is not None and first + answer.length > self._blob.size:
            raise Damaged(
                f"blob {self._blob.digest} has {first + answer.length} bytes there, and {self._blob.size} in its manifest",
                hint="do not trust the registry",
            )


def _first_byte(answer: Answer) -> int:
    """Return which byte of the blob an answer starts with."""
    if answer.status == 200:
        return 0
    found = _RANGE.fullmatch(answer.header("Content-Range").strip())
    if not found:
        raise Broken(f"a partial answer that does not say which part: {answer.header('Content-Range')[:100]!r}")
    return int(found[1])
