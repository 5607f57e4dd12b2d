"""Images on this host: content store, unpacked layers, names, and the ways a first image comes to be.

The story, with one example. ``busybox:latest`` is a descriptor in ``index.json`` that names a manifest blob; the manifest names
a config blob (its digest is the image's id) and one layer blob; the layer is unpacked once into ``layers/<chain id>/fs``; a
container's overlay is stacked on these directories and on the image's *init layer*, which holds the mount points Docker makes.

* :mod:`.store`, :mod:`.index`: the OCI image layout on disk, blobs and names.
* :mod:`.archive`, :mod:`.tree`, :mod:`.unpack`: a tar stream, possibly hostile, becomes files beneath one descriptor.
* :mod:`.layers`, :mod:`.initial`: directories that overlay can stack.
* :mod:`.image`, :mod:`.images`, :mod:`.removal`: what the engine works with.
* :mod:`.obtain`, :mod:`.reach`, :mod:`.bootstrap`: a name that is not here is looked for, or made.

Never touches containers, mounts nothing, and talks to nobody except a registry's port (to see whether it answers) and the
distribution's package mirror.
"""

from dockerkit.daemon.images.image import Image
from dockerkit.daemon.images.images import Images

__all__ = ["Image", "Images"]
