"""The engine as the API sees it: verbs that are thread-safe, blocking, and never wait for a container.

What lasts comes back as a future. A verb that returns a future may have that future cancelled when the client who asked has
gone; it sets its result only when it still can. Types only: the real ones are in ``daemon.engine``, a pretend one in the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from dockerkit.daemon.api.answers import Pieces
from dockerkit.daemon.api.networkverbs import Networks
from dockerkit.daemon.api.volumeverbs import VolumeVerbs
from dockerkit.daemon.runtime.launch import Attachment
from dockerkit.schema.archive import Change, PathStat
from dockerkit.schema.container import (
    ContainerConfig,
    ContainerInspect,
    ContainerSummary,
    CreateRequest,
    CreateResponse,
    WaitResponse,
)
from dockerkit.schema.events import EventMessage
from dockerkit.schema.exec import ExecCreate, ExecInspect
from dockerkit.schema.image import ImageDelete, ImageInspect, ImageSummary
from dockerkit.schema.update import UpdateRequest

if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812 - `list` is one of Docker's verbs here

    from dockerkit.daemon.engine.images.moving import Import
    from dockerkit.daemon.registry.contract import AuthResponse, Credentials, DistributionInspect, SearchResult

Tell = Callable[[dict[str, Any]], None]


class Containers(Protocol):
    """Verbs on containers; `ref` is a full id, a unique prefix of one, or a name."""

    def create(self, request: CreateRequest, *, name: str = "", platform: str = "", session: str = "") -> CreateResponse:
        """Make a container, owned by `session` when one is named."""

    def start(self, ref: str, *, lasting: bool = False) -> bool:
        """Run it; False: it was running already."""

    def check_attach(self, ref: str) -> None:
        """Refuse now what cannot be attached to."""

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

    def log_chunks(
        self,
        ref: str,
        *,
        stdout: bool,
        stderr: bool,
        since: int = 0,
        until: int = 0,
        tail: int | None = None,
        timestamps: bool = False,
        framed: bool,
        size: int = 65536,
    ) -> Iterator[bytes]:
        """Give what it wrote as a client gets it; moments in nanoseconds since 1970."""

    def follow(
        self,
        ref: str,
        *,
        stdout: bool,
        stderr: bool,
        since: int = 0,
        until: int = 0,
        tail: int | None = None,
        timestamps: bool = False,
        wake: Callable[[], None],
    ) -> Follower:
        """Give what it wrote and writes; `wake` is called on any thread when there may be more."""

    def tty(self, ref: str) -> bool:
        """Tell whether it has a terminal; takes no lock."""

    def kill(self, ref: str, signal: str = "SIGKILL") -> Future[None]:
        """Send a signal; the future is done when SIGKILL has ended it, and at once for any other."""

    def stop(self, ref: str, *, timeout: int | None = None, signal: str = "") -> Future[bool]:
        """Ask it to end, then kill it; False: it was not running."""

    def resize(self, ref: str, *, rows: int, columns: int) -> None:
        """Tell its terminal its size."""

    def remove(self, ref: str, *, force: bool = False, volumes: bool = False) -> Future[None]:
        """Remove it; the future is done when nothing of it is left."""

    def unlink(self, path: str) -> None:
        """Take a link away, by the container that has it and its alias there: ``container/alias``."""

    def pause(self, ref: str) -> None:
        """Have its processes stand still."""

    def unpause(self, ref: str) -> None:
        """Let its processes go on."""

    def rename(self, ref: str, name: str) -> None:
        """Give it another name."""

    def update(self, ref: str, request: UpdateRequest) -> dict[str, List[str]]:
        """Change its limits and its restart policy."""

    def restart(self, ref: str, *, timeout: int | None = None, signal: str = "") -> Future[None]:
        """End its program and run it again; the future is done when it runs."""

    def prune(self, filters: Mapping[str, List[str]] | None = None) -> dict[str, Any]:
        """Remove all that do not run."""

    def top(self, ref: str, arguments: str = "") -> dict[str, Any]:
        """Return its processes as ``ps`` shows them."""

    def stats(self, ref: str) -> dict[str, Any]:
        """Return what it uses now, with the sample before when one was taken lately."""

    def explain(self, ref: str) -> List[dict[str, Any]]:
        """Return how it came to be, step by step."""

    def listening(self, ref: str) -> dict[str, List[int]]:
        """Return the TCP ports it listens on."""

    def archive_stat(self, ref: str, path: str) -> PathStat:
        """Describe a path of it."""

    def archive(self, ref: str, path: str) -> tuple[PathStat, Pieces]:
        """Describe a path of it and give it as a tar, to be closed."""

    def extract(
        self, ref: str, path: str, stream: BinaryIO, *, no_overwrite_dir_non_dir: bool = False, copy_uid_gid: bool = False
    ) -> None:
        """Put a tar into a directory of it; lasts as long as `stream` does."""

    def diff(self, ref: str) -> List[Change]:
        """Return how its files differ from its image's."""

    def export(self, ref: str) -> Pieces:
        """Give its files as a tar, to be closed."""

    def commit(
        self,
        ref: str,
        *,
        repository: str = "",
        tag: str = "",
        comment: str = "",
        author: str = "",
        pause: bool = True,
        changes: List[str] | None = None,
        config: ContainerConfig | None = None,
    ) -> str:
        """Make an image of it; return the image's id."""


