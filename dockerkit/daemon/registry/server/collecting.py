"""Garbage: blobs that no manifest of their repository needs, contents that no repository has, uploads nobody goes on with.

Runs when the registry starts, after deletions, and when something it spared has grown old. What was pushed, mounted or asked
for lately is spared: a push begins with blobs that nothing needs yet. Reachability is computed while the registry works
on; before each removal the file is looked at once more, under the lock that gives names, and who gives one touches it.
Never removes a manifest or a tag.
"""

from __future__ import annotations

import logging
import threading
import time

from dockerkit.daemon.registry.server import documents
from dockerkit.daemon.registry.server.refusals import Refusal
from dockerkit.daemon.registry.server.shelves import (
    BLOBS,
    MANIFESTS,
    REFERRERS,
    TAGS,
    UPLOADS,
    Shelves,
    content_path,
    link_path,
    path_of,
)
from dockerkit.daemon.registry.server.uploads import Uploads

log = logging.getLogger(__name__)
GRACE = 3600.0
"""Seconds that something nobody needs is spared after it was last wanted."""
UPLOAD_LIFE = 86400.0
"""Seconds after which an upload is given up when nothing more came."""
SETTLE = 0.5
"""Seconds between a deletion and the collection after it: whoever deletes one thing deletes more."""
_TICK = 0.1
"""More than the file system's clock lags behind ours, in seconds."""


class Collector:
    """Collects; a thread of its own does so when told to.

    :param grace: seconds.
    """

    def __init__(self, shelves: Shelves, uploads: Uploads, grace: float = GRACE) -> None:
        self._shelves = shelves
        self._uploads = uploads
        self._grace = grace
        self._wanted, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="collector", daemon=True)

    def start(self) -> None:
        """Collect what was left, in the background, and then whenever it is needed."""
        self._wanted.set()
        self._thread.start()

    def soon(self) -> None:
        """Collect soon: something was deleted."""
        self._wanted.set()

    def close(self) -> None:
        """End the thread."""
        self._over.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()

    def collect(self) -> int:
        """Remove what nobody needs, and return how much was spared only for its age.

        :raises OSError: the disk.
        """
        before = min(time.time() - self._grace, time.time() - _TICK)
        spared, had = 0, set[str]()
        for name in list(self._shelves.repositories()):
            spared += self._repository(name, before)
            had.update(self._shelves.links(name, BLOBS))
            had.update(self._shelves.links(name, MANIFESTS))
        for digest in self._shelves.contents():
            if digest not in had:
                spared += not self._remove(content_path(digest), before)
        return spared

    def _repository(self, name: str, before: float) -> int:
        needed, spared = set[str](), 0
        for digest in self._shelves.links(name, MANIFESTS):
            needed.update(self._needs(name, digest))
        for digest in self._shelves.links(name, BLOBS):
            if digest not in needed:
                spared += not self._remove(link_path(name, BLOBS, digest), before)
        self._uploads.expire(name, UPLOAD_LIFE)
        self._prune(name)
        return spared

    def _needs(self, name: str, digest: str) -> tuple[str, ...]:
        media_type, content = self._shelves.media_type(name, digest), self._shelves.read(digest)
        if media_type is None or content is None:
            return ()
        try:
            return documents.read(content, media_type).blobs
        except Refusal as refusal:
            log.warning("%s@%s cannot be read: %s", name, digest, refusal)
            return ()

    def _remove(self, path: str, before: float) -> bool:
        """Remove a file that was not wanted since; False spares it."""
        with self._shelves.changing:
            found = self._shelves.tree.stat(path)
            return found is None or (found.st_mtime < before and self._shelves.tree.remove(path))

    def _prune(self, name: str) -> None:
        """Remove what is empty of a repository, and the repository when that is all of it."""
        tree = self._shelves.tree
        with self._shelves.changing:
            for kind in (BLOBS, MANIFESTS, REFERRERS):
                for algorithm in tree.names(path_of(name, kind)):
                    for subject in tree.names(path_of(name, kind, algorithm)) if kind == REFERRERS else ():
                        for second in tree.names(path_of(name, kind, algorithm, subject)):
                            tree.remove_empty(path_of(name, kind, algorithm, subject, second))
                        tree.remove_empty(path_of(name, kind, algorithm, subject))
                    tree.remove_empty(path_of(name, kind, algorithm))
            for kind in (BLOBS, MANIFESTS, REFERRERS, TAGS, UPLOADS):
                tree.remove_empty(path_of(name, kind))
            while name and tree.remove_empty(path_of(name)):
                name = name.rpartition("/")[0]

    def _work(self) -> None:
        again: float | None = None
        while True:
            told = self._wanted.wait(again)
            if self._over.wait(SETTLE if told else 0):
                return
            self._wanted.clear()
            again = max(self._grace, SETTLE) if self._left() else None

    def _left(self) -> bool:
        """Collect; tell whether there will be more to do."""
        try:
            spared = self.collect()
        except OSError as error:
            log.error("the garbage stays for now: %s", error)  # noqa: TRY400 (the words say all)
            return True
        log.debug("collected; %d spared", spared)
        return spared > 0
