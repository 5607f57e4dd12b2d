"""The fixture factories, for conftest: ``redis = container("redis:7", publish=6379, scope="session")``.

Each returns a pytest fixture. A text may have places for other fixtures (``"{net.name}"``), a function's arguments are
fixtures; both are dependencies that pytest knows. Nothing is contacted until a test uses the fixture.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from dockerkit.client.client import Client
from dockerkit.client.container import Container
from dockerkit.client.spec import ContainerSpec
from dockerkit.errors import DockerkitError, Invalid, NotFound, Unsupported
from dockerkit.testing import deferred
from dockerkit.testing.reuse import Reused
from dockerkit.testing.sharing import Shared
from dockerkit.testing.tenure import Owned, Tenure
from dockerkit.testing.wanted import Wanted
from pytest_dockerkit.declaration import Declared
from pytest_dockerkit.fixtures import ledger_of, user_of
from pytest_dockerkit.lasting import check_shared, lasts, place_of
from pytest_dockerkit.workers import run_of

if TYPE_CHECKING:
    from dockerkit.client.images import Image


def container(
    image: str | Image | ContainerSpec | Callable[..., Any],
    *command: Any,
    scope: Any = "function",
    params: Sequence[Any] | None = None,
    shared: bool = False,
    reuse: bool = False,
    snapshot: bool = False,
    wrapper: Callable[[Container], Any] | None = None,
    doc: str | None = None,
    **options: Any,
) -> Any:
    """Return a fixture: a container, started and ready, that is killed and removed when its scope ends.

    :param image: a name, a wish (``dk.container(…)``), or a function of fixtures that returns one.
    :param options: the words of a container, ``ready`` among them; texts may have places, functions are called with fixtures.
    :param scope: as of ``pytest.fixture``.
    :param params: as of ``pytest.fixture``; ``{param}`` is the present one.
    :param shared: one for all workers of pytest-xdist; it goes when the run does. Needs ``scope="session"``.
    :param reuse: it stays, and the next run takes it up if the wish is the same.
    :param wrapper: the fixture's value is what this returns for the container.
    :param doc: what ``--fixtures`` says.
    :raises TypeError: an unknown word.
    :raises Invalid: a template that cannot be; ``shared`` in a smaller scope.
    """
    wanted = Wanted(image, command, options)
    check_shared("container", shared, scope)

    def serve(request: pytest.FixtureRequest, needed: Mapping[str, Any]) -> Iterator[Any]:
        __tracebackhide__ = True
        if snapshot:
            raise Unsupported(
                "container(snapshot=True) is not offered yet", hint="a function-scoped container is new each time"
            )
        client: Client = needed["dk_client"]
        ledger = ledger_of(request)
        try:
            tenure = _tenure(client, request, shared=shared, reuse=reuse)
            lease = ledger.begin(tenure, wanted.spec(client, needed), user_of(request))
        except DockerkitError as error:
            raise error.with_traceback(None) from None  # the conftest's line says enough
        try:
            yield lease.container if wrapper is None else wrapper(lease.container)
        finally:
            ledger.end(lease)

    declared = Declared("container", scope, params, doc or f"A container of {wanted}.")
    return declared.fixture(serve, (*wanted.names(), "dk_client"))


def _tenure(client: Client, request: pytest.FixtureRequest, *, shared: bool, reuse: bool) -> Tenure:
    run = run_of(request.config)
    if lasts(request, reuse=reuse):
        return Reused(client, place_of(request))
    keep = ledger_of(request).keep
    return Shared(client, run, keep=keep) if shared and run is not None else Owned(client, keep=keep)


def image(
    name: Any = None,
    *,
    path: Any = None,
    bootstrap: Any = None,
    archive: Any = None,
    scope: Any = "session",
    params: Sequence[Any] | None = None,
    wrapper: Callable[[Image], Any] | None = None,
    doc: str | None = None,
    **options: Any,
) -> Any:
    """Return a fixture: an image, which stays when the tests end. It is one of four, and `options` are those of its making:

    :param name: pulled when the engine does not have it (``platform``); with ``packages`` or ``programs``, bootstrapped.
    :param path: built from this folder, relative to the one where pytest was started: not offered yet.
    :param bootstrap: made without a registry (``packages``, ``programs``).
    :param archive: loaded from this archive of one image, relative as `path` is.
    :raises Invalid: none or several of them.
    """
    ways = {"name": name, "path": path, "bootstrap": bootstrap, "archive": archive}
    chosen = [way for way, said in ways.items() if said is not None]
    if len(chosen) != 1:
        raise Invalid(
            f"image() needs one of {', '.join(ways)}, not {' and '.join(chosen) or 'none'}",
            hint='image("busybox"), image(path="."), image(bootstrap="debian", packages=["curl"]) or image(archive="app.tar")',
        )
    (way,) = chosen

    def serve(request: pytest.FixtureRequest, needed: Mapping[str, Any]) -> Iterator[Any]:
        __tracebackhide__ = True
        said = deferred.resolved({"from": ways[way], **options}, needed)
        try:
            made = _WAYS[way](needed["dk_client"], said.pop("from"), **said)
        except DockerkitError as error:
            raise error.with_traceback(None) from None
        yield made if wrapper is None else wrapper(made)

    declared = Declared("image", scope, params, doc or _DOCS[way].format(ways[way]))
    return declared.fixture(serve, (*deferred.names([ways[way], options]), "dk_client"))


_DOCS = {
    "name": "The image {}.",
    "path": "An image built from {}.",
    "bootstrap": "The image {}, made without a registry.",
    "archive": "The image of the archive {}.",
}


def _obtained(client: Client, name: Any, *, platform: str | None = None, **options: Any) -> Image:
    if options:
        return client.images.bootstrap(name, **options)
    try:
        return client.images.get(name)
    except NotFound:
        return client.pull(name, platform=platform)


def _loaded(client: Client, path: Any) -> Image:
    found = client.images.load(os.fspath(path))
    if len({one.id for one in found}) != 1:
        names = ", ".join(one.reference for one in found) or "none"
        raise Invalid(f"image(archive={os.fspath(path)!r}): an archive of one image is wanted; it has {names}")
    return found[0]


_WAYS: dict[str, Callable[..., Image]] = {
    "name": _obtained,
    "path": lambda client, path, **options: client.build(os.fspath(path), **options),
    "bootstrap": lambda client, name, **options: client.images.bootstrap(name, **options),
    "archive": _loaded,
}


def volume(
    name: Any = None,
    *,
    scope: Any = "function",
    params: Sequence[Any] | None = None,
    wrapper: Callable[[Any], Any] | None = None,
    doc: str | None = None,
    **options: Any,
) -> Any:
    """Return a fixture: a volume, removed when its scope ends; `options` are those of ``volumes.create``."""
    declared = Declared("volume", scope, params, doc or "A volume.")
    return _created(declared, lambda client: client.volumes, name, options, wrapper)


def _created(
    declared: Declared,
    collection: Callable[[Client], Any],
    name: Any,
    options: Mapping[str, Any],
    wrapper: Callable[[Any], Any] | None,
) -> Any:
    def serve(request: pytest.FixtureRequest, needed: Mapping[str, Any]) -> Iterator[Any]:
        __tracebackhide__ = True
        said = deferred.resolved({"name": name, **options}, needed)
        try:
            made = collection(needed["dk_client"]).create(said.pop("name"), **said)
        except DockerkitError as error:
            raise error.with_traceback(None) from None
        with made as live:
            yield live if wrapper is None else wrapper(live)

    return declared.fixture(serve, (*deferred.names([name, dict(options)]), "dk_client"), depth=3)


def compose(
    path: Any = "compose.yaml",
    *,
    scope: Any = "session",
    params: Sequence[Any] | None = None,
    doc: str | None = None,
    **options: Any,
) -> Any:
    """Return a fixture: the services of a compose file; using it raises Unsupported for now."""

    def serve(request: pytest.FixtureRequest, needed: Mapping[str, Any]) -> Iterator[Any]:
        __tracebackhide__ = True
        raise Unsupported(f"compose({path!r}) is not offered yet", hint="one container() a service is")
        yield  # a fixture that yields, like all the others

    declared = Declared("compose", scope, params, doc or f"The services of {path}.")
    return declared.fixture(serve, deferred.names([path, options]))
