"""Deleting: manifests with their tags, tags alone, blobs. Says when something may have become nobody's; collects nothing.

Source: OCI distribution specification 1.1, "Content Management".
"""

from __future__ import annotations

from collections.abc import Callable

from dockerkit.daemon.registry.server import documents, grammar
from dockerkit.daemon.registry.server.exchange import Asked, Reply
from dockerkit.daemon.registry.server.pulls import unknown_blob, unknown_manifest
from dockerkit.daemon.registry.server.refusals import Refusal
from dockerkit.daemon.registry.server.shelves import Shelves


class Deletes:
    """The verbs of deleting.

    :param deleted: called when something is gone.
    """

    def __init__(self, shelves: Shelves, deleted: Callable[[], None]) -> None:
        self._shelves = shelves
        self._deleted = deleted

    def manifest(self, asked: Asked, name: str, reference: str) -> Reply:
        """Delete a manifest by its digest, or a tag.

        :raises Refusal: MANIFEST_UNKNOWN.
        """
        grammar.check_name(name)
        if grammar.is_tag(reference):
            gone = self._shelves.remove_tag(name, reference)
        else:
            gone = grammar.is_digest(reference) and self._manifest(name, reference)
        if not gone:
            raise unknown_manifest(reference)
        return Reply(202)

    def blob(self, asked: Asked, name: str, digest: str) -> Reply:
        """Take a blob from a repository; others that have it keep it.

        :raises Refusal: BLOB_UNKNOWN.
        """
        grammar.check_name(name)
        if not self._shelves.remove_blob(name, grammar.check_digest(digest)):
            raise unknown_blob(digest)
        self._deleted()
        return Reply(202)

    def _manifest(self, name: str, digest: str) -> bool:
        with self._shelves.changing:
            subject = self._subject(name, digest)
            gone = self._shelves.remove_manifest(name, digest)
            if subject:
                self._shelves.remove_referrer(name, subject, digest)
        self._deleted()
        return gone

    def _subject(self, name: str, digest: str) -> str:
        media_type, content = self._shelves.media_type(name, digest), self._shelves.read(digest)
        if media_type is None or content is None:
            return ""
        try:
            return documents.read(content, media_type).subject
        except Refusal:  # its bytes have rotted: it names nobody any more
            return ""
