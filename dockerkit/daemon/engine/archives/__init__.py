"""``docker cp``: a container's files seen from outside, running or not, read and written by descriptor beneath its root.

:mod:`.views` gives the root, :mod:`.lookup` finds a path beneath it, :mod:`.verbs` are the three verbs. Nothing of a container
is ever run or loaded, and no path of it is ever resolved from the host's root.
"""

from dockerkit.daemon.engine.archives.verbs import archive, archive_stat, extract

__all__ = ["archive", "archive_stat", "extract"]
