"""The container's first process between its birth (clone3) and its program (execve): a list of named steps, see ``steps``.

Nothing here starts a process, logs, or comes back: a step succeeds, or the process reports which one failed and ends.
"""
