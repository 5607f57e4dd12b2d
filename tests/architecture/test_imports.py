"""Two towers on one ground floor; inside the daemon, imports go down only; what the shim loads is the standard library."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib

import house
import pytest

GROUND = {"errors", "schema"}
LEFT = {"client", "cli", "compose", "notebook", "testing"}
RIGHT = {"daemon"}
FLOORS = (
    {"kernel", "sparing"},
    {"logs"},
    {"images", "registry", "networks", "volumes", "runtime", "state"},
    {"builder", "swarm"},
    {"engine"},
    {"api"},
    {"datarootlock", "probe"},
    {"__main__"},
)
"""From the cellar up. Rooms on one floor never import each other; the engine brings them together."""

TYPES_ONLY = {("dockerkit.errors", "dockerkit.client.completed")}
"""Imports for the type checker that point up, each on purpose: an error may carry what the client calls a result."""

STANDARD = set(sys.stdlib_module_names) | {"__future__"}


def tower(module: str) -> str:
    """ground, left, right, or top: the package's own ``__init__``, where the public names are."""
    top, _, rest = module.partition(".")
    if top == "pytest_dockerkit":
        return "left"
    room = rest.split(".")[0]
    for name, rooms in (("ground", GROUND), ("left", LEFT), ("right", RIGHT)):
        if room in rooms:
            return name
    assert not room, f"{module} is in no tower: say in tests/architecture where it belongs"
    return "top"


def floor(module: str) -> tuple[int, str]:
    """The floor of a daemon's module, and its room."""
    room = module.split(".")[2] if module.count(".") > 1 else ""
    if not room:
        return -1, room
    assert any(room in rooms for rooms in FLOORS), f"{module} is on no floor: say in tests/architecture where it belongs"
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms), room


def ours() -> list[house.Import]:
    """Imports of one module of the project by another."""
    every = (one for module in house.modules() for one in house.imports(module) if one.target in house.modules())
    return [one for one in every if (one.source, one.target) not in TYPES_ONLY]


def said(one: house.Import) -> str:
    return f"{house.short(house.modules()[one.source])}:{one.line} imports {one.target}"


MAY = {
    "ground": {"ground"},
    "left": {"ground", "left", "top"},
    "right": {"ground", "right", "top"},
    "top": {"ground", "left", "top"},
}


def test_towers_import_only_themselves_and_the_ground_floor() -> None:
    wrong = [said(one) for one in ours() if tower(one.target) not in MAY[tower(one.source)]]
    assert not wrong, "\n".join(["imports between towers:", *wrong])


@pytest.mark.parametrize(("start", "never"), [("left", "right"), ("right", "left"), ("ground", "left"), ("ground", "right")])
def test_no_chain_of_imports_leads_to_the_other_tower(start: str, never: str) -> None:
    for module in house.modules():
        if tower(module) == start:
            for reached, chain in house.chains([module], {"load", "late"}).items():
                inside = reached in house.modules()
                assert not inside or tower(reached) != never, f"the {start} tower reaches the {never}: {' -> '.join(chain)}"


PLUGIN_MAY = {"dockerkit", "dockerkit.client", "dockerkit.errors", "dockerkit.schema", "dockerkit.testing", "pytest_dockerkit"}


def room(module: str) -> str:
    """``dockerkit.testing.ledger`` → ``dockerkit.testing``; the plugin is one room."""
    parts = module.split(".")
    return parts[0] if parts[0] == "pytest_dockerkit" else ".".join(parts[:2])


def test_plugin_stands_on_testing_and_client_and_nobody_on_the_plugin() -> None:
    wrong = [
        said(one)
        for one in ours()
        if (room(one.source) == "pytest_dockerkit" and room(one.target) not in PLUGIN_MAY)
        or (room(one.source) == "dockerkit.testing" and room(one.target) not in PLUGIN_MAY - {"dockerkit", "pytest_dockerkit"})
        or (room(one.target) == "pytest_dockerkit" and room(one.source) != "pytest_dockerkit")
    ]
    assert not wrong, "\n".join(["the plugin imports testing and client; testing imports client:", *wrong])


def test_testing_does_not_know_pytest() -> None:
    testing = [name for name in house.modules() if room(name) == "dockerkit.testing"]
    pytests = {"pytest", "_pytest", "xdist"}
    known = [" -> ".join(chain) for name, chain in house.chains(testing, {"load", "late", "type"}).items() if name in pytests]
    assert testing
    assert not known, "\n".join(["dockerkit.testing is for every framework:", *known])


