"""Logins: read as docker writes them, written so that docker reads them, and never in a text that somebody sees."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import stat
from typing import Any

import pytest
from pretendengine import Answer, PretendEngine, ordinary

from dockerkit import errors
from dockerkit.client import credentials_file as files
from dockerkit.client.client import Client
from dockerkit.client.credentials import ANONYMOUS, HUB, Login, key_of, shown_to, stored_login
from dockerkit.client.credentials_helper import Helper
from dockerkit.client.credentials_store import Store

SECRET = "s3cr:et"
AUTH = base64.b64encode(f"alice:{SECRET}".encode()).decode()


@pytest.fixture
def path(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.delenv("DOCKER_AUTH_CONFIG", raising=False)
    (tmp_path / "docker").mkdir()
    return tmp_path / "docker" / "config.json"


@pytest.fixture
def helper(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Install a credential helper that does what a shell script says."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def install(script: str, name: str = "ring") -> pathlib.Path:
        program = tmp_path / f"docker-credential-{name}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return tmp_path

    return install


@pytest.mark.parametrize(
    "registry", ["", "docker.io", "index.docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"]
)
def test_the_hub_has_dockers_key(registry: str) -> None:
    assert key_of(registry) == HUB


@pytest.mark.parametrize(
    "registry", ["reg.example.org:5000", "https://reg.example.org:5000", "http://reg.example.org:5000/v1/"]
)
def test_other_registries_are_kept_by_host(registry: str) -> None:
    assert key_of(registry) == "reg.example.org:5000"


def test_a_login_shows_no_secret() -> None:
    login = Login("reg", "alice", SECRET, "token", "bearer")
    for text in (repr(login), str(login), f"{login}", repr([login])):
        assert not any(secret in text for secret in (SECRET, "token", "bearer", "alice"))


def test_the_header_is_url_safe_base64_of_dockers_document() -> None:
    name, value = Login("reg", "alice", "\xff?>" * 5).header()
    assert name == "X-Registry-Auth"
    assert not set(value) & set("+/")
    assert json.loads(base64.urlsafe_b64decode(value)) == {
        "username": "alice",
        "password": "\xff?>" * 5,
        "serveraddress": "reg",
    }


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ({"auth": AUTH}, Login("reg", "alice", SECRET)),
        ({"auth": AUTH, "identitytoken": "t"}, Login("reg", "alice", SECRET, "t")),
        ({"identitytoken": "t"}, Login("reg", identity_token="t")),
        ({"username": "alice", "password": SECRET}, Login("reg", "alice", SECRET)),
        ({}, None),
    ],
)
def test_entries_of_the_file(path: pathlib.Path, entry: dict[str, str], found: Login | None) -> None:
    path.write_text(json.dumps({"auths": {"reg": entry}}))
    assert stored_login("reg") == found


def test_an_entry_that_an_old_client_wrote_is_found_by_its_host(path: pathlib.Path) -> None:
    path.write_text(json.dumps({"auths": {"https://reg/v1/": {"auth": AUTH}}}))
    assert stored_login("reg") == Login("reg", "alice", SECRET)
    assert Store.of().forget("reg")
    assert json.loads(path.read_text()) == {"auths": {}}


@pytest.mark.parametrize("entry", [{"auth": "not base64!"}, {"auth": base64.b64encode(b"nocolon").decode()}, {"auth": 3}, "x"])
def test_an_entry_that_is_no_login_is_an_error_that_keeps_it_secret(path: pathlib.Path, entry: Any) -> None:
    path.write_text(json.dumps({"auths": {"reg": entry}}))
    with pytest.raises(errors.Invalid, match="the entry of reg is") as refused:
        stored_login("reg")
    assert "nocolon" not in str(refused.value)


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "\xff"])
def test_a_file_that_is_no_configuration_is_left_alone(path: pathlib.Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(errors.Invalid):
        Store.of().keep(Login("reg", "alice", SECRET))
    assert path.read_bytes() == text.encode("latin-1")
    assert shown_to("reg") == []
    assert "going on without a login to reg" in caplog.text


def test_writing_keeps_every_other_key_and_makes_it_private(path: pathlib.Path) -> None:
    before = {"psFormat": "table", "HttpHeaders": {"A": "ü"}, "auths": {"other": {"auth": AUTH}}, "unknown": [1, {"x": None}]}
    path.write_text(json.dumps(before))
    path.chmod(0o644)
    assert Store.of().keep(Login("reg", "alice", SECRET)) == str(path)
    after = json.loads(path.read_text())
    assert after.pop("auths") == {"other": {"auth": AUTH}, "reg": {"auth": AUTH}}
    assert after == {name: value for name, value in before.items() if name != "auths"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["config.json"]
    assert Store.of().keep(Login("reg", "alice", SECRET)) == "", (
        "nothing is written, and nothing warned of, when nothing changed"
    )


def test_writing_goes_through_links(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    real = tmp_path / "real.json"
    path.symlink_to(real)
    Store.of().keep(Login("reg", "alice", SECRET))
    assert path.is_symlink()
    assert stored_login("reg") == Login("reg", "alice", SECRET)


def test_a_folder_that_is_not_there_is_made_for_this_user_alone(tmp_path: pathlib.Path) -> None:
    target = tmp_path / "new" / "config.json"
    files.change(str(target), lambda document: document.update(a=1))
    assert stat.S_IMODE(target.parent.stat().st_mode) == 0o700


def test_what_cannot_be_written_leaves_what_was(path: pathlib.Path) -> None:
    path.write_text('{"auths": {}}')
    with pytest.raises(TypeError):
        files.change(str(path), lambda document: document.update(bad=object()))
    assert path.read_text() == '{"auths": {}}'
    assert os.listdir(path.parent) == ["config.json"]


def test_the_environments_logins_come_first(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(json.dumps({"auths": {"reg": {"auth": AUTH}, "other": {"auth": AUTH}}}))
    given = {"auths": {"reg": {"auth": base64.b64encode(b"bob:b").decode()}}}
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps(given))
    assert stored_login("reg") == Login("reg", "bob", "b")
    assert stored_login("other") == Login("other", "alice", SECRET)
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", "{")
    with pytest.raises(errors.Invalid, match="DOCKER_AUTH_CONFIG"):
        stored_login("reg")


def test_a_helper_keeps_gives_and_forgets(path: pathlib.Path, helper: Any) -> None:
    ring = helper(
        f"cd {path.parent}; case $1 in store) cat > kept;; get) cat > asked; cat kept;; erase) cat > erased; rm kept;; esac"
    )
    path.write_text(json.dumps({"credsStore": "ring"}))
    assert Store.of().keep(Login("reg", "alice", SECRET)) == ""
    assert json.loads((path.parent / "kept").read_text()) == {"ServerURL": "reg", "Username": "alice", "Secret": SECRET}
    assert json.loads(path.read_text()) == {"credsStore": "ring", "auths": {"reg": {}}}
    assert stored_login("reg") == Login("reg", "alice", SECRET)
    assert Store.of().forget("reg")
    assert (path.parent / "erased").read_text() == "reg"
    assert json.loads(path.read_text())["auths"] == {}
    assert ring


def test_a_helpers_token_is_an_identity_token(helper: Any) -> None:
    helper('echo \'{"Username":"<token>","Secret":"t"}\'')
    assert Helper("ring").get("reg") == Login("reg", identity_token="t")
    helper('cat > /dev/null; echo \'{"reg":"alice"}\'')
    assert Helper("ring").list() == {"reg": "alice"}


def test_a_helper_for_one_registry_comes_before_the_one_for_all(path: pathlib.Path, helper: Any) -> None:
    helper('echo \'{"Username":"own","Secret":"x"}\'', "own")
    helper('echo \'{"Username":"all","Secret":"x"}\'', "all")
    path.write_text(json.dumps({"credsStore": "all", "credHelpers": {"reg": "own"}}))
    assert [stored_login(name).username for name in ("reg", "other")] == ["own", "all"]  # type: ignore[union-attr]


def test_a_helper_that_has_nothing_is_no_error(path: pathlib.Path, helper: Any) -> None:
    helper('echo "credentials not found in native keychain"; exit 1')
    assert Helper("ring").get("reg") is None
    path.write_text(json.dumps({"credsStore": "ring", "auths": {"reg": {"auth": AUTH}}}))
    assert stored_login("reg") == Login("reg", "alice", SECRET), "what the file has counts then"


def test_a_helper_that_hangs_is_ended(helper: Any) -> None:
    helper("exec sleep 60")
    with pytest.raises(errors.TimedOut, match=r"docker-credential-ring get: no answer within 0\.2 seconds"):
        Helper("ring", seconds=0.2).get("reg")


def test_a_helpers_failure_does_not_tell_the_secret(helper: Any) -> None:
    helper("cat; exit 3")
    with pytest.raises(errors.Failed, match="store failed with 3") as failed:
        Helper("ring").store(Login("reg", "alice", SECRET))
    assert SECRET not in str(failed.value)
    helper("echo rubbish")
    with pytest.raises(errors.Failed, match="not what the protocol says"):
        Helper("ring").get("reg")


def test_a_helper_that_is_not_there_is_named(path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_text(json.dumps({"credsStore": "nosuchring"}))
    with pytest.raises(errors.Failed, match="docker-credential-nosuchring is not installed"):
        stored_login("reg")
    assert shown_to("reg") == []
    assert "going on without a login" in caplog.text
    with pytest.raises(errors.Invalid):
        Helper("../../bin/sh")


@pytest.fixture
def registries(engine: PretendEngine) -> PretendEngine:
    """An engine that pulls, pushes and logs in."""
    ordinary(engine)
    engine.on("GET", "/images/.*/json", {"Id": "sha256:" + "a" * 64})
    engine.on("POST", "/images/create", Answer(b'{"status":"Pulling"}\n'))
    engine.on("POST", "/images/.*/push", Answer(b'{"status":"x"}\n{"aux":{"Tag":"1","Digest":"sha256:d","Size":1}}\n'))
    return engine


def shown(engine: PretendEngine) -> Any:
    header = engine.asked[-1].headers.get("x-registry-auth") or engine.asked[-2].headers.get("x-registry-auth")
    return None if header is None else json.loads(base64.urlsafe_b64decode(header))


def test_pull_and_push_show_the_login_of_their_registry_only(to: Client, registries: PretendEngine, path: pathlib.Path) -> None:
    path.write_text(json.dumps({"auths": {"reg:5000": {"auth": AUTH}}}))
    to.pull("reg:5000/a:1")
    assert shown(registries) == {"username": "alice", "password": SECRET, "serveraddress": "reg:5000"}
    assert to.push("reg:5000/a:1") == "sha256:d"
    assert shown(registries)["username"] == "alice"
    to.pull("busybox")
    assert shown(registries) is None
    to.push("busybox")
    assert registries.asked[-1].headers["x-registry-auth"] == ANONYMOUS[1]


def test_login_keeps_what_the_registry_gives_instead_of_the_password(
    to: Client, registries: PretendEngine, path: pathlib.Path
) -> None:
    registries.on("POST", "/auth", {"Status": "Login Succeeded", "IdentityToken": "t0k"})
    to.login("reg:5000", "alice", SECRET)
    assert registries.asked[-1].json == {"username": "alice", "password": SECRET, "serveraddress": "reg:5000"}
    assert json.loads(path.read_text())["auths"]["reg:5000"]["identitytoken"] == "t0k"
    assert SECRET not in path.read_text()
    assert AUTH not in path.read_text()


def test_login_that_is_refused_is_not_kept(to: Client, registries: PretendEngine, path: pathlib.Path) -> None:
    registries.on("POST", "/auth", Answer({"message": "login attempt to x failed with status: 401 Unauthorized"}, 500))
    with pytest.raises(errors.NotAllowed):
        to.login("reg:5000", "alice", SECRET)
    with pytest.raises(errors.Invalid, match="a user and a password"):
        to.login("reg:5000", "alice", "")
    assert not path.exists()
