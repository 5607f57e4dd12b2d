"""Pull, save, load, push: not one byte of an image changes, whoever made it; docker-registry and skopeo are the witnesses.

Docker's own media types know no zstd.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.livedaemon import LiveDaemon
from tests.parity.wire import Api
from tests.system.images.test_image_registries_live import api, daemon, lines, registry  # noqa: F401 (fixtures)
from tests.unit.images.imagematerial import file, tar

pytestmark = pytest.mark.system
DOCKERS = {
    "manifest": "application/vnd.docker.distribution.manifest.v2+json",
    "config": "application/vnd.docker.container.image.v1+json",
    "gzip": "application/vnd.docker.image.rootfs.diff.tar.gzip",
}
OCIS = {
    "manifest": "application/vnd.oci.image.manifest.v1+json",
    "config": "application/vnd.oci.image.config.v1+json",
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
}
KINDS = [(DOCKERS, "gzip"), (OCIS, "gzip"), (OCIS, "zstd")]
PACK = {"gzip": lambda data: gzip.compress(data, 4, mtime=7), "zstd": zstandard.ZstdCompressor(level=7).compress}


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Made:
    """An image as its maker wrote it: a manifest with spaces of its own, and blobs by digest."""

    def __init__(self, types: dict[str, str], packed: str, count: int) -> None:
        plain = [tar(file(f"{packed}{number}", bytes([number]) * 70_000)) for number in range(count)]
        layers = [PACK[packed](layer) for layer in plain]
        document = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [*map(digest, plain)]}}
        config = json.dumps(document | {"strange": {"b": 1, "a": 2}}, indent=1).encode()
        self.blobs = {digest(blob): blob for blob in (config, *layers)}
        words = {
            "schemaVersion": 2,
            "mediaType": types["manifest"],
            "config": {"mediaType": types["config"], "size": len(config), "digest": digest(config)},
            "layers": [{"mediaType": types[packed], "size": len(one), "digest": digest(one)} for one in layers],
        }
        self.type, self.manifest = types["manifest"], json.dumps(words, indent=3).encode()

    def upload(self, place: str, name: str) -> None:
        """Put it into a registry, by the standard library alone."""
        for one, data in self.blobs.items():
            begun = _ask(place, "POST", f"/v2/{name}/blobs/uploads/", b"").headers["Location"]
            path = begun[begun.index("/v2/") :]
            assert _ask(place, "PUT", f"{path}{'&' if '?' in path else '?'}digest={one}", data).status == 201
        kind = {"Content-Type": self.type}
        assert _ask(place, "PUT", f"/v2/{name}/manifests/1", self.manifest, kind).status == 201


class Said:
    """A registry's answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()


def _ask(place: str, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Said:
    connection = http.client.HTTPConnection(place, timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        return Said(connection.getresponse())
    finally:
        connection.close()


@pytest.fixture(params=[1, 3], ids=["one", "three"])
def count(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(params=KINDS, ids=["docker-gzip", "oci-gzip", "oci-zstd"])
def made(request: pytest.FixtureRequest, count: int) -> Made:
    types, packed = request.param
    return Made(types, packed, count)


@pytest.fixture
def saved(daemon: LiveDaemon, api: Api, registry: str, made: Made, tmp_path: Path) -> Iterator[Path]:  # noqa: F811
    """An archive of what was pulled; the image is gone from the engine again."""
    name = f"{registry}/round/trip:1"
    daemon.inside(lambda: made.upload(registry, "round/trip"))
    lines(api, "POST", "/images/create", fromImage=f"{registry}/round/trip", tag="1")
    path = tmp_path / "saved.tar"
    path.write_bytes(api.get(f"/images/{name}/get").body)
    assert api.delete(f"/images/{name}", force=1).status == 200
    yield path
    api.delete(f"/images/{name}", force=1)


def test_what_was_pulled_saved_and_loaded_is_pushed_byte_for_byte(
    daemon: LiveDaemon,  # noqa: F811
    api: Api,  # noqa: F811
    registry: str,  # noqa: F811
    made: Made,
    saved: Path,
) -> None:
    assert b"Loaded image" in api.request("POST", "/images/load", saved.read_bytes()).body
    name = f"{registry}/round/trip:1"
    shown: dict[str, Any] = api.get(f"/images/{name}/json").json
    assert shown["Descriptor"] == {"mediaType": made.type, "digest": digest(made.manifest), "size": len(made.manifest)}
    assert shown["RepoDigests"] == [f"{registry}/round/trip@{digest(made.manifest)}"]
    assert api.get(f"/images/{name}/get").body == saved.read_bytes()
    api.post(f"/images/{name}/tag", repo=f"{registry}/other/place", tag="2")
    lines(api, "POST", f"/images/{registry}/other/place/push", tag="2")
    api.delete(f"/images/{registry}/other/place:2")

    def look() -> None:
        found = _ask(registry, "GET", "/v2/other/place/manifests/2", headers={"Accept": made.type})
        assert (found.body, found.headers["Content-Type"]) == (made.manifest, made.type)
        for one, data in made.blobs.items():
            assert _ask(registry, "GET", f"/v2/other/place/blobs/{one}").body == data

    daemon.inside(look)


def test_skopeo_finds_the_same_digests_in_the_archive(
    daemon: LiveDaemon,  # noqa: F811
    registry: str,  # noqa: F811
    made: Made,
    saved: Path,
) -> None:
    if not shutil.which("skopeo"):
        pytest.skip("skopeo is not installed (apt-get install skopeo)")
    target = f"docker://{registry}/by/skopeo:3"
    command = ["skopeo", "copy", "--preserve-digests", "--dest-tls-verify=false", f"oci-archive:{saved}", target]
    done = daemon.inside(lambda: subprocess.run(command, capture_output=True, text=True, check=False))
    assert done.returncode == 0, done.stderr
    raw = ["skopeo", "inspect", "--raw", "--tls-verify=false", target]
    assert daemon.inside(lambda: subprocess.run(raw, capture_output=True, check=True)).stdout == made.manifest
