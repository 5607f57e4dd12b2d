"""Timers: in order, once, cancelled in time, whatever one of them does."""

from __future__ import annotations

import threading

from pretendclock import PretendClock

from dockerkit.daemon.engine.timers import Timers


def test_what_is_due_is_done_in_the_order_of_its_moments():
    clock, done = PretendClock(), []
    for seconds in (3, 1, 2):
        clock.timers.after(seconds, lambda s=seconds: done.append((s, clock.now)))
    clock.pass_(2.5)
    assert done == [(1, 1001.0), (2, 1002.0)]
    clock.pass_(1)
    assert done[-1] == (3, 1003.0)


def test_what_is_cancelled_is_not_done():
    clock, done = PretendClock(), []
    timer = clock.timers.after(1, lambda: done.append("a"))
    clock.timers.after(1, lambda: done.append("b"))
    timer.cancel()
    clock.pass_(5)
    assert done == ["b"]


def test_an_action_that_fails_does_not_stop_the_others():
    clock, done = PretendClock(), []
    clock.timers.after(1, lambda: 1 / 0)
    clock.timers.after(2, lambda: done.append("still"))
    clock.pass_(5)
    assert done == ["still"]


def test_the_thread_does_what_an_earlier_timer_than_the_one_it_waits_for_asks():
    timers, done = Timers(), threading.Event()
    timers.start()
    timers.after(3600, lambda: None)
    timers.after(0.01, done.set)
    assert done.wait(20)
    timers.stop()
