"""One blob goes up: not at all when it is there, by a mount when a neighbour has it, else in one piece or in chunks.

Its bytes are hashed as they are read, so a blob that is damaged here is not finished there. A broken chunked upload goes on
where the registry says it stopped. Source: OCI distribution specification 1.1, "Pushing blobs".
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO
from urllib.parse import quote, urlencode

from dockerkit.daemon.registry.answer import Answer
from dockerkit.daemon.registry.breaks import Broken, Garbled, Refused
from dockerkit.daemon.registry.challenges import repository_scope
from dockerkit.daemon.registry.channel import SENT_AT_ONCE
from dockerkit.daemon.registry.contract import Blobs
from dockerkit.daemon.registry.following import location
from dockerkit.daemon.registry.session import Session
from dockerkit.daemon.registry.wire import Request
from dockerkit.errors import Damaged
from dockerkit.schema.image import Descriptor

CHUNK = 8 << 20
"""Size of a chunk where a blob in one piece is refused as too large, and the registry names no least size."""
_MOUNTS = 2
_RANGE = re.compile(r"(?:bytes=)?0-(\d+)")
_BINARY = "application/octet-stream"
Moved = Callable[[int], None]


class Upload:
    """One blob on its way to one repository.

    :param moved: hears how many bytes were sent.
    """

    def __init__(self, session: Session, repository: str, blob: Descriptor, blobs: Blobs, moved: Moved) -> None:
        self._session = session
        self._repository = repository
        self._blob = blob
        self._blobs = blobs
        self._moved = moved
        self._scope = repository_scope(repository, "pull", "push")
        self._chunk = session.settings.upload_chunk

    def exists(self) -> bool:
        """Ask whether the repository has the blob."""
        path = f"{self._repository}/blobs/{self._blob.digest}"
        with self._session.call("HEAD", path, scopes=[self._scope], expect=(200, 404)) as answer:
            return answer.status == 200

    def mount(self, sources: Sequence[str]) -> tuple[str, str]:
        """Ask for the blob to be taken from a neighbour; return its name, or ``""`` and where to send the blob instead."""
        place = ""
        for source in sources[:_MOUNTS]:
            if place:
                self._forget(place)
            query = urlencode({"mount": self._blob.digest, "from": source})
            try:
                done, place = self._begin(f"?{query}", [self._scope, repository_scope(source, "pull")])
            except Refused:  # not ours to read from, or no such repository any more: the blob is sent
                done, place = False, ""
            if done:
                return source, ""
        return "", place

    def send(self, place: str = "") -> None:
        """Send the blob.

        :param place: an upload begun already.
        :raises Damaged: its bytes here are not what its digest says.
        """
        for attempt in range(1, self._session.settings.attempts + 1):
            try:
                return self._send_to(place or self._begin("", [self._scope])[1])
            except (Broken, Refused) as error:
                self._session.errand.check()
                place = ""
                if isinstance(error, Refused) and error.status == 413 and not self._chunk:
                    self._chunk = CHUNK
                elif not self._another(attempt, error):
                    raise
                else:
                    self._session.wait(attempt, error.retry_after)
        raise Broken(f"blob {self._blob.digest} could not be sent in {self._session.settings.attempts} attempts")

    def _another(self, attempt: int, error: Broken | Refused) -> bool:
        """A token may expire during an upload, which has no second middle: the next attempt asks for a new one."""
        if isinstance(error, Refused) and error.status == 401:
            return attempt == 1
        return self._session.worth_another(attempt, error)

    def _send_to(self, place: str) -> None:
        if self._chunk and self._blob.size > self._chunk:
            return self._send_chunks(place)
        with self._blobs.open(self._blob.digest) as file:
            body = self._pieces(file, 0, self._blob.size, hashlib.sha256())
            request = Request("PUT", self._closing(place), {"Content-Type": _BINARY}, body, self._blob.size)
            self._session.once(request, scopes=[self._scope], expect=(201, 204)).__exit__(None, None, None)
        return None

    def _send_chunks(self, place: str) -> None:
        """Chunk after chunk; one that broke is asked after, and what the registry has of it is not sent again."""
        sent, attempt = 0, 1
        with self._blobs.open(self._blob.digest) as file:
            while sent < self._blob.size:
                try:
                    place, now = self._send_chunk(file, place, sent)
                except Broken as broken:
                    self._session.errand.check()
                    if not self._session.worth_another(attempt, broken):
                        raise
                    self._session.wait(attempt)
                    place, now = self._ask_after(place, sent)
                attempt = 1 if now > sent else attempt + 1
                if attempt > self._session.settings.attempts:
                    raise Garbled(f"an upload that stays at {sent} of {self._blob.size} bytes, whatever is sent")
                sent = now
        self._session.call("PUT", self._closing(place), scopes=[self._scope], expect=(201, 204)).__exit__(None, None, None)

    def _send_chunk(self, file: BinaryIO, place: str, start: int) -> tuple[str, int]:
        length = min(self._chunk, self._blob.size - start)
        file.seek(start)
        headers = {"Content-Type": _BINARY, "Content-Range": f"{start}-{start + length - 1}"}
        request = Request("PATCH", place, headers, self._pieces(file, start, length, None), length)
        with self._session.once(request, scopes=[self._scope], expect=(202, 204)) as answer:
            return location(place, answer), self._received(answer, start, start + length)

    def _ask_after(self, place: str, sent: int) -> tuple[str, int]:
        with self._session.call("GET", place, scopes=[self._scope], expect=(202, 204)) as answer:
            return location(place, answer), self._received(answer, sent, sent)

    def _received(self, answer: Answer, least: int, silent: int) -> int:
        """Return how many bytes the registry says it has.

        :param least: what it said last time; a registry that forgets is not believed.
        :param silent: what no range in the answer means.
        """
        text = answer.header("Range").strip()
        found = _RANGE.fullmatch(text)
        now = silent if not text else int(found[1]) + (found[1] != "0" or least > 0) if found else -1
        if not least <= now <= self._blob.size:
            raise Garbled(f"an upload's answer with the range {text[:50]!r}, after {least} bytes")
        return now

    def _begin(self, query: str, scopes: list[str]) -> tuple[bool, str]:
        """Begin an upload; return whether it is over already (mounted), and else where it goes."""
        path = f"{self._repository}/blobs/uploads/{query}"
        with self._session.call("POST", path, scopes=scopes, expect=(201, 202)) as answer:
            if answer.status == 201:
                return True, ""
            least = answer.header("OCI-Chunk-Min-Length")
            if self._chunk and least.isdecimal():
                self._chunk = max(self._chunk, int(least))
            return False, location(answer.url, answer)

    def _forget(self, place: str) -> None:
        """Say that an upload will not be used; where that fails it expires by itself."""
        with contextlib.suppress(Broken, Refused):
            self._session.once(Request("DELETE", place), scopes=[self._scope], expect=(202, 204)).__exit__(None, None, None)

    def _closing(self, place: str) -> str:
        return f"{place}{'&' if '?' in place else '?'}digest={quote(self._blob.digest)}"

    def _pieces(self, file: BinaryIO, start: int, length: int, check: hashlib._Hash | None) -> Iterator[bytes]:
        """Yield a part of the file; with `check`, its last piece only if the whole is what the digest says."""
        sent = 0
        while sent < length:
            piece = file.read(min(SENT_AT_ONCE, length - sent))
            sent += len(piece)
            if check is not None:
                check.update(piece)
            whole = check is None or sent < length or f"sha256:{check.hexdigest()}" == self._blob.digest
            if not piece or not whole:
                raise Damaged(
                    f"blob {self._blob.digest} is damaged here: it was not sent", hint="remove the image and get it again"
                )
            self._session.errand.check()
            yield piece
            self._moved(start + sent)
