"""What there is: tags of a repository, repositories, and who names a manifest as its subject; page by page. Only reads.

Source: OCI distribution specification 1.1, "Content Discovery"; distribution's ``_catalog``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import urlencode

from dockerkit.daemon.registry.server import grammar
from dockerkit.daemon.registry.server.exchange import Asked, Headers, Reply, document
from dockerkit.daemon.registry.server.pulls import Upstream
from dockerkit.daemon.registry.server.refusals import Refusal
from dockerkit.daemon.registry.server.shelves import MANIFESTS, Shelves
from dockerkit.schema.image import INDEX

PAGE = 3 << 20
"""Bytes of referrers on one page: clients refuse a document above 4 MiB."""


class Discovery:
    """The verbs of looking around.

    :param upstream: asked for tags first.
    """

    def __init__(self, shelves: Shelves, upstream: Upstream | None = None) -> None:
        self._shelves = shelves
        self._upstream = upstream

    def tags(self, asked: Asked, name: str) -> Reply:
        """List a repository's tags.

        :raises Refusal: NAME_UNKNOWN.
        """
        grammar.check_name(name)
        size = grammar.page_size(asked.query)
        found = self._upstream.tags(name) if self._upstream is not None else None
        if found is None and not self._shelves.known(name):
            raise Refusal("NAME_UNKNOWN", detail={"name": name})
        every = sorted(self._shelves.tags(name) if found is None else found)
        page, link = _page(every, asked, size, f"/v2/{name}/tags/list")
        return document({"name": name, "tags": page}, headers=link)

    def catalog(self, asked: Asked) -> Reply:
        """List the repositories that have a manifest."""
        size = grammar.page_size(asked.query)
        every = sorted(name for name in self._shelves.repositories() if any(self._shelves.links(name, MANIFESTS)))
        page, link = _page(every, asked, size, "/v2/_catalog")
        return document({"repositories": page}, headers=link)

    def referrers(self, asked: Asked, name: str, digest: str) -> Reply:
        """List who names a manifest as its subject: an index, empty when nobody does.

        :raises Refusal: DIGEST_INVALID.
        """
        grammar.check_name(name)
        subject = grammar.check_digest(digest)
        wanted, last = asked.query.get("artifactType", ""), asked.query.get("last", "")
        listed: list[tuple[str, bytes]] = []
        size, link = 0, ""
        for one, descriptor in self._referrers(name, subject, wanted, last):
            size += len(descriptor)
            if listed and size > PAGE:
                query = {"last": listed[-1][0], **({"artifactType": wanted} if wanted else {})}
                link = f'</v2/{name}/referrers/{subject}?{urlencode(query)}>; rel="next"'
                break
            listed.append((one, descriptor))
        headers: Headers = [("OCI-Filters-Applied", "artifactType")] if wanted else []
        headers += [("Link", link)] if link else []
        body = b",".join(descriptor for _, descriptor in listed)
        index = b'{"schemaVersion":2,"mediaType":"%s","manifests":[%s]}' % (INDEX.encode(), body)
        return Reply(200, [("Content-Type", INDEX), *headers], index)

    def _referrers(self, name: str, subject: str, wanted: str, last: str) -> Iterable[tuple[str, bytes]]:
        for digest, descriptor in self._shelves.referrers(name, subject):
            if digest > last and wanted in ("", json.loads(descriptor).get("artifactType", "")):
                yield digest, descriptor


def _page(every: list[str], asked: Asked, size: int | None, path: str) -> tuple[list[str], Headers]:
    """Return the entries after ``last``, `size` of them, and the header that leads to the next ones."""
    last = asked.query.get("last", "")
    rest = [one for one in every if one > last]
    if size is None:
        return rest, []
    page = rest[:size]
    if not page or len(rest) <= size:
        return page, []
    return page, [("Link", f'<{path}?{urlencode({"n": size, "last": page[-1]})}>; rel="next"')]
