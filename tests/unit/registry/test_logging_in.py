"""Tokens, passwords, certificates: shown to whom they are for, and to nobody else; never in a text."""

from __future__ import annotations

import base64
import json
import logging
import pathlib
import urllib.parse
from collections.abc import Callable

import pytest

from dockerkit.daemon.images.store import Store
from dockerkit.daemon.registry.challenges import merge_scopes, parse
from dockerkit.daemon.registry.client import RegistryClient
from dockerkit.daemon.registry.contract import Credentials, Unauthorized, Unreachable
from dockerkit.errors import Damaged, NotFound, Unavailable
from dockerkit.schema.names import parse_reference
from tests.unit.registry.badregistry import Asked, BadRegistry, digest_of
from tests.unit.registry.caller import Caller
from tests.unit.registry.selfsigned import Authority, server_context

ALICE = Credentials("alice", "s3cr3t-passw0rd")


class TokenService:
    """Guards a registry with tokens: the newest one it gave counts."""

    def __init__(self, registry: BadRegistry, service: BadRegistry, *, anonymous: bool = False) -> None:
        self.registry, self.anonymous = registry, anonymous
        self.given: list[str] = []
        self.asked: list[dict[str, list[str]]] = []
        self.challenge = f'Bearer realm="{service.url}/token",service="svc"'
        service.routes["GET /token"] = self.by_query
        service.routes["POST /token"] = self.by_form
        inner = registry._act
        registry._act = lambda asked: self.guard(asked, inner)  # type: ignore[method-assign]

    def guard(self, asked: Asked, inner: Callable[[Asked], None]) -> None:
        if asked.path == "/token" or (self.given and asked.headers.get("authorization") == f"Bearer {self.given[-1]}"):
            return inner(asked)
        scope = f',scope="repository:{asked.path.split("/")[2]}:pull"' if asked.path != "/v2/" else ""
        return asked.error(401, "UNAUTHORIZED", "authentication required", WWW_Authenticate=self.challenge + scope)

    def by_query(self, asked: Asked) -> None:
        self.asked.append(urllib.parse.parse_qs(asked.query))
        expected = "Basic " + base64.b64encode(f"{ALICE.username}:{ALICE.password}".encode()).decode()
        if asked.headers.get("authorization") == expected or (self.anonymous and "authorization" not in asked.headers):
            return self.give(asked)
        return asked.answer(401, json.dumps({"details": "incorrect username or password"}).encode())

    def by_form(self, asked: Asked) -> None:
        form = urllib.parse.parse_qs(asked.body.decode())
        self.asked.append(form)
        if form["refresh_token"] == ["stays-logged-in"]:
            return self.give(asked)
        return asked.error(401, "UNAUTHORIZED", "bad refresh token")

    def give(self, asked: Asked) -> None:
        self.given.append(f"token-{len(self.given)}")
        answer = {"token": self.given[-1], "expires_in": 300, "refresh_token": "stays-logged-in"}
        asked.answer(200, json.dumps(answer).encode())


def test_token_is_fetched_once_for_a_whole_pull(bad: BadRegistry, another: BadRegistry, caller: Caller) -> None:
    bad.image("shop", b"one", b"two")
    service = TokenService(bad, another)
    caller.pull(f"{bad.name}/shop:1", credentials=ALICE)
    caller.pull(f"{bad.name}/shop:1", credentials=ALICE)
    assert len(service.given) == 1
    assert service.asked[0]["scope"] == ["repository:shop:pull"]
    assert service.asked[0]["service"] == ["svc"]


def test_token_that_expires_meanwhile_is_replaced(bad: BadRegistry, another: BadRegistry, caller: Caller) -> None:
    bad.image("shop", b"one")
    service = TokenService(bad, another, anonymous=True)
    caller.pull(f"{bad.name}/shop:1")
    service.given.append("revoked-all-others")
    caller.pull(f"{bad.name}/shop:1")
    assert len(service.given) == 3


def test_identity_token_goes_by_post(bad: BadRegistry, another: BadRegistry, caller: Caller) -> None:
    bad.image("shop", b"one")
    service = TokenService(bad, another)
    caller.pull(f"{bad.name}/shop:1", credentials=Credentials(identity_token="stays-logged-in"))
    assert service.asked[0]["grant_type"] == ["refresh_token"]


