"""The image verbs in Docker's words, one file a group; the store is ``daemon.images``, registries are ``daemon.registry``.

:class:`.verbs.ImageVerbs` is what the API calls. Here the two rooms that must not know each other are brought together
(:mod:`.distributing`), and here it is known which containers use an image.
"""

from dockerkit.daemon.engine.images.verbs import ImageVerbs

__all__ = ["ImageVerbs"]