class Follower(Protocol):
    """Somebody who follows a log; asked for a chunk until there is none, then again when it has called ``wake``."""

    ended: bool

    def chunk(self, *, framed: bool) -> bytes:
        """Return what is next, without waiting; empty when there is nothing now."""

    def close(self) -> None:
        """Follow no more."""


class Execs(Protocol):
    """Verbs on execs, by their id."""

    def create(self, ref: str, config: ExecCreate, *, at_once: bool = False) -> str:
        """Prepare a process in a running container; return its id. `at_once`: it is started next, and no disk is waited for."""

    def check(self, id: str) -> None:
        """Refuse now what is not there, or whose container does not run."""

    def start(
        self, id: str, attachment: Attachment | None = None, *, tty: bool = False, console_size: Sequence[int] | None = None
    ) -> None:
        """Run it; the attachment's descriptor is the engine's from here on, whatever happens."""

    def inspect(self, id: str) -> ExecInspect:
        """Return what is known of it."""

    def resize(self, id: str, *, rows: int, columns: int) -> None:
        """Tell its terminal its size."""

    def kill(self, id: str, signal: str = "SIGKILL") -> None:
        """Send it a signal."""


class Subscription(Protocol):
    """Somebody who is told of events."""

    @property
    def revision(self) -> int:
        """The last event it is not told of."""

    def close(self) -> None:
        """Be told no more."""


class Events(Protocol):
    """What happened and happens."""

    def history(self, since: int = 0, until: int = 0, *, upto: int | None = None) -> Iterator[EventMessage]:
        """Give what happened between two moments, in nanoseconds since 1970, and not after revision `upto`."""

    def subscribe(self, tell: Callable[[EventMessage], object]) -> Subscription:
        """Have `tell` called with each event from now on, on one thread, in order; returns at once."""


