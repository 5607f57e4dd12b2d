"""The parameter ``platform`` of save and push: what an image here is for is all there is of it, so another is not there."""

from __future__ import annotations

from collections.abc import Iterable

from dockerkit.daemon.api.call import Call
from dockerkit.errors import NotFound
from dockerkit.schema.wire import Model, decode


class Wanted(Model):
    """A platform as clients write it into a query."""

    os: str = ""
    architecture: str = ""
    variant: str = ""


async def check_platform(call: Call, names: Iterable[str]) -> None:
    """Refuse what asks for another platform than an image has; from API 1.46 (push) and 1.48 (save) clients may ask.

    :raises Invalid: the parameter is no JSON of a platform.
    :raises NotFound: in Docker's words.
    """
    said = call.query.text("platform")
    if not said:
        return
    wanted = decode(said.encode(), Wanted)
    for name in names:
        found = await call.run(call.engine.images.inspect, name)
        actual = (found.os, found.architecture, found.variant or wanted.variant)
        if any(
            one and one != other for one, other in zip((wanted.os, wanted.architecture, wanted.variant), actual, strict=True)
        ):
            shown = "/".join(filter(None, (wanted.os, wanted.architecture, wanted.variant)))
            raise NotFound(f"image with reference {name} was found but does not provide the specified platform ({shown})")
