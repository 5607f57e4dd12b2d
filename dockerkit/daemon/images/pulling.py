"""A pull as the store sees it: layers are unpacked while others come, then the image gets its name and its digest.

What is said here is what dockerd says after a download: ``Extracting``, ``Pull complete``, ``Digest:``, ``Status:``. Never
speaks to a registry itself.
"""

from __future__ import annotations

from dockerkit.daemon.images.arriving import Intake
from dockerkit.daemon.images.catalog import Catalog
from dockerkit.daemon.images.flights import Progress
from dockerkit.daemon.images.image import Image, shorten
from dockerkit.daemon.images.incoming import Incoming
from dockerkit.daemon.images.obtain import Pull
from dockerkit.errors import DockerkitError
from dockerkit.schema.image import Descriptor
from dockerkit.schema.names import Reference


class Pulling:
    """One pull.

    :param say: gets messages of Docker's JSON stream.
    """

    def __init__(self, incoming: Incoming, catalog: Catalog, say: Progress) -> None:
        self._incoming, self._catalog, self._say = incoming, catalog, say

    def pull(self, wanted: Reference, platform: str, pull: Pull) -> Image:
        """Get an image and give it the name it was asked for by, and one with the digest the registry gave.

        :raises OutOfReach: nobody there could be spoken to.
        :raises DockerkitError: what the registry's client raises; the store is as it was.
        """
        before = self._known(wanted)
        with self._incoming.work() as intake:
            manifest, index = pull(
                wanted,
                platform=platform,
                blobs=intake,
                progress=self._say,
                arrived=lambda *layer: self._arrived(intake, *layer),
            )
            digest = (index or manifest).digest
            self._hold(intake, manifest, index)
            image = self._incoming.unpack(intake, manifest)
            self._incoming.name([(name, manifest) for name in _names(wanted, digest)])
        self._say({"status": f"Digest: {digest}"})
        news = "Image is up to date" if before == image.id else "Downloaded newer image"
        self._say({"status": f"Status: {news} for {wanted}"})
        return self._catalog.get(image.id)

    def _arrived(self, intake: Intake, layer: Descriptor, _position: int) -> None:
        """Say that a layer is unpacked, which it was while it came.

        :raises Damaged: it cannot be; the pull ends here.
        """
        if intake.check(layer.digest):
            whole = {"current": layer.size, "total": layer.size}
            self._say({"status": "Extracting", "progressDetail": whole, "id": shorten(layer.digest)})
            self._say({"status": "Pull complete", "progressDetail": {}, "id": shorten(layer.digest)})

    def _hold(self, intake: Intake, *documents: Descriptor | None) -> None:
        for document in documents:
            if document is not None:
                intake.has(document.digest)

    def _known(self, wanted: Reference) -> str:
        try:
            return self._catalog.get(str(wanted)).id
        except DockerkitError:  # not here, or not readable: what comes is news
            return ""


def _names(wanted: Reference, digest: str) -> list[Reference]:
    """Return the name asked for, unless it is one with a digest, and the name with the digest."""
    pinned = replace_digest(wanted, digest)
    return [pinned] if wanted.digest else [wanted, pinned]


def replace_digest(reference: Reference, digest: str) -> Reference:
    """Return a reference's repository with a digest in the place of the tag."""
    return Reference(reference.registry, reference.repository, "", digest)
