"""Docker's oldest words: ``repositories`` and a ``json`` beside each ``layer.tar``, as before Docker 1.10.

The configuration of such an image is put together from those of its layers. Source: moby ``image/tarexport`` (what it makes of
them). Reads only; the layers are in the store already.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from dockerkit.daemon.images.archives.cargo import Cargo
from dockerkit.daemon.images.archives.layouts import Found
from dockerkit.daemon.images.arriving import Intake
from dockerkit.daemon.images.documents import parse, read_config
from dockerkit.errors import Damaged
from dockerkit.schema.image import CONFIG, MANIFEST, Descriptor, Manifest
from dockerkit.schema.names import parse_reference

_DEEPEST = 1024


def found(cargo: Cargo, intake: Intake) -> list[Found]:
    """Return the images that ``repositories`` names.

    :raises Damaged: there is no such file, or it names what is not in the archive.
    """
    if "repositories" not in cargo.documents:
        raise Damaged("archive is no image archive: it holds neither manifest.json nor index.json nor repositories")
    repositories = parse(cargo.documents["repositories"], "repositories")
    if not isinstance(repositories, dict) or not all(isinstance(tags, dict) for tags in repositories.values()):
        raise Damaged("repositories is malformed: it is no list of names")
    tops: dict[str, list[str]] = {}
    for name, tags in repositories.items():
        for tag, top in tags.items():
            tops.setdefault(str(top), []).append(f"{name}:{tag}")
    return [_image(cargo, intake, top, names) for top, names in tops.items()]


def _image(cargo: Cargo, intake: Intake, top: str, names: list[str]) -> Found:
    lines = _ancestry(cargo, top)
    blobs = [cargo.blob(f"{line['id']}/layer.tar", intake) for line in lines]
    config = msgspec.json.encode(_config(lines, [_diff_id(intake, blob) for blob in blobs]))
    read_config(config, f"archive: {top[:80]}")
    manifest = Manifest(config=intake.write(config, CONFIG), layers=blobs)
    content = msgspec.json.encode(manifest)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    descriptor = Descriptor(media_type=MANIFEST, digest=digest, size=len(content))
    return Found(descriptor, manifest, tuple(parse_reference(name) for name in names), (content,))


def _ancestry(cargo: Cargo, top: str) -> list[dict[str, Any]]:
    """Return the layers' own documents, lowest first."""
    lines: list[dict[str, Any]] = []
    id = top
    while id:
        line = parse(cargo.document(f"{id}/json"), f"archive: {id[:80]}/json")
        if not isinstance(line, dict) or len(lines) > _DEEPEST:
            raise Damaged(f"archive is hostile: {id[:80]!r} is no layer, or its own ancestor")
        lines.append({**line, "id": id})
        id = str(line.get("parent") or "")
    return lines[::-1]


def _config(lines: list[dict[str, Any]], diff_ids: list[str]) -> dict[str, Any]:
    kept = ("architecture", "variant", "os", "created", "author", "config", "container_config", "docker_version")
    document = {key: lines[-1][key] for key in kept if lines[-1].get(key) is not None}
    history = [
        {
            "created": line.get("created", ""),
            "author": line.get("author", ""),
            "comment": line.get("comment", ""),
            "created_by": " ".join((line.get("container_config") or {}).get("Cmd") or ()),
        }
        for line in lines
    ]
    return {"os": "linux", **document, "rootfs": {"type": "layers", "diff_ids": diff_ids}, "history": history}


def _diff_id(intake: Intake, blob: Descriptor) -> str:
    return intake.diff_id(blob.digest)
