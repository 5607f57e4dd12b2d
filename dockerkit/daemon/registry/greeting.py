"""Finding the place that answers for a registry: each is greeted with ``GET /v2/``, as dockerd does, and says how to log in.

The only module that decides that a registry is unreachable: when no place of it could be connected to, within three seconds.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator

from dockerkit.daemon.registry import challenges
from dockerkit.daemon.registry.breaks import Broken, Silent, Unconnected, Untrusted
from dockerkit.daemon.registry.contract import Credentials, Progress, Unreachable
from dockerkit.daemon.registry.endpoints import Endpoint, endpoints
from dockerkit.daemon.registry.errand import Errand
from dockerkit.daemon.registry.refusals import shown
from dockerkit.daemon.registry.session import Session
from dockerkit.daemon.registry.settings import Settings
from dockerkit.daemon.registry.tokens import Tokens
from dockerkit.daemon.registry.wire import Request, Wire

_WANTS_TLS = "client sent an HTTP request to an HTTPS server"
HINT = "is the name right, is the registry running, and can this host reach it? (dockerkit doctor)"


class Greeter:
    """Opens sessions. Thread-safe; remembers which scheme worked for a registry that may have either."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.wire = Wire(settings)
        self.tokens = Tokens(settings.document_within)
        self._schemes: dict[str, str] = {}
        self._under_way: weakref.WeakSet[Errand] = weakref.WeakSet()

    def begin(self, progress: Progress | None = None, cancelled: threading.Event | None = None) -> Errand:
        """Return a new errand, which :meth:`close` ends."""
        errand = Errand(progress, cancelled)
        self._under_way.add(errand)
        return errand

    def close(self) -> None:
        """End every errand under way, and close idle connections."""
        for errand in list(self._under_way):
            errand.end()
        self.wire.close()

    def open(self, registry: str, credentials: Credentials | None, errand: Errand) -> Session:
        """Return a session with a registry itself.

        :raises Unreachable: no connection could be made.
        :raises Broken: there was one, and it led nowhere.
        """
        return next(self._sessions(registry, credentials, errand, self._own(registry)))

    def each(self, registry: str, credentials: Credentials | None, errand: Errand) -> Iterator[Session]:
        """Iterate over sessions with the mirrors that answer, and then the registry itself; then what :meth:`open` raises."""
        places = endpoints(registry, self.settings, mirrors=True, preferred=self._schemes.get(registry, ""))
        return self._sessions(registry, credentials, errand, places)

    def _own(self, registry: str) -> list[Endpoint]:
        return endpoints(registry, self.settings, preferred=self._schemes.get(registry, ""))

    def _sessions(
        self, registry: str, credentials: Credentials | None, errand: Errand, places: list[Endpoint]
    ) -> Iterator[Session]:
        failures: dict[Endpoint, Broken] = {}
        deadline = time.monotonic() + self.settings.connect_within
        for place in places:
            try:
                asked = self._greet(place, errand, deadline)
            except Broken as broken:
                errand.check()
                if str(broken) == _WANTS_TLS:
                    continue  # the failure over HTTPS says more
                failures[place] = type(broken)(f'{shown("Get", place.base)[:-1]}/v2/": {broken}')
                if not place.mirror and _decides(broken, place):
                    break
                deadline = deadline if isinstance(broken, Unconnected) else time.monotonic() + self.settings.connect_within
                continue
            if not place.mirror:
                self._schemes[registry] = place.scheme
            yield Session(
                self.wire,
                place,
                challenges=asked,
                credentials=credentials,
                tokens=self.tokens,
                errand=errand,
                settings=self.settings,
            )
            if not place.mirror:
                return
        if failures:
            raise _worst(failures)

    def _greet(self, place: Endpoint, errand: Errand, deadline: float) -> list[challenges.Challenge]:
        request = Request("GET", f"{place.base}/v2/")
        with self.wire.send(request, errand, endpoint=place, deadline=deadline) as answer:
            if answer.status == 400 and place.scheme == "http" and not place.mirror:
                raise Broken(_WANTS_TLS)
            return challenges.parse(answer.headers("WWW-Authenticate")) if answer.status == 401 else []


def _decides(broken: Broken, place: Endpoint) -> bool:
    """Tell whether no other scheme is tried: a refused certificate must not be got around, and silence stays silence."""
    return isinstance(broken, Untrusted) or (isinstance(broken, Silent) and place.scheme == "http")


def _worst(failures: dict[Endpoint, Broken]) -> Broken | Unreachable:
    """Of several failures the one that says most: a certificate's, else that of somebody who was there, over plain HTTP."""
    ranked = sorted(failures, key=lambda place: (_rank(failures[place]), place.mirror, place.scheme != "http"))
    worst = failures[ranked[0]]
    return Unreachable(str(worst), hint=HINT) if isinstance(worst, Unconnected) else worst


def _rank(failure: Broken) -> int:
    return 0 if isinstance(failure, Untrusted) else 2 if isinstance(failure, Unconnected) else 1
