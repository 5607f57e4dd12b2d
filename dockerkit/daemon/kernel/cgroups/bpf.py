"""bpf(2), as far as programs that decide about devices need it: load one, and have it, and no other, attached to a group.

An attached program lives as long as its group; no descriptor is kept. Knows nothing of what a program means.
Source: bpf(2); Linux ``include/uapi/linux/bpf.h`` (``union bpf_attr``, ``struct bpf_prog_info``).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from typing import Any

from dockerkit.daemon.kernel.syscalls import call

_LOAD, _ATTACH, _DETACH, _BY_ID, _INFO, _QUERY = 5, 8, 9, 13, 15, 16
_PROGRAM_OF_DEVICES, _ATTACH_TO_DEVICES = 15, 6
_MULTIPLE, _REPLACE = 2, 4
_MOST_ATTACHED = 64
_INSTRUCTION = 8
_LICENSE = b"Apache-2.0"
_TAG = slice(8, 16)
"""Where ``bpf_prog_info`` has the kernel's digest of the instructions."""
_LOG_SIZE = 1 << 16


def impose(directory: int, program: bytes) -> None:
    """Have exactly this program decide about the devices of a group, beside those of the groups above it.

    One that is there already is left as it is; another is replaced in one step, so that no moment is without.

    :param directory: descriptor of the group, not opened with ``O_PATH``.
    :raises OSError: EPERM; EINVAL or ENOSYS where the kernel has no such programs; EACCES, the verifier refused.
    """
    new = load(program)
    with contextlib.ExitStack() as opened:
        opened.callback(os.close, new)
        old = [_open(id) for id in attached(directory)]
        for descriptor in old:
            opened.callback(os.close, descriptor)
        if len(old) == 1 and _tag(old[0]) == _tag(new):
            return
        flags = _MULTIPLE | (_REPLACE if old else 0)
        _do(_ATTACH, "<5I", directory, new, _ATTACH_TO_DEVICES, flags, old[0] if old else 0)
        for descriptor in old[1:]:
            _do(_DETACH, "<3I", directory, descriptor, _ATTACH_TO_DEVICES)


def load(program: bytes) -> int:
    """Return the descriptor of a loaded program, which closes at exec.

    :raises OSError: EACCES or EINVAL with the verifier's last word, EPERM.
    """
    try:
        return _load(program, None)
    except OSError as error:
        log = ctypes.create_string_buffer(_LOG_SIZE)
        with contextlib.suppress(OSError):
            os.close(_load(program, log))
        said = [line for line in log.value.decode(errors="replace").splitlines() if not line.startswith("processed ")]
        reason = f"{error.strerror} ({said[-1]})" if said else error.strerror
        raise OSError(error.errno, reason, "bpf") from None


def attached(directory: int) -> list[int]:
    """Return the ids of the programs attached to this very group."""
    ids = (ctypes.c_uint32 * _MOST_ATTACHED)()
    answer = _do(_QUERY, "<4IQII", directory, _ATTACH_TO_DEVICES, 0, 0, ctypes.addressof(ids), _MOST_ATTACHED, 0)
    return list(ids[: struct.unpack_from("<I", answer, 24)[0]])


def _load(program: bytes, log: Any) -> int:
    code, license = ctypes.create_string_buffer(program, len(program)), ctypes.create_string_buffer(_LICENSE)
    place, level = (ctypes.addressof(log), 1) if log is not None else (0, 0)
    count = len(program) // _INSTRUCTION
    arguments = (_PROGRAM_OF_DEVICES, count, ctypes.addressof(code), ctypes.addressof(license))
    attributes = struct.pack("<IIQQIIQII", *arguments, level, _LOG_SIZE if level else 0, place, 0, 0)
    return call("bpf", _LOAD, attributes, len(attributes), about="bpf")


def _open(id: int) -> int:
    attributes = struct.pack("<3I", id, 0, 0)
    return call("bpf", _BY_ID, attributes, len(attributes), about="bpf")


def _tag(descriptor: int) -> bytes:
    info = ctypes.create_string_buffer(_TAG.stop)
    _do(_INFO, "<IIQ", descriptor, len(info), ctypes.addressof(info))
    return info.raw[_TAG]


def _do(command: int, form: str, *values: int) -> bytes:
    """Make one call; returns its attributes as the kernel left them."""
    packed = struct.pack(form, *values)
    attributes = ctypes.create_string_buffer(packed, len(packed))
    call("bpf", command, attributes, len(packed), about="bpf")
    return attributes.raw
