"""Documents of ``exec``: one further process in a running container. Source: Engine API 1.51, definitions ``ExecConfig``,
``ExecInspectResponse``."""

from __future__ import annotations

from msgspec import UNSET, UnsetType, field

from dockerkit.schema.wire import Model


class ExecCreate(Model):
    """Body of ``POST /containers/{id}/exec``: what shall run, as whom, and which of its streams somebody will want."""

    user: str = ""
    privileged: bool = False
    tty: bool = False
    console_size: list[int] | None = None
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    detach_keys: str = ""
    env: list[str] = field(default_factory=list)
    working_dir: str = ""
    cmd: list[str] | str | None = None


class ExecCreated(Model):
    """Answer of ``POST /containers/{id}/exec``."""

    id: str


class ExecStart(Model):
    """Body of ``POST /exec/{id}/start``; ``console_size`` is rows and columns."""

    detach: bool = False
    tty: bool = False
    console_size: list[int] | None = None


class ExecProcess(Model):
    """The program of an exec."""

    tty: bool = field(default=False, name="tty")
    entrypoint: str = field(default="", name="entrypoint")
    arguments: list[str] = field(default_factory=list, name="arguments")
    privileged: bool = field(default=False, name="privileged")
    user: str | UnsetType = field(default=UNSET, name="user")


class ExecInspect(Model):
    """Answer of ``GET /exec/{id}/json``; ``exit_code`` is null until it has ended, ``pid`` the host's view."""

    id: str = field(name="ID")
    running: bool = False
    exit_code: int | None = None
    process_config: ExecProcess = field(default_factory=ExecProcess)
    open_stdin: bool = False
    open_stderr: bool = False
    open_stdout: bool = False
    can_remove: bool = False
    container_id: str = field(default="", name="ContainerID")
    detach_keys: str = ""
    pid: int = 0
