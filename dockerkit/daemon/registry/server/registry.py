"""The registry: a request → who asks, which verb, the answer. The only place where errors become answers."""

from __future__ import annotations

import errno
import logging
from dataclasses import dataclass

import h11

from dockerkit.daemon.registry.server.collecting import GRACE, Collector
from dockerkit.daemon.registry.server.deletes import Deletes
from dockerkit.daemon.registry.server.discovery import Discovery
from dockerkit.daemon.registry.server.exchange import Asked, Body, Reply, refused
from dockerkit.daemon.registry.server.passwords import Passwords
from dockerkit.daemon.registry.server.pulls import Pulls, Upstream
from dockerkit.daemon.registry.server.pushes import Pushes
from dockerkit.daemon.registry.server.refusals import Refusal
from dockerkit.daemon.registry.server.router import WRITING, route, target
from dockerkit.daemon.registry.server.shelves import Shelves
from dockerkit.errors import DockerkitError

log = logging.getLogger(__name__)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a registry permits.

    :param passwords: None lets everybody in.
    :param read_only: nothing is pushed or deleted.
    :param grace: seconds that what nobody needs is spared.
    """

    passwords: Passwords | None = None
    read_only: bool = False
    grace: float = GRACE


class Registry:
    """Answers requests, on many threads.

    :param upstream: stood in for; then nothing is pushed or deleted either.
    """

    def __init__(self, shelves: Shelves, rules: Rules, upstream: Upstream | None = None) -> None:
        self._rules = rules
        self._frozen = rules.read_only or upstream is not None
        pushes = Pushes(shelves)
        self.collector = Collector(shelves, pushes.uploads, rules.grace)
        self._verbs = {
            "pulls": Pulls(shelves, upstream),
            "pushes": pushes,
            "discovery": Discovery(shelves, upstream),
            "deletes": Deletes(shelves, self.collector.soon),
        }

    def answer(self, head: h11.Request, body: Body) -> Reply:
        """Return the answer to a request.

        :raises ConnectionError: the client went, or sent nonsense, in the middle of its body.
        :raises TimeoutError: it stopped sending.
        """
        method = head.method.decode("ascii", "replace")
        try:
            path, query = target(head.target.decode("ascii", "replace"))
            reply = self._act(Asked(method, path, query, _headers(head), body))
        except Refusal as refusal:
            reply = refused(refusal)
        except (ConnectionError, TimeoutError):
            raise
        except OSError as error:
            reply = refused(_failed(error))
        except DockerkitError as error:
            log.warning("%s %s: %s", method, head.target, error)
            reply = refused(Refusal("UNKNOWN", error.message))
        except Exception:
            log.exception("%s %s", method, head.target)
            reply = refused(Refusal("UNKNOWN"))
        log.info("%s %s %d", method, head.target.decode("ascii", "replace")[:500], reply.status)
        return reply

    def _act(self, asked: Asked) -> Reply:
        if asked.path == "/v2" or asked.path.startswith("/v2/"):
            self._admit(asked)
        verb, named = route(asked.method, asked.path)
        noun, _, act = verb.partition(".")
        if noun in WRITING and self._frozen:
            raise Refusal("UNSUPPORTED", "this registry is read-only", headers=[("Allow", "GET, HEAD")])
        reply: Reply = getattr(self._verbs[noun], act)(asked, **named)
        return reply

    def _admit(self, asked: Asked) -> None:
        if self._rules.passwords is not None:
            self._rules.passwords.check(asked.headers.get("authorization", ""))


def _headers(head: h11.Request) -> dict[str, str]:
    return {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}


def _failed(error: OSError) -> Refusal:
    if error.errno in _FULL:
        log.error("no room: %s", error)
        return Refusal("UNAVAILABLE", f"no room: {error.strerror}", headers=[("Retry-After", "60")])
    log.error("the store failed: %s", error)
    return Refusal("UNKNOWN", "the store failed")
