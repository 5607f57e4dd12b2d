"""A registry of our own: the OCI distribution specification 1.1 over HTTP/1.1, in a process of its own (``python -m`` this).

A thread a connection (:mod:`.listener`, :mod:`.connection`), a table of routes (:mod:`.router`), one module a verb
(:mod:`.pulls`, :mod:`.pushes`, :mod:`.deletes`, :mod:`.discovery`), and a store on disk that a crash leaves readable
(:mod:`.shelves`). Never loads the engine, the image store or the API; of the client only what fetches for a mirror.
"""
