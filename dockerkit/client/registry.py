"""A registry of our own, in a process of its own: for tests, classes and places without a network.

The process is started as a program and never imported. It goes with the block, and with this process, however that ends: the
kernel tells it. What was not given a place to stay goes with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import subprocess
import sys
import tempfile
from typing import Self

from dockerkit import errors
from dockerkit.client.daemon import environment
from dockerkit.errors import DockerkitError, Invalid, TimedOut, Unavailable

READY_WITHIN = 15.0
"""Seconds a registry has to become ready."""
END_WITHIN = 10.0
"""Seconds it has to end by itself."""
_ROUNDS = 5
"""Of bcrypt, for a login that lives as long as the process: it is checked once."""
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
_PROGRAM = "dockerkit.daemon.registry.server"


class Registry:
    """A running registry; a context manager that ends it. See :func:`registry`."""

    url: str
    """``http://127.0.0.1:PORT``, or ``https://``."""
    address: str
    """``127.0.0.1:PORT``: what image names begin with."""
    certificate: str | None
    """Path of the certificate it shows, which is its own authority when it was made for it; None without TLS."""
    user: str | None
    password: str | None
    pid: int

    def __init__(self, arguments: list[str], login: tuple[str, str] | None, passwords: str | None) -> None:
        self.user, self.password = login or (None, None)
        self._workspace = tempfile.mkdtemp(prefix="dockerkit-registry-")
        with contextlib.ExitStack() as undo:
            undo.callback(self._tidy)
            self._process = self._start(arguments, passwords)
            undo.callback(self._process.wait)
            undo.callback(self._process.kill)
            self.pid = self._process.pid
            said = self._said()
            undo.pop_all()
        self.url, self.address = said["url"], said["address"]
        self.certificate = said["certificate"] or None

    def close(self) -> None:
        """End it, and remove what it kept unless that was given a place. Again does nothing."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(END_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._tidy()

    def log(self) -> str:
        """Return what it has complained of so far."""
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        """Where it is, and never a password."""
        return f"Registry({self.url!r})"

    @property
    def _log(self) -> str:
        return os.path.join(self._workspace, "log")

    def _start(self, arguments: list[str], passwords: str | None) -> subprocess.Popen[bytes]:
        self._told, tell = os.pipe()
        handed = [tell]
        command = [sys.executable, "-m", _PROGRAM, "--ready-fd", str(tell), "--owner", str(os.getpid())]
        command += ["--workspace", self._workspace, *arguments]
        if passwords is not None:
            handed.append(_in_memory(passwords))
            command += ["--auth", f"/proc/self/fd/{handed[-1]}"]
        try:
            with open(self._log, "ab") as log:
                return subprocess.Popen(  # noqa: S603 (our own interpreter, our own arguments)
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    env=_environment(),
                    pass_fds=handed,
                    start_new_session=True,
                )
        finally:
            for descriptor in handed:
                os.close(descriptor)

    def _said(self) -> dict[str, str]:
        """Return what the registry says when it is ready.

        :raises DockerkitError: what it says is in the way.
        """
        with open(self._told, "rb") as told:
            if not select.select([told], [], [], READY_WITHIN)[0]:
                raise TimedOut(f"the registry was not ready within {READY_WITHIN:g} s", hint=self.log()[-2000:])
            line = told.readline()
        if not line:
            raise Unavailable("the registry ended before it was ready", hint=self.log()[-2000:])
        answer: dict[str, str] = json.loads(line)
        if not answer.get("ready"):
            kind = getattr(errors, answer.get("class", ""), Unavailable)
            named: type[DockerkitError] = kind if isinstance(kind, type) and issubclass(kind, DockerkitError) else Unavailable
            raise named(answer.get("error", "the registry gave no reason"), hint=answer.get("hint", ""))
        return answer

    def _tidy(self) -> None:
        with contextlib.suppress(FileNotFoundError):  # it did so itself
            shutil.rmtree(self._workspace)


def registry(
    storage: str | os.PathLike[str] | None = None,
    *,
    auth: bool | tuple[str, str] | str | os.PathLike[str] | None = None,
    tls: bool | tuple[str, str] = False,
    mirror: str | None = None,
    port: int = 0,
    read_only: bool = False,
) -> Registry:
    """Start a registry on loopback and return it when it answers; ``with`` ends it, and so does the end of this process.

    :param storage: keep everything in this directory; without, it goes with the registry.
    :param auth: True asks for a login made up now (``.user``, ``.password``); a pair is that login; a path is a file as
        ``htpasswd -B`` writes it.
    :param tls: True speaks TLS with a certificate made now (``.certificate``); a pair is the paths of one and its key.
    :param mirror: ``https://…``: stand in for that registry, fetch what is missing, and keep it. Takes no pushes.
    :param port: 0 is one that is free.
    :param read_only: refuse pushes and deletions.
    :raises Unavailable: the port is taken.
    :raises Conflict: another registry has this storage.
    :raises Invalid: a value makes no sense.
    """
    arguments = ["--listen", f"127.0.0.1:{port}"]
    arguments += ["--storage", os.path.abspath(storage)] if storage is not None else []
    arguments += ["--mirror", mirror] if mirror is not None else []
    arguments += ["--read-only"] if read_only else []
    if isinstance(tls, tuple):
        arguments += ["--tls", *map(os.path.abspath, tls)]
    elif tls:
        arguments.append("--tls-self-signed")
    login, passwords = _login(auth)
    if auth and login is None:
        arguments += ["--auth", os.path.abspath(auth)]  # type: ignore[arg-type]
    return Registry(arguments, login, passwords)


def _login(auth: object) -> tuple[tuple[str, str] | None, str | None]:
    """Return the login that `auth` means, and the password file for it; neither when it is a file already."""
    if auth is True:
        auth = ("dockerkit", secrets.token_urlsafe(16))
    if not isinstance(auth, tuple):
        return None, None
    user, password = auth
    if not user or ":" in user or "\n" in user:
        raise Invalid(f"{user!r} cannot be a user's name", hint="not empty, and no colon in it")
    import bcrypt  # noqa: PLC0415 - only where there is a login

    hashed = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(_ROUNDS)).decode()
    return (user, password), f"{user}:{hashed}\n"


def _environment() -> dict[str, str]:
    """Return what the process inherits: what a daemon does, and the way out to a registry it stands in for."""
    proxies = {name: value for name, value in os.environ.items() if name.lower() in _PROXIES}
    return {**environment(os.environ), **proxies}


def _in_memory(content: str) -> int:
    """Return a descriptor of a file that is nowhere on disk and goes with its last reader."""
    descriptor = os.memfd_create("htpasswd", os.MFD_CLOEXEC)
    os.write(descriptor, content.encode())
    return descriptor
