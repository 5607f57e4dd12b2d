"""Routes under ``/dockerkit/v1``: what Docker's API has no word for."""

from __future__ import annotations

from msgspec import field

from dockerkit.daemon.api.answers import NO_CONTENT, Answer, Upgrade, json
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.imagetransfers import pulled
from dockerkit.daemon.api.progress import Progress
from dockerkit.daemon.api.router import Route
from dockerkit.daemon.api.sessions import SessionConnection
from dockerkit.errors import Invalid
from dockerkit.schema.endpoint import EXTENSIONS
from dockerkit.schema.wire import Model


class BootstrapRequest(Model):
    """Body of ``POST /dockerkit/v1/images/bootstrap``."""

    name: str
    programs: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)


def open_session(call: Call) -> Answer:
    """``POST /dockerkit/v1/sessions``: 101, then ``{"Id": ...}`` in one line; the connection is the session.

    ``reclaim=ID`` goes on with the session of a daemon that went.
    """
    if not call.wants_upgrade:
        raise Invalid("a session is a connection of its own", hint="send Connection: Upgrade and Upgrade: tcp")
    return Upgrade(SessionConnection(call.application, call.query.text("reclaim")))


async def own(call: Call) -> Answer:
    """``POST /dockerkit/v1/sessions/{session}/containers/{id}``: the container goes with the session."""
    await call.run(call.engine.sessions.own, *call.parameters)
    return NO_CONTENT


async def disown(call: Call) -> Answer:
    """``DELETE /dockerkit/v1/sessions/{session}/containers/{id}``: the container outlives the session."""
    await call.run(call.engine.sessions.disown, *call.parameters)
    return NO_CONTENT


async def kill_exec(call: Call) -> Answer:
    """``POST /dockerkit/v1/exec/{id}/kill``: a signal for an exec's process."""
    await call.run(call.engine.execs.kill, call.ref, call.query.text("signal", "SIGKILL"))
    return NO_CONTENT


async def listening(call: Call) -> Answer:
    """``GET /dockerkit/v1/containers/{id}/listening``: the TCP ports it listens on, published or not."""
    return json(await call.run(call.engine.containers.listening, call.ref))


async def explain(call: Call) -> Answer:
    """``GET /dockerkit/v1/containers/{id}/explain``: the steps from the fork to the program, with their times."""
    return json(await call.run(call.engine.containers.explain, call.ref))


async def bootstrap(call: Call) -> Answer:
    """``POST /dockerkit/v1/images/bootstrap``: an image without a registry; answered like a pull, with the id at the end."""
    request = await call.json(BootstrapRequest)
    progress = Progress()
    work = call.application.transfer(
        call.engine.images.bootstrap,
        request.name,
        programs=request.programs,
        packages=request.packages,
        progress=progress,
    )
    return await pulled(progress, work, tell_id=True)


ROUTES = (
    Route("POST", f"{EXTENSIONS}/sessions", open_session),
    Route("POST", f"{EXTENSIONS}/sessions/{{session}}/containers/{{id}}", own),
    Route("DELETE", f"{EXTENSIONS}/sessions/{{session}}/containers/{{id}}", disown),
    Route("POST", f"{EXTENSIONS}/exec/{{id}}/kill", kill_exec),
    Route("GET", f"{EXTENSIONS}/containers/{{id}}/listening", listening),
    Route("GET", f"{EXTENSIONS}/containers/{{id}}/explain", explain),
    Route("POST", f"{EXTENSIONS}/images/bootstrap", bootstrap),
)