def test_login_returns_what_to_keep(bad: BadRegistry, another: BadRegistry, hurried: RegistryClient) -> None:
    service = TokenService(bad, another)
    answer = hurried.login(bad.name, ALICE)
    assert (answer.status, answer.identity_token) == ("Login Succeeded", "stays-logged-in")
    assert service.asked[0]["offline_token"] == ["true"]
    with pytest.raises(Unauthorized) as caught:
        hurried.login(f"http://{bad.name}/v1/", Credentials("alice", "wr0ng"))
    assert caught.value.message == f'Get "http://{bad.name}/v2/": unauthorized: incorrect username or password'


def test_login_with_a_password(bad: BadRegistry, hurried: RegistryClient) -> None:
    expected = "Basic " + base64.b64encode(f"{ALICE.username}:{ALICE.password}".encode()).decode()

    def guard(asked: Asked) -> None:
        if asked.headers.get("authorization") == expected:
            return asked.answer(200, b"{}")
        return asked.error(401, "UNAUTHORIZED", "authentication required", WWW_Authenticate='Basic realm="x"')

    bad.routes["GET /v2/"] = guard
    assert hurried.login(bad.name, ALICE).status == "Login Succeeded"
    with pytest.raises(Unauthorized) as caught:
        hurried.login(bad.name, Credentials("alice", "wr0ng"))
    assert caught.value.message == f"login attempt to http://{bad.name}/v2/ failed with status: 401 Unauthorized"


def test_pull_without_login_says_so_in_dockerds_words(bad: BadRegistry, caller: Caller) -> None:
    refuse = lambda asked: asked.error(401, "UNAUTHORIZED", "authentication required", WWW_Authenticate='Basic realm="x"')  # noqa: E731
    bad.routes["GET /v2/"] = bad.routes["HEAD /v2/shop/manifests/1"] = bad.routes["GET /v2/shop/manifests/1"] = refuse
    with pytest.raises(Unauthorized) as caught:
        caller.pull(f"{bad.name}/shop:1")
    assert caught.value.message == f'Head "http://{bad.name}/v2/shop/manifests/1": no basic auth credentials'
    assert f"dockerkit login {bad.name}" in caught.value.hint
    with pytest.raises(Unauthorized) as caught:
        caller.pull(f"{bad.name}/shop:1", credentials=ALICE)
    assert caught.value.message == "unauthorized: authentication required"


def test_denied_pull_in_dockerds_words(bad: BadRegistry, caller: Caller) -> None:
    denied = lambda asked: asked.error(403, "DENIED", "requested access to the resource is denied")  # noqa: E731
    bad.routes["HEAD /v2/shop/manifests/1"] = bad.routes["GET /v2/shop/manifests/1"] = denied
    with pytest.raises(NotFound) as caught:
        caller.pull(f"{bad.name}/shop:1")
    assert caught.value.message == (
        f"pull access denied for {bad.name}/shop, repository does not exist or may require 'docker login': "
        "denied: requested access to the resource is denied"
    )


def test_redirect_takes_no_credential_along(bad: BadRegistry, another: BadRegistry, caller: Caller) -> None:
    bad.image("shop", b"one")
    another.blob("shop", b"one")
    path = f"/v2/shop/blobs/{digest_of(b'one')}"
    challenge = lambda asked: asked.answer(401, WWW_Authenticate='Basic realm="x"')  # noqa: E731
    bad.routes["GET /v2/"] = challenge
    bad.routes[f"GET {path}"] = lambda asked: asked.answer(307, Location=f"{another.url}{path}?signature=abc")
    caller.pull(f"{bad.name}/shop:1", credentials=ALICE)
    assert [asked.headers.get("authorization") for asked in another.requests] == [None]
    assert [asked for asked in bad.requests if "authorization" in asked.headers]


