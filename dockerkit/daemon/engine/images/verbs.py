"""The image verbs as the API calls them: each is one function of the file of its group."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from dockerkit.daemon.engine import imageevents
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.images import exploring, inspecting, listing, moving, naming, removing
from dockerkit.daemon.engine.images.distributing import Distributing
from dockerkit.daemon.engine.images.moving import Import
from dockerkit.daemon.registry.contract import AuthResponse, Credentials, DistributionInspect, SearchResult
from dockerkit.schema.image import ImageDelete, ImageInspect, ImageSummary

if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812 - `list` is one of Docker's verbs here

Progress = Callable[[dict[str, Any]], None]


class ImageVerbs:
    """Images as the API offers them.

    :param distributing: the verbs that speak to registries.
    """

    def __init__(self, core: Core, distributing: Distributing | None = None) -> None:
        self._core = core
        self._distributing = distributing or Distributing(core)
        self._pruning = removing.Pruning(core)

    def list(
        self,
        *,
        all: bool = False,
        filters: Mapping[str, List[str]] | None = None,
        shared: bool = False,
        platforms: bool = False,
    ) -> List[ImageSummary]:
        """Return a row for each image, newest first; see :func:`.listing.rows`."""
        return listing.rows(self._core, all=all, filters=filters, shared=shared, platforms=platforms)

    def inspect(self, name: str, *, platforms: bool = False, origin: bool = False) -> ImageInspect:
        """Return everything known of an image."""
        return inspecting.inspect(self._core, name, platforms=platforms, origin=origin)

    def history(self, name: str) -> Sequence[dict[str, Any]]:
        """Return how an image came to be, newest step first."""
        return inspecting.history(self._core, name)

    def explore(self, name: str) -> dict[str, Any]:
        """Return what is in an image, layer by layer."""
        return exploring.explore(self._core, name)

    def create(self, reference: str, *, platform: str = "", progress: Progress, credentials: Credentials | None = None) -> str:
        """Obtain an image from its registry, or where none answers, make it; return its id.

        :param reference: without a tag: all tags of the repository.
        """
        return self._distributing.pull(reference, platform=platform, progress=progress, credentials=credentials)

    def push(self, name: str, tag: str, *, progress: Progress, credentials: Credentials | None = None) -> str:
        """Bring an image to its registry; return the manifest's digest."""
        return self._distributing.push(name, tag, progress=progress, credentials=credentials)

    def login(self, registry: str, credentials: Credentials) -> AuthResponse:
        """Prove credentials to a registry."""
        return self._distributing.login(registry, credentials)

    def describe(self, name: str, credentials: Credentials | None = None) -> DistributionInspect:
        """Return what a reference is on its registry."""
        return self._distributing.describe(name, credentials)

    def search(
        self,
        term: str,
        *,
        limit: int = 25,
        filters: Mapping[str, List[str]] | None = None,
        credentials: Credentials | None = None,
    ) -> Sequence[SearchResult]:
        """Find repositories by a word."""
        return self._distributing.search(term, limit=limit, filters=filters or {}, credentials=credentials)

    def bootstrap(self, name: str, *, programs: Sequence[str], packages: Sequence[str], progress: Progress) -> str:
        """Assemble an image from what this host or its distribution's mirror has; return its id."""
        image = self._core.images.bootstrap(name, programs=programs, packages=packages, progress=progress)
        for reference in image.references:
            imageevents.happened(self._core, "tag", image, name=reference)
        imageevents.happened(self._core, "import", image)
        return image.id

    def load(self, stream: BinaryIO, *, quiet: bool = True, platform: str = "", progress: Progress) -> str:
        """Take in an archive's images; return their ids, parted by blanks."""
        return " ".join(moving.load(self._core, stream, quiet=quiet, platform=platform, progress=progress))

    def save(self, names: Sequence[str]) -> Generator[bytes]:
        """Return an archive of images."""
        return moving.save(self._core, names)

    def import_(self, wish: Import, stream: BinaryIO | None, progress: Progress) -> str:
        """Make an image of a tar; return its id."""
        return moving.import_(self._core, wish, stream, progress)

    def remove(self, name: str, *, force: bool = False, prune: bool = True) -> Sequence[ImageDelete]:
        """Remove a name, and the image with its last one."""
        return removing.remove(self._core, name, force=force, prune=prune)

    def prune(self, filters: Mapping[str, List[str]] | None = None) -> dict[str, Any]:
        """Remove images that no container uses."""
        return self._pruning.prune({key: [*values] for key, values in (filters or {}).items()})

    def tag(self, name: str, repository: str, tag: str) -> None:
        """Give an image another name."""
        naming.tag(self._core, name, repository, tag)
