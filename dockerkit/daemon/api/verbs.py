"""The engine as the API sees it: verbs that are thread-safe, blocking, and never wait for a container.

What lasts comes back as a future. A verb that returns a future may have that future cancelled when the client who asked has
gone; it sets its result only when it still can. Types only: the real ones are in ``daemon.engine``, a pretend one in the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Protocol

from dockerkit.daemon.runtime.launch import Attachment
from dockerkit.schema.container import ContainerInspect, ContainerSummary, CreateRequest, CreateResponse, WaitResponse
from dockerkit.schema.image import ImageDelete, ImageInspect, ImageSummary

if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812 - `list` is one of Docker's verbs here

Tell = Callable[[dict[str, Any]], None]


class Containers(Protocol):
    """Verbs on containers; `ref` is a full id, a unique prefix of one, or a name."""

    def create(self, request: CreateRequest, *, name: str = "", platform: str = "", session: str = "") -> CreateResponse:
        """Make a container, owned by `session` when one is named."""

    def start(self, ref: str) -> bool:
        """Run it; False: it was running already."""

    def attach(self, ref: str, attachment: Attachment) -> None:
        """Connect a descriptor to its streams; the descriptor is the engine's from here on, whatever happens."""

    def wait(self, ref: str, condition: str = "not-running") -> Future[WaitResponse]:
        """Return a future for its exit code; registered when this returns."""

    def inspect(self, ref: str, *, size: bool = False) -> ContainerInspect:
        """Return everything known; takes no lock, and touches no disk unless `size` is asked for."""

    def list(
        self, *, all: bool = False, limit: int = 0, size: bool = False, filters: Mapping[str, List[str]] | None = None
    ) -> List[ContainerSummary]:
        """Return rows; takes no lock, and touches no disk unless `size` is asked for."""

    def logs(
        self,
        ref: str,
        *,
        stdout: bool,
        stderr: bool,
        since: int = 0,
        until: int = 0,
        tail: int | None = None,
        timestamps: bool = False,
    ) -> Iterator[tuple[int, bytes]]:
        """Give what it wrote, a line at a time with its stream; moments in nanoseconds since 1970."""

    def log_size(self, ref: str) -> int:
        """Return how many bytes its log has."""

    def tty(self, ref: str) -> bool:
        """Tell whether it has a terminal; takes no lock."""

    def kill(self, ref: str, signal: str = "SIGKILL") -> None:
        """Send a signal."""

    def stop(self, ref: str, *, timeout: int | None = None, signal: str = "") -> Future[bool]:
        """Ask it to end, then kill it; False: it was not running."""

    def resize(self, ref: str, *, rows: int, columns: int) -> None:
        """Tell its terminal its size."""

    def remove(self, ref: str, *, force: bool = False, volumes: bool = False) -> Future[None]:
        """Remove it; the future is done when nothing of it is left."""


class ImageVerbs(Protocol):
    """Verbs on images."""

    def list(self, *, all: bool = False, filters: Mapping[str, list[str]] | None = None) -> list[ImageSummary]:
        """Return rows."""

    def inspect(self, name: str) -> ImageInspect:
        """Return everything known of an image."""

    def create(self, reference: str, *, platform: str = "", progress: Tell) -> str:
        """Obtain an image, telling how far it is; return its id."""

    def bootstrap(self, name: str, *, programs: Sequence[str], packages: Sequence[str], progress: Tell) -> str:
        """Make an image without a registry; return its id."""

    def remove(self, name: str, *, force: bool = False, prune: bool = True) -> Sequence[ImageDelete]:
        """Remove a reference, and the image with its last."""

    def history(self, name: str) -> Sequence[dict[str, Any]]:
        """Return how its layers came to be, newest first."""

    def tag(self, name: str, repository: str, tag: str) -> None:
        """Give an image one more reference."""


class Sessions(Protocol):
    """Owners of containers."""

    def open(self, pidfd: int | None, pid: int) -> str:
        """Begin a session; it ends by :meth:`close` or with its process, whose pidfd it now owns."""

    def close(self, id: str) -> None:
        """End a session: what it owns is killed and removed."""

    def own(self, id: str, ref: str) -> None:
        """Give a container to a session."""

    def disown(self, id: str, ref: str) -> None:
        """Take a container from a session: it outlives it."""


class System(Protocol):
    """The engine as a whole."""

    def info(self) -> dict[str, Any]:
        """Return the answer of ``GET /info``."""

    def version(self) -> dict[str, Any]:
        """Return the answer of ``GET /version``; touches no disk."""


class Engine(Protocol):
    """All nouns."""

    @property
    def containers(self) -> Containers:
        """Verbs on containers."""

    @property
    def images(self) -> ImageVerbs:
        """Verbs on images."""

    @property
    def sessions(self) -> Sessions:
        """Verbs on sessions."""

    @property
    def system(self) -> System:
        """Verbs on the engine itself."""