class ImageVerbs(Protocol):
    """Verbs on images."""

    def list(
        self,
        *,
        all: bool = False,
        filters: Mapping[str, List[str]] | None = None,
        shared: bool = False,
        platforms: bool = False,
    ) -> List[ImageSummary]:
        """Return rows, with the sizes shared with others and the manifests of each when asked for."""

    def inspect(self, name: str, *, platforms: bool = False) -> ImageInspect:
        """Return everything known of an image."""

    def create(self, reference: str, *, platform: str = "", progress: Tell, credentials: Credentials | None = None) -> str:
        """Obtain an image, or without a tag all of a repository's, telling how far it is; return its id."""

    def push(self, name: str, tag: str, *, progress: Tell, credentials: Credentials | None = None) -> str:
        """Bring an image to its registry; return the manifest's digest."""

    def login(self, registry: str, credentials: Credentials) -> AuthResponse:
        """Prove credentials to a registry."""

    def describe(self, name: str, credentials: Credentials | None = None) -> DistributionInspect:
        """Return what a reference is on its registry."""

    def search(
        self,
        term: str,
        *,
        limit: int = 25,
        filters: Mapping[str, List[str]] | None = None,
        credentials: Credentials | None = None,
    ) -> Sequence[SearchResult]:
        """Find repositories by a word."""

    def bootstrap(self, name: str, *, programs: Sequence[str], packages: Sequence[str], progress: Tell) -> str:
        """Make an image without a registry; return its id."""

    def load(self, stream: BinaryIO, *, quiet: bool = True, platform: str = "", progress: Tell) -> str:
        """Take in an archive's images; lasts as long as `stream` does."""

    def save(self, names: Sequence[str]) -> Pieces:
        """Give an archive of images, to be closed."""

    def import_(self, wish: Import, stream: BinaryIO | None, progress: Tell) -> str:
        """Make an image of a tar; return its id."""

    def remove(self, name: str, *, force: bool = False, prune: bool = True) -> Sequence[ImageDelete]:
        """Remove a reference, and the image with its last."""

    def prune(self, filters: Mapping[str, List[str]] | None = None) -> dict[str, Any]:
        """Remove all that no container uses."""

    def history(self, name: str) -> Sequence[dict[str, Any]]:
        """Return how its layers came to be, newest first."""

    def explore(self, name: str) -> dict[str, Any]:
        """Return what is in its layers."""

    def tag(self, name: str, repository: str, tag: str) -> None:
        """Give an image one more reference."""


class Sessions(Protocol):
    """Owners of containers."""

    def open(self, pidfd: int | None, pid: int, reclaim: str = "") -> str:
        """Begin a session, or go on with one of the daemon before; it ends by :meth:`close` or with its process.

        The pidfd is the session's from here on.
        """

    def close(self, id: str) -> None:
        """End a session: what it owns is killed and removed."""

    def own(self, id: str, ref: str) -> None:
        """Give a container to a session."""

    def disown(self, id: str, ref: str) -> None:
        """Take a container from a session: it outlives it."""

    def own_volume(self, id: str, name: str) -> None:
        """Give a volume to a session."""

    def disown_volume(self, id: str, name: str) -> None:
        """Take a volume from a session: it outlives it."""

    def own_network(self, id: str, ref: str) -> None:
        """Give a network to a session."""

    def disown_network(self, id: str, ref: str) -> None:
        """Take a network from a session: it outlives it."""


class System(Protocol):
    """The engine as a whole."""

    def info(self) -> dict[str, Any]:
        """Return the answer of ``GET /info``."""

    def version(self) -> dict[str, Any]:
        """Return the answer of ``GET /version``; touches no disk."""

    def disk_usage(self, types: Collection[str] = ()) -> dict[str, Any]:
        """Return the answer of ``GET /system/df``, for some types of things or for all."""


class Engine(Protocol):
    """All nouns."""

    @property
    def containers(self) -> Containers:
        """Verbs on containers."""

    @property
    def execs(self) -> Execs:
        """Verbs on execs."""

    @property
    def events(self) -> Events:
        """What happened and happens."""

    @property
    def images(self) -> ImageVerbs:
        """Verbs on images."""

    @property
    def networks(self) -> Networks:
        """Verbs on networks."""

    @property
    def sessions(self) -> Sessions:
        """Verbs on sessions."""

    @property
    def volumes(self) -> VolumeVerbs:
        """Verbs on volumes."""

    @property
    def system(self) -> System:
        """Verbs on the engine itself."""
