"""Images as files: what ``save`` writes, and what ``load`` and ``import`` take in.

Current Docker writes its own archive and an OCI layout in one tar: ``blobs/sha256/…`` hold everything, ``manifest.json`` says
in Docker's words which of them are images, ``index.json`` says it in the OCI's. Older ones have ``<id>/layer.tar`` and only
Docker's words; other tools write only the OCI's. All are read as a stream, once: whatever comes is stored under its digest,
layers are unpacked as they come, and at the end the documents say what it was. Blobs stay as they were, so digests survive.

* :mod:`.cargo`: a stream becomes blobs and documents. * :mod:`.dockers`, :mod:`.layouts`: documents become images.
* :mod:`.loading`: all of it, or nothing. * :mod:`.saving`: the way out. * :mod:`.importing`: a bare tar becomes an image.
"""
