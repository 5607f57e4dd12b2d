"""Conditions on real containers: met when they are, over at once when the container dies."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest

import dockerkit as dk
from dockerkit import ready
from tests.livedaemon import LiveDaemon

pytestmark = pytest.mark.system
SERVER = "mkdir -p /www; echo hello >/www/index.html; httpd -h /www -p 8080; exec sleep 600"


def test_line_in_the_log(up: Any) -> None:
    box = up("sh", "-c", "echo one; echo one >&2; exec sleep 600")
    assert box.wait_for(ready.log("^one$", count=2), 30) is box
    with pytest.raises(dk.errors.NotReady, match="found 2 of 3 times"):
        box.wait_for(ready.log("one", count=3), 0.2)


def test_line_that_comes_while_waiting(up: Any) -> None:
    box = up("sh", "-c", "read x; echo welcome; exec sleep 600", stdin=True)
    streams = box.attach()
    threading.Timer(0.2, streams.stdin.write, (b"\n",)).start()
    box.wait_for(ready.log("welcome$"), 30)
    streams.close()


def test_log_counts_since_the_last_start(up: Any) -> None:
    box = up("sh", "-c", "echo ready; exec sleep 600")
    box.wait_for(ready.log("ready"), 30)
    box.restart(0)
    box.wait_for(ready.log("ready"), 30)
    with pytest.raises(dk.errors.NotReady):
        box.wait_for(ready.log("ready", count=2), 0.3)


def test_port_that_is_not_published(up: Any) -> None:
    box = up("sh", "-c", SERVER)
    box.wait_for(ready.port(8080), 30)
    with pytest.raises(dk.errors.NotReady, match="it listens on 8080"):
        box.wait_for(ready.port(8081), 0.3)


def test_http(up: Any) -> None:
    box = up("sh", "-c", SERVER)
    box.wait_for(ready.http(8080), 30)
    box.wait_for(ready.http(8080, "/nothing", 404), 30)
    with pytest.raises(dk.errors.NotReady, match="it answers with status 200"):
        box.wait_for(ready.http(8080, status=204), 0.5)


def test_http_on_the_hosts_network(up: Any, live_daemon: LiveDaemon) -> None:
    box = up("sh", "-c", SERVER.replace("8080", "127.0.0.1:18088"), network="host")
    if box.engine.foreign:
        pytest.skip("its host is another network namespace")
    live_daemon.inside(lambda: box.wait_for(ready.http(18088), 30))


def test_command_inside(up: Any) -> None:
    box = up("sh", "-c", "touch /here; exec sleep 600")
    box.wait_for(ready.exec("test", "-e", "/here"), 30)
    with pytest.raises(dk.errors.NotReady, match="exit code 1"):
        box.wait_for(ready.exec("test", "-e", "/there"), 0.3)
    with pytest.raises(dk.errors.NotReady, match="did not end"):
        box.wait_for(ready.exec("sleep", "600"), 0.3)


def test_exit_code(up: Any) -> None:
    box = up("sh", "-c", "echo done; exit 3")
    box.wait_for(ready.exited(3) & ready.log("done"), 30)
    with pytest.raises(dk.errors.NotReady, match=r"exit code 3 .*exited\(0\): its exit code is 3"):
        box.wait_for(ready.exited(), 30)


def test_health(either: Any, up: Any) -> None:
    wish = either.container("busybox", "sleep", "600", network="none").healthcheck("echo so so", interval=0.3, retries=9)
    with wish.ready(ready.healthy()).start() as box:
        assert box.health == "healthy"
    with pytest.raises(dk.errors.Invalid, match="no health check"):
        up().wait_for(ready.healthy(), 30)


def test_function(box: Any) -> None:
    seen = []
    box.wait_for(lambda container: seen.append(container) or len(seen) > 2, 30)
    assert seen == [box] * 3
    with pytest.raises(dk.errors.NotReady, match="ZeroDivisionError: division by zero"):
        box.wait_for(lambda container: 1 / 0, 0.1)


def test_either_and_both(box: Any) -> None:
    no, yes = ready.exec("false"), ready.exec("true")
    box.wait_for(no | yes, 30)
    with pytest.raises(dk.errors.NotReady, match=r"exec\('false'"):
        box.wait_for(yes & no, 0.3)
    box.wait_for((lambda container: True) & yes, 30)


@pytest.mark.parametrize("condition", [ready.port(1), ready.log("never"), ready.exec("false"), lambda container: False])
def test_death_ends_the_wait_at_once(up: Any, condition: Any) -> None:
    box = up("sh", "-c", "echo first; echo last words >&2; read x; exit 7", stdin=True)
    streams = box.attach()
    threading.Timer(0.3, streams.stdin.write, (b"\n",)).start()
    begin = time.monotonic()
    with pytest.raises(dk.errors.NotReady, match="exit code 7") as caught:
        box.wait_for(condition, 100)
    assert "last words" in str(caught.value)
    assert time.monotonic() - begin < 60
    streams.close()


def test_removal_ends_the_wait(up: Any) -> None:
    box = up()
    threading.Timer(0.3, lambda: box.remove(force=True)).start()
    with pytest.raises(dk.errors.NotReady, match="exit code 137"):
        box.wait_for(ready.port(1), 100)


def test_interrupt_ends_the_wait(box: Any) -> None:
    main = threading.main_thread().ident
    assert main is not None
    for condition in (ready.port(1), ready.log("never")):
        with pytest.raises(KeyboardInterrupt):
            threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT)).start()
            box.wait_for(condition, 100)


def test_container_that_was_not_started(either: Any) -> None:
    box = either.container("busybox", "true").create()
    with pytest.raises(dk.errors.NotReady, match="has not been started"):
        box.wait_for(ready.exited(), 100)
    box.remove()


def test_start_waits_until_it_is_ready(either: Any) -> None:
    with either.start("busybox", "sh", "-c", "echo Ready; exec sleep 600", network="none", ready=ready.log("Ready")) as box:
        assert box.logs() == "Ready\n"


def test_start_that_does_not_get_ready_says_why_and_leaves_nothing(either: Any) -> None:
    wish = either.container("busybox", "sh", "-c", "echo cannot bind >&2; exit 9", network="none", name="dk-never-ready")
    with pytest.raises(dk.errors.NotReady, match="exit code 9") as caught:
        wish.ready(ready.port(80)).start()
    assert "cannot bind" in str(caught.value)
    assert "dk-never-ready" not in either.containers


def test_container_that_removes_itself(either: Any) -> None:
    wish = either.container("busybox", "sh", "-c", "exit 4", network="none", auto_remove=True)
    with pytest.raises(dk.errors.NotReady):
        wish.ready(ready.log("never")).start()
