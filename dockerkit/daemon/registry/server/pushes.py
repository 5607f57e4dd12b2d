"""Pushing: blobs in one piece or several, or from a neighbour; then the manifest, which must need nothing that is not here.

Source: OCI distribution specification 1.1, "Push". Never lets a name point at what is not whole.
"""

from __future__ import annotations

from dockerkit.daemon.registry.manifests import LIMIT
from dockerkit.daemon.registry.server import documents, grammar
from dockerkit.daemon.registry.server.documents import Document
from dockerkit.daemon.registry.server.exchange import Asked, Headers, Reply, whole
from dockerkit.daemon.registry.server.refusals import Refusal
from dockerkit.daemon.registry.server.shelves import Shelves
from dockerkit.daemon.registry.server.uploads import Uploads


def place(name: str, id: str, size: int) -> Headers:
    """Return the headers that say where an upload goes on, and how much of it is here."""
    return [
        ("Location", f"/v2/{name}/blobs/uploads/{id}"),
        ("Range", f"0-{max(size - 1, 0)}"),
        ("Docker-Upload-UUID", id),
    ]


class Pushes:
    """The verbs of pushing."""

    def __init__(self, shelves: Shelves) -> None:
        self._shelves = shelves
        self.uploads = Uploads(shelves, place)

    def begin(self, asked: Asked, name: str) -> Reply:
        """Begin an upload; end it at once, when a neighbour has the blob or the body is all of it.

        :raises Refusal: NAME_INVALID, DIGEST_INVALID.
        """
        grammar.check_name(name)
        if "mount" in asked.query and self._mounted(asked, name):
            return self._created(name, asked.query["mount"])
        if "digest" in asked.query and "mount" not in asked.query:
            digest = grammar.check_digest(asked.query["digest"])
            id = self.uploads.begin(name)
            try:
                self.uploads.finish(name, id, digest, asked.body.pieces(), None)
            except BaseException:
                self._drop(name, id)
                raise
            return self._created(name, digest)
        return Reply(202, place(name, self.uploads.begin(name), 0))

    def append(self, asked: Asked, name: str, id: str) -> Reply:
        """Take a chunk.

        :raises Refusal: BLOB_UPLOAD_UNKNOWN; 416 for a chunk that does not begin where the last one ended.
        """
        grammar.check_name(name)
        size = self.uploads.append(name, id, asked.body.pieces(), _chunk(asked))
        return Reply(202, place(name, id, size))

    def finish(self, asked: Asked, name: str, id: str) -> Reply:
        """Take the last chunk, which may be empty, and keep the blob.

        :raises Refusal: DIGEST_INVALID: there is none, or it is another one.
        """
        grammar.check_name(name)
        if "digest" not in asked.query:
            raise Refusal("DIGEST_INVALID", "an upload ends with ?digest=")
        chunk = _chunk(asked) if asked.body.length != 0 else None
        self.uploads.finish(name, id, asked.query["digest"], asked.body.pieces(), chunk)
        return self._created(name, asked.query["digest"])

    def status(self, asked: Asked, name: str, id: str) -> Reply:
        """Say how much of an upload is here."""
        grammar.check_name(name)
        return Reply(204, place(name, id, self.uploads.size(name, id)))

    def cancel(self, asked: Asked, name: str, id: str) -> Reply:
        """Forget an upload."""
        grammar.check_name(name)
        self.uploads.cancel(name, id)
        return Reply(204)

    def manifest(self, asked: Asked, name: str, reference: str) -> Reply:
        """Keep a manifest, under a tag or its digest.

        :raises Refusal: MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN, DIGEST_INVALID, TAG_INVALID; 413 above 4 MiB.
        """
        grammar.check_name(name)
        tag = "" if ":" in reference else reference
        if tag and not grammar.is_tag(tag):
            raise Refusal("TAG_INVALID", "invalid tag", detail={"tag": tag[:200]})
        algorithm = "sha256" if tag else grammar.check_digest(reference).partition(":")[0]
        content = whole(asked.body, LIMIT)
        digest = grammar.digest_of(content, algorithm)
        if not tag and digest != reference:
            raise Refusal("DIGEST_INVALID", detail={"digest": reference})
        document = documents.read(content, asked.headers.get("content-type", ""))
        with self._shelves.changing:
            self._check_whole(name, document)
            keep(self._shelves, name, digest, content, document, tag=tag)
        subject = [("OCI-Subject", document.subject)] if document.subject else []
        location = [("Location", f"/v2/{name}/manifests/{digest}"), ("Docker-Content-Digest", digest)]
        return Reply(201, [*location, *subject])

    def _check_whole(self, name: str, document: Document) -> None:
        """See that all it needs is here, and note that it is wanted: no collection takes it from under us."""
        missing = [digest for digest in document.blobs if not self._has(name, digest)]
        missing += [digest for digest in document.manifests if self._shelves.media_type(name, digest) is None]
        if missing:
            raise Refusal("MANIFEST_BLOB_UNKNOWN", detail=missing[0] if len(missing) == 1 else missing[:100])

    def _has(self, name: str, digest: str) -> bool:
        return self._shelves.has_blob(name, digest) and self._shelves.size(digest) is not None

    def _mounted(self, asked: Asked, name: str) -> bool:
        """Take a blob from a neighbour, or from whoever has it when none is named."""
        digest = grammar.check_digest(asked.query["mount"])
        source = asked.query.get("from", "")
        if source:
            grammar.check_name(source)
            if not self._shelves.has_blob(source, digest):
                return False
        return self._shelves.add_blob(name, digest)

    def _created(self, name: str, digest: str) -> Reply:
        return Reply(201, [("Location", f"/v2/{name}/blobs/{digest}"), ("Docker-Content-Digest", digest)])

    def _drop(self, name: str, id: str) -> None:
        """Remove an upload that its only request broke off: nobody knows its name."""
        try:
            self.uploads.cancel(name, id)
        except Refusal:
            return


def keep(shelves: Shelves, name: str, digest: str, content: bytes, document: Document, *, tag: str) -> None:
    """Keep a checked manifest: first the content, then what leads to it.

    :param tag: empty for none.
    """
    with shelves.changing:
        shelves.keep(content, digest)
        shelves.add_manifest(name, digest, document.media_type)
        if document.subject:
            shelves.add_referrer(name, document.subject, digest, document.descriptor(digest, len(content)))
        if tag:
            shelves.set_tag(name, tag, digest)


def _chunk(asked: Asked) -> tuple[int, int] | None:
    chunk = grammar.chunk_range(asked.headers)
    if chunk is not None and asked.body.length not in (None, chunk[1] - chunk[0] + 1):
        raise Refusal("SIZE_INVALID", "the Content-Length is not that of the Content-Range")
    return chunk
