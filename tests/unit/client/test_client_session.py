"""The session outlives its daemon: reclaimed, or opened anew with everything it owned; and watched only while it owns."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator

import pytest
from pretendengine import ID, Answer, Asked, PretendEngine, ordinary

from dockerkit.client.client import Client
from dockerkit.client.container import Container


class Sessions:
    """Scripts the sessions of an engine: `ids` are given out in turn."""

    def __init__(self, engine: PretendEngine, *ids: str) -> None:
        self.ids = itertools.chain(ids, itertools.repeat(ids[-1]))
        self.asked: list[str] = []
        self.opened, self.owned = threading.Semaphore(0), threading.Semaphore(0)
        ordinary(engine)
        engine.on("POST", "/dockerkit/v1/sessions", self.open)
        engine.on("POST", "/dockerkit/v1/sessions/[^/]+/containers/.*", self.own)
        engine.on("GET", "/containers/[^/]+/json", {"Id": ID, "Config": {}})

    def open(self, asked: Asked) -> Answer:
        self.asked.append(asked.query)
        id = next(self.ids)

        def session(sock: socket.socket) -> None:
            sock.sendall(b'{"Id":"%s"}\n' % id.encode())
            self.opened.release()
            sock.recv(1)

        return Answer(upgrade=session)

    def own(self, asked: Asked) -> Answer:
        self.asked.append(asked.path.removeprefix("/dockerkit/v1/sessions/"))
        self.owned.release()
        return Answer(status=204)


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    """Nothing of the client's runs after its blocks."""
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "dockerkit session"]


def test_session_is_reclaimed_at_once_while_a_block_owns(engine: PretendEngine, to: Client) -> None:
    sessions = Sessions(engine, "aa", "aa")
    with Container(to, ID):
        assert sessions.opened.acquire(timeout=10)
        engine.drop_connections()
        assert sessions.opened.acquire(timeout=10), "nobody asked the client for anything meanwhile"
    assert sessions.asked[:3] == ["", f"aa/containers/{ID}", "reclaim=aa"]


def test_session_that_is_lost_is_opened_anew_and_owns_again(engine: PretendEngine, to: Client) -> None:
    sessions = Sessions(engine, "aa", "bb")
    with Container(to, ID):
        assert sessions.owned.acquire(timeout=10)
        engine.drop_connections()
        assert sessions.owned.acquire(timeout=10)
    assert sessions.asked[:3] == ["", f"aa/containers/{ID}", "reclaim=aa"]
    assert sessions.asked[-1] == f"bb/containers/{ID}"


def test_session_that_cannot_be_reclaimed_any_more(engine: PretendEngine, to: Client) -> None:
    sessions = Sessions(engine, "aa", "bb")
    with Container(to, ID):
        assert sessions.owned.acquire(timeout=10)
        no = b'{"message":"No such session: aa","class":"NotFound"}\n'

        def open(asked: Asked) -> Answer:
            return Answer(upgrade=lambda sock: sock.sendall(no)) if asked.query else sessions.open(asked)

        engine.on("POST", "/dockerkit/v1/sessions", open)
        engine.drop_connections()
        assert sessions.owned.acquire(timeout=10)
    assert sessions.asked[-1] == f"bb/containers/{ID}"


def test_session_is_reclaimed_at_the_next_use(engine: PretendEngine, to: Client) -> None:
    sessions = Sessions(engine, "aa", "aa")
    assert to.session.id() == "aa"
    engine.drop_connections()
    assert to.session.id() == "aa"
    assert sessions.asked == ["", "reclaim=aa"]


def test_two_blocks_have_one_guard(engine: PretendEngine, to: Client) -> None:
    Sessions(engine, "aa")
    with Container(to, ID), Container(to, "d" * 64):
        guards = [thread for thread in threading.enumerate() if thread.name == "dockerkit session"]
        assert len(guards) == 1


def test_closing_the_client_inside_a_block(engine: PretendEngine, to: Client) -> None:
    Sessions(engine, "aa", "bb")
    with Container(to, ID):
        to.close()
