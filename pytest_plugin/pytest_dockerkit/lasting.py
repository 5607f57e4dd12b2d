"""What outlives its fixture: which fixtures that is so for, and what they are called when the next run looks for theirs."""

from __future__ import annotations

from typing import Any

import pytest

from dockerkit.errors import Invalid
from pytest_dockerkit.fixtures import user_of

_LASTING = frozenset({"package", "session"})
"""Scopes whose things --dk-reuse leaves: those of smaller ones are expected to be new."""


def lasts(request: pytest.FixtureRequest, *, reuse: bool) -> bool:
    """Tell whether a fixture leaves what it made for the next run."""
    return reuse or (bool(request.config.getoption("--dk-reuse")) and request.scope in _LASTING)


def place_of(request: pytest.FixtureRequest) -> str:
    """Return which fixture of which project that is."""
    return f"{request.config.rootpath}::{request.node.nodeid}::{user_of(request).shown}"


def check_shared(factory: str, shared: bool, scope: Any) -> None:
    """Refuse sharing in a scope in which nothing can be shared.

    :raises Invalid: with the scope that it needs.
    """
    if shared and scope != "session":
        raise Invalid(f'{factory}(): shared=True is one for the whole run, so it needs scope="session"', hint=f"not {scope!r}")
