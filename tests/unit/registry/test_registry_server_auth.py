"""Who may, over what, and what a registry that is read-only refuses."""

from __future__ import annotations

import base64
import contextlib
import os
import pathlib
import ssl
import urllib.error
import urllib.request

import bcrypt
import pytest

from dockerkit.daemon.registry.server import certificate, passwords
from dockerkit.daemon.registry.server.passwords import Passwords
from dockerkit.daemon.registry.server.refusals import Refusal
from dockerkit.errors import Invalid
from tests.unit.registry.ourregistry import OurRegistry, digest_of, manifest_of
from tests.unit.registry.selfsigned import Authority, server_context

LONG = "p" * 100


def line(user: str, password: str) -> str:
    return f"{user}:{bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode().replace('$2b$', '$2y$')}\n"


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    made = tmp_path / "htpasswd"
    made.write_text("# who may\n\n" + line("alice", "se:cret") + line("long", LONG))
    return made


def test_login_is_asked_for_and_basic(file: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with OurRegistry(tmp_path / "r", passwords=Passwords(str(file))) as ours:
        for path in ("/v2/", "/v2/shop/manifests/1", "/v2/../x/tags/list", "/v2/nonsense"):
            answered = ours.ask("GET", path)
            assert (answered.status, answered.code) == (401, "UNAUTHORIZED")
            assert answered.headers["WWW-Authenticate"] == 'Basic realm="dockerkit registry"'
        assert ours.ask("GET", "/v2/", Authorization=basic("alice:se:cret")).status == 200
        assert ours.ask("GET", "/v2/", Authorization=basic(f"long:{LONG}")).status == 200


@pytest.mark.parametrize(
    "header",
    [
        basic("alice:wrong"),
        basic("nobody:se:cret"),
        basic("alice"),
        basic(":"),
        basic("alice:\0"),
        "Basic !!!",
        "Basic",
        "Bearer " + basic("alice:se:cret")[6:],
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
    ],
)
def test_wrong_login_is_401(file: pathlib.Path, tmp_path: pathlib.Path, header: str) -> None:
    with OurRegistry(tmp_path / "r", passwords=Passwords(str(file))) as ours:
        assert ours.ask("GET", "/v2/", Authorization=header).status == 401


def test_changed_password_counts_at_once(file: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with OurRegistry(tmp_path / "r", passwords=Passwords(str(file))) as ours:
        assert ours.ask("GET", "/v2/", Authorization=basic("alice:se:cret")).status == 200
        fresh = file.with_suffix(".new")
        fresh.write_text(line("alice", "another"))
        os.rename(fresh, file)
        assert ours.ask("GET", "/v2/", Authorization=basic("alice:se:cret")).status == 401
        assert ours.ask("GET", "/v2/", Authorization=basic("alice:another")).status == 200


def test_right_password_is_computed_once(file: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checker = Passwords(str(file))
    assert checker.check(basic("alice:se:cret")) == "alice"
    monkeypatch.setattr(passwords, "_fits", lambda *_: pytest.fail("bcrypt is slow on purpose"))
    assert checker.check(basic("alice:se:cret")) == "alice"


def test_name_that_nobody_has_takes_as_long_as_one_that_somebody_has(
    file: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bcrypt's cost is in the hash: one of another cost would tell, by the time it takes, which names there are."""
    costs = []
    monkeypatch.setattr(passwords, "_fits", lambda _, hashed: costs.append(hashed.split(b"$")[2]))
    for user in ("alice", "nobody"):
        with pytest.raises(Refusal):
            Passwords(str(file)).check(basic(f"{user}:wrong"))
    assert costs == [b"04", b"04"]


@pytest.mark.parametrize("text", ["alice:plain", "alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "nonsense", ":$2y$05$x"])
def test_password_file_of_another_kind_is_refused(tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / "htpasswd").write_text(text)
    with pytest.raises(Invalid, match="line 1"):
        Passwords(str(tmp_path / "htpasswd"))
    with pytest.raises(Invalid, match="cannot be read"):
        Passwords(str(tmp_path / "none"))


def test_read_only_registry_refuses_to_change(tmp_path: pathlib.Path) -> None:
    with OurRegistry(tmp_path) as ours:
        digest = ours.push_image("shop", "1", b"layer")
    with OurRegistry(tmp_path, read_only=True) as ours:
        assert ours.ask("GET", "/v2/shop/manifests/1").status == 200
        for method, path in (
            ("POST", "/v2/shop/blobs/uploads/"),
            ("PUT", "/v2/shop/manifests/2"),
            ("DELETE", f"/v2/shop/manifests/{digest}"),
            ("DELETE", f"/v2/shop/blobs/{digest_of(b'layer')}"),
        ):
            answered = ours.ask(method, path, manifest_of(b"{}"))
            assert (answered.status, answered.code) == (405, "UNSUPPORTED")


def test_tls(tmp_path: pathlib.Path) -> None:
    authority = Authority(tmp_path / "authority")
    blob = os.urandom(3_000_000)
    with OurRegistry(tmp_path / "r") as plain:
        digest = plain.push_blob("shop", blob)
    with OurRegistry(tmp_path / "r", context=server_context(authority)) as ours:
        trusting = ssl.create_default_context(cafile=str(authority.certificate))
        with urllib.request.urlopen(f"https://{ours.address}/v2/shop/blobs/{digest}", context=trusting) as answer:
            assert answer.read() == blob
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(f"http://{ours.address}/v2/")
        with ours.raw() as hasty:
            hasty.sendall(b"\x16nonsense" * 100)
            with contextlib.suppress(ConnectionResetError):  # that is an answer, too
                hasty.recv(1000)
        assert urllib.request.urlopen(f"https://{ours.address}/v2/", context=trusting).status == 200


def test_certificate_of_its_own_is_its_own_authority(tmp_path: pathlib.Path) -> None:
    made, key = certificate.make(str(tmp_path), "registry.example")
    assert os.stat(key).st_mode & 0o777 == 0o600
    with OurRegistry(tmp_path / "r", context=certificate.context(made, key)) as ours:
        trusting = ssl.create_default_context(cafile=made)
        for host in ("127.0.0.1", "localhost"):
            assert urllib.request.urlopen(f"https://{host}:{ours.port}/v2/", context=trusting).status == 200
    with pytest.raises(Invalid, match="cannot be used"):
        certificate.context(made, made)
