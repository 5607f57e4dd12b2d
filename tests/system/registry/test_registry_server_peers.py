"""Others' programs against our registry: skopeo, the docker command line with a real dockerd, and our own client."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator

import pytest

import dockerkit as dk
from dockerkit.client.registry import Registry
from dockerkit.daemon.images.store import Store
from dockerkit.daemon.registry.client import RegistryClient
from dockerkit.daemon.registry.contract import Credentials, Referrer, Unauthorized
from dockerkit.daemon.registry.settings import Settings
from dockerkit.errors import NotFound
from dockerkit.schema.image import INDEX, Index
from dockerkit.schema.names import parse_reference
from dockerkit.schema.wire import encode
from tests.livedaemon import PACKAGE_HOME
from tests.system.registry.realregistry import why_not
from tests.system.registry.test_real_registries import make_image, pull, push, skopeo

pytestmark = pytest.mark.system
ALICE = ("alice", "secret: with a colon")


@pytest.fixture
def client() -> Iterator[RegistryClient]:
    made = RegistryClient(Settings(certificates=()))
    yield made
    made.close()


@pytest.fixture
def here(tmp_path: pathlib.Path) -> Store:
    return Store(str(tmp_path / "here"))


@pytest.fixture
def there(tmp_path: pathlib.Path) -> Store:
    return Store(str(tmp_path / "there"))


@pytest.fixture(scope="module")
def ours() -> Iterator[Registry]:
    with dk.registry() as registry:
        yield registry


def same(one: Store, other: Store) -> bool:
    return sorted(one.digests()) == sorted(other.digests()) and all(one.read(d) == other.read(d) for d in one.digests())


def test_our_client_pushes_and_pulls(ours: Registry, client: RegistryClient, here: Store, there: Store) -> None:
    image = make_image(here, 10, 2_000_000, 30)
    name = f"{ours.address}/team/first:1"
    push(client, here, name, image)
    assert pull(client, there, name).digest == image.digest
    assert same(here, there)
    said = push(client, here, f"{ours.address}/team/second:1", image)
    assert {"Mounted from team/first"} <= {message.get("status") for message in said}, "nothing goes up twice"


def test_our_client_sends_in_chunks(ours: Registry, here: Store, there: Store) -> None:
    client = RegistryClient(Settings(certificates=(), upload_chunk=300_000))
    image = make_image(here, 2_000_000)
    push(client, here, f"{ours.address}/chunks:1", image)
    assert pull(client, there, f"{ours.address}/chunks:1").digest == image.digest
    client.close()


def test_our_client_finds_its_way_around(ours: Registry, client: RegistryClient, here: Store) -> None:
    image = make_image(here, 10)
    name = f"{ours.address}/around"
    for number in range(3):
        push(client, here, f"{name}:{number}", image)
    reference = parse_reference(f"{name}:1")
    assert list(client.tags(reference)) == ["0", "1", "2"]
    assert "around" in client.catalog(ours.address)
    index = here.write(encode(Index(manifests=[image])), INDEX)
    push(client, here, f"{name}:all", index)
    assert client.describe(parse_reference(f"{name}:all")).descriptor.digest == index.digest
    document = json.loads(here.read(image.digest))
    subject = {"mediaType": image.media_type, "digest": image.digest, "size": image.size}
    signed = here.write(encode({**document, "subject": subject, "artifactType": "application/x.sig"}), image.media_type)
    push(client, here, f"{name}:sig", signed)
    (found,) = client.referrers(reference, artifact_type="application/x.sig")
    assert isinstance(found, Referrer)
    assert found.digest == signed.digest
    assert client.referrers(reference, artifact_type="application/other") == []
    assert client.delete(reference) == image.digest
    with pytest.raises(NotFound):
        client.describe(reference)


def test_our_client_logs_in_over_tls(tmp_path: pathlib.Path, here: Store, there: Store) -> None:
    with dk.registry(auth=ALICE, tls=True) as ours:
        place = tmp_path / "certs.d" / ours.address
        place.mkdir(parents=True)
        assert ours.certificate
        shutil.copy(ours.certificate, place / "ca.crt")
        client = RegistryClient(Settings(certificates=(str(tmp_path / "certs.d"),)))
        image, login = make_image(here, 1_000_000), Credentials(*ALICE)
        with pytest.raises(Unauthorized):
            push(client, here, f"{ours.address}/shop:1", image)
        with pytest.raises(Unauthorized):
            client.login(ours.address, Credentials("alice", "wrong"))
        assert client.login(ours.address, login).status == "Login Succeeded"
        push(client, here, f"{ours.address}/shop:1", image, credentials=login)
        assert pull(client, there, f"{ours.address}/shop:1", credentials=login).digest == image.digest
        client.close()


@pytest.mark.skipif(bool(why_not("skopeo")), reason=why_not("skopeo"))
def test_skopeo_copies_to_and_from_it(
    ours: Registry, client: RegistryClient, tmp_path: pathlib.Path, here: Store, there: Store
) -> None:
    image = make_image(here, 10, 2_000_000)
    push(client, here, f"{ours.address}/mine:1", image)
    layout, plain = f"oci:{tmp_path / 'layout'}:1", f"docker://{ours.address}"
    skopeo("copy", "--src-tls-verify=false", f"{plain}/mine:1", layout)
    skopeo("copy", "--dest-tls-verify=false", layout, f"{plain}/theirs:1")
    skopeo(
        "copy", "--format", "v2s2", "--src-tls-verify=false", "--dest-tls-verify=false", f"{plain}/mine:1", f"{plain}/v2s2:1"
    )
    assert pull(client, there, f"{ours.address}/theirs:1").digest == image.digest
    assert same(here, there)
    assert pull(client, there, f"{ours.address}/v2s2:1").manifest.media_type.startswith("application/vnd.docker")
    assert json.loads(skopeo("list-tags", "--tls-verify=false", f"{plain}/theirs"))["Tags"] == ["1"]
    skopeo("delete", "--tls-verify=false", f"{plain}/theirs:1")
    with pytest.raises(NotFound):
        pull(client, there, f"{ours.address}/theirs:1")


@pytest.mark.skipif(bool(why_not("skopeo")), reason=why_not("skopeo"))
def test_skopeo_logs_in_over_tls(tmp_path: pathlib.Path, here: Store, client: RegistryClient) -> None:
    with dk.registry(auth=ALICE, tls=True) as ours:
        push(client, here, f"{ours.address}/shop:1", make_image(here, 10), credentials=Credentials(*ALICE))
        assert ours.certificate
        shutil.copy(ours.certificate, tmp_path / "ca.crt")
        login = ["--creds", ":".join(ALICE), "--cert-dir", str(tmp_path)]
        assert json.loads(skopeo("inspect", *login, f"docker://{ours.address}/shop:1"))["Architecture"] == "amd64"


@pytest.fixture(scope="module")
def dockerd(request: pytest.FixtureRequest) -> str:
    """The socket of a real dockerd, which pushes and pulls by its own command line."""
    if not shutil.which("docker") or not shutil.which("nsenter"):
        pytest.skip("the docker command line and nsenter are needed (apt-get install docker.io util-linux)")
    return str(request.getfixturevalue("reference_socket"))


@pytest.fixture
def beside(dockerd: str, tmp_path: pathlib.Path) -> Iterator[str]:
    """Our registry on the loopback that dockerd sees: ``127.0.0.1:port``."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(dockerd)
        pid = struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    told, tell = os.pipe()
    command = [sys.executable, "-m", "dockerkit.daemon.registry.server", "--ready-fd", str(tell)]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": PACKAGE_HOME}
    with open(tmp_path / "log", "wb") as log:
        entered = ["nsenter", "-n", "-t", str(pid), *command]
        process = subprocess.Popen(entered, pass_fds=(tell,), env=environment, stdout=log, stderr=log)
    os.close(tell)
    with open(told, "rb") as answer:
        line = answer.readline()
    try:
        assert line, (tmp_path / "log").read_text()
        yield json.loads(line)["address"]
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_docker_pushes_and_pulls(dockerd: str, beside: str, tmp_path: pathlib.Path) -> None:
    def docker(*arguments: str) -> str:
        environment = {**os.environ, "DOCKER_HOST": f"unix://{dockerd}", "DOCKER_CONFIG": str(tmp_path)}
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    name = f"{beside}/team/box"
    before = docker("image", "inspect", "--format", "{{.Id}}", "busybox:latest")
    try:
        docker("tag", "busybox:latest", f"{name}:1")
        pushed = docker("push", f"{name}:1").splitlines()[-1]
        docker("tag", "busybox:latest", f"{beside}/second:1")
        assert "Mounted from team/box" in docker("push", f"{beside}/second:1")
        docker("rmi", f"{name}:1")
        assert f"Digest: {pushed.split()[2]}" in docker("pull", f"{name}:1")
        assert docker("image", "inspect", "--format", "{{.Id}}", f"{name}:1") == before
        assert docker("pull", "-a", name).count("Status: Image is up to date") == 1
    finally:
        docker("rmi", "--force", f"{name}:1", f"{beside}/second:1")
