"""Routes of exec: create, start, inspect, resize. A start gives the client's own socket away, exactly as attach does."""

from __future__ import annotations

from dockerkit.daemon.api.answers import RAW_STREAM, Answer, Handover, Response, json
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.frames import STDOUT
from dockerkit.daemon.api.router import Route
from dockerkit.daemon.api.streams import hijack_type
from dockerkit.daemon.api.terminals import size_of
from dockerkit.daemon.api.versions import CONSOLE_SIZE
from dockerkit.daemon.runtime.launch import Attachment
from dockerkit.schema.endpoint import EXEC_HEADER, EXTENSIONS
from dockerkit.schema.exec import ExecCreate, ExecCreated, ExecStart


async def create(call: Call) -> Answer:
    """``POST /containers/{id}/exec``."""
    request = await call.json(ExecCreate)
    if call.version < CONSOLE_SIZE:
        request.console_size = None
    return json(ExecCreated(id=await call.run(call.engine.execs.create, call.ref, request)), 201)


async def start(call: Call) -> Answer:
    """``POST /exec/{id}/start``: detached it is answered when the program runs, else the client's socket is the program's.

    What goes wrong after the head is told as standard output, as by dockerd: its clients look there.
    """
    request = await call.json(ExecStart)
    execs, id = call.engine.execs, call.ref
    size = request.console_size if request.tty and call.version >= CONSOLE_SIZE else None
    if request.detach:
        await call.run(execs.start, id, None, tty=request.tty, console_size=size)
        return Response(200, b"", RAW_STREAM)
    framed = not request.tty
    await call.run(execs.check, id)  # what cannot be entered is refused before the head

    def take(descriptor: int, received: bytes) -> None:
        execs.start(id, Attachment(descriptor, framed=framed, initial=received), tty=request.tty, console_size=size)

    return Handover(take, id, hijack_type(call, framed), framed, told_on=STDOUT)


async def run(call: Call) -> Answer:
    """``POST /dockerkit/v1/containers/{id}/exec``: create and start in one, the exec's id in a header.

    Without a terminal the last frame, of stream 4, is the exit code: four bytes, the highest first.
    """
    request = await call.json(ExecCreate)
    execs = call.engine.execs
    id = execs.create(call.ref, request, at_once=True)  # waits for nobody, so that no thread need be asked
    framed = not request.tty

    def take(descriptor: int, received: bytes) -> None:
        attachment = Attachment(descriptor, framed=framed, initial=received, tells_exit=framed)
        execs.start(id, attachment, tty=request.tty, console_size=request.console_size)

    return Handover(take, id, hijack_type(call, framed), framed, told_on=STDOUT, headers=((EXEC_HEADER, id),))


async def inspect(call: Call) -> Answer:
    """``GET /exec/{id}/json``."""
    return json(await call.run(call.engine.execs.inspect, call.ref))


async def resize(call: Call) -> Answer:
    """``POST /exec/{id}/resize``."""
    rows, columns = size_of(call.query)
    await call.run(call.engine.execs.resize, call.ref, rows=rows, columns=columns)
    return Response(200, b"", "text/plain; charset=utf-8")


ROUTES = (
    Route("POST", "/containers/{id}/exec", create),
    Route("POST", "/exec/{id}/start", start),
    Route("GET", "/exec/{id}/json", inspect),
    Route("POST", "/exec/{id}/resize", resize),
    Route("POST", f"{EXTENSIONS}/containers/{{id}}/exec", run),
)
