"""Volumes in Docker's words: the verbs, who uses what, and what a container's mounts are.

::

    grammar      -v and --mount, read and checked; pure                                   (a container is created)
    resolving    what was said, the image and other containers → a container's points     (a container is created)
    populating   what the image has in a place is copied into a volume's first use        (a container is created)
    holding      points → what the runtime binds; mounted while they are used             (a container is started)
    keeping      which volumes there are, who has them, the drivers
    verbs        create, list, inspect, remove, prune; clone, and archives in and out

A container's mounts are :class:`~dockerkit.daemon.engine.volumes.point.Point` values in its record: they say all that a start
needs, whatever they came from. A start hands the runtime descriptors, not paths: what was checked is what is mounted.
"""
