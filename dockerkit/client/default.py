"""The module-level verbs: those of a default client, made on first touch from the environment.

The client is made anew when the variables that choose the engine have changed since. Making it contacts nothing.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Unpack

from dockerkit.client.client import Client
from dockerkit.client.options import ContainerOptions

if TYPE_CHECKING:
    from dockerkit.client.completed import Completed
    from dockerkit.client.container import Container
    from dockerkit.client.following import Following
    from dockerkit.client.happenings import Event
    from dockerkit.client.images import Image
    from dockerkit.client.logs import Moment
    from dockerkit.client.rows import Row, Rows
    from dockerkit.client.spec import ContainerSpec

_CHOOSING = ("DOCKERKIT_HOST", "DOCKER_HOST", "DOCKERKIT_ROOT", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")


class _Default:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.url: str | None = None
        self.made_for: tuple[str | None, ...] = ()
        self.client: Client | None = None


_default = _Default()
os.register_at_fork(after_in_child=lambda: setattr(_default, "lock", threading.RLock()))


def default_client() -> Client:
    """Return the client behind ``dk.run`` and its like.

    :raises Invalid: the environment names no engine that can be.
    """
    chosen = (_default.url, *map(os.environ.get, _CHOOSING))
    with _default.lock:
        if _default.client is None or _default.made_for != chosen:
            _default.client = Client(_default.url)  # the former one lives on in whatever still uses it
            _default.made_for = chosen
        return _default.client


def use(url: str | None) -> None:
    """Let the module-level verbs use the engine at `url`; None goes back to what the environment says."""
    with _default.lock:
        _default.url = url


def run(
    image: str | Image,
    *command: str,
    input: str | bytes | None = None,
    check: bool = False,
    timeout: float | None = None,
    **options: Unpack[ContainerOptions],
) -> Completed:
    """Run a program in a new container to its end and leave nothing behind, as ``subprocess.run`` does a process.

    A missing image is obtained first. The container is killed and removed however this ends, Ctrl-C and the death of this
    process included.

    :param command: instead of the image's; each argument is one word, no shell reads it.
    :param input: what the program reads; text is sent as UTF-8. Without it, standard input is empty.
    :param check: raise when the program ends with another code than 0.
    :param timeout: seconds from its start; then it is killed.
    :param options: the words of a container: ``env={"A": "1"}, memory="64m", user="nobody"`` …
    :raises ContainerFailed: the program could not be started (126, 127), whatever `check` says; or it failed, with `check`.
    :raises TimedOut: the time was over; ``.completed`` has the output so far.
    :raises NotFound: no such image.
    :raises Unsupported: a word that this engine does not offer yet.
    """
    return default_client().run(image, *command, input=input, check=check, timeout=timeout, **options)


def start(image: str | Image, *command: str, **options: Unpack[ContainerOptions]) -> Container:
    """Create a container, start it, wait until it is ready where ``ready`` says what that is; return it, live.

    It outlives the program, unless ``with`` owns it.

    :raises ContainerFailed: the program cannot be started (126, 127); nothing is left.
    :raises NotReady: it did not get ready within a minute, or ended before; with what it wrote; nothing is left.
    """
    return default_client().start(image, *command, **options)


def container(image: str | Image, *command: str, **options: Unpack[ContainerOptions]) -> ContainerSpec:
    """Return the wish for a container: an immutable value with a method for each word. Contacts nothing.

    :raises TypeError: an unknown word.
    """
    from dockerkit.client.options import wish  # noqa: PLC0415
    from dockerkit.client.spec import ContainerSpec  # noqa: PLC0415

    spec = ContainerSpec(str(image))
    return wish(spec.command(*command) if command else spec, options)


def pull(ref: str, *, platform: str | None = None) -> Image:
    """Obtain an image from its registry, or from wherever the engine gets it; return it.

    The login that docker keeps for the registry is shown to it (``docker login``, :func:`login`). A bar tells how far it is,
    in a terminal and in a notebook.

    :param platform: ``"linux/arm64"``; without, the engine's own.
    :raises NotFound: nobody has it.
    :raises NotAllowed: the registry wants a login, or another one.
    :raises Unavailable: the registry does not answer.
    """
    return default_client().pull(ref, platform=platform)


def push(ref: str | Image) -> str:
    """Send an image to the registry of its name, with the login docker keeps; return the digest it has there.

    :raises NotFound: there is no image of this name.
    :raises NotAllowed: the registry wants a login, or another one.
    :raises Unavailable: the registry does not answer.
    """
    return default_client().push(ref)


def login(registry: str, user: str, password: str) -> None:
    """Prove a login to a registry, and keep it where docker keeps its own, for pull and push.

    That is the credential helper that ``~/.docker/config.json`` names (``$DOCKER_CONFIG`` is another folder), else the file
    itself, in plain sight of this user.

    :param registry: ``"registry.example.org:5000"``; ``""`` is Docker Hub.
    :raises NotAllowed: the registry refused it; nothing is kept.
    :raises Unavailable: the registry does not answer.
    """
    default_client().login(registry, user, password)


def logout(registry: str = "") -> None:
    """Forget the login to a registry; no error when there is none. ``""`` is Docker Hub."""
    default_client().logout(registry)


def build(path: str | None = None, **options: Any) -> Image:
    """Build an image; raises Unsupported for now."""
    return default_client().build(path, **options)


def info() -> dict[str, Any]:
    """Return what the engine says of itself and its host."""
    return default_client().info()


def version() -> dict[str, Any]:
    """Return the engine's version, that of its API, and of its components."""
    return default_client().version()


def ping() -> bool:
    """Return True when the engine answers; our own daemon is started when needed."""
    return default_client().ping()


def events(*, since: Moment | None = None, until: Moment | None = None, **filters: Any) -> Following[Event]:
    """Iterate over what happens in the engine, as it happens.

    Filters are docker's: ``type="container"``, ``event="die"``, ``container=…``, ``image=…``, ``label=…``.

    :param since: begin with what happened since then: a datetime, seconds since 1970, or ``"10m"`` for that long ago.
    :param until: end then; without it, there is no end. ``close()`` or leaving a ``with`` block stops listening.
    """
    return default_client().events(since=since, until=until, **filters)


def disk_usage() -> Rows[Row]:
    """Return what takes how much space, by kind, as ``docker system df`` has it: bytes."""
    return default_client().disk_usage()
