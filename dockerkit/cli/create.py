"""``create``: a container that is made and not started; and how a command line becomes one, for ``run`` too."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from dockerkit.cli.completion import image_names
from dockerkit.cli.flags import container_flags
from dockerkit.cli.further import apply_further, further_flags
from dockerkit.cli.mounts import read_mounts
from dockerkit.cli.moving import Progress
from dockerkit.cli.networking import read_networking
from dockerkit.cli.pull import obtain
from dockerkit.cli.refusals import WRONG_FLAG, Failure, said
from dockerkit.cli.variables import environment, named_values
from dockerkit.cli.word import Word, client
from dockerkit.errors import DockerkitError, Invalid, NotFound

if TYPE_CHECKING:
    from dockerkit.client.container import Container
    from dockerkit.client.spec import ContainerSpec
    from dockerkit.schema.container import CreateRequest

_AS_THEY_ARE = (
    "name", "hostname", "user", "workdir", "memory", "cpus", "pids_limit", "shm_size", "stop_signal", "stop_timeout", "restart",
    "platform", "cap_add", "cap_drop", "security_opt", "ulimit", "sysctl", "device", "extra_host", "dns",
    "tty", "privileged", "read_only", "init",
)  # fmt: skip
"""Flags that are words of the client."""
_STREAMS = ("stdin", "stdout", "stderr")


class Wanted:
    """What a command line wishes: the client's wish, and what has to be put into the request beside it.

    :param options: the flags, by word.
    :raises Failure: a value that cannot be read; exit code 125.
    """

    def __init__(self, image: str, command: tuple[str, ...], options: dict[str, Any]) -> None:
        self.options = options
        try:
            self.mounts = read_mounts(options["volume"], options["mount"], options["tmpfs"])
            self.networking = read_networking(options)
            self.spec = _spec(image, command, options)
        except (Invalid, TypeError) as error:
            raise Failure(str(error), code=WRONG_FLAG) from None

    def request(self, *, attached: Iterable[str] = ()) -> CreateRequest:
        """Return the request that creates it, attached to these streams.

        :raises Unsupported: a word that the engine does not offer yet.
        """
        from dockerkit.client.creation import request_for

        request = request_for(client().engine, self.spec)
        apply_further(request, self.options)
        self.mounts.apply(request)
        self.networking.apply(request)
        request.open_stdin = bool(self.options["interactive"])
        request.stdin_once = "stdin" in attached
        for stream in _STREAMS:
            setattr(request, f"attach_{stream}", stream in attached)
        request.host_config.auto_remove = self.options["rm"]
        return request

    def create(self, request: CreateRequest, *, owned: bool = False) -> Container:
        """Create it, and obtain its image as ``--pull`` says; write the id to ``--cidfile``.

        :param owned: the container goes with this program, at the latest.
        """
        from dockerkit.client.container import Container
        from dockerkit.client.creation import create

        check_cidfile(self.options["cidfile"])
        self._have_image()
        session = client().session if owned else None
        made = create(client().engine, self.spec, request, session=session)
        for warning in made.warnings:
            click.echo(f"WARNING: {warning}", err=True)
        if path := self.options["cidfile"]:
            with open(path, "w", encoding="ascii") as file:
                file.write(made.id)
        return Container(client(), made.id, spec=self.spec)

    def _have_image(self) -> None:
        """See that the image is here: always pulled, pulled when missing, or never.

        :raises NotFound: it is not here, and shall not be pulled.
        """
        when, image = self.options["pull"], self.spec.image
        if when != "always":
            try:
                client().images.get(image)
            except NotFound:
                if when == "never" or image.startswith("sha256:"):
                    raise
                click.echo(f"Unable to find image '{_full(image)}' locally", err=True)
            else:
                return
        obtain(image, platform=self.options["platform"], progress=Progress(quiet=self.options["quiet"], error=True))


def check_cidfile(path: str | None) -> None:
    """Refuse a file that exists: its container may still be there.

    :raises Failure: in Docker's words.
    """
    if path and os.path.exists(path):
        raise Failure(f"container ID file found, make sure the other container isn't running or delete {path}", code=WRONG_FLAG)


def _full(image: str) -> str:
    from dockerkit.schema.names import parse_reference

    try:
        return str(parse_reference(image))
    except Invalid as error:
        raise Failure(error.message, code=WRONG_FLAG) from None


def _spec(image: str, command: tuple[str, ...], said: dict[str, Any]) -> ContainerSpec:
    from dockerkit.client.options import wish
    from dockerkit.client.spec import ContainerSpec

    words: dict[str, Any] = {}
    for word in _AS_THEY_ARE:
        if said[word]:
            words[word] = list(said[word]) if isinstance(said[word], tuple) else said[word]
    if str(words.get("stop_timeout", "")).lstrip("-").isdigit():
        words["stop_timeout"] = int(words["stop_timeout"])
    spec = wish(ContainerSpec(image), words)
    if said["entrypoint"] is not None:
        spec = spec.entrypoint(*filter(None, [said["entrypoint"]]))
    if variables := environment(said["env"], said["env_file"]):
        spec = spec.env(variables)
    if labels := named_values(said["label"], said["label_file"]):
        spec = spec.label({name: value or "" for name, value in labels.items()})
    spec = _health(spec, said)
    return spec.command(*command) if command else spec


def _health(spec: ContainerSpec, said: dict[str, Any]) -> ContainerSpec:
    times = {name: said[f"health_{name}"] for name in ("interval", "timeout", "start_period", "start_interval")}
    if said["no_healthcheck"]:
        if said["health_cmd"] or any(times.values()):
            raise Invalid("--no-healthcheck conflicts with --health-* options")
        return spec.healthcheck()
    if not said["health_cmd"]:
        return spec
    told = {name: time for name, time in times.items() if time}
    return spec.healthcheck(said["health_cmd"], retries=int(said["health_retries"] or 0), **told)


def refused(ctx: click.Context, error: DockerkitError, code: int = WRONG_FLAG) -> None:
    """Say why there is no container, as Docker does, and end the program."""
    if isinstance(error, Failure) and error.code == 1:
        click.echo(said(error), err=True)
        ctx.exit(1)
    name = ctx.find_root().info_name or "dockerkit"
    click.echo(f"{said(error, program=name)}\n\nRun '{ctx.command_path} --help' for more information", err=True)
    ctx.exit(code)


@click.command(cls=Word, context_settings={"allow_interspersed_args": False, "help_option_names": ["--help"]})
@container_flags
@further_flags
@click.argument("image", shell_complete=image_names)
@click.argument("command", nargs=-1, metavar="[COMMAND] [ARG...]", type=click.UNPROCESSED)
@click.pass_context
def create(ctx: click.Context, /, image: str, command: tuple[str, ...], **options: Any) -> None:
    """Create a new container, and do not start it."""
    try:
        wanted = Wanted(image, command, options)
        attached = options["attach"] or ("stdout", "stderr", *(("stdin",) if options["interactive"] else ()))
        click.echo(wanted.create(wanted.request(attached=attached)).id)
    except Failure as error:
        refused(ctx, error)
    except DockerkitError as error:  # what the engine says is not about the command line
        click.echo(said(error), err=True)
        ctx.exit(1)
