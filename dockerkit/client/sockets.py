"""On which ports a container listens, read from its own socket table; and how its HTTP servers answer.

Parsing is pure (proc_net_tcp: Documentation/networking/proc_net_tcp.rst of Linux).
"""

from __future__ import annotations

import http.client
import re
from typing import TYPE_CHECKING

from dockerkit.client.engine import segment
from dockerkit.errors import NotFound, Unsupported

if TYPE_CHECKING:
    from dockerkit.client.container import Container

_LISTEN = "0A"
_STATUS = re.compile(r"HTTP/\d(?:\.\d)? (\d{3})")


def listening(container: Container) -> frozenset[int]:
    """Return the TCP ports on which something in the container listens.

    :raises Unsupported: a foreign engine, and no ``cat`` in the container.
    """
    engine = container.engine
    if not engine.foreign:
        try:
            path = engine.extension(f"/containers/{segment(container.id)}/listening", word="listening")
            return frozenset(int(port) for port in engine.get(path).get("Ports") or ())
        except Unsupported:
            pass  # an older daemon of ours: as on a foreign one
    done = container.exec("cat", "/proc/net/tcp", "/proc/net/tcp6", timeout=10)
    if not done.stdout:
        why = done.stderr.strip() or f"exit code {done.exit_code}"
        raise Unsupported(f"the container's socket table cannot be read: {why}")
    return listening_in(done.stdout)


def listening_in(table: str) -> frozenset[int]:
    """Return the listening ports of ``/proc/net/tcp`` and ``tcp6``, one after the other; other lines say nothing."""
    found = set()
    for line in table.splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[3] == _LISTEN:
            _, _, port = fields[1].rpartition(":")
            try:
                found.add(int(port, 16))
            except ValueError:
                continue
    return frozenset(found)


def http_status(container: Container, port: int, path: str, timeout: float) -> int:
    """Return the status with which a GET is answered; redirects are not followed.

    :raises OSError: nobody answers.
    :raises NotFound: the port cannot be reached from here, nor by ``wget`` from inside.
    """
    address = reached_at(container, port)
    if address is None:
        return _from_inside(container, port, path, timeout)
    connection = http.client.HTTPConnection(*address, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Host": "localhost", "Connection": "close"})
        return connection.getresponse().status
    except http.client.HTTPException as error:
        raise OSError(f"the answer is not HTTP: {type(error).__name__} {error}") from None
    finally:
        connection.close()


def reached_at(container: Container, port: int) -> tuple[str, int] | None:
    """Return where this machine reaches a port of the container; None when it cannot."""
    try:
        address = container.port(port)
    except NotFound:
        return _unpublished(container, port)
    return address.host, address.port


def _unpublished(container: Container, port: int) -> tuple[str, int] | None:
    if container.inspect()["HostConfig"].get("NetworkMode") == "host":
        return "127.0.0.1", port
    return (container.ip, port) if container.ip and container.engine.local else None


def _from_inside(container: Container, port: int, path: str, timeout: float) -> int:
    url = f"http://127.0.0.1:{port}{path}"
    done = container.exec("wget", "-S", "-q", "-O", "/dev/null", url, timeout=timeout)
    statuses = _STATUS.findall(done.stderr)
    if statuses:
        return int(statuses[0])
    raise OSError(done.stderr.strip().rpartition("\n")[2] or f"wget: exit code {done.exit_code}")
