"""Docker's ``config.json``: read as it is, and rewritten whole or not at all. Keeps every key that it does not know.

Written with mode 0600, through links, and by one writer at a time. No text of an error has what the file holds.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from dockerkit.client.credentials import Login
from dockerkit.errors import DockerkitError, Failed, Invalid, NotAllowed

Document = dict[str, Any]


def config_path(environ: Mapping[str, str] = os.environ) -> str:
    """Return where docker's configuration is: in ``$DOCKER_CONFIG``, else in ``~/.docker``."""
    folder = environ.get("DOCKER_CONFIG") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".docker")
    return os.path.join(folder, "config.json")


def read(path: str) -> Document:
    """Return the configuration; empty when there is none.

    :raises Invalid: it is not a JSON object.
    :raises NotAllowed: it is not for this user.
    """
    try:
        with open(path, "rb") as file:
            text = file.read()
        document = msgspec.json.decode(text) if text.strip() else {}
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        raise Invalid(f"{path} is not JSON: {error}") from None
    except OSError as error:
        raise NotAllowed(f"{path} cannot be read: {error.strerror}") from None
    if not isinstance(document, dict):
        raise Invalid(f"{path} is not a JSON object")
    return document


def change(path: str, act: Callable[[Document], None]) -> None:
    """Let `act` change the configuration, and write it; a reader sees what was, or what is, whole.

    :raises Invalid: what is there is not a JSON object: it is left alone.
    :raises Failed: it cannot be written.
    """
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            document = read(target)
            act(document)
            _replace(target, json.dumps(document, indent="\t", ensure_ascii=False).encode())
        finally:
            os.close(directory)
    except DockerkitError:
        raise  # some are OSErrors too
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror}") from None


def _replace(target: str, content: bytes) -> None:
    descriptor, beside = tempfile.mkstemp(prefix="config.json", dir=os.path.dirname(target))  # its mode is 0600
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileNotFoundError, PermissionError):  # a file of somebody else's stays theirs, where we may
            there = os.stat(target)
            os.chown(beside, there.st_uid, there.st_gid)
        os.replace(beside, target)
    except BaseException:
        os.unlink(beside)
        raise


def entry_of(login: Login) -> dict[str, str]:
    """Return a login as the file keeps it."""
    entry = {}
    if login.username or login.password:
        entry["auth"] = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    if login.identity_token:
        entry["identitytoken"] = login.identity_token
    if login.registry_token:
        entry["registrytoken"] = login.registry_token
    return entry


def login_of(server: str, entry: Any, path: str) -> Login:
    """Return the login that an entry of the file is.

    :param path: for the message.
    :raises Invalid: it is none.
    """
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        raise Invalid(f"{path}: the entry of {server} is no login")
    name, password = entry.get("username", ""), entry.get("password", "")
    if auth := entry.get("auth"):
        try:
            name, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            colon = ""
        if not colon:
            raise Invalid(f"{path}: the entry of {server} is not user:password in base64")
    return Login(
        server,
        name,
        password.rstrip("\0"),
        identity_token=entry.get("identitytoken", ""),
        registry_token=entry.get("registrytoken", ""),
    )
