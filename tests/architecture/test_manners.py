"""What may not be written: swallowed errors, sleeping tests, and words that mean nothing to a reader elsewhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import house

FOREIGN = (
    r"/work/\w",
    r"/root/\.",
    r"/opt/(wheels|pypi)",
    r"/tmp/dk\b",
    r"CONTRACTS\.md",
    r"issues show",
    r"\bsession [0-9]\b",
    r"\bhelper (RUNTIME|SPEC|IMAGES|API|CLIENT|HOUSE)\b",
    r"snapshot\.debian\.org",
)
"""Names of the workplace where a text was written: nobody who clones the project has them."""

TEXT = {".py", ".md", ".toml", ".cfg", ".ipynb", ".yml", ".yaml", ".sh", ""}


FOLDERS = (".ci", "dockerkit", "docs", "notebooks", "pytest_plugin", "tests")


def texts() -> Iterator[Path]:
    """Every text file of the project."""
    below = (path for folder in FOLDERS for path in (house.ROOT / folder).rglob("*") if "__pycache__" not in path.parts)
    for path in sorted([*house.ROOT.glob("*"), *below]):
        if path.suffix in TEXT and path.is_file() and path != Path(__file__).resolve():
            yield path


def test_nothing_names_the_place_where_it_was_written() -> None:
    foreign = re.compile("|".join(FOREIGN))
    wrong = [
        f"{house.short(path)}:{number}: {found[0]}"
        for path in texts()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if (found := foreign.search(line))
    ]
    assert not wrong, "\n".join(wrong)


def handlers() -> Iterator[tuple[Path, ast.ExceptHandler]]:
    for path in [*house.product_files(), *house.test_files()]:
        for node in ast.walk(house.tree(path)):
            if isinstance(node, ast.ExceptHandler):
                yield path, node


def says_nothing(statement: ast.stmt) -> bool:
    """``pass``, ``continue``, ``...`` or a docstring in the place of an answer."""
    constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass | ast.Continue) or constant


def broad(kind: ast.expr) -> bool:
    names = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return bool({"Exception", "BaseException"} & {ast.unparse(name) for name in names})


def test_no_handler_catches_without_saying_what() -> None:
    bare = [f"{house.short(path)}:{node.lineno}" for path, node in handlers() if node.type is None]
    assert not bare, f"bare except: name the error you expect: {bare}"


def test_no_error_is_swallowed_unseen() -> None:
    swallowed = [
        f"{house.short(path)}:{node.lineno}"
        for path, node in handlers()
        if node.type is not None and broad(node.type) and all(says_nothing(statement) for statement in node.body)
    ]
    assert not swallowed, f"every error is handled, raised or logged: {swallowed}"


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    return ((node, ast.unparse(node.func)) for node in ast.walk(house.tree(path)) if isinstance(node, ast.Call))


def test_suppress_names_the_error_it_expects() -> None:
    wrong = [
        f"{house.short(path)}:{call.lineno}"
        for path in [*house.product_files(), *house.test_files()]
        for call, name in calls(path)
        if name.rpartition(".")[2] == "suppress" and any(broad(argument) for argument in call.args)
    ]
    assert not wrong, f"suppress(Exception) hides bugs: {wrong}"


def test_no_test_sleeps() -> None:
    asleep = [
        f"{house.short(path)}:{call.lineno}"
        for path in house.test_files()
        for call, name in calls(path)
        if name.rpartition(".")[2] == "sleep" and [ast.unparse(argument) for argument in call.args] != ["0"]
    ]
    assert not asleep, f"wait for an event or a descriptor instead: {asleep}"


def test_readme_names_only_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (house.ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"(?:`|^\s*|sudo )make ([a-z]+)", (house.ROOT / page).read_text(), re.MULTILINE))
        assert named, f"{page} shows no command"
        assert named <= targets, f"{page} names {sorted(named - targets)}, which the Makefile does not have"


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for page in [*house.ROOT.glob("*.md"), *(house.ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{house.short(page)}: {target}")
    assert not broken, "\n".join(broken)


PLACES = ("", "dockerkit", "dockerkit/daemon", "docs")
LATER = {"daemon/builder/", "daemon/swarm/"}
"""Rooms that pages speak of although nobody has built them yet."""


def test_pages_name_only_files_that_exist() -> None:
    gone = []
    for page in [*house.ROOT.glob("*.md"), *(house.ROOT / "docs").rglob("*.md")]:
        for named in re.findall(r"`((?:[a-z_.]+/)+[a-z_]*(?:\.[a-z]+)?)`", page.read_text()):
            if named not in LATER and not any((house.ROOT / place / named).exists() for place in PLACES):
                gone.append(f"{house.short(page)}: {named}")
    assert not gone, "\n".join(["pages name what is not there:", *gone])
