"""Docker in pure Python: an engine, its API, a fluent client.

``import dockerkit as dk`` and then ``dk.run("busybox", "echo", "hi")``. The names here are those of a default client, made on
first touch; ``dk.connect(url)`` gives one of your own. Importing this package loads nothing else and does nothing: every name
is resolved when it is first used (PEP 562), for the daemon's small processes import through here too.
"""

# Not ``typing.TYPE_CHECKING``: importing typing would be most of what importing this package costs. Checkers know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from dockerkit import errors as errors
    from dockerkit.client import ready as ready
    from dockerkit.client.client import Client as Client
    from dockerkit.client.client import connect as connect
    from dockerkit.client.completed import Completed as Completed
    from dockerkit.client.container import Address as Address
    from dockerkit.client.container import Container as Container
    from dockerkit.client.containers import Containers
    from dockerkit.client.default import build as build
    from dockerkit.client.default import container as container
    from dockerkit.client.default import disk_usage as disk_usage
    from dockerkit.client.default import events as events
    from dockerkit.client.default import info as info
    from dockerkit.client.default import login as login
    from dockerkit.client.default import logout as logout
    from dockerkit.client.default import ping as ping
    from dockerkit.client.default import pull as pull
    from dockerkit.client.default import push as push
    from dockerkit.client.default import run as run
    from dockerkit.client.default import start as start
    from dockerkit.client.default import version as version
    from dockerkit.client.happenings import Event as Event
    from dockerkit.client.images import Image as Image
    from dockerkit.client.images import Images
    from dockerkit.client.network import Network as Network
    from dockerkit.client.networks import Networks
    from dockerkit.client.options import ContainerOptions as ContainerOptions
    from dockerkit.client.process import Process as Process
    from dockerkit.client.ready import Condition as Condition
    from dockerkit.client.registry import Registry as Registry
    from dockerkit.client.registry import registry as registry
    from dockerkit.client.rows import Rows as Rows
    from dockerkit.client.spec import ContainerSpec as ContainerSpec
    from dockerkit.client.volume import Volume as Volume
    from dockerkit.client.volumes import Volumes
    from dockerkit.notebook.lifecycle import lifecycle as lifecycle

    containers: Containers
    images: Images
    networks: Networks
    volumes: Volumes

__version__ = "0.1.0"

_COLLECTIONS = ("containers", "images", "networks", "volumes")
_VERBS = (
    "build",
    "container",
    "disk_usage",
    "events",
    "info",
    "login",
    "logout",
    "ping",
    "pull",
    "push",
    "run",
    "start",
    "version",
)
_WHERE = {
    "errors": "dockerkit.errors:",
    "ready": "dockerkit.client.ready:",
    "Client": "dockerkit.client.client:Client",
    "connect": "dockerkit.client.client:connect",
    "Completed": "dockerkit.client.completed:Completed",
    "Address": "dockerkit.client.container:Address",
    "Container": "dockerkit.client.container:Container",
    "ContainerOptions": "dockerkit.client.options:ContainerOptions",
    "ContainerSpec": "dockerkit.client.spec:ContainerSpec",
    "Condition": "dockerkit.client.ready:Condition",
    "Event": "dockerkit.client.happenings:Event",
    "Image": "dockerkit.client.images:Image",
    "Network": "dockerkit.client.network:Network",
    "Process": "dockerkit.client.process:Process",
    "Registry": "dockerkit.client.registry:Registry",
    "Rows": "dockerkit.client.rows:Rows",
    "Volume": "dockerkit.client.volume:Volume",
    "lifecycle": "dockerkit.notebook.lifecycle:lifecycle",
    "registry": "dockerkit.client.registry:registry",
    **{verb: f"dockerkit.client.default:{verb}" for verb in _VERBS},
}

__all__ = [  # noqa: PLE0604 (built from the table above, so that they cannot differ)
    *sorted((*_WHERE, *_COLLECTIONS)),
    "__version__",
]


def __getattr__(name: str) -> object:
    """Find a public name where it lives; functions and classes are kept, collections follow the default client."""
    from importlib import import_module  # noqa: PLC0415

    if name in _COLLECTIONS:
        return getattr(import_module("dockerkit.client.default").default_client(), name)
    where = _WHERE.get(name)
    if where is None:
        raise AttributeError(f"module 'dockerkit' has no attribute {name!r}")
    module, _, attribute = where.partition(":")
    found = import_module(module)
    value: object = getattr(found, attribute) if attribute else found
    globals()[name] = value
    return value


def load_ipython_extension(shell: object) -> None:
    """Give a notebook its words, ``%docker``, ``%%container``, ``%%exec``: what ``%load_ext dockerkit`` calls."""
    from dockerkit.notebook.extension import load_ipython_extension as load  # noqa: PLC0415

    load(shell)


def unload_ipython_extension(shell: object) -> None:
    """Take the words away again: what ``%unload_ext dockerkit`` calls."""
    from dockerkit.notebook.extension import unload_ipython_extension as unload  # noqa: PLC0415

    unload(shell)


def __dir__() -> list[str]:
    """List the public names, used or not."""
    return sorted({*globals(), *__all__})
