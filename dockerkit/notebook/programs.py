"""``%docker run``, ``create`` and ``exec``: what their flags wish, done by the client; output is shown as it comes.

There is no terminal and nobody types: ``-t`` is refused, ``-i`` gives an input that has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dockerkit.client import execution
from dockerkit.client import run as running
from dockerkit.errors import DockerkitError, NotFound, Unsupported
from dockerkit.notebook.flags import check_no_terminal
from dockerkit.notebook.live import Screen, Told

if TYPE_CHECKING:
    from dockerkit.client.client import Client
    from dockerkit.client.container import Container

Said = dict[str, Any]
_CELLS = "%%container and %%exec run a program that you write into the cell"


def create(client: Client, said: Said) -> Container:
    """Create a container, and do not start it."""
    from dockerkit.cli.create import Wanted  # noqa: PLC0415

    wanted = Wanted(said.pop("image"), said.pop("command"), said)
    return wanted.create(wanted.request())


def run(client: Client, said: Said) -> Container | Told:
    """Run a program in a new container: to its end and show its output, or detached and return the container."""
    from dockerkit.cli.create import Wanted  # noqa: PLC0415

    check_no_terminal(said, instead=_CELLS)
    if said["detach"]:
        container = create(client, said)
        try:
            return container.start()
        except DockerkitError as error:
            if said["rm"]:
                _remove_after(container, error)
            raise
    wanted = Wanted(said.pop("image"), said.pop("command"), said)
    screen = Screen()
    try:
        completed = running.run(
            client.engine,
            client.session,
            wanted.spec,
            input="" if said["interactive"] else None,
            check=False,
            timeout=None,
            tell=screen.tell,
            request=wanted.request(attached=("stdout", "stderr")),
            keep=not said["rm"],
        )
    finally:
        screen.end()
    return Told.of(completed)


def _remove_after(container: Container, error: DockerkitError) -> None:
    try:
        container.remove(force=True, volumes=True)
    except NotFound:
        return  # the engine did it
    except DockerkitError as second:
        error.add_note(f"and the container {container.short_id} could not be removed: {second}")


def execute(client: Client, said: Said) -> Told | None:
    """Run a further program in a container that runs, and show its output."""
    from dockerkit.cli.variables import environment  # noqa: PLC0415

    check_no_terminal(said, instead=_CELLS)
    container = client.containers.get(said["name"])
    variables = environment(said["env"], said["env_file"])
    wanted = execution.Wanted(said["command"], variables, said["user"], said["workdir"], privileged=said["privileged"])
    if said["detach"]:
        program = execution.Execution(client.engine, container.id, wanted, stdin=False, stdout=False, stderr=False)
        client.engine.post(f"/exec/{program.id}/start", json={"Detach": True, "Tty": False})
        return None
    screen = Screen()
    data = "" if said["interactive"] else None
    try:
        completed = execution.execute(
            client.engine, container.id, wanted, input=data, timeout=None, check=False, tell=screen.tell
        )
    finally:
        screen.end()
    return Told.of(completed)


def refuse_to_attach(client: Client, said: Said) -> None:
    """Refuse: there is no terminal to attach to.

    :raises Unsupported: always.
    """
    raise Unsupported("attach is not for a notebook", hint="%docker logs -f shows output as it comes; container.attach() talks")
