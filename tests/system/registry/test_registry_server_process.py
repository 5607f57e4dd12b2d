"""The registry's process: killed in the middle of an upload, left by its owner, told to end, and started in wrong ways."""

from __future__ import annotations

import hashlib
import http.client
import os
import pathlib
import select
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

import dockerkit as dk
from dockerkit.client.registry import Registry
from dockerkit.errors import Conflict, Invalid, NotAllowed, Unavailable
from tests.livedaemon import PACKAGE_HOME
from tests.unit.plugin.suites import Suite
from tests.unit.registry.ourregistry import OCI, digest_of, manifest_of

pytestmark = pytest.mark.system
pytest_plugins = ["pytester"]
BLOB = b"0123456789abcdef" * 100_000


def ask(
    registry: Registry, method: str, path: str, body: bytes | Iterator[bytes] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(registry.address, timeout=20)
    connection.request(method, path, body, {"Content-Type": OCI}, encode_chunked=not isinstance(body, bytes | None))
    answer = connection.getresponse()
    try:
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def push(registry: Registry, name: str) -> None:
    for blob in (b"{}", BLOB):
        assert ask(registry, "POST", f"/v2/{name}/blobs/uploads/?digest={digest_of(blob)}", blob)[0] == 201
    assert ask(registry, "PUT", f"/v2/{name}/manifests/1", manifest_of(b"{}", BLOB))[0] == 201


def ends(pid: int, within: float = 20.0) -> bool:
    """Tell whether a process, perhaps nobody's child, ends."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([pidfd], [], [], within)[0])
    finally:
        os.close(pidfd)


def test_killed_during_an_upload_leaves_a_readable_store(tmp_path: pathlib.Path) -> None:
    store = tmp_path / "store"
    with dk.registry(store) as first:
        push(first, "shop")
        place = ask(first, "POST", "/v2/shop/blobs/uploads/")[1]["Location"]
        assert ask(first, "PATCH", place, BLOB)[0] == 202

        def pieces() -> Iterator[bytes]:
            yield BLOB
            os.kill(first.pid, signal.SIGKILL)
            assert ends(first.pid)
            yield BLOB

        with pytest.raises(OSError):
            ask(first, "PATCH", place, pieces())
    with dk.registry(store) as again:
        assert ask(again, "GET", "/v2/shop/manifests/1")[2] == manifest_of(b"{}", BLOB)
        assert ask(again, "GET", f"/v2/shop/blobs/{digest_of(BLOB)}")[2] == BLOB
        here = int(ask(again, "GET", place)[1]["Range"].partition("-")[2]) + 1
        assert here >= len(BLOB), "what was acknowledged is here"
        whole = BLOB * 3
        assert ask(again, "PATCH", place, whole[here:])[0] == 202
        assert ask(again, "PUT", f"{place}?digest={digest_of(whole)}")[0] == 201
    for path in (store / "blobs" / "sha256").iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name


def test_killed_owner_leaves_no_process_and_no_file(tmp_path: pathlib.Path) -> None:
    code = "import dockerkit as dk, sys; r = dk.registry(tls=True); print(r.pid, r.certificate, flush=True); sys.stdin.read()"
    owner = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PACKAGE_HOME
    )
    assert owner.stdout
    assert owner.stdin
    pid, certificate = owner.stdout.readline().split()
    assert os.path.exists(certificate)
    owner.kill()
    owner.wait()
    assert ends(int(pid))
    assert not os.path.exists(os.path.dirname(certificate))
    owner.stdout.close()
    owner.stdin.close()


def test_end_of_the_block_leaves_no_process_and_no_file() -> None:
    with dk.registry() as registry:
        push(registry, "shop")
        workspace = registry._workspace
    assert ends(registry.pid)
    assert not os.path.exists(workspace)
    registry.close()


def test_killed_registry_leaves_no_file_when_its_block_ends() -> None:
    with dk.registry() as registry:
        os.kill(registry.pid, signal.SIGKILL)
    assert not os.path.exists(registry._workspace)


def test_storage_stays_and_is_only_one_registrys(tmp_path: pathlib.Path) -> None:
    with dk.registry(tmp_path / "s") as registry:
        push(registry, "shop")
        with pytest.raises(Conflict, match="another registry serves"):
            dk.registry(tmp_path / "s")
    with dk.registry(tmp_path / "s", read_only=True) as registry:
        assert ask(registry, "GET", "/v2/shop/manifests/1")[0] == 200
        assert ask(registry, "POST", "/v2/shop/blobs/uploads/")[0] == 405


def test_wrong_words_are_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "htpasswd").write_text("alice:plain")
    (tmp_path / "file").write_text("")
    with dk.registry() as taken, pytest.raises(Unavailable, match="cannot listen"):
        dk.registry(port=int(taken.address.rpartition(":")[2]))
    with pytest.raises(Invalid, match="BCRYPT"):
        dk.registry(auth=tmp_path / "htpasswd")
    with pytest.raises(Invalid, match="cannot be used"):
        dk.registry(tls=(str(tmp_path / "file"), str(tmp_path / "file")))
    with pytest.raises(Invalid, match="mirror"):
        dk.registry(mirror="nonsense")
    with pytest.raises(NotAllowed, match="cannot be used"):
        dk.registry(tmp_path / "file")
    with pytest.raises(Invalid, match="user's name"):
        dk.registry(auth=("a:b", "c"))


def test_login_is_in_no_argument_and_no_text() -> None:
    with dk.registry(auth=True) as registry:
        command = pathlib.Path(f"/proc/{registry.pid}/cmdline").read_bytes()
        environment = pathlib.Path(f"/proc/{registry.pid}/environ").read_bytes()
        assert registry.password
        assert registry.password.encode() not in command + environment
        assert registry.password not in repr(registry)


def test_mirror_of_another(tmp_path: pathlib.Path) -> None:
    with dk.registry() as origin:
        push(origin, "shop")
        with dk.registry(mirror=origin.url) as mirror:
            assert ask(mirror, "GET", "/v2/shop/manifests/1")[0] == 200
            assert ask(mirror, "GET", f"/v2/shop/blobs/{digest_of(BLOB)}")[2] == BLOB
            origin.close()
            assert ask(mirror, "GET", "/v2/shop/manifests/1")[2] == manifest_of(b"{}", BLOB)


def test_command_line_serves_until_it_is_told_to_end(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-m", "dockerkit.cli", "registry", "serve", "--storage", str(tmp_path / "s")]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": PACKAGE_HOME}
    )
    assert process.stdout
    address = process.stdout.readline().strip().removeprefix("dockerkit registry: listening on http://")
    connection = http.client.HTTPConnection(address, timeout=20)
    connection.request("GET", "/v2/")
    assert connection.getresponse().status == 200
    connection.close()
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "GET /v2/ 200" in complaints


def test_fixture_is_an_empty_registry_a_test(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = Suite(pytester, monkeypatch).write(
        "",
        """
        import urllib.request

        def test_one(dk_registry):
            assert urllib.request.urlopen(dk_registry.url + "/v2/_catalog").read() == b'{"repositories": []}\\n'
            open("pid", "w").write(f"{dk_registry.pid}\\n")
        """,
    )
    suite.run().assert_outcomes(passed=1)
    assert ends(int(suite.lines("pid")[0]))


def test_hundred_megabytes_are_sent_by_the_kernel(tmp_path: pathlib.Path) -> None:
    """Bounded memory both ways, whatever the size."""
    size = 100 << 20
    piece = os.urandom(1 << 20)
    digest = hashlib.sha256(piece * 100).hexdigest()
    with dk.registry() as registry:
        status, _, _ = ask(registry, "POST", f"/v2/shop/blobs/uploads/?digest=sha256:{digest}", (piece for _ in range(100)))
        assert status == 201
        connection = http.client.HTTPConnection(registry.address, timeout=60)
        connection.request("GET", f"/v2/shop/blobs/sha256:{digest}")
        answer, taken, found = connection.getresponse(), 0, hashlib.sha256()
        while part := answer.read(1 << 20):
            taken += len(part)
            found.update(part)
        connection.close()
        assert (taken, found.hexdigest()) == (size, digest)
        status_lines = pathlib.Path(f"/proc/{registry.pid}/status").read_text().splitlines()
        peak = next(int(line.split()[1]) for line in status_lines if line.startswith("VmHWM"))
        assert peak < 64 * 1024, f"{peak} KiB"


def test_it_complains_of_nothing() -> None:
    with dk.registry() as registry:
        assert registry.log() == ""
