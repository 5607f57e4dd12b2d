"""Paths → verbs, as one table. Pure."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote

from dockerkit.daemon.registry.server.refusals import Refusal

_READ = ("GET", "HEAD")
TABLE: tuple[tuple[str, dict[str, str]], ...] = (
    (r"/v2/?", dict.fromkeys(_READ, "pulls.base")),
    (r"/v2/_catalog", dict.fromkeys(_READ, "discovery.catalog")),
    (r"/v2/(?P<name>.+)/tags/list", dict.fromkeys(_READ, "discovery.tags")),
    (
        r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)",
        {**dict.fromkeys(_READ, "pulls.manifest"), "PUT": "pushes.manifest", "DELETE": "deletes.manifest"},
    ),
    (r"/v2/(?P<name>.+)/referrers/(?P<digest>[^/]+)", dict.fromkeys(_READ, "discovery.referrers")),
    (r"/v2/(?P<name>.+)/blobs/uploads/?", {"POST": "pushes.begin"}),
    (
        r"/v2/(?P<name>.+)/blobs/uploads/(?P<id>[^/]+)",
        {"GET": "pushes.status", "PATCH": "pushes.append", "PUT": "pushes.finish", "DELETE": "pushes.cancel"},
    ),
    (r"/v2/(?P<name>.+)/blobs/(?P<digest>[^/]+)", {**dict.fromkeys(_READ, "pulls.blob"), "DELETE": "deletes.blob"}),
)
"""Pattern of a path → method → verb. The first that fits counts."""
WRITING = ("pushes", "deletes")
_ROUTES = [(re.compile(pattern, re.DOTALL), verbs) for pattern, verbs in TABLE]
_MOST_FIELDS = 32


def route(method: str, path: str) -> tuple[str, dict[str, str]]:
    """Return the verb for a request and what its path names.

    :raises Refusal: 404 for no such path, 405 for no such verb there.
    """
    for pattern, verbs in _ROUTES:
        found = pattern.fullmatch(path)
        if found:
            if method not in verbs:
                allowed = [("Allow", ", ".join(verbs))]
                raise Refusal("UNSUPPORTED", f"{method[:20]} is not possible here", headers=allowed)
            return verbs[method], found.groupdict()
    raise Refusal("UNSUPPORTED", "no such path", status=404)


def target(text: str) -> tuple[str, dict[str, str]]:
    """Return path and query of a request's target, percent-decoded.

    :raises Refusal: it cannot be read.
    """
    if text.startswith(("http://", "https://")):
        text = "/" + text.partition("://")[2].partition("/")[2]
    path, _, query = text.partition("?")
    try:
        fields = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"))
        return unquote(path, errors="strict"), fields
    except ValueError:
        raise Refusal("UNSUPPORTED", "the path or the query cannot be read", status=400) from None
