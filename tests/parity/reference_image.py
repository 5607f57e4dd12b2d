"""The image both engines are compared on: Docker Hub's busybox in outline, from the host's static busybox."""

from __future__ import annotations

import contextlib
import io
import struct
import subprocess
import tarfile
from pathlib import Path

from tests.parity.wire import Api

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PASSWD = (
    "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n"
)
GROUP = "root:x:0:\ndaemon:x:1:\nwheel:x:10:root\nusers:x:100:\nnogroup:x:65534:\n"
DIRECTORIES = {
    "bin": 0o755,
    "dev": 0o755,
    "etc": 0o755,
    "home": 0o755,
    "root": 0o700,
    "tmp": 0o1777,
    "usr": 0o755,
    "var": 0o755,
}


def static_busybox() -> str:
    """Return the path of a statically linked busybox, or nothing."""
    for path in ("/bin/busybox", "/usr/bin/busybox"):
        with contextlib.suppress(OSError):  # not here: the next candidate
            if not _has_interpreter(Path(path).read_bytes()):
                return path
    return ""


def _has_interpreter(elf: bytes) -> bool:
    """Say whether an ELF64 file names a dynamic loader (elf(5): a PT_INTERP program header)."""
    (table,) = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    return any(struct.unpack_from("<I", elf, table + index * size)[0] == 3 for index in range(count))


def rootfs_tar() -> bytes:
    """Return a root file system as tar: busybox, a hard link for each applet, users and groups."""
    program = static_busybox()
    applets = subprocess.run([program, "--list"], check=True, capture_output=True, text=True).stdout.split()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, mode in DIRECTORIES.items():
            _add(tar, name, type=tarfile.DIRTYPE, mode=mode)
        _add(tar, "bin/busybox", Path(program).read_bytes(), mode=0o755)
        for applet in sorted({*applets} - {"busybox"}):
            _add(tar, f"bin/{applet}", type=tarfile.LNKTYPE, linkname="bin/busybox", mode=0o755)
        _add(tar, "etc/passwd", PASSWD.encode())
        _add(tar, "etc/group", GROUP.encode())
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes = b"", *, mode: int = 0o644, **attributes: object) -> None:
    member = tarfile.TarInfo(name)
    member.mode, member.size = mode, len(data)
    for key, value in attributes.items():
        setattr(member, key, value)
    tar.addfile(member, io.BytesIO(data))


def load_busybox(api: Api) -> None:
    """Make ``busybox:latest`` in an engine, as ``docker import`` does."""
    answer = api.request(
        "POST",
        "/images/create?fromSrc=-&repo=busybox&tag=latest&changes=CMD%20%5B%22sh%22%5D&changes=ENV%20PATH%3D"
        + PATH.replace("/", "%2F"),
        rootfs_tar(),
        headers={"Content-Type": "application/x-tar"},
    )
    if answer.status != 200 or b'"error"' in answer.body:
        raise RuntimeError(f"busybox could not be imported: {answer.status} {answer.body!r}")
