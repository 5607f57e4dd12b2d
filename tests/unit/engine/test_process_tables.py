"""``top`` without ``ps``: which columns a command line asks for, and what stands in them for processes that exist."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest

from dockerkit.daemon.engine.listening import ports_in
from dockerkit.daemon.engine.processfacts import Host, ProcessFacts
from dockerkit.daemon.engine.psarguments import columns_of
from dockerkit.daemon.engine.pscolumns import COLUMNS, clock, elapsed
from dockerkit.errors import Invalid

FULL = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
BSD_USER = ["USER", "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY", "STAT", "START", "TIME", "COMMAND"]


@pytest.mark.parametrize(
    ("arguments", "titles"),
    [
        ("-ef", FULL),
        ("-e -f", FULL),
        ("aux", BSD_USER),
        ("waux", BSD_USER),
        ("axf", ["PID", "TTY", "STAT", "TIME", "COMMAND"]),
        ("-e", ["PID", "TTY", "TIME", "CMD"]),
        ("-l", ["F", "S", "UID", "PID", "PPID", "C", "PRI", "NI", "ADDR", "SZ", "WCHAN", "TTY", "TIME", "CMD"]),
        ("-o pid,comm", ["PID", "COMMAND"]),
        ("-eopid,user", ["PID", "USER"]),
        ("-eo pid,ppid,user,etime,time,args", ["PID", "PPID", "USER", "ELAPSED", "TIME", "COMMAND"]),
        ("-o pid -o user", ["PID", "USER"]),
        ("o pid,cmd", ["PID", "CMD"]),
        ("-o pid,args=What", ["PID", "What"]),
        ("-o pid,user:20", ["PID", "USER"]),
    ],
)
def test_both_syntaxes_of_ps_choose_columns(arguments, titles):
    assert [column.title for column in columns_of(arguments)] == titles


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("bad", "unsupported option (BSD syntax): bad"),
        ("-p 1", "unsupported option: -p"),
        ("--forest", "unsupported option: --forest"),
        ("-o pid,nosuch", 'unknown user-defined format specifier "nosuch"'),
        ("-o", "format specification must follow -o"),
    ],
)
def test_what_is_not_offered_is_refused_in_the_words_of_ps(arguments, words):
    with pytest.raises(Invalid) as caught:
        columns_of(arguments)
    assert words in caught.value.message


def test_this_process_is_read_as_ps_reads_it():
    names = [
        "pid",
        "ppid",
        "pgid",
        "sid",
        "user",
        "group",
        "args",
        "comm",
        "ni",
        "vsz",
        "uid",
        "gid",
        "nlwp",
        "tty",
        "cls",
        "s",
        "lstart",
    ]
    facts = ProcessFacts.read(os.getpid(), Host.now())
    command = ["ps", "-ww", "-p", str(os.getpid())]
    for name in names:
        try:
            said = subprocess.run([*command, "-o", f"{name}="], capture_output=True, text=True, check=True).stdout.strip()
        except FileNotFoundError:
            pytest.skip("no ps here to compare with: apt-get install procps")
        if name == "s":
            assert {said, COLUMNS[name].text(facts)} <= {"S", "R"}
        elif name == "lstart":
            assert said[:16] == COLUMNS[name].text(facts)[:16]
        else:
            assert COLUMNS[name].text(facts) == said, name


def test_every_column_can_be_written_for_a_kernel_thread_or_an_init():
    host = Host.now()
    for pid in (1, os.getpid()):
        facts = ProcessFacts.read(pid, host)
        assert all(isinstance(column.text(facts), str) for column in COLUMNS.values())


def test_a_name_with_brackets_and_a_process_without_arguments_are_understood(tmp_path):
    facts = ProcessFacts(7, "a) (b", ["Z", "1", "7", "7", "0", "-1"] + ["0"] * 46, {}, [], Host(1e9, 100.0, 1))
    assert COLUMNS["args"].text(facts) == "[a) (b] <defunct>"
    assert COLUMNS["tty"].text(facts) == "?"
    assert COLUMNS["etime"].text(facts) == "01:40"


@pytest.mark.parametrize(
    ("seconds", "long", "short"),
    [(0, "00:00:00", "00:00"), (65, "00:01:05", "01:05"), (3600, "01:00:00", "01:00:00"), (90061, "1-01:01:01", "1-01:01:01")],
)
def test_spans_are_written_as_ps_writes_them(seconds, long, short):
    assert (clock(seconds), elapsed(seconds)) == (long, short)


def test_only_listening_sockets_are_ports():
    table = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0100007F:1F91 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 2
   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3
"""
    assert ports_in(table) == {8080, 80}
    assert ports_in(pathlib.Path("/proc/net/tcp").read_text()) is not None
