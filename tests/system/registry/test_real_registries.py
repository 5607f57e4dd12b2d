"""The client against Debian's docker-registry: without login, with passwords, tokens, TLS; skopeo as the other side."""

from __future__ import annotations

import gzip
import io
import json
import os
import pathlib
import subprocess
import tarfile
from collections.abc import Iterator
from typing import Any

import bcrypt
import pytest

from dockerkit.daemon.images.store import Store
from dockerkit.daemon.registry.client import RegistryClient
from dockerkit.daemon.registry.contract import Credentials, Pulled, Unauthorized
from dockerkit.daemon.registry.settings import Settings
from dockerkit.errors import NotFound, Unavailable
from dockerkit.schema.image import CONFIG, INDEX, LAYER_GZIP, MANIFEST, Descriptor, Index, Manifest, Platform
from dockerkit.schema.names import parse_reference
from dockerkit.schema.wire import encode
from tests.system.registry.realregistry import ALICE, TokenService, real_registry, why_not
from tests.unit.registry.selfsigned import Authority

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(why_not("docker-registry")), reason=why_not("docker-registry"))]


@pytest.fixture(scope="module")
def open_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_registry(tmp_path_factory.mktemp("open")) as name:
        yield name


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


def tar_of(name: str, size: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = size
        tar.addfile(member, io.BytesIO(os.urandom(size)))
    return buffer.getvalue()


def make_image(store: Store, *sizes: int, architecture: str = "amd64") -> Descriptor:
    layers = [gzip.compress(tar_of(f"file{number}", size), 1) for number, size in enumerate(sizes)]
    config = {"architecture": architecture, "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}
    listed = [store.write(layer, LAYER_GZIP) for layer in layers]
    found = store.write(encode(Manifest(config=store.write(encode(config), CONFIG), layers=listed)), MANIFEST)
    found.platform = Platform(architecture=architecture, os="linux")
    return found


def push(client: RegistryClient, store: Store, name: str, image: Descriptor, **more: Any) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    client.push(parse_reference(name), image, blobs=store, progress=messages.append, **more)
    return messages


def pull(client: RegistryClient, store: Store, name: str, **more: Any) -> Pulled:
    return client.pull(parse_reference(name), blobs=store, progress=lambda _: None, arrived=lambda *_: None, **more)


def test_round_trip_is_identical(open_registry: str, client: RegistryClient, here: Store, there: Store) -> None:
    image = make_image(here, 10, 3_000_000, 200_000)
    push(client, here, f"{open_registry}/round/trip:1", image)
    pulled = pull(client, there, f"{open_registry}/round/trip:1")
    assert pulled.manifest.digest == image.digest
    assert sorted(there.digests()) == sorted(here.digests())


@pytest.mark.parametrize("chunk", [100_000, 1 << 20])
def test_chunked_push_is_the_same_image(open_registry: str, here: Store, there: Store, chunk: int) -> None:
    client = RegistryClient(Settings(certificates=(), upload_chunk=chunk))
    push(client, here, f"{open_registry}/chunked:{chunk}", make_image(here, 1_500_000))
    pull(client, there, f"{open_registry}/chunked:{chunk}")
    assert sorted(there.digests()) == sorted(here.digests())
    client.close()


def test_index_of_two_platforms(open_registry: str, client: RegistryClient, here: Store, there: Store) -> None:
    images = [make_image(here, 10, architecture=one) for one in ("amd64", "arm64")]
    top = here.write(encode(Index(manifests=images)), INDEX)
    push(client, here, f"{open_registry}/both:1", top)
    pulled = pull(client, there, f"{open_registry}/both:1", platform="linux/arm64")
    assert (pulled.manifest.digest, pulled.digest) == (images[1].digest, top.digest)
    with pytest.raises(NotFound, match="no matching manifest for linux/s390x in the manifest list entries"):
        pull(client, there, f"{open_registry}/both:1", platform="linux/s390x")


def test_mount_list_describe_and_delete(open_registry: str, client: RegistryClient, here: Store, there: Store) -> None:
    image = make_image(here, 50_000)
    push(client, here, f"{open_registry}/first:1", image)
    assert "Mounted from first" in [m.get("status") for m in push(client, here, f"{open_registry}/second:1", image)]
    assert "Layer already exists" in [m.get("status") for m in push(client, here, f"{open_registry}/second:2", image)]
    reference = parse_reference(f"{open_registry}/second:1")
    assert sorted(client.tags(reference)) == ["1", "2"]
    assert {"first", "second"} <= set(client.catalog(open_registry))
    assert client.describe(reference).platforms == [Platform(architecture="amd64", os="linux")]
    assert client.referrers(reference) == []
    assert client.delete(reference) == image.digest
    with pytest.raises(NotFound) as caught:
        pull(client, there, str(reference))
    assert caught.value.message == f"manifest for {reference} not found: manifest unknown: manifest unknown"


def test_passwords(tmp_path: pathlib.Path, client: RegistryClient, here: Store, there: Store) -> None:
    passwords = tmp_path / "htpasswd"
    passwords.write_text(f"alice:{bcrypt.hashpw(b'secret', bcrypt.gensalt(4)).decode()}\n")
    with real_registry(tmp_path / "basic", auth={"htpasswd": {"realm": "shop", "path": str(passwords)}}) as name:
        image = make_image(here, 10)
        assert client.login(name, ALICE).status == "Login Succeeded"
        with pytest.raises(Unauthorized) as caught:
            client.login(name, Credentials("alice", "wrong"))
        assert caught.value.message == f"login attempt to http://{name}/v2/ failed with status: 401 Unauthorized"
        with pytest.raises(Unauthorized, match="no basic auth credentials"):
            push(client, here, f"{name}/shop:1", image)
        with pytest.raises(Unauthorized, match="unauthorized: authentication required"):
            push(client, here, f"{name}/shop:1", image, credentials=Credentials("alice", "wrong"))
        push(client, here, f"{name}/shop:1", image, credentials=ALICE)
        with pytest.raises(Unauthorized) as caught:
            pull(client, there, f"{name}/shop:1")
        assert caught.value.message == f'Head "http://{name}/v2/shop/manifests/1": no basic auth credentials'
        assert pull(client, there, f"{name}/shop:1", credentials=ALICE).digest == image.digest


def test_tokens(tmp_path: pathlib.Path, client: RegistryClient, here: Store, there: Store) -> None:
    with TokenService(tmp_path) as tokens, real_registry(tmp_path / "token", auth=tokens.auth) as name:
        image = make_image(here, 10, 20, 30)
        with pytest.raises(Unauthorized) as caught:
            push(client, here, f"{name}/shop:1", image)
        assert caught.value.message == "denied: requested access to the resource is denied"
        push(client, here, f"{name}/shop:1", image, credentials=ALICE)
        assert tokens.asked.count(("alice", ["repository:shop:pull,push"])) == 1, "one token for the whole push"
        assert "Mounted from shop" in [
            m.get("status") for m in push(client, here, f"{name}/second:1", image, credentials=ALICE)
        ]
        assert pull(client, there, f"{name}/shop:1").digest == image.digest, "everybody may pull"
        assert client.login(name, ALICE).status == "Login Succeeded"
        with pytest.raises(Unauthorized) as caught:
            client.login(name, Credentials("alice", "wrong"))
        assert caught.value.message == f'Get "http://{name}/v2/": unauthorized: incorrect username or password'
        assert set(client.catalog(name, ALICE)) == {"shop", "second"}
        assert client.delete(parse_reference(f"{name}/second:1"), ALICE) == image.digest


def test_tls_with_an_authority_of_ones_own(tmp_path: pathlib.Path, here: Store, there: Store) -> None:
    authority = Authority(tmp_path / "authority")
    pair = authority.issue("server")
    tls = {"certificate": str(pair.certificate), "key": str(pair.key), "clientcas": [str(authority.certificate)]}
    with real_registry(tmp_path / "tls", http_part={"tls": tls}) as name:
        place = tmp_path / "certs.d" / name
        place.mkdir(parents=True)
        (place / "ca.crt").write_bytes(authority.certificate.read_bytes())
        client = RegistryClient(Settings(certificates=(str(tmp_path / "certs.d"),), attempts=1))
        image = make_image(here, 10)
        with pytest.raises(Unavailable, match=r"tls|EOF|reset|broken pipe"):
            push(client, here, f"{name}/shop:1", image)
        mine = authority.issue("client")
        (place / "client.cert").write_bytes(mine.certificate.read_bytes())
        (place / "client.key").write_bytes(mine.key.read_bytes())
        push(client, here, f"{name}/shop:1", image)
        assert pull(client, there, f"{name}/shop:1").digest == image.digest
        client.close()


def skopeo(*arguments: str) -> str:
    done = subprocess.run(["skopeo", "--insecure-policy", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(bool(why_not("skopeo")), reason=why_not("skopeo"))
def test_skopeo_reads_what_we_push_and_we_what_skopeo_pushes(
    open_registry: str, client: RegistryClient, tmp_path: pathlib.Path, here: Store, there: Store
) -> None:
    image = make_image(here, 10, 2_000_000)
    push(client, here, f"{open_registry}/ours:1", image)
    layout = f"oci:{tmp_path / 'layout'}:1"
    skopeo("copy", "--src-tls-verify=false", f"docker://{open_registry}/ours:1", layout)
    skopeo("copy", "--dest-tls-verify=false", layout, f"docker://{open_registry}/theirs:1")
    assert pull(client, there, f"{open_registry}/theirs:1").digest == image.digest
    listed = json.loads(skopeo("inspect", "--tls-verify=false", "--raw", f"docker://{open_registry}/theirs:1"))
    assert [layer["digest"] for layer in listed["layers"]] and sorted(there.digests()) == sorted(here.digests())


@pytest.mark.skipif(bool(why_not("skopeo")), reason=why_not("skopeo"))
def test_dockers_own_manifest_kinds_survive(open_registry: str, client: RegistryClient, here: Store, there: Store) -> None:
    push(client, here, f"{open_registry}/oci:1", make_image(here, 10))
    source, target = f"docker://{open_registry}/oci:1", f"docker://{open_registry}/v2s2:1"
    skopeo("copy", "--format", "v2s2", "--src-tls-verify=false", "--dest-tls-verify=false", source, target)
    pulled = pull(client, there, f"{open_registry}/v2s2:1")
    assert pulled.manifest.media_type == "application/vnd.docker.distribution.manifest.v2+json"
    push(client, there, f"{open_registry}/again:1", pulled.manifest)
    assert client.describe(parse_reference(f"{open_registry}/again:1")).descriptor.digest == pulled.digest
