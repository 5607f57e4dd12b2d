"""A system of the distribution's packages: a base, and on top of it what a recipe adds, as trees that become layers.

What was made of the same inputs before is taken as it is, the whole image or its base. Never names an image, never decides what
belongs into it: that is :mod:`.recipe`'s; what packages that takes is :mod:`.planning`'s.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from msgspec.structs import replace

from dockerkit.daemon.images import initial
from dockerkit.daemon.images.bootstrap import database, slim
from dockerkit.daemon.images.bootstrap.bench import Bench, Job
from dockerkit.daemon.images.bootstrap.deb import Deb
from dockerkit.daemon.images.bootstrap.mirror import Mirror
from dockerkit.daemon.images.bootstrap.planning import Plan, plan
from dockerkit.daemon.images.bootstrap.recipe import File, Recipe
from dockerkit.daemon.images.bootstrap.request import Progress, Request
from dockerkit.daemon.images.bootstrap.scripts import AIDS, ENVIRONMENT, STAND_INS, script
from dockerkit.daemon.images.bootstrap.tidying import tidy
from dockerkit.daemon.images.bootstrap.treelayer import Stored, Tree, store_image, store_tree
from dockerkit.daemon.images.bootstrap.universe import Candidate
from dockerkit.daemon.images.bootstrap.unpacking import Excluded, Unpacker
from dockerkit.daemon.images.layers import Layers
from dockerkit.daemon.images.store import Store
from dockerkit.errors import Failed
from dockerkit.schema.image import Descriptor

_AHEAD = 3
"""Packages that are decompressed before their turn."""
_MERGED = {"amd64": ("bin", "sbin", "lib", "lib32", "lib64", "libx32"), "ppc64el": ("bin", "sbin", "lib", "lib64")}
_SAID = 2000


@dataclass(frozen=True, slots=True)
class Stage:
    """A layer on its way: a finished tree, or one that is in the store already.

    :param path: where its files are.
    """

    path: str
    made: Tree | Stored


@dataclass(frozen=True, slots=True)
class _Draft:
    """A tree that is not finished yet.

    :param below: the layers it grows on, topmost first.
    """

    name: str
    path: str
    below: tuple[str, ...]
    unpacker: Unpacker


class System:
    """Stages, lowest first, and the image they are to be. Its trees live as long as the room it was made in."""

    def __init__(self, made: Plan, bench: Bench, stages: Sequence[Stage], ready: Descriptor | None = None) -> None:
        self.told = made.told
        self._plan, self._bench, self._stages, self._ready = made, bench, stages, ready

    def assemble(self, store: Store, layers: Layers) -> Descriptor:
        """Store what is not stored yet and return the manifest's descriptor; it has no name yet.

        :raises Exhausted: no room.
        """
        if self._ready is not None:
            return self._ready
        done: list[Stored] = []
        for stage in self._stages:
            made = stage.made
            done.append(made if isinstance(made, Stored) else store_tree(store, layers, made, done))
        config = replace(self._plan.recipe.config, labels=self._plan.labels)
        manifest = store_image(store, done, config, self._plan.moment)
        self._bench.remember(self._plan.base_key, done[0].diff_id)
        self._bench.remember(self._plan.key, manifest.digest)
        return manifest


@contextlib.contextmanager
def build(recipe: Recipe, request: Request, bench: Bench) -> Iterator[System]:
    """Put a system together.

    :raises Unavailable: the archive cannot be reached.
    :raises Damaged: what it sent is not what its signed index vouches for.
    :raises NotFound: a package does not exist.
    :raises Failed: a package's own script failed; what it said is in the message.
    """
    mirror = request.supply.mirror(bench.cache)
    made = plan(recipe, request, mirror)
    if (known := bench.made(made.key)) is not None:
        yield System(made, bench, (), known.manifest)
        return
    with bench.room() as room:
        builder = _Builder(made, bench, mirror, request.progress, room)
        stages = [builder.base()]
        if made.extra or recipe.files or recipe.commands:
            stages.append(builder.addition(stages[0]))
        bench.cache.prune()
        yield System(made, bench, stages)


class _Builder:
    """One making."""

    def __init__(self, made: Plan, bench: Bench, mirror: Mirror, progress: Progress, room: str) -> None:
        self._plan, self._bench, self._mirror, self._say, self._room = made, bench, mirror, progress, room

    def base(self) -> Stage:
        """Return the lowest stage: that of an image made here before, else a new tree."""
        known = self._bench.based(self._plan.base_key)
        if known is not None:
            line = next(line for line in known.document.history if not line.empty_layer)
            stored = Stored(known.blobs[0], known.document.rootfs.diff_ids[0], line.created_by)
            return Stage(self._bench.lower(known)[-1], stored)
        draft = self._draft("base", (), slim.is_left_out if self._plan.recipe.slim else slim.keeps_all)
        for name in _MERGED.get(self._plan.architecture, ("bin", "sbin", "lib")):
            os.makedirs(os.path.join(draft.path, "usr", name))
            os.symlink(f"usr/{name}", os.path.join(draft.path, name))
        records = self._unpack(draft, self._plan.base)
        _write(draft, self._plan.base_files)
        draft.unpacker.link("/usr/bin/sh", "dash")
        return self._finish(draft, script(records), (), f"bootstrap {self._plan.base_title}")

    def addition(self, base: Stage) -> Stage:
        """Return the stage above: the recipe's own packages and files."""
        recipe = self._plan.recipe
        draft = self._draft("addition", (base.path,), _excluded(recipe))
        records = self._unpack(draft, self._plan.extra, recipe.without)
        _write(draft, recipe.before)
        text = script(records, recipe.accounts, recipe.commands)
        return self._finish(draft, text, recipe.files, f"bootstrap {recipe.title}: {' '.join(self._plan.wanted)}")

    def _draft(self, name: str, below: tuple[str, ...], excluded: Excluded) -> _Draft:
        path = os.path.join(self._room, name)
        os.mkdir(path, 0o755)
        return _Draft(name, path, below, Unpacker(path, below, excluded))

    def _unpack(self, draft: _Draft, candidates: Sequence[Candidate], dropped: Sequence[str] = ()) -> list[database.Record]:
        self._say({"status": f"Unpacking {len(candidates)} packages"})
        files = self._mirror.fetch(candidates, self._say)
        debs = (Deb(data, f"{c.name} {c.version} ({c.archive})") for c, data in zip(candidates, files, strict=True))
        records = [database.Record(deb.control(), draft.unpacker.unpack(data)) for deb, data in _ahead(debs)]
        database.write(draft.unpacker, records, dropped=dropped)
        self._say({"status": f"Configuring {len(records)} packages"})
        return records

    def _finish(self, draft: _Draft, text: str, files: Sequence[File], created_by: str) -> Stage:
        """Run a stage's script in it, write the files that come last, and take away what would differ tomorrow."""
        try:
            _write(draft, [File(f"{AIDS}/{name}", content, 0o755) for name, content in STAND_INS.items()])
            self._run(draft, text)
            shutil.rmtree(draft.path + AIDS)
            _write(draft, files)
            size = tidy(draft.path, draft.unpacker.union, self._plan.moment)
        finally:
            draft.unpacker.close()
        return Stage(draft.path, Tree(draft.path, created_by, size))

    def _run(self, draft: _Draft, text: str) -> None:
        points, work = (os.path.join(self._room, f"{draft.name}-{part}") for part in ("points", "work"))
        for path in (points, work):
            os.mkdir(path, 0o755)
        root = os.open(points, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            initial.fill(root, (draft.path, *draft.below))
        finally:
            os.close(root)
        environment = (*ENVIRONMENT, *self._plan.environment)
        job = Job(draft.path, (points, *draft.below), work, ("/bin/sh", "-c", text), environment)
        completed = self._bench.configure(job)
        if completed.exit_code:
            raise Failed(
                f"{self._plan.recipe.title}: configuring its packages failed ({completed.exit_code}): "
                f"{completed.output[-_SAID:].strip()}",
                hint="nothing was kept",
            )


def _write(draft: _Draft, files: Sequence[File]) -> None:
    for file in files:
        draft.unpacker.write(file.path, file.content.encode(), file.mode)


def _excluded(recipe: Recipe) -> Excluded:
    gone = re.compile("|".join(map(fnmatch.translate, recipe.gone)) or r"(?!)")
    manuals = slim.is_left_out if recipe.slim else slim.keeps_all
    return lambda path: manuals(path) or gone.match(path) is not None


def _ahead(debs: Iterator[Deb]) -> Iterator[tuple[Deb, list[bytes]]]:
    """Yield packages with their data decompressed; the next ones are decompressed in other threads meanwhile."""
    with ThreadPoolExecutor(_AHEAD - 1, thread_name_prefix="decompress") as pool:
        waiting: list[tuple[Deb, Future[list[bytes]]]] = []
        work: Callable[[Deb], Future[list[bytes]]] = lambda deb: pool.submit(deb.plain_data)  # noqa: E731
        for deb in debs:
            waiting.append((deb, work(deb)))
            if len(waiting) >= _AHEAD:
                ready, future = waiting.pop(0)
                yield ready, future.result()
        for ready, future in waiting:
            yield ready, future.result()
