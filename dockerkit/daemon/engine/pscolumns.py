"""The columns of ps: a table of what each is called, what stands above it, and how it is written. Source: ps(1), procps."""

from __future__ import annotations

import contextlib
import grp
import pwd
import time
from collections.abc import Callable
from dataclasses import dataclass

from dockerkit.daemon.engine.processfacts import PAGE, ProcessFacts

_DAY = 86400
_PTS_MAJORS = range(136, 144)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, and a process's text in it."""

    title: str
    text: Callable[[ProcessFacts], str]


def user_name(number: int) -> str:
    """Return the host's name of a user, or the number."""
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(number).pw_name
    return str(number)


def group_name(number: int) -> str:
    """Return the host's name of a group, or the number."""
    with contextlib.suppress(KeyError):
        return grp.getgrgid(number).gr_name
    return str(number)


def clock(seconds: float) -> str:
    """Return ``[days-]hh:mm:ss``."""
    days, rest = divmod(int(seconds), _DAY)
    return (f"{days}-" if days else "") + f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"


def elapsed(seconds: float) -> str:
    """Return ``[[days-]hh:]mm:ss``."""
    return clock(seconds).removeprefix("00:")


def started(facts: ProcessFacts) -> str:
    """Return the hour of a start within the last day, else its day, or its year."""
    moment = time.localtime(facts.started)
    if facts.age < _DAY:
        return time.strftime("%H:%M", moment)
    same_year = moment.tm_year == time.localtime(facts.host.time).tm_year
    return time.strftime("%b%d" if same_year else "%Y", moment)


def terminal(facts: ProcessFacts) -> str:
    """Return the controlling terminal as a path below /dev, ``?`` when there is none."""
    device = facts.number(7)
    major, minor = device >> 8 & 0xFFF, device & 0xFF | device >> 12 & 0xFFF00
    if major in _PTS_MAJORS:
        return f"pts/{minor + (major - _PTS_MAJORS.start) * 256}"
    return f"tty{minor}" if major == 4 else "?"


def state(facts: ProcessFacts) -> str:
    """Return the state with the letters that tell more of it."""
    nice, session = facts.number(19), facts.number(6)
    marks = (
        ("<", nice < 0),
        ("N", nice > 0),
        ("L", not facts.status.get("VmLck", "0").strip().startswith("0")),
        ("s", session == facts.pid),
        ("l", facts.number(20) > 1),
        ("+", facts.number(8) == facts.number(5)),
    )
    return facts.state + "".join(letter for letter, holds in marks if holds)


def command(facts: ProcessFacts) -> str:
    """Return the command line, or the name in brackets of what has none."""
    if facts.arguments:
        return " ".join(facts.arguments)
    return f"[{facts.name}] <defunct>" if facts.state == "Z" else f"[{facts.name}]"


def percent_cpu(facts: ProcessFacts) -> float:
    """Return the part of its life it computed."""
    return 100 * facts.cpu_seconds / facts.age if facts.age else 0.0


def waits_in(facts: ProcessFacts) -> str:
    """Return the kernel function it sleeps in."""
    with contextlib.suppress(OSError), open(f"/proc/{facts.pid}/wchan", encoding="ascii") as file:
        found = file.read()
        return found if found not in ("", "0") else "-"
    return "-"


def _minutes(facts: ProcessFacts) -> str:
    return f"{int(facts.cpu_seconds) // 60}:{int(facts.cpu_seconds) % 60:02}"


def _long_start(facts: ProcessFacts) -> str:
    return time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(facts.started))


def _exact_start(facts: ProcessFacts) -> str:
    return time.strftime("%H:%M:%S" if facts.age < _DAY else "%b %d", time.localtime(facts.started))


def _scheduling(facts: ProcessFacts) -> str:
    return {0: "TS", 1: "FF", 2: "RR", 3: "B", 5: "IDL", 6: "DLN"}.get(facts.number(41), "?")


