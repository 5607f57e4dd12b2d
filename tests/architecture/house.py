"""The project's tree as data: its files, their syntax trees, and who imports whom. Only reads; judges nothing."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (ROOT / "dockerkit", ROOT / "pytest_plugin" / "pytest_dockerkit")
Kind = Literal["load", "late", "type"]
"""When an import happens: with its module, when a function is called, or only for the type checker."""


@dataclass(frozen=True)
class Import:
    """One module naming another, and the line that does it."""

    source: str
    target: str
    line: int
    kind: Kind


def python_files(*roots: Path) -> list[Path]:
    """Every Python file beneath `roots`, sorted."""
    return sorted(path for root in roots for path in root.rglob("*.py") if "__pycache__" not in path.parts)


def product_files() -> list[Path]:
    """The files that are installed."""
    return python_files(*PACKAGES)


def test_files() -> list[Path]:
    """The files that judge them."""
    return python_files(ROOT / "tests")


def short(path: Path) -> str:
    """A path as a person names it: from the top of the project."""
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of one file."""
    return ast.parse(path.read_text(), str(path))


def module_name(path: Path) -> str:
    """``…/dockerkit/daemon/api/__init__.py`` → ``dockerkit.daemon.api``."""
    package = next(package for package in PACKAGES if path.is_relative_to(package))
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    return {module_name(path): path for path in product_files()}


@cache
def imports(module: str) -> tuple[Import, ...]:
    """What `module` imports, wherever in its text, relative names resolved."""
    path = modules()[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return tuple(
        Import(module, target, node.lineno, kind)
        for node, kind in _import_nodes(tree(path), "load")
        for target in _targets(node, package)
    )


def _import_nodes(node: ast.AST, kind: Kind) -> Iterator[tuple[ast.Import | ast.ImportFrom, Kind]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, kind
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            for branch in child.body:
                yield from _import_nodes(ast.Module([branch], []), "type")
            for branch in child.orelse:
                yield from _import_nodes(ast.Module([branch], []), kind)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and kind == "load":
            yield from _import_nodes(child, "late")
        else:
            yield from _import_nodes(child, kind)


def _targets(node: ast.Import | ast.ImportFrom, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        above = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*above, *([base] if base else [])])
    return [f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules() else base for alias in node.names]


def with_packages(name: str) -> list[str]:
    """A module and the packages whose ``__init__`` runs before it."""
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def chains(starts: Iterable[str], kinds: set[Kind]) -> dict[str, list[str]]:
    """Everything reached from `starts` through imports of `kinds`: name → the shortest chain that leads there.

    The top package's own late imports are its lazy public names, which nobody inside asks for: they are not followed.
    """
    found = {start: [start] for start in starts}
    waiting = deque(found)
    while waiting:
        here = waiting.popleft()
        for target in _reached_directly(here, kinds):
            if target not in found:
                found[target] = [*found[here], target]
                waiting.append(target)
    return found


def _reached_directly(module: str, kinds: set[Kind]) -> Iterator[str]:
    if module not in modules():
        return
    yield from with_packages(module)
    for one in imports(module):
        if one.kind in kinds and not (module == "dockerkit" and one.kind == "late"):
            yield from with_packages(one.target) if one.target in modules() else [one.target]