def test_no_secret_is_ever_written(
    bad: BadRegistry, another: BadRegistry, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    TokenService(bad, another)
    texts = [repr(ALICE), str(ALICE), repr(Credentials(identity_token="stays-logged-in"))]
    wrong = Credentials("alice", "wr0ng-passw0rd")
    with pytest.raises(Exception, match="incorrect username or password") as caught:
        caller.pull(f"{bad.name}/shop:1", credentials=wrong)
    texts += [str(caught.value), repr(caught.value), caplog.text, repr(caller.messages)]
    for secret in (ALICE.password, wrong.password, "stays-logged-in", base64.b64encode(b"alice:wr0ng-passw0rd").decode()):
        assert not [text for text in texts if secret in text]


def test_challenges_of_every_shape() -> None:
    assert [
        c.scheme for c in parse(['Basic realm="a, b", Bearer realm="https://x/y?z=1",service=s,scope="a:b:pull,push"'])
    ] == [
        *("basic", "bearer"),
    ]
    bearer = parse(['Bearer realm="https://x/y",scope="a b\\"c"', "Negotiate"])
    assert bearer[0]["scope"] == 'a b"c'
    assert bearer[1].scheme == "negotiate"
    assert parse(["", ",,,", "=="]) == []


def test_scopes_that_arrive_twice_are_one() -> None:
    assert merge_scopes(["repository:a/b:pull", "repository:a/b:pull,push repository:c:pull", ""]) == (
        "repository:a/b:pull,push",
        "repository:c:pull",
    )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def test_tls_of_an_unknown_authority_is_refused_where_it_matters(
    authority: Authority, make_client: Callable[..., RegistryClient], tmp_path: pathlib.Path
) -> None:
    secure = BadRegistry(tls=server_context(authority))
    directory = tmp_path / "certs.d" / secure.name
    try:
        secure.image("shop", b"one")
        Caller(make_client(), Store(str(tmp_path / "a"))).pull(
            f"{secure.name}/shop:1"
        )  # loopback: as dockerd, no certificate asked
        directory.mkdir(parents=True)
        (directory / "ca.crt").write_bytes(Authority(tmp_path / "other").certificate.read_bytes())
        strict = make_client(certificates=(str(tmp_path / "certs.d"),))
        with pytest.raises(Unavailable, match="x509") as caught:
            Caller(strict, Store(str(tmp_path / "b"))).pull(f"{secure.name}/shop:1")
        assert not isinstance(caught.value, Unreachable)
        assert "certs.d" in caught.value.hint
        (directory / "ca.crt").write_bytes(authority.certificate.read_bytes())
        (directory / "more.crt").write_bytes(authority.certificate.read_bytes())
        Caller(strict, Store(str(tmp_path / "b"))).pull(f"{secure.name}/shop:1")
    finally:
        secure.close()


def test_client_certificate_is_shown(
    authority: Authority, make_client: Callable[..., RegistryClient], tmp_path: pathlib.Path
) -> None:
    secure = BadRegistry(tls=server_context(authority, ask_clients=True))
    directory = tmp_path / "certs.d" / secure.name
    directory.mkdir(parents=True)
    (directory / "ca.crt").write_bytes(authority.certificate.read_bytes())
    strict = make_client(certificates=(str(tmp_path / "certs.d"),), attempts=1)
    try:
        secure.image("shop", b"one")
        with pytest.raises(Unavailable, match=r"tls|EOF|reset"):
            Caller(strict, Store(str(tmp_path / "a"))).pull(f"{secure.name}/shop:1")
        pair = authority.issue("alice")
        (directory / "client.cert").write_bytes(pair.certificate.read_bytes())
        with pytest.raises(Unavailable, match=r"missing key client\.key for client certificate"):
            Caller(strict, Store(str(tmp_path / "a"))).pull(f"{secure.name}/shop:1")
        (directory / "client.key").write_bytes(pair.key.read_bytes())
        Caller(strict, Store(str(tmp_path / "a"))).pull(f"{secure.name}/shop:1")
    finally:
        secure.close()


def test_redirect_from_https_to_http_is_refused(
    authority: Authority, bad: BadRegistry, hurried: RegistryClient, store: Store
) -> None:
    secure = BadRegistry(tls=server_context(authority))
    try:
        secure.image("shop", b"one")
        path = f"/v2/shop/blobs/{digest_of(b'one')}"
        secure.routes[f"GET {path}"] = lambda asked: asked.answer(307, Location=f"{bad.url}{path}")
        with pytest.raises(Damaged, match="redirected from https to http"):
            Caller(hurried, store).pull(f"{secure.name}/shop:1")
        assert not bad.seen
    finally:
        secure.close()


def test_describe_says_what_it_is_and_for_whom(bad: BadRegistry, hurried: RegistryClient) -> None:
    inner = bad.image("shop", b"one", tag="one")
    top = bad.index("shop", inner, tag="all")
    found = hurried.describe(parse_reference(f"{bad.name}/shop:all"))
    assert (found.descriptor.digest, [one.architecture for one in found.platforms]) == (top.digest, ["amd64"])
    assert hurried.describe(parse_reference(f"{bad.name}/shop:one")).platforms[0].os == "linux"
    with pytest.raises(NotFound) as caught:
        hurried.describe(parse_reference(f"{bad.name}/shop:none"))
    assert caught.value.message == "manifest unknown: manifest unknown"
