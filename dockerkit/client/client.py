"""The client: one engine, its collections and verbs.

Making one contacts nothing; :func:`dockerkit.connect` makes one and sees that somebody answers. Thread-safe; usable inside a
running event loop, for it has none of its own; usable after a fork.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from dockerkit.client.container import Container
from dockerkit.client.containers import Containers, wished
from dockerkit.client.endpoint import Endpoint, resolve
from dockerkit.client.engine import Engine
from dockerkit.client.following import Following
from dockerkit.client.happenings import Event, follow_events
from dockerkit.client.image_transfers import pushed
from dockerkit.client.images import Image, Images, pull
from dockerkit.client.login import login, logout
from dockerkit.client.logs import Moment
from dockerkit.client.networks import Networks
from dockerkit.client.options import ContainerOptions
from dockerkit.client.rows import Row, Rows
from dockerkit.client.run import run
from dockerkit.client.session import Session
from dockerkit.client.spec import ContainerSpec
from dockerkit.client.usage import disk_usage
from dockerkit.client.volumes import Volumes
from dockerkit.errors import Unsupported

if TYPE_CHECKING:
    import os
    import ssl

    from dockerkit.client.completed import Completed
    from dockerkit.client.transport.pool import Transport


class Client:
    """One engine. As a context manager it is closed at the end, and what it owns goes with it.

    :param url: see :func:`dockerkit.connect`.
    :param timeout: seconds to wait for an ordinary answer; None waits for ever.
    :param tls: a folder with ca.pem, cert.pem and key.pem, an SSLContext, or True for the system's trust.
    :param api_version: speak this version of the API instead of the highest that both know.
    :param transport: instead of sockets; for tests.
    :raises Invalid: not the URL of an engine.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        timeout: float | None = 60,
        tls: ssl.SSLContext | str | os.PathLike[str] | bool | None = None,
        api_version: str | None = None,
        transport: Transport | None = None,
    ) -> None:
        endpoint: Endpoint = resolve(url, tls=tls)
        self.engine = Engine(endpoint, timeout=timeout, api_version=api_version, transport=transport)
        self.session = Session(self.engine)
        self.containers = Containers(self)
        self.images: Images = Images(self.engine)
        self.networks: Networks = Networks(self)
        self.volumes: Volumes = Volumes(self)

    @property
    def url(self) -> str:
        """Where the engine listens."""
        return self.engine.url

    # containers

    def run(
        self,
        image: str | Image,
        *command: str,
        input: str | bytes | None = None,
        check: bool = False,
        timeout: float | None = None,
        **options: Unpack[ContainerOptions],
    ) -> Completed:
        """Run a program in a new container to its end and leave nothing behind; see :func:`dockerkit.run`."""
        return self.run_spec(self.container(image, *command, **options), input=input, check=check, timeout=timeout)

    def run_spec(
        self, spec: ContainerSpec, *, input: str | bytes | None = None, check: bool = False, timeout: float | None = None
    ) -> Completed:
        """Run a wish to its end and leave nothing behind; see :func:`dockerkit.run`."""
        return run(self.engine, self.session, spec, input=input, check=check, timeout=timeout)

    def start(self, image: str | Image, *command: str, **options: Unpack[ContainerOptions]) -> Container:
        """Create a container and start it; it outlives the program, unless ``with`` owns it. See :func:`dockerkit.start`."""
        return self.container(image, *command, **options).start()

    def container(self, image: str | Image, *command: str, **options: Unpack[ContainerOptions]) -> ContainerSpec:
        """Return the wish for a container; contacts nothing. See :func:`dockerkit.container`."""
        return wished(self, image, command, options)

    # images

    def pull(self, ref: str, *, platform: str | None = None) -> Image:
        """Obtain an image from its registry, or from wherever the engine gets it; return it.

        :raises NotFound: nobody has it.
        :raises Unavailable: the registry does not answer.
        """
        return pull(self.engine, ref, platform=platform)

    def push(self, ref: str | Image) -> str:
        """Send an image to the registry of its name; return its digest there. See :func:`dockerkit.push`."""
        return ref.push() if isinstance(ref, Image) else pushed(self.engine, ref)

    def login(self, registry: str, user: str, password: str) -> None:
        """Prove a login to a registry and keep it where docker keeps its own; see :func:`dockerkit.login`."""
        login(self.engine, registry, user, password)

    def logout(self, registry: str = "") -> None:
        """Forget the login to a registry; see :func:`dockerkit.logout`."""
        logout(registry)

    def build(self, path: str | None = None, **options: Any) -> Image:
        """Build an image; raises Unsupported for now."""
        raise Unsupported(
            "build() is not offered yet", hint='dk.images.bootstrap("host", programs=[…]) makes an image of programs'
        )

    # the engine

    def info(self) -> dict[str, Any]:
        """Return what the engine says of itself and its host."""
        answer: dict[str, Any] = self.engine.get("/info")
        return answer

    def version(self) -> dict[str, Any]:
        """Return the engine's version, that of its API, and of its components."""
        answer: dict[str, Any] = self.engine.get("/version")
        return answer

    def ping(self) -> bool:
        """Return True when the engine answers.

        :raises Unavailable: it does not.
        """
        with self.engine.transport.request("GET", "/_ping", timeout=self.engine.timeout) as answer:
            answer.read()
            return answer.status == 200

    def events(self, *, since: Moment | None = None, until: Moment | None = None, **filters: Any) -> Following[Event]:
        """Iterate over what happens, as it happens; see :func:`dockerkit.events`."""
        return follow_events(self.engine, since=since, until=until, filters=filters)

    def disk_usage(self) -> Rows[Row]:
        """Return what takes how much space, by kind, as ``docker system df`` has it: bytes."""
        return disk_usage(self.engine)

    # its end

    def close(self) -> None:
        """End the session, so that the engine removes what this client owns, and close the connections."""
        self.session.close()
        self.engine.transport.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """Show where it leads."""
        return f"<Client {self.url}>"


def connect(
    url: str | None = None,
    *,
    timeout: float | None = 60,
    tls: ssl.SSLContext | str | os.PathLike[str] | bool | None = None,
    api_version: str | None = None,
) -> Client:
    """Return a client of an engine that answers.

    :param url: ``unix:// tcp:// http:// https://``, or ``"docker"`` for the active docker context. Without one:
        ``DOCKERKIT_HOST``, ``DOCKER_HOST``, else our own daemon of the data root ``DOCKERKIT_ROOT``, started when needed.
    :param timeout: seconds to wait for an ordinary answer; None waits for ever.
    :param tls: a folder with ca.pem, cert.pem and key.pem, an SSLContext, or True for the system's trust.
    :param api_version: speak this version of the API instead of the highest that both know.
    :raises Unavailable: nobody answers, or the daemon could not be started.
    :raises NotAllowed: the socket, or starting the daemon, is not for this user.
    :raises Invalid: not the URL of an engine.
    """
    client = Client(url, timeout=timeout, tls=tls, api_version=api_version)
    client.engine.transport.open(timeout)
    return client
