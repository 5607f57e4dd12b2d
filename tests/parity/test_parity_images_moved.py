"""Images as files: save, load and import, on a real dockerd and on ours, and from each to the other, and to skopeo."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.parity.engines import Box, EngineUnderTest, alike
from tests.parity.wire import Answer, Api
from tests.unit.images.archivematerial import LAYER, config, digest, docker
from tests.unit.images.imagematerial import file, tar

TAR = {"Content-Type": "application/x-tar"}
OTHER = tar(file("other", b"12345678"))


def load(api: Api, archive: bytes, **query: Any) -> list[dict[str, Any]]:
    answer = api.request("POST", "/images/load", archive, headers=TAR, **query)
    assert answer.status == 200, answer
    return [json.loads(line) for line in answer.body.splitlines()]


def import_(api: Api, data: bytes, **query: Any) -> Answer:
    return api.request("POST", "/images/create", data, headers=TAR, fromSrc="-", **query)


def forget(api: Api, *names: str) -> None:
    for name in names:
        api.delete(f"/images/{name}", force=1)


def words(archive: bytes) -> list[dict[str, Any]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return list(json.loads(opened.extractfile("manifest.json").read()))  # type: ignore[union-attr]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_load_says_what_it_loaded(box: Box, pack: Any) -> None:
    assert load(box.api, pack(docker(LAYER, tags=["moved/a:1", "moved/a:2"]))) == [
        {"stream": "Loaded image: moved/a:1\n"},
        {"stream": "Loaded image: moved/a:2\n"},
    ]
    assert box.api.get("/images/moved/a:1/json").json["Id"] == digest(config([LAYER])), "the same id on every engine"
    forget(box.api, "moved/a:1", "moved/a:2")


def test_load_without_names(box: Box) -> None:
    id = digest(config([OTHER]))
    assert load(box.api, docker(OTHER, tags=None)) == [{"stream": f"Loaded image ID: {id}\n"}]
    forget(box.api, id)


def test_load_over_a_name(box: Box) -> None:
    load(box.api, docker(LAYER, tags=["moved/a:1"]))
    old = box.api.get("/images/moved/a:1/json").json["Id"]
    assert load(box.api, docker(OTHER, tags=["moved/a:1"])) == [
        {"stream": f"The image moved/a:1 already exists, renaming the old one with ID {old} to empty string\n"},
        {"stream": "Loaded image: moved/a:1\n"},
    ]
    forget(box.api, "moved/a:1", old)


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (b"garbage" * 1000, "invalid"),
        (b"", ""),
        (docker(LAYER, OTHER, document=config([LAYER])), "layers length mismatch: expected 2, got 1"),
        (docker(OTHER, document=config([LAYER])), f'expected "{digest(LAYER)}", got "{digest(OTHER)}"'),
        (docker(LAYER, tags=["UPPER:1"]), "must be lowercase"),
        (docker(LAYER, Config="nosuch.json"), "nosuch.json: no such file or directory"),
    ],
)
def test_what_is_wrong_with_an_archive_is_a_line_of_the_stream(box: Box, archive: bytes, said: str) -> None:
    line = load(box.api, archive)[-1]
    assert said in line["error"]
    assert line["errorDetail"]["message"] == line["error"]


def test_save_is_the_same_twice_and_says_names(box: Box) -> None:
    load(box.api, docker(LAYER, tags=["moved/a:1", "moved/a:2", "moved/b:1"]))
    first = box.api.get("/images/moved/a:1/get")
    assert (first.status, first.headers["Content-Type"]) == (200, "application/x-tar")
    assert first.body == box.api.get("/images/moved/a:1/get").body
    assert words(first.body)[0]["RepoTags"] == ["moved/a:1"]
    assert words(box.api.get("/images/moved/a/get").body)[0]["RepoTags"] == ["moved/a:1", "moved/a:2"]
    assert words(box.api.get(f"/images/{digest(config([LAYER]))}/get").body)[0]["RepoTags"] is None
    both = box.api.request("GET", "/images/get?names=moved/a:1&names=busybox").body
    assert [item["RepoTags"] for item in words(both)] == [["moved/a:1"], ["busybox:latest"]]
    forget(box.api, "moved/a:1", "moved/a:2", "moved/b:1")


def test_save_of_what_is_not_here(box: Box) -> None:
    answer = box.api.request("GET", "/images/get?names=busybox&names=nosuch")
    assert answer.status == 404
    assert answer.message.startswith("No such image: nosuch")


def test_import(box: Box) -> None:
    answer = import_(box.api, gzip.compress(LAYER), repo="moved/i", tag="1", message="by hand", changes="CMD echo")
    assert answer.status == 200
    id = answer.json["status"]
    shown = box.api.get("/images/moved/i:1/json").json
    assert (shown["Id"], shown["Comment"], shown["Size"]) == (id, "by hand", 5)
    assert shown["Config"]["Cmd"] == ["/bin/sh", "-c", "echo"]
    (line,) = box.api.get("/images/moved/i:1/history").json
    assert (line["Id"], line["Comment"], line["CreatedBy"], line["Size"]) == (id, "by hand", "", 5)
    forget(box.api, "moved/i:1")
    assert box.api.get(f"/images/{id}/json").status == 404


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({"repo": "UPPER"}, 400, "must be lowercase"),
        ({"repo": "a@sha256:" + "0" * 64}, 400, "cannot import digest reference"),
        ({"repo": "moved/x", "tag": "bad tag"}, 400, "invalid tag format"),
        ({"repo": "moved/x", "changes": "RUN x"}, 400, "run is not a valid change command"),
        ({"repo": "moved/x", "platform": "windows/amd64"}, 400, "operating system is not supported"),
    ],
)
def test_imports_that_are_refused(box: Box, query: dict[str, str], status: int, said: str) -> None:
    answer = import_(box.api, LAYER, **query)
    assert (answer.status, said in answer.message) == (status, True), answer


def test_import_of_rubbish(box: Box) -> None:
    assert import_(box.api, b"garbage" * 1000, repo="moved/x").status == 500
    assert box.api.get("/images/moved/x/json").status == 404


def test_searching_beyond_the_limits(box: Box) -> None:
    assert alike(box.api.get("/images/search", term="x", limit=200), 400, "Limit 200 is outside the range of [1, 100]")
    assert alike(box.api.get("/images/search", term="x", filters={"nosuch": ["1"]}), 400, "invalid filter 'nosuch'")


def test_a_push_of_what_is_not_here_is_said_in_the_stream(box: Box) -> None:
    answer = box.api.request("POST", "/images/nosuch/push", b"", headers={"X-Registry-Auth": "e30="})
    first, last = (json.loads(line) for line in answer.body.splitlines())
    assert first == {"status": "The push refers to repository [docker.io/library/nosuch]"}
    assert last["error"] == "An image does not exist locally with the tag: nosuch"


# from one to the other


def test_ours_is_loaded_by_dockerd_and_back_with_the_same_ids(
    reference_engine: EngineUnderTest, ours_engine: EngineUnderTest
) -> None:
    ours, theirs = ours_engine.api, reference_engine.api
    load(ours, docker(gzip.compress(LAYER), OTHER, tags=["moved/o:1"], document=config([LAYER, OTHER])))
    id, first = ours.get("/images/moved/o:1/json").json["Id"], ours.get("/images/moved/o:1/get").body
    assert load(theirs, first) == [{"stream": "Loaded image: moved/o:1\n"}]
    shown = theirs.get("/images/moved/o:1/json").json
    assert (shown["Id"], shown["RootFS"]["Layers"]) == (id, [digest(LAYER), digest(OTHER)])
    back = theirs.get("/images/moved/o:1/get").body
    forget(ours, "moved/o:1")
    load(ours, back)
    assert ours.get("/images/moved/o:1/json").json["Id"] == id
    forget(ours, "moved/o:1")
    load(ours, first)
    assert ours.get("/images/moved/o:1/get").body == first, "byte for byte"
    forget(ours, "moved/o:1")
    forget(theirs, "moved/o:1")


@pytest.fixture
def skopeo() -> str:
    """The skopeo program, or a skip."""
    found = shutil.which("skopeo")
    if found is None:
        pytest.skip("skopeo is not installed (apt-get install skopeo)")
    return found


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_skopeo_reads_what_we_save_and_we_what_it_writes(skopeo: str, ours_engine: EngineUnderTest, tmp_path: Path) -> None:
    api = ours_engine.api
    load(api, docker(gzip.compress(LAYER), OTHER, tags=["moved/s:1"], document=config([LAYER, OTHER])))
    shown = api.get("/images/moved/s:1/json").json
    saved = tmp_path / "ours.tar"
    saved.write_bytes(api.get("/images/moved/s:1/get").body)
    forget(api, "moved/s:1")
    for source in (f"docker-archive:{saved}", f"oci-archive:{saved}"):
        assert json.loads(run(skopeo, "inspect", source))["Os"] == "linux"
    for kind, name in (("oci-archive", "moved/s:2"), ("docker-archive", "moved/s:2")):
        made, keep = tmp_path / f"{kind}.tar", ["--preserve-digests"] if kind == "oci-archive" else []
        run(skopeo, "--insecure-policy", "copy", *keep, f"oci-archive:{saved}", f"{kind}:{made}:{name}")
        assert load(api, made.read_bytes()) == [{"stream": "Loaded image: moved/s:2\n"}]
        again = api.get("/images/moved/s:2/json").json
        assert again["RootFS"] == shown["RootFS"]
        if kind == "oci-archive":
            assert (again["Id"], again["Descriptor"]) == (shown["Id"], shown["Descriptor"]), "every digest survives"
        forget(api, "moved/s:2")


def test_skopeo_reads_the_store_in_place(skopeo: str, live_daemon: Any) -> None:
    inspected = run(skopeo, "inspect", f"oci:{live_daemon.root}/images:busybox:latest")
    assert json.loads(inspected)["Digest"].startswith("sha256:")
