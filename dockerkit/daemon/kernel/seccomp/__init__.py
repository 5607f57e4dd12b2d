"""Seccomp: from Docker's rules to the small program the kernel runs before every syscall of a container.

The way: :func:`default_profile` or :func:`resolve_profile` (rules that hold for these capabilities, this kernel and
architecture, as OCI ``linux.seccomp``) → :func:`compile_profile` (classic BPF) → :func:`load` (in the container's child, as
its last act but exec). :func:`cached_program` does the first two and remembers the result on disk: compiling takes some
milliseconds, reading a program a tenth of one.

Loading needs ``no_new_privs`` or CAP_SYS_ADMIN, and what is loaded cannot be taken off again. Errors are :class:`OSError`:
EINVAL with the word of the profile that was not understood as ``filename``. Standard library only.
"""

from dockerkit.daemon.kernel.seccomp.cache import cached_program
from dockerkit.daemon.kernel.seccomp.compiler import compile_profile
from dockerkit.daemon.kernel.seccomp.loading import load
from dockerkit.daemon.kernel.seccomp.resolution import default_profile, resolve_profile

__all__ = ["cached_program", "compile_profile", "default_profile", "load", "resolve_profile"]
