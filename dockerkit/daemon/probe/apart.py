"""Doing something in a forked child, and hearing from it whatever happens to it. Only for a process with one thread."""

from __future__ import annotations

import errno
import json
import os
import select
import signal
from collections.abc import Callable
from typing import NoReturn

from dockerkit.daemon.probe.finding import Missing

_PATIENCE = 20.0
_ALL = 65536


def apart(act: Callable[[], str]) -> str:
    """Run `act` in a child and return its words; namespaces, filters and limits it takes on die with it.

    :raises Missing: what `act` raised, or how its child died.
    """
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(readable)
        _child(act, writable)
    os.close(writable)
    try:
        said = _hear(readable)
    finally:
        os.close(readable)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    if not said:
        raise Missing(_end(status))
    ok, detail, advice = json.loads(said)
    if not ok:
        raise Missing(detail, next=advice)
    return str(detail)


def words(error: OSError) -> str:
    """Return an error as a finding says it: ``EPERM: operation not permitted (unshare)``."""
    name = errno.errorcode.get(error.errno or 0, "error")
    about = f" ({error.filename})" if error.filename else ""
    return f"{name}: {(error.strerror or str(error)).lower()}{about}"


def _child(act: Callable[[], str], writable: int) -> NoReturn:
    answer: tuple[bool, str, str] = (False, "it broke", "")
    try:
        answer = (True, act(), "")
    except Missing as missing:
        answer = (False, missing.detail, missing.next)
    except OSError as error:
        answer = (False, words(error), "")
    except Exception as error:
        answer = (False, repr(error), "")
    finally:
        # the parent's clean-up must not run twice: no way out of here but this
        os.write(writable, json.dumps(answer).encode())
        os._exit(0)


def _hear(readable: int) -> bytes:
    said = b""
    while select.select([readable], [], [], _PATIENCE)[0]:
        chunk = os.read(readable, _ALL)
        if not chunk:
            break
        said += chunk
    return said


def _end(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGKILL:
        return f"no answer within {_PATIENCE:.0f} s"
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
