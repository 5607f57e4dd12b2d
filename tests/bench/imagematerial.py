"""Layers and archives to measure images with: random bytes, and trees of many small files."""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
from functools import cache

MIB = 1 << 20
NAMES = {"100 MiB, 1 layer": "bench/one:1", "100 MiB, 10 layers": "bench/ten:1", "10,000 files": "bench/tree:1"}


def layer(size: int, seed: int) -> bytes:
    """A tar with one file of random bytes."""
    return _tar([(f"data{seed}", random.Random(seed).randbytes(size))])


def tree(files: int) -> bytes:
    """A tar of many small files in a few hundred directories, as a distribution's."""
    chance = random.Random(files)
    return _tar(
        [(f"usr/share/d{number % 200}/f{number}", chance.randbytes(chance.randrange(200, 6000))) for number in range(files)]
    )


def _tar(files: list[tuple[str, bytes]]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, data in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def archive(*images: tuple[str, list[bytes]]) -> bytes:
    """Docker's archive of images, each a name and its layers."""
    files: dict[str, bytes] = {}
    manifest = []
    for name, layers in images:
        digests = [hashlib.sha256(one).hexdigest() for one in layers]
        root = {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]}
        config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": root}).encode()
        told = f"{hashlib.sha256(config).hexdigest()}.json"
        files |= {f"{digest}.tar": one for digest, one in zip(digests, layers, strict=True)} | {told: config}
        manifest.append({"Config": told, "RepoTags": [name], "Layers": [f"{digest}.tar" for digest in digests]})
    return _tar([*files.items(), ("manifest.json", json.dumps(manifest).encode())])


@cache
def material(what: str) -> bytes:
    """The archive, or for ``import`` the layer, of this name; made once."""
    if what == "import":
        return layer(100 * MIB, 50)
    if what == "import tree":
        return tree(10_001)
    layers = {
        "100 MiB, 1 layer": lambda: [layer(100 * MIB, 1)],
        "100 MiB, 10 layers": lambda: [layer(10 * MIB, seed) for seed in range(2, 12)],
        "10,000 files": lambda: [tree(10_000)],
    }
    return archive((NAMES[what], layers[what]()))


def fresh(name: str, sizes: list[int], seed: int) -> bytes:
    """The archive of an image whose layers nobody has seen, nor will see again."""
    return archive((name, [layer(size, seed * 1000 + number) for number, size in enumerate(sizes)]))


@cache
def many() -> bytes:
    """One archive of a thousand small images, ``many/i0:1`` and so on."""
    return archive(*((f"many/i{number}:1", [layer(1000, 1000 + number)]) for number in range(1000)))