def test_schema_imports_nothing_that_does_input_or_output() -> None:
    doors = {"asyncio", "http", "os", "pathlib", "shutil", "socket", "subprocess", "tempfile", "threading", "urllib"}
    allowed = {"dockerkit.schema.endpoint": {"os"}}  # reads the environment's names, opens nothing
    for module in house.modules():
        if module.startswith("dockerkit.schema"):
            for one in house.imports(module):
                top = one.target.split(".")[0]
                assert top not in doors - allowed.get(module, set()), f"schema does no input or output: {said(one)}"


def test_inside_the_daemon_imports_go_down_only() -> None:
    wrong = []
    for one in ours():
        if tower(one.source) == tower(one.target) == "right":
            (from_floor, from_room), (to_floor, to_room) = floor(one.source), floor(one.target)
            if from_room != to_room and to_floor >= from_floor:
                wrong.append(said(one) + (" (a peer)" if to_floor == from_floor else " (upstairs)"))
    assert not wrong, "\n".join(["imports that do not go down:", *wrong])


SHIM = (
    "dockerkit.daemon.kernel",
    "dockerkit.daemon.logs.records",
    "dockerkit.daemon.networks.ports.proxy",
    "dockerkit.daemon.networks.ports.words",
    "dockerkit.daemon.runtime.child",
    "dockerkit.daemon.runtime.keeper",
    "dockerkit.daemon.runtime.launch",
    "dockerkit.daemon.runtime.shim",
    "dockerkit.daemon.runtime.wire",
)
"""The modules and packages of the processes that have no site-packages: the shim, its keepers, a container before its exec."""


def standard_library_only() -> list[str]:
    return [name for name in house.modules() if any(name == room or name.startswith(f"{room}.") for room in SHIM)]


def test_shim_and_kernel_reach_the_standard_library_only() -> None:
    modules = house.modules()
    wrong = [
        " -> ".join(chain)
        for reached, chain in house.chains(standard_library_only(), {"load", "late"}).items()
        if (tower(reached) not in {"right", "top"} if reached in modules else reached.split(".")[0] not in STANDARD)
    ]
    assert not wrong, "\n".join(["reached from the shim or the kernel, but not the standard library:", *wrong])


def test_shim_loads_where_no_package_is_installed() -> None:
    loaded = "; ".join(f"import {name}" for name in standard_library_only())
    tried = subprocess.run(
        [sys.executable, "-S", "-c", loaded],
        check=False,
        cwd=house.ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(house.ROOT)},
    )
    assert tried.returncode == 0, tried.stderr


def declared() -> tuple[set[str], set[str]]:
    """Import names of what the project needs always, and with its extras."""
    project = tomllib.loads((house.ROOT / "pyproject.toml").read_text())["project"]
    extras = [name for names in project["optional-dependencies"].values() for name in names]
    return tuple(
        {re.split(r"[><=~!\[; ]", name)[0].lower().replace("-", "_") for name in names}
        for names in (project["dependencies"], extras)
    )


def test_every_package_imported_is_declared() -> None:
    always, extra = declared()
    wrong = []
    for module in house.modules():
        for one in house.imports(module):
            top = one.target.split(".")[0].lower()
            brought = top == "pytest" and room(module) == "pytest_dockerkit"  # it is pytest that loads the plugin
            needed = one.kind == "load" and tower(module) != "top" and not brought
            if top not in STANDARD | {"dockerkit", "pytest_dockerkit"} | always | (set() if needed else extra):
                wrong.append(said(one))
    assert not wrong, "\n".join(["imported, but not among the dependencies in pyproject.toml:", *wrong])


HEAVY = {"IPython", "asyncio", "click", "docker", "h11", "httpcore", "httpx", "pandas", "pytest", "rich", "sqlite3"}


@pytest.mark.parametrize(("module", "may"), [("dockerkit", set()), ("dockerkit.cli.main", {"click"})])
def test_importing_is_light(module: str, may: set[str]) -> None:
    asked = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], cwd=house.ROOT, capture_output=True, text=True, check=True)
    heavy = {name.split(".")[0] for name in loaded.stdout.split()} & (HEAVY - may)
    assert not heavy, f"import {module} loads {sorted(heavy)}: import them where they are used"
