"""One engine at the other end: who it is, which API version to speak, and requests in JSON.

The only place that puts the version in a path, and the only one that knows whether our extensions are offered. Knows no nouns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from dockerkit.client.endpoint import Endpoint
from dockerkit.client.transport.failures import refusal, stream_failure
from dockerkit.client.transport.http import Body, RawStream, Response
from dockerkit.client.transport.pool import Pool, Transport
from dockerkit.errors import Unsupported
from dockerkit.schema.endpoint import API_VERSION, EXTENSIONS, version_tuple
from dockerkit.schema.wire import encode

JSON = [("Content-Type", "application/json")]
Value = str | int | bool | Sequence[str] | None
"""What a parameter may be: None and False are not said, a list is said value by value."""
Query = Mapping[str, Value]


@dataclass(frozen=True)
class Identity:
    """Which API version is spoken, and where our extensions are ("" on a foreign engine)."""

    api_version: str
    extensions: str


class Engine:
    """Requests to one engine.

    :param timeout: seconds to wait for an ordinary answer; what lasts (wait, attach, pull) says so itself.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout: float | None = 60,
        api_version: str | None = None,
        transport: Transport | None = None,
    ) -> None:
        self.url = endpoint.url
        self.local = endpoint.local
        self.timeout = timeout
        self.transport: Transport = transport or Pool(endpoint.url, endpoint.dial, host=endpoint.host)
        self._api_version = api_version
        # Our own daemon at home is of our version unless it says otherwise: a round trip saved for every short program.
        self._identity = Identity(api_version or API_VERSION, EXTENSIONS) if endpoint.own else None

    @property
    def identity(self) -> Identity:
        """Who answers; asked once, with ``GET /version``, which holds all that ``/_ping`` says."""
        if self._identity is None:
            with self.transport.request("GET", "/version", timeout=self.timeout) as answer:
                body = answer.read()
                if answer.status >= 400:
                    raise refusal(answer.status, body, asked="GET /version", url=self.url)
            self._identity = _identity(msgspec.json.decode(body), self._api_version)
        return self._identity

    @property
    def foreign(self) -> bool:
        """True for engines that do not offer our extensions: Docker, Podman."""
        return not self.identity.extensions

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        json: Any = None,
        content: Body = b"",
        headers: list[tuple[str, str]] | None = None,
        timeout: float | None = -1,
    ) -> Response:
        """Send a request; return the answer, its body unread.

        :param path: without the version; ``/dockerkit/…`` paths have none.
        :param content: the body, when it is not JSON.
        :raises DockerkitError: the engine refused (by class), or could not be reached.
        """
        body = content if json is None else encode(json)
        sent = [*(headers or []), *(JSON if json is not None else [])]
        wait = self.timeout if timeout == -1 else timeout
        answer = self.transport.request(method, self._target(path, query), headers=sent, body=body, timeout=wait)
        if answer.status == 400 and isinstance(body, bytes) and self._spoke_too_new(answer):
            answer.close()
            answer = self.transport.request(method, self._target(path, query), headers=sent, body=body, timeout=wait)
        return self._accepted(answer, f"{method} {path}")

    def get(self, path: str, **query: str | int | bool | None) -> Any:
        """GET; return the answer's JSON as dicts and lists."""
        return msgspec.json.decode(self.call("GET", path, query=query).read())

    def post(
        self, path: str, *, json: Any = None, headers: list[tuple[str, str]] | None = None, **query: str | int | bool | None
    ) -> bytes:
        """POST; return the answer's body."""
        return self.call("POST", path, query=query, json=json, headers=headers).read()

    def json(self, method: str, path: str, **query: str | int | bool | None) -> Any:
        """Send a request; return the answer's JSON."""
        return msgspec.json.decode(self.call(method, path, query=query).read())

    def delete(self, path: str, **query: str | int | bool | None) -> bytes:
        """DELETE; return the answer's body."""
        return self.call("DELETE", path, query=query).read()

    def messages(
        self,
        path: str,
        *,
        query: Query | None = None,
        json: Any = None,
        content: Body = b"",
        headers: list[tuple[str, str]] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """POST; yield the JSON messages of the answer as they come; there is no limit of time.

        :param content: the body, when it is not JSON.
        :raises DockerkitError: the stream ended with an error.
        """
        with self.call("POST", path, query=query, json=json, content=content, headers=headers, timeout=None) as answer:
            for message in documents(answer):
                if "error" in message or "errorDetail" in message:
                    raise stream_failure(message)
                yield message

    def follow(self, path: str, **query: str | int | bool | None) -> Response:
        """GET what goes on: the answer's head in the ordinary time, then each piece whenever it comes."""
        answer = self.call("GET", path, query=query)
        answer.patience(None)
        return answer

    def upgrade(
        self,
        path: str,
        *,
        json: Any = None,
        headers: list[tuple[str, str]] | None = None,
        **query: str | int | bool | None,
    ) -> RawStream:
        """POST and leave HTTP; return the raw stream, its socket without a time limit."""
        body = b"" if json is None else encode(json)
        sent = [*(headers or []), *(JSON if json is not None else [])]
        answer = self.transport.upgrade(self._target(path, query), headers=sent, body=body, timeout=self.timeout)
        if isinstance(answer, Response):
            self._accepted(answer, f"POST {path}").close()
            raise Unsupported(f"POST {path}: the engine at {self.url} does not upgrade connections")
        answer.socket.settimeout(None)
        return answer

    def extension(self, path: str, *, word: str) -> str:
        """Return the path of one of our extensions.

        :param word: what the caller wanted, for the message.
        :raises Unsupported: a foreign engine.
        """
        if self.foreign:
            raise Unsupported(f"{word} is dockerkit's own and not offered by the engine at {self.url}")
        return self.identity.extensions + path

    def _target(self, path: str, query: Query | None) -> str:
        prefix = "" if path.startswith("/dockerkit/") else f"/v{self._api_version or self.identity.api_version}"
        said = {key: _text(value) for key, value in (query or {}).items() if value is not None and value is not False}
        return f"{prefix}{path}?{urlencode(said, doseq=True)}" if said else prefix + path

    def _spoke_too_new(self, answer: Response) -> bool:
        """Notice an older daemon than was assumed, and speak its version from now on."""
        theirs = answer.headers.get("api-version", "")
        spoken = self.identity
        if self._api_version or not theirs or version_tuple(theirs) >= version_tuple(spoken.api_version):
            return False
        self._identity = Identity(theirs, spoken.extensions)
        return True

    def _accepted(self, answer: Response, asked: str) -> Response:
        if answer.status < 400:
            return answer
        with answer:
            raise refusal(answer.status, answer.read(), asked=asked, url=self.url)


def segment(name: str) -> str:
    """Return a name as part of a path: quoted, so that no name can reach another route."""
    return quote(name, safe=":@")


def image_segment(name: str) -> str:
    """Return an image's name as part of a path; its slashes stay, as Docker's routes expect."""
    return quote(name, safe=":@/")


def _text(value: Value) -> str | list[str]:
    if isinstance(value, (list, tuple)):
        return [str(each) for each in value]
    return "1" if value is True else str(value)


def _identity(version: dict[str, Any], wanted: str | None) -> Identity:
    theirs = version.get("ApiVersion") or API_VERSION
    spoken = wanted or min(API_VERSION, theirs, key=version_tuple)
    ours = (c.get("Details") or {} for c in version.get("Components") or [] if c.get("Name") == "dockerkit")
    return Identity(spoken, next((str(details.get("Extensions") or "") for details in ours), ""))


def documents(pieces: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the documents of a stream with one on each line."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from (msgspec.json.decode(line) for line in lines if line.strip())
    if rest.strip():
        yield msgspec.json.decode(rest)
