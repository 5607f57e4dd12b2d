"""The only way to Linux: system calls, mounts, namespaces, capabilities, control groups, seccomp, processes, terminals.

Every function does one act and raises :class:`OSError` with the name of the call and what it was about; none decides anything.
Standard library only, no state, nothing imported lazily: the process that forks containers imports all of it beforehand.
"""
