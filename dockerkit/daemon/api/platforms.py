"""The parameter ``platform`` of save, push and load: an image here is of one, so another is not there."""

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

    def __str__(self) -> str:
        """Return it as a person writes it."""
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


def wanted(call: Call) -> Wanted | None:
    """Return the platform that a client asks for, if it does.

    :raises Invalid: the parameter is no JSON of a platform.
    """
    said = call.query.text("platform")
    return decode(said.encode(), Wanted) if said else None


async def check_platform(call: Call, names: Iterable[str]) -> None:
    """Refuse what asks for another platform than an image has; from API 1.46 (push) and 1.48 (save) clients may ask.

    :raises Invalid: the parameter is no JSON of a platform.
    :raises NotFound: in Docker's words.
    """
    asked = wanted(call)
    if asked is None:
        return
    for name in names:
        found = await call.run(call.engine.images.inspect, name)
        actual = (found.os, found.architecture, found.variant or asked.variant)
        if any(one and one != other for one, other in zip((asked.os, asked.architecture, asked.variant), actual, strict=True)):
            raise NotFound(f"image with reference {name} was found but does not provide the specified platform ({asked})")
