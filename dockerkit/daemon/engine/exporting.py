"""``export``: a container's files as one tar, without what is mounted over them."""

from __future__ import annotations

import contextlib

from dockerkit.daemon.engine.archives import views
from dockerkit.daemon.engine.archives.outgoing import Outgoing
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.images.treestream import Manner, stream_contents


def export(core: Core, entry: Entry) -> Outgoing:
    """Give a container's files, layers and its own changes, running or not; binds, ``/proc`` and the like are empty in it.

    The stream holds descriptors until it is read to its end or closed.

    :raises OSError: a layer is not there.
    """
    with contextlib.ExitStack() as kept:
        view = kept.enter_context(views.layers_only(core, entry.record))
        core.note(entry.record, Happening("export"))
        return Outgoing(stream_contents(view.root, Manner()), kept.pop_all().close)
