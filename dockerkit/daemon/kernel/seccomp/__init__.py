"""Seccomp: from Docker's rules to the small program the kernel runs before every syscall of a container.

The way: ``resolution`` (rules that hold for these capabilities, this kernel and architecture, as OCI ``linux.seccomp``) →
``compiler`` (classic BPF) → ``loading`` (in the container's child, as its last act but exec). ``cache`` does the first two and
remembers the result on disk: compiling takes some milliseconds, reading a program a tenth of one.

Loading needs ``no_new_privs`` or CAP_SYS_ADMIN, and what is loaded cannot be taken off again. Errors are :class:`OSError`:
EINVAL with the word of the profile that was not understood as ``filename``. Standard library only.

Nothing is imported here: who loads a program, in a process that is small on purpose, need not hold what makes one.
"""