def _memory(facts: ProcessFacts) -> str:
    return f"{100 * facts.number(24) * PAGE / facts.host.memory:.1f}"


_Text = Callable[[ProcessFacts], str]
_TABLE: tuple[tuple[str, str, _Text], ...] = (
    ("pid", "PID", lambda p: str(p.pid)),
    ("ppid", "PPID", lambda p: str(p.number(4))),
    ("pgid pgrp", "PGID", lambda p: str(p.number(5))),
    ("sid session", "SID", lambda p: str(p.number(6))),
    ("sess", "SESS", lambda p: str(p.number(6))),
    ("tpgid", "TPGID", lambda p: str(p.number(8))),
    ("user uname", "USER", lambda p: user_name(p.ids("Uid")[1])),
    ("euser", "EUSER", lambda p: user_name(p.ids("Uid")[1])),
    ("ruser", "RUSER", lambda p: user_name(p.ids("Uid")[0])),
    ("uid", "UID", lambda p: str(p.ids("Uid")[1])),
    ("euid", "EUID", lambda p: str(p.ids("Uid")[1])),
    ("ruid", "RUID", lambda p: str(p.ids("Uid")[0])),
    ("group", "GROUP", lambda p: group_name(p.ids("Gid")[1])),
    ("egroup", "EGROUP", lambda p: group_name(p.ids("Gid")[1])),
    ("rgroup", "RGROUP", lambda p: group_name(p.ids("Gid")[0])),
    ("gid", "GID", lambda p: str(p.ids("Gid")[1])),
    ("egid", "EGID", lambda p: str(p.ids("Gid")[1])),
    ("rgid", "RGID", lambda p: str(p.ids("Gid")[0])),
    ("args command", "COMMAND", command),
    ("cmd", "CMD", command),
    ("comm ucomm", "COMMAND", lambda p: p.name),
    ("ucmd", "CMD", lambda p: p.name),
    ("stat", "STAT", state),
    ("s state", "S", lambda p: p.state),
    ("f flag flags", "F", lambda p: format(p.number(9) >> 6 & 7, "o")),
    ("c", "C", lambda p: str(min(int(percent_cpu(p)), 99))),
    ("pcpu %cpu", "%CPU", lambda p: f"{percent_cpu(p):.1f}"),
    ("pmem %mem", "%MEM", _memory),
    ("pri", "PRI", lambda p: str(39 - p.number(18))),
    ("opri", "PRI", lambda p: str(60 + p.number(18))),
    ("ni nice", "NI", lambda p: str(p.number(19))),
    ("vsz vsize", "VSZ", lambda p: str(p.number(23) // 1024)),
    ("rss", "RSS", lambda p: str(p.number(24) * PAGE // 1024)),
    ("rsz", "RSZ", lambda p: str(p.number(24) * PAGE // 1024)),
    ("sz", "SZ", lambda p: str(p.number(23) // PAGE)),
    ("addr", "ADDR", lambda _: "-"),
    ("wchan", "WCHAN", waits_in),
    ("tty tt", "TT", terminal),
    ("tname", "TTY", terminal),
    ("time cputime", "TIME", lambda p: clock(p.cpu_seconds)),
    ("bsdtime", "TIME", _minutes),
    ("etime", "ELAPSED", lambda p: elapsed(p.age)),
    ("etimes", "ELAPSED", lambda p: str(int(p.age))),
    ("stime start_time", "STIME", started),
    ("bsdstart", "START", started),
    ("start", "STARTED", _exact_start),
    ("lstart", "STARTED", _long_start),
    ("nlwp thcount", "NLWP", lambda p: str(p.number(20))),
    ("psr", "PSR", lambda p: str(p.number(39))),
    ("cls class policy", "CLS", _scheduling),
)
COLUMNS: dict[str, Column] = {name: Column(title, text) for names, title, text in _TABLE for name in names.split()}
"""Every word of ``-o`` that is offered."""
