"""A conversation with one place of one registry, on behalf of one user: logs in when asked to, tries again when that may help.

Credentials are shown to the place itself and to the token service it names; to a service without TLS only where the registry
may be spoken to without TLS too. Never decides what an answer means for the verb.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterable, Mapping
from dataclasses import replace

from dockerkit.daemon.registry import challenges as asked
from dockerkit.daemon.registry.answer import Answer
from dockerkit.daemon.registry.breaks import Broken, Garbled, NoCredentials, Refused, Untrusted
from dockerkit.daemon.registry.challenges import Challenge
from dockerkit.daemon.registry.contract import Credentials
from dockerkit.daemon.registry.endpoints import Endpoint
from dockerkit.daemon.registry.errand import Errand
from dockerkit.daemon.registry.following import follow, origin
from dockerkit.daemon.registry.refusals import read_refusal, shown
from dockerkit.daemon.registry.settings import Settings
from dockerkit.daemon.registry.tokens import Tokens, basic, check_realm
from dockerkit.daemon.registry.wire import Request, Wire

_LONGEST_BACKOFF = 10.0
_TEMPORARY = (408, 429, 500, 502, 503, 504)


class Session:
    """Requests to one endpoint. Thread-safe: a pull's threads share it.

    :param challenges: what the registry asked for when it was greeted.
    """

    def __init__(
        self,
        wire: Wire,
        endpoint: Endpoint,
        *,
        challenges: list[Challenge],
        credentials: Credentials | None,
        tokens: Tokens,
        errand: Errand,
        settings: Settings,
    ) -> None:
        self.wire = wire
        self.endpoint = endpoint
        self.challenges = challenges
        self._credentials = Credentials() if credentials is None or endpoint.mirror else credentials
        self._tokens = tokens
        self.errand = errand
        self.settings = settings

    def during(self, errand: Errand) -> Session:
        """Return the same session for another errand."""
        other = copy.copy(self)
        other.errand = errand
        return other

    def url(self, path: str) -> str:
        """Return the URL of a path beneath ``/v2/``; a URL stays as it is."""
        return path if path.startswith(("http://", "https://")) else f"{self.endpoint.base}/v2/{path}"

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        scopes: Iterable[str] = (),
        expect: tuple[int, ...] = (200,),
    ) -> Answer:
        """Send a request until there is an answer that counts, and return it.

        :param expect: the statuses that are returned; any other is raised.
        :raises Refused: another status, after as many attempts as the settings say where it may be a passing one.
        :raises Broken: no answer, after as many attempts.
        """
        request = Request(method, self.url(path), headers or {}, body)
        for attempt in range(1, self.settings.attempts + 1):
            try:
                return self.once(request, scopes=scopes, expect=expect)
            except (Broken, Refused) as error:
                if not self.worth_another(attempt, error):
                    raise
                self.wait(attempt, error.retry_after)
        raise AssertionError("the last attempt returns or raises")

    def once(self, request: Request, *, scopes: Iterable[str] = (), expect: tuple[int, ...] = (200,)) -> Answer:
        """Send a request once (twice, when it must log in first) and return an answer that counts.

        :raises Refused: another status.
        :raises Broken: no answer, in words that start with the request.
        """
        try:
            answer = self._authorized(request, asked.merge_scopes(scopes))
        except Broken as broken:
            self.errand.check()
            raise type(broken)(f"{shown(request.method, request.url)}: {broken}") from None
        if answer.status in expect:
            return answer
        with answer:
            raise read_refusal(answer, self.settings.document_within)

    def worth_another(self, attempt: int, error: Broken | Refused) -> bool:
        """Tell whether another attempt may end better: a passing failure, and attempts left."""
        if attempt >= self.settings.attempts or isinstance(error, Untrusted | Garbled):
            return False
        if isinstance(error, Refused):
            return error.status in _TEMPORARY and (error.retry_after or 0) <= self.settings.patience
        return True

    def wait(self, attempt: int, asked_for: float | None = None) -> None:
        """Pause before the next attempt: as long as the registry asked, else twice as long as last time, give or take."""
        backoff = min(self.settings.backoff * 2.0 ** (attempt - 1), _LONGEST_BACKOFF) * random.uniform(0.5, 1.0)  # noqa: S311
        self.errand.pause(backoff if asked_for is None else asked_for)

    def _authorized(self, request: Request, scopes: tuple[str, ...]) -> Answer:
        """Send with what the greeting asked for; when that is refused, with what the refusal asks for."""
        if origin(request.url) != origin(self.endpoint.base):
            return follow(self.wire, request, self.errand)
        shown_first = self._authorization(request, self.challenges, scopes, refused="")
        answer = self._send(request, shown_first)
        if answer.status != 401 or not request.repeatable:
            return answer
        wanted = asked.parse(answer.headers("WWW-Authenticate"))
        with answer:
            refusal = read_refusal(answer, self.settings.document_within)
        if _final(wanted, scopes) and shown_first:
            raise refusal
        shown_next = self._authorization(request, wanted, scopes, refused=shown_first)
        if not shown_next or shown_next == shown_first:
            raise refusal
        self.challenges = wanted
        return self._send(request, shown_next)

    def _send(self, request: Request, authorization: str) -> Answer:
        headers = {**request.headers, "Authorization": authorization} if authorization else request.headers
        return follow(self.wire, replace(request, headers=headers), self.errand, self.endpoint)

    def _authorization(self, request: Request, wanted: list[Challenge], scopes: tuple[str, ...], refused: str) -> str:
        """Return the header value that answers the first challenge we can answer; ``""`` when nothing was asked."""
        if self._credentials.registry_token:
            return f"Bearer {self._credentials.registry_token}"
        for challenge in wanted:
            if challenge.scheme == "bearer":
                return self._bearer(request, challenge, scopes, refused)
            if challenge.scheme == "basic":
                if not self._credentials.username:
                    raise NoCredentials(shown(request.method, request.url))
                return basic(self._credentials)
        return ""

    def _bearer(self, request: Request, challenge: Challenge, scopes: tuple[str, ...], refused: str) -> str:
        wider = asked.merge_scopes((*scopes, challenge["scope"]))
        credentials = self.credentials_for(challenge)
        try:
            token = self._tokens.get(challenge, wider, credentials, self.send_outside, unless=refused.removeprefix("Bearer "))
        except Refused as no:
            words = no.words if no.code == "DENIED" else f"{shown(request.method, request.url)}: {no.words}"
            raise Refused(no.status, no.code, words, retry_after=no.retry_after) from None
        return f"Bearer {token.value}"

    def credentials_for(self, challenge: Challenge) -> Credentials:
        """Return what may be shown to a token service.

        :raises Garbled: it has no TLS where the registry has it, and there is something to hide.
        """
        realm = check_realm(challenge)
        place = self.wire.place(realm)
        if self._credentials and place.scheme == "http" and not place.insecure and self.endpoint.scheme == "https":
            raise Garbled(f"the token service {realm} has no TLS: it is shown no credential")
        return self._credentials

    def send_outside(self, request: Request) -> Answer:
        """Send a request to another place, with nothing of ours added."""
        return follow(self.wire, request, self.errand)


def _final(wanted: list[Challenge], scopes: tuple[str, ...]) -> bool:
    """Tell whether a token for all that is wanted was shown already: the user may not do this."""
    return any(
        challenge["error"] == "insufficient_scope" and asked.merge_scopes((*scopes, challenge["scope"])) == scopes
        for challenge in wanted
    )
