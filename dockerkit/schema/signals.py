"""Signals by name or number, as Docker reads them (``SIGTERM``, ``term``, ``15``, ``RTMIN+3``). Pure: Linux's, on any host.

Source: signal(7), the numbers of x86 and arm; moby ``pkg/signal``.
"""

from __future__ import annotations

from dockerkit.errors import Invalid

_ORDER = (
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ "
    "VTALRM PROF WINCH IO PWR SYS"
)
RTMIN, RTMAX = 34, 64
_NAMES = dict(enumerate(_ORDER.split(), 1))
_NUMBERS = {
    **{name: number for number, name in _NAMES.items()},
    "IOT": 6,
    "CLD": 17,
    "POLL": 29,
    "UNUSED": 31,
    "RTMIN": RTMIN,
    "RTMAX": RTMAX,
    **{f"RTMIN+{offset}": RTMIN + offset for offset in range(1, 16)},
    **{f"RTMAX-{offset}": RTMAX - offset for offset in range(1, 15)},
}


def parse_signal(text: str) -> int:
    """Return the number of a signal given by name (any case, with or without ``SIG``) or by number.

    :raises Invalid: no such signal, in Docker's words.
    """
    word = text.strip()
    number = int(word) if word.isascii() and word.isdigit() else _NUMBERS.get(word.upper().removeprefix("SIG"), 0)
    if not 1 <= number <= RTMAX:
        raise Invalid(f"invalid signal: {text}", hint="write SIGTERM, TERM or 15")
    return number


def signal_name(number: int) -> str:
    """Return ``SIGTERM`` for 15; real-time signals as ``SIGRTMIN+3``.

    :raises Invalid: no such signal.
    """
    if number in _NAMES:
        return f"SIG{_NAMES[number]}"
    if not RTMIN <= number <= RTMAX:
        raise Invalid(f"invalid signal: {number}")
    return "SIGRTMIN" if number == RTMIN else "SIGRTMAX" if number == RTMAX else f"SIGRTMIN+{number - RTMIN}"
