"""A daemon that crashes ends no session: what a block owns is there afterwards, and goes with the block."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

import dockerkit as dk
from tests.livedaemon import LiveDaemon

pytestmark = pytest.mark.system
LONGER_THAN_PATIENCE = 7
"""Seconds; a session that nobody reclaims is closed after five."""


def test_block_keeps_its_container_through_a_crash(
    daemon_factory: Callable[..., LiveDaemon], new_root: Callable[[], str], request: pytest.FixtureRequest
) -> None:
    root = new_root()
    first = daemon_factory(root)
    first.bootstrap("busybox")
    with dk.connect(first.url) as client:
        with client.start("busybox", "sleep", "600", network="none", name="kept") as box:
            before = box.pid
            first.crash()
            second = LiveDaemon.start(root)
            request.addfinalizer(second.stop)
            with pytest.raises(dk.errors.TimedOut):
                box.wait(timeout=LONGER_THAN_PATIENCE)
            assert (box.status, box.pid) == ("running", before)
            assert box.exec("echo", "alive").stdout == "alive\n"
        assert "kept" not in client.containers


def test_program_that_died_with_the_daemon_leaves_nothing(
    daemon_factory: Callable[..., LiveDaemon], new_root: Callable[[], str], request: pytest.FixtureRequest
) -> None:
    root = new_root()
    first = daemon_factory(root)
    first.bootstrap("busybox")
    with dk.connect(first.url) as lost:
        box: Any = lost.start("busybox", "sleep", "600", network="none", name="lost").__enter__()
        first.crash()
        lost.close()  # and never comes back
    second = LiveDaemon.start(root)
    request.addfinalizer(second.stop)
    with dk.connect(second.url) as client:
        with contextlib.suppress(dk.errors.NotFound):  # it has gone already
            client.engine.call("POST", f"/containers/{box.id}/wait", query={"condition": "removed"}, timeout=30).read()
        assert client.containers.list(all=True) == []
