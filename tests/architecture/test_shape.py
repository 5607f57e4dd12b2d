"""Size, names and documentation: what keeps a file readable when nobody is looking."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path

import house

FILE_LIMIT, FILE_NOTICE = 500, 400
FUNCTION_LIMIT, FUNCTION_NOTICE = 60, 50
DOCUMENTED = 0.90
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "shared"}
Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = Function | ast.ClassDef


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(house.tree(path)) if isinstance(node, Function))


def function_length(node: Function) -> int:
    """Lines of a function, without its docstring: prose is never too long."""
    first = node.body[0]
    prose = first.end_lineno - first.lineno + 1 if ast.get_docstring(node) is not None else 0
    return node.end_lineno - node.lineno + 1 - prose


def sizes() -> Iterator[tuple[int, str, int, int]]:
    """(lines, where, limit, notice) of every file and function, tests included."""
    for path in [*house.product_files(), *house.test_files()]:
        yield len(path.read_text().splitlines()), house.short(path), FILE_LIMIT, FILE_NOTICE
        for node in functions(path):
            yield function_length(node), f"{house.short(path)}:{node.lineno} {node.name}", FUNCTION_LIMIT, FUNCTION_NOTICE


def test_no_file_and_no_function_is_too_long() -> None:
    too_long = [f"{where}: {lines} lines (limit {limit})" for lines, where, limit, _ in sizes() if lines > limit]
    assert not too_long, "\n".join(["split these by noun or by verb:", *sorted(too_long)])


def test_sizes_that_come_near_the_limit_are_reported() -> None:
    near = sorted(f"{where}: {lines}" for lines, where, limit, notice in sizes() if notice < lines <= limit)
    if near:
        warnings.warn("near the limit, in lines:\n  " + "\n  ".join(near), stacklevel=1)


def test_no_drawer_for_odds_and_ends() -> None:
    wrong = [house.short(path) for path in house.product_files() if DRAWERS & {path.stem, path.parent.name}]
    assert not wrong, f"name these after what they hold: {wrong}"


def public(node: ast.Module | ast.ClassDef) -> Iterator[Documented]:
    """The documented names of a module or class: what its reader may use."""
    for child in node.body:
        if isinstance(child, Documented) and not child.name.startswith("_") and not accessor(child):
            yield child
            if isinstance(child, ast.ClassDef):
                yield from public(child)


def accessor(node: Documented) -> bool:
    """Whether this repeats a documented name: a property's setter or deleter, or one of several overloads."""
    names = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    return bool(names & {"setter", "deleter", "overload", "override"})


def test_every_module_says_what_it_is_for() -> None:
    silent = [house.short(path) for path in house.product_files() if not ast.get_docstring(house.tree(path))]
    assert not silent, f"modules without a docstring: {silent}"


def test_public_names_are_documented() -> None:
    everything = [(path, node) for path in house.product_files() for node in public(house.tree(path))]
    silent = [f"{house.short(path)}:{node.lineno} {node.name}" for path, node in everything if not ast.get_docstring(node)]
    share = 1 - len(silent) / max(len(everything), 1)
    assert share >= DOCUMENTED, "\n".join([f"only {share:.0%} of public names are documented; silent:", *silent])
