"""The words of docker whose answer is an object: each takes the client and what its flags said, and returns the client's own.

The names of what flags say are those of the command's parameters in :mod:`dockerkit.cli`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import click

from dockerkit.client.container import Container
from dockerkit.client.rows import Row, Rows
from dockerkit.errors import Invalid, NotFound, Unsupported
from dockerkit.notebook import images, networks, programs, volumes
from dockerkit.notebook.images import Act, Said, filters_of
from dockerkit.notebook.text import Text

if TYPE_CHECKING:
    from dockerkit.client.client import Client

_AT_ONCE = 50
"""So many containers are stopped, removed … at a time, as docker does."""


def of(command: click.Command) -> Act | None:
    """Return what `command` of ``dockerkit`` does here; None when its text is the answer."""
    module = getattr(command.callback, "__module__", "").removeprefix("dockerkit.cli.")
    return ACTS.get(f"{module}:{command.name}")


def _ps(client: Client, said: Said) -> object:
    """Return the containers."""
    last = 1 if said["latest"] else said["last"]
    rows = client.containers.list(all=said["all"] or last > 0, **filters_of(said["filters"]))
    return rows[:last] if last > 0 else rows


def at_once(act: Callable[[Container], Any], containers: Sequence[Container]) -> None:
    """Do the same to all of them, at the same time; what went wrong first is raised when all are done."""
    with ThreadPoolExecutor(min(_AT_ONCE, max(1, len(containers)))) as threads:
        for done in [threads.submit(act, container) for container in containers]:
            done.result()


def _each(act: Callable[[Container, Said], Any]) -> Act:
    """Return an act on every container that is named: one is returned itself, several as a list."""

    def acted(client: Client, said: Said) -> object:
        found = [client.containers.get(name) for name in said["containers"]]
        at_once(lambda container: act(container, said), found)
        if len(found) == 1:
            return found[0]
        return client.containers.list(all=True, id=[container.id for container in found])

    return acted


def _one(act: Callable[[Container, Said], Any]) -> Act:
    return lambda client, said: act(client.containers.get(said["name"]), said)


def _top(container: Container, said: Said) -> object:
    return container.top(" ".join(said["ps_options"]) or None)


def _wait(client: Client, said: Said) -> object:
    codes = [client.containers.get(name).wait() for name in said["containers"]]
    return codes[0] if len(codes) == 1 else codes


def _commit(container: Container, said: Said) -> object:
    words = {word: said[word] for word in ("message", "author", "changes", "pause")}
    return container.commit(said["reference"], **words)


def _ended(word: str) -> Act:
    """Return stop or restart, with a signal if one was said, for which the client has no word."""

    def end(container: Container, said: Said) -> None:
        query = {"t": said["timeout"], "signal": said["signal"]}
        container.engine.call("POST", f"{container.path}/{word}", query=query, timeout=None).read()

    return _each(end)


def _rm(client: Client, said: Said) -> object:
    """Remove containers; return what that was. With force, one that is not there is no failure, as docker has it."""
    found = []
    for name in said["containers"]:
        try:
            found.append(client.containers.get(name))
        except NotFound:
            if not said["force"]:
                raise
    rows = [Row(removed=container.name, image=container.image) for container in found]
    at_once(lambda container: container.remove(force=said["force"], volumes=said["volumes"]), found)
    return Rows(rows, columns=("removed", "image"))


def _start(container: Container, said: Said) -> None:
    if said["attach"] or said["interactive"]:
        raise Unsupported("start -a is not for a notebook", hint="start it, then %docker logs -f")
    container.start()


def _update(container: Container, said: Said) -> None:
    limits = {word: said[word] for word in ("memory", "cpus", "pids_limit", "restart") if said.get(word) is not None}
    if not limits:
        raise Invalid("update: nothing to change was said", hint="-m 64m, --cpus 0.5, --pids-limit 9, --restart no")
    container.update(**limits)


def _logs(container: Container, said: Said) -> object:
    words = {word: said[word] for word in ("since", "until", "timestamps")}
    tail = None if said["tail"] == "all" else int(said["tail"])
    if not said["follow"]:
        return Text(container.logs(tail=tail, **words))
    with container.logs(tail=tail, follow=True, **words) as lines:
        for line in lines:
            click.echo(line, nl=False)
    return None


def _stats(client: Client, said: Said) -> object:
    found = [client.containers.get(name) for name in said["containers"]] or client.containers.list(all=said["all"])
    rows: Rows[Any] = Rows()
    for measured in (container.stats() for container in found):
        measured[:0] = rows
        rows = measured
    return rows


def _inspect(client: Client, said: Said) -> object:
    """Return the records of what is named, as docker prints them: a list, containers before images of the same name."""
    kind = said.get("kind") or ""
    if kind not in ("", *_KINDS):
        raise Invalid(f"inspect --type {kind}: {', '.join(_KINDS)} are offered")
    return [_record(client, name, [kind] if kind else _KINDS) for name in said["names"]]


_KINDS = ("container", "image", "network", "volume")
"""What a name may mean, in the order in which it is looked for."""


def _record(client: Client, name: str, kinds: Sequence[str]) -> dict[str, Any]:
    for kind in kinds:
        try:
            found: dict[str, Any] = getattr(client, f"{kind}s").get(name).inspect()
        except NotFound:
            if len(kinds) == 1:
                raise
        else:
            return found
    raise NotFound(f"No such object: {name}")


ACTS: dict[str, Act] = {
    **images.ACTS,
    **networks.ACTS,
    **volumes.ACTS,
    "ps:ps": _ps,
    "df:df": lambda client, said: client.disk_usage(),
    "create:create": programs.create,
    "run:run": programs.run,
    "entering:exec": programs.execute,
    "attach:attach": programs.refuse_to_attach,
    "start:start": _each(_start),
    "life:stop": _ended("stop"),
    "life:restart": _ended("restart"),
    "life:pause": _each(lambda container, said: container.pause()),
    "life:unpause": _each(lambda container, said: container.unpause()),
    "life:kill": _each(lambda container, said: container.kill(said["signal"])),
    "life:rm": _rm,
    "life:rename": _one(lambda container, said: container.rename(said["new_name"])),
    "life:top": _one(_top),
    "life:wait": _wait,
    "update:update": _each(_update),
    "logs:logs": _one(_logs),
    "stats:stats": _stats,
    "inspect:inspect": _inspect,
    "changes:diff": _one(lambda container, said: container.diff()),
    "changes:commit": _one(_commit),
}
"""``module:word`` of the command → what it does here."""
