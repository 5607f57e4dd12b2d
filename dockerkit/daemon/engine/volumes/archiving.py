"""A volume as a tar, both ways: ``backup`` and ``restore``. Bytes pass as they come; nobody holds an archive whole.

What a container writes meanwhile may be half in a backup; whoever wants a whole one stops it first. Source: ours.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable

from dockerkit.daemon.engine.archives.outgoing import Outgoing
from dockerkit.daemon.engine.volumes.keeping import Volumes
from dockerkit.daemon.images.extract import Destination, extract
from dockerkit.daemon.images.treestream import Manner, stream_entry
from dockerkit.errors import Damaged, DockerkitError, Exhausted, Failed, Invalid

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def backup(volumes: Volumes, name: str) -> Outgoing:
    """Give a tar of all that is in a volume, its own root directory first; it is mounted until the last byte was read.

    :raises NotFound: there is no such volume.
    :raises Failed: it cannot be mounted.
    """
    user = f"backup-{secrets.token_hex(8)}"
    record, root = volumes.mount(name, user)

    def release() -> None:
        os.close(root)
        volumes.drivers.unmount(record, user)

    return Outgoing(stream_entry(root, ".", ".", Manner()), release)


def restore(volumes: Volumes, name: str, chunks: Iterable[bytes]) -> None:
    """Unpack a tar, compressed or not, into a volume: what it names is replaced, the rest stays.

    :raises NotFound: there is no such volume.
    :raises Invalid: it is no tar, or leads out of the volume; what came before stays.
    :raises Exhausted: the volume is full; likewise.
    """
    user = f"restore-{secrets.token_hex(8)}"
    record, root = volumes.mount(name, user)
    try:
        extract(chunks, Destination(root, (), frozenset()), own_root=True)
    except Damaged as error:
        raise Invalid(f"restore {name}: {error.message}", hint=error.hint) from error
    except DockerkitError:
        raise
    except OSError as error:
        kind = Exhausted if error.errno in _NO_ROOM else Failed
        raise kind(f"restore {name}: {error.filename or ''}: {(error.strerror or str(error)).lower()}") from error
    finally:
        os.close(root)
        volumes.drivers.unmount(record, user)
